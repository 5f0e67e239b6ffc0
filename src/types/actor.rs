//! Actors: who writes, and who manages what was written.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};
use wincode::{SchemaRead, SchemaWrite};

use super::error::{Error, Result};
use super::id::check_text;
use super::limits;

/// Who manages a resource: whoever's kind of actor made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, SchemaRead, SchemaWrite)]
#[cfg_attr(test, derive(bincode::Encode, bincode::Decode))]
#[serde(rename_all = "snake_case")]
pub enum OwnerType {
    /// The platform; only platform actors may change the resource.
    Platform,
    /// The tenant.
    Customer,
}

text_enum!(OwnerType, "owner type", { Platform => "platform", Customer => "customer" });

/// Who writes. The store keeps the id as given and knows nothing of users; better a pseudonym than an e-mail address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, SchemaRead, SchemaWrite)]
#[cfg_attr(test, derive(bincode::Encode, bincode::Decode))]
#[serde(try_from = "GivenActor")]
pub struct Actor {
    owner_type: OwnerType,
    id: String,
}

/// An actor as JSON gives it, its id still unchecked.
#[derive(Deserialize)]
struct GivenActor {
    owner_type: OwnerType,
    id: String,
}

impl TryFrom<GivenActor> for Actor {
    type Error = Error;

    fn try_from(given: GivenActor) -> Result<Self> {
        Self::new(given.owner_type, given.id)
    }
}

impl Actor {
    /// An actor of the tenant. `id`: 1 to 256 bytes of UTF-8 without control characters.
    pub fn customer(id: impl Into<String>) -> Result<Self> {
        Self::new(OwnerType::Customer, id.into())
    }

    /// An actor of the platform: what it makes, only platform actors may change. `id`: 1 to 256 bytes of UTF-8
    /// without control characters.
    pub fn platform(id: impl Into<String>) -> Result<Self> {
        Self::new(OwnerType::Platform, id.into())
    }

    fn new(owner_type: OwnerType, id: String) -> Result<Self> {
        let actor = Self { owner_type, id };
        actor.check().map(|()| actor)
    }

    /// Checks the rules that a new actor keeps: what is read from disk may break them.
    pub(crate) fn check(&self) -> Result<()> {
        check_text("actor id", &self.id, limits::ACTOR_ID_BYTES)
    }

    /// The kind of actor, and so the owner of what it makes.
    pub fn owner_type(&self) -> OwnerType {
        self.owner_type
    }

    /// The id as given.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)
    }
}

/// Serialises an actor as its id: Keycard's client expects a string in `created_by` and its like.
pub(crate) fn as_id<S: Serializer>(actor: &Actor, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&actor.id)
}

/// The same for an actor that may be missing.
pub(crate) fn as_id_or_none<S: Serializer>(actor: &Option<Actor>, serializer: S) -> Result<S::Ok, S::Error> {
    actor.as_ref().map(Actor::id).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actors_take_any_short_text_without_control_characters() {
        assert_eq!(Actor::customer("zoë@example").unwrap().owner_type(), OwnerType::Customer);
        assert_eq!(Actor::platform("x".repeat(256)).unwrap().owner_type(), OwnerType::Platform);
        for (bad, code) in [("", "invalid_input"), ("a\nb", "invalid_input"), ("a\u{85}", "invalid_input")] {
            assert_eq!(Actor::customer(bad).unwrap_err().code(), code);
        }
        assert_eq!(Actor::customer("x".repeat(257)).unwrap_err().code(), "too_large");
        let json = serde_json::to_string(&Actor::customer("zoë").unwrap()).unwrap();
        assert_eq!(serde_json::from_str::<Actor>(&json).unwrap().id(), "zoë");
        assert!(serde_json::from_str::<Actor>(&json.replace("zoë", "")).is_err());
        assert!(serde_json::from_str::<Actor>(&json.replace("zoë", "a\\nb")).is_err());
    }
}
