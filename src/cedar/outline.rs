//! Checks the structure of policy JSON before Cedar reads it, with errors in the words of the format.
//!
//! Cedar's own reader accepts arrays in place of objects, skips unknown members in some places, and names its Rust
//! types in errors. Does not check names or expressions for meaning. The caller has checked size, depth and duplicate
//! keys.

use std::borrow::Cow;

use serde_json::Value;
use serde_json::value::RawValue;

use super::expression;
use super::shape::{Object, Path, Problem, entity, invalid, listed};
use crate::types::error::{ErrorDetail, Result, at_most, cut};
use crate::types::{json, limits};

const SETS_KEYS: [&str; 3] = ["staticPolicies", "templates", "templateLinks"];
const EXPECTED: &str =
    "expected a policy with `effect`, or a policy set with `staticPolicies`, `templates` and `templateLinks`";

/// A policy set in JSON, of static policies only.
pub(super) struct Outline<'a> {
    /// The JSON of the policy set.
    pub source: Cow<'a, str>,
    /// The ids of the policies, in order.
    pub keys: Vec<String>,
}

/// Checks a policy set, or one policy. The outline of one policy is a set of one.
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

/// The policies of a policy set that [`read`] has accepted, each with its JSON.
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
        // Cedar joins the clauses into one expression, with a height of their number.
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

/// The kind of a JSON value, in the words of error messages.
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

/// The members of an object, in order.
fn members(object: &RawValue) -> Result<Vec<(String, &RawValue)>> {
    let object: json::Object<'_> = serde_json::from_str(object.get()).map_err(|error| invalid(error.to_string()))?;
    Ok(object.members)
}
