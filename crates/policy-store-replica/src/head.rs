//! Heads: signed checkpoints of the store's log, with the time as a cosignature by the same key. Makes and verifies them.
//!
//! Does not know the logs, and does not compare heads with each other.

use bytes::Bytes;
use policy_store::attestation::Signer;
use policy_store::note::{NoteKey, NoteVerifier as _, SignedCheckpoint, Trust};
use policy_store::proof::ProofError;
use policy_store::{Checkpoint, Timestamp, limits};

use crate::error::{Error, Result};
use crate::object::layout;

/// The largest head.
pub(crate) const HEAD_BYTES: usize = limits::NOTE_BYTES;

/// A verified head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub number: u64,
    /// Of the store's log.
    pub checkpoint: Checkpoint,
    pub time: Timestamp,
    /// The object.
    pub bytes: Bytes,
}

impl Head {
    /// The name of the object.
    pub(crate) fn name(&self) -> String {
        layout::head(self.number)
    }

    /// The name of the object of its delta.
    pub(crate) fn delta_name(&self) -> String {
        layout::delta(self.number, &self.bytes)
    }

    /// The signed checkpoint in it.
    pub(crate) fn signed(&self) -> Result<SignedCheckpoint> {
        parse(&self.name(), &self.bytes)
    }
}

/// The keys whose heads are accepted: of the publication, and of witnesses.
///
/// ```
/// use policy_store::attestation::Ed25519Signer;
/// use policy_store::note::NoteKey;
/// use policy_store_replica::PublicationTrust;
/// let signer = Ed25519Signer::new("2026-a", &[7; 32])?;
/// let trust = PublicationTrust::new(NoteKey::ed25519("example.com/policies", signer.jwk().as_bytes())?)?;
/// assert_eq!(trust.name(), "example.com/policies");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct PublicationTrust {
    name: String,
    /// The signature and the time, by keys of the publication.
    publication: Trust,
    /// Witnesses, and their quorum.
    witnesses: Trust,
    keys: Vec<NoteKey>,
}

impl PublicationTrust {
    /// Trusts the key of a publication. Its name is that of the publication.
    ///
    /// # Errors
    ///
    /// `store` with the code `invalid_input` for the key of a witness.
    pub fn new(key: NoteKey) -> Result<Self> {
        let (publication, witnesses) = (Trust::new().quorum(1), Trust::new());
        Self { name: key.name().to_owned(), publication, witnesses, keys: Vec::new() }.key(key)
    }

    /// Trusts another key of the same publication too: the one before, or the one after.
    ///
    /// # Errors
    ///
    /// `store` with the code `invalid_input` for the key of a witness, or of another name.
    pub fn key(mut self, key: NoteKey) -> Result<Self> {
        if key.is_cosigner() || key.name() != self.name {
            let reason = "expected a key that signs checkpoints, with the publication's name";
            return Err(Error::invalid("key of the publication", &key.to_string(), reason));
        }
        let time = cosigner(&key)?;
        self.publication = self.publication.log_key(key.clone()).witness(time);
        self.keys.push(key);
        Ok(self)
    }

    /// Demands the cosignatures of witnesses as well: all that `trust` says about witnesses, and their quorum. Its other keys do not
    /// count.
    #[must_use]
    pub fn witnesses(self, trust: Trust) -> Self {
        Self { witnesses: trust, ..self }
    }

    /// The name of the publication.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Verifies the bytes of the head `number`.
    pub(crate) fn read(&self, number: u64, bytes: Bytes) -> Result<Head> {
        let object = layout::head(number);
        let signed = parse(&object, &bytes)?;
        let time = self.verify(&signed).map_err(|source| Error::NotSigned { object, source })?;
        Ok(Head { number, checkpoint: signed.unverified(), time, bytes })
    }

    /// Verifies the signature of the publication on a checkpoint, without time and witnesses.
    pub(crate) fn read_checkpoint(&self, object: &str, bytes: &[u8]) -> Result<Checkpoint> {
        let signed = parse(object, bytes)?;
        let own = self.publication.clone().quorum(0);
        signed.verify(&own).map_err(|source| Error::NotSigned { object: object.to_owned(), source })?;
        Ok(signed.unverified())
    }

    /// The keys of the publication, which must have signed with the time. Without the witnesses.
    pub(crate) fn of_publication(&self) -> &Trust {
        &self.publication
    }

    /// Verifies the signature of the publication, its time, and the witnesses. Returns the time.
    pub(crate) fn verify(&self, signed: &SignedCheckpoint) -> Result<Timestamp, ProofError> {
        let verified = signed.verify(&self.publication)?;
        let witnesses = self.keys.iter().fold(self.witnesses.clone(), |trust, key| trust.log_key(key.clone()));
        signed.verify(&witnesses)?;
        // The quorum of one has been found.
        let times = verified.cosigned().iter().map(|cosigned| cosigned.time);
        Ok(times.max().unwrap_or(Timestamp::EPOCH))
    }
}

fn parse(object: &str, bytes: &[u8]) -> Result<SignedCheckpoint> {
    let text = std::str::from_utf8(bytes).map_err(|problem| Error::damaged(object, problem))?;
    text.parse().map_err(|problem: ProofError| Error::damaged(object, problem))
}

/// The key of the time: the same key, under the publication's name.
fn cosigner(key: &NoteKey) -> Result<NoteKey> {
    NoteKey::cosigner(key.name(), key.as_bytes()).map_err(|error| Error::Store(error.into()))
}

/// The signature of the publication on a checkpoint.
pub(crate) fn sign(checkpoint: &Checkpoint, key: &NoteKey, signer: &dyn Signer) -> Result<SignedCheckpoint> {
    let mut signed = SignedCheckpoint::unsigned(checkpoint, key.name()).map_err(policy_store::Error::from)?;
    signed.sign_with(key, signer).map_err(policy_store::Error::from)?;
    Ok(signed)
}

/// Adds the time.
pub(crate) fn sign_time(
    signed: &mut SignedCheckpoint,
    key: &NoteKey,
    signer: &dyn Signer,
    time: Timestamp,
) -> Result<()> {
    signed.cosign(&cosigner(key)?, signer, time).map_err(|error| Error::Store(error.into()))
}

#[cfg(test)]
pub(crate) mod tests {
    use policy_store::RootHash;
    use policy_store::attestation::Ed25519Signer;

    use super::*;

    pub(crate) const NAME: &str = "example.com/policies";

    fn signer(secret: u8) -> Ed25519Signer {
        Ed25519Signer::new("k", &[secret; 32]).unwrap()
    }

    fn key(name: &str, secret: u8) -> NoteKey {
        NoteKey::ed25519(name, signer(secret).jwk().as_bytes()).unwrap()
    }

    fn checkpoint(size: u64) -> Checkpoint {
        Checkpoint { log_id: "0f".repeat(16).parse().unwrap(), size, root: RootHash([9; 32]) }
    }

    fn signed(name: &str, secret: u8) -> SignedCheckpoint {
        sign(&checkpoint(3), &key(name, secret), &signer(secret)).unwrap()
    }

    fn timed(secret: u8, seconds: i64) -> SignedCheckpoint {
        let mut signed = signed(NAME, secret);
        sign_time(&mut signed, &key(NAME, secret), &signer(secret), Timestamp::from_micros(seconds * 1_000_000))
            .unwrap();
        signed
    }

    fn read(trust: &PublicationTrust, text: &impl ToString) -> Result<Head> {
        trust.read(4, text.to_string().into())
    }

    #[test]
    fn a_head_is_signed_with_its_time() {
        let trust = PublicationTrust::new(key(NAME, 1)).unwrap();
        let head = read(&trust, &timed(1, 77)).unwrap();
        assert_eq!((head.number, head.checkpoint, head.time.as_micros()), (4, checkpoint(3), 77_000_000));
        assert_eq!(head.name(), "heads/00000000000000000004");
        let text = String::from_utf8(head.bytes.to_vec()).unwrap();
        assert_eq!(text.lines().count(), 6, "{text}");
        assert_eq!(trust.read_checkpoint("c", signed(NAME, 1).to_string().as_bytes()).unwrap(), checkpoint(3));
    }

    #[test]
    fn a_head_without_signature_or_time_is_refused_by_name() {
        let trust = PublicationTrust::new(key(NAME, 1)).unwrap();
        let mut time_of_another = signed(NAME, 1);
        sign_time(&mut time_of_another, &key(NAME, 2), &signer(2), Timestamp::EPOCH).unwrap();
        let other_root = timed(1, 77).to_string().replace("0f0f", "0e0f");
        let wrong_time = timed(1, 77).to_string().replacen("\u{2014} example.com/policies ", "\u{2014} x/y ", 1);
        for (text, code) in [
            (signed(NAME, 1).to_string(), "not_signed"),
            (time_of_another.to_string(), "not_signed"),
            (timed(2, 77).to_string(), "not_signed"),
            (signed("example.com/other", 1).to_string(), "not_signed"),
            (other_root, "not_signed"),
            (wrong_time, "not_signed"),
            (timed(1, 77).to_string().replace("\n3\n", "\n4\n"), "not_signed"),
            (timed(1, 77).to_string().replace("\n3\n", "\n03\n"), "damaged"),
            (String::new(), "damaged"),
        ] {
            let error = read(&trust, &text).unwrap_err();
            assert_eq!((error.code(), error.object()), (code, Some("heads/00000000000000000004")), "{text}");
        }
        assert_eq!(trust.read(4, vec![0xff].into()).unwrap_err().code(), "damaged");
        let unsigned = SignedCheckpoint::unsigned(&checkpoint(3), NAME).unwrap().to_string();
        assert_eq!(trust.read_checkpoint("c", unsigned.as_bytes()).unwrap_err().code(), "not_signed");
    }

    #[test]
    fn both_keys_of_a_rotation_count_and_witnesses_are_demanded() {
        let both = PublicationTrust::new(key(NAME, 1)).unwrap().key(key(NAME, 2)).unwrap();
        assert!(read(&both, &timed(1, 7)).is_ok() && read(&both, &timed(2, 7)).is_ok());
        assert_eq!(read(&both, &timed(3, 7)).unwrap_err().code(), "not_signed");
        let witness = NoteKey::cosigner("witness", signer(5).jwk().as_bytes()).unwrap();
        // A log key among the witnesses signs for no head.
        let witnesses = Trust::new().witness(witness.clone()).log_key(key(NAME, 3)).quorum(1);
        let trust = both.witnesses(witnesses);
        assert_eq!(read(&trust, &timed(1, 7)).unwrap_err().code(), "not_signed");
        let mut cosigned = timed(1, 7);
        cosigned.cosign(&witness, &signer(5), Timestamp::from_micros(99_000_000)).unwrap();
        // The time is that of the publication.
        assert_eq!(read(&trust, &cosigned).unwrap().time.as_micros(), 7_000_000);
        let mut cosigned = timed(3, 7);
        cosigned.cosign(&witness, &signer(5), Timestamp::EPOCH).unwrap();
        assert_eq!(read(&trust, &cosigned).unwrap_err().code(), "not_signed");
        let error = PublicationTrust::new(witness).unwrap_err();
        assert_eq!(error.code(), "store");
        assert!(PublicationTrust::new(key(NAME, 1)).unwrap().key(key("other", 1)).is_err());
    }
}
