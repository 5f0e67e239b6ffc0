//! Values of index and meta rows: a canonical payload and a short check over the key and the payload.
//!
//! The check makes a damaged row an error, and a row that strayed under another key too. It is no protection against
//! somebody who means it: `verify` replays the logs for that.

use wincode::config::{Deserialize, Serialize};
use wincode::{SchemaRead, SchemaWrite};

use super::key::LogNumber;
use crate::record::{decode, encode};
use crate::types::hash::EntryHash;
use crate::types::id::LogId;
use crate::types::target::{BindingMode, Target};
use crate::types::time::Timestamp;

/// Bytes of the check.
const CHECK_BYTES: usize = 8;

/// Something that is kept as a row's value.
pub(crate) trait Row: Sized {
    fn to_value(&self, key: &[u8]) -> Result<Vec<u8>, String>;
    fn from_value(key: &[u8], value: &[u8]) -> Result<Self, String>;
}

/// The first bytes of the BLAKE3 over the key's length, the key and the payload.
fn check(key: &[u8], payload: &[u8]) -> [u8; CHECK_BYTES] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&u64::try_from(key.len()).unwrap_or(u64::MAX).to_be_bytes());
    hasher.update(key);
    hasher.update(payload);
    let mut check = [0; CHECK_BYTES];
    hasher.finalize_xof().fill(&mut check);
    check
}

/// A record as the value under a key, whatever it is.
#[cfg(fuzzing)]
pub(crate) fn with_check(key: &[u8], record: &[u8]) -> Vec<u8> {
    [record, &check(key, record)].concat()
}

fn to_value<T: Serialize<crate::record::Format, Src = T>>(row: &T, key: &[u8]) -> Result<Vec<u8>, String> {
    let mut value = encode(row)?;
    let check = check(key, &value);
    value.extend_from_slice(&check);
    Ok(value)
}

/// Whether a row, of whatever kind, is as it was written and stands under its own key.
pub(in crate::storage) fn is_whole(key: &[u8], value: &[u8]) -> bool {
    value.split_last_chunk::<CHECK_BYTES>().is_some_and(|(payload, stored)| check(key, payload) == *stored)
}

fn from_value<'de, T>(key: &[u8], value: &'de [u8]) -> Result<T, String>
where
    T: Deserialize<'de, crate::record::Format, Dst = T> + Serialize<crate::record::Format, Src = T>,
{
    let (payload, stored) = value.split_last_chunk::<CHECK_BYTES>().ok_or("too short for a row")?;
    if check(key, payload) != *stored {
        return Err("checksum of the row does not match its key and value".to_owned());
    }
    decode(payload)
}

macro_rules! rows {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty),* $(,)? })*) => {
    $(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
        #[cfg_attr(test, derive(bincode::Encode, bincode::Decode))]
        pub(crate) struct $name { $($(#[$field_doc])* pub $field: $type),* }

        impl Row for $name {
            fn to_value(&self, key: &[u8]) -> Result<Vec<u8>, String> {
                to_value(self, key)
            }

            fn from_value(key: &[u8], value: &[u8]) -> Result<Self, String> {
                from_value(key, value)
            }
        }
    )*

        /// Every kind of row by its name, and how its value is read and written again.
        #[cfg(any(test, fuzzing))]
        pub(crate) const EVERY: &[(&str, ReadAndWrite)] =
            &[$((stringify!($name), |key, value| $name::from_value(key, value)?.to_value(key))),*];
    };
}

/// Reads the value under a key and writes it again.
#[cfg(any(test, fuzzing))]
pub(crate) type ReadAndWrite = fn(&[u8], &[u8]) -> Result<Vec<u8>, String>;

rows! {
    /// Meta: which format the file is of.
    FormatRow { version: u32, features: u64 }
    /// Meta: what tells this store from others, and the key that authenticates its cursors.
    StoreRow { store_id: [u8; 16], cursor_key: [u8; 32] }
    /// Meta: which generation of the index rows is in the file.
    IndexRow { generation: u32 }
    /// Meta: how many log numbers were given out.
    LogsRow { next: LogNumber }
    /// Meta: how far a log goes.
    Head { log_id: LogId, length: u64, last: EntryHash }
    /// Meta: how often the store was written.
    CommitsRow { count: u64 }
    /// Meta: the witness of a zone's state: of it, what decides.
    ZoneWitnessRow { suspended: Option<u64>, default_schema: Option<u64>, bindings: Option<u64> }
    /// Meta: the witness of a target's bindings: the newest.
    NewestBindingRow { position: u64, bound: bool }

    /// Index: a zone.
    ZoneRow { created: u64, log: LogNumber }
    /// Index: a schema version.
    SchemaRow {
        created: u64,
        changed: Option<u64>,
        /// The entry that made it deprecated; none while it is active.
        deprecated: Option<u64>,
    }
    /// Index: a policy. Each number is the position of an entry.
    PolicyRow {
        created: u64,
        updated: Option<u64>,
        archived: Option<u64>,
        latest: Option<Latest>,
        /// The last entry that changed anything that a read of the policy returns.
        revision: u64,
    }
    /// Index: a policy set. Each number is the position of an entry.
    PolicySetRow {
        created: u64,
        updated: Option<u64>,
        archived: Option<u64>,
        latest: Option<Latest>,
        /// The binding that put a version of it in force.
        active: Option<u64>,
        /// The binding that put a version of it under observation.
        shadow: Option<u64>,
        /// The binding that made a version of it the zone's guardrail.
        guardrail: Option<u64>,
        /// The binding that fixed its target.
        target: Option<u64>,
        /// The newest attestation of any of its versions.
        attested: Option<u64>,
        /// The last entry that changed anything that a read of the set returns.
        revision: u64,
    }
    /// Index: a version of a policy or of a policy set.
    VersionRow { created: u64, archived: Option<u64> }
    /// Index: where the thing with an id was created.
    PositionRow { created: u64 }
    /// Index: the id of what was created at a position.
    IdRow { id: String }
    /// Index: whether a binding entry bound something, or unbound it.
    BindingRow {
        bound: bool,
        /// The binding entry of the target before it.
        previous: Option<u64>,
    }
    /// Index: the mode and the target of a binding entry that bound something.
    BindingOrderRow { mode: BindingMode, target: Target }
    /// Index: what is known of the store's log as a whole.
    StoreStateRow { zones: u64, schemas: u64 }
    /// Index: what is known of a zone as a whole.
    ZoneStateRow {
        /// The entry that suspended it; none while it is not.
        suspended: Option<u64>,
        /// The entry that chose the default schema; none if there is none.
        default_schema: Option<u64>,
        /// The last entry that bound or unbound anything.
        bindings: Option<u64>,
        policies: u64,
        zone_sets: u64,
        user_sets: u64,
    }
    /// Index: the entries that a request made, which follow one another.
    IdempotencyRow { first: u64, entries: u32 }
}

impl Default for StoreStateRow {
    /// Of an empty log.
    fn default() -> Self {
        Self { zones: 0, schemas: 0 }
    }
}

impl Default for ZoneStateRow {
    /// Of a new zone.
    fn default() -> Self {
        Self { suspended: None, default_schema: None, bindings: None, policies: 0, zone_sets: 0, user_sets: 0 }
    }
}

impl PolicySetRow {
    /// The binding of the set in a mode.
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
    /// The part that decides, which meta keeps a witness of.
    pub(in crate::storage) fn witness(&self) -> ZoneWitnessRow {
        let Self { suspended, default_schema, bindings, .. } = *self;
        ZoneWitnessRow { suspended, default_schema, bindings }
    }
}

/// The newest version of a policy or a policy set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
#[cfg_attr(test, derive(bincode::Encode, bincode::Decode))]
pub(crate) struct Latest {
    pub version: u32,
    pub created: u64,
}

/// The time from which the next entry's time must differ: before the first entry, any time will do.
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
