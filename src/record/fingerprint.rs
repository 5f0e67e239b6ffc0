//! The fingerprint of a call. A repeated call has the same fingerprint; another call with the same idempotency key has
//! another one.
//!
//! It is the hash of operation, input, preconditions, rationale and actor, in this order, and of nothing that the store generates.
//! The store keeps it on disk: docs/format.md describes the bytes.

use crate::types::actor::{Actor, OwnerType};
use crate::types::origin::Origin;
use crate::types::rationale::Rationale;
use crate::types::schema::SchemaStatus;
use crate::types::syntax::Syntax;
use crate::types::target::{Target, TargetType};

/// The hash of a policy version's source, as fingerprints have it.
pub(crate) fn of_source(source: &str) -> [u8; 32] {
    *blake3::hash(source.as_bytes()).as_bytes()
}

/// A fingerprint under construction.
pub(crate) struct Fingerprint(blake3::Hasher);

impl Fingerprint {
    /// The fingerprint of an operation, named as in the API.
    pub(crate) fn of(operation: &'static str) -> Self {
        Self(blake3::Hasher::new()).text(operation)
    }

    pub(crate) fn text(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    /// Adds the length before the bytes, so that different sequences of inputs never hash alike.
    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.update(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
        self.0.update(bytes);
        self
    }

    pub(crate) fn number(self, number: u64) -> Self {
        self.bytes(&number.to_be_bytes())
    }

    pub(crate) fn option(self, text: Option<&str>) -> Self {
        match text {
            None => self.number(0),
            Some(text) => self.number(1).text(text),
        }
    }

    /// Adds a version number or none.
    pub(crate) fn version(self, version: Option<u32>) -> Self {
        match version {
            None => self.number(0),
            Some(version) => self.number(1).number(version.into()),
        }
    }

    pub(crate) fn target(self, target: &Target) -> Self {
        match target {
            Target::Zone => self.option(None),
            Target::User(id) => self.option(Some(id)),
        }
    }

    pub(crate) fn syntax(self, syntax: Syntax) -> Self {
        self.number(match syntax {
            Syntax::Cedar => 0,
            Syntax::Json => 1,
        })
    }

    pub(crate) fn status(self, status: SchemaStatus) -> Self {
        self.number(match status {
            SchemaStatus::Active => 0,
            SchemaStatus::Deprecated => 1,
            SchemaStatus::Archived => 2,
        })
    }

    pub(crate) fn target_type(self, target_type: TargetType) -> Self {
        self.number(match target_type {
            TargetType::Zone => 0,
            TargetType::User => 1,
        })
    }

    /// Adds why the call is made, if that was stated.
    pub(crate) fn rationale(self, rationale: Option<&Rationale>) -> Self {
        match rationale {
            None => self,
            Some(rationale) => self.text("rationale").option(rationale.reason()).option(rationale.reference()),
        }
    }

    /// Adds the policy that a new policy is copied from, if any.
    pub(crate) fn origin(self, origin: Option<&Origin>) -> Self {
        match origin {
            None => self,
            Some(Origin { zone_id, log_id, policy_id, version, .. }) => {
                let fingerprint = self.text("origin").text(zone_id.as_str()).bytes(&log_id.0);
                fingerprint.text(policy_id.as_str()).version(*version)
            }
        }
    }

    /// Adds the actor and returns the hash.
    pub(crate) fn by(self, actor: &Actor) -> [u8; 32] {
        let owner = match actor.owner_type() {
            OwnerType::Platform => 0,
            OwnerType::Customer => 1,
        };
        *self.text("actor").number(owner).text(actor.id()).0.finalize().as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::policy_set_version::{NewPolicySetVersion, Pin};
    use crate::rules::precondition::Precondition;
    use crate::types::hash::Sha256;
    use crate::types::hash::hex;

    /// Computed by a Python program from docs/format.md.
    #[test]
    fn the_hash_of_a_request_is_pinned() {
        let pin = |policy: &str, version: &str, sha| Pin {
            policy_id: policy.to_owned(),
            policy_version_id: version.to_owned(),
            sha,
        };
        let pins = [pin("p", "v1", None), pin("q", "v2", Some(Sha256([0xab; 32])))];
        let preconditions = [
            Precondition::policy_set_revision("s", 300),
            Precondition::latest_policy_version("p", Some(7)),
            Precondition::latest_policy_set_version("s", None),
            Precondition::active_version(Target::User("zoë".to_owned()), None),
        ];
        let fingerprint = NewPolicySetVersion::from_pins("2026-02-24", pins).fingerprint("s");
        let fingerprint =
            preconditions.iter().fold(fingerprint, |fingerprint, precondition| precondition.add_to(fingerprint));
        let hash = fingerprint.by(&Actor::customer("alice").unwrap());
        assert_eq!(hex::encode(&hash), "ac7a16c80ce8f485c631dd8b0d6addf682c0c3fd1021939566188765db042123");
    }

    #[test]
    fn the_numbers_of_enums_are_those_of_the_bodies() {
        let hash = |fingerprint: Fingerprint| fingerprint.by(&Actor::platform("ops").unwrap());
        let number = |n| hash(Fingerprint::of("x").number(n));
        for (fingerprint, n) in [
            (Fingerprint::of("x").syntax(Syntax::Cedar), 0),
            (Fingerprint::of("x").syntax(Syntax::Json), 1),
            (Fingerprint::of("x").status(SchemaStatus::Active), 0),
            (Fingerprint::of("x").status(SchemaStatus::Deprecated), 1),
            (Fingerprint::of("x").status(SchemaStatus::Archived), 2),
            (Fingerprint::of("x").target_type(TargetType::Zone), 0),
            (Fingerprint::of("x").target_type(TargetType::User), 1),
            (Fingerprint::of("x").target(&Target::Zone), 0),
        ] {
            assert_eq!(hash(fingerprint), number(n));
        }
    }
}
