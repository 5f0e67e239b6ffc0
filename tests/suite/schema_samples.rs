//! Generated schemas with user names that are words of the format.
//!
//! Cedar accepts each of them: references resolve, common types do not contain themselves, and no namespace declares a
//! name of the empty one.

use std::collections::BTreeMap;

/// Names with a meaning in the JSON form, in Cedar's syntax or in Cedar, and two without.
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

/// Names that Cedar reserves among the common types.
const NOT_COMMON: [&str; 7] = ["Bool", "Entity", "Extension", "Long", "Record", "Set", "String"];

/// Names of attributes and actions that need quotes, and keys of annotations that cannot be names.
const ODD: [&str; 12] =
    ["", "a b", "é\"\\", "\u{301}x", "in", "__cedar", "*", "\u{200b}\n", "~/", "has", "__extn", "two\u{0}"];

const NAMESPACES: [&str; 3] = ["", "N", "type::entity"];

const BUILTIN: [&str; 5] = ["Long", "String", "Bool", "ipaddr", "datetime"];

/// Choices, made from bytes so that a failure shrinks.
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
pub(super) enum Type {
    Builtin(&'static str, usize),
    /// A full name, and whether it is a common type.
    Named(String, bool, usize),
    Set(Box<Type>),
    Record(Attributes),
}

pub(super) type Attributes = BTreeMap<String, (bool, Notes, Type)>;
pub(super) type Notes = BTreeMap<&'static str, Option<&'static str>>;

#[derive(Debug)]
pub(super) enum Entity {
    Standard { parents: Vec<String>, shape: Type, tags: Option<Type> },
    Enum(Vec<&'static str>),
    External,
}

#[derive(Debug)]
pub(super) struct Action {
    pub(super) parents: Vec<(String, String)>,
    pub(super) applies_to: Option<(Vec<String>, Vec<String>, Type)>,
}

/// A generated schema.
#[derive(Debug, Default)]
pub struct Sample {
    pub(super) notes: BTreeMap<&'static str, Notes>,
    pub(super) common: Vec<(&'static str, &'static str, Notes, Type)>,
    pub(super) entities: Vec<(&'static str, &'static str, Notes, Entity)>,
    pub(super) actions: Vec<(&'static str, String, Notes, Action)>,
}

pub(super) fn full(namespace: &str, name: &str) -> String {
    if namespace.is_empty() { name.to_owned() } else { format!("{namespace}::{name}") }
}

impl Sample {
    /// Builds a schema from bytes.
    pub fn new(bytes: &[u8]) -> Self {
        let (mut draw, mut sample) = (Draw(bytes.iter()), Self::default());
        let left_out = draw.below(5);
        for (_, namespace) in NAMESPACES.into_iter().enumerate().filter(|(at, _)| *at != left_out) {
            let notes = if namespace.is_empty() { Notes::new() } else { sample.notes(&mut draw) };
            sample.notes.insert(namespace, notes);
        }
        // Few names, so that some repeat; each is in the empty namespace or in the others.
        let (start, empty) = (draw.below(NAMES.len()), draw.below(256));
        let name = |draw: &mut Draw<'_>| {
            let at = draw.below(8);
            (NAMES[(start + 5 * at) % NAMES.len()], empty >> at & 1 == 1)
        };
        let mut entities: Vec<(&'static str, &'static str)> = Vec::new();
        for _ in 0..1 + draw.below(6) {
            let (name, is_empty) = name(&mut draw);
            let namespace = sample.place(&mut draw, is_empty);
            if let Some(namespace) = namespace.filter(|namespace| !entities.contains(&(*namespace, name))) {
                entities.push((namespace, name));
            }
        }
        let names: Vec<_> = entities.iter().map(|(namespace, name)| full(namespace, name)).collect();
        let mut common: Vec<(&'static str, &'static str)> = Vec::new();
        for _ in 0..draw.below(6) {
            let (name, is_empty) = name(&mut draw);
            let namespace = sample.place(&mut draw, is_empty).filter(|_| !NOT_COMMON.contains(&name));
            if let Some(namespace) = namespace.filter(|namespace| !common.contains(&(*namespace, name))) {
                common.push((namespace, name));
            }
        }
        // In the text, a name of both refers to the common type, and so to itself in the end.
        let of_one = names.iter().zip(&entities).filter(|(_, name)| !common.contains(name));
        let of_one: Vec<_> = of_one.map(|(name, _)| name.clone()).collect();
        for (namespace, name) in common {
            let (notes, kind) = (sample.notes(&mut draw), sample.record_or_other(&mut draw, &of_one));
            sample.common.push((namespace, name, notes, kind));
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
        sample.add_actions(&mut draw, &names);
        sample
    }

    /// A namespace for a name: the empty one, or one of the others.
    fn place(&self, draw: &mut Draw<'_>, is_empty: bool) -> Option<&'static str> {
        let fitting: Vec<_> = self.notes.keys().copied().filter(|namespace| namespace.is_empty() == is_empty).collect();
        (!fitting.is_empty()).then(|| draw.of(&fitting))
    }

    fn add_actions(&mut self, draw: &mut Draw<'_>, entities: &[String]) {
        for _ in 0..draw.below(5) {
            let at = draw.below(NAMES.len() + ODD.len());
            let id = *NAMES.iter().chain(&ODD).nth(at).unwrap();
            let Some(namespace) = self.place(draw, at.is_multiple_of(3)) else { continue };
            if self.actions.iter().any(|action| (action.0, &*action.1) == (namespace, id)) {
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
            self.actions.push((namespace, id.to_owned(), notes, Action { parents, applies_to }));
        }
    }

    fn notes(&self, draw: &mut Draw<'_>) -> Notes {
        let keys: Vec<_> = NAMES.iter().chain(&["in", "__cedar", "if"]).copied().collect();
        let values = [None, Some(""), Some("a \"note\"\n"), Some("\u{301}é")];
        (0..draw.below(6) / 2).map(|_| (draw.of(&keys), draw.of(&values))).collect()
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

    fn record_or_other(&self, draw: &mut Draw<'_>, entities: &[String]) -> Type {
        if draw.below(2) == 0 {
            self.type_of(draw, entities, 2)
        } else {
            Type::Record(self.attributes(draw, entities, 1))
        }
    }

    /// A record, or a common type that is a record.
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

    /// Whether a full name is a common type.
    pub(super) fn is_common(&self, name: &str) -> bool {
        self.common.iter().any(|(namespace, base, ..)| full(namespace, base) == name)
    }

    /// Whether Cedar's syntax can express every reference to an entity type; common types take precedence there.
    pub fn is_sayable(&self) -> bool {
        let mut types: Vec<&Type> = self.common.iter().map(|(.., kind)| kind).collect();
        for (.., entity) in &self.entities {
            if let Entity::Standard { shape, tags, .. } = entity {
                types.push(shape);
                types.extend(tags);
            }
        }
        // An action without any possible request is written without its context.
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
}

/// Checks that the generated schemas cover the cases of the property.
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
