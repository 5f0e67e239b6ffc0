//! Writes a generated schema in both forms, independently of the store.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::schema_samples::{Action, Entity, Notes, Sample, Type};

impl Sample {
    /// The schema in JSON.
    pub fn json(&self) -> String {
        let mut namespaces = Map::new();
        for (namespace, notes) in &self.notes {
            let common = self.common.iter().filter(|common| common.0 == *namespace);
            let common = common.map(|(_, name, notes, kind)| (*name, with(self.type_json(kind), notes)));
            let entities = self.entities.iter().filter(|entity| entity.0 == *namespace);
            let entities = entities.map(|(_, name, notes, entity)| (*name, with(self.entity_json(entity), notes)));
            let actions = self.actions.iter().filter(|action| action.0 == *namespace);
            let actions = actions.map(|(_, id, notes, action)| (&**id, with(self.action_json(action), notes)));
            let definition = json!({
                "commonTypes": object(common), "entityTypes": object(entities), "actions": object(actions),
            });
            namespaces.insert((*namespace).to_owned(), with(definition, notes));
        }
        Value::Object(namespaces).to_string()
    }

    fn entity_json(&self, entity: &Entity) -> Value {
        match entity {
            Entity::Enum(values) => json!({ "enum": values }),
            Entity::External => json!({ "external": true }),
            Entity::Standard { parents, shape, tags } => {
                let mut json = json!({ "memberOfTypes": parents, "shape": self.type_json(shape) });
                if let Some(tags) = tags {
                    json["tags"] = self.type_json(tags);
                }
                json
            }
        }
    }

    fn action_json(&self, action: &Action) -> Value {
        let parents: Vec<_> = action.parents.iter().map(|(kind, id)| json!({ "type": kind, "id": id })).collect();
        let mut json = json!({ "memberOf": parents });
        if let Some((principals, resources, context)) = &action.applies_to {
            let context = self.type_json(context);
            json["appliesTo"] = json!({ "principalTypes": principals, "resourceTypes": resources, "context": context });
        }
        json
    }

    fn type_json(&self, kind: &Type) -> Value {
        match kind {
            Type::Builtin(name, 0) => json!({ "type": "EntityOrCommon", "name": format!("__cedar::{name}") }),
            Type::Builtin(name @ ("ipaddr" | "datetime"), _) => json!({ "type": "Extension", "name": name }),
            Type::Builtin("Bool", _) => json!({ "type": "Boolean" }),
            Type::Builtin(name, _) => json!({ "type": name }),
            Type::Named(name, true, spelling) if *spelling == 0 || name == "EntityOrCommon" => {
                json!({ "type": "EntityOrCommon", "name": name })
            }
            Type::Named(name, true, _) => json!({ "type": name }),
            Type::Named(name, false, 0) if !self.is_common(name) => json!({ "type": "EntityOrCommon", "name": name }),
            Type::Named(name, false, _) => json!({ "type": "Entity", "name": name }),
            Type::Set(element) => json!({ "type": "Set", "element": self.type_json(element) }),
            Type::Record(attributes) => {
                let attributes = attributes.iter().map(|(name, (required, notes, kind))| {
                    let mut json = with(self.type_json(kind), notes);
                    json["required"] = json!(required);
                    (&**name, json)
                });
                json!({ "type": "Record", "attributes": object(attributes), "additionalAttributes": false })
            }
        }
    }

    /// The schema in Cedar's syntax, except for shapes that are common types, which this syntax does not have. A name
    /// of both refers to the common type here.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (namespace, notes) in &self.notes {
            if !namespace.is_empty() {
                write!(text, "{} namespace {namespace} {{", notes_text(notes)).unwrap();
            }
            for (.., name, notes, kind) in self.common.iter().filter(|common| common.0 == *namespace) {
                write!(text, "{} type {name} = {};", notes_text(notes), type_text(kind)).unwrap();
            }
            for (.., name, notes, entity) in self.entities.iter().filter(|entity| entity.0 == *namespace) {
                write!(text, "{} {};", notes_text(notes), entity_text(name, entity)).unwrap();
            }
            for (.., id, notes, action) in self.actions.iter().filter(|action| action.0 == *namespace) {
                write!(text, "{} action {}{};", notes_text(notes), quoted(id), action_text(action)).unwrap();
            }
            text.push_str(if namespace.is_empty() { "\n" } else { "}\n" });
        }
        text
    }
}

fn object<'a>(members: impl Iterator<Item = (&'a str, Value)>) -> Value {
    Value::Object(members.map(|(name, value)| (name.to_owned(), value)).collect())
}

fn with(mut json: Value, notes: &Notes) -> Value {
    if !notes.is_empty() {
        json["annotations"] = json!(notes);
    }
    json
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.escape_default())
}

fn notes_text(notes: &Notes) -> String {
    let note = |(key, value): (&&str, &Option<&str>)| match value {
        None => format!(" @{key}"),
        Some(value) => format!(" @{key}({})", quoted(value)),
    };
    notes.iter().map(note).collect()
}

fn entity_text(name: &str, entity: &Entity) -> String {
    match entity {
        Entity::External => format!("external entity {name}"),
        Entity::Enum(values) => {
            format!("entity {name} enum [{}]", values.iter().map(|value| quoted(value)).collect::<Vec<_>>().join(", "))
        }
        Entity::Standard { parents, shape, tags } => {
            let shape = if matches!(shape, Type::Record(_)) { type_text(shape) } else { String::new() };
            let tags = tags.as_ref().map(|tags| format!(" tags {}", type_text(tags))).unwrap_or_default();
            format!("entity {name} in [{}] {shape}{tags}", parents.join(", "))
        }
    }
}

fn action_text(action: &Action) -> String {
    let parents: Vec<_> = action.parents.iter().map(|(kind, id)| format!("{kind}::{}", quoted(id))).collect();
    let parents = if parents.is_empty() { String::new() } else { format!(" in [{}]", parents.join(", ")) };
    match &action.applies_to {
        Some((principals, resources, context)) if !principals.is_empty() && !resources.is_empty() => format!(
            "{parents} appliesTo {{ resource: [{}], context: {}, principal: [{}] }}",
            resources.join(", "),
            type_text(context),
            principals.join(", ")
        ),
        _ => parents,
    }
}

fn type_text(kind: &Type) -> String {
    match kind {
        Type::Builtin(name, _) => format!("__cedar::{name}"),
        Type::Named(name, ..) => name.clone(),
        Type::Set(element) => format!("Set<{}>", type_text(element)),
        Type::Record(attributes) => {
            let attribute = |(name, (required, notes, kind)): (&String, &(bool, Notes, Type))| {
                let mark = if *required { "" } else { "?" };
                format!("{} {}{mark}: {}", notes_text(notes), quoted(name), type_text(kind))
            };
            format!("{{{}}}", attributes.iter().map(attribute).collect::<Vec<_>>().join(", "))
        }
    }
}
