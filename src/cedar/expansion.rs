//! Limits the size of a schema after Cedar expands every common type at each use and computes the ancestors of
//! hierarchies.
//!
//! Thirty short lines of `type B = {x: A, y: A}` are a billion attributes, and a long chain of references overflows the
//! stack. Works on a schema that Cedar has parsed. Does not check that names exist: a name that is not a common type
//! counts as one attribute.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use super::gate::too_deep;
use super::schema_model::{Declared, EntityType, Model, Type};
use crate::types::error::{Result, at_most};
use crate::types::limits;

const WHAT: &str = "schema";

/// Checks a schema, and returns its number of attributes and types with all common types expanded.
pub(super) fn check(schema: &Model) -> Result<usize> {
    let mut expansion = Expansion { schema, measured: HashMap::new() };
    let mut total = 0_usize;
    for namespace in schema.namespaces.values() {
        links(namespace.entity_types.values().map(|entity| match &entity.item {
            EntityType::Standard { member_of, .. } | EntityType::External { member_of } => member_of.as_slice(),
            EntityType::Enum(_) => &[],
        }))?;
        links(namespace.actions.values().map(|action| action.item.member_of.as_slice()))?;
        let entities = namespace.entity_types.values().flat_map(|entity| match &entity.item {
            EntityType::Standard { shape, tags, .. } => [Some(shape), tags.as_ref()],
            EntityType::Enum(_) | EntityType::External { .. } => [None, None],
        });
        let applying = namespace.actions.values().filter_map(|action| action.item.applies_to.as_ref());
        let contexts = applying.map(|applies_to| &applies_to.context);
        let common = namespace.common_types.values().map(|Declared { item, .. }| item);
        for definition in entities.flatten().chain(contexts).chain(common) {
            let size = expansion.measure(definition, limits::SCHEMA_DEPTH)?;
            total = total.saturating_add(size.attributes);
            at_most("attributes and types of the schema with common types expanded", total, limits::SCHEMA_EXPANDED)?;
        }
    }
    Ok(total)
}

/// Checks the number of children times parents of a hierarchy, an upper bound of its pairs of child and ancestor.
fn links<'a, T: Eq + Hash + 'a>(members: impl Iterator<Item = &'a [T]>) -> Result<()> {
    let mut parents = HashSet::new();
    let mut children = 0_usize;
    for of in members {
        children += usize::from(!of.is_empty());
        parents.extend(of);
    }
    at_most(
        "child-parent pairs of a hierarchy in the schema",
        children.saturating_mul(parents.len()),
        limits::SCHEMA_LINKS,
    )
}

#[derive(Clone, Copy, Default)]
struct Size {
    attributes: usize,
    depth: usize,
    /// The depth of nested records.
    records: usize,
}

struct Expansion<'a> {
    schema: &'a Model,
    /// The sizes of the common types measured so far, by full name.
    measured: HashMap<&'a str, Size>,
}

impl<'a> Expansion<'a> {
    /// Measures a type. Refuses one deeper than `depth`, which also bounds the recursion.
    fn measure(&mut self, definition: &'a Type, depth: usize) -> Result<Size> {
        if depth == 0 {
            return Err(too_deep(WHAT, limits::SCHEMA_DEPTH, 0));
        }
        let mut size = Size { attributes: 1, depth: 0, records: 0 };
        let mut add = |inner: Size| {
            size.attributes = size.attributes.saturating_add(inner.attributes);
            size.depth = size.depth.max(inner.depth);
            size.records = size.records.max(inner.records);
        };
        match definition {
            Type::Record(attributes) => {
                for attribute in attributes.values() {
                    add(self.measure(&attribute.item.kind, depth - 1)?);
                }
            }
            Type::Set(element) => add(self.measure(element, depth - 1)?),
            Type::Common(name) => add(self.measure_common(name, depth - 1)?),
            Type::Builtin(_) | Type::Entity(_) | Type::Unknown(_) => {}
        }
        size.records += usize::from(matches!(definition, Type::Record(_)));
        at_most("nested records of a type in the schema", size.records, limits::SCHEMA_RECORDS)?;
        size.depth += 1;
        if size.depth > depth {
            return Err(too_deep(WHAT, limits::SCHEMA_DEPTH, 0));
        }
        Ok(size)
    }

    fn measure_common(&mut self, name: &'a str, depth: usize) -> Result<Size> {
        if let Some(size) = self.measured.get(name) {
            return if size.depth > depth { Err(too_deep(WHAT, limits::SCHEMA_DEPTH, 0)) } else { Ok(*size) };
        }
        let Some(definition) = self.schema.common_type(name) else { return Ok(Size::default()) };
        // Ends the recursion of a type that contains itself. Cedar refuses it with a better message.
        self.measured.insert(name, Size::default());
        let size = self.measure(definition, depth)?;
        self.measured.insert(name, size);
        Ok(size)
    }
}

#[cfg(test)]
mod tests {
    use super::super::schema::ParsedSchema;
    use crate::types::limits;
    use crate::types::syntax::Syntax;

    fn code(text: &str) -> String {
        ParsedSchema::parse(Syntax::Cedar, text).map_or_else(|error| error.code().to_owned(), |_| "ok".to_owned())
    }

    fn chain(length: usize) -> String {
        let links: String = (1..length).map(|n| format!("type T{n} = {{ a: T{} }};", n - 1)).collect();
        format!("type T0 = Long; {links} entity E {{ a: T{} }};", length - 1)
    }

    #[test]
    fn common_types_that_double_again_and_again_are_refused() {
        let doubling = |n: usize| {
            let links: String = (1..n).map(|n| format!("type T{n} = {{ a: T{0}, b: T{0} }};", n - 1)).collect();
            format!("type T0 = Long; {links} entity E {{ a: T{} }};", n - 1)
        };
        assert_eq!((code(&doubling(8)), code(&doubling(30))), ("ok".to_owned(), "too_large".to_owned()));
        let namespaced = format!("namespace N {{ {} }}", doubling(30));
        assert_eq!(code(&namespaced), "too_large");
    }

    #[test]
    fn chains_of_references_are_bounded_in_any_order_of_definition() {
        assert_eq!((code(&chain(15)), code(&chain(2_000))), ("ok".to_owned(), "too_deep".to_owned()));
        let backward: String = (0..2_000).map(|n| format!("type T{n:04} = T{:04};", n + 1)).collect();
        assert_eq!(code(&format!("{backward} type T2000 = Long;")), "too_deep");
    }

    #[test]
    fn records_within_records_are_bounded_whatever_lies_between_them() {
        let nested = |open: &str, close: &str, n: usize| {
            code(&format!("entity E {{ d: {}Long{} }};", open.repeat(n - 1), close.repeat(n - 1)))
        };
        for (open, close) in [("{ a?: ", " }"), ("Set<{ a?: ", " }>")] {
            let codes = (nested(open, close, limits::SCHEMA_RECORDS), nested(open, close, limits::SCHEMA_RECORDS + 1));
            assert_eq!(codes, ("ok".to_owned(), "too_large".to_owned()), "{open}");
        }
        let named = |n: usize| {
            let links: String = (1..n).map(|n| format!("type T{n} = {{ a: T{} }};", n - 1)).collect();
            code(&format!("type T0 = Long; {links}"))
        };
        assert_eq!((named(17), named(18)), ("ok".to_owned(), "too_large".to_owned()));
    }

    #[test]
    fn a_type_that_contains_itself_is_cedars_to_refuse() {
        assert_eq!(code("type A = { b: B }; type B = Set<A>; entity E { a: A };"), "syntax");
    }

    #[test]
    fn a_long_chain_of_actions_or_entity_types_is_refused() {
        let actions: String = (1..3_000).map(|n| format!("action a{n} in a{};", n - 1)).collect();
        assert_eq!(code(&format!("action a0; {actions}")), "too_large");
        let groups: String = (0..5_000).map(|n| format!("action b{n} in g;")).collect();
        assert_eq!(code(&format!("action g; {groups}")), "ok");
    }
}
