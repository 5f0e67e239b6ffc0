//! The types of attributes and tags in a schema, as far as the reading of JSON depends on them: entity, record, or
//! value of an extension.
//!
//! Works on a schema with resolved names. Does not read values.

use std::collections::{BTreeMap, HashMap};

use super::schema_model::{self, Declared, Model, qualified};

/// The type of a value.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Type {
    /// A Boolean, a number or a string.
    Plain,
    Entity,
    /// A value of an extension type, by the function that makes it from a string.
    Extension(&'static str),
    Set(Box<Type>),
    Record(BTreeMap<String, Type>),
    /// A common type, by its place in [`Described::common`].
    Common(usize),
}

/// The types of a schema's attributes and tags, by entity type.
#[derive(Debug, Default)]
pub(super) struct Described {
    entities: HashMap<String, EntityType>,
    common: Vec<Type>,
}

#[derive(Debug)]
struct EntityType {
    attributes: Type,
    tags: Option<Type>,
}

/// Approximate bytes of one attribute without its name.
const ATTRIBUTE: usize = 96;

impl Described {
    /// Reads a schema. The depth of its types must have been checked.
    pub(super) fn of(model: &Model) -> Self {
        let mut places = HashMap::new();
        let mut definitions = Vec::new();
        for (namespace, definition) in &model.namespaces {
            for (name, common) in &definition.common_types {
                places.insert(qualified(namespace, name), definitions.len());
                definitions.push(&common.item);
            }
        }
        let mut entities = HashMap::new();
        for (namespace, definition) in &model.namespaces {
            for (name, Declared { item, .. }) in &definition.entity_types {
                let schema_model::EntityType::Standard { shape, tags, .. } = item else { continue };
                let tags = tags.as_ref().map(|tags| type_of(&places, tags));
                let entity_type = EntityType { attributes: type_of(&places, shape), tags };
                entities.insert(qualified(namespace, name), entity_type);
            }
        }
        Self { entities, common: definitions.into_iter().map(|definition| type_of(&places, definition)).collect() }
    }

    /// The type of an attribute of an entity type. None if the schema does not describe it.
    pub(super) fn attribute(&self, entity_type: &str, name: &str) -> Option<&Type> {
        match self.resolved(&self.entities.get(entity_type)?.attributes) {
            Type::Record(attributes) => attributes.get(name),
            _ => None,
        }
    }

    /// The type of the tags of an entity type, if it has tags.
    pub(super) fn tag(&self, entity_type: &str) -> Option<&Type> {
        self.entities.get(entity_type)?.tags.as_ref()
    }

    /// The definition of a common type. Cedar has refused cyclic definitions.
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
            name.len() + ATTRIBUTE + weight(&entity.attributes) + entity.tags.as_ref().map_or(0, weight)
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

/// The type of a definition. `places` has the place of each common type, by full name.
fn type_of(places: &HashMap<String, usize>, definition: &schema_model::Type) -> Type {
    match definition {
        schema_model::Type::Builtin(name) => built_in(name),
        schema_model::Type::Entity(_) => Type::Entity,
        schema_model::Type::Common(name) => places.get(name).map_or(Type::Plain, |place| Type::Common(*place)),
        schema_model::Type::Unknown(_) => Type::Plain,
        schema_model::Type::Set(element) => Type::Set(Box::new(type_of(places, element))),
        schema_model::Type::Record(attributes) => Type::Record(
            attributes.iter().map(|(name, attribute)| (name.clone(), type_of(places, &attribute.item.kind))).collect(),
        ),
    }
}

/// The type of one of Cedar's own names. An extension type has the function that makes a value from a string.
fn built_in(name: &str) -> Type {
    match name.strip_prefix("__cedar::").unwrap_or(name) {
        "ipaddr" => Type::Extension("ip"),
        "decimal" => Type::Extension("decimal"),
        "datetime" => Type::Extension("datetime"),
        "duration" => Type::Extension("duration"),
        _ => Type::Plain,
    }
}
