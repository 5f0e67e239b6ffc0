//! The structure of schema JSON.
//!
//! The place of a key decides its meaning: a user's name of a type, action or attribute is a key of a map and is never
//! read as a field. Does not resolve names.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// A schema: its namespaces by name, with the empty one.
pub(super) type Namespaces = BTreeMap<String, Namespace>;

/// Annotations by key. To Cedar, `null` and `""` are equal.
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

/// A type. A common type or an attribute has annotations too, and an attribute has `required`.
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

/// Reads schema JSON that Cedar has written.
pub(super) fn read(value: &Value) -> serde_json::Result<Namespaces> {
    Namespaces::deserialize(value)
}

/// Repairs each context that refers to a common type named `EntityOrCommon`. Cedar writes `{"type": "EntityOrCommon"}`,
/// and reads this as a reference without a name.
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

/// Removes `appliesTo` from each action that no request can have: one without principal types or without resource
/// types. Returns whether there was one.
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
