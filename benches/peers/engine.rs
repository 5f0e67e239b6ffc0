//! The engines to compare.

use std::path::Path;

use crate::ours::Ours;
use crate::store::{Shared, Store};
use crate::{lmdb, sqlite};

#[derive(Clone, Copy)]
pub enum Engine {
    Ours,
    Sqlite,
    Lmdb,
}

pub const ENGINES: [Engine; 3] = [Engine::Ours, Engine::Sqlite, Engine::Lmdb];

impl Engine {
    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "policy-store",
            Self::Sqlite => "SQLite",
            Self::Lmdb => "LMDB",
        }
    }

    /// Opens or creates the store in `folder`, and closes it after `f`.
    pub fn with<T>(self, folder: &Path, f: impl FnOnce(&mut dyn Store) -> T) -> T {
        match self {
            Self::Ours => f(&mut Ours::open(folder)),
            Self::Sqlite => sqlite::with(folder, |store| f(store)),
            Self::Lmdb => lmdb::with(folder, |store| f(store)),
        }
    }

    /// The same, for several threads.
    pub fn shared<T>(self, folder: &Path, f: impl FnOnce(&dyn Shared) -> T) -> T {
        match self {
            Self::Ours => f(&Ours::open(folder)),
            Self::Sqlite => sqlite::shared(folder, |store| f(store)),
            Self::Lmdb => lmdb::shared(folder, |store| f(store)),
        }
    }
}
