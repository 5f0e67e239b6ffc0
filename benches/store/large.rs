//! The large store: 100,000 versions of one policy in one file. The first benchmark that needs it creates it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use policy_store::{Builder, PolicyStore};
use tempfile::TempDir;

use crate::{sample, world};

/// Versions in one write.
const WRITE: usize = 10_000;

static LARGE: Mutex<Option<Arc<Large>>> = Mutex::new(None);

pub struct Large {
    folder: TempDir,
    versions: usize,
    /// Bytes of all text and JSON.
    pub payload: u64,
}

pub fn large() -> Arc<Large> {
    LARGE.lock().unwrap().get_or_insert_with(|| Arc::new(Large::make())).clone()
}

/// Removes the file.
pub fn remove() {
    LARGE.lock().unwrap().take();
}

impl Large {
    fn make() -> Self {
        let mut large = Self { folder: sample::folder(), versions: sample::size(100_000), payload: 0 };
        let store = PolicyStore::open(large.path()).unwrap();
        world::empty(&store);
        let versions = large.versions;
        for start in (0..versions).step_by(WRITE) {
            let prepared = world::prepare_on_two_threads(&store, start..versions.min(start + WRITE));
            let write = |w: &mut policy_store::WriteTransaction<'_, '_>| {
                let mut zone = w.zone("z")?;
                for prepared in prepared {
                    let version = zone.create_policy_version("p", prepared)?;
                    let (text, json) = (version.cedar_raw.unwrap(), version.cedar_json.unwrap());
                    large.payload += (text.len() + json.len()) as u64;
                }
                Ok(())
            };
            store.write(&world::actor(), write).unwrap();
        }
        large
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("store.redb")
    }

    /// Another file in the same folder.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn versions(&self) -> usize {
        self.versions
    }

    /// Opens the store with other options, and without the check that other groups measure.
    pub fn open(&self, options: impl FnOnce(Builder) -> Builder) -> PolicyStore {
        options(PolicyStore::builder().check_integrity(false)).open(self.path()).unwrap()
    }
}
