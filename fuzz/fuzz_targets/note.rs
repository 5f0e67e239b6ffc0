//! Text as a signed note, a checkpoint, a key and a signature line: refused, or printed the same. Text under a valid
//! signature: read back, and verified with the key and no other.
#![no_main]

use policy_store_fuzz::outside::{NAME, WITNESS, key, read_alike, refused, signed_note, signer, trust, witness};
use policy_store_verify::Timestamp;
use policy_store_verify::note::{NoteKey, NoteSignature, NoteVerifier, SignedCheckpoint, SignedNote, Trust};

/// What verifies is signed by the log's key, under its origin.
fn verified(checkpoint: &SignedCheckpoint, trust: &Trust, by: &NoteKey) {
    match checkpoint.verify(trust) {
        Ok(verified) => {
            assert_eq!((verified.signed(), verified.checkpoint()), (checkpoint, checkpoint.unverified()));
            let note = checkpoint.note();
            let is_by_the_log = |line: &NoteSignature| {
                line.name == checkpoint.origin() && by.verify(note.text(), &line.signature) == Ok(None)
            };
            assert!(note.signatures().iter().any(is_by_the_log));
            assert!(verified.cosigned().iter().all(|cosigned| cosigned.witness == WITNESS));
            assert!(verified.cosigned().len() <= 1);
        }
        Err(error) => refused(&error),
    }
}

/// The values of a checkpoint are those of its lines.
fn read_checkpoint(text: &str) -> Option<SignedCheckpoint> {
    let checkpoint = read_alike::<SignedCheckpoint>(text)?;
    let (read, lines) = (checkpoint.unverified(), checkpoint.note().text().lines().collect::<Vec<_>>());
    assert_eq!(lines.len(), 3);
    assert_eq!((lines[0], lines[1]), (checkpoint.origin(), read.size.to_string().as_str()));
    assert_eq!(checkpoint.origin(), format!("{}/{}", checkpoint.store_name(), read.log_id));
    Some(checkpoint)
}

/// Signs a checkpoint that has any other lines.
fn sign(mut checkpoint: SignedCheckpoint) {
    let by = key(checkpoint.store_name()).unwrap();
    let trust = Trust::new().log_key(by.clone()).witness(witness());
    verified(&checkpoint, &trust, &by);
    if checkpoint.sign_with(&by, &signer()).is_ok() {
        let cosigned = checkpoint.cosign(&witness(), &signer(), Timestamp::from_micros(1_771_939_200_000_000));
        let read = read_checkpoint(&checkpoint.to_string()).expect("a signed checkpoint is read");
        assert_eq!(read, checkpoint);
        match read.verify(&trust) {
            Ok(verified) => assert!(cosigned.is_err() || verified.cosigned().len() == 1),
            Err(error) => assert_eq!(error.code(), "signature", "{error}"),
        }
    }
}

/// The text under a valid signature.
fn under_a_signature(text: &str) {
    let origin = text.lines().next().filter(|name| key(name).is_ok()).unwrap_or(NAME);
    let Some(note) = signed_note(&format!("{text}\n"), origin) else { return };
    let read = read_alike::<SignedNote>(&note.to_string()).expect("a signed note is read");
    assert_eq!(read, note);
    let (by, signature) = (key(origin).unwrap(), &read.signatures()[0].signature);
    assert_eq!(by.verify(read.text(), signature), Ok(None));
    assert!(by.verify(&format!("{}\n", read.text()), signature).is_err());
    assert!(witness().verify(read.text(), signature).is_err());
    if let Some(checkpoint) = read_checkpoint(&note.to_string()) {
        assert_eq!(checkpoint.verify(&Trust::new().log_key(by)).unwrap().checkpoint(), checkpoint.unverified());
        let other = checkpoint.verify(&Trust::new().log_key(key("other.example").unwrap()));
        assert!(other.is_err() || checkpoint.store_name() == "other.example");
        sign(checkpoint);
    }
}

/// A signature line of any name and bytes: refused, or read back.
fn line(text: &str) {
    let (name, bytes) = text.split_once('\n').unwrap_or((text, "x"));
    let mut note = SignedNote::new("text\n").unwrap();
    let line = NoteSignature { name: name.to_owned(), key_id: 7, signature: bytes.as_bytes().to_vec() };
    match note.add(line.clone()) {
        Ok(()) => {
            assert_eq!(read_alike::<NoteSignature>(&line.to_string()), Some(line));
            assert_eq!(read_alike::<SignedNote>(&note.to_string()), Some(note));
        }
        Err(error) => refused(&error),
    }
}

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Some(note) = read_alike::<SignedNote>(text) {
        for line in note.signatures() {
            assert_eq!(read_alike::<NoteSignature>(&line.to_string()).as_ref(), Some(line));
            let _ = key(NAME).unwrap().verify(note.text(), &line.signature);
            let _ = witness().verify(note.text(), &line.signature);
        }
    }
    if let Some(checkpoint) = read_checkpoint(text) {
        verified(&checkpoint, &trust(), &key(NAME).unwrap());
        sign(checkpoint);
    }
    read_alike::<NoteSignature>(text);
    if let Ok(key) = text.parse::<NoteKey>() {
        assert_eq!(key.to_string(), text);
        let (id, _) = (key.key_id(key.name()).expect("a key has an id under its own name"), key.verify(text, &[0; 72]));
        assert!(text.contains(&format!("+{id:08x}+")));
    }
    under_a_signature(text);
    line(text);
});
