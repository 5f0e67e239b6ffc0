//! Cursors: authenticated places in one list. Does not know pages.

use super::order::{Order, Sort};
use super::place::Place;
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

/// The bytes of a MAC: the first half of BLAKE3's.
const MAC_BYTES: usize = 16;
/// The hex digits of the first byte: the version of the cursor format.
const FORM_DIGITS: usize = 2;
/// The hex digits of a MAC.
const MAC_DIGITS: usize = 2 * MAC_BYTES;

impl<'a> ListName<'a> {
    /// A list in order of creation, without a filter.
    pub(crate) fn new(cursor_key: [u8; 32], log_id: LogId, list: &'static str, parent: &'a str) -> Self {
        Self { cursor_key, log_id, list, parent, filter: &[], sort: Sort::CreatedAt }
    }

    /// The cursor to a place: format version, place and MAC.
    pub(crate) fn cursor<P: Place>(&self, order: Order, place: P) -> String {
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
        let place = place.bytes();
        mac.update(&[P::FORM, order]);
        mac.update(place.as_ref());
        let mut half = [0; MAC_BYTES];
        mac.finalize_xof().fill(&mut half);
        hex::encode(&[&[P::FORM], place.as_ref(), &half].concat())
    }

    /// The place in a cursor, which must be a cursor of this list in this order.
    pub(crate) fn place<P: Place>(&self, order: Order, cursor: &str) -> Result<P> {
        let refuse = |reason| ErrorDetail::cursor(cursor, reason).into();
        at_most("characters of the cursor", cursor.len(), limits::CURSOR_CHARS)?;
        let place = cursor.get(FORM_DIGITS..cursor.len().saturating_sub(MAC_DIGITS)).and_then(P::of_hex);
        let place = place.ok_or_else(|| refuse("malformed cursor"))?;
        // Compares in constant time: `blake3::Hash` does.
        let expected = blake3::hash(self.cursor(order, place).as_bytes());
        if expected != blake3::hash(cursor.as_bytes()) {
            return Err(refuse("cursor was issued for a different list, order or filter"));
        }
        Ok(place)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::TestCaseError;

    use super::*;
    use crate::list::filter::{HistoryFilter, PolicyFilter, PolicySetFilter};
    use crate::resource::history::ChangeKind;
    use crate::types::actor::{Actor, OwnerType};
    use crate::types::target::Target;
    use crate::types::time::Timestamp;

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
        fn only_the_lists_own_cursors_are_taken(place: u64, flip in 0..25_usize * 8) {
            only_its_own(place, flip)?;
        }

        /// So does a list over several logs.
        #[test]
        fn only_the_timelines_own_cursors_are_taken(place: u128, flip in 0..33_usize * 8) {
            only_its_own(place, flip)?;
            let short = NAME.cursor(Order::Descending, place as u64);
            prop_assert!(NAME.place::<u128>(Order::Descending, &short).is_err());
            prop_assert!(NAME.place::<u64>(Order::Descending, &NAME.cursor(Order::Descending, place)).is_err());
        }
    }

    fn only_its_own<P: Place + std::fmt::Debug>(place: P, flip: usize) -> Result<(), TestCaseError> {
        let cursor = NAME.cursor(Order::Descending, place);
        prop_assert!(cursor.len() <= limits::CURSOR_CHARS);
        prop_assert_eq!(NAME.place::<P>(Order::Descending, &cursor).unwrap(), place);
        prop_assert!(NAME.place::<P>(Order::Ascending, &cursor).is_err());
        for other in [
            ListName { cursor_key: [8; 32], ..NAME },
            ListName { log_id: LogId([2; 16]), ..NAME },
            ListName { list: "policy_sets", ..NAME },
            ListName { parent: "p", ..NAME },
            ListName { list: "policie", parent: "s", ..NAME },
            ListName { filter: b"p", ..NAME },
            ListName { sort: Sort::Status, ..NAME },
        ] {
            prop_assert!(other.place::<P>(Order::Descending, &cursor).is_err());
        }
        let [digit] = hex::decode::<1>(&cursor[flip / 8 * 2..][..2]).unwrap();
        let mut forged = cursor.clone();
        forged.replace_range(flip / 8 * 2..flip / 8 * 2 + 2, &hex::encode(&[digit ^ 1 << (flip % 8)]));
        let forged = NAME.place::<P>(Order::Descending, &forged).unwrap_err();
        prop_assert_eq!(forged.code(), "invalid_cursor");
        for other in [&cursor[2..], &cursor.to_uppercase(), &format!("{cursor}0"), &format!("é{cursor}"), "é", ""] {
            prop_assert!(*other == cursor || NAME.place::<P>(Order::Descending, other).is_err());
        }
        Ok(())
    }

    /// The expected MACs were computed by another program, from the description in docs/format.md.
    #[test]
    fn the_bytes_of_a_cursor_are_pinned() {
        let pinned = |name: ListName<'_>, order, place: u64, expected: &str| {
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

    #[test]
    fn the_bytes_of_a_timelines_cursor_are_pinned() {
        let name = ListName { list: "timeline", ..NAME };
        // Format version, time, number of the log, MAC.
        let expected = "02 0000000000000001 0000000000000000 ffbdac29bc8dd07ed5160f5d20df7f28".replace(' ', "");
        assert_eq!(name.cursor(Order::Descending, 1_u128 << 64), expected);
        let time = Timestamp::from_micros(1_771_939_200_000_000);
        let until = Timestamp::from_micros(time.as_micros() + 1);
        let filter = HistoryFilter::new().target(Target::Zone).target(Target::user("é")).since(time).until(until);
        let filter = filter.kind(ChangeKind::Unbound).kind(ChangeKind::Bound).policy("q").policy("p").policy_set("s");
        let filter = filter.by(Actor::platform("ops").unwrap()).by(Actor::customer("ann").unwrap());
        let filter = filter.schema("2026-02-24").zone("acme");
        let bytes = filter.check().unwrap().bytes();
        let filtered = ListName { filter: &bytes, ..name };
        let expected = "02 00064b91be946000 0000000000000005 38587439e6b2d33554538c4794481974".replace(' ', "");
        assert_eq!(filtered.cursor(Order::Ascending, 1_771_939_200_000_000_u128 << 64 | 5), expected);
    }
}
