//! Every row has exactly one encoding, and it is pinned: a row reads back under its own key, an independent encoder
//! writes the same record, and no other bytes read as the same row. Defends against: encodings that change without a
//! new index generation, and damage that passes for another row.

use proptest::prelude::*;

use crate::record::Frontier;
use crate::record::edits::{edited, edits, id, number, small_number};
use crate::storage::index::key::{self, RowKind};
use crate::storage::index::row::*;
use crate::types::hash::{EntryHash, hex};
use crate::types::id::{IdempotencyKey, LogId};
use crate::types::target::{BindingMode, Target};

/// A row with a valid key.
struct Sample {
    name: &'static str,
    key: Vec<u8>,
    value: Vec<u8>,
    /// The record as encoded by bincode.
    judged: Vec<u8>,
}

fn sample<R>(key: Vec<u8>, row: &R) -> Sample
where
    R: Row + PartialEq + std::fmt::Debug + bincode::Encode + bincode::Decode<()>,
{
    let config = bincode::config::standard();
    let value = row.to_value(&key).unwrap();
    assert_eq!(&R::from_value(&key, &value).unwrap(), row);
    let judged = bincode::encode_to_vec(row, config).unwrap();
    assert_eq!(
        bincode::decode_from_slice::<R, _>(&judged, config).unwrap(),
        (R::from_value(&key, &value).unwrap(), judged.len())
    );
    let name = std::any::type_name::<R>().rsplit(':').next().unwrap();
    Sample { name, key, value, judged }
}

/// The values in rows.
#[derive(Clone, Debug)]
struct Parts {
    id: String,
    numbers: [u64; 2],
    options: [Option<u64>; 6],
    latest: Option<(u32, u64)>,
    small: u32,
    bytes: [u8; 32],
    bound: bool,
}

impl Parts {
    /// A row of every kind, in the order of declaration.
    fn rows(&self) -> Vec<Sample> {
        let Self {
            id,
            numbers: [created, revision],
            options: [updated, archived, a, b, c, attested],
            latest,
            small,
            bytes,
            bound,
        } = self.clone();
        let latest = latest.map(|(version, created)| Latest { version, created });
        let first16 = *bytes.first_chunk().unwrap();
        let set = PolicySetRow {
            created,
            updated,
            archived,
            latest,
            active: a,
            shadow: b,
            guardrail: archived,
            target: c,
            attested,
            revision,
        };
        vec![
            sample(
                key::META_FORMAT.to_vec(),
                &FormatRow { version: small, features: created, write_features: revision },
            ),
            sample(key::META_STORE.to_vec(), &StoreRow { store_id: first16, cursor_key: bytes }),
            sample(key::META_INDEX.to_vec(), &IndexRow { generation: small }),
            sample(key::META_LOGS.to_vec(), &LogsRow { next: small }),
            sample(key::META_CONTENT.to_vec(), &NextContentRow { next: revision }),
            sample(
                key::head(small),
                &Head {
                    log_id: LogId(first16),
                    length: created,
                    last: EntryHash(bytes),
                    frontier: Frontier { hashes: vec![bytes; 2] },
                },
            ),
            sample(key::META_COMMITS.to_vec(), &CommitsRow { count: created }),
            sample(
                key::witness(&key::state(small)),
                &ZoneWitnessRow { suspended: updated, default_schema: archived, bindings: a },
            ),
            sample(
                key::newest_binding(small, BindingMode::Active, &Target::Zone),
                &NewestBindingRow { position: created, bound },
            ),
            sample(key::by_id(0, RowKind::Zone, &id), &ZoneRow { created, log: small }),
            sample(key::by_id(0, RowKind::Schema, &id), &SchemaRow { created, changed: updated, deprecated: archived }),
            sample(key::by_id(1, RowKind::Policy, &id), &PolicyRow { created, updated, archived, latest, revision }),
            sample(key::by_id(1, RowKind::PolicySet, &id), &set),
            sample(key::by_version(1, RowKind::PolicyVersion, &id, small), &VersionRow { created, archived, forms: a }),
            sample(key::sealed(LogId(first16)), &SealedRow { size: created, root: bytes }),
            sample(key::by_id(1, RowKind::PolicyVersionId, &id), &PositionRow { created }),
            sample(key::by_position(1, RowKind::PolicyOrder, created), &IdRow { id: id.clone() }),
            sample(key::binding(1, BindingMode::Active, &Target::Zone, created), &BindingRow { bound, previous: b }),
            sample(
                key::by_position(1, RowKind::BindingOrder, created),
                &BindingOrderRow { mode: BindingMode::Guardrail, target: Target::User(id) },
            ),
            sample(key::state(0), &StoreStateRow { zones: created, schemas: revision }),
            sample(
                key::state(1),
                &ZoneStateRow {
                    suspended: updated,
                    default_schema: archived,
                    bindings: a,
                    policies: created,
                    zone_sets: revision,
                    user_sets: small.into(),
                },
            ),
            sample(
                key::idempotency_key(1, IdempotencyKey(first16)),
                &IdempotencyRow { first: created, entries: small },
            ),
            sample(key::tile(1, 0, created), &TileRow { hashes: vec![bytes; 2] }),
        ]
    }
}

fn parts() -> impl Strategy<Value = Parts> {
    let options = proptest::array::uniform6(proptest::option::of(number()));
    let latest = proptest::option::of((small_number(), number()));
    (id(), [number(), number()], options, latest, small_number(), any::<[u8; 32]>(), any::<bool>()).prop_map(
        |(id, numbers, options, latest, small, bytes, bound)| Parts {
            id,
            numbers,
            options,
            latest,
            small,
            bytes,
            bound,
        },
    )
}

/// The check of a row, as docs/format.md describes it.
fn with_check(row_key: &[u8], record: &[u8]) -> Vec<u8> {
    let length = (row_key.len() as u64).to_be_bytes();
    let hash = blake3::hash(&[length.as_slice(), row_key, record].concat());
    [record, &hash.as_bytes()[..8]].concat()
}

fn record(value: &[u8]) -> &[u8] {
    &value[..value.len() - 8]
}

proptest! {
    #[test]
    fn every_row_is_read_back_and_bincode_writes_the_same(parts in parts()) {
        for row in parts.rows() {
            prop_assert_eq!(record(&row.value), &row.judged, "{}", row.name);
            prop_assert_eq!(&with_check(&row.key, &row.judged), &row.value, "{}", row.name);
            prop_assert!(is_whole(&row.key, &row.value));
        }
    }

    /// Changed bytes are read only if the check fits, and then they are another row or an error.
    #[test]
    fn no_other_bytes_are_a_row(parts in parts(), kind in 0..EVERY.len(), edits in edits()) {
        let row = &parts.rows()[kind];
        let (name, read_and_write) = EVERY[kind];
        prop_assert_eq!(row.name, name);
        let damaged = edited(&row.value, &edits);
        prop_assert_eq!(read_and_write(&row.key, &damaged).is_ok(), damaged == row.value);
        prop_assert_eq!(is_whole(&row.key, &damaged), damaged == row.value);
        let other = with_check(&row.key, &edited(record(&row.value), &edits));
        if let Ok(again) = read_and_write(&row.key, &other) {
            prop_assert_eq!(again, other);
        }
    }

    #[test]
    fn a_row_is_read_under_no_other_key(parts in parts(), kind in 0..EVERY.len(), edits in edits()) {
        let row = &parts.rows()[kind];
        let strayed = edited(&row.key, &edits);
        prop_assert_eq!(EVERY[kind].1(&strayed, &row.value).is_ok(), strayed == row.key);
    }
}

/// The rows with pinned bytes: every size of varint, and options with and without a value.
fn pinned() -> Vec<Sample> {
    let parts = Parts {
        id: "a-1".into(),
        numbers: [250, 0x1_0000_0000],
        options: [Some(251), None, Some(0xffff), Some(0x1_0000), None, Some(7)],
        latest: Some((2, 70_000)),
        small: 3,
        bytes: std::array::from_fn(|n| u8::try_from(n).unwrap()),
        bound: true,
    };
    parts.rows()
}

#[test]
fn every_kind_of_row_has_its_bytes() {
    let mut pins = include_str!("row_pins.txt").lines();
    for row in pinned() {
        let now = format!("{} {} {}", row.name, hex::encode(&row.key), hex::encode(&row.value));
        assert_eq!(Some(now.as_str()), pins.next(), "{} has other bytes", row.name);
    }
    assert_eq!(pins.next(), None);
    let names: Vec<_> = pinned().iter().map(|row| row.name).collect();
    assert_eq!(names, EVERY.iter().map(|(name, _)| *name).collect::<Vec<_>>(), "a row of every kind is pinned");
}

/// The bytes are written from docs/format.md alone, except for the check.
#[test]
fn a_row_is_what_the_document_says() {
    let rows = pinned();
    let set = rows.iter().find(|row| row.name == "PolicySetRow").unwrap();
    let expected = [
        ("fa", "created: 250, the last that is its own varint"),
        ("01 fb fb00", "last update: some, 251 in two bytes"),
        ("00", "archived: none"),
        ("01 02 fc 70110100", "newest version: some, its number, its creation at 70000 in four bytes"),
        ("01 fb ffff", "active binding: some, 65535"),
        ("01 fc 00000100", "shadow binding: some, 65536"),
        ("00", "guardrail binding: none"),
        ("00", "binding that fixed its target: none"),
        ("01 07", "newest attestation: some"),
        ("fd 0000000001000000", "revision: 2^32 in eight bytes"),
    ];
    let expected: String = expected.iter().map(|(bytes, _)| bytes.replace(' ', "")).collect();
    assert_eq!(hex::encode(record(&set.value)), expected);
}

/// An excessive length is an error before any allocation.
#[test]
fn a_terabyte_is_announced_in_vain() {
    let key = key::by_position(1, RowKind::PolicyOrder, 5);
    let problem = IdRow::from_value(&key, &with_check(&key, &[253, 0, 0, 0, 0, 0, 1, 0, 0])).unwrap_err();
    assert!(problem.contains("limit"), "{problem}");
    assert!(BindingRow::from_value(&key, &with_check(&key, &[2])).is_err(), "a boolean of 2");
    assert!(IdRow::from_value(&key, &with_check(&key, &[1, 0xff])).is_err(), "not UTF-8");
}
