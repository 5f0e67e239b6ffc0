//! The inputs of a plan, and all that its parts read while it is made.

use std::sync::Arc;

use super::desired::DesiredPolicySet;
use super::given_schema::GivenSchema;
use super::prepared::Prepared;
use crate::engine::validation::Validation;
use crate::resource::zone::ZoneReader;
use crate::types::actor::Actor;
use crate::types::target::{BindingMode, Target};

/// The inputs of a plan.
#[derive(Clone, Copy)]
pub(crate) struct Inputs<'a> {
    pub actor: &'a Actor,
    pub target: &'a Target,
    pub mode: BindingMode,
    pub desired: &'a DesiredPolicySet,
    pub prepared: &'a Arc<Prepared>,
}

/// A plan that is being made.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub zone: ZoneReader<'a>,
    pub validation: &'a Validation<'a>,
    pub inputs: Inputs<'a>,
    /// The schema version to publish.
    pub given: Option<&'a GivenSchema>,
}
