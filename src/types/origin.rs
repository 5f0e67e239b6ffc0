//! The policy that another policy was copied from.

use serde::{Deserialize, Serialize};

use super::id::{PolicyId, ZoneId};

/// The policy that another one was copied from, possibly in another zone or another store.
///
/// ```
/// use policy_store::{NewPolicy, Origin};
/// let new = NewPolicy::named("staff").copied_from(Origin::new("acme".parse()?, "staff".parse()?).version(3));
/// # Ok::<(), policy_store::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(bincode::Encode, bincode::Decode))]
pub struct Origin {
    /// The zone of the original.
    pub zone_id: ZoneId,
    /// The original.
    pub policy_id: PolicyId,
    /// The version of the original whose text the copy started from.
    pub version: Option<u32>,
}

impl Origin {
    /// A policy as an origin.
    #[must_use]
    pub fn new(zone_id: ZoneId, policy_id: PolicyId) -> Self {
        Self { zone_id, policy_id, version: None }
    }

    /// The same, with the number of the version that was copied.
    #[must_use]
    pub fn version(self, version: u32) -> Self {
        Self { version: Some(version), ..self }
    }
}
