//! Actors, the authors of writes, and the owner types of resources. Does not decide permissions.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use super::error::{Error, Result};
use super::id::check_text;
use super::limits;

/// The kind of an actor, and the owner of the resources that the actor creates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "judge"), derive(bincode::Encode, bincode::Decode))]
#[serde(rename_all = "snake_case")]
pub enum OwnerType {
    /// The platform. Only platform actors may change its resources.
    Platform,
    /// The tenant.
    Customer,
}

text_enum!(OwnerType, "owner type", { Platform => "platform", Customer => "customer" });

/// The author of a write. The store keeps the id as given and for ever, so a pseudonym is better than an e-mail
/// address.
///
/// ```
/// use policy_store_verify::{Actor, OwnerType};
/// let actor = Actor::customer("ann")?;
/// assert_eq!((actor.owner_type(), actor.id()), (OwnerType::Customer, "ann"));
/// # Ok::<(), policy_store_verify::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "judge"), derive(bincode::Encode, bincode::Decode))]
#[serde(try_from = "GivenActor")]
pub struct Actor {
    owner_type: OwnerType,
    id: String,
}

/// An actor in JSON, with its id unchecked.
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
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::Error::InvalidInput) or [`TooLarge`](crate::Error::TooLarge) for another id.
    pub fn customer(id: impl Into<String>) -> Result<Self> {
        Self::new(OwnerType::Customer, id.into())
    }

    /// An actor of the platform. Only platform actors may change the resources that it creates. `id`: 1 to 256 bytes of
    /// UTF-8 without control characters.
    ///
    /// # Errors
    ///
    /// As [`customer`](Self::customer).
    pub fn platform(id: impl Into<String>) -> Result<Self> {
        Self::new(OwnerType::Platform, id.into())
    }

    /// An actor of a kind.
    ///
    /// # Errors
    ///
    /// As [`customer`](Self::customer).
    pub fn new(owner_type: OwnerType, id: String) -> Result<Self> {
        check_text("actor id", &id, limits::ACTOR_ID_BYTES)?;
        Ok(Self { owner_type, id })
    }

    /// The kind of actor, and the owner of the resources that it creates.
    #[must_use]
    pub fn owner_type(&self) -> OwnerType {
        self.owner_type
    }

    /// The id as given.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)
    }
}

/// Serializes an actor as its id. Keycard's client expects a string in `created_by` and similar fields.
pub fn as_id<S: Serializer>(actor: &Actor, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&actor.id)
}

/// As [`as_id`], for an optional actor.
pub fn as_id_or_none<S: Serializer>(actor: &Option<Actor>, serializer: S) -> Result<S::Ok, S::Error> {
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
