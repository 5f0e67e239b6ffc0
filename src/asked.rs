//! What a call was asked to do, as a hash: so that a request that comes again under its id can be told from another one
//! that has taken the same id.
//!
//! The hash is of operation, input, demands and actor, in this order; never of what the store generates. It is kept on
//! disk: docs/format.md describes the bytes.

use crate::demand::Demand;
use crate::hash::EntryHash;
use crate::id::{Actor, OwnerType};
use crate::model::{Form, SchemaStatus, Target, TargetType};

/// What a call was asked to do, as far as it was told yet.
pub(crate) struct Asked(blake3::Hasher);

impl Asked {
    /// Of one operation, by its name in the API.
    pub(crate) fn to(operation: &'static str) -> Self {
        Self(blake3::Hasher::new()).text(operation)
    }

    pub(crate) fn text(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    /// The length first, so that no two inputs run into each other.
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

    /// A version's number, or none.
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

    pub(crate) fn form(self, form: Form) -> Self {
        self.number(match form {
            Form::Cedar => 0,
            Form::Json => 1,
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

    /// The hash of all that was asked.
    pub(crate) fn by(self, actor: &Actor, demands: &[Demand]) -> EntryHash {
        let asked = demands.iter().fold(self, |asked, demand| demand.add_to(asked));
        let owner = match actor.owner_type() {
            OwnerType::Platform => 0,
            OwnerType::Customer => 1,
        };
        EntryHash(*asked.text("actor").number(owner).text(actor.id()).0.finalize().as_bytes())
    }
}
