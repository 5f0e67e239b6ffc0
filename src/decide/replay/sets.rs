//! Sets of entities of recorded decisions: as text, for as long as later lines may name them, and read, in a cache with a
//! budget.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use cedar_policy::Entities;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

use super::left_out::{LeftOut, Refusal};
use crate::cedar;
use crate::decide::authorizer::Authorizer;
use crate::decide::receipt::entities_sha;
use crate::decide::record::line::SET_BYTES;
use crate::types::error::{ErrorDetail, Result};
use crate::types::hash::Sha256;
use crate::types::limits;

/// A set as text, on a line of its own.
pub(super) struct SetText {
    key: Key,
    json: Box<str>,
}

/// The rules that read sets by a schema other than that of the receipt.
#[derive(Clone, Copy)]
pub(super) struct Anew<'a> {
    pub authorizer: &'a Authorizer,
    /// Without validation.
    pub as_given: bool,
}

impl Anew<'_> {
    fn read(self, json: &str) -> Result<Entities> {
        let json = cedar::without_actions(json)?;
        if self.as_given { self.authorizer.entities_as_given(&json) } else { self.authorizer.entities(&json) }
    }
}

/// The hash of the JSON.
type Key = [u8; 32];

impl SetText {
    #[cfg(test)]
    pub(super) fn json(&self) -> &str {
        &self.json
    }

    /// Its bytes in the window, with those of its places there.
    fn size(&self) -> usize {
        self.json.len() + SET_BYTES
    }

    fn new(json: &str) -> Self {
        Self { key: *blake3::hash(json.as_bytes()).as_bytes(), json: json.into() }
    }
}

/// The sets that lines after this one may name. A line is in force until [`limits::RECORDED_ENTITIES_KEPT_BYTES`] of
/// later ones.
#[derive(Default)]
pub(super) struct Window {
    sets: HashMap<Sha256, Arc<SetText>>,
    /// Oldest first.
    order: VecDeque<(Sha256, Arc<SetText>)>,
    bytes: usize,
}

impl Window {
    /// Adds a set. A later one with the same hash replaces it.
    pub(super) fn add(&mut self, sha: Sha256, json: &str) {
        let set = Arc::new(SetText::new(json));
        self.bytes += set.size();
        self.order.push_back((sha, set.clone()));
        self.sets.insert(sha, set);
        while self.bytes > limits::RECORDED_ENTITIES_KEPT_BYTES {
            let Some((sha, oldest)) = self.order.pop_front() else { return };
            self.bytes -= oldest.size();
            // Unless it was replaced.
            if self.sets.get(&sha).is_some_and(|set| Arc::ptr_eq(set, &oldest)) {
                self.sets.remove(&sha);
            }
        }
    }

    pub(super) fn get(&self, sha: &Sha256) -> Option<Arc<SetText>> {
        self.sets.get(sha).cloned()
    }
}

/// A set that was read, or the reason that it was not.
pub(super) struct ReadSet {
    /// The entities as recorded, with the SHA-256 of their canonical form.
    pub recorded: Result<(Entities, Sha256), Refusal>,
    /// The entities by the schema of another authorizer.
    pub anew: Result<Entities, Refusal>,
    weight: usize,
}

#[derive(Clone)]
struct Bytes;

impl Weighter<(Key, bool), Arc<ReadSet>> for Bytes {
    fn weight(&self, _: &(Key, bool), set: &Arc<ReadSet>) -> u64 {
        u64::try_from(set.weight).unwrap_or(u64::MAX)
    }
}

/// Bytes of all cached sets.
const BUDGET: u64 = 64 * 1024 * 1024;
/// Bytes of read entities for each byte of JSON. Measured 6 to 11.
const GROWTH: usize = 16;
/// Sets in the cache's table at first.
const EXPECTED: usize = 1_024;

/// Sets that were read.
pub(super) struct ReadSets(Cache<(Key, bool), Arc<ReadSet>, Bytes>);

impl ReadSets {
    pub(super) fn new() -> Result<Self> {
        // One shard, as each has a part of the budget only.
        let options =
            OptionsBuilder::new().shards(1).estimated_items_capacity(EXPECTED).weight_capacity(BUDGET).build();
        let options = options.map_err(|error| ErrorDetail::failed("make the cache", error))?;
        Ok(Self(Cache::with_options(options, Bytes, DefaultHashBuilder::default(), DefaultLifecycle::default())))
    }

    /// Reads a set of an earlier line; by another schema too, if `anew` is given.
    pub(super) fn earlier(&self, set: &SetText, anew: Option<Anew<'_>>) -> Result<Arc<ReadSet>> {
        self.cached(set.key, &set.json, anew)
    }

    /// Reads the set of a decision's own line.
    pub(super) fn inline(&self, json: &str, anew: Option<Anew<'_>>) -> Result<Arc<ReadSet>> {
        self.cached(*blake3::hash(json.as_bytes()).as_bytes(), json, anew)
    }

    fn cached(&self, key: Key, json: &str, anew: Option<Anew<'_>>) -> Result<Arc<ReadSet>> {
        self.0.get_or_insert_with(&(key, anew.is_some()), || ReadSet::read(json, anew).map(Arc::new))
    }
}

impl ReadSet {
    fn read(json: &str, anew: Option<Anew<'_>>) -> Result<Self> {
        let recorded = cedar::exact_entities(json).and_then(|entities| Ok((entities_sha(&entities)?, entities)));
        let recorded = Refusal::of(LeftOut::Malformed, recorded.map(|(sha, entities)| (entities, sha)))?;
        let anew = match anew {
            Some(anew) => Refusal::of(LeftOut::Unreadable, anew.read(json))?,
            None => Err(Refusal::new(LeftOut::Unreadable, "not read anew")),
        };
        let copies = if anew.is_ok() { 2 } else { 1 };
        Ok(Self { recorded, anew, weight: 1_024 + json.len() * GROWTH * copies })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(n: usize, bytes: usize) -> String {
        format!(r#"[{{"uid":{{"type":"U","id":"{n}"}},"attrs":{{"a":"{}"}},"parents":[]}}]"#, "x".repeat(bytes))
    }

    #[test]
    fn a_set_is_in_force_until_many_bytes_of_later_ones() {
        let (mut window, mebibyte) = (Window::default(), "x".repeat((1 << 20) - SET_BYTES));
        let sha = |n: u32| Sha256::of(&n.to_be_bytes());
        (0..200).for_each(|n| window.add(sha(n), &mebibyte));
        let kept = limits::RECORDED_ENTITIES_KEPT_BYTES >> 20;
        assert_eq!((window.bytes >> 20, window.order.len(), window.sets.len()), (kept, kept, kept));
        assert!(window.get(&sha(199)).is_some() && window.get(&sha(199 - kept as u32)).is_none());
        // Small sets count with their places.
        let mut small = Window::default();
        (0..200_000).for_each(|n| small.add(sha(n), "[]"));
        assert_eq!(small.order.len(), limits::RECORDED_ENTITIES_KEPT_BYTES / (SET_BYTES + 2));
        // A set that is given again is in force from there.
        let again = sha(200 - kept as u32);
        window.add(again, "[]");
        window.add(again, "[ ]");
        (200..200 + kept as u32 / 2).for_each(|n| window.add(sha(n), &mebibyte));
        assert_eq!(window.get(&again).unwrap().json.as_ref(), "[ ]");
    }

    #[test]
    fn sets_that_were_read_stay_within_their_budget_and_are_read_once() {
        let sets = ReadSets::new().unwrap();
        for n in 0..100 {
            let json = set(n, 100 << 10);
            let read = sets.inline(&json, None).unwrap();
            assert!(Arc::ptr_eq(&read, &sets.inline(&json, None).unwrap()), "{n}");
            assert!(Arc::ptr_eq(&read, &sets.earlier(&SetText::new(&json), None).unwrap()), "{n}");
            assert!(sets.0.weight() <= BUDGET);
        }
        assert!(sets.0.len() < 50 && sets.0.weight() > BUDGET / 2, "{}", sets.0.weight());
    }
}
