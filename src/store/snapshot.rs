//! A store at one committed state.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use crate::engine::Engine;
use crate::list::filter::HistoryFilter;
use crate::list::history::{self, LogOf};
use crate::list::items::Items;
use crate::list::page::{Page, PageRequest};
use crate::list::{schemas, timeline, zones};
use crate::read::moment::Held;
use crate::read::zone::{Zone, ZoneSnapshot};
use crate::resource::history::{HistoryEntry, TimelineEntry};
use crate::resource::schema::{self, SchemaVersion};
use crate::resource::zone::{self, ZoneInfo};
use crate::storage::key::{LogNumber, STORE_LOG};
use crate::storage::{LogPart, Snapshot};
use crate::types::checkpoint::Checkpoint;
use crate::types::error::{ErrorDetail, Resource, Result};
use crate::types::id::LogId;
use crate::types::syntax::Include;

/// The store at one committed state: several reads of one moment, of its zones too.
///
/// [`PolicyStore::snapshot`](crate::PolicyStore::snapshot) takes one. It is cheap to clone. For the price of holding one, and
/// for its end at a recovery, see [`ZoneSnapshot`].
///
/// ```
/// # fn main() -> policy_store::Result<()> {
/// use policy_store::{Actor, PageRequest, PolicyStore};
/// let (store, ops) = (PolicyStore::builder().in_memory()?, Actor::platform("ops")?);
/// store.write(&ops, |w| w.create_zone("acme").map(drop))?;
///
/// let snapshot = store.snapshot()?;
/// store.write(&ops, |w| w.create_zone("late").map(drop))?;
/// assert_eq!(snapshot.zones(&PageRequest::new())?.items.len(), 1);
/// assert!(snapshot.zone("acme").is_ok() && snapshot.zone("late").is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct StoreSnapshot {
    engine: Arc<Engine>,
    held: Held,
    logs: Arc<OnceLock<BTreeMap<LogId, LogNumber>>>,
}

impl StoreSnapshot {
    pub(super) fn new(engine: &Arc<Engine>) -> Result<Self> {
        let held = Held(Arc::new(engine.storage.hold()?));
        Ok(Self { engine: engine.clone(), held, logs: Arc::default() })
    }

    fn read<T>(&self, f: impl FnOnce(&Snapshot<'_>) -> Result<T>) -> Result<T> {
        self.engine.storage.read_held(&self.held.0, f)
    }

    /// The zone `id` at this moment.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) for an unknown id.
    pub fn zone(&self, id: impl AsRef<str>) -> Result<ZoneSnapshot> {
        let place = self.read(|snapshot| zone::find(snapshot, id.as_ref()))?;
        Ok(Zone { engine: self.engine.clone(), place, moment: self.held.clone() })
    }

    /// The size and root of the store's own log: see [`Checkpoint`].
    ///
    /// # Errors
    ///
    /// As any read.
    pub fn checkpoint(&self) -> Result<Checkpoint> {
        self.read(|snapshot| snapshot.checkpoint(STORE_LOG))
    }

    /// The size and root that the store's own log had at an earlier size.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) for a size beyond the log.
    pub fn checkpoint_at(&self, size: u64) -> Result<Checkpoint> {
        self.read(|snapshot| snapshot.checkpoint_at(STORE_LOG, size))
    }

    /// Entries of a log of this store as bytes, with the content that they name: of the store's own log, or of a zone's. For
    /// [replicas](crate::Replica).
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) for a log that the store does not have;
    /// [`Invalid`](crate::ErrorKind::Invalid) for a range beyond it.
    pub fn log_part(&self, log_id: LogId, range: Range<u64>) -> Result<LogPart> {
        self.read(|snapshot| snapshot.log_part(self.log(snapshot, log_id)?, range.start, range.end))
    }

    /// The first `width` hashes of a tile of the tree over a log ([C2SP tlog-tiles](https://c2sp.org/tlog-tiles)), 32 bytes
    /// each.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) for a log that the store does not have;
    /// [`Invalid`](crate::ErrorKind::Invalid) for hashes that its tree does not have.
    pub fn hash_tile(&self, log_id: LogId, level: u8, number: u64, width: u16) -> Result<Vec<u8>> {
        self.read(|snapshot| snapshot.hash_tile(self.log(snapshot, log_id)?, level, number, width))
    }

    /// The number of a log, by its present id. The first call reads all heads.
    fn log(&self, snapshot: &Snapshot<'_>, log_id: LogId) -> Result<LogNumber> {
        let logs = match self.logs.get() {
            Some(logs) => logs,
            None => {
                let logs = snapshot.logs_by_id()?;
                self.logs.get_or_init(|| logs)
            }
        };
        let log = logs.get(&log_id).copied();
        Ok(log.ok_or_else(|| ErrorDetail::not_found(Resource::Log, &log_id.to_string()))?)
    }

    /// A page of the zones.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) for a limit or cursor that breaks a rule.
    pub fn zones(&self, page_request: &PageRequest) -> Result<Page<ZoneInfo>> {
        self.read(|snapshot| zones::page(snapshot, page_request))
    }

    /// The schema version `version`.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) for an unknown version.
    pub fn schema(&self, version: impl AsRef<str>, include: Include) -> Result<SchemaVersion> {
        self.read(|snapshot| schema::load(snapshot, version.as_ref(), include))
    }

    /// A page of the schema versions.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) for a limit or cursor that breaks a rule.
    pub fn schemas(&self, include: Include, page_request: &PageRequest) -> Result<Page<SchemaVersion>> {
        self.read(|snapshot| schemas::page(snapshot, include, page_request))
    }

    /// A page of the entries of the store's own log that pass `filter`.
    ///
    /// # Errors
    ///
    /// As [`Zone::history`].
    pub fn history(&self, filter: &HistoryFilter, page_request: &PageRequest) -> Result<Page<HistoryEntry>> {
        let filter = filter.check()?;
        self.read(|snapshot| history::page(snapshot, LogOf::STORE, &filter, page_request))
    }

    /// A page of the entries of all logs that pass `filter`: see [`PolicyStore::timeline`](crate::PolicyStore::timeline).
    ///
    /// # Errors
    ///
    /// As [`Zone::history`].
    pub fn timeline(&self, filter: &HistoryFilter, page_request: &PageRequest) -> Result<Page<TimelineEntry>> {
        let filter = filter.check()?;
        self.read(|snapshot| timeline::page(snapshot, &filter, page_request))
    }

    /// Iterates over entries of the store's own log: see [`history`](Self::history).
    pub fn history_iter(&self, filter: &HistoryFilter, page_request: &PageRequest) -> Items<HistoryEntry> {
        let (store, filter) = (self.clone(), filter.clone());
        Items::new(page_request, move |page_request| store.history(&filter, page_request))
    }

    /// Iterates over entries of all logs: see [`timeline`](Self::timeline).
    pub fn timeline_iter(&self, filter: &HistoryFilter, page_request: &PageRequest) -> Items<TimelineEntry> {
        let (store, filter) = (self.clone(), filter.clone());
        Items::new(page_request, move |page_request| store.timeline(&filter, page_request))
    }
}
