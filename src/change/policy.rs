//! The change of one pinned policy between two versions of a policy set.

use std::cmp::Ordering;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::statement::{StatementChange, changes};
use crate::types::error::Result;
use crate::types::hash::Sha256;
use crate::types::id::{PolicyId, PolicyVersionId};

/// A policy version on one side of a change.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedVersion {
    /// Its number.
    pub version: u32,
    /// Its id; none for a version that a plan creates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_version_id: Option<PolicyVersionId>,
    /// The SHA-256 of its text.
    pub sha: Sha256,
}

/// A policy that two versions of a policy set pin differently.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyChange {
    /// The policy; none for a policy that a plan creates with a generated id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_id: Option<PolicyId>,
    /// Its name.
    pub name: String,
    /// The version before; none if the policy was not pinned.
    pub from: Option<ChangedVersion>,
    /// The version after; none if the policy is no longer pinned.
    pub to: Option<ChangedVersion>,
    /// The changes of its statements. Empty if only layout, comments or the order of statements changed.
    pub statements: Vec<StatementChange>,
}

impl PolicyChange {
    /// The change between two versions with their texts.
    pub(crate) fn new(
        policy_id: Option<PolicyId>,
        name: impl Into<String>,
        from: Option<(ChangedVersion, Arc<str>)>,
        to: Option<(ChangedVersion, Arc<str>)>,
    ) -> Result<Self> {
        let text = |side: &Option<(ChangedVersion, Arc<str>)>| side.as_ref().map(|(_, text)| text.clone());
        let is_same = from.as_ref().zip(to.as_ref()).is_some_and(|((from, _), (to, _))| from.sha == to.sha);
        let statements = if is_same { Vec::new() } else { changes(text(&from).as_deref(), text(&to).as_deref())? };
        let version = |side: Option<(ChangedVersion, Arc<str>)>| side.map(|(version, _)| version);
        Ok(Self { policy_id, name: name.into(), from: version(from), to: version(to), statements })
    }

    /// The order by name, then by id.
    pub(crate) fn by_name(&self, other: &Self) -> Ordering {
        (&self.name, &self.policy_id).cmp(&(&other.name, &other.policy_id))
    }
}
