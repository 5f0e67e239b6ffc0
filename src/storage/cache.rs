//! A cache of decoded entries, content, log ids and nodes of trees, within a budget in bytes.
//!
//! Its values never change once they are durable. An erasure and a recovery replace the whole cache. So no value is
//! ever outdated. Only values that were read from a committed snapshot and verified by their hash may enter.

use std::fmt;
use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::index::key::LogNumber;
use crate::record::{LogEntry, NodeHash};
use crate::types::cache_stats::CacheStats;
use crate::types::hash::Sha256;
use crate::types::id::LogId;

/// Bytes of a cached item beside its content: the item, its key and a slot of the cache.
const OVERHEAD: usize = 160;
/// Approximate weight of an item; only for the initial size of the cache's tables.
const TYPICAL: u64 = 1_024;

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Log(LogNumber),
    /// The log of an existing zone.
    Zone(LogNumber),
    Entry(LogNumber, u64),
    Content(Sha256),
    /// A group of neighbours of a level of a log's tree.
    Nodes(LogNumber, u32, u64),
}

#[derive(Clone)]
enum Value {
    Log(LogId),
    /// An entry, and its bytes on disk.
    Entry(Arc<LogEntry>, usize),
    Content(Arc<str>),
    /// The first nodes of a group, or all.
    Nodes(Arc<[NodeHash]>),
}

#[derive(Clone)]
struct Bytes;

impl Weighter<Key, Value> for Bytes {
    fn weight(&self, _: &Key, value: &Value) -> u64 {
        let bytes = match value {
            // The strings and hashes of a decoded entry take about as many bytes again.
            Value::Entry(_, stored) => size_of::<LogEntry>() + stored * 2,
            Value::Content(text) => text.len(),
            Value::Nodes(nodes) => size_of_val(&**nodes),
            Value::Log(_) => 0,
        };
        u64::try_from(bytes + OVERHEAD).unwrap_or(u64::MAX)
    }
}

pub(super) struct RecordCache(Cache<Key, Value, Bytes>);

impl fmt::Debug for RecordCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecordCache({} of {} bytes)", self.0.weight(), self.0.capacity())
    }
}

impl RecordCache {
    pub(super) fn new(budget: usize) -> Self {
        let budget = u64::try_from(budget).unwrap_or(u64::MAX);
        let items = usize::try_from(budget / TYPICAL).unwrap_or(usize::MAX).max(16);
        Self(Cache::with_weighter(items, budget, Bytes))
    }

    pub(super) fn stats(&self) -> CacheStats {
        let Self(cache) = self;
        CacheStats { bytes: cache.weight(), capacity: cache.capacity(), hits: cache.hits(), misses: cache.misses() }
    }

    /// The id of the log with this number.
    pub(super) fn log_id(&self, log: LogNumber) -> Option<LogId> {
        match self.0.get(&Key::Log(log)) {
            Some(Value::Log(id)) => Some(id),
            _ => None,
        }
    }

    /// Whether an existing zone has this log.
    pub(super) fn has_zone(&self, log: LogNumber, id: LogId) -> bool {
        matches!(self.0.get(&Key::Zone(log)), Some(Value::Log(known)) if known == id)
    }

    pub(super) fn entry(&self, log: LogNumber, position: u64) -> Option<Arc<LogEntry>> {
        match self.0.get(&Key::Entry(log, position)) {
            Some(Value::Entry(entry, _)) => Some(entry),
            _ => None,
        }
    }

    pub(super) fn content(&self, sha: Sha256) -> Option<Arc<str>> {
        match self.0.get(&Key::Content(sha)) {
            Some(Value::Content(text)) => Some(text),
            _ => None,
        }
    }

    pub(super) fn nodes(&self, log: LogNumber, level: u32, group: u64) -> Option<Arc<[NodeHash]>> {
        match self.0.get(&Key::Nodes(log, level, group)) {
            Some(Value::Nodes(nodes)) => Some(nodes),
            _ => None,
        }
    }

    pub(super) fn keep_log_id(&self, log: LogNumber, id: LogId) {
        self.0.insert(Key::Log(log), Value::Log(id));
    }

    pub(super) fn keep_zone(&self, log: LogNumber, id: LogId) {
        self.0.insert(Key::Zone(log), Value::Log(id));
    }

    pub(super) fn keep_entry(&self, log: LogNumber, entry: Arc<LogEntry>, stored: usize) {
        self.0.insert(Key::Entry(log, entry.envelope.position), Value::Entry(entry, stored));
    }

    pub(super) fn keep_nodes(&self, log: LogNumber, level: u32, group: u64, nodes: Arc<[NodeHash]>) {
        self.0.insert(Key::Nodes(log, level, group), Value::Nodes(nodes));
    }

    pub(super) fn keep_content(&self, sha: Sha256, text: Arc<str>) {
        self.0.insert(Key::Content(sha), Value::Content(text));
    }
}
