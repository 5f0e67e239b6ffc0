//! Requests and entities: gated, parsed, and checked against a schema.
//!
//! What is decided about them, and by which policies, is not known here.

use cedar_policy::{Context, ContextJsonError, Entities, EntityUid, Request};
use serde_json::{Map, Value};

use super::schema::ParsedSchema;
use super::stack::on_grown_stack;
use super::{gate, hierarchy, json, stack};
use crate::error::{ErrorDetail, Result};
use crate::limits;

impl ParsedSchema {
    /// Entities as Cedar JSON: a list of `{"uid": …, "attrs": …, "parents": […]}`, all of which must fit the schema.
    pub(crate) fn entities(&self, json: &str) -> Result<Entities> {
        on_grown_stack(entities_need(json)?, "entities", || {
            Entities::from_json_str(json, Some(self.schema())).map_err(|error| invalid("entities", &error))
        })?
    }

    /// Entities as Cedar JSON, as they are: only the schema's actions are added.
    pub(crate) fn entities_as_given(&self, json: &str) -> Result<Entities> {
        on_grown_stack(entities_need(json)?, "entities", || {
            refuse_short_references(json)?;
            let given = Entities::from_json_str(json, None).map_err(|error| invalid("entities", &error))?;
            let actions = self.schema().action_entities().map_err(|error| invalid("entities", &error))?;
            given.add_entities(actions, None).map_err(|error| invalid("entities", &error))
        })?
    }

    /// A request, its principal, action and resource as Cedar text (`User::"alice"`), its context as Cedar JSON.
    pub(crate) fn request(&self, principal: &str, action: &str, resource: &str, context_json: &str) -> Result<Request> {
        gate::uid_text("principal", principal)?;
        gate::uid_text("action", action)?;
        gate::uid_text("resource", resource)?;
        let depth = json::json("context", context_json, limits::CONTEXT_BYTES)?;
        on_grown_stack(stack::json(depth, 0), "request", || {
            let principal = uid("principal", principal)?;
            let action = uid("action", action)?;
            let resource = uid("resource", resource)?;
            let context =
                Context::from_json_str(context_json, Some((self.schema(), &action))).map_err(|error| match error {
                    ContextJsonError::MissingAction(_) => invalid("action", &error),
                    _ => invalid("context", &error),
                })?;
            context.validate(self.schema(), &action).map_err(|error| invalid("context", &error))?;
            Request::new(principal, action, resource, context, Some(self.schema()))
                .map_err(|error| invalid("request", &error))
        })?
    }
}

/// Checks an entities document, and tells how much stack it needs.
fn entities_need(json: &str) -> Result<usize> {
    const WHAT: &str = "entities";
    let depth = json::json(WHAT, json, limits::ENTITIES_BYTES)?;
    let parents = on_grown_stack(stack::json(depth, 0), WHAT, || hierarchy::check(json))??;
    Ok(stack::json(depth, parents))
}

/// Without a schema, `{"type": …, "id": …}` in an attribute or a tag is a record: a `forbid` that compares it with an
/// entity would silently not apply.
fn refuse_short_references(json: &str) -> Result<()> {
    let entities: Value = serde_json::from_str(json)
        .map_err(|error| ErrorDetail::Request { what: "entities", message: error.to_string() })?;
    let attributes =
        entities.as_array().into_iter().flatten().flat_map(|entity| [entity.get("attrs"), entity.get("tags")]);
    let mut values: Vec<&Value> = attributes.flatten().flat_map(Value::as_object).flat_map(Map::values).collect();
    while let Some(value) = values.pop() {
        match value {
            Value::Array(items) => values.extend(items),
            Value::Object(members) if members.contains_key("__entity") || members.contains_key("__extn") => {}
            Value::Object(members)
                if members.len() == 2 && ["type", "id"].iter().all(|key| members.contains_key(*key)) =>
            {
                let message = format!("without a schema, {value} is a record: write an entity as `__entity`");
                return Err(ErrorDetail::Request { what: "entities", message }.into());
            }
            Value::Object(members) => values.extend(members.values()),
            _ => {}
        }
    }
    Ok(())
}

fn uid(what: &'static str, text: &str) -> Result<EntityUid> {
    text.parse().map_err(|error: cedar_policy::ParseErrors| invalid(what, &error))
}

fn invalid(what: &'static str, error: &dyn std::error::Error) -> crate::error::Error {
    ErrorDetail::Request { what, message: super::diagnose::chain(error) }.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Form;

    fn schema() -> ParsedSchema {
        let text = "entity U in [G] { n?: Set<Long>, at?: datetime }; entity G; entity D;
            action a appliesTo { principal: U, resource: D, context: { mfa?: Bool, ip?: ipaddr } };";
        ParsedSchema::parse(Form::Cedar, text).unwrap()
    }

    fn part(principal: &str, action: &str, resource: &str, context: &str) -> &'static str {
        match schema().request(principal, action, resource, context) {
            Ok(_) => "ok",
            Err(error) => match error.detail() {
                ErrorDetail::Request { what, .. } => what,
                _ => error.code(),
            },
        }
    }

    #[test]
    fn each_part_that_does_not_fit_is_named() {
        let (u, a, d) = ("U::\"u\"", "Action::\"a\"", "D::\"d\"");
        assert_eq!(part(u, a, d, r#"{"mfa":true,"ip":{"__extn":{"fn":"ip","arg":"::1"}}}"#), "ok");
        assert_eq!(part("U", a, d, "{}"), "principal");
        assert_eq!(part(u, "a", d, "{}"), "action");
        assert_eq!(part(u, a, "D::d", "{}"), "resource");
        assert_eq!(part(u, "Action::\"b\"", d, "{}"), "action");
        assert_eq!(part(u, a, d, r#"{"mfa":1}"#), "context");
        assert_eq!(part(u, a, d, "[]"), "context");
        assert_eq!(part(u, a, u, "{}"), "request");
        assert_eq!(part(d, a, d, "{}"), "request");
        assert_eq!(part(u, a, d, r#"{"mfa":true,"mfa":false}"#), "json");
        assert_eq!(part(&"(".repeat(65), a, d, "{}"), "too_deep");
    }

    #[test]
    fn entities_must_fit_the_schema() {
        let code = |attrs: &str, parent: &str| {
            let json = format!(
                r#"[{{"uid":{{"type":"U","id":"u"}},"attrs":{attrs},"parents":[{{"type":"{parent}","id":"g"}}]}}]"#
            );
            schema().entities(&json).map_or_else(|error| error.code(), |_| "ok")
        };
        assert_eq!(code(r#"{"n":[1,2],"at":{"__extn":{"fn":"datetime","arg":"2026-01-01"}}}"#, "G"), "ok");
        assert_eq!(code("{}", "D"), "request");
        assert_eq!(code(r#"{"n":["x"]}"#, "G"), "request");
        assert_eq!(code(r#"{"n":[1.5]}"#, "G"), "json");
        assert_eq!(code(r#"{"n":[1],"n":[2]}"#, "G"), "json");
    }
}
