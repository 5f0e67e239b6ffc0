//! The lists of a store, item by item: beside each method that returns a page, one that returns all of it.

use super::PolicyStore;
use crate::list::items::Items;
use crate::list::page::PageRequest;
use crate::resource::history::HistoryEntry;
use crate::resource::schema::SchemaVersion;
use crate::resource::zone::ZoneInfo;
use crate::types::syntax::Include;

/// Whole lists. Each starts where `list` says and goes on to the end; an error of the method without `_iter` is an item.
impl PolicyStore {
    /// The zones of the store, one after the other: see [`zones`](Self::zones).
    pub fn zones_iter(&self, list: &PageRequest) -> Items<ZoneInfo> {
        let store = self.clone();
        Items::new(list, move |list| store.zones(list))
    }

    /// The schema versions of the store, one after the other: see [`schemas`](Self::schemas).
    pub fn schemas_iter(&self, include: Include, list: &PageRequest) -> Items<SchemaVersion> {
        let store = self.clone();
        Items::new(list, move |list| store.schemas(include, list))
    }

    /// The history of the store itself, one entry after the other: see [`history`](Self::history).
    pub fn history_iter(&self, list: &PageRequest) -> Items<HistoryEntry> {
        let store = self.clone();
        Items::new(list, move |list| store.history(list))
    }
}
