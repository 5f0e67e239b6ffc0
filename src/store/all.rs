//! The lists of a store, item by item: beside each method that returns a page, one that returns all of it.

use super::PolicyStore;
use crate::list::filter::HistoryFilter;
use crate::list::items::Items;
use crate::list::page::PageRequest;
use crate::resource::history::{HistoryEntry, TimelineEntry};
use crate::resource::schema::SchemaVersion;
use crate::resource::zone::ZoneInfo;
use crate::types::syntax::Include;

/// Iterators over whole lists. Each starts at the cursor of its page request and reads to the end. An error of the
/// method without `_iter` is an item.
impl PolicyStore {
    /// Iterates over the zones of the store: see [`zones`](Self::zones).
    pub fn zones_iter(&self, page_request: &PageRequest) -> Items<ZoneInfo> {
        let store = self.clone();
        Items::new(page_request, move |page_request| store.zones(page_request))
    }

    /// Iterates over the schema versions of the store: see [`schemas`](Self::schemas).
    pub fn schemas_iter(&self, include: Include, page_request: &PageRequest) -> Items<SchemaVersion> {
        let store = self.clone();
        Items::new(page_request, move |page_request| store.schemas(include, page_request))
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
