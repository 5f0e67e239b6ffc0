//! How processes share the file of a store.

use policy_store_verify::text_enum;
use serde::{Deserialize, Serialize};

/// How processes share the file of a store. All processes that have it open at a time must agree, except that readers
/// need not name a mode.
///
/// The modes with several processes need locks on ranges of bytes: Linux, Apple's systems and Windows have them for
/// local files. Not every network file system has.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Concurrency {
    /// One process has the file. It works on every platform.
    Exclusive,
    /// One process writes. Others can [open the store for reading only](crate::Builder::read_only) and follow its
    /// commits. The default, where the platform has locks on ranges of bytes.
    SingleWriter,
    /// Several processes write, one at a time. Each write is a commit of its own, and looks for the commits of the other
    /// processes first: a commit takes about a sixth more, and a read about 6 µs more. Reads begin one after the other, and
    /// then run in parallel.
    MultiWriter,
}

text_enum!(Concurrency, "concurrency", {
    Exclusive => "exclusive",
    SingleWriter => "single_writer",
    MultiWriter => "multi_writer",
});

impl Default for Concurrency {
    fn default() -> Self {
        match cfg!(any(target_os = "linux", target_vendor = "apple", windows)) {
            true => Self::SingleWriter,
            false => Self::Exclusive,
        }
    }
}
