//! The lists of a store, item by item: beside each method that returns a page, one that returns all of it.

use super::PolicyStore;
use crate::list::items::Items;
use crate::list::page::PageRequest;
use crate::resource::history::HistoryEntry;
use crate::resource::schema::SchemaVersion;
use crate::resource::zone::ZoneInfo;
use crate::types::syntax::Include;

/// Iterators over whole lists. Each starts at the cursor of its page request and reads to the end. An error of the
/// method without `_iter` is an item.
impl PolicyStore {
    /// Iterates over the zones of the store: see [`zones`](Self::zones).
    pub fn zones_iter(&self, list: &PageRequest) -> Items<ZoneInfo> {
        let store = self.clone();
        Items::new(list, move |list| store.zones(list))
    }

    /// Iterates over the schema versions of the store: see [`schemas`](Self::schemas).
    pub fn schemas_iter(&self, include: Include, list: &PageRequest) -> Items<SchemaVersion> {
        let store = self.clone();
        Items::new(list, move |list| store.schemas(include, list))
    }

    /// Iterates over the store's own log: see [`history`](Self::history).
    pub fn history_iter(&self, list: &PageRequest) -> Items<HistoryEntry> {
        let store = self.clone();
        Items::new(list, move |list| store.history(list))
    }
}
