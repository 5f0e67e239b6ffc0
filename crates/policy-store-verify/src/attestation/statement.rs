//! The statement of an attestation, and its canonical text, the payload. Does not know signatures.

use serde::ser::{Serialize, SerializeStruct, Serializer};
use serde::{Deserialize, Serialize as DeriveSerialize};

use super::error::{FormError, Part, VerificationError};
use super::members::Members;
use crate::types::error::{Error, Result, cut};
use crate::types::hash::Sha256;
use crate::types::id::{PolicySetId, ZoneId, check_text};
use crate::types::limits;
use crate::types::time::Timestamp;

const TYPE: &str = "policy_set_attestation";
const VERSION: u32 = 1;

/// The members in the order of RFC 8785.
const MEMBERS: [&str; 10] = [
    "attested_at",
    "attested_by",
    "key_id",
    "manifest_sha",
    "policy_set_id",
    "policy_set_version",
    "status",
    "type",
    "v",
    "zone_id",
];

/// The statement of an attestation. It serializes as the payload, with `type` and `v`.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The time of the attestation.
    pub attested_at: Timestamp,
    /// The id of the attesting actor.
    pub attested_by: String,
    /// The id of the signing key, as in the header.
    pub key_id: String,
    /// The SHA-256 of the policy set version's manifest.
    pub manifest_sha: Sha256,
    /// The policy set.
    pub policy_set_id: PolicySetId,
    /// The number of the policy set version.
    pub policy_set_version: u32,
    /// The reason for the attestation.
    pub status: Status,
    /// The zone.
    pub zone_id: ZoneId,
}

/// The reason for an attestation.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, DeriveSerialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The policy set version was created.
    Created,
    /// The same policy set version was signed again, with a new key.
    ReSigned,
}

text_enum!(Status, "attestation status", { Created => "created", ReSigned => "re_signed" });

impl Serialize for Statement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_struct("Statement", MEMBERS.len())?;
        members.serialize_field("attested_at", &self.attested_at)?;
        members.serialize_field("attested_by", &self.attested_by)?;
        members.serialize_field("key_id", &self.key_id)?;
        members.serialize_field("manifest_sha", &self.manifest_sha)?;
        members.serialize_field("policy_set_id", &self.policy_set_id)?;
        members.serialize_field("policy_set_version", &self.policy_set_version)?;
        members.serialize_field("status", &self.status)?;
        members.serialize_field("type", TYPE)?;
        members.serialize_field("v", &VERSION)?;
        members.serialize_field("zone_id", &self.zone_id)?;
        members.end()
    }
}

impl Statement {
    /// The payload. Refuses a statement that breaks a rule.
    pub(crate) fn encode(&self) -> Result<String> {
        self.check().map_err(|(_, error)| error)?;
        super::canonical(self).map_err(|error| Error::Json { what: "statement", message: error.to_string() })
    }

    /// Reads the payload of [`encode`](Self::encode) and refuses any other.
    pub(crate) fn decode(payload: &str) -> Result<Self, VerificationError> {
        let members = Members::read(payload).map_err(VerificationError::of(Part::Payload))?;
        let of_type: String = members.get("type").map_err(VerificationError::of(Part::Payload))?;
        let version: u64 = members.get("v").map_err(VerificationError::of(Part::Payload))?;
        if of_type != TYPE {
            return Err(VerificationError::StatementType { found: cut(&of_type) });
        }
        if version != u64::from(VERSION) {
            return Err(VerificationError::StatementVersion { found: version });
        }
        let statement = Self::from_members(&members).map_err(VerificationError::of(Part::Payload))?;
        if statement.encode().is_ok_and(|again| again == payload) {
            Ok(statement)
        } else {
            Err(VerificationError::Malformed { part: Part::Payload, problem: FormError::NotCanonical })
        }
    }

    fn from_members(members: &Members<'_>) -> Result<Self, FormError> {
        members.exactly(&MEMBERS)?;
        let statement = Self {
            attested_at: members.get("attested_at")?,
            attested_by: members.get("attested_by")?,
            key_id: members.get("key_id")?,
            manifest_sha: members.get("manifest_sha")?,
            policy_set_id: members.get("policy_set_id")?,
            policy_set_version: members.get("policy_set_version")?,
            status: members.get("status")?,
            zone_id: members.get("zone_id")?,
        };
        match statement.check() {
            Ok(()) => Ok(statement),
            Err((name, error)) => Err(FormError::InvalidMember { name, message: error.to_string() }),
        }
    }

    /// Checks the texts that are not ids. An error has the name of the member.
    fn check(&self) -> Result<(), (&'static str, Error)> {
        check_text("actor id", &self.attested_by, limits::ACTOR_ID_BYTES).map_err(|error| ("attested_by", error))?;
        check_text("key id", &self.key_id, limits::KEY_ID_BYTES).map_err(|error| ("key_id", error))
    }
}
