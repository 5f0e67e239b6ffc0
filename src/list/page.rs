//! Page requests and pages, in order of creation, with cursors in both directions. Does not know what is listed, nor
//! the format of cursors.

use std::ops::Range;

use super::cursor::ListName;
use super::order::{Order, Sort};
use super::place::Place;
use crate::storage::Direction;
use crate::types::error::{ErrorDetail, Result};
use crate::types::limits;

/// A request for one page of a list. The default is the first page of 50, newest first.
///
/// ```
/// use policy_store::{PageRequest, Order};
/// let first = PageRequest::new().limit(20).order(Order::Ascending);
/// ```
#[must_use]
#[derive(Clone, Debug, Default)]
pub struct PageRequest {
    limit: Option<usize>,
    sort: Sort,
    order: Order,
    after: Option<String>,
    before: Option<String>,
    total_count: bool,
}

impl PageRequest {
    /// A request for the first page of 50, newest first.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the maximum number of items: 1 to 100.
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Sets the property to sort by. Only policy sets can be sorted by status.
    pub fn sort(mut self, sort: Sort) -> Self {
        self.sort = sort;
        self
    }

    /// Sets the order.
    pub fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// Requests the page after a cursor: the [`Page::after_cursor`] of a page of the same list.
    pub fn after(mut self, cursor: impl Into<String>) -> Self {
        self.after = Some(cursor.into());
        self
    }

    /// Requests the page before a cursor: the [`Page::before_cursor`] of a page of the same list. The order of items is
    /// the same.
    pub fn before(mut self, cursor: impl Into<String>) -> Self {
        self.before = Some(cursor.into());
        self
    }

    /// Requests the [number of items](Page::total_count) on all pages. It costs one look-up, or with a filter a scan of
    /// the items that could match.
    pub fn total_count(mut self) -> Self {
        self.total_count = true;
        self
    }

    /// The request for a whole list: the largest pages unless a limit is set.
    pub(crate) fn in_pages(&self) -> Self {
        Self { limit: self.limit.or(Some(limits::PAGE_ITEMS)), total_count: false, ..self.clone() }
    }

    /// The cursor that the page ends before, if any.
    pub(crate) fn backwards(&self) -> Option<&str> {
        self.before.as_deref()
    }

    pub(crate) fn sorted_by(&self) -> Sort {
        self.sort
    }

    /// The request for the single page of a list by `count` ids, which has no cursors.
    pub(crate) fn of_named(&self, count: usize) -> Result<Self> {
        match self.after.as_ref().or(self.before.as_ref()) {
            Some(cursor) => Err(ErrorDetail::cursor(cursor, "a list by ids has no cursors").into()),
            None => Ok(Self { limit: self.limit.or(Some(count)), ..self.clone() }),
        }
    }
}

/// A page of a list.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Page<T> {
    /// The items, in the requested order.
    pub items: Vec<T>,
    /// The cursor of the next page, if there is one. A page without items has no cursors.
    pub after_cursor: Option<String>,
    /// The cursor of the page before, if there is one.
    pub before_cursor: Option<String>,
    /// The number of items on all pages, if [requested](PageRequest::total_count).
    pub total_count: Option<u64>,
}

impl ListName<'_> {
    /// Checks sort, order and cursors as far as possible without decoding a cursor.
    fn check(&self, list: &PageRequest) -> Result<()> {
        if list.sort != self.sort {
            return Err(ErrorDetail::invalid("sort", "status", "this list can only be sorted by `created_at`").into());
        }
        if let (Some(cursor), Some(_)) = (&list.after, &list.before) {
            return Err(ErrorDetail::cursor(cursor, "`after` and `before` exclude each other").into());
        }
        if self.sort == Sort::Status {
            if list.order == Order::Ascending {
                return Err(
                    ErrorDetail::invalid("order", "ascending", "a list sorted by status must be descending").into()
                );
            }
            if let Some(cursor) = &list.before {
                return Err(ErrorDetail::cursor(cursor, "a list sorted by status can only be read forward").into());
            }
        }
        Ok(())
    }

    /// The page for a page request. `fetch(from, direction, n)` returns up to `n` items beyond the place `from`, or
    /// from the end of the list without one, each with its place. Places rise with the order of creation. `count`
    /// returns the number of all items.
    pub(crate) fn page<P: Place, T>(
        &self,
        list: &PageRequest,
        count: impl FnOnce() -> Result<u64>,
        fetch: impl Fn(Option<P>, Direction, usize) -> Result<Vec<(P, T)>>,
    ) -> Result<Page<T>> {
        let limit = list.limit.unwrap_or(limits::PAGE_ITEMS_DEFAULT);
        if limit == 0 || limit > limits::PAGE_ITEMS {
            return Err(ErrorDetail::invalid("limit", &limit.to_string(), "expected 1 to 100").into());
        }
        self.check(list)?;
        let backwards = list.before.is_some();
        let cursor = list.after.as_ref().or(list.before.as_ref());
        let from = cursor.map(|cursor| self.place(list.order, cursor)).transpose()?;
        let direction = match (list.order, backwards) {
            (Order::Ascending, false) | (Order::Descending, true) => Direction::Ascending,
            (Order::Descending, false) | (Order::Ascending, true) => Direction::Descending,
        };
        let mut found = fetch(from, direction, limit + 1)?;
        let goes_on = found.len() > limit;
        found.truncate(limit);
        let comes_from = match from {
            Some(from) if !found.is_empty() && self.sort == Sort::CreatedAt => {
                Self::is_something_behind(from, direction, fetch)?
            }
            _ => false,
        };
        let (precedes, follows) = if backwards { (goes_on, comes_from) } else { (comes_from, goes_on) };
        if backwards {
            found.reverse();
        }
        let cursor =
            |item: Option<&(P, T)>, wanted| item.filter(|_| wanted).map(|(place, _)| self.cursor(list.order, *place));
        Ok(Page {
            after_cursor: cursor(found.last(), follows),
            before_cursor: cursor(found.first(), precedes),
            items: found.into_iter().map(|(_, item)| item).collect(),
            total_count: list.total_count.then(count).transpose()?,
        })
    }

    /// Whether the list has an item at the cursor's place or beyond it, against the direction of reading. The item of
    /// the cursor may be gone: it no longer passes the filter, or its zone was erased.
    fn is_something_behind<P: Place, T>(
        from: P,
        direction: Direction,
        fetch: impl Fn(Option<P>, Direction, usize) -> Result<Vec<(P, T)>>,
    ) -> Result<bool> {
        let (before, back) = match direction {
            Direction::Ascending => (from.above(), Direction::Descending),
            Direction::Descending => (from.below(), Direction::Ascending),
        };
        Ok(!fetch(before, back, 1)?.is_empty())
    }
}

impl<T> IntoIterator for Page<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}

impl<'a, T> IntoIterator for &'a Page<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter()
    }
}

impl<T> Page<T> {
    /// The same page with converted items.
    pub(crate) fn try_map<U>(self, f: impl FnMut(T) -> Result<U>) -> Result<Page<U>> {
        let Self { items, after_cursor, before_cursor, total_count } = self;
        let items = items.into_iter().map(f).collect::<Result<_>>()?;
        Ok(Page { items, after_cursor, before_cursor, total_count })
    }

    /// The same page without cursors.
    pub(crate) fn without_cursors(self) -> Self {
        Self { after_cursor: None, before_cursor: None, ..self }
    }
}

/// The places of `all` beyond `from` in a direction, for lists that are numbered without gaps.
pub(crate) fn numbered(all: Range<u64>, from: Option<u64>, direction: Direction) -> impl Iterator<Item = u64> {
    let mut left = match (direction, from) {
        (_, None) => all,
        (Direction::Ascending, Some(from)) => all.start.max(from.saturating_add(1))..all.end,
        (Direction::Descending, Some(from)) => all.start..all.end.min(from),
    };
    std::iter::from_fn(move || match direction {
        Direction::Ascending => left.next(),
        Direction::Descending => left.next_back(),
    })
}

/// Up to `count` of `items` beyond a place in a direction. The places of `items` must rise.
pub(crate) fn among<T: Clone>(
    items: &[(u64, T)],
    from: Option<u64>,
    direction: Direction,
    count: usize,
) -> Vec<(u64, T)> {
    match direction {
        Direction::Ascending => {
            items.iter().filter(|(place, _)| from.is_none_or(|from| *place > from)).take(count).cloned().collect()
        }
        Direction::Descending => {
            items.iter().rev().filter(|(place, _)| from.is_none_or(|from| *place < from)).take(count).cloned().collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::list::cursor::tests::NAME;

    fn page(list: &PageRequest, length: u64) -> Page<u64> {
        let fetch = |from, direction, count| {
            Ok(numbered(0..length, from, direction).take(count).map(|place| (place, place)).collect())
        };
        NAME.page(list, || Ok(length), fetch).unwrap()
    }

    proptest! {
        /// Reading forward gives every item once, in order, while items are added. Reading back gives the same pages.
        #[test]
        fn pages_never_repeat_or_skip(length in 0..40_u64, more in 0..5_u64, limit in 1..9_usize, ascending: bool) {
            let order = if ascending { Order::Ascending } else { Order::Descending };
            let list = PageRequest::new().limit(limit).order(order);
            let mut pages = vec![page(&list, length)];
            let mut now = length;
            while let Some(cursor) = &pages.last().unwrap().after_cursor {
                now += more;
                prop_assume!(now < 1_000);
                let next = page(&list.clone().after(cursor), if ascending { length } else { now });
                let back = page(&list.clone().before(next.before_cursor.clone().unwrap()), now);
                prop_assert_eq!(&back.items, &pages.last().unwrap().items);
                prop_assert!(back.after_cursor.is_some());
                pages.push(next);
            }
            prop_assert!(pages[0].before_cursor.is_none());
            let all: Vec<u64> = pages.into_iter().flat_map(|page| page.items).collect();
            let expected: Vec<u64> = if ascending { (0..length).collect() } else { (0..length).rev().collect() };
            prop_assert_eq!(all, expected);
        }
    }

    #[test]
    fn limits_and_cursors_are_checked() {
        let refused = |list: PageRequest| NAME.page::<u64, ()>(&list, || Ok(0), |_, _, _| Ok(Vec::new())).unwrap_err();
        assert_eq!(refused(PageRequest::new().limit(0)).code(), "invalid_input");
        assert_eq!(refused(PageRequest::new().limit(101)).code(), "invalid_input");
        let cursor = NAME.cursor(Order::Descending, 3_u64);
        assert_eq!(refused(PageRequest::new().after(&cursor).before(&cursor)).code(), "invalid_cursor");
        assert_eq!(refused(PageRequest::new().after("")).code(), "invalid_cursor");
        assert_eq!(refused(PageRequest::new().after("x".repeat(256))).code(), "too_large");
        assert_eq!(page(&PageRequest::new(), 200).items.len(), 50);
        assert_eq!(page(&PageRequest::new().limit(100), 200).items.len(), 100);
    }
}
