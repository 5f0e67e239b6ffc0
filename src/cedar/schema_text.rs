//! Writes a schema in Cedar's syntax.
//!
//! Cedar's own printer refuses two kinds of schemas that Cedar can read: with an entity type and a common type of one
//! name in a namespace, and with a common type as the shape of an entity type. Here, each name is written so that it
//! resolves to one declaration only. Does not check that the text reads back as the same schema: the caller does.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use super::schema_model::{Action, Attribute, BUILTIN, Declared, EntityType, Model, Namespace, Type, qualified, split};

/// Writes a schema. An error names the reference that Cedar's syntax cannot express.
pub(super) fn write(schema: &Model) -> Result<String, String> {
    if let Some(name) = schema.namespaces.values().find_map(|namespace| unsayable(schema, namespace)) {
        return Err(format!(
            "Cedar's syntax cannot refer to the entity type `{name}`, because the common type `{name}` takes precedence"
        ));
    }
    let mut text = String::new();
    for (name, namespace) in &schema.namespaces {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&InSyntax { schema, name, namespace }.to_string());
    }
    Ok(text)
}

/// A referenced entity type with a name that resolves to a common type in Cedar's syntax.
fn unsayable<'a>(schema: &Model, namespace: &'a Namespace) -> Option<&'a str> {
    let mut open: Vec<&Type> = namespace.common_types.values().map(|common| &common.item).collect();
    for entity in namespace.entity_types.values() {
        if let EntityType::Standard { shape, tags, .. } = &entity.item {
            open.push(shape);
            open.extend(tags);
        }
    }
    let applying = namespace.actions.values().filter_map(|action| action.item.applies_to.as_ref());
    open.extend(applying.map(|applies_to| &applies_to.context));
    while let Some(definition) = open.pop() {
        match definition {
            Type::Entity(name) if schema.common_type(name).is_some() => return Some(name),
            Type::Set(element) => open.push(element),
            Type::Record(attributes) => open.extend(attributes.values().map(|attribute| &attribute.item.kind)),
            _ => {}
        }
    }
    None
}

/// A namespace, with the schema to look its names up in.
struct InSyntax<'a> {
    schema: &'a Model,
    name: &'a str,
    namespace: &'a Namespace,
}

impl Display for InSyntax<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let indent = if self.name.is_empty() { 0 } else { 2 };
        if indent > 0 {
            annotations(f, &self.namespace.annotations, 0)?;
            writeln!(f, "namespace {} {{", self.name)?;
        }
        for (name, common) in &self.namespace.common_types {
            annotations(f, &common.annotations, indent)?;
            write!(f, "{:indent$}type {name} = ", "")?;
            self.type_of(f, &common.item, indent)?;
            writeln!(f, ";")?;
        }
        for (name, entity) in &self.namespace.entity_types {
            annotations(f, &entity.annotations, indent)?;
            self.entity_type(f, name, &entity.item, indent)?;
        }
        for (id, action) in &self.namespace.actions {
            annotations(f, &action.annotations, indent)?;
            self.action(f, id, &action.item, indent)?;
        }
        if indent > 0 { writeln!(f, "}}") } else { Ok(()) }
    }
}

impl InSyntax<'_> {
    fn entity_type(&self, f: &mut Formatter<'_>, name: &str, entity: &EntityType, indent: usize) -> fmt::Result {
        let external = if matches!(entity, EntityType::External { .. }) { "external " } else { "" };
        write!(f, "{:indent$}{external}entity {name}", "")?;
        match entity {
            EntityType::External { member_of } => self.parents(f, member_of)?,
            EntityType::Enum(choices) => {
                write!(f, " enum [{}]", list(choices.iter().map(|choice| quoted(choice))))?;
            }
            EntityType::Standard { member_of, shape, tags } => {
                self.parents(f, member_of)?;
                if !matches!(shape, Type::Record(attributes) if attributes.is_empty()) {
                    write!(f, " = ")?;
                    self.type_of(f, shape, indent)?;
                }
                if let Some(tags) = tags {
                    write!(f, " tags ")?;
                    self.type_of(f, tags, indent)?;
                }
            }
        }
        writeln!(f, ";")
    }

    fn parents(&self, f: &mut Formatter<'_>, member_of: &[String]) -> fmt::Result {
        if member_of.is_empty() { Ok(()) } else { write!(f, " in [{}]", self.names(member_of)) }
    }

    fn names(&self, names: &[String]) -> String {
        list(names.iter().map(|name| self.short(name).to_owned()))
    }

    fn action(&self, f: &mut Formatter<'_>, id: &str, action: &Action, indent: usize) -> fmt::Result {
        let external = if action.external { "external " } else { "" };
        write!(f, "{:indent$}{external}action {}", "", name_or_string(id))?;
        if !action.member_of.is_empty() {
            write!(f, " in [{}]", list(action.member_of.iter().map(|(kind, id)| self.parent(kind, id))))?;
        }
        if let Some(applies_to) = &action.applies_to {
            let inner = indent + 2;
            writeln!(f, " appliesTo {{")?;
            writeln!(f, "{:inner$}principal: [{}],", "", self.names(&applies_to.principals))?;
            writeln!(f, "{:inner$}resource: [{}],", "", self.names(&applies_to.resources))?;
            write!(f, "{:inner$}context: ", "")?;
            self.type_of(f, &applies_to.context, inner)?;
            write!(f, "\n{:indent$}}}", "")?;
        }
        writeln!(f, ";")
    }

    /// The name of a parent action. An action of this namespace or of the empty one is written by its id, for the
    /// reason in [`short`](Self::short).
    fn parent(&self, kind: &str, id: &str) -> String {
        let is_near = kind == "Action" || kind == qualified(self.name, "Action");
        if is_near { name_or_string(id) } else { format!("{kind}::{}", quoted(id)) }
    }

    fn type_of(&self, f: &mut Formatter<'_>, definition: &Type, indent: usize) -> fmt::Result {
        match definition {
            Type::Builtin(name) => f.write_str(&self.builtin(name)),
            Type::Entity(name) | Type::Common(name) => f.write_str(self.short(name)),
            Type::Unknown(name) => f.write_str(name),
            Type::Set(element) => {
                write!(f, "Set<")?;
                self.type_of(f, element, indent)?;
                write!(f, ">")
            }
            Type::Record(attributes) => self.record(f, attributes, indent),
        }
    }

    fn record(
        &self,
        f: &mut Formatter<'_>,
        attributes: &BTreeMap<String, Declared<Attribute>>,
        indent: usize,
    ) -> fmt::Result {
        if attributes.is_empty() {
            return write!(f, "{{}}");
        }
        let inner = indent + 2;
        writeln!(f, "{{")?;
        for (count, (name, attribute)) in attributes.iter().enumerate() {
            annotations(f, &attribute.annotations, inner)?;
            let optional = if attribute.item.required { "" } else { "?" };
            write!(f, "{:inner$}{}{optional}: ", "", name_or_string(name))?;
            self.type_of(f, &attribute.item.kind, inner)?;
            writeln!(f, "{}", if count + 1 < attributes.len() { "," } else { "" })?;
        }
        write!(f, "{:indent$}}}", "")
    }

    /// The shortest notation of a full name in this namespace. Cedar refuses a namespace that declares a name of the
    /// empty one, so a name without a namespace is unambiguous.
    fn short<'a>(&self, name: &'a str) -> &'a str {
        let (namespace, base) = split(name);
        if namespace == self.name { base } else { name }
    }

    /// A built-in type, by its short name if no declared type has that name.
    fn builtin(&self, name: &str) -> String {
        let taken = self.schema.declares(name) || self.schema.declares(&qualified(self.name, name));
        if taken || !BUILTIN.contains(&name) { format!("__cedar::{name}") } else { name.to_owned() }
    }
}

fn annotations(f: &mut Formatter<'_>, annotations: &BTreeMap<String, String>, indent: usize) -> fmt::Result {
    for (key, value) in annotations {
        write!(f, "{:indent$}@{key}", "")?;
        writeln!(f, "{}", if value.is_empty() { String::new() } else { format!("({})", quoted(value)) })?;
    }
    Ok(())
}

fn list(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.escape_debug())
}

/// The words that cannot be identifiers.
const RESERVED: [&str; 10] = ["__cedar", "else", "false", "has", "if", "in", "is", "like", "then", "true"];

fn name_or_string(name: &str) -> String {
    let in_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(in_name);
    if is_name && !RESERVED.contains(&name) { name.to_owned() } else { quoted(name) }
}
