//! The change feed of the store's own log, and the number of commits. Does not know what was committed.

use std::time::Duration;

use super::PolicyStore;
use crate::read::changes::Changes;
use crate::types::error::Result;

impl PolicyStore {
    /// The changes of the store's own log after its first `from` entries, one write at a time: zones created and erased, schema
    /// versions published, seals. [`Zone::changes`](crate::Zone::changes) has those of a zone.
    ///
    /// ```
    /// # fn main() -> policy_store::Result<()> {
    /// use policy_store::{Actor, PolicyStore};
    /// let (store, ops) = (PolicyStore::builder().in_memory()?, Actor::platform("ops")?);
    /// store.write(&ops, |w| ["a", "b"].iter().try_for_each(|id| w.create_zone(*id).map(drop)))?;
    ///
    /// let mut changes = store.changes(0)?;
    /// let group = changes.poll()?.expect("the write");
    /// assert_eq!((group.entries.len(), changes.position()), (2, 2));
    /// assert!(changes.poll()?.is_none());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Zone::changes`](crate::Zone::changes).
    pub fn changes(&self, from: u64) -> Result<Changes> {
        Changes::new(self.engine.clone(), None, from)
    }

    /// The number of commits of the file so far, by any process. Several writes can share a commit, and a write that adds
    /// nothing makes none. It never goes back, except if the store is recovered from a failed commit or is put back to an
    /// older state.
    ///
    /// # Errors
    ///
    /// As any read of the [store](Self#errors).
    pub fn commits(&self) -> Result<u64> {
        self.engine.storage.commits_of_file()
    }

    /// Waits until the [number of commits](Self::commits) is another one than `after`, for up to `timeout`. Returns the number
    /// then, so it is `after` if nothing was committed. Wakes for any write, to whichever log: [`Changes`] follows one log.
    ///
    /// ```
    /// # fn main() -> policy_store::Result<()> {
    /// use std::time::Duration;
    /// use policy_store::{Actor, PolicyStore};
    /// let store = PolicyStore::builder().in_memory()?;
    /// let before = store.commits()?;
    /// assert_eq!(store.wait_for_commit(before, Duration::from_millis(1))?, before);
    ///
    /// store.write(&Actor::platform("ops")?, |w| w.create_zone("acme").map(drop))?;
    /// assert_eq!(store.wait_for_commit(before, Duration::MAX)?, before + 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As any read of the [store](Self#errors).
    pub fn wait_for_commit(&self, after: u64, timeout: Duration) -> Result<u64> {
        let storage = &self.engine.storage;
        let changed = || Ok(Some(storage.commits_of_file()?).filter(|commits| *commits != after));
        Ok(storage.wait(timeout, changed)?.unwrap_or(after))
    }
}
