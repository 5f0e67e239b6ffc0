//! The long log: 1,000,000 entries of one zone in one file, with a set in force near its start. The first benchmark that
//! needs it creates it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use policy_store::PolicyStore;
use tempfile::TempDir;

use crate::scopes::{SCHEMA, Scopes, statement};
use crate::{sample, world};

/// Statements in force.
pub const STATEMENTS: usize = 10;
/// Entries in one write.
const WRITE: u64 = 50_000;

static LONG: Mutex<Option<Arc<Long>>> = Mutex::new(None);

pub struct Long(TempDir);

/// Entries of the zone's log.
pub fn entries() -> u64 {
    sample::size(1_000_000) as u64
}

pub fn long() -> Arc<Long> {
    LONG.lock().unwrap().get_or_insert_with(|| Arc::new(Long::make())).clone()
}

/// Removes the file.
pub fn remove() {
    LONG.lock().unwrap().take();
}

impl Long {
    fn make() -> Self {
        let long = Self(sample::folder());
        let store = PolicyStore::open(long.path()).unwrap();
        world::with_schema(&store, SCHEMA);
        world::in_force(&store, (0..STATEMENTS).map(|n| statement(Scopes::Varied, n)));
        let mut length = store.zone("z").unwrap().checkpoint().unwrap().size;
        while length < entries() {
            let end = entries().min(length + WRITE);
            let create = |w: &mut policy_store::WriteTransaction<'_, '_>| {
                let mut zone = w.zone("z")?;
                // The shortest entries, and the fewest rows. The last one resumes the zone.
                (length..end).try_for_each(|n| {
                    let is_odd = (entries() - n) % 2 == 1;
                    if is_odd { zone.resume() } else { zone.suspend() }.map(drop)
                })
            };
            store.write(&world::actor(), create).unwrap();
            length = end;
        }
        assert_eq!(store.zone("z").unwrap().checkpoint().unwrap().size, entries());
        long
    }

    pub fn path(&self) -> PathBuf {
        self.0.path().join("store.redb")
    }

    pub fn open(&self) -> PolicyStore {
        PolicyStore::builder().check_integrity(false).open(self.path()).unwrap()
    }
}
