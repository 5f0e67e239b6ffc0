//! Replicas: store files that follow the logs of another store. Does not know where the logs come from.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Serialize;

use super::PolicyStore;
use super::builder::Builder;
use crate::storage::key::STORE_LOG;
use crate::storage::{ReplicaSource, Replicated};
use crate::types::actor::Actor;
use crate::types::checkpoint::Checkpoint;
use crate::types::error::Result;
use crate::types::id::ZoneId;

/// A store file that follows the logs of another store: it lists, decides, verifies and proves as the original does, and
/// refuses writes. Receipts of it replay at the original.
///
/// Its file is marked as a [backup](PolicyStore::backup). Opened with [`Builder::restore`], it becomes a store: in place of the
/// original ([`Resume`](crate::Restore::Resume)), or beside it. A backup of the original can be opened as a replica, and
/// follows from there on. Cursors are valid only in the file that issued them.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use policy_store::{Actor, ContentAddress, LogId, LogPart, PolicyStore, ReplicaSource, StoreSnapshot, ZoneChoice};
///
/// /// Reads the original in the same process.
/// struct Direct(StoreSnapshot);
/// impl ReplicaSource for Direct {
///     fn part(&mut self, log: LogId, start: u64, end: u64) -> Result<LogPart, Box<dyn std::error::Error + Send + Sync>> {
///         Ok(self.0.log_part(log, start..end.min(start + 256))?)
///     }
///     fn content(&mut self, _: LogId, _: &ContentAddress) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
///         Err("all content is in the parts".into())
///     }
/// }
///
/// let (original, ops) = (PolicyStore::builder().in_memory()?, Actor::platform("ops")?);
/// original.write(&ops, |w| w.create_zone("acme").map(drop))?;
/// let seal = original.seal(&ops)?;
///
/// let replica = PolicyStore::builder().replica_in_memory()?;
/// replica.apply(&seal.checkpoint, &ZoneChoice::All, &mut Direct(original.snapshot()?))?;
/// assert_eq!(replica.store().zone("acme")?.checkpoint()?, original.zone("acme")?.checkpoint()?);
/// assert_eq!(replica.store().write(&ops, |w| w.create_zone("own").map(drop)).unwrap_err().code(), "is_replica");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Replica {
    store: PolicyStore,
}

/// The zones that a replica follows. The store's own log, with the ids of all zones and all schema versions, is always
/// followed.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ZoneChoice {
    /// All zones, also those to come.
    #[default]
    All,
    /// These zones, as soon as they exist, and those that the replica has followed before.
    Only(BTreeSet<ZoneId>),
}

impl ZoneChoice {
    fn takes(&self, id: &ZoneId) -> bool {
        match self {
            Self::All => true,
            Self::Only(ids) => ids.contains(id),
        }
    }
}

/// The change of a replica by one checkpoint.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Applied {
    /// The checkpoint of the store's log that the replica now has.
    pub checkpoint: Checkpoint,
    /// The number of new entries, in all logs.
    pub entries: u64,
    /// The zones that have grown, in the order of their creation.
    pub zones: Vec<ZoneId>,
}

impl Builder {
    /// Opens the replica in the file at `path`, or creates an empty one. Other processes can open the file for
    /// [reading only](Builder::read_only).
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open); [`Conflict`](crate::ErrorKind::Conflict) with the code `not_a_replica` for the file of a store
    /// that was written to; [`Invalid`](crate::ErrorKind::Invalid) with the option `restore` or `read_only`.
    pub fn open_replica(self, path: impl AsRef<Path>) -> Result<Replica> {
        Ok(Replica { store: self.into_replica()?.open(path)? })
    }

    /// Creates an empty replica in memory. It is dropped with its last handle.
    ///
    /// # Errors
    ///
    /// As [`in_memory`](Self::in_memory).
    pub fn replica_in_memory(self) -> Result<Replica> {
        Ok(Replica { store: self.into_replica()?.in_memory()? })
    }
}

impl Replica {
    /// The store, for reading. Writes are refused as [`Unavailable`](crate::ErrorKind::Unavailable) with the code
    /// `is_replica`, also those of clones. A zone that is not followed is
    /// [`NotFound`](crate::ErrorKind::NotFound) with the code `zone_not_held`, and absent from lists.
    #[must_use]
    pub fn store(&self) -> &PolicyStore {
        &self.store
    }

    /// The checkpoint of the store's log that the replica has; none while it is empty.
    ///
    /// # Errors
    ///
    /// As any read: see [`PolicyStore`].
    pub fn checkpoint(&self) -> Result<Option<Checkpoint>> {
        Ok(Some(self.store.checkpoint()?).filter(|checkpoint| checkpoint.size > 0))
    }

    /// Follows the store to a checkpoint of its log, whose signature the caller has verified: reads the entries and the content
    /// that are new from `source`, verifies all of it, and makes it durable in one commit. Each zone that is followed is then at
    /// its checkpoint in the newest [seal](PolicyStore::seal), so the checkpoint should end with a seal.
    ///
    /// The same checkpoint again changes nothing, unless more zones were chosen. Reads and decisions go on meanwhile. If an
    /// entry erases a zone that is held, the call reads from the source twice.
    ///
    /// # Errors
    ///
    /// The replica keeps its state. [`Conflict`](crate::ErrorKind::Conflict) with the code `replica_rollback` for a smaller
    /// checkpoint, and `replica_fork` for one of another history;
    /// [`Invalid`](crate::ErrorKind::Invalid) with the code `replica_input` if the source gives entries that do not follow
    /// those of the replica or do not lead to the checkpoint, or content that they do not name;
    /// [`Unavailable`](crate::ErrorKind::Unavailable) with the code `replica_source` and the source's error, if it fails, and
    /// `newer_format` for an entry of a newer version of this crate; otherwise as [`PolicyStore::write`].
    pub fn apply(&self, to: &Checkpoint, zones: &ZoneChoice, source: &mut dyn ReplicaSource) -> Result<Applied> {
        let engine = &self.store.engine;
        // No entry names it: all entries are the original's.
        let nobody = Actor::platform("replica")?;
        let author = || engine.author(&nobody, None);
        let Replicated { entries, zones } = engine.storage.replicate(author, to, &|id| zones.takes(id), source)?;
        Ok(Applied {
            checkpoint: self.store.engine.storage.read(|snapshot| snapshot.checkpoint(STORE_LOG))?,
            entries,
            zones,
        })
    }
}
