//! A log entry: an envelope with position, author and time, and a body with the change.
//!
//! An envelope decodes and chains without knowledge of the body's kind. So an older build can check, copy and follow a
//! log with newer entries. Does not know where a log is stored.

use wincode::{SchemaRead, SchemaWrite};

use super::body::Body;
use super::codec::{decode, encode};
use crate::types::actor::Actor;
use crate::types::hash::EntryHash;
use crate::types::id::{IdempotencyKey, LogId};
use crate::types::time::Timestamp;

/// The first byte of every entry of this format.
const FORMAT: u8 = 1;
/// Bytes of the hash before a stored entry.
const HASH_BYTES: usize = 32;

/// The fields that all entries have.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
#[cfg_attr(test, derive(bincode::Encode, bincode::Decode))]
pub(crate) struct Envelope {
    /// The log of the entry.
    pub log_id: LogId,
    /// The entry's position in the log, counted from 0.
    pub position: u64,
    /// The hash of the previous entry; zeros for the first entry.
    pub previous: EntryHash,
    /// Later than `created_at` of every earlier entry of the log.
    pub created_at: Timestamp,
    /// The time of the clock at the write.
    pub clock: Timestamp,
    /// The author of the change.
    pub actor: Actor,
    /// The importing actor, for earlier history of another system. `clock` is then the time of the import.
    pub imported_by: Option<Actor>,
    /// The idempotency key and fingerprint of the call, if the caller gave a key.
    pub idempotency: Option<Idempotency>,
    /// The entries that the same write added to this log.
    pub group: Group,
}

/// An idempotency key, and the fingerprint of the call that took it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
#[cfg_attr(test, derive(bincode::Encode, bincode::Decode))]
pub(crate) struct Idempotency {
    pub key: IdempotencyKey,
    pub fingerprint: EntryHash,
}

/// The consecutive entries that one write added to one log. Either all of them are durable, or none is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
#[cfg_attr(test, derive(bincode::Encode, bincode::Decode))]
pub(crate) struct Group {
    pub start: u64,
    pub size: u32,
}

impl Group {
    /// The position after the group's last entry.
    pub(crate) fn end(&self) -> u64 {
        self.start.saturating_add(u64::from(self.size))
    }
}

/// An entry as stored, with an encoded body.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
#[cfg_attr(test, derive(bincode::Encode, bincode::Decode))]
pub(crate) struct Entry {
    format: u8,
    pub envelope: Envelope,
    pub kind: u16,
    pub body: Vec<u8>,
}

/// The reason that this build cannot use stored bytes as an entry.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum EntryProblem {
    /// The bytes are damaged.
    Damaged(String),
    /// A newer build wrote the bytes. `what` is the format byte or the kind.
    Newer { what: &'static str, found: u64, known: u64 },
}

impl From<String> for EntryProblem {
    fn from(problem: String) -> Self {
        Self::Damaged(problem)
    }
}

impl Entry {
    pub(crate) fn new(envelope: Envelope, body: &Body) -> Result<Self, String> {
        Ok(Self { format: FORMAT, envelope, kind: body.kind(), body: body.encode()? })
    }

    /// The entry's bytes, and the hash of them.
    pub(crate) fn encode(&self) -> Result<(Vec<u8>, EntryHash), String> {
        let bytes = encode(self)?;
        let hash = EntryHash::of(&bytes);
        Ok((bytes, hash))
    }

    /// The value to store: the hash, then the entry.
    pub(crate) fn stored(bytes: &[u8], hash: EntryHash) -> Vec<u8> {
        [hash.as_bytes().as_slice(), bytes].concat()
    }

    /// The entry in a stored value, and its hash.
    pub(crate) fn from_stored(value: &[u8]) -> Result<(Self, EntryHash), EntryProblem> {
        let (hash, bytes) =
            value.split_first_chunk::<HASH_BYTES>().ok_or_else(|| "too short for an entry".to_owned())?;
        let hash = EntryHash(*hash);
        if EntryHash::of(bytes) != hash {
            return Err("bytes of the entry do not match the stored hash".to_owned().into());
        }
        match bytes.first() {
            Some(&FORMAT) => Ok((decode::<Self>(bytes)?, hash)),
            Some(&found) => {
                Err(EntryProblem::Newer { what: "entry format", found: found.into(), known: FORMAT.into() })
            }
            None => Err("empty entry".to_owned().into()),
        }
    }
}

/// An entry with a decoded body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogEntry {
    pub envelope: Envelope,
    pub body: Body,
    /// The entry's hash; zeros until its write commits.
    pub hash: EntryHash,
}

impl LogEntry {
    /// Decodes a stored value, with its body.
    pub(crate) fn from_stored(value: &[u8]) -> Result<Self, EntryProblem> {
        let (entry, hash) = Entry::from_stored(value)?;
        Self::from_entry(entry, hash)
    }

    /// Decodes the body of an entry, and checks times and actors.
    pub(crate) fn from_entry(entry: Entry, hash: EntryHash) -> Result<Self, EntryProblem> {
        let Envelope { created_at, clock, actor, imported_by, .. } = &entry.envelope;
        if !created_at.is_valid() || !clock.is_valid() {
            return Err("time is out of range".to_owned().into());
        }
        for actor in [Some(actor), imported_by.as_ref()].into_iter().flatten() {
            actor.check().map_err(|error| error.to_string())?;
        }
        match Body::decode(entry.kind, &entry.body) {
            Some(body) => Ok(Self { envelope: entry.envelope, body: body?, hash }),
            None => {
                Err(EntryProblem::Newer { what: "entry kind", found: entry.kind.into(), known: Body::NEWEST.into() })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::samples::{bodies, envelope, stored};

    #[test]
    fn any_changed_byte_is_noticed() {
        let value = stored(&Entry::new(envelope(), &bodies()[0]).unwrap());
        for index in 0..value.len() {
            let mut damaged = value.clone();
            damaged[index] ^= 1;
            assert!(matches!(Entry::from_stored(&damaged), Err(EntryProblem::Damaged(_))), "byte {index}");
        }
        assert!(Entry::from_stored(&value[..40]).is_err());
        assert!(Entry::from_stored(&[]).is_err());
        assert!(Entry::from_stored(&Entry::stored(&[], EntryHash::of(&[]))).is_err());
    }

    #[test]
    fn a_newer_kind_is_named_but_its_envelope_is_read() {
        let mut entry = Entry::new(envelope(), &bodies()[0]).unwrap();
        entry.kind = 999;
        let value = stored(&entry);
        assert_eq!(Entry::from_stored(&value).unwrap().0.envelope, envelope());
        let newer = EntryProblem::Newer { what: "entry kind", found: 999, known: Body::NEWEST.into() };
        assert_eq!(LogEntry::from_stored(&value).unwrap_err(), newer);
        entry.format = 2;
        let newer = EntryProblem::Newer { what: "entry format", found: 2, known: 1 };
        assert_eq!(Entry::from_stored(&stored(&entry)).unwrap_err(), newer);
    }
}
