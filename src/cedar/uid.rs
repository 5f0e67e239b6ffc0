//! The entity uid input of a request: text, a pair of type and id, or Cedar's own uid. Each passes the gate.
//!
//! Does not check that a schema has the type.

use std::borrow::Cow;

use cedar_policy::{EntityId, EntityTypeName, EntityUid};

use super::gate;
use crate::types::error::{ErrorDetail, Result, at_most, cut};
use crate::types::limits;

/// An entity uid: text in Cedar's syntax (`User::"alice"`), a pair of type and id, or Cedar's [`EntityUid`].
///
/// A pair takes the id as it is, with quotes and control characters. Text must escape them.
///
/// ```
/// use policy_store::UidInput;
///
/// let id = String::from("it's \"me\"");
/// let [_, _, _]: [UidInput<'_>; 3] = [r#"User::"alice""#.into(), ("User", &id).into(), ("Org::User", "alice").into()];
/// ```
#[derive(Clone, Debug)]
pub struct UidInput<'a>(Given<'a>);

#[derive(Clone, Debug)]
enum Given<'a> {
    Text(Cow<'a, str>),
    Pair(Cow<'a, str>, Cow<'a, str>),
    Uid(Cow<'a, EntityUid>),
}

from_text!(UidInput: &'a str, String, &'a String, Cow<'a, str>);

impl<'a, T: Into<Cow<'a, str>>, I: Into<Cow<'a, str>>> From<(T, I)> for UidInput<'a> {
    fn from((entity_type, id): (T, I)) -> Self {
        Self(Given::Pair(entity_type.into(), id.into()))
    }
}

impl From<EntityUid> for UidInput<'_> {
    fn from(uid: EntityUid) -> Self {
        Self(Given::Uid(Cow::Owned(uid)))
    }
}

impl<'a> From<&'a EntityUid> for UidInput<'a> {
    fn from(uid: &'a EntityUid) -> Self {
        Self(Given::Uid(Cow::Borrowed(uid)))
    }
}

impl<'a> From<&'a UidInput<'_>> for UidInput<'a> {
    fn from(UidInput(given): &'a UidInput<'_>) -> Self {
        Self(match given {
            Given::Text(text) => Given::Text(Cow::Borrowed(text)),
            Given::Pair(entity_type, id) => Given::Pair(Cow::Borrowed(entity_type), Cow::Borrowed(id)),
            Given::Uid(uid) => Given::Uid(Cow::Borrowed(uid)),
        })
    }
}

impl UidInput<'_> {
    /// Checks the input before Cedar reads it. `what` names it in errors.
    pub(super) fn gate(&self, what: &'static str) -> Result<()> {
        match &self.0 {
            Given::Text(text) => gate::uid_text(what, text),
            Given::Pair(entity_type, id) => {
                at_most(
                    "bytes of an entity uid",
                    entity_type.len().saturating_add(id.len()),
                    limits::ENTITY_UID_BYTES,
                )?;
                gate::uid_text(what, entity_type)
            }
            Given::Uid(uid) => {
                let bytes = uid.type_name().to_string().len().saturating_add(uid.id().unescaped().len());
                at_most("bytes of an entity uid", bytes, limits::ENTITY_UID_BYTES)
            }
        }
    }

    /// The uid. Call [`gate`](Self::gate) first.
    pub(super) fn read(self, what: &'static str) -> Result<EntityUid> {
        match self.0 {
            Given::Uid(uid) => Ok(uid.into_owned()),
            Given::Pair(entity_type, id) => {
                let name: EntityTypeName = entity_type.parse().map_err(|_| {
                    let shown = cut(&entity_type);
                    refused(
                        what,
                        format!("`{shown}` is not an entity type, expected a name such as `User` or `Org::User`"),
                    )
                })?;
                Ok(EntityUid::from_type_name_and_id(name, EntityId::new(id)))
            }
            Given::Text(text) => text.parse().map_err(|_| {
                refused(
                    what,
                    format!(
                        "`{}` is not an entity uid, expected `Type::\"id\"`; pass an id with quotes, backslashes or control \
                         characters as type and id, `(type, id)`",
                        cut(&text)
                    ),
                )
            }),
        }
    }
}

fn refused(what: &'static str, message: String) -> crate::types::error::Error {
    ErrorDetail::Request { what, message }.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::ParsedSchema;
    use super::*;
    use crate::types::syntax::Syntax;

    fn uid<'a>(given: impl Into<UidInput<'a>>) -> Result<EntityUid> {
        let given = given.into();
        given.gate("principal")?;
        given.read("principal")
    }

    #[test]
    fn a_uid_may_be_text_or_type_and_id_or_cedars_own() {
        let expected: EntityUid = r#"Org::User::"al\"ice""#.parse().unwrap();
        let (entity_type, id) = (String::from("Org::User"), String::from("al\"ice"));
        assert_eq!(uid(r#"Org::User::"al\"ice""#).unwrap(), expected);
        assert_eq!(uid(String::from(r#"Org::User::"al\"ice""#)).unwrap(), expected);
        let text = expected.to_string();
        assert_eq!(uid(&text).unwrap(), expected);
        assert_eq!(uid((&entity_type, &id)).unwrap(), expected);
        assert_eq!(uid((entity_type.as_str(), id.clone())).unwrap(), expected);
        assert_eq!(uid(("Org::User", "al\"ice")).unwrap(), expected);
        assert_eq!(uid(&expected).unwrap(), expected);
        let pair = UidInput::from((entity_type, id));
        assert_eq!(uid(&pair).unwrap(), uid(pair.clone()).unwrap());
        assert_eq!(uid(pair).unwrap(), expected);
        assert_eq!(uid(expected.clone()).unwrap(), expected);
    }

    #[test]
    fn what_is_no_uid_is_echoed_with_the_form_that_is_expected() {
        let long = "é".repeat(1_000);
        for (wrong, shown) in [
            ("", "``"),
            ("alice", "`alice`"),
            ("User::alice", "`User::alice`"),
            ("User::\"al\"ice\"", "`User::\"al\"ice\"`"),
            ("User::\"it\\'s\\q\"", "`User::\"it\\'s\\q\"`"),
            (long.as_str(), "é…`"),
        ] {
            let error = uid(wrong).unwrap_err();
            let message = error.to_string();
            assert_eq!(error.code(), "request", "{message}");
            assert!(message.contains(shown) && message.contains("expected `Type::\"id\"`"), "{message}");
            assert!(message.contains("`(type, id)`") && message.len() < 500, "{message}");
        }
        for wrong in ["", "a b", "User::", "::User", "\"User\"", "User::\"a\"", "if"] {
            let error = uid((wrong, "a")).unwrap_err();
            assert!(error.to_string().contains(&format!("`{wrong}` is not an entity type")), "{error}");
        }
    }

    #[test]
    fn every_form_passes_the_gate() {
        let bytes = limits::ENTITY_UID_BYTES;
        let code = |read: Result<EntityUid>| read.map_or_else(|error| error.code(), |_| "ok");
        assert_eq!(code(uid(("U", "x".repeat(bytes - 1)))), "ok");
        assert_eq!(code(uid(("U", "x".repeat(bytes)))), "too_large");
        assert_eq!(code(uid(("U".repeat(bytes + 1), ""))), "too_large");
        let own =
            |bytes: usize| EntityUid::from_type_name_and_id("U".parse().unwrap(), EntityId::new("x".repeat(bytes)));
        assert_eq!(code(uid(own(bytes - 1))), "ok");
        assert_eq!(code(uid(own(bytes))), "too_large");
        for deep in ["(".repeat(65), "[".repeat(10_000)] {
            assert_eq!(code(uid((deep.as_str(), "a"))), "too_deep");
        }
        // A type name of many parts is flat to Cedar.
        assert_eq!(code(uid(("N::".repeat(10_000) + "U", "a"))), "ok");
    }

    proptest! {
        #[test]
        fn type_and_id_take_any_id(id in any::<String>()) {
            let schema = ParsedSchema::parse(
                Syntax::Cedar,
                "entity U; action a appliesTo { principal: U, resource: U };",
            ).unwrap();
            let request = schema.request(("U", &id), ("Action", "a"), ("U", &id), "{}").unwrap();
            prop_assert_eq!(request.principal().unwrap().id().unescaped(), id.as_str());
            let own = request.resource().unwrap().clone();
            let again = schema.request(&own, ("Action", "a"), own.to_string(), "{}").unwrap();
            prop_assert_eq!(again.resource(), Some(&own));
        }
    }
}
