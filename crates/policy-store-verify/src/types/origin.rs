//! The policy that another policy was copied from.

use serde::{Deserialize, Serialize};

use super::id::{LogId, PolicyId, ZoneId};

/// The policy that another one was copied from, possibly in another zone or another store. The log's id tells zones with
/// one name apart: of two stores, or before and after an erasure.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "judge"), derive(bincode::Encode, bincode::Decode))]
pub struct Origin {
    /// The zone of the original.
    pub zone_id: ZoneId,
    /// The id of that zone's log.
    pub log_id: LogId,
    /// The original.
    pub policy_id: PolicyId,
    /// The version of the original whose text the copy started from.
    pub version: Option<u32>,
}

impl Origin {
    /// A policy as an origin.
    #[must_use]
    pub fn new(zone_id: ZoneId, log_id: LogId, policy_id: PolicyId) -> Self {
        Self { zone_id, log_id, policy_id, version: None }
    }

    /// The same, with the number of the version that was copied.
    #[must_use]
    pub fn version(self, version: u32) -> Self {
        Self { version: Some(version), ..self }
    }
}
