//! A log entry: an envelope with position, author and time, and a body with the change.
//!
//! An envelope decodes and chains without knowledge of the body's kind. So an older build can check, copy and follow a
//! log with newer entries. Does not know where a log is stored.

use super::body::Body;
use super::codec::{decode, encode};
use crate::types::actor::Actor;
use crate::types::hash::EntryHash;
use crate::types::id::{IdempotencyKey, LogId};
use crate::types::rationale::Rationale;
use crate::types::time::Timestamp;

/// The first byte of every entry of this format.
const FORMAT: u8 = 1;
/// Bytes of the check before a stored entry: the first of its hash.
const CHECK_BYTES: usize = 8;

record! {
    /// The fields that all entries have.
    pub struct Envelope {
        /// The log of the entry.
        pub log_id: LogId,
        /// The entry's position in the log, counted from 0.
        pub position: u64,
        /// The hash of the previous entry; zeros for the first entry.
        pub previous: EntryHash,
        /// Later than `created_at` of every earlier entry of the log.
        pub created_at: Timestamp,
        /// Microseconds from `created_at` to the time of the clock at the write.
        pub clock_offset: i64,
        /// The author of the change.
        pub actor: Actor,
        /// The importing actor, for earlier history of another system. The clock is then at the time of the import.
        pub imported_by: Option<Actor>,
        /// The idempotency key and fingerprint of the call, if the caller gave a key.
        pub idempotency: Option<Idempotency>,
        /// The place among the entries that the same write added to this log.
        pub group: Group,
        /// Why the write was made. Only the first entry of a group has it, for all of them.
        pub rationale: Option<Rationale>,
        /// The last entry before this one that bound or unbound anything, of any target and mode.
        pub last_binding: Option<u64>,
        /// Fields of newer builds, by ascending tag.
        pub extensions: Vec<Extension>,
    }
}

record! {
    /// A field of a newer build. A build that does not know an odd tag may use the entry without the field.
    pub struct Extension {
        pub tag: u16,
        pub data: Vec<u8>,
    }
}

record! {
    /// An idempotency key, and the fingerprint of the call that took it.
    #[derive(Copy)]
    pub struct Idempotency {
        pub key: IdempotencyKey,
        pub fingerprint: [u8; 32],
    }
}

record! {
    /// The place of an entry among the consecutive entries that one write added to one log. Either all of them are
    /// durable, or none is.
    #[derive(Copy)]
    pub struct Group {
        /// Counted from 0.
        pub index: u32,
        pub size: u32,
    }
}

impl Envelope {
    /// The time of the clock at the write.
    pub fn clock(&self) -> Timestamp {
        Timestamp::from_micros(self.created_at.as_micros().saturating_add(self.clock_offset))
    }

    /// The offset of a clock from the time of an entry.
    pub fn clock_offset(created_at: Timestamp, clock: Timestamp) -> i64 {
        clock.as_micros().saturating_sub(created_at.as_micros())
    }

    /// The position of the first entry of the group.
    pub fn group_start(&self) -> u64 {
        self.position.saturating_sub(self.group.index.into())
    }

    /// The position after the last entry of the group.
    pub fn group_end(&self) -> u64 {
        self.group_start().saturating_add(self.group.size.into())
    }

    /// The rule between its fields that it breaks, if any.
    fn problem(&self) -> Option<&'static str> {
        let clock = self.created_at.as_micros().checked_add(self.clock_offset);
        let tags = || self.extensions.iter().map(|extension| extension.tag);
        [
            (clock != Some(self.clock().as_micros()), "time is out of range"),
            (self.group.index >= self.group.size, "group ends before the entry"),
            (u64::from(self.group.index) > self.position, "group starts before the log"),
            (self.group.index > 0 && self.rationale.is_some(), "rationale is not on the first entry of its group"),
            (self.last_binding.is_some_and(|last| last >= self.position), "last binding is not before the entry"),
            (!tags().is_sorted_by(|a, b| a < b), "extensions are out of order"),
        ]
        .into_iter()
        .find_map(|(broken, problem)| broken.then_some(problem))
    }
}

record! {
    /// An entry as stored, with an encoded body.
    pub struct Entry {
        pub format: u8,
        pub envelope: Envelope,
        pub kind: u16,
        pub body: Vec<u8>,
    }
}

/// The reason that this build cannot use stored bytes as an entry.
#[derive(Debug, PartialEq, Eq)]
pub enum EntryProblem {
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
    pub fn new(envelope: Envelope, body: &Body) -> Result<Self, String> {
        Ok(Self { format: FORMAT, envelope, kind: body.kind(), body: body.encode()? })
    }

    /// The entry's bytes, and the hash of them.
    pub fn encode(&self) -> Result<(Vec<u8>, EntryHash), String> {
        let bytes = encode(self)?;
        let hash = EntryHash::of(&bytes);
        Ok((bytes, hash))
    }

    /// The value to store: the first bytes of the hash, then the entry.
    pub fn stored(bytes: &[u8], hash: EntryHash) -> Vec<u8> {
        [hash.0.split_at(CHECK_BYTES).0, bytes].concat()
    }

    /// The hash of the entry in a stored value.
    pub fn hash_of_stored(value: &[u8]) -> Result<EntryHash, EntryProblem> {
        Ok(Self::checked(value)?.0)
    }

    /// The entry in a stored value, and its hash.
    pub fn from_stored(value: &[u8]) -> Result<(Self, EntryHash), EntryProblem> {
        let (hash, bytes) = Self::checked(value)?;
        Ok((Self::of_bytes(bytes)?, hash))
    }

    /// The bytes of the entry in a stored value.
    pub fn bytes_of_stored(value: &[u8]) -> Result<&[u8], EntryProblem> {
        Ok(Self::checked(value)?.1)
    }

    /// The entry with these bytes, and its hash.
    pub fn decode(bytes: &[u8]) -> Result<(Self, EntryHash), EntryProblem> {
        Ok((Self::of_bytes(bytes)?, EntryHash::of(bytes)))
    }

    fn of_bytes(bytes: &[u8]) -> Result<Self, EntryProblem> {
        match bytes.first() {
            Some(&FORMAT) => Ok(decode::<Self>(bytes)?),
            Some(&found) => {
                Err(EntryProblem::Newer { what: "entry format", found: found.into(), known: FORMAT.into() })
            }
            None => Err("empty entry".to_owned().into()),
        }
    }

    fn checked(value: &[u8]) -> Result<(EntryHash, &[u8]), EntryProblem> {
        let (check, bytes) =
            value.split_first_chunk::<CHECK_BYTES>().ok_or_else(|| "too short for an entry".to_owned())?;
        let hash = EntryHash::of(bytes);
        if !hash.0.starts_with(check) {
            return Err("bytes of the entry do not match the stored hash".to_owned().into());
        }
        Ok((hash, bytes))
    }
}

/// An entry with a decoded body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    pub envelope: Envelope,
    pub body: Body,
    /// The entry's hash; zeros until its write commits.
    pub hash: EntryHash,
}

impl LogEntry {
    /// Decodes a stored value, with its body.
    pub fn from_stored(value: &[u8]) -> Result<Self, EntryProblem> {
        let (entry, hash) = Entry::from_stored(value)?;
        Self::from_entry(entry, hash)
    }

    /// Decodes the body of an entry, and checks its envelope.
    pub fn from_entry(entry: Entry, hash: EntryHash) -> Result<Self, EntryProblem> {
        if let Some(problem) = entry.envelope.problem() {
            return Err(problem.to_owned().into());
        }
        if let Some(unknown) = entry.envelope.extensions.iter().find(|extension| extension.tag % 2 == 0) {
            return Err(EntryProblem::Newer { what: "entry extension", found: unknown.tag.into(), known: 0 });
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
