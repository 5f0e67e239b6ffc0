//! Rewrites attributes and tags so that they read alike with and without a schema: references with `__entity` and
//! values of extensions with `__extn`, as the schema declares.
//!
//! A declared record stays a record. A value without a declaration stays as it is, but an object that could be a
//! reference or a record is refused: read wrongly, a `forbid` that compares it would silently not apply. Does not check
//! values against types.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::described::{Described, Type};
use crate::types::error::{ErrorDetail, Result, cut};
use crate::types::limits;

/// The levels of JSON that rewriting can add to a value: a call with two arguments, each of them a call.
pub(super) const GROWTH: usize = 3 * limits::JSON_REREAD_DEPTH;

/// Rewrites the attributes and tags of one entity. `uid` names it in errors.
pub(super) fn rewrite(described: &Described, entity_type: &str, uid: &str, entity: &mut Value) -> Result<()> {
    let mut rewriter = Rewriter { described, uid, kind: "attribute", path: Vec::new() };
    for (key, kind) in [("attrs", "attribute"), ("tags", "tag")] {
        rewriter.kind = kind;
        for (name, value) in entity.get_mut(key).and_then(Value::as_object_mut).into_iter().flatten() {
            let of = match key {
                "attrs" => described.attribute(entity_type, name),
                _ => described.tag(entity_type),
            };
            rewriter.within(name, value, of)?;
        }
    }
    Ok(())
}

/// Whether an object can be a reference without `__entity`: the strings `type` and `id` only.
fn is_short_reference(members: &Map<String, Value>) -> bool {
    members.len() == 2 && ["type", "id"].iter().all(|key| members.get(*key).is_some_and(Value::is_string))
}

/// Whether an object can be a call without `__extn`: a function and its arguments only.
fn is_short_call(members: &Map<String, Value>) -> bool {
    let arguments = members.contains_key("arg") || members.get("args").is_some_and(Value::is_array);
    members.len() == 2 && arguments && members.get("fn").is_some_and(Value::is_string)
}

fn is_escape(members: &Map<String, Value>) -> bool {
    members.len() == 1 && ["__entity", "__extn", "__expr"].iter().any(|key| members.contains_key(*key))
}

/// The types of a function's arguments that are values of extensions, by the functions that make them from strings.
fn arguments(function: &str) -> &'static [Type] {
    const DATE: Type = Type::Extension("datetime");
    const TIME: Type = Type::Extension("duration");
    match function {
        "offset" => &[DATE, TIME],
        "durationSince" => &[DATE, DATE],
        "toDate" | "toTime" => &[DATE],
        _ => &[],
    }
}

struct Rewriter<'a> {
    described: &'a Described,
    uid: &'a str,
    /// The word `attribute` or `tag`, for errors.
    kind: &'static str,
    /// The names and indexes of the path to the value.
    path: Vec<String>,
}

impl Rewriter<'_> {
    fn within(&mut self, name: &str, value: &mut Value, of: Option<&Type>) -> Result<()> {
        self.path.push(name.to_owned());
        self.value(value, of)?;
        self.path.pop();
        Ok(())
    }

    /// Rewrites a value of type `of`. Recurses to the depth of the document, which the gate has checked.
    fn value(&mut self, value: &mut Value, of: Option<&Type>) -> Result<()> {
        let of = of.map(|of| self.described.resolved(of));
        if let Some(Type::Extension(constructor)) = of
            && self.extension(value, constructor, 0)?
        {
            return Ok(());
        }
        match (of, &mut *value) {
            (_, Value::Object(members)) if is_escape(members) => Ok(()),
            (Some(Type::Entity), Value::Object(members)) if is_short_reference(members) => {
                *value = json!({"__entity": value.take()});
                Ok(())
            }
            (Some(Type::Set(element)), Value::Array(items)) => self.items(items, Some(element)),
            (Some(Type::Record(attributes)), Value::Object(members)) => {
                members.iter_mut().try_for_each(|(name, value)| self.within(name, value, attributes.get(name)))
            }
            (of, Value::Object(members)) if is_short_reference(members) => Err(self.ambiguous(members, of)),
            (_, Value::Object(members)) => {
                members.iter_mut().try_for_each(|(name, value)| self.within(name, value, None))
            }
            (_, Value::Array(items)) => self.items(items, None),
            _ => Ok(()),
        }
    }

    fn items(&mut self, items: &mut [Value], of: Option<&Type>) -> Result<()> {
        let mut numbers = 0_usize..;
        items.iter_mut().try_for_each(|item| {
            let number = numbers.next().unwrap_or_default();
            self.within(&format!("[{number}]"), item, of)
        })
    }

    /// Rewrites a value of an extension with `__extn`. Returns whether it is one. `calls` is the number of calls around
    /// it.
    fn extension(&self, value: &mut Value, constructor: &str, calls: usize) -> Result<bool> {
        if calls >= limits::JSON_REREAD_DEPTH {
            let problem = format!("calls nest deeper than {} levels", limits::JSON_REREAD_DEPTH);
            return Err(self.refuse(&problem));
        }
        if value.is_string() {
            *value = json!({"__extn": {"fn": constructor, "arg": value.take()}});
            return Ok(true);
        }
        let Value::Object(members) = &mut *value else { return Ok(false) };
        let is_short = is_short_call(members);
        let call = if is_short { Some(members) } else { members.get_mut("__extn").and_then(Value::as_object_mut) };
        let Some(call) = call else { return Ok(false) };
        let types = arguments(call.get("fn").and_then(Value::as_str).unwrap_or_default());
        let given: &mut [Value] = match call.get_mut("args") {
            Some(Value::Array(items)) => items,
            Some(_) => &mut [],
            None => call.get_mut("arg").map(std::slice::from_mut).unwrap_or_default(),
        };
        for (argument, of) in given.iter_mut().zip(types) {
            if let Type::Extension(constructor) = of {
                self.extension(argument, constructor, calls + 1)?;
            }
        }
        if is_short {
            *value = json!({"__extn": value.take()});
        }
        Ok(true)
    }

    fn ambiguous(&self, members: &Map<String, Value>, of: Option<&Type>) -> crate::types::error::Error {
        let shown = cut(&serde_json::to_string(members).unwrap_or_default());
        let why = if of.is_some() { "the schema declares a different type" } else { "the schema does not declare it" };
        self.refuse(&format!(
            "`{shown}` is ambiguous, a reference or a record: {why}; write a reference as `{{\"__entity\": {{\"type\": …, \
             \"id\": …}}}}`"
        ))
    }

    fn refuse(&self, problem: &str) -> crate::types::error::Error {
        let mut path = String::new();
        for step in &self.path {
            let dot = if path.is_empty() || step.starts_with('[') { "" } else { "." };
            let _ = write!(path, "{dot}{step}");
        }
        let message = format!("{} `{}` of `{}`: {problem}", self.kind, cut(&path), cut(self.uid));
        ErrorDetail::Request { what: "entities", message }.into()
    }
}
