//! Backs a store up into a new file, and says how a backup goes on as a store.

use std::path::Path;

use serde::Serialize;

use super::PolicyStore;
use crate::storage::Report;
use crate::types::actor::Actor;
use crate::types::error::{ErrorDetail, Result};
use crate::types::progress::Watch;

/// A backup that was made.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Backup {
    /// The size of the file.
    pub bytes: u64,
    /// The verification of the backup. It has no findings.
    pub report: Report,
}

/// The use of a backup that is opened for writing.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Restore {
    /// The backup goes on in place of the original store, which is gone for good. Logs keep their ids. The entries that
    /// the original wrote after the backup are lost: a receipt of them does not replay, and a kept checkpoint of them
    /// shows the loss.
    Resume,
    /// The backup goes on as a store of its own, beside the original. In one write by this actor every log gets a new id,
    /// and an entry that names its old id, length and last hash ([`Change::LogForked`](crate::Change)). History, receipts
    /// and idempotency keys of before stay valid. Cursors do not, and receipts by what
    /// the original binds from then on are refused.
    Fork(Actor),
}

impl PolicyStore {
    /// Copies the newest committed state into a new file at `path`, verifies the copy, and then gives the file its name.
    /// Others read and write meanwhile: their commits are not in the backup. The file appears only when it is complete,
    /// and is durable by then. A copy of the store's file by other means is damaged if the store is written to meanwhile.
    ///
    /// A backup is a store. It can be opened [for reading only](crate::Builder::read_only) at once, and is marked: it is
    /// opened for writing only with [`Builder::restore`](crate::Builder::restore), so that two stores never continue one
    /// log in two ways. Keep it away from the original's disk. It holds what the store held, and what was erased later.
    ///
    /// The call takes time in proportion to the store and little memory. While it runs, the store's file does not reuse
    /// the pages of the copied state.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use policy_store::{Actor, PolicyStore, Restore};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("backup.redb");
    /// let (store, ops) = (PolicyStore::builder().in_memory()?, Actor::platform("ops")?);
    /// store.write(&ops, |w| w.create_zone("acme").map(drop))?;
    /// store.backup(&path)?;
    ///
    /// assert_eq!(PolicyStore::open(&path).unwrap_err().code(), "is_backup");
    /// let restored = PolicyStore::builder().restore(Restore::Resume).open(&path)?;
    /// assert!(restored.zone("acme").is_ok());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Conflict`](crate::ErrorKind::Conflict) with the code `file_exists` if there is a file at `path`;
    /// [`Corrupt`](crate::ErrorKind::Corrupt) if the store is damaged, with the first finding;
    /// [`Unavailable`](crate::ErrorKind::Unavailable) if the file cannot be written. No file is left at `path` then.
    pub fn backup(&self, path: impl AsRef<Path>) -> Result<Backup> {
        self.backup_watched(path.as_ref(), Watch::NONE)
    }

    pub(super) fn backup_watched(&self, path: &Path, watch: Watch<'_>) -> Result<Backup> {
        let absolute = std::path::absolute(path)
            .map_err(|error| ErrorDetail::io(format!("back up to `{}`", path.display()), error))?;
        let (bytes, report) = self.engine.storage.backup(&absolute, &self.engine.environment, watch)?;
        Ok(Backup { bytes, report })
    }
}
