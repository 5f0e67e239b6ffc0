//! A store at one committed state.

use std::sync::Arc;

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
use crate::storage::Snapshot;
use crate::storage::key::STORE_LOG;
use crate::types::checkpoint::Checkpoint;
use crate::types::error::Result;
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
}

impl StoreSnapshot {
    pub(super) fn new(engine: &Arc<Engine>) -> Result<Self> {
        let held = Held(Arc::new(engine.storage.hold()?));
        Ok(Self { engine: engine.clone(), held })
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
