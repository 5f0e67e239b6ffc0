//! Every entry, body and manifest has exactly one encoding: it decodes to the same value, an independent encoder writes
//! the same bytes, and no other bytes decode to the value. Failures tested: two files with one meaning and two hashes,
//! or a body with another meaning in a build with another decoder.

use proptest::prelude::*;

use super::arbitrary::{envelope, parts, unchecked};
use super::edits::{TERABYTE, edited, edits, id};
use super::samples::stored;
use super::*;
use crate::types::hash::{EntryHash, Sha256};
use crate::types::id::{PolicyId, ZoneId};
use crate::types::limits;
use crate::types::manifest_entry::ManifestEntry;

/// Decodes an entry's `bytes`, stored with their correct hash.
fn read(bytes: &[u8]) -> Result<Entry, EntryProblem> {
    Entry::from_stored(&Entry::stored(bytes, EntryHash::of(bytes))).map(|(entry, _)| entry)
}

fn manifest() -> impl Strategy<Value = Manifest> {
    let entry = (id(), id(), any::<[u8; 32]>()).prop_map(|(policy, version, sha)| ManifestEntry {
        policy_id: policy.parse().unwrap(),
        policy_version_id: version.parse().unwrap(),
        sha: Sha256(sha),
    });
    proptest::collection::vec(entry, 0..8).prop_map(|mut entries| {
        entries.sort_by(|a, b| b.policy_id.cmp(&a.policy_id));
        entries.dedup_by(|a, b| a.policy_id == b.policy_id);
        Manifest::new(entries).unwrap()
    })
}

proptest! {
    #[test]
    fn what_was_stored_is_read_back(envelope in envelope(), parts in parts()) {
        let bodies = parts.bodies();
        prop_assert_eq!(&bodies.iter().map(Body::kind).collect::<Vec<_>>(), Body::KINDS);
        for body in bodies {
            let entry = Entry::new(envelope.clone(), &body).unwrap();
            let recorded = LogEntry::from_stored(&stored(&entry)).unwrap();
            prop_assert_eq!((&recorded.envelope, &recorded.body), (&envelope, &body));
            prop_assert_eq!(recorded.hash, entry.encode().unwrap().1);
        }
    }

    #[test]
    fn bincode_writes_the_same_bytes(envelope in envelope(), parts in parts()) {
        let config = bincode::config::standard();
        for body in parts.bodies() {
            let entry = Entry::new(envelope.clone(), &body).unwrap();
            prop_assert_eq!(&body.bincode_bytes(), &entry.body);
            let (bytes, _) = entry.encode().unwrap();
            prop_assert_eq!(&bincode::encode_to_vec(&entry, config).unwrap(), &bytes);
            prop_assert_eq!(bincode::decode_from_slice::<Entry, _>(&bytes, config).unwrap(), (entry, bytes.len()));
        }
    }

    #[test]
    fn no_other_bytes_are_an_entry(envelope in envelope(), parts in parts(), kind in 0..Body::KINDS.len(), edits in edits()) {
        let entry = Entry::new(envelope, &parts.bodies()[kind]).unwrap();
        let (bytes, _) = entry.encode().unwrap();
        let other = edited(&bytes, &edits);
        if let Ok(found) = read(&other) {
            prop_assert_eq!(&found.encode().unwrap().0, &other);
            prop_assert_eq!(found == entry, other == bytes);
        }
    }

    #[test]
    fn no_other_bytes_are_a_body(parts in parts(), kind in 0..Body::KINDS.len(), edits in edits()) {
        let body = &parts.bodies()[kind];
        let bytes = body.encode().unwrap();
        let other = edited(&bytes, &edits);
        if let Ok(found) = Body::decode(body.kind(), &other).unwrap() {
            prop_assert_eq!(&found.encode().unwrap(), &other);
            prop_assert_eq!(&found == body, other == bytes);
        }
    }

    #[test]
    fn no_bytes_make_decoding_panic(kind in 0..40_u16, bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(Body::decode(kind, &bytes).is_some(), Body::KINDS.contains(&kind));
        if let Ok(entry) = read(&bytes) {
            prop_assert_eq!(entry.encode().unwrap().0, bytes);
        }
    }

    /// The decoder refuses an invalid id in any field of a body.
    #[test]
    fn a_body_holds_only_ids_that_keep_the_rules(
        parts in parts(),
        slot in 0..4_usize,
        wrong in prop_oneof!["", "[._:-][a-z]{0,5}", "[a-z]{1,3}[\\x00-\\x2c/ é\\x7f][a-z]{0,3}", "[a-z]{65,300}"],
    ) {
        // A target's id can be any short text without control characters.
        let wrong = if slot == 3 { "a\0b".to_owned() } else { wrong };
        let mut damaged = parts.clone();
        damaged.ids[slot] = wrong;
        for (body, damaged) in parts.bodies().into_iter().zip(damaged.bodies()) {
            let read = Body::decode(damaged.kind(), &damaged.encode().unwrap()).unwrap();
            prop_assert_eq!(read.is_ok(), damaged == body, "{:?}", damaged);
        }
    }

    #[test]
    fn a_manifest_is_read_back_and_printed_as_rfc_8785_demands(manifest in manifest()) {
        let canonical = manifest.canonical();
        prop_assert_eq!(&serde_json_canonicalizer::to_string(&manifest).unwrap(), &canonical);
        prop_assert_eq!(&Manifest::parse(&canonical).unwrap(), &manifest);
    }

    #[test]
    fn no_other_text_is_a_manifest(manifest in manifest(), edits in edits()) {
        let canonical = manifest.canonical();
        if let Ok(other) = String::from_utf8(edited(canonical.as_bytes(), &edits))
            && let Ok(found) = Manifest::parse(&other)
        {
            prop_assert_eq!(&found.canonical(), &other);
            prop_assert_eq!(found == manifest, other == canonical);
        }
    }
}

/// The number of ids in each kind of body. The decoder must check all of them.
#[test]
fn every_id_of_every_kind_is_checked() {
    let parts = arbitrary::Parts {
        ids: ["a", "b", "c", "user"].map(str::to_owned),
        texts: ("name".into(), None),
        numbers: [1, 2],
        hashes: [[1; 32]; 4],
        choice: (false, true, 0),
    };
    let mut checked = vec![0; Body::KINDS.len()];
    for slot in 0..4 {
        let mut damaged = parts.clone();
        damaged.ids[slot] = "\n".into();
        for (count, body) in checked.iter_mut().zip(damaged.bodies()) {
            if let Err(problem) = Body::decode(body.kind(), &body.encode().unwrap()).unwrap() {
                assert!(problem.contains("`"), "{problem}");
                *count += 1;
            }
        }
    }
    assert_eq!(checked, [1, 1, 1, 1, 1, 0, 0, 1, 3, 1, 1, 3, 2, 1, 1, 1, 3, 2, 3, 3, 0, 0, 1, 2, 0, 2, 0]);
    // In both versions of a binding's body.
    let Some(Body::Bound(mut body)) = parts.bodies().into_iter().find(|body| body.kind() == 27) else {
        panic!("the kind of a binding")
    };
    body.replaced.as_mut().unwrap().version_id = unchecked("");
    let bytes = encode(&body).unwrap();
    assert!(Body::decode(27, &bytes).unwrap().unwrap_err().contains("policy set version id"));
}

#[test]
fn an_actor_who_could_not_have_written_is_refused() {
    for (place, wrong) in [(0, ""), (0, "a\nb"), (1, "\u{85}"), (0, &"x".repeat(257))] {
        // (actor, imported by), with invalid ids.
        let actor: crate::types::actor::Actor = unchecked((1_u32, wrong));
        let mut envelope = samples::envelope();
        match place {
            0 => envelope.actor = actor,
            _ => envelope.imported_by = Some(actor),
        }
        let entry = Entry::new(envelope, &samples::bodies()[0]).unwrap();
        let problem = LogEntry::from_stored(&stored(&entry)).unwrap_err();
        assert!(matches!(&problem, EntryProblem::Damaged(problem) if problem.contains("actor id")), "{problem:?}");
    }
}

/// A length of a terabyte is an error before its allocation, in any field.
#[test]
fn a_terabyte_is_announced_in_vain() {
    for body in samples::bodies() {
        let entry = Entry::new(samples::envelope(), &body).unwrap();
        let bytes = entry.encode().unwrap().0;
        for place in 0..bytes.len() {
            let other = huge(&bytes, place);
            if let Ok(found) = read(&other) {
                assert!(found != entry && found.encode().unwrap().0 == other, "kind {} at {place}", body.kind());
            }
        }
        for place in 0..entry.body.len() {
            let _ = Body::decode(body.kind(), &huge(&entry.body, place)).unwrap();
        }
    }
    for problem in [decode::<Vec<u8>>(&TERABYTE).unwrap_err(), decode::<String>(&TERABYTE).unwrap_err()] {
        assert!(problem.contains("limit"), "{problem}");
    }
    assert!(decode::<Option<ZoneId>>(&[[1].as_slice(), &TERABYTE].concat()).is_err());
}

fn huge(bytes: &[u8], place: usize) -> Vec<u8> {
    [&bytes[..place], &TERABYTE, &bytes[place + 1..]].concat()
}

#[test]
fn tags_are_0_and_1_and_enums_have_no_further_variants() {
    let two = |bytes: &[u8]| (decode::<bool>(bytes).is_ok(), decode::<Option<u8>>(&[bytes, &[9]].concat()).is_ok());
    assert_eq!(two(&[1]), (true, true));
    for tag in 2..=255 {
        assert_eq!(two(&[tag]), (false, false), "{tag}");
    }
    assert!(decode::<crate::types::schema::SchemaStatus>(&[2]).is_ok());
    assert!(decode::<crate::types::schema::SchemaStatus>(&[3]).is_err());
    assert!(decode::<crate::types::target::Target>(&[2]).is_err());
    assert!(decode::<PolicyId>(&[1, 0xff]).is_err(), "not UTF-8");
}

#[test]
fn an_entry_is_at_most_as_long_as_its_limit() {
    let mut entry = Entry::new(samples::envelope(), &samples::bodies()[0]).unwrap();
    let room = limits::ENTRY_BYTES - entry.encode().unwrap().0.len();
    // The body's own length grows from one byte to three.
    entry.body.resize(entry.body.len() + room - 2, 0);
    let (bytes, _) = entry.encode().unwrap();
    assert_eq!(bytes.len(), limits::ENTRY_BYTES);
    assert_eq!(read(&bytes).unwrap(), entry);
    entry.body.push(0);
    let over = bincode::encode_to_vec(&entry, bincode::config::standard()).unwrap();
    assert!(read(&over).is_err());
}
