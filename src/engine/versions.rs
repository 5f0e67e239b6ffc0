//! Policy versions as reads return them, kept up to a budget in bytes.
//!
//! By the entries that made it, created it and perhaps archived it, a version never changes. By its id or its number it
//! is remembered together with the count of commits at which it was looked up: as long as nothing was committed since, a
//! read needs no transaction. Only what was read from a committed snapshot may enter.

use std::fmt;
use std::sync::{Arc, Weak};

use quick_cache::sync::Cache;
use quick_cache::{Equivalent, Weighter};

use crate::resource::policy_version::PolicyVersion;
use crate::storage::VersionRow;
use crate::types::id::LogId;
use crate::types::syntax::Include;

/// How many ids and numbers are remembered.
const NAMES: usize = 16_384;
/// What a kept version costs beside its bytes: its key, its reference counts, the cache's own slot.
const OVERHEAD: usize = 160;
/// Roughly what a version weighs; only to size the cache's tables.
const TYPICAL: u64 = 2_048;

/// What a read names a version by.
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

/// A version that was found when the store had made so many commits. It does not keep the version: that is up to the
/// budget, and only an empty block of memory stays.
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

    /// What a name led to, if nothing was committed since.
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

    /// Remembers what a name led to when the store had made so many commits.
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

    /// The version that a row leads to.
    pub(crate) fn at_row(&self, log: LogId, row: &VersionRow, include: Include) -> Option<Arc<PolicyVersion>> {
        self.by_entries.get(&EntriesKey::new(log, row, include))
    }

    /// Keeps the version that a row leads to.
    pub(crate) fn keep(&self, log: LogId, row: &VersionRow, include: Include, version: Arc<PolicyVersion>) {
        self.by_entries.insert(EntriesKey::new(log, row, include), version);
    }

    /// Forgets everything: after a recovery, what was read before may never have become durable, and after an erasure it is
    /// gone.
    pub(crate) fn clear(&self) {
        self.by_entries.clear();
        self.by_name.clear();
    }
}
