//! Notes: the examples of C2SP, one text for each note, and signatures that must not count.

use super::*;
use crate::attestation::{Ed25519Signer, Signer};
use crate::proof::ProofError;
use crate::types::checkpoint::Checkpoint;
use crate::types::hash::RootHash;
use crate::types::id::LogId;
use crate::types::limits;
use crate::types::time::Timestamp;

/// The key and the note of the C2SP signed-note specification.
const KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const NOTE: &str = "This is an example message.\n\n— example.com/foo \
     Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
/// The checkpoint of the C2SP tlog-checkpoint specification, with its witness from tlog-cosignature.
const CHECKPOINT: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
     — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
     — witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";

fn checkpoint() -> Checkpoint {
    Checkpoint { log_id: LogId([0xab; 16]), size: 70_000, root: RootHash([7; 32]) }
}

fn signer(secret: u8) -> Ed25519Signer {
    Ed25519Signer::new("k", &[secret; 32]).unwrap()
}

fn log_key(secret: u8) -> NoteKey {
    NoteKey::ed25519("example.com/store", signer(secret).jwk().as_bytes()).unwrap()
}

fn witness(name: &str, secret: u8) -> NoteKey {
    NoteKey::cosigner(name, signer(secret).jwk().as_bytes()).unwrap()
}

fn signed() -> SignedCheckpoint {
    SignedCheckpoint::sign(&checkpoint(), "example.com/store", &signer(1)).unwrap()
}

#[test]
fn the_example_of_the_specification_verifies() {
    let (key, note): (NoteKey, SignedNote) = (KEY.parse().unwrap(), NOTE.parse().unwrap());
    assert_eq!((key.to_string(), note.to_string()), (KEY.to_owned(), NOTE.to_owned()));
    let [line] = note.signatures() else { panic!("{note:?}") };
    assert_eq!(key.key_id(&line.name), Some(line.key_id));
    assert_eq!(key.verify(note.text(), &line.signature), Ok(None));
    assert_eq!(key.verify("This is an example message\n", &line.signature), Err(BadSignature));
}

#[test]
fn the_checkpoint_of_the_specification_has_its_three_values() {
    let note: SignedNote = CHECKPOINT.parse().unwrap();
    let body = Body::read(note.text()).unwrap();
    assert_eq!((body.origin.as_str(), body.size), ("example.com/behind-the-sofa", 20_852_163));
    assert_eq!((body.text().as_str(), note.to_string().as_str()), (note.text(), CHECKPOINT));
    // The time in the cosignature is that of the message in the specification.
    let time = note.signatures()[1].signature.first_chunk::<8>().unwrap();
    assert_eq!(u64::from_be_bytes(*time), 1_679_315_147);
    // It is not of a log of a store: the origin does not end with a log id.
    let refused = CHECKPOINT.parse::<SignedCheckpoint>().unwrap_err();
    assert!(refused.to_string().contains("log id"), "{refused}");
}

#[test]
fn a_signed_checkpoint_is_read_and_verified_with_the_public_key() {
    let signed = signed();
    let text = signed.to_string();
    let read: SignedCheckpoint = text.parse().unwrap();
    assert_eq!((read.to_string(), read.unverified()), (text, checkpoint()));
    assert_eq!(
        (read.origin(), read.store_name()),
        (format!("example.com/store/{}", "ab".repeat(16)).as_str(), "example.com/store")
    );
    // The store's key, the log's own key, and no other.
    for key in [log_key(1), log_key(1).of_log(checkpoint().log_id)] {
        let key: NoteKey = key.to_string().parse().unwrap();
        assert_eq!(read.verify(&Trust::new().log_key(key)).unwrap().checkpoint(), checkpoint());
    }
    let other_name = NoteKey::ed25519("example.com/other", signer(1).jwk().as_bytes()).unwrap();
    for key in [log_key(2), log_key(1).of_log(LogId([1; 16])), other_name] {
        assert_eq!(read.verify(&Trust::new().log_key(key)).unwrap_err().code(), "not_signed");
    }
    assert_eq!(read.verify(&Trust::new()).unwrap_err().code(), "not_signed");
}

#[test]
fn any_other_text_under_a_signature_is_refused() {
    let (text, trust) = (signed().to_string(), Trust::new().log_key(log_key(1)));
    let changed = text.replacen("\n70000\n", "\n70001\n", 1);
    let refused = changed.parse::<SignedCheckpoint>().unwrap().verify(&trust).unwrap_err();
    assert_eq!(refused.code(), "signature");
    // Under another origin, the line is of another key.
    let moved = text.replacen(&"ab".repeat(16), &"cd".repeat(16), 1).parse::<SignedCheckpoint>().unwrap();
    assert_eq!(moved.verify(&trust).unwrap_err().code(), "not_signed");
    for (index, _) in text.char_indices() {
        let mut bytes = text.clone().into_bytes();
        bytes[index] ^= 1;
        let Ok(text) = String::from_utf8(bytes) else { continue };
        let verified = text.parse::<SignedCheckpoint>().and_then(|read| read.verify(&trust).map(|_| ()));
        assert!(verified.is_err(), "byte {index}");
    }
}

#[test]
fn k_of_n_known_witnesses_must_have_cosigned() {
    let time: Timestamp = "2026-02-24T13:20:00Z".parse().unwrap();
    let mut note = signed();
    for (name, secret) in [("w1.example", 11), ("w2.example", 12), ("stranger.example", 13)] {
        note.cosign(&witness(name, secret), &signer(secret), time).unwrap();
    }
    // Neither the same line again nor a later one of the same witness is another witness.
    note.add(note.note().signatures()[1].clone()).unwrap();
    note.cosign(&witness("w1.example", 11), &signer(11), Timestamp::from_micros(time.as_micros() + 1_000_000)).unwrap();
    let known = || {
        let trust = Trust::new().log_key(log_key(1));
        trust.witness(witness("w1.example", 11)).witness(witness("w2.example", 12)).witness(witness("w3.example", 14))
    };
    let note: SignedCheckpoint = note.to_string().parse().unwrap();
    let verified = note.verify(&known().quorum(2)).unwrap();
    let cosigned: Vec<_> =
        verified.cosigned().iter().map(|cosigned| (cosigned.witness.as_str(), cosigned.time)).collect();
    assert_eq!(cosigned, [("w1.example", time), ("w2.example", time)]);
    let refused = note.verify(&known().quorum(3)).unwrap_err();
    assert_eq!(refused, ProofError::Quorum { origin: note.origin().to_owned(), expected: 3, found: 2 });
    // Witnesses alone are no log.
    let no_log = Trust::new().witness(witness("w1.example", 11)).quorum(1);
    assert_eq!(note.verify(&no_log).unwrap_err().code(), "not_signed");
    // A witness's key does not stand for a log's, nor the other way round.
    let as_log = Trust::new().log_key(NoteKey::ed25519("w1.example", signer(11).jwk().as_bytes()).unwrap());
    assert_eq!(note.verify(&as_log).unwrap_err().code(), "not_signed");
}

#[test]
fn a_cosignature_covers_its_time() {
    let mut note = signed();
    note.cosign(&witness("w1.example", 11), &signer(11), Timestamp::from_micros(1_000_000)).unwrap();
    let line = note.note().signatures()[1].clone();
    let trust = Trust::new().log_key(log_key(1)).witness(witness("w1.example", 11)).quorum(1);
    note.verify(&trust).unwrap();
    for index in [0, 7, 8, 71] {
        let mut line = line.clone();
        line.signature[index] ^= 1;
        let mut other = signed();
        other.add(line).unwrap();
        assert_eq!(
            other.verify(&trust).unwrap_err(),
            ProofError::Signature { name: "w1.example".to_owned() },
            "{index}"
        );
    }
}

#[test]
fn a_key_signs_only_what_is_its_own() {
    let mut note = signed();
    let refused = |result: crate::Result<()>| result.unwrap_err().to_string();
    let other = NoteKey::ed25519("example.com/other", signer(1).jwk().as_bytes()).unwrap();
    assert!(refused(note.sign_with(&other, &signer(1))).contains("not a key of the checkpoint's log"));
    assert!(refused(note.sign_with(&log_key(1), &signer(2))).contains("does not verify"));
    assert!(refused(note.sign_with(&witness("w", 1), &signer(1))).contains("not a key of the checkpoint's log"));
    assert!(refused(note.cosign(&log_key(1), &signer(1), Timestamp::EPOCH)).contains("not a witness's key"));
    assert!(refused(note.cosign(&witness("w", 1), &signer(2), Timestamp::EPOCH)).contains("does not verify"));
    assert_eq!(note, signed());
    for name in ["", "a b", "a+b", "a\nb", &"x".repeat(250)] {
        assert!(SignedCheckpoint::sign(&checkpoint(), name, &signer(1)).is_err(), "{name:?}");
    }
}

/// A signature type of the user's own.
struct Reversed;

impl NoteVerifier for Reversed {
    fn name(&self) -> &str {
        "reversed.example"
    }

    fn key_id(&self, name: &str) -> Option<u32> {
        (name == signed().origin()).then_some(7)
    }

    fn verify(&self, text: &str, signature: &[u8]) -> Result<Option<Timestamp>, BadSignature> {
        let is_reversed = text.bytes().rev().eq(signature.iter().copied());
        if is_reversed { Ok(None) } else { Err(BadSignature) }
    }
}

#[test]
fn other_signature_types_plug_in() {
    let mut note = SignedCheckpoint::unsigned(&checkpoint(), "example.com/store").unwrap();
    let signature: Vec<u8> = note.note().text().bytes().rev().collect();
    note.add(NoteSignature { name: note.origin().to_owned(), key_id: 7, signature }).unwrap();
    let note: SignedCheckpoint = note.to_string().parse().unwrap();
    assert!(note.verify(&Trust::new().log_verifier(Reversed)).is_ok());
    assert_eq!(note.verify(&Trust::new().log_key(log_key(1))).unwrap_err().code(), "not_signed");
}

#[test]
fn a_note_has_one_text() {
    let good = "text\n\n— a AAAAAQE=\n";
    assert_eq!(good.parse::<SignedNote>().unwrap().to_string(), good);
    // Blank lines of the text stay: the last one separates.
    let blank = "te\n\nxt\n\n— a AAAAAQE=\n";
    assert_eq!(blank.parse::<SignedNote>().unwrap().text(), "te\n\nxt\n");
    for wrong in [
        "",
        "text",
        "text\n",
        "text\n— a AAAAAQE=\n",
        "text\n\n- a AAAAAQE=\n",
        "text\n\n— a AAAAAQE=",
        "text\n\n— a AAAAAQE\n",
        "text\n\n— a  AAAAAQE=\n",
        "text\n\n— a AAAAAQF=\n",
        "text\n\n—a AAAAAQE=\n",
        "text\n\n— a+b AAAAAQE=\n",
        "text\n\n— a AAAAAQ==\n",
        "te\txt\n\n— a AAAAAQE=\n",
        "te\rxt\n\n— a AAAAAQE=\n",
        "text\n\n— a AAAAAQE=\nmore\n",
        "text\n\n\u{2014}\u{a0}a AAAAAQE=\n",
    ] {
        assert!(wrong.parse::<SignedNote>().is_err(), "{wrong:?}");
    }
}

#[test]
fn a_line_that_nobody_could_read_is_not_added() {
    let long = "x".repeat(limits::KEY_ID_BYTES + 1);
    let line = |name: &str, bytes: &[u8]| NoteSignature { name: name.to_owned(), key_id: 7, signature: bytes.to_vec() };
    for wrong in
        [line("", b"x"), line("a b", b"x"), line("a\n\nb", b"x"), line("a+b", b"x"), line(&long, b"x"), line("a", b"")]
    {
        let (mut note, mut checkpoint) = (SignedNote::new("text\n").unwrap(), signed());
        assert_eq!(note.add(wrong.clone()).unwrap_err().code(), "malformed", "{wrong:?}");
        assert_eq!(checkpoint.add(wrong).unwrap_err().code(), "malformed");
        assert_eq!((note.signatures().len(), checkpoint), (0, signed()));
    }
    let mut note = SignedNote::new("text\n").unwrap();
    note.add(line("a", b"x")).unwrap();
    assert_eq!(note.to_string().parse::<SignedNote>().unwrap(), note);
}

#[test]
fn a_checkpoint_has_three_lines_in_their_form() {
    let note = |text: &str| format!("{text}\n").parse::<SignedCheckpoint>().map(|_| ());
    let (origin, root) = (format!("example.com/{}", "ab".repeat(16)), "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=");
    note(&format!("{origin}\n5\n{root}\n")).unwrap();
    for wrong in [
        format!("{origin}\n05\n{root}\n"),
        format!("{origin}\n+5\n{root}\n"),
        format!("{origin}\n5\n{root}\nmore\n"),
        format!("{origin}\n5\n{}\n", &root[..43]),
        format!("{origin}\n5\n"),
        format!("\n5\n{root}\n"),
        format!("{}\n5\n{root}\n", "ab".repeat(16)),
        format!("a b/{}\n5\n{root}\n", "ab".repeat(16)),
        format!("{origin}\n99999999999999999999\n{root}\n"),
        format!("{origin}\n5\n\n{root}\n"),
        format!("{}\n5\n{root}\n", origin.to_uppercase()),
    ] {
        assert_eq!(note(&wrong).unwrap_err().code(), "malformed", "{wrong:?}");
    }
}

#[test]
fn a_vkey_has_one_text_and_the_id_of_its_key() {
    let good = log_key(1).to_string();
    assert_eq!(good.parse::<NoteKey>().unwrap().to_string(), good);
    let (name, rest) = good.split_once('+').unwrap();
    for wrong in [
        String::new(),
        name.to_owned(),
        format!("other+{rest}"),
        good.replacen('+', "+0", 1),
        format!("{good}="),
        format!("{good} "),
        // The point of small order, which verifies anything.
        "a+00000000+AQEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned(),
        // Type 2: ECDSA.
        "a+00000000+AgEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned(),
    ] {
        assert!(wrong.parse::<NoteKey>().is_err(), "{wrong}");
    }
}

#[test]
fn large_notes_are_refused_before_they_are_read() {
    let line = format!("— a {}\n", "AAAAAQE=");
    let lines = |count: usize| format!("text\n\n{}", line.repeat(count)).parse::<SignedNote>();
    // Equal lines: reading does not merge them.
    assert_eq!(lines(limits::NOTE_SIGNATURES).unwrap().signatures().len(), limits::NOTE_SIGNATURES);
    assert_eq!(lines(limits::NOTE_SIGNATURES + 1).unwrap_err().code(), "too_large");
    let large = format!("{}\n\n", "x".repeat(limits::NOTE_BYTES)).parse::<SignedNote>().unwrap_err();
    assert_eq!(large.code(), "too_large");
    let mut note = signed();
    let name = "w".to_owned();
    for index in 0..64 {
        let added = note.add(NoteSignature { name: name.clone(), key_id: index, signature: vec![1] });
        assert_eq!(added.is_ok(), index < 63, "{index}");
    }
    assert!(signer(1).sign(b"x").is_ok());
}
