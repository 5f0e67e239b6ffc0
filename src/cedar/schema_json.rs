//! The JSON form of a schema, by its structure.
//!
//! A field has a meaning by where it stands. So a name that a user gives to a type, an action or an attribute stands as
//! a key of a map and is never taken for a field, whatever it is. Names are not resolved here.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// A schema: its namespaces by their names, the empty one too.
pub(super) type Namespaces = BTreeMap<String, Namespace>;

/// Annotations by their keys: `null` and `""` are the same to Cedar.
pub(super) type Annotations = BTreeMap<String, Option<String>>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Namespace {
    #[serde(default)]
    pub common_types: BTreeMap<String, Type>,
    pub entity_types: BTreeMap<String, EntityType>,
    pub actions: BTreeMap<String, Action>,
    #[serde(default)]
    pub annotations: Annotations,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EntityType {
    #[serde(default)]
    pub member_of_types: Vec<String>,
    pub shape: Option<Type>,
    pub tags: Option<Type>,
    #[serde(rename = "enum")]
    pub choices: Option<Vec<String>>,
    #[serde(default)]
    pub external: bool,
    #[serde(default)]
    pub annotations: Annotations,
}

/// A type; as a common type or an attribute it has annotations, and as an attribute it says whether it is required.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Type {
    #[serde(rename = "type")]
    pub kind: String,
    pub name: Option<String>,
    pub element: Option<Box<Type>>,
    pub attributes: Option<BTreeMap<String, Type>>,
    pub required: Option<bool>,
    #[serde(default)]
    pub annotations: Annotations,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Action {
    pub applies_to: Option<AppliesTo>,
    pub member_of: Option<Vec<ActionName>>,
    pub external: Option<bool>,
    #[serde(default)]
    pub annotations: Annotations,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AppliesTo {
    pub principal_types: Vec<String>,
    pub resource_types: Vec<String>,
    pub context: Option<Type>,
}

#[derive(Deserialize)]
pub(super) struct ActionName {
    pub id: String,
    #[serde(rename = "type")]
    pub kind: Option<String>,
}

/// Reads a value that Cedar has written.
pub(super) fn read(value: &Value) -> serde_json::Result<Namespaces> {
    Namespaces::deserialize(value)
}

/// Makes each context that refers to a common type named `EntityOrCommon` one that can be read: Cedar writes
/// `{"type": "EntityOrCommon"}`, and reads that as a reference whose name is missing.
pub(super) fn repair_contexts(schema: &mut Value) {
    for_each_action(schema, |action| {
        let context = action.get_mut("appliesTo").and_then(|applies_to| applies_to.get_mut("context"));
        if let Some(Value::Object(context)) = context
            && context.get("type").is_some_and(|kind| kind == "EntityOrCommon")
            && !context.contains_key("name")
        {
            context.insert("name".to_owned(), Value::from("EntityOrCommon"));
        }
    });
}

/// Removes `appliesTo` from each action that no request can have: one with no principal type or no resource type. Says
/// whether there was any.
pub(super) fn remove_vain_applies_to(schema: &mut Value) -> bool {
    let mut removed = false;
    for_each_action(schema, |action| {
        let is_empty = |list: &str| {
            let types = action.get("appliesTo").and_then(|applies_to| applies_to.get(list));
            types.and_then(Value::as_array).is_some_and(Vec::is_empty)
        };
        if is_empty("principalTypes") || is_empty("resourceTypes") {
            removed |= action.remove("appliesTo").is_some();
        }
    });
    removed
}

fn for_each_action(schema: &mut Value, mut f: impl FnMut(&mut serde_json::Map<String, Value>)) {
    let namespaces = schema.as_object_mut().into_iter().flat_map(|namespaces| namespaces.values_mut());
    for namespace in namespaces {
        let actions = namespace.get_mut("actions").and_then(Value::as_object_mut);
        for action in actions.into_iter().flat_map(|actions| actions.values_mut()) {
            if let Value::Object(action) = action {
                f(action);
            }
        }
    }
}
