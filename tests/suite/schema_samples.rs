//! Generated schemas, written in both forms, in which users name things as the format does.
//!
//! Each is one that Cedar takes: references lead to what is there, common types do not contain themselves, and no namespace
//! declares a name of the empty one.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value, json};

/// Names that mean something in the JSON form, in Cedar's syntax or to Cedar, and two that do not.
const NAMES: [&str; 32] = [
    "annotations",
    "commonTypes",
    "entityTypes",
    "actions",
    "type",
    "attributes",
    "element",
    "name",
    "shape",
    "tags",
    "enum",
    "memberOf",
    "memberOfTypes",
    "appliesTo",
    "principalTypes",
    "context",
    "required",
    "additionalAttributes",
    "Record",
    "Set",
    "Entity",
    "Extension",
    "EntityOrCommon",
    "Long",
    "String",
    "Bool",
    "ipaddr",
    "principal",
    "entity",
    "external",
    "A",
    "B",
];

/// Names that Cedar keeps for itself among the common types.
const NOT_COMMON: [&str; 7] = ["Bool", "Entity", "Extension", "Long", "Record", "Set", "String"];

/// Names of attributes and actions that need quotes, and keys of annotations that could not stand for a name.
const ODD: [&str; 12] =
    ["", "a b", "é\"\\", "\u{301}x", "in", "__cedar", "*", "\u{200b}\n", "~/", "has", "__extn", "two\u{0}"];

const NAMESPACES: [&str; 3] = ["", "N", "type::entity"];

const BUILTIN: [&str; 5] = ["Long", "String", "Bool", "ipaddr", "datetime"];

/// Choices, taken from bytes so that a failure shrinks.
struct Draw<'a>(std::slice::Iter<'a, u8>);

impl Draw<'_> {
    fn below(&mut self, n: usize) -> usize {
        usize::from(self.0.next().copied().unwrap_or(0)) % n
    }

    fn of<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }
}

#[derive(Clone, Debug)]
enum Type {
    Builtin(&'static str, usize),
    /// A full name, and whether it is one of a common type.
    Named(String, bool, usize),
    Set(Box<Type>),
    Record(Attributes),
}

type Attributes = BTreeMap<String, (bool, Notes, Type)>;
type Notes = BTreeMap<&'static str, Option<&'static str>>;

#[derive(Debug)]
enum Entity {
    Standard { parents: Vec<String>, shape: Type, tags: Option<Type> },
    Enum(Vec<&'static str>),
    External,
}

#[derive(Debug)]
struct Action {
    parents: Vec<(String, String)>,
    applies_to: Option<(Vec<String>, Vec<String>, Type)>,
}

/// A generated schema.
#[derive(Debug, Default)]
pub struct Sample {
    notes: BTreeMap<&'static str, Notes>,
    common: Vec<(&'static str, &'static str, Notes, Type)>,
    entities: Vec<(&'static str, &'static str, Notes, Entity)>,
    actions: Vec<(&'static str, String, Notes, Action)>,
}

fn full(namespace: &str, name: &str) -> String {
    if namespace.is_empty() { name.to_owned() } else { format!("{namespace}::{name}") }
}

impl Sample {
    /// The schema that some bytes choose.
    pub fn new(bytes: &[u8]) -> Self {
        let (mut draw, mut sample) = (Draw(bytes.iter()), Self::default());
        for namespace in NAMESPACES.into_iter().filter(|_| draw.below(4) > 0).collect::<Vec<_>>() {
            let notes = if namespace.is_empty() { Notes::new() } else { sample.notes(&mut draw) };
            sample.notes.insert(namespace, notes);
        }
        let namespaces: Vec<_> = sample.notes.keys().copied().collect();
        if namespaces.is_empty() {
            return sample;
        }
        // Each name is one of the empty namespace or of the others.
        let empty = draw.below(256) | draw.below(256) << 8;
        let fits = |namespace: &str, at: usize| namespace.is_empty() == (empty >> (at % 16) & 1 == 1);
        let mut entities: Vec<(&'static str, &'static str)> = Vec::new();
        for _ in 0..draw.below(6) {
            let (namespace, at) = (draw.of(&namespaces), draw.below(NAMES.len()));
            if fits(namespace, at) && !entities.contains(&(namespace, NAMES[at])) {
                entities.push((namespace, NAMES[at]));
            }
        }
        let names: Vec<_> = entities.iter().map(|(namespace, name)| full(namespace, name)).collect();
        for _ in 0..draw.below(5) {
            let (namespace, at) = (draw.of(&namespaces), draw.below(NAMES.len()));
            let declared = sample.common.iter().any(|common| (common.0, common.1) == (namespace, NAMES[at]));
            if fits(namespace, at) && !declared && !NOT_COMMON.contains(&NAMES[at]) {
                let (notes, kind) = (sample.notes(&mut draw), sample.type_of(&mut draw, &names, 2));
                sample.common.push((namespace, NAMES[at], notes, kind));
            }
        }
        let mut parents = Vec::new();
        for (namespace, name) in entities {
            let notes = sample.notes(&mut draw);
            let entity = match draw.below(6) {
                0 => Entity::Enum((0..=draw.below(3)).map(|_| draw.of(&ODD)).collect()),
                1 => Entity::External,
                _ => {
                    parents.push(full(namespace, name));
                    let shape = sample.record(&mut draw, &names);
                    let tags = (draw.below(2) == 0).then(|| sample.type_of(&mut draw, &names, 1));
                    let parents = (0..draw.below(3)).map(|_| parents[draw.below(parents.len())].clone()).collect();
                    Entity::Standard { parents, shape, tags }
                }
            };
            sample.entities.push((namespace, name, notes, entity));
        }
        sample.add_actions(&mut draw, &namespaces, &names, fits);
        sample
    }

    fn add_actions(
        &mut self,
        draw: &mut Draw<'_>,
        namespaces: &[&'static str],
        entities: &[String],
        fits: impl Fn(&str, usize) -> bool,
    ) {
        for _ in 0..draw.below(5) {
            let (namespace, at) = (draw.of(namespaces), draw.below(NAMES.len() + ODD.len()));
            let id = NAMES.iter().chain(&ODD).nth(at).unwrap();
            if !fits(namespace, at) || self.actions.iter().any(|action| (action.0, &*action.1) == (namespace, id)) {
                continue;
            }
            let parents = self.actions.iter().filter(|_| draw.below(3) == 0);
            let parents = parents.map(|(namespace, id, ..)| (full(namespace, "Action"), id.clone())).collect();
            let some = |draw: &mut Draw<'_>| {
                (0..draw.below(3)).map(|_| entities[draw.below(entities.len())].clone()).collect()
            };
            let applies_to = (!entities.is_empty() && draw.below(4) > 0)
                .then(|| (some(draw), some(draw), self.record(draw, entities)));
            let notes = self.notes(draw);
            self.actions.push((namespace, (*id).to_owned(), notes, Action { parents, applies_to }));
        }
    }

    fn notes(&self, draw: &mut Draw<'_>) -> Notes {
        let keys: Vec<_> = NAMES.iter().chain(&["in", "__cedar", "if"]).copied().collect();
        let values = [None, Some(""), Some("a \"note\"\n"), Some("\u{301}é")];
        (0..draw.below(6) / 3).map(|_| (draw.of(&keys), draw.of(&values))).collect()
    }

    fn type_of(&self, draw: &mut Draw<'_>, entities: &[String], depth: usize) -> Type {
        let spelling = draw.below(4);
        match draw.below(if depth == 0 { 4 } else { 6 }) {
            1 if !entities.is_empty() => Type::Named(entities[draw.below(entities.len())].clone(), false, spelling),
            2 | 3 if !self.common.is_empty() => self.common_type(draw, spelling),
            4 => Type::Set(Box::new(self.type_of(draw, entities, depth - 1))),
            5 => Type::Record(self.attributes(draw, entities, depth - 1)),
            _ => Type::Builtin(draw.of(&BUILTIN), spelling),
        }
    }

    fn common_type(&self, draw: &mut Draw<'_>, spelling: usize) -> Type {
        let (namespace, name, ..) = &self.common[draw.below(self.common.len())];
        Type::Named(full(namespace, name), true, spelling)
    }

    /// A record, or a common type that is one.
    fn record(&self, draw: &mut Draw<'_>, entities: &[String]) -> Type {
        let records = self.common.iter().filter(|(.., kind)| matches!(kind, Type::Record(_)));
        let records: Vec<_> = records.map(|(namespace, name, ..)| full(namespace, name)).collect();
        if !records.is_empty() && draw.below(3) == 0 {
            return Type::Named(records[draw.below(records.len())].clone(), true, draw.below(4));
        }
        Type::Record(self.attributes(draw, entities, 2))
    }

    fn attributes(&self, draw: &mut Draw<'_>, entities: &[String], depth: usize) -> Attributes {
        let names: Vec<_> = NAMES.iter().chain(&ODD).copied().collect();
        let attribute = |draw: &mut Draw<'_>| {
            (draw.of(&names).to_owned(), (draw.below(2) == 0, self.notes(draw), self.type_of(draw, entities, depth)))
        };
        (0..draw.below(4)).map(|_| attribute(draw)).collect()
    }

    /// Whether a full name is one of a common type.
    fn is_common(&self, name: &str) -> bool {
        self.common.iter().any(|(namespace, base, ..)| full(namespace, base) == name)
    }

    /// Whether every reference to an entity type can be said in Cedar's syntax, where common types take precedence.
    pub fn is_sayable(&self) -> bool {
        let mut types: Vec<&Type> = self.common.iter().map(|(.., kind)| kind).collect();
        for (.., entity) in &self.entities {
            if let Entity::Standard { shape, tags, .. } = entity {
                types.push(shape);
                types.extend(tags);
            }
        }
        // An action that no request can have is written without its context.
        let applying = self.actions.iter().filter_map(|(.., action)| action.applies_to.as_ref());
        let applying = applying.filter(|(principals, resources, _)| !principals.is_empty() && !resources.is_empty());
        types.extend(applying.map(|(.., context)| context));
        while let Some(kind) = types.pop() {
            match kind {
                Type::Named(name, false, _) if self.is_common(name) => return false,
                Type::Set(element) => types.push(element),
                Type::Record(attributes) => types.extend(attributes.values().map(|(.., kind)| kind)),
                _ => {}
            }
        }
        true
    }

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

    /// The schema in Cedar's syntax, but for shapes that are common types: it has none. A name of both leads to the common
    /// type here.
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

/// What the property is about is there.
#[test]
fn the_samples_name_things_as_the_format_does() {
    let (mut state, mut seen) = (7_u64, BTreeMap::new());
    for _ in 0..400 {
        let bytes: Vec<u8> = (0..400)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 56) as u8
            })
            .collect();
        let sample = Sample::new(&bytes);
        let (text, json) = (sample.text(), sample.json());
        let entities = sample.entities.iter().filter(|(namespace, name, ..)| sample.is_common(&full(namespace, name)));
        for (what, is_there) in [
            ("sayable", sample.is_sayable()),
            ("unsayable", !sample.is_sayable()),
            ("entity and common type of one name", entities.count() > 0),
            ("requests", text.contains("appliesTo")),
            ("no requests", json.contains(r#""principalTypes":[]"#)),
            ("context of a name", text.contains("context: N::")),
            ("tags", text.contains(" tags ")),
            ("enum", text.contains(" enum [")),
            ("external", text.contains("external entity")),
            ("annotations", text.contains(" @annotations")),
            ("attributes of the format's names", json.contains(r#""attributes":{"annotations""#)),
            ("parents", text.contains("Action::")),
            ("shape of a name", json.contains(r#""shape":{"type":"N::"#)),
        ] {
            *seen.entry(what).or_insert(0) += usize::from(is_there);
        }
    }
    assert!(seen.values().all(|times| *times > 3), "{seen:?}");
}
