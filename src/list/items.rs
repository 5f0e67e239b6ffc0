//! Iterators over whole lists: pages are read on demand. Does not know what is listed.

use std::iter::FusedIterator;
use std::{fmt, vec};

use super::page::{Page, PageRequest};
use crate::types::error::{ErrorDetail, Result};

/// Reads one page of a list.
type Fetch<T> = dyn FnMut(&PageRequest) -> Result<Page<T>> + Send;

/// An iterator over the items of a list, across pages.
///
/// A page is read when its first item is requested, and gives the state of that moment. During other writes, later
/// items may be newer than earlier ones. In order of creation, no item is repeated or skipped. An error is the last
/// item.
///
/// ```
/// # fn main() -> policy_store::Result<()> {
/// use policy_store::{Actor, PageRequest, Order, PolicyStore};
///
/// let store = PolicyStore::builder().in_memory()?;
/// store.write(&Actor::customer("alice")?, |w| ["a", "b", "c"].iter().try_for_each(|id| w.create_zone(*id).map(drop)))?;
/// let oldest_first = PageRequest::new().order(Order::Ascending);
/// let ids = store.zones_iter(&oldest_first).map(|zone| Ok(zone?.id.to_string())).collect::<policy_store::Result<Vec<_>>>()?;
/// assert_eq!(ids, ["a", "b", "c"]);
/// # Ok(())
/// # }
/// ```
#[must_use = "an iterator reads nothing until it is asked for an item"]
pub struct Items<T> {
    fetch: Box<Fetch<T>>,
    page: vec::IntoIter<T>,
    /// The next page to read; none after the last.
    next: Option<PageRequest>,
}

impl<T> Items<T> {
    /// The items of a list that `fetch` reads page by page.
    pub(crate) fn new(list: &PageRequest, fetch: impl FnMut(&PageRequest) -> Result<Page<T>> + Send + 'static) -> Self {
        Self { fetch: Box::new(fetch), page: Vec::new().into_iter(), next: Some(list.in_pages()) }
    }

    fn turn(&mut self, list: PageRequest) -> Result<()> {
        if let Some(cursor) = list.backwards() {
            return Err(ErrorDetail::cursor(cursor, "an iterator reads forward only: reverse the order instead").into());
        }
        let page = (self.fetch)(&list)?;
        self.next = page.after_cursor.map(|cursor| list.after(cursor));
        self.page = page.items.into_iter();
        Ok(())
    }
}

impl<T> Iterator for Items<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(item) = self.page.next() {
                return Some(Ok(item));
            }
            if let Err(error) = self.next.take().map(|list| self.turn(list))? {
                return Some(Err(error));
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.page.len();
        (left, self.next.is_none().then_some(left))
    }
}

impl<T> FusedIterator for Items<T> {}

impl<T> fmt::Debug for Items<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let more = if self.next.is_some() { " and more" } else { "" };
        write!(f, "Items({}{more})", self.page.len())
    }
}
