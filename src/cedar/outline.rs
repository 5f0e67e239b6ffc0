//! The structure of policy JSON, checked before Cedar reads it: what may stand where, in the words of the format.
//!
//! Cedar's own reader takes arrays for objects, leaves out members that it does not know in some places, and tells of what
//! it expected in terms of its source. What a name or an expression means is left to Cedar. Duplicate keys, depth and size
//! were looked at before.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::expression;
use crate::error::{Error, ErrorDetail, Result, at_most, cut};
use crate::limits;

/// How errors name the input.
pub(super) const JSON: &str = "policy JSON";

const SETS_KEYS: [&str; 3] = ["staticPolicies", "templates", "templateLinks"];
const EXPECTED: &str =
    "expected a policy with `effect`, or a policy set with `staticPolicies`, `templates` and `templateLinks`";

/// A policy set in JSON, of static policies only.
pub(super) struct Outline<'a> {
    /// The policy set.
    pub source: Cow<'a, str>,
    /// The ids of its policies, in order.
    pub keys: Vec<String>,
}

/// Checks a policy set, or one policy, which is a set of one.
pub(super) fn read(source: &str) -> Result<Outline<'_>> {
    let top: &RawValue = serde_json::from_str(source).map_err(|error| invalid(error.to_string()))?;
    let members = match kind(top.get()) {
        "an object" => members(top)?,
        "a string" => {
            let advice = "pass the JSON itself, not a string that contains it; use `cedar_raw` for Cedar text";
            return Err(invalid(format!("found a string, {EXPECTED}: {advice}")));
        }
        kind => return Err(invalid(format!("found {kind}, {EXPECTED}"))),
    };
    let member = |name: &str| members.iter().find(|(key, _)| key == name).map(|(_, value)| &**value);
    if member("effect").is_some() && !SETS_KEYS.iter().any(|key| member(key).is_some()) {
        statement("policy0", top)?;
        let whole = format!(r#"{{"staticPolicies":{{"policy0":{source}}},"templates":{{}},"templateLinks":[]}}"#);
        return Ok(Outline { source: Cow::Owned(whole), keys: vec!["policy0".to_owned()] });
    }
    if let Some((key, _)) = members.iter().find(|(key, _)| !SETS_KEYS.contains(&key.as_str())) {
        return Err(invalid(format!("unknown member `{}`, {EXPECTED}", cut(key))));
    }
    let required = |name: &str, expected: &'static str| {
        let value = member(name).ok_or_else(|| invalid(format!("`{name}` is missing, {EXPECTED}")))?;
        match kind(value.get()) {
            kind if kind == expected => Ok(value),
            kind => Err(invalid(format!("`{name}` is {kind}, expected {expected}"))),
        }
    };
    let policies = self::members(required("staticPolicies", "an object")?)?;
    let templates = self::members(required("templates", "an object")?)?;
    let links: Vec<&RawValue> = serde_json::from_str(required("templateLinks", "an array")?.get())
        .map_err(|error| invalid(error.to_string()))?;
    if let Some((id, _)) = templates.first() {
        return Err(ErrorDetail::Template { id: cut(id) }.into());
    }
    if !links.is_empty() {
        return Err(ErrorDetail::TemplateLinks { count: links.len() }.into());
    }
    if policies.is_empty() {
        return Err(ErrorDetail::EmptyPolicy.into());
    }
    at_most("statements of the policy", policies.len(), limits::POLICY_STATEMENTS)?;
    policies.iter().try_for_each(|(key, policy)| statement(key, policy))?;
    Ok(Outline { source: Cow::Borrowed(source), keys: policies.into_iter().map(|(key, _)| key).collect() })
}

/// The policies of a policy set that [`read`] has passed, each with its JSON.
pub(super) fn policies(set: &str) -> Result<Vec<(String, String)>> {
    let top: &RawValue = serde_json::from_str(set).map_err(|error| invalid(error.to_string()))?;
    let found = members(top)?.into_iter().find(|(key, _)| key == "staticPolicies");
    let policies = found.map(|(_, policies)| members(policies)).transpose()?.unwrap_or_default();
    Ok(policies.into_iter().map(|(key, policy)| (key, policy.get().to_owned())).collect())
}

fn statement(key: &str, policy: &RawValue) -> Result<()> {
    let value: Value = serde_json::from_str(policy.get()).map_err(|error| invalid(error.to_string()))?;
    check(&value).map_err(|problem| problem.of(key))
}

/// Checks the JSON of one static policy.
pub(super) fn check(policy: &Value) -> Result<(), Problem> {
    const MEMBERS: [&str; 6] = ["effect", "principal", "action", "resource", "conditions", "annotations"];
    let top = Path::TOP;
    if policy.is_string() {
        return Err(top.wrong(format!("is a string, expected an object with {}: {AS_TEXT}", listed(&MEMBERS))));
    }
    let policy = Object::at(&top, policy, &MEMBERS[..5], &MEMBERS[5..])?;
    policy.one_of("effect", &["permit", "forbid"])?;
    for variable in ["principal", "action", "resource"] {
        scope(&policy.path(variable), policy.get(variable), variable == "action")?;
    }
    let path = policy.path("conditions");
    let clauses = path.array(policy.get("conditions"), "clauses")?;
    if clauses.len() > limits::CEDAR_HEIGHT {
        // Cedar joins them into one expression, as high as there are clauses.
        return Err(Problem::Clauses(clauses.len()));
    }
    for (number, clause) in clauses.iter().enumerate() {
        let path = path.index(number);
        let clause = Object::at(&path, clause, &["kind", "body"], &[])?;
        clause.one_of("kind", &["when", "unless"])?;
        expression::check(&clause.path("body"), clause.get("body"), 0)?;
    }
    if let Some(annotations) = policy.find("annotations") {
        let path = policy.path("annotations");
        let annotations = annotations.as_object().ok_or_else(|| path.expected("an object of strings", annotations))?;
        if let Some((name, value)) = annotations.iter().find(|(_, value)| !value.is_string() && !value.is_null()) {
            return Err(path.member(name).expected("a string", value));
        }
    }
    Ok(())
}

const AS_TEXT: &str = "use `cedar_raw` for Cedar text";

fn scope(path: &Path<'_>, value: &Value, is_action: bool) -> Result<(), Problem> {
    const OPERATORS: [&str; 4] = ["All", "==", "in", "is"];
    let members = value.as_object().ok_or_else(|| path.expected("an object with `op`", value))?;
    let op = members.get("op").ok_or_else(|| path.wrong("lacks `op`".to_owned()))?;
    if members.contains_key("slot") && !members.contains_key("entity") {
        return Err(Problem::Template);
    }
    let exact = |required: &[&str], optional: &[&str]| Object::at(path, value, required, optional);
    match op.as_str() {
        Some("All" | "all") => exact(&["op"], &[]).map(drop),
        Some("in") if is_action && members.contains_key("entities") => {
            let object = exact(&["op", "entities"], &[])?;
            let path = object.path("entities");
            let entities = path.array(object.get("entities"), "entities")?.iter().enumerate();
            entities.into_iter().try_for_each(|(number, entity)| self::entity(&path.index(number), entity))
        }
        Some("==" | "in") => {
            let object = exact(&["op", "entity"], &[])?;
            entity(&object.path("entity"), object.get("entity"))
        }
        Some("is") if !is_action => {
            let object = exact(&["op", "entity_type"], &["in"])?;
            object.string("entity_type")?;
            let Some(within) = object.find("in").filter(|within| !within.is_null()) else { return Ok(()) };
            let path = object.path("in");
            if within.get("slot").is_some() && within.get("entity").is_none() {
                return Err(Problem::Template);
            }
            let object = Object::at(&path, within, &["entity"], &[])?;
            entity(&object.path("entity"), object.get("entity"))
        }
        _ => Err(path.member("op").one_of(op, if is_action { &OPERATORS[..3] } else { &OPERATORS })),
    }
}

/// An entity in either of its forms.
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

/// What is wrong with the JSON of a policy.
#[derive(Debug)]
pub(super) enum Problem {
    /// It is not what the format asks for.
    Wrong(String),
    /// It has slots.
    Template,
    /// It has so many clauses, which are over the limit.
    Clauses(usize),
    /// How many `has` lie within one another, which is over the limit.
    Has(usize),
}

impl Problem {
    /// As the error of a policy that was given under an id.
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

/// Where in a policy.
#[derive(Clone, Copy)]
pub(super) enum Path<'a> {
    Top,
    Member(&'a Path<'a>, &'a str),
    Index(&'a Path<'a>, usize),
}

impl<'a> Path<'a> {
    const TOP: Self = Self::Top;

    pub(super) fn member(&'a self, name: &'a str) -> Path<'a> {
        Path::Member(self, name)
    }

    pub(super) fn index(&'a self, number: usize) -> Path<'a> {
        Path::Index(self, number)
    }

    /// A problem here; `message` goes on after the place.
    pub(super) fn wrong(&self, message: String) -> Problem {
        match self {
            Self::Top => Problem::Wrong(message),
            _ => Problem::Wrong(format!("at `{}` {message}", cut(&self.to_string()))),
        }
    }

    pub(super) fn expected(&self, expected: &str, found: &Value) -> Problem {
        self.wrong(format!("is {}, expected {expected}", described(found)))
    }

    fn one_of(&self, found: &Value, expected: &[&str]) -> Problem {
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

/// An object with the members that it must have, and no others than it may have.
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

    /// A member that it must have.
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

/// A value as errors tell of it.
fn described(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::String(text) => format!("`{}`", cut(text)),
        Value::Bool(_) | Value::Number(_) => format!("`{value}`"),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

pub(super) fn either(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ")
}

/// What kind of value JSON holds.
fn kind(json: &str) -> &'static str {
    match json.trim_start().bytes().next() {
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    }
}

pub(super) fn invalid(message: String) -> Error {
    ErrorDetail::Json { what: JSON, message }.into()
}

/// The members of an object, in order.
fn members(object: &RawValue) -> Result<Vec<(String, &RawValue)>> {
    struct Members;

    impl<'de> Visitor<'de> for Members {
        type Value = Vec<(String, &'de RawValue)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some(member) = entries.next_entry()? {
                members.push(member);
            }
            Ok(members)
        }
    }

    let mut deserializer = serde_json::Deserializer::from_str(object.get());
    deserializer.deserialize_map(Members).map_err(|error| invalid(error.to_string()))
}
