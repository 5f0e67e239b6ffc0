//! The cache of policy versions as reads return them, with a budget in bytes.
//!
//! The positions of the entries that created and archived a version identify an immutable value. An id or number is
//! cached with the count of commits at its look-up: until the next commit, a read needs no transaction. Only reads of a
//! committed snapshot may add to the cache.

use std::fmt;
use std::sync::{Arc, Weak};

use quick_cache::sync::Cache;
use quick_cache::{Equivalent, Weighter};

use crate::resource::policy_version::PolicyVersion;
use crate::storage::VersionRow;
use crate::types::cache_stats::CacheStats;
use crate::types::id::LogId;
use crate::types::syntax::Include;

/// The capacity of the cache of ids and numbers.
const NAMES: usize = 16_384;
/// Bytes of a cached version beside its own: its key, its reference counts, the cache's slot.
const OVERHEAD: usize = 160;
/// Approximate bytes of a version, to size the cache's tables.
const TYPICAL: u64 = 2_048;

/// The name of a version in a read.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Name<S> {
    Id(S),
    /// The policy's id, and the version's number.
    Number(S, u32),
}

#[derive(PartialEq, Eq, Hash)]
struct NameKey<S> {
    log: LogId,
    name: Name<S>,
    include: Include,
}

impl Equivalent<NameKey<Box<str>>> for NameKey<&str> {
    fn equivalent(&self, key: &NameKey<Box<str>>) -> bool {
        let same_name = match (&self.name, &key.name) {
            (Name::Id(a), Name::Id(b)) => **a == **b,
            (Name::Number(a, m), Name::Number(b, n)) => **a == **b && m == n,
            _ => false,
        };
        same_name && self.log == key.log && self.include == key.include
    }
}

#[derive(PartialEq, Eq, Hash)]
struct EntriesKey {
    log: LogId,
    created: u64,
    archived: Option<u64>,
    include: Include,
}

impl EntriesKey {
    fn new(log: LogId, row: &VersionRow, include: Include) -> Self {
        Self { log, created: row.created, archived: row.archived, include }
    }
}

#[derive(Clone)]
struct Bytes;

impl Weighter<EntriesKey, Arc<PolicyVersion>> for Bytes {
    fn weight(&self, _: &EntriesKey, version: &Arc<PolicyVersion>) -> u64 {
        u64::try_from(version.weight() + OVERHEAD).unwrap_or(u64::MAX)
    }
}

/// A version, and the store's count of commits at its look-up. The weak reference does not keep the version: the budget
/// does. After an eviction, only the empty allocation remains.
#[derive(Clone)]
struct Named {
    commits: u64,
    version: Weak<PolicyVersion>,
}

pub(crate) struct VersionCache {
    by_entries: Cache<EntriesKey, Arc<PolicyVersion>, Bytes>,
    by_name: Cache<NameKey<Box<str>>, Named>,
}

impl fmt::Debug for VersionCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VersionCache({} of {} bytes)", self.by_entries.weight(), self.by_entries.capacity())
    }
}

impl VersionCache {
    pub(crate) fn new(budget: usize) -> Self {
        let budget = u64::try_from(budget).unwrap_or(u64::MAX);
        let items = usize::try_from(budget / TYPICAL).unwrap_or(usize::MAX).max(16);
        Self { by_entries: Cache::with_weighter(items, budget, Bytes), by_name: Cache::new(items.min(NAMES)) }
    }

    pub(crate) fn stats(&self) -> CacheStats {
        let cache = &self.by_entries;
        CacheStats { bytes: cache.weight(), capacity: cache.capacity(), hits: cache.hits(), misses: cache.misses() }
    }

    /// The version of a name, if the look-up was at this count of commits.
    pub(crate) fn named(
        &self,
        log: LogId,
        name: Name<&str>,
        include: Include,
        commits: u64,
    ) -> Option<Arc<PolicyVersion>> {
        let named = self.by_name.get(&NameKey { log, name, include })?;
        if named.commits == commits { named.version.upgrade() } else { None }
    }

    /// Caches the version of a name at a count of commits.
    pub(crate) fn keep_name(
        &self,
        log: LogId,
        name: Name<&str>,
        include: Include,
        commits: u64,
        version: &Arc<PolicyVersion>,
    ) {
        let name = match name {
            Name::Id(id) => Name::Id(id.into()),
            Name::Number(policy, number) => Name::Number(policy.into(), number),
        };
        self.by_name.insert(NameKey { log, name, include }, Named { commits, version: Arc::downgrade(version) });
    }

    /// The version that a row points to.
    pub(crate) fn at_row(&self, log: LogId, row: &VersionRow, include: Include) -> Option<Arc<PolicyVersion>> {
        self.by_entries.get(&EntriesKey::new(log, row, include))
    }

    /// Caches the version that a row points to.
    pub(crate) fn keep(&self, log: LogId, row: &VersionRow, include: Include, version: Arc<PolicyVersion>) {
        self.by_entries.insert(EntriesKey::new(log, row, include), version);
    }

    /// Removes everything. After a recovery, a version read before may never have become durable. After an erasure it
    /// is gone.
    pub(crate) fn clear(&self) {
        self.by_entries.clear();
        self.by_name.clear();
    }
}
