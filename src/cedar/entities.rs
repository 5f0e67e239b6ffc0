//! Reads entities from JSON, after the checks of the gate and of the hierarchy: validated against the schema, or as
//! given.
//!
//! Does not know policies or decisions.

use cedar_policy::{Entities, Entity};
use serde_json::Value;

use super::hierarchy::{self, Node};
use super::schema::ParsedSchema;
use super::stack::{self, on_grown_stack};
use super::{actions, explicit, json};
use crate::types::error::{Error, ErrorDetail, Result, cut};
use crate::types::limits;

const WHAT: &str = "entities";

impl ParsedSchema {
    /// Reads entities in Cedar JSON, a list of `{"uid": …, "attrs": …, "parents": […]}`. All of them must fit the
    /// schema.
    pub(crate) fn entities(&self, json: &str) -> Result<Entities> {
        let (nodes, need) = gated(json)?;
        on_grown_stack(need, WHAT, || {
            let places = self.declared_actions(&nodes)?;
            let read = if places.is_empty() {
                Entities::from_json_str(json, Some(self.schema()))
            } else {
                let mut document = document(json)?;
                actions::take_out(&mut document, &places)?;
                Entities::from_json_value(document, Some(self.schema()))
            };
            read.map_err(|error| invalid(&error))
        })?
    }

    /// Reads entities in Cedar JSON without validation. The schema decides the reading of the values that it describes,
    /// and adds its actions.
    pub(crate) fn entities_as_given(&self, json: &str) -> Result<Entities> {
        let (mut nodes, need) = gated(json)?;
        on_grown_stack(need, WHAT, || {
            let places = self.declared_actions(&nodes)?;
            let mut document = document(json)?;
            actions::take_out(&mut document, &places)?;
            let mut place = 0..;
            nodes.retain(|_| place.next().is_none_or(|place| !places.contains(&place)));
            let Value::Array(given) = document else { return Err(refused("expected a list of entities".to_owned())) };
            let mut entities = Vec::with_capacity(given.len());
            for (mut entity, node) in given.into_iter().zip(&nodes) {
                let uid = node.uid.to_string();
                explicit::rewrite(self.described(), &node.uid.r#type, &uid, &mut entity)?;
                let read = Entity::from_json_value(entity, None);
                entities.push(read.map_err(|error| of_entity(&uid, &error))?);
            }
            let given = Entities::from_entities(entities, None).map_err(|error| invalid(&error))?;
            let actions = self.schema().action_entities().map_err(|error| invalid(&error))?;
            given.add_entities(actions, None).map_err(|error| invalid(&error))
        })?
    }

    /// The places of the schema's actions in a document. Refuses an action that differs from the schema's.
    fn declared_actions(&self, nodes: &[Node]) -> Result<std::collections::BTreeSet<usize>> {
        if !nodes.iter().any(|node| node.uid.is_action()) {
            return Ok(Default::default());
        }
        let actions = self.schema().action_entities().map_err(|error| invalid(&error))?;
        actions::declared(nodes, &actions)
    }
}

/// Checks an entities document. Returns its entities, and the stack to read it.
fn gated(json: &str) -> Result<(Vec<Node>, usize)> {
    let depth = json::json(WHAT, json, limits::ENTITIES_BYTES)?;
    let (nodes, parents) = on_grown_stack(stack::json(depth, 0), WHAT, || {
        let nodes = hierarchy::read(json)?;
        let parents = hierarchy::check(&nodes)?;
        Ok::<_, Error>((nodes, parents))
    })??;
    Ok((nodes, stack::json(depth + explicit::GROWTH, parents)))
}

/// The document as a value. The gate has refused duplicate keys.
fn document(json: &str) -> Result<Value> {
    serde_json::from_str(json).map_err(|error| refused(error.to_string()))
}

fn of_entity(uid: &str, error: &dyn std::error::Error) -> Error {
    let message = super::diagnose::chain(error);
    let named = if message.contains(uid) { message } else { format!("entity `{}`: {message}", cut(uid)) };
    refused(named)
}

fn invalid(error: &dyn std::error::Error) -> Error {
    refused(super::diagnose::chain(error))
}

fn refused(message: String) -> Error {
    ErrorDetail::Request { what: WHAT, message }.into()
}
