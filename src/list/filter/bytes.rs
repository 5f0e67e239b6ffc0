//! The bytes of a filter, which its cursors authenticate. Equivalent filters (another order, a repeated value, another
//! case) have the same bytes, and a filter that passes everything has none.

use std::collections::BTreeSet;

/// The fields of filters. The numbers are part of every cursor under a filter, and are never reused.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(super) enum Field {
    OwnerType = 1,
    TargetType = 2,
    Active = 3,
    Any = 4,
    Name = 5,
    Description = 6,
    Default = 7,
    User = 8,
    Mode = 9,
    Ended = 10,
    Kind = 11,
    Actor = 12,
    Since = 13,
    Until = 14,
    Policy = 15,
    PolicySet = 16,
    Schema = 17,
    Zone = 18,
}

/// The bytes of a filter, built field by field in the order of their numbers.
#[derive(Debug, Default)]
pub(super) struct FilterBytes(Vec<u8>);

impl FilterBytes {
    /// Adds the values of a field. Without values, the field is left out.
    pub(super) fn with<'a>(mut self, field: Field, values: impl IntoIterator<Item = &'a str>) -> Self {
        let values: BTreeSet<&str> = values.into_iter().collect();
        if values.is_empty() {
            return self;
        }
        self.0.push(field as u8);
        self.0.extend_from_slice(&length(values.len()));
        for value in values {
            self.0.extend_from_slice(&length(value.len()));
            self.0.extend_from_slice(value.as_bytes());
        }
        self
    }

    pub(super) fn done(self) -> Vec<u8> {
        self.0
    }
}

fn length(length: usize) -> [u8; 8] {
    u64::try_from(length).unwrap_or(u64::MAX).to_be_bytes()
}

/// The single value given; none for both values, which pass everything.
pub(super) fn only(values: &BTreeSet<bool>) -> Option<bool> {
    values.first().copied().filter(|_| values.len() == 1)
}

pub(super) fn flag(flag: bool) -> &'static str {
    if flag { "true" } else { "false" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::list::filter::{HistoryFilter, PolicyFilter, PolicySetFilter, SchemaFilter};
    use crate::resource::history::ChangeKind;
    use crate::types::actor::{Actor, OwnerType};
    use crate::types::hash::hex;
    use crate::types::target::{Target, TargetType};
    use crate::types::time::Timestamp;

    fn policies(filter: PolicyFilter) -> String {
        hex::encode(&filter.check().unwrap().bytes())
    }

    fn sets(filter: PolicySetFilter) -> String {
        hex::encode(&filter.check().unwrap().bytes())
    }

    /// Field, number of values, and each value after its length. Computed by another program from docs/format.md.
    #[test]
    fn the_bytes_of_a_filter_are_pinned() {
        let any_owner = PolicyFilter::new().owner_type(OwnerType::Platform).owner_type(OwnerType::Customer);
        assert_eq!(
            policies(any_owner.any("é").any("ab").name("n").description("d")),
            "01 0000000000000002 0000000000000008 637573746f6d6572 0000000000000008 706c6174666f726d \
             04 0000000000000002 0000000000000002 6162 0000000000000002 c3a9 \
             05 0000000000000001 0000000000000001 6e 06 0000000000000001 0000000000000001 64"
                .replace(' ', "")
        );
        assert_eq!(
            sets(PolicySetFilter::new().owner_type(OwnerType::Customer).active(true).name("n")),
            "01 0000000000000001 0000000000000008 637573746f6d6572 02 0000000000000001 0000000000000004 7a6f6e65 \
             03 0000000000000001 0000000000000004 74727565 05 0000000000000001 0000000000000001 6e"
                .replace(' ', "")
        );
        let other = hex::encode(&SchemaFilter::new().is_default(false).bytes());
        assert_eq!(other, "07 0000000000000001 0000000000000005 66616c7365".replace(' ', ""));
    }

    fn histories(filter: HistoryFilter) -> String {
        hex::encode(&filter.check().unwrap().bytes())
    }

    /// Computed by another program, too.
    #[test]
    fn the_bytes_of_a_history_filter_are_pinned() {
        let time = Timestamp::from_micros(1_771_939_200_000_000);
        let filter = HistoryFilter::new()
            .target(Target::Zone)
            .target(Target::user("é"))
            .kind(ChangeKind::Unbound)
            .kind(ChangeKind::Bound)
            .by(Actor::platform("ops").unwrap())
            .by(Actor::customer("ann").unwrap())
            .since(time)
            .until(Timestamp::from_micros(time.as_micros() + 1))
            .policy("q")
            .policy("p")
            .policy_set("s")
            .schema("2026-02-24")
            .zone("acme");
        assert_eq!(
            histories(filter),
            "02 0000000000000001 0000000000000004 7a6f6e65 08 0000000000000001 0000000000000002 c3a9 \
             0b 0000000000000002 0000000000000005 626f756e64 0000000000000007 756e626f756e64 \
             0c 0000000000000002 000000000000000c 637573746f6d65723a616e6e 000000000000000c 706c6174666f726d3a6f7073 \
             0d 0000000000000001 0000000000000010 31373731393339323030303030303030 \
             0e 0000000000000001 0000000000000010 31373731393339323030303030303031 \
             0f 0000000000000002 0000000000000001 70 0000000000000001 71 10 0000000000000001 0000000000000001 73 \
             11 0000000000000001 000000000000000a 323032362d30322d3234 12 0000000000000001 0000000000000004 61636d65"
                .replace(' ', "")
        );
        assert_eq!(histories(HistoryFilter::new()), "");
    }

    #[test]
    fn what_asks_for_the_same_has_the_same_bytes() {
        let filter = PolicyFilter::new;
        assert_eq!(policies(filter()), "");
        assert_eq!(policies(filter().name("b").name("a")), policies(filter().name("A").name("B").name("a")));
        assert_eq!(sets(PolicySetFilter::new().any_target()), "");
        let of = |target_type| PolicySetFilter::new().target_type(target_type);
        assert_eq!(sets(PolicySetFilter::new()), sets(of(TargetType::Zone)));
        assert_eq!(
            sets(of(TargetType::Zone).target_type(TargetType::User)),
            sets(of(TargetType::User).target_type(TargetType::Zone))
        );
    }

    #[test]
    fn what_asks_for_something_else_has_other_bytes() {
        let filter = PolicyFilter::new;
        let distinct = [
            filter(),
            filter().any("ab"),
            filter().name("ab"),
            filter().description("ab"),
            filter().name("a").name("b"),
            filter().name("a").description("b"),
            filter().owner_type(OwnerType::Customer),
            filter().owner_type(OwnerType::Platform),
        ]
        .map(policies);
        let filter = PolicySetFilter::new;
        let sets = [
            filter().active(true),
            filter().active(false),
            filter(),
            filter().target_type(TargetType::User),
            filter().any("ab"),
            filter().name("ab"),
        ]
        .map(sets);
        for all in [&distinct[..], &sets[..]] {
            assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "{all:?}");
        }
    }
}
