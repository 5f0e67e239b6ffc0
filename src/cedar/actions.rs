//! The actions in an entities document: each must match the schema's declaration.
//!
//! The schema's actions are always present. So an action that matches is removed from the document, and one that
//! differs is refused by name. Cedar compares actions too, but without the ancestors of their parents.

use std::collections::{BTreeSet, HashMap};

use cedar_policy::{Entities, EntityUid};
use serde_json::Value;

use super::hierarchy::{Node, TypeAndId};
use crate::types::error::{ErrorDetail, Result, cut};

/// The places in `nodes` of the schema's actions. Refuses an action with other ancestors than in the schema.
pub(super) fn declared(nodes: &[Node], actions: &Entities) -> Result<BTreeSet<usize>> {
    let declared: HashMap<TypeAndId, EntityUid> =
        actions.iter().map(|action| (TypeAndId::of(&action.uid()), action.uid())).collect();
    let ancestors = |uid: &EntityUid| -> BTreeSet<TypeAndId> {
        actions.ancestors(uid).into_iter().flatten().map(TypeAndId::of).collect()
    };
    let mut found = BTreeSet::new();
    for (place, node) in nodes.iter().enumerate() {
        let Some(uid) = declared.get(&node.uid) else { continue };
        let mut given: BTreeSet<TypeAndId> = node.parents.iter().cloned().collect();
        let above = node.parents.iter().filter_map(|parent| declared.get(parent)).flat_map(ancestors);
        given.extend(above.collect::<Vec<_>>());
        let expected = ancestors(uid);
        if given != expected {
            let message = format!(
                "action `{}` does not match the schema: ancestors are {}, expected {}; omit actions, as the \
                 schema's are always present",
                cut(&uid.to_string()),
                listed(&given),
                listed(&expected)
            );
            return Err(ErrorDetail::Request { what: "entities", message }.into());
        }
        found.insert(place);
    }
    Ok(found)
}

/// Removes the actions at `places` from a document. Refuses an action with attributes or tags: the schema's actions
/// have none.
pub(super) fn take_out(document: &mut Value, places: &BTreeSet<usize>) -> Result<()> {
    let Value::Array(entities) = document else { return Ok(()) };
    for entity in places.iter().filter_map(|place| entities.get(*place)) {
        let is_bare = |key| entity.get(key).and_then(Value::as_object).is_none_or(serde_json::Map::is_empty);
        if !is_bare("attrs") || !is_bare("tags") {
            let uid = entity.get("uid").map(Value::to_string).unwrap_or_default();
            let message = format!("action {} does not match the schema: expected no attributes and no tags", cut(&uid));
            return Err(ErrorDetail::Request { what: "entities", message }.into());
        }
    }
    let mut place = 0..;
    entities.retain(|_| place.next().is_none_or(|place| !places.contains(&place)));
    Ok(())
}

fn listed(uids: &BTreeSet<TypeAndId>) -> String {
    /// The number of uids in the message.
    const SHOWN: usize = 8;
    if uids.is_empty() {
        return "none".to_owned();
    }
    let mut shown: Vec<_> = uids.iter().take(SHOWN).map(|uid| format!("`{}`", cut(&uid.to_string()))).collect();
    if uids.len() > SHOWN {
        shown.push(format!("{} more", uids.len() - SHOWN));
    }
    shown.join(", ")
}
