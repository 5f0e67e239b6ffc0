//! Limits the entity hierarchy of a document before Cedar computes the ancestors.
//!
//! Cedar follows parents recursively and gives every entity the set of all its ancestors. A chain of 100,000 entities
//! would overflow the stack, or take 5,000,000,000 set items. Reads uids and parents only. Does not know the schema.

use std::collections::HashMap;
use std::fmt;

use cedar_policy::EntityUid;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::types::error::{Error, ErrorDetail, Result, at_most, cut};
use crate::types::limits;

const WHAT: &str = "entities";

/// An entity of a document, with its parents.
pub(super) struct Node {
    pub uid: TypeAndId,
    pub parents: Vec<TypeAndId>,
}

#[derive(Deserialize)]
struct GivenNode {
    uid: Uid,
    #[serde(default)]
    parents: Vec<Uid>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Uid {
    Escaped {
        #[serde(rename = "__entity")]
        uid: TypeAndId,
    },
    Plain(TypeAndId),
    // Cedar has had other notations. Any of them is refused as an invalid uid.
    Other(IgnoredAny),
}

/// An entity uid in JSON.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct TypeAndId {
    pub r#type: String,
    id: String,
}

impl TypeAndId {
    pub(super) fn of(uid: &EntityUid) -> Self {
        Self { r#type: uid.type_name().to_string(), id: uid.id().unescaped().to_owned() }
    }

    /// Whether the type is `Action`, in any namespace.
    pub(super) fn is_action(&self) -> bool {
        self.r#type.rsplit("::").next() == Some("Action")
    }
}

impl fmt::Display for TypeAndId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::\"{}\"", self.r#type, self.id.escape_debug())
    }
}

impl Uid {
    fn names(self, entity: usize) -> Result<TypeAndId> {
        match self {
            Self::Escaped { uid } | Self::Plain(uid) => Ok(uid),
            Self::Other(_) => Err(invalid(format!(
                "invalid uid in entity {entity} (counted from 0): expected `{{type, id}}` or `{{__entity: {{type, id}}}}`"
            ))),
        }
    }
}

/// Reads the entities of a document. Its JSON must have passed the gate.
pub(super) fn read(json: &str) -> Result<Vec<Node>> {
    let nodes: Vec<GivenNode> = serde_json::from_str(json).map_err(|error| invalid(error.to_string()))?;
    let named = nodes.into_iter().enumerate().map(|(place, GivenNode { uid, parents })| {
        let parents = parents.into_iter().map(|parent| parent.names(place)).collect::<Result<_>>()?;
        Ok(Node { uid: uid.names(place)?, parents })
    });
    named.collect()
}

/// Checks the hierarchy of entities. Returns the number of levels of parents.
pub(super) fn check(nodes: &[Node]) -> Result<usize> {
    let mut numbers = HashMap::new();
    let mut parents: Vec<Vec<usize>> = Vec::new();
    for node in nodes {
        let child = number(&mut numbers, &mut parents, &node.uid);
        for parent in &node.parents {
            let parent = number(&mut numbers, &mut parents, parent);
            if let Some(of_child) = parents.get_mut(child) {
                of_child.push(parent);
            }
        }
    }
    let levels = depth(&parents).map_err(|error| match error {
        Unbounded::Cycle(node) => {
            let uid = numbers.iter().find(|(_, number)| **number == node).map(|(uid, _)| cut(&uid.to_string()));
            invalid(format!("entity `{}` is its own ancestor", uid.unwrap_or_default()))
        }
        Unbounded::TooDeep(error) => error,
    })?;
    ancestors(&parents)?;
    Ok(levels)
}

fn number<'a>(numbers: &mut HashMap<&'a TypeAndId, usize>, parents: &mut Vec<Vec<usize>>, uid: &'a TypeAndId) -> usize {
    *numbers.entry(uid).or_insert_with(|| {
        parents.push(Vec::new());
        parents.len() - 1
    })
}

/// The reason that a hierarchy is refused.
enum Unbounded {
    /// This node is its own ancestor.
    Cycle(usize),
    TooDeep(Error),
}

/// Refuses cycles and chains over the limit. Removes the nodes without children, level by level.
fn depth(parents: &[Vec<usize>]) -> Result<usize, Unbounded> {
    let mut children = vec![0_usize; parents.len()];
    for &parent in parents.iter().flatten() {
        if let Some(count) = children.get_mut(parent) {
            *count += 1;
        }
    }
    let mut level: Vec<usize> = (0..).zip(&children).filter(|(_, count)| **count == 0).map(|(n, _)| n).collect();
    let (mut levels, mut taken) = (0, 0);
    while !level.is_empty() {
        taken += level.len();
        let mut above = Vec::new();
        for &parent in level.iter().filter_map(|node| parents.get(*node)).flatten() {
            if let Some(count) = children.get_mut(parent) {
                *count -= 1;
                if *count == 0 {
                    above.push(parent);
                }
            }
        }
        levels += usize::from(!above.is_empty());
        at_most("levels of parents", levels, limits::ENTITY_DEPTH).map_err(Unbounded::TooDeep)?;
        level = above;
    }
    if taken < parents.len() {
        return Err(Unbounded::Cycle(in_a_cycle(parents, &children)));
    }
    Ok(levels)
}

/// A node of a cycle. Each remaining node is in a cycle or above one. The search starts at any of them and goes down to
/// children until it must be in a cycle.
fn in_a_cycle(parents: &[Vec<usize>], children: &[usize]) -> usize {
    let is_left = |node: &usize| children.get(*node).is_some_and(|count| *count > 0);
    let mut child_of = vec![None; parents.len()];
    for (child, above) in parents.iter().enumerate().filter(|(child, _)| is_left(child)) {
        for parent in above.iter().filter(|parent| is_left(parent)) {
            if let Some(place) = child_of.get_mut(*parent) {
                *place = Some(child);
            }
        }
    }
    // Each remaining node has a remaining child. So after as many steps down as there are nodes, the node is in a
    // cycle.
    let mut node = (0..parents.len()).find(is_left).unwrap_or_default();
    for _ in 0..parents.len() {
        node = child_of.get(node).copied().flatten().unwrap_or(node);
    }
    node
}

/// Counts the ancestors of each node, and refuses a sum over the limit.
fn ancestors(parents: &[Vec<usize>]) -> Result<()> {
    let mut seen_by = vec![usize::MAX; parents.len()];
    let mut total = 0;
    let mut open = Vec::new();
    for node in 0..parents.len() {
        open.push(node);
        while let Some(next) = open.pop() {
            for &parent in parents.get(next).into_iter().flatten() {
                let Some(seen) = seen_by.get_mut(parent) else { continue };
                if *seen != node {
                    *seen = node;
                    total += 1;
                    open.push(parent);
                }
            }
        }
        at_most("ancestors of all entities", total, limits::ENTITY_LINKS)?;
    }
    Ok(())
}

fn invalid(message: String) -> Error {
    ErrorDetail::Request { what: WHAT, message }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(json: &str) -> Result<usize> {
        check(&read(json)?)
    }

    fn code(edges: impl Iterator<Item = (usize, Vec<usize>)>) -> &'static str {
        let uid = |n: usize| format!(r#"{{"type":"U","id":"{n}"}}"#);
        let node = |(child, parents): (usize, Vec<usize>)| {
            let parents: Vec<_> = parents.into_iter().map(uid).collect();
            format!(r#"{{"uid":{},"attrs":{{}},"parents":[{}]}}"#, uid(child), parents.join(","))
        };
        let json = format!("[{}]", edges.map(node).collect::<Vec<_>>().join(","));
        levels(&json).map_or_else(|error| error.code(), |_| "ok")
    }

    #[test]
    fn chains_are_bounded_in_any_order() {
        assert_eq!(code((0..256).map(|n| (n, vec![n + 1]))), "ok");
        assert_eq!(code((0..257).map(|n| (n, vec![n + 1]))), "too_large");
        assert_eq!(code((1..100_000).map(|n| (n, vec![n - 1]))), "too_large");
    }

    #[test]
    fn cycles_are_refused() {
        assert_eq!(code([(0, vec![1]), (1, vec![2]), (2, vec![0])].into_iter()), "request");
        assert_eq!(code([(0, vec![0])].into_iter()), "request");
        // The error names a node of the cycle, and none above or below it.
        let uid = |n: usize| format!(r#"{{"type":"U","id":"{n}"}}"#);
        let edges = [(9, 8), (8, 7), (7, 6), (6, 8), (6, 1), (1, 2)];
        let nodes = edges.map(|(child, parent)| format!(r#"{{"uid":{},"parents":[{}]}}"#, uid(child), uid(parent)));
        let error = levels(&format!("[{}]", nodes.join(","))).unwrap_err().to_string();
        assert!(["8", "7", "6"].iter().any(|n| error.contains(&format!("`U::\"{n}\"` is its own"))), "{error}");
    }

    #[test]
    fn wide_and_shared_hierarchies_pass_and_huge_closures_do_not() {
        assert_eq!(code((0..20_000).map(|n| (n + 100, (0..20).collect()))), "ok");
        // 4 layers of 1,500 nodes. All nodes of a layer share a parent.
        let layered = (1_500..6_000).map(|n| (n, vec![n - 1_500, (n / 1_500 - 1) * 1_500]));
        assert_eq!(code(layered), "ok");
        let dense = (2_048..6_200).map(|n| (n, (0..2_048).collect()));
        assert_eq!(code(dense), "too_large");
    }

    #[test]
    fn both_forms_of_a_uid_are_one_node() {
        let json = r#"[{"uid":{"__entity":{"type":"U","id":"a"}},"parents":[{"type":"U","id":"b"}]},
                       {"uid":{"type":"U","id":"b"},"parents":[{"__entity":{"type":"U","id":"a"}}]}]"#;
        let error = levels(json).unwrap_err().to_string();
        assert!(error.contains(r#"`U::"a"`"#) || error.contains(r#"`U::"b"`"#), "{error}");
        assert_eq!(levels(r#"[{"uid":"U::\"a\"","parents":[]}]"#).unwrap_err().code(), "request");
    }
}
