//! Lists: pages in created_at order, with authenticated cursors in both directions. What is listed is not known here.

use crate::error::{ErrorDetail, Result, at_most};
use crate::hash::hex;
use crate::id::LogId;
use crate::limits;
use crate::storage::Direction;

/// The order of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Order {
    /// Oldest first.
    Ascending,
    /// Newest first: the default.
    #[default]
    Descending,
}

/// What a list is sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Sort {
    /// When the items were created: the default.
    #[default]
    CreatedAt,
    /// What is in force first, then when the items were created; as things are when the page is read. For policy sets
    /// only, descending and forward only.
    Status,
}

/// Which page of a list is asked for. The default is the first page of 50, newest first.
///
/// ```
/// use policy_store::{List, Order};
/// let first = List::new().limit(20).order(Order::Ascending);
/// ```
#[derive(Clone, Debug, Default)]
pub struct List {
    limit: Option<usize>,
    sort: Sort,
    order: Order,
    after: Option<String>,
    before: Option<String>,
    total_count: bool,
}

impl List {
    /// The first page of 50, newest first.
    pub fn new() -> Self {
        Self::default()
    }

    /// At most so many items: 1 to 100.
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = Some(limit);
        self
    }

    /// By this. Only policy sets can be sorted by status.
    pub fn sort(mut self, sort: Sort) -> Self {
        self.sort = sort;
        self
    }

    /// In this order.
    pub fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// The page after a cursor that this list gave out as [`Page::after_cursor`].
    pub fn after(mut self, cursor: impl Into<String>) -> Self {
        self.after = Some(cursor.into());
        self
    }

    /// The page just before a cursor that this list gave out as [`Page::before_cursor`], in the same order.
    pub fn before(mut self, cursor: impl Into<String>) -> Self {
        self.before = Some(cursor.into());
        self
    }

    /// With the [number of items](Page::total_count) on all pages. It costs one look-up, but under a filter a look at
    /// everything that could pass it.
    pub fn total_count(mut self) -> Self {
        self.total_count = true;
        self
    }

    /// What it is to be sorted by.
    pub(crate) fn sorted_by(&self) -> Sort {
        self.sort
    }

    /// The one page of a list of `count` items that were named: it takes no cursors.
    pub(crate) fn of_named(&self, count: usize) -> Result<Self> {
        match self.after.as_ref().or(self.before.as_ref()) {
            Some(cursor) => Err(ErrorDetail::cursor(cursor, "a list by ids takes none").into()),
            None => Ok(Self { limit: self.limit.or(Some(count)), ..self.clone() }),
        }
    }
}

/// A page of a list.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Page<T> {
    /// The items, in the order asked for.
    pub items: Vec<T>,
    /// Where the next page starts, if something follows. A page without items has no cursors.
    pub after_cursor: Option<String>,
    /// Where the page before ends, if something precedes.
    pub before_cursor: Option<String>,
    /// The number of items on all pages, if it was [asked for](List::total_count).
    pub total_count: Option<u64>,
}

/// What a cursor is of: it is refused by every other list.
#[derive(Clone)]
pub(crate) struct ListName<'a> {
    pub cursor_key: [u8; 32],
    pub log_id: LogId,
    /// Which list of the log.
    pub list: &'static str,
    /// Of what: the id of a policy, say.
    pub parent: &'a str,
    /// The bytes of the filter: none if it lets everything pass.
    pub filter: &'a [u8],
    /// What the list is sorted by.
    pub sort: Sort,
}

/// The first byte of a cursor of this form.
const CURSOR_FORM: u8 = 1;
/// Form, place, and the first half of a MAC.
const CURSOR_BYTES: usize = 1 + 8 + 16;

impl<'a> ListName<'a> {
    /// A list in created_at order, without a filter.
    pub(crate) fn new(cursor_key: [u8; 32], log_id: LogId, list: &'static str, parent: &'a str) -> Self {
        Self { cursor_key, log_id, list, parent, filter: &[], sort: Sort::CreatedAt }
    }

    pub(crate) fn cursor(&self, order: Order, place: u64) -> String {
        hex::encode(&self.cursor_bytes(order, place))
    }

    fn cursor_bytes(&self, order: Order, place: u64) -> [u8; CURSOR_BYTES] {
        let mut mac = blake3::Hasher::new_keyed(&self.cursor_key);
        for part in [self.log_id.0.as_slice(), self.list.as_bytes(), self.parent.as_bytes(), self.filter] {
            mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            mac.update(part);
        }
        let order = match (self.sort, order) {
            (Sort::CreatedAt, Order::Descending) => 0,
            (Sort::CreatedAt, Order::Ascending) => 1,
            (Sort::Status, _) => 2,
        };
        mac.update(&[CURSOR_FORM, order]);
        mac.update(&place.to_be_bytes());
        let mut bytes = [CURSOR_FORM; CURSOR_BYTES];
        let (_, rest) = bytes.split_at_mut(1);
        let (place_part, mac_part) = rest.split_at_mut(8);
        place_part.copy_from_slice(&place.to_be_bytes());
        mac.finalize_xof().fill(mac_part);
        bytes
    }

    /// The place in a cursor that this list gave out.
    fn place(&self, order: Order, cursor: &str) -> Result<u64> {
        let refuse = |reason| ErrorDetail::cursor(cursor, reason).into();
        at_most("the cursor's characters", cursor.len(), limits::CURSOR_CHARS)?;
        let bytes: [u8; CURSOR_BYTES] = hex::decode(cursor).ok_or_else(|| refuse("it is malformed"))?;
        let place = bytes.get(1..9).and_then(|place| place.first_chunk::<8>()).copied().map(u64::from_be_bytes);
        let place = place.ok_or_else(|| refuse("it is malformed"))?;
        // BLAKE3's own comparison takes the same time whatever differs.
        let expected = blake3::hash(&self.cursor_bytes(order, place));
        if expected != blake3::hash(&bytes) {
            return Err(refuse("this list, in this order and under this filter, did not give it out"));
        }
        Ok(place)
    }

    /// The sort, order and cursor of a list, as far as they can be refused without a look at the cursor.
    fn check(&self, list: &List) -> Result<()> {
        if list.sort != self.sort {
            return Err(ErrorDetail::invalid("sort", "status", "this list is sorted by created_at only").into());
        }
        if let (Some(cursor), Some(_)) = (&list.after, &list.before) {
            return Err(ErrorDetail::cursor(cursor, "`after` and `before` exclude each other").into());
        }
        if self.sort == Sort::Status {
            if list.order == Order::Ascending {
                return Err(ErrorDetail::invalid("order", "ascending", "by status, lists are descending only").into());
            }
            if let Some(cursor) = &list.before {
                return Err(ErrorDetail::cursor(cursor, "by status, lists go forward only").into());
            }
        }
        Ok(())
    }

    /// The page that `list` asks for. `fetch` gives up to so many items, each with its place, from beyond a place (or
    /// from the end if there is none) in a direction; places rise with created_at. `count` gives the number of all.
    pub(crate) fn page<T>(
        &self,
        list: &List,
        count: impl FnOnce() -> Result<u64>,
        fetch: impl Fn(Option<u64>, Direction, usize) -> Result<Vec<(u64, T)>>,
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
            |item: Option<&(u64, T)>, wanted| item.filter(|_| wanted).map(|(place, _)| self.cursor(list.order, *place));
        Ok(Page {
            after_cursor: cursor(found.last(), follows),
            before_cursor: cursor(found.first(), precedes),
            items: found.into_iter().map(|(_, item)| item).collect(),
            total_count: list.total_count.then(count).transpose()?,
        })
    }

    /// Whether the list has anything where a page in a direction came from: at the cursor's place, or further back. The
    /// item that a cursor names may be gone from the list: the filter lets it pass no more, or the zone was erased.
    fn is_something_behind<T>(
        from: u64,
        direction: Direction,
        fetch: impl Fn(Option<u64>, Direction, usize) -> Result<Vec<(u64, T)>>,
    ) -> Result<bool> {
        let (before, back) = match direction {
            Direction::Ascending => (from.checked_add(1), Direction::Descending),
            Direction::Descending => (from.checked_sub(1), Direction::Ascending),
        };
        Ok(!fetch(before, back, 1)?.is_empty())
    }
}

impl<T> Page<T> {
    /// The same page with other items.
    pub(crate) fn try_map<U>(self, f: impl FnMut(T) -> Result<U>) -> Result<Page<U>> {
        let Self { items, after_cursor, before_cursor, total_count } = self;
        let items = items.into_iter().map(f).collect::<Result<_>>()?;
        Ok(Page { items, after_cursor, before_cursor, total_count })
    }

    /// The same page, of a list that takes no cursors.
    pub(crate) fn without_cursors(self) -> Self {
        Self { after_cursor: None, before_cursor: None, ..self }
    }
}

/// The places of `0..length` from `from` on in a direction: for lists that are numbered without gaps.
pub(crate) fn numbered(length: u64, from: Option<u64>, direction: Direction, count: usize) -> Vec<u64> {
    match (direction, from) {
        (Direction::Ascending, from) => (from.map_or(0, |from| from.saturating_add(1))..length).take(count).collect(),
        (Direction::Descending, from) => (0..from.unwrap_or(length).min(length)).rev().take(count).collect(),
    }
}

/// Up to `count` of `items`, whose places rise, from beyond a place in a direction.
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
    use crate::filter::{PolicyFilter, PolicySetFilter};
    use crate::id::OwnerType;

    const NAME: ListName<'static> = ListName {
        cursor_key: [7; 32],
        log_id: LogId([1; 16]),
        list: "policies",
        parent: "",
        filter: &[],
        sort: Sort::CreatedAt,
    };

    fn page(list: &List, length: u64) -> Page<u64> {
        let fetch = |from, direction, count| {
            Ok(numbered(length, from, direction, count).into_iter().map(|place| (place, place)).collect())
        };
        NAME.page(list, || Ok(length), fetch).unwrap()
    }

    proptest! {
        /// Pages forward give every item once, in order, while more are written; and pages back give the same pages.
        #[test]
        fn pages_never_repeat_or_skip(length in 0..40_u64, more in 0..5_u64, limit in 1..9_usize, ascending: bool) {
            let order = if ascending { Order::Ascending } else { Order::Descending };
            let list = List::new().limit(limit).order(order);
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

        /// No cursor but one's own is taken, and none is longer than the limit.
        #[test]
        fn only_the_lists_own_cursors_are_taken(place: u64, flip in 0..CURSOR_BYTES * 8) {
            let cursor = NAME.cursor(Order::Descending, place);
            prop_assert!(cursor.len() <= limits::CURSOR_CHARS);
            prop_assert_eq!(NAME.place(Order::Descending, &cursor).unwrap(), place);
            prop_assert!(NAME.place(Order::Ascending, &cursor).is_err());
            for other in [
                ListName { cursor_key: [8; 32], ..NAME },
                ListName { log_id: LogId([2; 16]), ..NAME },
                ListName { list: "policy_sets", ..NAME },
                ListName { parent: "p", ..NAME },
                ListName { list: "policie", parent: "s", ..NAME },
                ListName { filter: b"p", ..NAME },
                ListName { sort: Sort::Status, ..NAME },
            ] {
                prop_assert!(other.place(Order::Descending, &cursor).is_err());
            }
            let mut bytes: [u8; CURSOR_BYTES] = hex::decode(&cursor).unwrap();
            bytes[flip / 8] ^= 1 << (flip % 8);
            let forged = NAME.place(Order::Descending, &hex::encode(&bytes)).unwrap_err();
            prop_assert_eq!(forged.code(), "invalid_cursor");
            prop_assert!(NAME.place(Order::Descending, &cursor[2..]).is_err());
        }
    }

    /// The MACs were computed by another program, from the bytes that docs/format.md describes.
    #[test]
    fn the_bytes_of_a_cursor_are_pinned() {
        let pinned = |name: ListName<'_>, order, place, expected: &str| {
            assert_eq!(name.cursor(order, place), expected.replace(' ', ""));
        };
        // Form, place, MAC.
        pinned(NAME, Order::Descending, 3, "01 0000000000000003 09887b1c29f35c3d8f6c089a3c8118ce");
        let versions = ListName { list: "policy_versions", parent: "p", ..NAME };
        pinned(versions, Order::Ascending, 258, "01 0000000000000102 4d44faca8ca29fd36eec8ab27b7ef094");
        let any_owner = PolicyFilter::new().owner_type(OwnerType::Platform).owner_type(OwnerType::Customer);
        let filter = any_owner.any("é").any("ab").name("n").description("d").check().unwrap().bytes();
        let filtered = ListName { filter: &filter, ..NAME };
        pinned(filtered, Order::Descending, 3, "01 0000000000000003 1d8cd94f59d99ad361e519fde77253dc");
        let filter = PolicySetFilter::new().owner_type(OwnerType::Customer).active(true).name("N").check().unwrap();
        let filter = filter.bytes();
        let by_status = ListName { list: "policy_sets", filter: &filter, sort: Sort::Status, ..NAME };
        // The highest bit of the place: an active set.
        pinned(by_status, Order::Descending, 1 << 63 | 5, "01 8000000000000005 c0e012dcef35472d4daed1bb4c318b25");
    }

    #[test]
    fn limits_and_cursors_are_checked() {
        let refused = |list: List| NAME.page::<()>(&list, || Ok(0), |_, _, _| Ok(Vec::new())).unwrap_err();
        assert_eq!(refused(List::new().limit(0)).code(), "invalid_input");
        assert_eq!(refused(List::new().limit(101)).code(), "invalid_input");
        let cursor = NAME.cursor(Order::Descending, 3);
        assert_eq!(refused(List::new().after(&cursor).before(&cursor)).code(), "invalid_cursor");
        assert_eq!(refused(List::new().after("")).code(), "invalid_cursor");
        assert_eq!(refused(List::new().after("x".repeat(256))).code(), "too_large");
        assert_eq!(page(&List::new(), 200).items.len(), 50);
        assert_eq!(page(&List::new().limit(100), 200).items.len(), 100);
    }
}
