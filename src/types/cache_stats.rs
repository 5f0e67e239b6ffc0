//! Statistics of a cache.

use serde::Serialize;

/// The size of a cache, and how often it was of use since the store was opened, recovered, or a zone was erased.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CacheStats {
    /// The approximate bytes in it.
    pub bytes: u64,
    /// Its budget in bytes.
    pub capacity: u64,
    /// Look-ups that found a value.
    pub hits: u64,
    /// Look-ups that found none.
    pub misses: u64,
}
