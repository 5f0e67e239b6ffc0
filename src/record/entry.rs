//! A log entry: an envelope that says where it stands, who wrote it and when, and a body that says what.
//!
//! Every envelope decodes and chains without knowing the body's kind, so that a log can be checked, copied and
//! followed by a build that is older than the entry. Where a log is kept is not known here.

use wincode::{SchemaRead, SchemaWrite};

use super::body::Body;
use super::codec::{decode, encode};
use crate::types::actor::Actor;
use crate::types::hash::EntryHash;
use crate::types::id::{IdempotencyKey, LogId};
use crate::types::time::Timestamp;

/// The first byte of every entry of this format.
const FORMAT: u8 = 1;
/// Bytes of the hash that stands before a stored entry.
const HASH_BYTES: usize = 32;

/// What every entry has.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
#[cfg_attr(test, derive(bincode::Encode, bincode::Decode))]
pub(crate) struct Envelope {
    /// The log that it belongs to.
    pub log_id: LogId,
    /// Its place there, counted from 0.
    pub position: u64,
    /// The hash of the entry before it; zeros for the first.
    pub previous: EntryHash,
    /// Later than that of every earlier entry of the log.
    pub created_at: Timestamp,
    /// What the clock said.
    pub clock: Timestamp,
    /// Who wrote it.
    pub actor: Actor,
    /// Who imported it, if it is earlier history of another system; then `clock` is when.
    pub imported_by: Option<Actor>,
    /// The request that it answers, if the caller named one.
    pub idempotency: Option<Idempotency>,
    /// The entries of this log that became durable together with it.
    pub group: Group,
}

/// A request id, with the hash of what was asked under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
#[cfg_attr(test, derive(bincode::Encode, bincode::Decode))]
pub(crate) struct Idempotency {
    pub key: IdempotencyKey,
    pub fingerprint: EntryHash,
}

/// A run of entries in one log that were written by one write: all of them are in force, or none.
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

/// An entry as it is on disk, its body still bytes.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
#[cfg_attr(test, derive(bincode::Encode, bincode::Decode))]
pub(crate) struct Entry {
    format: u8,
    pub envelope: Envelope,
    pub kind: u16,
    pub body: Vec<u8>,
}

/// Why stored bytes are not an entry that this build can use.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum EntryProblem {
    /// They are damaged.
    Damaged(String),
    /// A newer build wrote them: the format byte, or the kind.
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

    /// The entry's bytes, and their hash.
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

/// An entry that was read and understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogEntry {
    pub envelope: Envelope,
    pub body: Body,
    /// Zeros while the write is still under way.
    pub hash: EntryHash,
}

impl LogEntry {
    /// Reads and understands a stored value.
    pub(crate) fn from_stored(value: &[u8]) -> Result<Self, EntryProblem> {
        let (entry, hash) = Entry::from_stored(value)?;
        Self::from_entry(entry, hash)
    }

    /// Understands an entry.
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
