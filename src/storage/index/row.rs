//! The values of index and meta rows: a canonical payload, and a short check over the key and the payload.
//!
//! The check detects a damaged row, and a row under a wrong key. It does not protect against deliberate changes;
//! `verify` does, because it replays the logs.

use super::key::LogNumber;
use crate::record::{Frontier, NodeHash, Wire, decode, encode, record};
use crate::types::hash::EntryHash;
use crate::types::id::LogId;
use crate::types::target::{BindingMode, Target};
use crate::types::time::Timestamp;

/// Length of the check, in bytes.
const CHECK_BYTES: usize = 8;

/// A feature bit of reading: the file may lack the logs of zones. It follows chosen zones, or zones were erased that it did not
/// hold whole.
pub(in crate::storage) const FEATURE_ABSENT_LOGS: u64 = 2;

/// A row's value.
pub(crate) trait Row: Sized {
    fn to_value(&self, key: &[u8]) -> Result<Vec<u8>, String>;
    fn from_value(key: &[u8], value: &[u8]) -> Result<Self, String>;
}

/// The first bytes of the BLAKE3 over the key's length, the key and the payload.
fn check(key: &[u8], payload: &[u8]) -> [u8; CHECK_BYTES] {
    let length = u64::try_from(key.len()).unwrap_or(u64::MAX).to_be_bytes();
    // Most rows fit, and one call over joined bytes takes half the time of three.
    let parts = [length.as_slice(), key, payload];
    let mut joined = [0; 256];
    let mut free = joined.as_mut_slice();
    let fits = parts.iter().all(|part| match std::mem::take(&mut free).split_at_mut_checked(part.len()) {
        Some((filled, rest)) => {
            filled.copy_from_slice(part);
            free = rest;
            true
        }
        None => false,
    });
    let left = free.len();
    let hash = match joined.split_at_checked(joined.len() - left) {
        Some((joined, _)) if fits => blake3::hash(joined),
        // Joined too: BLAKE3 hashes neighbouring chunks together, and the start of a stream alone.
        _ => blake3::hash(&parts.concat()),
    };
    hash.as_bytes().first_chunk().copied().unwrap_or_default()
}

/// Any record with the check for its key.
#[cfg(fuzzing)]
pub(crate) fn with_check(key: &[u8], record: &[u8]) -> Vec<u8> {
    [record, &check(key, record)].concat()
}

fn to_value<T: Wire>(row: &T, key: &[u8]) -> Result<Vec<u8>, String> {
    let mut value = encode(row)?;
    let check = check(key, &value);
    value.extend_from_slice(&check);
    Ok(value)
}

/// Whether the check of a row of any kind fits its key and payload.
pub(in crate::storage) fn is_whole(key: &[u8], value: &[u8]) -> bool {
    value.split_last_chunk::<CHECK_BYTES>().is_some_and(|(payload, stored)| check(key, payload) == *stored)
}

/// The first field of the format row: the version, whatever follows it. None if the row is damaged.
pub(in crate::storage) fn version_of(key: &[u8], value: &[u8]) -> Option<u32> {
    let (payload, _) = value.split_last_chunk::<CHECK_BYTES>().filter(|_| is_whole(key, value))?;
    // A varint of one, three or five bytes.
    [1, 3, 5].into_iter().find_map(|length| decode(payload.get(..length)?).ok())
}

fn from_value<T: Wire>(key: &[u8], value: &[u8]) -> Result<T, String> {
    let (payload, stored) = value.split_last_chunk::<CHECK_BYTES>().ok_or("too short for a row")?;
    if check(key, payload) != *stored {
        return Err("checksum of the row does not match its key and value".to_owned());
    }
    decode(payload)
}

macro_rules! rows {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty),* $(,)? })*) => {
    $(
        record! {
            $(#[$doc])*
            pub(crate) struct $name { $($(#[$field_doc])* pub $field: $type),* }
        }

        impl Row for $name {
            fn to_value(&self, key: &[u8]) -> Result<Vec<u8>, String> {
                to_value(self, key)
            }

            fn from_value(key: &[u8], value: &[u8]) -> Result<Self, String> {
                from_value(key, value)
            }
        }
    )*

        /// Every kind of row: its name, and a function that decodes and encodes a value.
        #[cfg(any(test, fuzzing))]
        pub(crate) const EVERY: &[(&str, ReadAndWrite)] =
            &[$((stringify!($name), |key, value| $name::from_value(key, value)?.to_value(key))),*];
    };
}

/// Decodes the value under a key and encodes it again.
#[cfg(any(test, fuzzing))]
pub(crate) type ReadAndWrite = fn(&[u8], &[u8]) -> Result<Vec<u8>, String>;

rows! {
    /// Meta: the file's format version, the features that a build must know to read it, and those to write it.
    FormatRow { version: u32, features: u64, write_features: u64 }
    /// Meta: the store's id, and the key that authenticates its cursors.
    StoreRow { store_id: [u8; 16], cursor_key: [u8; 32] }
    /// Meta: the generation of the file's index rows.
    IndexRow { generation: u32 }
    /// Meta: the next log number.
    LogsRow { next: LogNumber }
    /// Meta: the number of the next piece of content.
    NextContentRow { next: u64 }
    /// Meta: the head of a log, with the frontier of its tree.
    Head { log_id: LogId, length: u64, last: EntryHash, frontier: Frontier }
    /// Meta: the commit count.
    CommitsRow { count: u64 }
    /// Meta: the witness of the part of a zone's state that decides.
    ZoneWitnessRow { suspended: Option<u64>, default_schema: Option<u64>, bindings: Option<u64> }
    /// Meta: the witness of a target's newest binding, of a version's newest test suite, or of the newest demand for tests.
    NewestBindingRow { position: u64, bound: bool }

    /// Index: a zone.
    ZoneRow { created: u64, log: LogNumber }
    /// Index: a schema version.
    SchemaRow {
        created: u64,
        changed: Option<u64>,
        /// The entry that deprecated it; `None` while it is active.
        deprecated: Option<u64>,
    }
    /// Index: a policy. Each number is the position of an entry.
    PolicyRow {
        created: u64,
        updated: Option<u64>,
        archived: Option<u64>,
        latest: Option<Latest>,
        /// The last entry that changed the resource.
        revision: u64,
    }
    /// Index: a policy set. Each number is the position of an entry.
    PolicySetRow {
        created: u64,
        updated: Option<u64>,
        archived: Option<u64>,
        latest: Option<Latest>,
        /// The active binding of one of its versions.
        active: Option<u64>,
        /// The shadow binding of one of its versions.
        shadow: Option<u64>,
        /// The guardrail binding of one of its versions.
        guardrail: Option<u64>,
        /// The binding that fixed its target.
        target: Option<u64>,
        /// The newest attestation of any of its versions.
        attested: Option<u64>,
        /// The last entry that changed the resource.
        revision: u64,
    }
    /// Index: a version of a policy or of a policy set.
    VersionRow {
        created: u64,
        archived: Option<u64>,
        /// The number of a policy version's text and JSON. None if a rebuild found that content damaged: it is then
        /// looked up by its address.
        forms: Option<u64>,
    }
    /// Index: a zone's checkpoint in the newest seal.
    SealedRow { size: u64, root: NodeHash }
    /// Index: the position of a creation.
    PositionRow { created: u64 }
    /// Index: the id of the resource created at a position.
    IdRow { id: String }
    /// Index: a binding entry, an entry that keeps a test suite, or one that demands tests or ceases to.
    BindingRow {
        /// Whether the entry bound a version; `false` if it unbound one. A suite is always bound to its version; of a demand,
        /// whether it is made.
        bound: bool,
        /// The previous such entry of the target, version or zone.
        previous: Option<u64>,
    }
    /// Index: the mode and target of an entry that bound a version.
    BindingOrderRow { mode: BindingMode, target: Target }
    /// Index: the state of the store's log.
    StoreStateRow { zones: u64, schemas: u64 }
    /// Index: the state of a zone.
    ZoneStateRow {
        /// The entry that suspended it; `None` while it is not suspended.
        suspended: Option<u64>,
        /// The entry that set the default schema; `None` without one.
        default_schema: Option<u64>,
        /// The last entry that bound or unbound anything.
        bindings: Option<u64>,
        policies: u64,
        zone_sets: u64,
        user_sets: u64,
    }
    /// Index: the adjacent entries of a call with an idempotency key.
    IdempotencyRow { first: u64, entries: u32 }
    /// Index: 256 neighbouring hashes of the tree over a log.
    TileRow { hashes: Vec<NodeHash> }
}

impl Default for StoreStateRow {
    /// The state of an empty log.
    fn default() -> Self {
        Self { zones: 0, schemas: 0 }
    }
}

impl Default for ZoneStateRow {
    /// The state of a new zone.
    fn default() -> Self {
        Self { suspended: None, default_schema: None, bindings: None, policies: 0, zone_sets: 0, user_sets: 0 }
    }
}

impl PolicySetRow {
    /// The position of the set's binding in a mode.
    pub(crate) fn binding(&self, mode: BindingMode) -> Option<u64> {
        match mode {
            BindingMode::Active => self.active,
            BindingMode::Shadow => self.shadow,
            BindingMode::Guardrail => self.guardrail,
        }
    }

    pub(in crate::storage) fn binding_mut(&mut self, mode: BindingMode) -> &mut Option<u64> {
        match mode {
            BindingMode::Active => &mut self.active,
            BindingMode::Shadow => &mut self.shadow,
            BindingMode::Guardrail => &mut self.guardrail,
        }
    }
}

impl ZoneStateRow {
    /// The part that decides, as its witness.
    pub(in crate::storage) fn witness(&self) -> ZoneWitnessRow {
        let Self { suspended, default_schema, bindings, .. } = *self;
        ZoneWitnessRow { suspended, default_schema, bindings }
    }
}

record! {
    /// The newest version of a policy or a policy set.
    #[derive(Copy)]
    pub(crate) struct Latest {
        pub version: u32,
        pub created: u64,
    }
}

impl Head {
    /// The head of a log without entries.
    pub(in crate::storage) fn empty(log_id: LogId) -> Self {
        Self { log_id, length: 0, last: EntryHash::NONE, frontier: Frontier::default() }
    }

    /// Adds an entry.
    pub(in crate::storage) fn append(&mut self, hash: EntryHash) {
        self.frontier.append(self.length, hash);
        (self.length, self.last) = (self.length + 1, hash);
    }
}

/// The time before any entry: the first entry may have any later time.
pub(crate) const BEFORE_ALL: Timestamp = Timestamp::EPOCH;

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> PolicyRow {
        PolicyRow {
            created: 1,
            updated: Some(300),
            archived: None,
            latest: Some(Latest { version: 2, created: 70_000 }),
            revision: 300,
        }
    }

    #[test]
    fn a_row_is_read_back_only_whole_and_under_its_own_key() {
        let value = row().to_value(b"key").unwrap();
        assert_eq!(PolicyRow::from_value(b"key", &value).unwrap(), row());
        assert!(PolicyRow::from_value(b"kez", &value).is_err());
        assert!(PolicyRow::from_value(b"key", &value[..value.len() - 1]).is_err());
        assert!(PolicyRow::from_value(b"key", &[]).is_err());
        for index in 0..value.len() {
            let mut damaged = value.clone();
            damaged[index] ^= 0x40;
            assert!(PolicyRow::from_value(b"key", &damaged).is_err(), "byte {index}");
        }
    }
}
