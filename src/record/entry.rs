//! A log entry: an envelope that says where it stands, who wrote it and when, and a body that says what.
//!
//! Every envelope decodes and chains without knowing the body's kind, so that a log can be checked, copied and
//! followed by a build that is older than the entry. Where a log is kept is not known here.

use wincode::{SchemaRead, SchemaWrite};

use super::body::Body;
use super::codec::{decode, encode};
use crate::hash::EntryHash;
use crate::id::{Actor, LogId};
use crate::time::Timestamp;

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
    pub request: Option<Request>,
    /// The entries of this log that became durable together with it.
    pub group: Group,
}

/// A request id, with the hash of what was asked under it.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
#[cfg_attr(test, derive(bincode::Encode, bincode::Decode))]
pub(crate) struct Request {
    pub id: [u8; 16],
    pub hash: EntryHash,
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
            return Err("the entry's bytes do not have the hash that is stored with them".to_owned().into());
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
pub(crate) struct Recorded {
    pub envelope: Envelope,
    pub body: Body,
    /// Zeros while the write is still under way.
    pub hash: EntryHash,
}

impl Recorded {
    /// Reads and understands a stored value.
    pub(crate) fn from_stored(value: &[u8]) -> Result<Self, EntryProblem> {
        let (entry, hash) = Entry::from_stored(value)?;
        Self::from_entry(entry, hash)
    }

    /// Understands an entry.
    pub(crate) fn from_entry(entry: Entry, hash: EntryHash) -> Result<Self, EntryProblem> {
        let Envelope { created_at, clock, .. } = &entry.envelope;
        if !created_at.is_valid() || !clock.is_valid() {
            return Err("its time is out of range".to_owned().into());
        }
        match Body::decode(entry.kind, &entry.body) {
            Some(body) => Ok(Self { envelope: entry.envelope, body: body?, hash }),
            None => {
                Err(EntryProblem::Newer { what: "kind of entry", found: entry.kind.into(), known: Body::NEWEST.into() })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::hash::{Address, Sha256};
    use crate::id::*;
    use crate::model::*;
    use crate::record::entry::Request;
    use crate::record::*;

    fn bound(version: u32) -> BoundVersion {
        BoundVersion {
            policy_set_id: PolicySetId::new("set").unwrap(),
            version_id: PolicySetVersionId::new(format!("set.v{version}")).unwrap(),
            version,
        }
    }

    /// One body of every kind, in the order of the kinds' numbers.
    fn bodies() -> Vec<Body> {
        let policy_id = PolicyId::new("policy").unwrap();
        let policy_set_id = PolicySetId::new("set").unwrap();
        let zone_id = ZoneId::new("zone").unwrap();
        let version = SchemaName::new("2026-02-24").unwrap();
        let cedar = CedarVersion { sdk: "4.14.1".into(), language: "4.5.0".into() };
        let schema = SchemaRef { version: version.clone(), form: Form::Json, source: Address([1; 32]) };
        let BoundVersion { version_id, .. } = bound(1);
        vec![
            ZoneCreated { zone_id: zone_id.clone(), log_id: LogId([7; 16]) }.into(),
            SchemaPublished {
                version: version.clone(),
                form: Form::Cedar,
                sha: Sha256([2; 32]),
                source: Address([3; 32]),
                converted: Address([4; 32]),
                cedar: cedar.clone(),
            }
            .into(),
            SchemaStatusChanged { version, status: SchemaStatus::Archived }.into(),
            ZoneOpened { zone_id }.into(),
            PolicyCreated { policy_id: policy_id.clone(), name: "n".into(), description: None }.into(),
            PolicyUpdated { policy_id: policy_id.clone(), name: "é".into(), description: Some("d".into()) }.into(),
            PolicyArchived { policy_id: policy_id.clone() }.into(),
            PolicyVersionCreated {
                policy_id: policy_id.clone(),
                version_id: PolicyVersionId::new("policy.v300").unwrap(),
                version: 300,
                schema: schema.clone(),
                form: Form::Cedar,
                sha: Sha256([5; 32]),
                text: Address([6; 32]),
                json: Address([7; 32]),
                statements: 2,
                warnings: Some(Address([8; 32])),
                cedar: cedar.clone(),
            }
            .into(),
            PolicyVersionArchived { policy_id, version_id: PolicyVersionId::new("v").unwrap(), version: 1 }.into(),
            PolicySetCreated { policy_set_id: policy_set_id.clone(), name: "s".into(), target_type: TargetType::User }
                .into(),
            PolicySetUpdated { policy_set_id: policy_set_id.clone(), name: "t".into() }.into(),
            PolicySetArchived { policy_set_id: policy_set_id.clone() }.into(),
            PolicySetVersionCreated {
                policy_set_id: policy_set_id.clone(),
                version_id: version_id.clone(),
                version: 1,
                schema,
                manifest: Address([9; 32]),
                manifest_sha: Sha256([10; 32]),
                entries: 1_000,
                cedar,
            }
            .into(),
            PolicySetVersionArchived { policy_set_id, version_id, version: 1 }.into(),
            Bound { target: Target::Zone, mode: BindingMode::Active, bound: bound(2), replaced: Some(bound(1)) }.into(),
            Unbound { target: Target::User("u".into()), mode: BindingMode::Shadow, replaced: bound(2) }.into(),
        ]
    }

    fn envelope() -> Envelope {
        Envelope {
            log_id: LogId([0xab; 16]),
            position: 70_000,
            previous: EntryHash([0xcd; 32]),
            created_at: Timestamp::from_micros(1_771_939_200_000_001),
            clock: Timestamp::from_micros(1_771_939_200_000_000),
            actor: Actor::customer("alice").unwrap(),
            imported_by: None,
            request: None,
            group: Group { start: 69_999, size: 3 },
        }
    }

    fn stored(entry: &Entry) -> Vec<u8> {
        let (bytes, hash) = entry.encode().unwrap();
        Entry::stored(&bytes, hash)
    }

    #[test]
    fn the_bytes_and_hashes_of_every_kind_are_pinned() {
        let pinned = include_str!("entry_pins.txt");
        let now: Vec<String> = bodies()
            .iter()
            .map(|body| {
                let (bytes, hash) = Entry::new(envelope(), body).unwrap().encode().unwrap();
                format!("{} {} {}\n", body.kind(), crate::hash::hex::encode(&bytes), hash)
            })
            .collect();
        assert_eq!(now.concat(), pinned);
        let kinds: Vec<u16> = bodies().iter().map(Body::kind).collect();
        assert_eq!(kinds, Body::KINDS, "a body of every kind is pinned");
        assert_eq!(kinds.last(), Some(&Body::NEWEST));
    }

    #[test]
    fn bincode_agrees_with_every_byte() {
        let config = bincode::config::standard();
        for body in bodies() {
            let mut envelope = envelope();
            envelope.imported_by = Some(Actor::platform("importer").unwrap());
            envelope.request = Some(Request { id: [1; 16], hash: EntryHash([2; 32]) });
            let entry = Entry::new(envelope, &body).unwrap();
            let (bytes, _) = entry.encode().unwrap();
            assert_eq!(bincode::encode_to_vec(&entry, config).unwrap(), bytes);
            assert_eq!(bincode::decode_from_slice::<Entry, _>(&bytes, config).unwrap(), (entry, bytes.len()));
        }
    }

    #[test]
    fn what_was_stored_is_read_back() {
        for body in bodies() {
            let entry = Entry::new(envelope(), &body).unwrap();
            let recorded = Recorded::from_stored(&stored(&entry)).unwrap();
            assert_eq!((recorded.envelope, recorded.body), (envelope(), body));
        }
    }

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
        let newer = EntryProblem::Newer { what: "kind of entry", found: 999, known: 28 };
        assert_eq!(Recorded::from_stored(&value).unwrap_err(), newer);
        entry.format = 2;
        let newer = EntryProblem::Newer { what: "entry format", found: 2, known: 1 };
        assert_eq!(Entry::from_stored(&stored(&entry)).unwrap_err(), newer);
    }

    proptest! {
        /// No second string of bytes decodes to an entry: whatever decodes, encodes to the same bytes.
        #[test]
        fn decoding_is_canonical(edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4), kind in 0..16_usize) {
            let (mut bytes, _) = Entry::new(envelope(), &bodies()[kind]).unwrap().encode().unwrap();
            for (index, byte) in edits {
                let index = index.index(bytes.len());
                bytes[index] = byte;
            }
            let hash = EntryHash::of(&bytes);
            if let Ok((entry, _)) = Entry::from_stored(&Entry::stored(&bytes, hash)) {
                prop_assert_eq!(entry.encode().unwrap().0, bytes);
            }
        }

        /// Any bytes at all give an entry or an error.
        #[test]
        fn no_bytes_make_decoding_panic(kind in 0..40_u16, bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Body::decode(kind, &bytes);
            let hash = EntryHash::of(&bytes);
            let _ = Recorded::from_stored(&Entry::stored(&bytes, hash));
        }
    }
}
