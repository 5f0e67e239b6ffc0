//! The members of a JSON object, without duplicates. A reader can require an exact set of members.
//!
//! serde's derive would be enough for valid input. But its errors are prose only, and it reads a missing member as
//! `null`. Does not know the meaning of members.

use std::collections::BTreeMap;

use serde::de::Deserialize;
use serde_json::value::RawValue;

use super::error::FormError;
use crate::types::error::cut;
use crate::types::json::Object;

/// The members of one object, with values as raw JSON.
pub(super) struct Members<'t>(BTreeMap<String, &'t RawValue>);

impl<'t> Members<'t> {
    /// Reads an object. Refuses a duplicate member.
    pub(super) fn read(text: &'t str) -> Result<Self, FormError> {
        let Object { members, duplicate } =
            serde_json::from_str(text).map_err(|error| FormError::Json { message: error.to_string() })?;
        match duplicate {
            Some(name) => Err(FormError::DuplicateMember { name: cut(&name) }),
            None => Ok(Self(members.into_iter().collect())),
        }
    }

    /// Refuses a member that is not in `names`, and then a missing one.
    pub(super) fn exactly(&self, names: &[&'static str]) -> Result<(), FormError> {
        if let Some(name) = self.0.keys().find(|name| !names.contains(&name.as_str())) {
            return Err(FormError::UnknownMember { name: cut(name) });
        }
        match names.iter().find(|name| !self.0.contains_key(**name)) {
            Some(name) => Err(FormError::MissingMember { name }),
            None => Ok(()),
        }
    }

    /// Whether the object has the member.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A required member.
    pub(super) fn get<T: Deserialize<'t>>(&self, name: &'static str) -> Result<T, FormError> {
        self.find(name)?.ok_or(FormError::MissingMember { name })
    }

    /// An optional member.
    pub(super) fn find<T: Deserialize<'t>>(&self, name: &'static str) -> Result<Option<T>, FormError> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        let read = serde_json::from_str(value.get());
        read.map(Some).map_err(|error| FormError::InvalidMember { name, message: cut(&error.to_string()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> Option<FormError> {
        Members::read(text).and_then(|members| members.exactly(&["a", "b"])).err()
    }

    #[test]
    fn every_member_is_there_once_and_known() {
        assert_eq!(problem(r#"{"b": null, "a": {"x": [1]}}"#), None);
        for twice in [r#"{"a":1,"b":2,"a":1}"#, r#"{"a":1,"b":2,"\u0061":1}"#] {
            assert_eq!(problem(twice), Some(FormError::DuplicateMember { name: "a".to_owned() }), "{twice}");
        }
        assert_eq!(problem(r#"{"a":1,"b":2,"c":3}"#), Some(FormError::UnknownMember { name: "c".to_owned() }));
        assert_eq!(problem(r#"{"a":1}"#), Some(FormError::MissingMember { name: "b" }));
        for other in ["", "[]", "null", r#"{"a":1,"b":2} x"#, r#"{"a":1,"b":2"#, r#"{"a":01,"b":2}"#] {
            assert!(matches!(problem(other), Some(FormError::Json { .. })), "{other}");
        }
    }

    #[test]
    fn a_null_is_there_and_a_missing_member_is_not() {
        let members = Members::read(r#"{"a":null,"b":"x"}"#).unwrap();
        assert_eq!(members.get::<Option<u32>>("a"), Ok(None));
        assert_eq!(members.get::<Option<u32>>("c"), Err(FormError::MissingMember { name: "c" }));
        assert_eq!(members.find::<u32>("c"), Ok(None));
        assert!(matches!(members.find::<u32>("b"), Err(FormError::InvalidMember { name: "b", .. })));
    }

    #[test]
    fn deep_values_and_long_names_cost_neither_stack_nor_a_long_error() {
        let deep = format!(r#"{{"a":{}{},"b":1}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(problem(&deep), None);
        let long = format!(r#"{{"{}":1}}"#, "n".repeat(10_000));
        assert!(problem(&long).unwrap().to_string().len() < 200);
    }
}
