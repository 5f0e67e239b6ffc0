//! Statements, as receipts name them.

use serde::{Deserialize, Serialize};

use crate::types::id::{PolicyId, PolicyVersionId};

/// The part of a decision that a statement belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// The version that the authorizer decides by: the one bound to the target, or the one requested by its id.
    #[default]
    Target,
    /// The zone's guardrail.
    Guardrail,
}

text_enum!(Layer, "layer", { Target => "target", Guardrail => "guardrail" });

impl Layer {
    fn is_target(&self) -> bool {
        *self == Self::Target
    }
}

/// One statement of a pinned policy version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StatementRef {
    /// The layer of the statement. Left out of JSON for the target layer.
    #[serde(default, skip_serializing_if = "Layer::is_target")]
    pub layer: Layer,
    /// The policy.
    pub policy_id: PolicyId,
    /// The version of the policy.
    pub policy_version_id: PolicyVersionId,
    /// The index of the statement in the version's text, counted from 0.
    pub statement: u32,
}

impl std::fmt::Display for StatementRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let layer = if self.layer.is_target() { "" } else { " in the guardrail" };
        write!(f, "statement {} of `{}` of `{}`{layer}", self.statement, self.policy_version_id, self.policy_id)
    }
}
