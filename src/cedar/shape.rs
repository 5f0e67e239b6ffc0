//! Required and optional members of the objects in policy JSON, and the problems in them, each with its path.

use std::fmt;

use serde_json::Value;

use crate::types::error::{Error, ErrorDetail, cut};
use crate::types::limits;

/// The name of the input in errors.
pub(super) const JSON: &str = "policy JSON";

/// Checks an entity, with or without `__entity`.
pub(super) fn entity(path: &Path<'_>, value: &Value) -> Result<(), Problem> {
    let type_and_id = |path: &Path<'_>, value: &Value| {
        let object = Object::at(path, value, &["type", "id"], &[])?;
        object.string("type")?;
        object.string("id")
    };
    if value.get("__entity").is_none() {
        return type_and_id(path, value);
    }
    let object = Object::at(path, value, &["__entity"], &[])?;
    type_and_id(&object.path("__entity"), object.get("__entity"))
}

/// A problem in the JSON of a policy.
#[derive(Debug)]
pub(super) enum Problem {
    /// The JSON departs from the format.
    Wrong(String),
    /// The policy has slots.
    Template,
    /// The number of clauses, which is over the limit.
    Clauses(usize),
    /// The depth of nested `has`, which is over the limit.
    Has(usize),
}

impl Problem {
    /// The error for the policy with the id `key`.
    pub(super) fn of(self, key: &str) -> Error {
        match self {
            Self::Clauses(actual) => {
                ErrorDetail::TooLarge { what: "clauses of a statement", limit: limits::CEDAR_HEIGHT, actual }.into()
            }
            Self::Wrong(message) => invalid(format!("statement `{}` {message}", cut(key))),
            Self::Template => ErrorDetail::Template { id: cut(key) }.into(),
            Self::Has(_) => {
                let limit = limits::JSON_REREAD_DEPTH;
                invalid(format!("statement `{}` nests `has` deeper than {limit} levels", cut(key)))
            }
        }
    }
}

/// A place in the JSON of a policy.
#[derive(Clone, Copy)]
pub(super) enum Path<'a> {
    Top,
    Member(&'a Path<'a>, &'a str),
    Index(&'a Path<'a>, usize),
}

impl<'a> Path<'a> {
    pub(super) const TOP: Self = Self::Top;

    pub(super) fn member(&'a self, name: &'a str) -> Path<'a> {
        Path::Member(self, name)
    }

    pub(super) fn index(&'a self, number: usize) -> Path<'a> {
        Path::Index(self, number)
    }

    /// A problem at this place. `message` follows the place in the sentence.
    pub(super) fn wrong(&self, message: String) -> Problem {
        match self {
            Self::Top => Problem::Wrong(message),
            _ => Problem::Wrong(format!("at `{}` {message}", cut(&self.to_string()))),
        }
    }

    pub(super) fn expected(&self, expected: &str, found: &Value) -> Problem {
        self.wrong(format!("is {}, expected {expected}", described(found)))
    }

    pub(super) fn one_of(&self, found: &Value, expected: &[&str]) -> Problem {
        self.wrong(format!("is {}, expected {}", described(found), either(expected)))
    }

    pub(super) fn array<'v>(&self, value: &'v Value, of: &str) -> Result<&'v Vec<Value>, Problem> {
        value.as_array().ok_or_else(|| self.expected(&format!("an array of {of}"), value))
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parent = match self {
            Self::Top => return Ok(()),
            Self::Member(parent, _) | Self::Index(parent, _) => parent,
        };
        if !matches!(parent, Self::Top) {
            write!(f, "{parent}/")?;
        }
        match self {
            Self::Member(_, name) => f.write_str(name),
            Self::Index(_, number) => write!(f, "{number}"),
            Self::Top => Ok(()),
        }
    }
}

/// An object with all required members and no unknown member.
pub(super) struct Object<'a> {
    path: &'a Path<'a>,
    value: &'a Value,
}

impl<'a> Object<'a> {
    pub(super) fn at(
        path: &'a Path<'a>,
        value: &'a Value,
        required: &[&str],
        optional: &[&str],
    ) -> Result<Self, Problem> {
        let expected = || format!("an object with {}", listed(required));
        let members = value.as_object().ok_or_else(|| path.expected(&expected(), value))?;
        if let Some(missing) = required.iter().find(|name| !members.contains_key(**name)) {
            return Err(path.wrong(format!("lacks `{missing}`, expected {}", expected())));
        }
        let known = |name: &str| required.contains(&name) || optional.contains(&name);
        if let Some(name) = members.keys().find(|name| !known(name)) {
            return Err(path.wrong(format!("has `{}`, expected {}", cut(name), expected())));
        }
        Ok(Self { path, value })
    }

    pub(super) fn path<'n>(&'n self, name: &'n str) -> Path<'n> {
        Path::Member(self.path, name)
    }

    pub(super) fn find(&self, name: &str) -> Option<&'a Value> {
        self.value.get(name)
    }

    /// A required member.
    pub(super) fn get(&self, name: &str) -> &'a Value {
        self.find(name).unwrap_or(&Value::Null)
    }

    pub(super) fn string(&self, name: &str) -> Result<(), Problem> {
        let value = self.get(name);
        if value.is_string() { Ok(()) } else { Err(self.path(name).expected("a string", value)) }
    }

    pub(super) fn one_of(&self, name: &str, expected: &[&str]) -> Result<(), Problem> {
        let value = self.get(name);
        let known = value.as_str().is_some_and(|value| expected.contains(&value));
        if known { Ok(()) } else { Err(self.path(name).one_of(value, expected)) }
    }
}

/// A value in the words of error messages.
fn described(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::String(text) => format!("`{}`", cut(text)),
        Value::Bool(_) | Value::Number(_) => format!("`{value}`"),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

pub(super) fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

pub(super) fn either(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ")
}

pub(super) fn invalid(message: String) -> Error {
    ErrorDetail::Json { what: JSON, message }.into()
}
