//! A cache of several kinds of values within one budget in bytes. Each kind has its own type of key and of value. Values
//! never change, so none is ever out of date.

use std::fmt;
use std::hash::Hash;

use quick_cache::sync::{Cache as QuickCache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

use crate::types::cache_stats::CacheStats;
use crate::types::error::{ErrorDetail, Result};

/// The initial capacity of the cache's table, in items.
const EXPECTED_ITEMS: usize = 1_024;

/// A value that knows its approximate bytes in memory.
pub(super) trait Weight {
    fn weight(&self) -> usize;
}

/// A kind of values: what `kinds!` defines, and nothing else, so that a key always has a value of its kind.
pub(super) trait Kind<K, V> {
    type Key;
    type Value: Clone;

    fn key(key: Self::Key) -> K;
    fn wrap(value: Self::Value) -> V;
    fn unwrap(value: V) -> Option<Self::Value>;
}

/// Defines the kinds of a cache, each by a type of its own: the type of its keys, and that of its values.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident: $key:ty => $value:ty;)*) => {
        #[derive(Clone, PartialEq, Eq, Hash)]
        enum Key {
            $($kind($key),)*
        }

        #[derive(Clone)]
        enum Value {
            $($kind($value),)*
        }

        impl $crate::engine::cache::Weight for Value {
            fn weight(&self) -> usize {
                match self {
                    $(Self::$kind(value) => value.weight(),)*
                }
            }
        }

        $(
            $(#[$doc])*
            struct $kind;

            impl $crate::engine::cache::Kind<Key, Value> for $kind {
                type Key = $key;
                type Value = $value;

                fn key(key: $key) -> Key {
                    Key::$kind(key)
                }

                fn wrap(value: $value) -> Value {
                    Value::$kind(value)
                }

                fn unwrap(value: Value) -> Option<$value> {
                    if let Value::$kind(value) = value { Some(value) } else { None }
                }
            }
        )*
    };
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

    pub(super) fn get<T: Kind<K, V>>(&self, key: T::Key) -> Option<T::Value> {
        self.0.get(&T::key(key)).and_then(T::unwrap)
    }

    pub(super) fn get_or_make<T: Kind<K, V>>(
        &self,
        key: T::Key,
        make: impl Fn() -> Result<T::Value>,
    ) -> Result<T::Value> {
        let value = self.0.get_or_insert_with(&T::key(key), || make().map(T::wrap))?;
        // A value of another kind would not be found.
        T::unwrap(value).map_or_else(make, Ok)
    }

    pub(super) fn insert<T: Kind<K, V>>(&self, key: T::Key, value: T::Value) {
        self.0.insert(T::key(key), T::wrap(value));
    }

    pub(super) fn stats(&self) -> CacheStats {
        let Self(cache) = self;
        CacheStats { bytes: cache.weight(), capacity: cache.capacity(), hits: cache.hits(), misses: cache.misses() }
    }

    pub(super) fn clear(&self) {
        self.0.clear();
    }
}
