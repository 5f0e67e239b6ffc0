//! Keys: hand-encoded bytes in logical order. docs/format.md describes each.
//!
//! An index key starts with the log number and a tag, so that the rows of a log are one range. A zero byte follows each
//! id; ids contain no zero byte.

use std::ops::Range;

use crate::record::ContentKey;
use crate::types::id::{IdempotencyKey, LogId};
use crate::types::target::{BindingMode, Target};

/// The number of a log in this file: 0 is the store's log, and each zone's log has another.
pub(crate) type LogNumber = u32;

/// The store's own log.
pub(crate) const STORE_LOG: LogNumber = 0;

pub(in crate::storage) const META_FORMAT: &[u8] = b"format";
pub(in crate::storage) const META_STORE: &[u8] = b"store";
pub(in crate::storage) const META_INDEX: &[u8] = b"index";
pub(in crate::storage) const META_LOGS: &[u8] = b"logs";
pub(in crate::storage) const META_COMMITS: &[u8] = b"commits";
pub(in crate::storage) const META_CONTENT: &[u8] = b"content";
const META_HEAD: &[u8] = b"head:";
const META_WITNESS: &[u8] = b"witness:";

/// All meta rows, unknown ones included.
pub(in crate::storage) const ALL_META: Range<&[u8]> = &[]..&[0xff; 64];

/// The kind of an index row: its tag in the key. Tags are never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum RowKind {
    /// The state of the log as a whole.
    State = 0x00,
    /// Zone id → its log and its creation.
    Zone = 0x01,
    /// Position → zone id.
    ZoneOrder = 0x02,
    /// Schema version → its publication and its last change.
    Schema = 0x03,
    /// Position → schema version.
    SchemaOrder = 0x04,
    /// A zone's log id → its checkpoint in the newest seal.
    Sealed = 0x05,
    /// A log id → the newest of its signed checkpoints that were kept.
    KeptCheckpoint = 0x06,
    /// Nothing → the newest seal.
    Seal = 0x07,
    /// Policy id → the entries that define it.
    Policy = 0x10,
    /// Position → policy id.
    PolicyOrder = 0x11,
    /// Policy id, version number → its creation and its archiving.
    PolicyVersion = 0x12,
    /// Policy version id → its creation.
    PolicyVersionId = 0x13,
    /// Policy set id → the entries that define it.
    PolicySet = 0x20,
    /// Position → policy set id.
    PolicySetOrder = 0x21,
    /// Policy set id, version number → its creation and its archiving.
    PolicySetVersion = 0x22,
    /// Policy set version id → its creation.
    PolicySetVersionId = 0x23,
    /// Policy set id, version number, position → an attestation of that version.
    Attestation = 0x24,
    /// Policy set id, version number, position → a test suite that was kept with that version.
    TestsKept = 0x25,
    /// Mode, target, position → whether the entry binds or unbinds.
    Binding = 0x30,
    /// Position → the mode and target of the binding.
    BindingOrder = 0x31,
    /// Position → whether tests are required from there on.
    TestsRequired = 0x32,
    /// Idempotency key → the entries of its call.
    IdempotencyKey = 0x40,
    /// Level, number → 256 hashes of the tree over the log.
    Tile = 0x50,
    /// A former id of the log → the entry that gave it another one.
    FormerId = 0x60,
}

impl RowKind {
    const ALL: [Self; 24] = [
        Self::State,
        Self::Zone,
        Self::ZoneOrder,
        Self::Schema,
        Self::SchemaOrder,
        Self::Sealed,
        Self::KeptCheckpoint,
        Self::Seal,
        Self::Policy,
        Self::PolicyOrder,
        Self::PolicyVersion,
        Self::PolicyVersionId,
        Self::PolicySet,
        Self::PolicySetOrder,
        Self::PolicySetVersion,
        Self::PolicySetVersionId,
        Self::Attestation,
        Self::TestsKept,
        Self::Binding,
        Self::BindingOrder,
        Self::TestsRequired,
        Self::IdempotencyKey,
        Self::Tile,
        Self::FormerId,
    ];

    /// The kind of the row with this key.
    pub(in crate::storage) fn of(row_key: &[u8]) -> Option<Self> {
        let tag = row_key.get(size_of::<LogNumber>())?;
        Self::ALL.into_iter().find(|kind| *kind as u8 == *tag)
    }

    /// The name of the list over these rows, which its cursors are bound to.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Zone | Self::ZoneOrder => "zones",
            Self::Schema | Self::SchemaOrder => "schemas",
            Self::Policy | Self::PolicyOrder => "policies",
            Self::PolicyVersion | Self::PolicyVersionId => "policy_versions",
            Self::PolicySet | Self::PolicySetOrder => "policy_sets",
            Self::PolicySetVersion | Self::PolicySetVersionId => "policy_set_versions",
            Self::Attestation => "attestations",
            Self::Binding | Self::BindingOrder => "bindings",
            Self::State
            | Self::Sealed
            | Self::KeptCheckpoint
            | Self::Seal
            | Self::TestsKept
            | Self::TestsRequired
            | Self::IdempotencyKey
            | Self::Tile
            | Self::FormerId => "none",
        }
    }
}

pub(in crate::storage) fn head(log: LogNumber) -> Vec<u8> {
    [META_HEAD, &log.to_be_bytes()].concat()
}

pub(in crate::storage) fn heads() -> Range<Vec<u8>> {
    prefixed(META_HEAD.to_vec())
}

/// The log number in the key of a head.
pub(in crate::storage) fn head_log(key: &[u8]) -> Option<LogNumber> {
    Some(LogNumber::from_be_bytes(key.strip_prefix(META_HEAD)?.try_into().ok()?))
}

/// Whether this build knows the meta row under `key`.
pub(in crate::storage) fn is_meta(key: &[u8]) -> bool {
    [META_FORMAT, META_STORE, META_INDEX, META_LOGS, META_COMMITS, META_CONTENT].contains(&key)
        || head_log(key).is_some()
        || key.starts_with(META_WITNESS)
}

/// Whether the key has the tag of an index row. No key of a meta row has one.
pub(in crate::storage) fn is_index(row_key: &[u8]) -> bool {
    RowKind::of(row_key).is_some()
}

/// The key of the witness of an index row, or of all rows with a prefix.
pub(in crate::storage) fn witness(row_key: &[u8]) -> Vec<u8> {
    [META_WITNESS, row_key].concat()
}

/// The key of the witness of a target's newest binding row.
pub(in crate::storage) fn newest_binding(log: LogNumber, mode: BindingMode, target: &Target) -> Vec<u8> {
    witness(&target_prefix(log, mode, target))
}

/// All witness rows of one log.
pub(in crate::storage) fn witnesses(log: LogNumber) -> Range<Vec<u8>> {
    prefixed(witness(&log.to_be_bytes()))
}

/// All witness rows.
pub(in crate::storage) fn all_witnesses() -> Range<Vec<u8>> {
    prefixed(META_WITNESS.to_vec())
}

/// The log of a witness.
pub(in crate::storage) fn witness_log(key: &[u8]) -> Option<LogNumber> {
    Some(LogNumber::from_be_bytes(*key.strip_prefix(META_WITNESS)?.first_chunk()?))
}

pub(in crate::storage) fn entry(log: LogNumber, position: u64) -> [u8; 12] {
    let mut key = [0; 12];
    let (log_part, position_part) = key.split_at_mut(4);
    log_part.copy_from_slice(&log.to_be_bytes());
    position_part.copy_from_slice(&position.to_be_bytes());
    key
}

/// The entries of a log from `position` on.
pub(in crate::storage) fn entries_from(log: LogNumber, position: u64) -> Range<Vec<u8>> {
    entry(log, position).to_vec()..all_of(log).end
}

/// The log number and the position in the key of an entry.
pub(in crate::storage) fn entry_place(key: &[u8]) -> Option<(LogNumber, u64)> {
    let (log, position) = key.split_first_chunk::<4>()?;
    Some((LogNumber::from_be_bytes(*log), u64::from_be_bytes(position.try_into().ok()?)))
}

/// The key of content by its number.
pub(in crate::storage) fn content(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

/// The number in the key of content.
pub(in crate::storage) fn content_number(key: &[u8]) -> Option<u64> {
    key.try_into().ok().map(u64::from_be_bytes)
}

/// The row that finds content by its address.
pub(in crate::storage) fn address(key: &ContentKey, number: u64) -> Vec<u8> {
    [key.as_slice(), &number.to_be_bytes()].concat()
}

/// All content that may have this address.
pub(in crate::storage) fn addresses(key: &ContentKey) -> Range<Vec<u8>> {
    prefixed(key.to_vec())
}

fn key_of(log: LogNumber, kind: RowKind) -> Vec<u8> {
    let mut key = Vec::with_capacity(64);
    key.extend_from_slice(&log.to_be_bytes());
    key.push(kind as u8);
    key
}

/// The row of a resource, by its id.
pub(crate) fn by_id(log: LogNumber, kind: RowKind, id: &str) -> Vec<u8> {
    let mut key = key_of(log, kind);
    key.extend_from_slice(id.as_bytes());
    key.push(0);
    key
}

/// The row of a version, by its number.
pub(crate) fn by_version(log: LogNumber, kind: RowKind, parent: &str, version: u32) -> Vec<u8> {
    let mut key = by_id(log, kind, parent);
    key.extend_from_slice(&version.to_be_bytes());
    key
}

/// The row of a resource, by the position of its creation.
pub(crate) fn by_position(log: LogNumber, kind: RowKind, position: u64) -> Vec<u8> {
    let mut key = key_of(log, kind);
    key.extend_from_slice(&position.to_be_bytes());
    key
}

/// The rows of a target's bindings, up to and including `position`.
pub(crate) fn bindings(log: LogNumber, mode: BindingMode, target: &Target, position: u64) -> Range<Vec<u8>> {
    up_to(&target_prefix(log, mode, target), position)
}

/// The beginning of the keys of a version's test suites.
pub(in crate::storage) fn tests_kept(log: LogNumber, set: &str, version: u32) -> Vec<u8> {
    by_version(log, RowKind::TestsKept, set, version)
}

/// The beginning of the keys of the demand for tests.
pub(in crate::storage) fn tests_required(log: LogNumber) -> Vec<u8> {
    key_of(log, RowKind::TestsRequired)
}

/// The row at `position` of those that begin with `prefix`.
pub(in crate::storage) fn linked(prefix: &[u8], position: u64) -> Vec<u8> {
    [prefix, position.to_be_bytes().as_slice()].concat()
}

/// The row of the binding entry at `position`.
pub(crate) fn binding(log: LogNumber, mode: BindingMode, target: &Target, position: u64) -> Vec<u8> {
    let mut key = target_prefix(log, mode, target);
    key.extend_from_slice(&position.to_be_bytes());
    key
}

/// The beginning of the keys of a target's bindings.
pub(in crate::storage) fn target_prefix(log: LogNumber, mode: BindingMode, target: &Target) -> Vec<u8> {
    let mut key = key_of(log, RowKind::Binding);
    key.push(match mode {
        BindingMode::Active => 0,
        BindingMode::Shadow => 1,
        BindingMode::Guardrail => 2,
    });
    match target {
        Target::Zone => key.push(0),
        Target::User(id) => {
            key.push(1);
            key.extend_from_slice(id.as_bytes());
            // Target ids contain no control characters.
            key.push(0);
        }
    }
    key
}

/// The row of the state of a log.
pub(crate) fn state(log: LogNumber) -> Vec<u8> {
    key_of(log, RowKind::State)
}

/// The row of a full tile.
pub(crate) fn tile(log: LogNumber, level: u8, number: u64) -> Vec<u8> {
    let mut key = key_of(log, RowKind::Tile);
    key.push(level);
    key.extend_from_slice(&number.to_be_bytes());
    key
}

/// The row of a former id of a log.
pub(crate) fn former_id(log: LogNumber, id: LogId) -> Vec<u8> {
    by_log_id(log, RowKind::FormerId, id)
}

/// The row of a zone's checkpoint in the newest seal.
pub(in crate::storage) fn sealed(id: LogId) -> Vec<u8> {
    by_log_id(STORE_LOG, RowKind::Sealed, id)
}

/// The row of the newest signed checkpoint of a log that was kept.
pub(in crate::storage) fn kept_checkpoint(id: LogId) -> Vec<u8> {
    by_log_id(STORE_LOG, RowKind::KeptCheckpoint, id)
}

/// The row of the newest seal.
pub(in crate::storage) fn seal() -> Vec<u8> {
    key_of(STORE_LOG, RowKind::Seal)
}

fn by_log_id(log: LogNumber, kind: RowKind, id: LogId) -> Vec<u8> {
    let mut key = key_of(log, kind);
    key.extend(id.0);
    key
}

/// The log id in a key of [`sealed`].
pub(in crate::storage) fn log_id(row_key: &[u8]) -> Option<LogId> {
    row_key.get(size_of::<LogNumber>() + 1..)?.try_into().ok().map(LogId)
}

/// The row of an idempotency key.
pub(crate) fn idempotency_key(log: LogNumber, id: IdempotencyKey) -> Vec<u8> {
    let mut key = key_of(log, RowKind::IdempotencyKey);
    key.extend_from_slice(id.as_bytes());
    key
}

/// The row of the attestation at `position`.
pub(crate) fn attestation(log: LogNumber, set: &str, version: u32, position: u64) -> Vec<u8> {
    let mut key = by_version(log, RowKind::Attestation, set, version);
    key.extend_from_slice(&position.to_be_bytes());
    key
}

/// All attestations of one policy set version.
pub(crate) fn attestations(log: LogNumber, set: &str, version: u32) -> Range<Vec<u8>> {
    prefixed(by_version(log, RowKind::Attestation, set, version))
}

/// All rows of one tag.
pub(crate) fn all(log: LogNumber, kind: RowKind) -> Range<Vec<u8>> {
    prefixed(key_of(log, kind))
}

/// All versions of one policy or policy set.
pub(crate) fn versions(log: LogNumber, kind: RowKind, parent: &str) -> Range<Vec<u8>> {
    prefixed(by_id(log, kind, parent))
}

/// All rows of the tables of content and of addresses.
pub(in crate::storage) const ALL_CONTENT: Range<&[u8]> = &[]..&[0xff; 26];

/// All rows of the index.
pub(in crate::storage) const ALL: Range<&[u8]> = &[]..&[0xff; 5];

/// All rows of one log, in the index or in the log itself.
pub(in crate::storage) fn all_of(log: LogNumber) -> Range<Vec<u8>> {
    prefixed(log.to_be_bytes().to_vec())
}

/// The last eight bytes of a key of [`by_position`], [`binding`], [`attestation`] or [`linked`].
pub(crate) fn position(key: &[u8]) -> Option<u64> {
    key.last_chunk::<8>().map(|bytes| u64::from_be_bytes(*bytes))
}

/// The id in a key of [`by_id`], [`by_version`] or [`attestation`].
pub(in crate::storage) fn id(row_key: &[u8]) -> Option<&str> {
    let id = row_key.get(size_of::<LogNumber>() + 1..)?.split(|byte| *byte == 0).next()?;
    std::str::from_utf8(id).ok()
}

/// The level and the number in the key of a tile.
pub(in crate::storage) fn tile_place(row_key: &[u8]) -> Option<(u8, u64)> {
    Some((*row_key.get(size_of::<LogNumber>() + 1)?, position(row_key)?))
}

/// The rows of [`by_position`] from `position` on.
pub(in crate::storage) fn positions_from(log: LogNumber, kind: RowKind, position: u64) -> Range<Vec<u8>> {
    by_position(log, kind, position)..all(log, kind).end
}

/// The key of the index row that a witness repeats, or the prefix of those that it is the newest of.
pub(in crate::storage) fn witnessed(meta_key: &[u8]) -> Option<&[u8]> {
    meta_key.strip_prefix(META_WITNESS)
}

/// The rows that start with `prefix`, which is a target's, up to and including `position`.
pub(in crate::storage) fn up_to(prefix: &[u8], position: u64) -> Range<Vec<u8>> {
    prefix.to_vec()..[prefix, position.saturating_add(1).to_be_bytes().as_slice()].concat()
}

/// The rows that start with `prefix`, which is a target's, after `position`.
pub(in crate::storage) fn beyond(prefix: &[u8], position: u64) -> Range<Vec<u8>> {
    up_to(prefix, position).end..prefixed(prefix.to_vec()).end
}

/// The last four bytes of a key of [`by_version`].
pub(crate) fn version(key: &[u8]) -> Option<u32> {
    key.last_chunk::<4>().map(|bytes| u32::from_be_bytes(*bytes))
}

/// The first key after `key`.
pub(crate) fn after(mut key: Vec<u8>) -> Vec<u8> {
    key.push(0);
    key
}

/// The range of all keys that start with `prefix`.
fn prefixed(prefix: Vec<u8>) -> Range<Vec<u8>> {
    let mut end = prefix.clone();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            break;
        }
    }
    if end.is_empty() {
        // The prefix has only bytes of 255. No key starts with it, because no log has that number.
        end = vec![0xff; prefix.len() + 1];
    }
    prefix..end
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::types::hash::hex;

    /// A key of each tag. The exhaustive match makes a new tag a compile error here.
    fn indexed(kind: RowKind) -> Vec<u8> {
        match kind {
            RowKind::Zone
            | RowKind::Schema
            | RowKind::Policy
            | RowKind::PolicyVersionId
            | RowKind::PolicySet
            | RowKind::PolicySetVersionId => by_id(1, kind, "p"),
            RowKind::ZoneOrder
            | RowKind::SchemaOrder
            | RowKind::PolicyOrder
            | RowKind::PolicySetOrder
            | RowKind::BindingOrder
            | RowKind::TestsRequired => by_position(1, kind, 258),
            RowKind::PolicyVersion | RowKind::PolicySetVersion => by_version(1, kind, "p", 3),
            RowKind::Binding => binding(1, BindingMode::Active, &Target::Zone, 9),
            RowKind::State => state(1),
            RowKind::IdempotencyKey => idempotency_key(1, IdempotencyKey([0x11; 16])),
            RowKind::Attestation => attestation(1, "p", 3, 258),
            RowKind::TestsKept => linked(&tests_kept(1, "p", 3), 258),
            RowKind::Tile => tile(1, 1, 258),
            RowKind::FormerId => former_id(1, LogId([0x22; 16])),
            RowKind::Sealed => sealed(LogId([0x33; 16])),
            RowKind::KeptCheckpoint => kept_checkpoint(LogId([0x44; 16])),
            RowKind::Seal => seal(),
        }
    }

    #[test]
    fn the_key_of_every_tag_is_pinned() {
        for (kind, expected) in [
            // Log number, tag, id, 0.
            (RowKind::Zone, "00000001 01 70 00"),
            // Log number, tag, position.
            (RowKind::ZoneOrder, "00000001 02 0000000000000102"),
            (RowKind::Schema, "00000001 03 70 00"),
            (RowKind::SchemaOrder, "00000001 04 0000000000000102"),
            (RowKind::Policy, "00000001 10 70 00"),
            (RowKind::PolicyOrder, "00000001 11 0000000000000102"),
            // Log number, tag, id, 0, version number.
            (RowKind::PolicyVersion, "00000001 12 70 00 00000003"),
            (RowKind::PolicyVersionId, "00000001 13 70 00"),
            (RowKind::PolicySet, "00000001 20 70 00"),
            (RowKind::PolicySetOrder, "00000001 21 0000000000000102"),
            (RowKind::PolicySetVersion, "00000001 22 70 00 00000003"),
            (RowKind::PolicySetVersionId, "00000001 23 70 00"),
            // Log number, tag, mode, kind of target, position.
            (RowKind::Binding, "00000001 30 00 00 0000000000000009"),
            (RowKind::BindingOrder, "00000001 31 0000000000000102"),
            (RowKind::State, "00000001 00"),
            // Log number, tag, idempotency key.
            (RowKind::IdempotencyKey, "00000001 40 11111111111111111111111111111111"),
            // Log number, tag, level, number.
            (RowKind::Tile, "00000001 50 01 0000000000000102"),
            // The id.
            (RowKind::FormerId, "00000001 60 22222222222222222222222222222222"),
            (RowKind::Sealed, "00000000 05 33333333333333333333333333333333"),
            (RowKind::KeptCheckpoint, "00000000 06 44444444444444444444444444444444"),
            (RowKind::Seal, "00000000 07"),
            // Log number, tag, set id, 0, version number, position.
            (RowKind::Attestation, "00000001 24 70 00 00000003 0000000000000102"),
            (RowKind::TestsKept, "00000001 25 70 00 00000003 0000000000000102"),
            // Log number, tag, position.
            (RowKind::TestsRequired, "00000001 32 0000000000000102"),
        ] {
            assert_eq!(hex::encode(&indexed(kind)), expected.replace(' ', ""), "{kind:?}");
            assert!(is_index(&indexed(kind)) && !is_index(&witness(&indexed(kind))), "{kind:?}");
        }
        for log in [0, 1, 1 << 24, u32::MAX] {
            assert!(!is_index(&head(log)));
        }
        for row_key in [META_FORMAT, META_STORE, META_INDEX, META_LOGS, META_COMMITS, META_CONTENT] {
            assert!(!is_index(row_key), "{}", row_key.escape_ascii());
        }
    }

    #[test]
    fn all_other_keys_are_pinned() {
        let user = Target::User("u1".into());
        for (what, key, expected) in [
            ("format", META_FORMAT.to_vec(), "666f726d6174"),
            ("store", META_STORE.to_vec(), "73746f7265"),
            ("index", META_INDEX.to_vec(), "696e646578"),
            ("logs", META_LOGS.to_vec(), "6c6f6773"),
            ("commits", META_COMMITS.to_vec(), "636f6d6d697473"),
            ("content", META_CONTENT.to_vec(), "636f6e74656e74"),
            // `witness:`, the key of an index row, or its beginning: log number, tag, mode, kind of target.
            ("witness", witness(&by_id(0, RowKind::Zone, "p")), "7769746e6573733a 00000000 01 70 00"),
            ("newest", newest_binding(2, BindingMode::Shadow, &user), "7769746e6573733a 00000002 30 01 01 7531 00"),
            ("newest suite", witness(&tests_kept(2, "p", 3)), "7769746e6573733a 00000002 25 70 00 00000003"),
            ("demand", witness(&tests_required(2)), "7769746e6573733a 00000002 32"),
            ("demand", linked(&tests_required(2), 258), "00000002 32 0000000000000102"),
            // `head:`, log number.
            ("head", head(258), "686561643a 00000102"),
            // Log number, position.
            ("entry", entry(1, 258).to_vec(), "00000001 0000000000000102"),
            ("content", content(258).to_vec(), "0000000000000102"),
            // The content's kind, the first 16 bytes of its address, its number.
            ("address", address(&[0xab; 17], 258), "ababababababababababababababababab 0000000000000102"),
            // A user: 1, the id, 0.
            ("a user's", binding(2, BindingMode::Active, &user, 9), "00000002 30 00 01 7531 00 0000000000000009"),
            ("shadow", binding(2, BindingMode::Shadow, &Target::Zone, 9), "00000002 30 01 00 0000000000000009"),
            ("guardrail", binding(2, BindingMode::Guardrail, &Target::Zone, 9), "00000002 30 02 00 0000000000000009"),
        ] {
            assert_eq!(hex::encode(&key), expected.replace(' ', ""), "{what}");
        }
    }

    #[test]
    fn the_range_of_a_prefix_ends_before_the_next() {
        let ends = |prefix: &[u8]| prefixed(prefix.to_vec()).end;
        assert_eq!((ends(&[1, 2]), ends(&[1, 0xff]), ends(&[0xff, 0xff])), (vec![1, 3], vec![2], vec![0xff; 3]));
    }

    #[test]
    fn a_key_tells_where_it_points() {
        assert_eq!(entry_place(&entry(7, 9)), Some((7, 9)));
        assert_eq!(entry_place(b"short"), None);
        assert_eq!(head_log(&head(7)), Some(7));
        assert_eq!(head_log(META_LOGS), None);
        assert_eq!(position(&by_position(1, RowKind::PolicyOrder, 77)), Some(77));
        assert_eq!(id(&by_version(1, RowKind::PolicyVersion, "p", 3)), Some("p"));
        assert_eq!(tile_place(&tile(1, 2, 258)), Some((2, 258)));
        for kind in RowKind::ALL {
            assert_eq!(RowKind::of(&indexed(kind)), Some(kind));
        }
    }

    proptest! {
        /// Keys sort like the values in them, and no id's rows are in the range of another id.
        #[test]
        fn byte_order_is_logical_order(
            a in ("[A-Za-z0-9][A-Za-z0-9._:-]{0,8}", any::<u32>()),
            b in ("[A-Za-z0-9][A-Za-z0-9._:-]{0,8}", any::<u32>()),
        ) {
            let key = |(id, version): &(String, u32)| by_version(1, RowKind::PolicyVersion, id, *version);
            prop_assert_eq!(key(&a).cmp(&key(&b)), a.cmp(&b));
            prop_assert_eq!(versions(1, RowKind::PolicyVersion, &a.0).contains(&key(&b)), a.0 == b.0);
            prop_assert!(all(1, RowKind::PolicyVersion).contains(&key(&a)));
            prop_assert!(!all(1, RowKind::Policy).contains(&key(&a)));
            prop_assert!(all_of(1).contains(&key(&a)));
        }
    }
}
