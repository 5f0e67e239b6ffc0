//! The actions in an entities document: each must be as the schema declares it.
//!
//! The schema's own actions are always there, so one that is given just so is left out of the document, and one that
//! differs is refused by name. Cedar would compare it with the schema's too, but without the ancestors of its parents.

use std::collections::{BTreeSet, HashMap};

use cedar_policy::{Entities, EntityUid};
use serde_json::Value;

use super::hierarchy::{Node, TypeAndId};
use crate::types::error::{ErrorDetail, Result, cut};

/// The places of those among `nodes` that are actions of the schema, as it declares them.
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

/// Takes the entities at these places out of a document, if they have neither attributes nor tags: the schema's actions
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
    /// So many are shown.
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
