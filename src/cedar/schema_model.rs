//! A schema with all names resolved as Cedar resolves them, to measure, compare and write.
//!
//! Two schemas that differ in notation only are equal: a name with or without its namespace, `String` and
//! `__cedar::String`, an annotation of `null` and of `""`, a default value and its absence. Does not check that names
//! exist: Cedar does.

use std::collections::{BTreeMap, HashSet};

use super::schema_json::{self, Annotations, Namespaces};

/// The types that every schema has, in the namespace `__cedar`.
pub(super) const BUILTIN: [&str; 7] = ["Bool", "Long", "String", "datetime", "decimal", "duration", "ipaddr"];

const CEDAR: &str = "__cedar::";

/// A schema.
#[derive(Debug, PartialEq)]
pub(super) struct Model {
    pub namespaces: BTreeMap<String, Namespace>,
}

#[derive(Debug, PartialEq)]
pub(super) struct Namespace {
    pub annotations: BTreeMap<String, String>,
    pub common_types: BTreeMap<String, Declared<Type>>,
    pub entity_types: BTreeMap<String, Declared<EntityType>>,
    pub actions: BTreeMap<String, Declared<Action>>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Declared<T> {
    pub annotations: BTreeMap<String, String>,
    pub item: T,
}

#[derive(Debug, PartialEq)]
pub(super) enum EntityType {
    Standard { member_of: Vec<String>, shape: Type, tags: Option<Type> },
    Enum(Vec<String>),
    External { member_of: Vec<String> },
}

#[derive(Debug, PartialEq)]
pub(super) struct Action {
    pub member_of: Vec<(String, String)>,
    /// None if no request can have the action.
    pub applies_to: Option<AppliesTo>,
    pub external: bool,
}

#[derive(Debug, PartialEq)]
pub(super) struct AppliesTo {
    pub principals: Vec<String>,
    pub resources: Vec<String>,
    pub context: Type,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Type {
    /// One of [`BUILTIN`], or an unknown extension type.
    Builtin(String),
    Entity(String),
    Common(String),
    /// A name that is not declared.
    Unknown(String),
    Set(Box<Type>),
    Record(BTreeMap<String, Declared<Attribute>>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Attribute {
    pub required: bool,
    pub kind: Type,
}

/// The kinds of declarations that a reference may resolve to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Entity,
    Common,
    Either,
}

impl Model {
    pub(super) fn new(namespaces: Namespaces) -> Self {
        let names = Names::of(&namespaces);
        let is_nothing = |name: &str, namespace: &schema_json::Namespace| {
            let schema_json::Namespace { common_types, entity_types, actions, .. } = namespace;
            name.is_empty() && common_types.is_empty() && entity_types.is_empty() && actions.is_empty()
        };
        let namespaces = namespaces.into_iter().filter(|(name, namespace)| !is_nothing(name, namespace));
        let resolved = namespaces.map(|(name, namespace)| {
            let namespace = Resolver { names: &names, namespace: &name }.namespace(namespace);
            (name, namespace)
        });
        Self { namespaces: resolved.collect() }
    }

    /// The definition of a common type, by its full name.
    pub(super) fn common_type(&self, name: &str) -> Option<&Type> {
        let (namespace, name) = split(name);
        Some(&self.namespaces.get(namespace)?.common_types.get(name)?.item)
    }

    /// Whether the schema declares an entity type or a common type of this full name.
    pub(super) fn declares(&self, name: &str) -> bool {
        let (namespace, base) = split(name);
        self.common_type(name).is_some()
            || self.namespaces.get(namespace).is_some_and(|namespace| namespace.entity_types.contains_key(base))
    }

    /// Replaces each shape that is a reference to a common type by the record it refers to. Cedar's syntax has records
    /// only, and to Cedar both are equal. The schema must have been measured.
    pub(super) fn write_out_shapes(&mut self) {
        let mut shapes = Vec::new();
        for (namespace, definition) in &self.namespaces {
            for (name, entity) in &definition.entity_types {
                if let EntityType::Standard { shape: Type::Common(reference), .. } = &entity.item
                    && let Some(record) = self.record(reference)
                {
                    shapes.push((namespace.clone(), name.clone(), record.clone()));
                }
            }
        }
        for (namespace, name, record) in shapes {
            let entity = self.namespaces.get_mut(&namespace).and_then(|found| found.entity_types.get_mut(&name));
            if let Some(Declared { item: EntityType::Standard { shape, .. }, .. }) = entity {
                *shape = record;
            }
        }
    }

    /// The record that a common type is an alias of, if it is one.
    fn record(&self, name: &str) -> Option<&Type> {
        let mut seen = HashSet::new();
        let mut name = name;
        while seen.insert(name) {
            match self.common_type(name)? {
                Type::Common(next) => name = next,
                record @ Type::Record(_) => return Some(record),
                _ => return None,
            }
        }
        None
    }
}

/// A full name's namespace and its last part.
pub(super) fn split(name: &str) -> (&str, &str) {
    name.rsplit_once("::").unwrap_or(("", name))
}

/// The full name of a declaration in a namespace.
pub(super) fn qualified(namespace: &str, name: &str) -> String {
    if namespace.is_empty() { name.to_owned() } else { format!("{namespace}::{name}") }
}

/// All declared full names.
struct Names {
    entities: HashSet<String>,
    common: HashSet<String>,
    actions: HashSet<(String, String)>,
}

impl Names {
    fn of(namespaces: &Namespaces) -> Self {
        let mut names = Self { entities: HashSet::new(), common: HashSet::new(), actions: HashSet::new() };
        for (namespace, definition) in namespaces {
            names.entities.extend(definition.entity_types.keys().map(|name| qualified(namespace, name)));
            names.common.extend(definition.common_types.keys().map(|name| qualified(namespace, name)));
            let action = qualified(namespace, "Action");
            names.actions.extend(definition.actions.keys().map(|id| (action.clone(), id.clone())));
            if !definition.actions.is_empty() {
                names.entities.insert(action);
            }
        }
        names
    }

    /// The type with this full name, if there is one of a wanted kind.
    fn find(&self, name: &str, wanted: Wanted) -> Option<Type> {
        if wanted != Wanted::Entity && self.common.contains(name) {
            return Some(Type::Common(name.to_owned()));
        }
        if wanted != Wanted::Common && self.entities.contains(name) {
            return Some(Type::Entity(name.to_owned()));
        }
        if wanted == Wanted::Entity {
            return None;
        }
        let builtin = match name.strip_prefix(CEDAR) {
            Some(base) => base,
            // A declared type of the empty namespace takes precedence over the short name.
            None if self.entities.contains(name) || self.common.contains(name) => return None,
            None => name,
        };
        BUILTIN.contains(&builtin).then(|| Type::Builtin(builtin.to_owned()))
    }
}

/// Resolves the names in one namespace.
struct Resolver<'a> {
    names: &'a Names,
    namespace: &'a str,
}

impl Resolver<'_> {
    fn namespace(&self, namespace: schema_json::Namespace) -> Namespace {
        let schema_json::Namespace { common_types, entity_types, actions, annotations } = namespace;
        Namespace {
            annotations: meaning(annotations),
            common_types: common_types.into_iter().map(|(name, common)| (name, self.declared(common))).collect(),
            entity_types: entity_types.into_iter().map(|(name, entity)| (name, self.entity_type(entity))).collect(),
            actions: actions.into_iter().map(|(id, action)| (id, self.action(action))).collect(),
        }
    }

    fn declared(&self, mut common: schema_json::Type) -> Declared<Type> {
        Declared { annotations: meaning(std::mem::take(&mut common.annotations)), item: self.of(common) }
    }

    fn entity_type(&self, entity: schema_json::EntityType) -> Declared<EntityType> {
        let schema_json::EntityType { member_of_types, shape, tags, choices, external, annotations } = entity;
        let member_of = self.entities(member_of_types);
        let item = match choices {
            Some(choices) => EntityType::Enum(choices),
            None if external => EntityType::External { member_of },
            None => EntityType::Standard {
                member_of,
                shape: shape.map_or_else(no_attributes, |shape| self.of(shape)),
                tags: tags.map(|tags| self.of(tags)),
            },
        };
        Declared { annotations: meaning(annotations), item }
    }

    fn action(&self, action: schema_json::Action) -> Declared<Action> {
        let schema_json::Action { applies_to, member_of, external, annotations } = action;
        let applies_to = applies_to.filter(|it| !it.principal_types.is_empty() && !it.resource_types.is_empty());
        let item = Action {
            member_of: member_of.unwrap_or_default().into_iter().map(|parent| self.action_name(parent)).collect(),
            applies_to: applies_to.map(|applies_to| AppliesTo {
                principals: self.entities(applies_to.principal_types),
                resources: self.entities(applies_to.resource_types),
                context: applies_to.context.map_or_else(no_attributes, |context| self.of(context)),
            }),
            external: external.unwrap_or_default(),
        };
        Declared { annotations: meaning(annotations), item }
    }

    fn action_name(&self, parent: schema_json::ActionName) -> (String, String) {
        let kind = parent.kind.unwrap_or_else(|| "Action".to_owned());
        let named = self.candidates(&kind).map(|kind| (kind, parent.id.clone()));
        named.into_iter().find(|name| self.names.actions.contains(name)).unwrap_or((kind, parent.id))
    }

    fn entities(&self, names: Vec<String>) -> Vec<String> {
        let full = |name: String| match self.named(&name, Wanted::Entity) {
            Type::Entity(full) => full,
            _ => name,
        };
        names.into_iter().map(full).collect()
    }

    fn of(&self, definition: schema_json::Type) -> Type {
        let schema_json::Type { kind, name, element, attributes, .. } = definition;
        let name = name.unwrap_or_default();
        match &*kind {
            "Boolean" => Type::Builtin("Bool".to_owned()),
            "Long" | "String" => Type::Builtin(kind),
            "Extension" => Type::Builtin(name),
            "Entity" => self.named(&name, Wanted::Entity),
            "EntityOrCommon" => self.named(&name, Wanted::Either),
            "Set" => Type::Set(Box::new(element.map_or_else(no_attributes, |element| self.of(*element)))),
            "Record" => {
                let attributes = attributes.unwrap_or_default().into_iter();
                Type::Record(attributes.map(|(name, attribute)| (name, self.attribute(attribute))).collect())
            }
            _ => self.named(&kind, Wanted::Common),
        }
    }

    fn attribute(&self, attribute: schema_json::Type) -> Declared<Attribute> {
        let required = attribute.required.unwrap_or(true);
        let Declared { annotations, item: kind } = self.declared(attribute);
        Declared { annotations, item: Attribute { required, kind } }
    }

    /// Resolves a name as Cedar does: in the own namespace first, then in the empty one.
    fn named(&self, name: &str, wanted: Wanted) -> Type {
        let mut found = self.candidates(name).filter_map(|candidate| self.names.find(&candidate, wanted));
        found.next().unwrap_or_else(|| Type::Unknown(name.to_owned()))
    }

    fn candidates(&self, name: &str) -> impl Iterator<Item = String> + use<> {
        let own = (!name.contains("::") && !self.namespace.is_empty()).then(|| qualified(self.namespace, name));
        own.into_iter().chain([name.to_owned()])
    }
}

fn no_attributes() -> Type {
    Type::Record(BTreeMap::new())
}

fn meaning(annotations: Annotations) -> BTreeMap<String, String> {
    annotations.into_iter().map(|(key, value)| (key, value.unwrap_or_default())).collect()
}
