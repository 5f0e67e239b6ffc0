//! Writes requests and entities in Cedar's JSON with all escapes, and reads that as the same values, without a schema.
//!
//! Only the values count, so what was read with any schema, or made by Cedar's own constructors, is read back as it was:
//! no value is taken for another one, and no action is added. Does not know receipts.

use cedar_policy::{Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, Request};
use serde_json::Value;

use super::diagnose::chain;
use super::hierarchy;
use super::json;
use super::stack::{self, PARSE, on_grown_stack};
use crate::types::error::{Error, ErrorDetail, Result, at_most};
use crate::types::limits;

const CONTEXT: &str = "context";
const ENTITIES: &str = "entities";

/// The levels of JSON that escapes add to a value: those of a computed `datetime`, a call with two calls as arguments.
const ESCAPES: usize = 5;
/// The depth of exact JSON. It is below the limit of the JSON parser, 128.
const DEPTH: usize = limits::JSON_DEPTH + ESCAPES;

/// Entities as a JSON array, sorted by uid.
pub(crate) fn entities_text(entities: &Entities) -> Result<String> {
    let text = on_grown_stack(PARSE, ENTITIES, || {
        let mut sorted: Vec<_> = entities.iter().map(|entity| (entity.uid(), entity)).collect();
        sorted.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let mut text = "[".to_owned();
        for (place, (_, entity)) in sorted.iter().enumerate() {
            if place > 0 {
                text.push(',');
            }
            text.push_str(&entity_text(entity)?);
            at_most(ENTITIES, text.len(), limits::RECORDED_ENTITIES_BYTES)?;
        }
        text.push(']');
        Ok::<_, Error>(text)
    })??;
    json::exact(ENTITIES, &text, limits::RECORDED_ENTITIES_BYTES, DEPTH)?;
    Ok(text)
}

fn entity_text(entity: &Entity) -> Result<String> {
    let mut value = entity.to_json_value().map_err(|error| invalid(ENTITIES, &error))?;
    // Cedar keeps them without an order.
    if let Some(Value::Array(parents)) = value.get_mut("parents") {
        parents.sort_by_cached_key(Value::to_string);
    }
    Ok(value.to_string())
}

/// The context of a request as a JSON object.
pub(crate) fn context_text(request: &Request) -> Result<String> {
    let context = request.context().ok_or_else(|| unknown(CONTEXT))?;
    let text = on_grown_stack(PARSE, CONTEXT, || {
        context.to_json_value().map(|value| value.to_string()).map_err(|error| invalid(CONTEXT, &error))
    })??;
    json::exact(CONTEXT, &text, limits::CONTEXT_BYTES, DEPTH)?;
    Ok(text)
}

/// Reads entities. Refuses the same hierarchies as for entities with a schema.
pub(crate) fn entities(text: &str) -> Result<Entities> {
    let depth = json::exact(ENTITIES, text, limits::RECORDED_ENTITIES_BYTES, DEPTH)?;
    let parents = on_grown_stack(stack::json(depth, 0), ENTITIES, || hierarchy::check(&hierarchy::read(text)?))??;
    on_grown_stack(stack::json(depth, parents), ENTITIES, || {
        Entities::from_json_str(text, None).map_err(|error| invalid(ENTITIES, &error))
    })?
}

/// Reads a request: principal, action and resource as type and id, and the context.
pub(crate) fn request(uids: [(&str, &str); 3], context: &str) -> Result<Request> {
    let depth = json::exact(CONTEXT, context, limits::CONTEXT_BYTES, DEPTH)?;
    let names = ["principal", "action", "resource"].into_iter().zip(uids);
    let read = names.map(|(what, (entity_type, id))| {
        at_most("bytes of an entity uid", entity_type.len().saturating_add(id.len()), limits::ENTITY_UID_BYTES)?;
        super::gate::uid_text(what, entity_type)?;
        let name: EntityTypeName =
            entity_type.parse().map_err(|error: cedar_policy::ParseErrors| invalid(what, &error))?;
        Ok(EntityUid::from_type_name_and_id(name, EntityId::new(id)))
    });
    on_grown_stack(stack::json(depth, 0), "request", || {
        let [principal, action, resource]: [EntityUid; 3] =
            read.collect::<Result<Vec<_>>>()?.try_into().map_err(|_| unknown("request"))?;
        let context = Context::from_json_str(context, None).map_err(|error| invalid(CONTEXT, &error))?;
        Request::new(principal, action, resource, context, None).map_err(|error| invalid("request", &error))
    })?
}

/// Reads exact entities once more, by a schema: all but the actions, which the schema supplies.
pub(crate) fn without_actions(text: &str) -> Result<String> {
    let depth = json::exact(ENTITIES, text, limits::RECORDED_ENTITIES_BYTES, DEPTH)?;
    on_grown_stack(stack::json(depth, 0), ENTITIES, || {
        let nodes = hierarchy::read(text)?;
        if !nodes.iter().any(|node| node.uid.is_action()) {
            return Ok(text.to_owned());
        }
        let document: Value = serde_json::from_str(text).map_err(|error| invalid(ENTITIES, &error))?;
        let Value::Array(given) = document else { return Ok(text.to_owned()) };
        let kept = given.into_iter().zip(&nodes).filter(|(_, node)| !node.uid.is_action());
        Ok(Value::Array(kept.map(|(entity, _)| entity).collect()).to_string())
    })?
}

fn unknown(what: &'static str) -> Error {
    ErrorDetail::Request { what, message: "is unknown: a partial request has no record".to_owned() }.into()
}

fn invalid(what: &'static str, error: &dyn std::error::Error) -> Error {
    ErrorDetail::Request { what, message: chain(error) }.into()
}
