//! Cursors: authenticated places in one list. Does not know pages.

use super::order::{Order, Sort};
use crate::types::error::{ErrorDetail, Result, at_most};
use crate::types::hash::hex;
use crate::types::id::LogId;
use crate::types::limits;

/// The identity of a list. Every other list refuses its cursors.
#[derive(Clone)]
pub(crate) struct ListName<'a> {
    pub cursor_key: [u8; 32],
    pub log_id: LogId,
    /// The list within the log.
    pub list: &'static str,
    /// The id of the parent resource, such as a policy; empty without a parent.
    pub parent: &'a str,
    /// The bytes of the filter; empty for a filter that every item passes.
    pub filter: &'a [u8],
    /// The property that the list is sorted by.
    pub sort: Sort,
}

/// The first byte: the version of the cursor format.
const CURSOR_FORM: u8 = 1;
/// Format version, place, and the first half of a MAC.
const CURSOR_BYTES: usize = 1 + 8 + 16;

impl<'a> ListName<'a> {
    /// A list in order of creation, without a filter.
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

    /// The place in a cursor, which must be a cursor of this list in this order.
    pub(crate) fn place(&self, order: Order, cursor: &str) -> Result<u64> {
        let refuse = |reason| ErrorDetail::cursor(cursor, reason).into();
        at_most("characters of the cursor", cursor.len(), limits::CURSOR_CHARS)?;
        let bytes: [u8; CURSOR_BYTES] = hex::decode(cursor).ok_or_else(|| refuse("malformed cursor"))?;
        let place = bytes.get(1..9).and_then(|place| place.first_chunk::<8>()).copied().map(u64::from_be_bytes);
        let place = place.ok_or_else(|| refuse("malformed cursor"))?;
        // Compares in constant time: `blake3::Hash` does.
        let expected = blake3::hash(&self.cursor_bytes(order, place));
        if expected != blake3::hash(&bytes) {
            return Err(refuse("cursor was issued for a different list, order or filter"));
        }
        Ok(place)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::list::filter::{PolicyFilter, PolicySetFilter};
    use crate::types::actor::OwnerType;

    pub(crate) const NAME: ListName<'static> = ListName {
        cursor_key: [7; 32],
        log_id: LogId([1; 16]),
        list: "policies",
        parent: "",
        filter: &[],
        sort: Sort::CreatedAt,
    };

    proptest! {
        /// Each list accepts only its own cursors, and none is longer than the limit.
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

    /// The expected MACs were computed by another program, from the description in docs/format.md.
    #[test]
    fn the_bytes_of_a_cursor_are_pinned() {
        let pinned = |name: ListName<'_>, order, place, expected: &str| {
            assert_eq!(name.cursor(order, place), expected.replace(' ', ""));
        };
        // Format version, place, MAC.
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
}
