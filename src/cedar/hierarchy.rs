//! Bounds the entity hierarchy of a document before Cedar closes it.
//!
//! Cedar follows parents recursively and gives every entity the set of all its ancestors: a chain of 100,000 entities
//! would end the stack, or take 5,000,000,000 entries. Only uids and parents are read here; whether they fit a schema
//! is not known.

use std::collections::HashMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::error::{ErrorDetail, Result, at_most};
use crate::limits;

const WHAT: &str = "entities";

#[derive(Deserialize)]
struct Node {
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
    // Cedar has had further forms; it decides about them, and they are no nodes here.
    Other(IgnoredAny),
}

#[derive(Deserialize, PartialEq, Eq, Hash)]
struct TypeAndId {
    r#type: String,
    id: String,
}

impl Uid {
    fn names(self) -> Result<TypeAndId> {
        match self {
            Self::Escaped { uid } | Self::Plain(uid) => Ok(uid),
            Self::Other(_) => Err(invalid("a uid is neither `{type, id}` nor `{__entity: {type, id}}`".to_owned())),
        }
    }
}

/// Checks the hierarchy of an entities document, whose JSON has passed the gate. Returns how many parents stand above one
/// another.
pub(super) fn check(json: &str) -> Result<usize> {
    let nodes: Vec<Node> = serde_json::from_str(json).map_err(|error| invalid(error.to_string()))?;
    let mut numbers = HashMap::new();
    let mut parents: Vec<Vec<usize>> = Vec::new();
    for node in nodes {
        let child = number(&mut numbers, &mut parents, node.uid.names()?);
        for parent in node.parents {
            let parent = number(&mut numbers, &mut parents, parent.names()?);
            if let Some(of_child) = parents.get_mut(child) {
                of_child.push(parent);
            }
        }
    }
    let levels = depth(&parents)?;
    ancestors(&parents)?;
    Ok(levels)
}

fn number(numbers: &mut HashMap<TypeAndId, usize>, parents: &mut Vec<Vec<usize>>, uid: TypeAndId) -> usize {
    *numbers.entry(uid).or_insert_with(|| {
        parents.push(Vec::new());
        parents.len() - 1
    })
}

/// Refuses cycles and chains over the limit, taking away those without children again and again.
fn depth(parents: &[Vec<usize>]) -> Result<usize> {
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
        at_most("levels of parents", levels, limits::ENTITY_DEPTH)?;
        level = above;
    }
    if taken < parents.len() {
        return Err(invalid("the hierarchy of parents has a cycle".to_owned()));
    }
    Ok(levels)
}

/// Counts all ancestors of all nodes, each once, and stops at the limit.
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

fn invalid(message: String) -> crate::error::Error {
    ErrorDetail::Request { what: WHAT, message }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(edges: impl Iterator<Item = (usize, Vec<usize>)>) -> &'static str {
        let uid = |n: usize| format!(r#"{{"type":"U","id":"{n}"}}"#);
        let node = |(child, parents): (usize, Vec<usize>)| {
            let parents: Vec<_> = parents.into_iter().map(uid).collect();
            format!(r#"{{"uid":{},"attrs":{{}},"parents":[{}]}}"#, uid(child), parents.join(","))
        };
        let json = format!("[{}]", edges.map(node).collect::<Vec<_>>().join(","));
        check(&json).map_or_else(|error| error.code(), |_| "ok")
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
    }

    #[test]
    fn wide_and_shared_hierarchies_pass_and_huge_closures_do_not() {
        assert_eq!(code((0..20_000).map(|n| (n + 100, (0..20).collect()))), "ok");
        // Layers in which everybody is a child of everybody above: 4 layers of 1,500.
        let layered = (1_500..6_000).map(|n| (n, vec![n - 1_500, (n / 1_500 - 1) * 1_500]));
        assert_eq!(code(layered), "ok");
        let dense = (2_048..6_200).map(|n| (n, (0..2_048).collect()));
        assert_eq!(code(dense), "too_large");
    }

    #[test]
    fn both_forms_of_a_uid_are_one_node() {
        let json = r#"[{"uid":{"__entity":{"type":"U","id":"a"}},"parents":[{"type":"U","id":"b"}]},
                       {"uid":{"type":"U","id":"b"},"parents":[{"__entity":{"type":"U","id":"a"}}]}]"#;
        assert_eq!(check(json).unwrap_err().code(), "request");
        assert_eq!(check(r#"[{"uid":"U::\"a\"","parents":[]}]"#).unwrap_err().code(), "request");
    }
}
