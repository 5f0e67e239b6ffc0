//! A cache of one type of value within a budget in bytes. Its values never change, so none is ever out of date.

use std::fmt;
use std::hash::Hash;

use quick_cache::sync::{Cache as QuickCache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

use crate::types::error::{Error, ErrorDetail, Result};

/// The initial capacity of a cache's table, in items.
const EXPECTED_ITEMS: usize = 256;

/// A value that knows its approximate bytes in memory.
pub(super) trait Weight {
    fn weight(&self) -> usize;
}

#[derive(Clone)]
struct Bytes;

impl<K, V: Weight> Weighter<K, V> for Bytes {
    fn weight(&self, _: &K, value: &V) -> u64 {
        u64::try_from(value.weight()).unwrap_or(u64::MAX)
    }
}

/// Makes a value once, however many threads ask for it at the same time.
pub(super) struct Cache<K, V>(QuickCache<K, V, Bytes>);

impl<K: Eq + Hash, V: Weight + Clone> fmt::Debug for Cache<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} bytes", self.0.weight(), self.0.capacity())
    }
}

impl<K: Eq + Hash + Clone, V: Weight + Clone> Cache<K, V> {
    pub(super) fn new(budget: usize) -> Result<Self> {
        // With several shards, each has a part of the budget, and a large value fits into none of them.
        let options = OptionsBuilder::new()
            .shards(1)
            .estimated_items_capacity(EXPECTED_ITEMS)
            .weight_capacity(u64::try_from(budget).unwrap_or(u64::MAX))
            .build()
            .map_err(|error| ErrorDetail::failed("make the cache", error))?;
        let lifecycle = DefaultLifecycle::default();
        Ok(Self(QuickCache::with_options(options, Bytes, DefaultHashBuilder::default(), lifecycle)))
    }

    pub(super) fn get(&self, key: &K) -> Option<V> {
        self.0.get(key)
    }

    pub(super) fn get_or_make(&self, key: &K, make: impl FnOnce() -> Result<V, Error>) -> Result<V> {
        self.0.get_or_insert_with(key, make)
    }

    pub(super) fn insert(&self, key: K, value: V) {
        self.0.insert(key, value);
    }

    pub(super) fn clear(&self) {
        self.0.clear();
    }
}
