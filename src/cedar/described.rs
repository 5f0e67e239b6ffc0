//! The types that a schema gives to attributes and tags, as far as they decide how JSON is read: where an entity stands,
//! where a record, and where a value of an extension.
//!
//! It works on the JSON form of a schema that Cedar has parsed and resolved, so every name in it exists. Values are not
//! looked at here.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};

/// The type of a value.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Type {
    /// A Boolean, a number or a string.
    Plain,
    Entity,
    /// A value of the extension type that this function makes of a string.
    Extension(&'static str),
    Set(Box<Type>),
    Record(BTreeMap<String, Type>),
    /// A common type, by its place in [`Described::common`].
    Common(usize),
}

/// What a schema says of the attributes of its entity types.
#[derive(Debug, Default)]
pub(super) struct Described {
    entities: HashMap<String, EntityType>,
    common: Vec<Type>,
}

#[derive(Debug, Default)]
struct EntityType {
    attributes: Option<Type>,
    tags: Option<Type>,
}

/// What one attribute takes in memory beside its name, roughly.
const ATTRIBUTE: usize = 96;

impl Described {
    /// Reads the JSON form of a schema, whose depth is bounded.
    pub(super) fn of(schema: &Value) -> Self {
        let mut names = Names { entities: HashMap::new(), common: HashMap::new() };
        let (mut entities, mut common) = (Vec::new(), Vec::new());
        for (namespace, definition) in schema.as_object().into_iter().flatten() {
            for (name, definition) in members(definition, "commonTypes") {
                names.common.insert(qualified(namespace, name), common.len());
                common.push((namespace.as_str(), definition));
            }
            for (name, definition) in members(definition, "entityTypes") {
                names.entities.insert(qualified(namespace, name), entities.len());
                entities.push((namespace.as_str(), name, definition));
            }
        }
        let of_entity = |(namespace, name, definition): (&str, &String, &Value)| {
            let type_of = |key| definition.get(key).map(|definition| names.type_of(namespace, definition));
            (qualified(namespace, name), EntityType { attributes: type_of("shape"), tags: type_of("tags") })
        };
        Self {
            entities: entities.into_iter().map(of_entity).collect(),
            common: common.into_iter().map(|(namespace, definition)| names.type_of(namespace, definition)).collect(),
        }
    }

    /// The type of an attribute of an entity type; none where the schema does not describe it.
    pub(super) fn attribute(&self, entity_type: &str, name: &str) -> Option<&Type> {
        let attributes = self.entities.get(entity_type)?.attributes.as_ref()?;
        match self.resolved(attributes) {
            Type::Record(attributes) => attributes.get(name),
            _ => None,
        }
    }

    /// The type of the tags of an entity type, if it has tags.
    pub(super) fn tag(&self, entity_type: &str) -> Option<&Type> {
        self.entities.get(entity_type)?.tags.as_ref()
    }

    /// The type that a name stands for. Cedar has refused names that lead in a circle.
    pub(super) fn resolved<'a>(&'a self, mut of: &'a Type) -> &'a Type {
        for _ in 0..=self.common.len() {
            let Type::Common(place) = of else { break };
            of = self.common.get(*place).unwrap_or(&Type::Plain);
        }
        of
    }

    /// An estimate of its bytes in memory.
    pub(super) fn weight(&self) -> usize {
        let of_entities = self.entities.iter().map(|(name, entity)| {
            name.len() + ATTRIBUTE + [&entity.attributes, &entity.tags].into_iter().flatten().map(weight).sum::<usize>()
        });
        of_entities.sum::<usize>() + self.common.iter().map(weight).sum::<usize>()
    }
}

fn weight(of: &Type) -> usize {
    ATTRIBUTE
        + match of {
            Type::Set(element) => weight(element),
            Type::Record(attributes) => attributes.iter().map(|(name, of)| name.len() + weight(of)).sum(),
            Type::Plain | Type::Entity | Type::Extension(_) | Type::Common(_) => 0,
        }
}

/// The names that a schema declares, each with its place among those of its kind.
struct Names {
    entities: HashMap<String, usize>,
    common: HashMap<String, usize>,
}

impl Names {
    fn type_of(&self, namespace: &str, definition: &Value) -> Type {
        let text = |key| definition.get(key).and_then(Value::as_str).unwrap_or_default();
        match text("type") {
            "Record" => Type::Record(
                members(definition, "attributes")
                    .map(|(name, attribute)| (name.clone(), self.type_of(namespace, attribute)))
                    .collect(),
            ),
            "Set" => {
                Type::Set(Box::new(definition.get("element").map_or(Type::Plain, |of| self.type_of(namespace, of))))
            }
            "Entity" => Type::Entity,
            "Extension" => built_in(text("name")),
            "EntityOrCommon" => self.named(namespace, text("name"), true),
            name => self.named(namespace, name, false),
        }
    }

    /// The type that a name stands for. Cedar looks in the own namespace, then among names without one, then among its
    /// own; and in each for a common type before an entity type.
    fn named(&self, namespace: &str, name: &str, or_entity: bool) -> Type {
        for candidate in [qualified(namespace, name), name.to_owned()] {
            if let Some(place) = self.common.get(&candidate) {
                return Type::Common(*place);
            }
            if or_entity && self.entities.contains_key(&candidate) {
                return Type::Entity;
            }
        }
        built_in(name)
    }
}

/// The type of a name of Cedar's own, with the function that makes its values of strings.
fn built_in(name: &str) -> Type {
    match name.strip_prefix("__cedar::").unwrap_or(name) {
        "ipaddr" => Type::Extension("ip"),
        "decimal" => Type::Extension("decimal"),
        "datetime" => Type::Extension("datetime"),
        "duration" => Type::Extension("duration"),
        _ => Type::Plain,
    }
}

fn members<'a>(object: &'a Value, key: &str) -> impl Iterator<Item = (&'a String, &'a Value)> + use<'a> {
    object.get(key).and_then(Value::as_object).into_iter().flat_map(Map::iter)
}

fn qualified(namespace: &str, name: &str) -> String {
    if namespace.is_empty() || name.contains("::") { name.to_owned() } else { format!("{namespace}::{name}") }
}
