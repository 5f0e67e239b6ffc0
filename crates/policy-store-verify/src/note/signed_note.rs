//! A signed note: a text, a blank line, and signature lines. Does not verify signatures.

use std::fmt;
use std::str::FromStr;

use base64ct::{Base64, Encoding};

use crate::proof::ProofError;
use crate::types::limits;

const WHAT: &str = "signed note";

/// A text with signatures by named keys (C2SP signed-note). Its `Display` is the note, and it parses from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedNote {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// A signature line of a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    /// The name of the key.
    pub name: String,
    /// The id of the key.
    pub key_id: u32,
    /// The signature, as its type encodes it.
    pub signature: Vec<u8>,
}

impl SignedNote {
    /// A note without signatures.
    ///
    /// # Errors
    ///
    /// [`Malformed`](ProofError::Malformed) for a text that does not end in a newline, or has other control characters;
    /// [`TooLarge`](ProofError::TooLarge) for one over [`NOTE_BYTES`](limits::NOTE_BYTES).
    pub fn new(text: impl Into<String>) -> Result<Self, ProofError> {
        let text = text.into();
        ProofError::at_most(WHAT, text.len(), limits::NOTE_BYTES)?;
        if !text.ends_with('\n') || has_control_characters(&text) {
            return Err(ProofError::malformed(WHAT, "text must end in a newline and have no other control characters"));
        }
        Ok(Self { text, signatures: Vec::new() })
    }

    /// The text, with its last newline.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures, in their order.
    #[must_use]
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Adds a signature, unless the note has it.
    ///
    /// # Errors
    ///
    /// [`Malformed`](ProofError::Malformed) for a name that no key has, and for an empty signature: nobody could read the
    /// line; [`TooLarge`](ProofError::TooLarge) over [`NOTE_SIGNATURES`](limits::NOTE_SIGNATURES) or
    /// [`NOTE_BYTES`](limits::NOTE_BYTES).
    pub fn add(&mut self, signature: NoteSignature) -> Result<(), ProofError> {
        if self.signatures.contains(&signature) {
            return Ok(());
        }
        if !signature.is_readable() {
            return Err(ProofError::malformed("signature line", "expected the name of a key, and a signature"));
        }
        ProofError::at_most("signatures of the note", self.signatures.len() + 1, limits::NOTE_SIGNATURES)?;
        let bytes = self.to_string().len() + signature.to_string().len();
        ProofError::at_most(WHAT, bytes, limits::NOTE_BYTES)?;
        self.signatures.push(signature);
        Ok(())
    }
}

impl fmt::Display for SignedNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| signature.fmt(f))
    }
}

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [self.key_id.to_be_bytes().as_slice(), &self.signature].concat();
        writeln!(f, "— {} {}", self.name, Base64::encode_string(&bytes))
    }
}

impl FromStr for SignedNote {
    type Err = ProofError;

    /// Reads a note. It may have no signature yet.
    ///
    /// # Errors
    ///
    /// [`Malformed`](ProofError::Malformed) or [`TooLarge`](ProofError::TooLarge).
    fn from_str(note: &str) -> Result<Self, ProofError> {
        ProofError::at_most(WHAT, note.len(), limits::NOTE_BYTES)?;
        // The blank line is the last one.
        let end = note.rfind("\n\n").ok_or_else(|| ProofError::malformed(WHAT, "missing blank line"))?;
        let (text, signatures) = note.split_at_checked(end + 1).unwrap_or((note, ""));
        let mut read = Self::new(text)?;
        for (line, number) in signatures.split_inclusive('\n').skip(1).zip(1_usize..) {
            ProofError::at_most("signatures of the note", number, limits::NOTE_SIGNATURES)?;
            let wrong = || ProofError::malformed(WHAT, format_args!("signature line {number}"));
            read.signatures.push(NoteSignature::of_line(line).ok_or_else(wrong)?);
        }
        Ok(read)
    }
}

impl NoteSignature {
    /// Reads a signature line with its newline. Only its one form is accepted.
    fn of_line(line: &str) -> Option<Self> {
        let (name, signature) = line.strip_prefix("— ")?.strip_suffix('\n')?.split_once(' ')?;
        let bytes = Base64::decode_vec(signature).ok()?;
        let (key_id, signature) = bytes.split_first_chunk::<4>()?;
        let (name, key_id) = (name.to_owned(), u32::from_be_bytes(*key_id));
        Some(Self { name, key_id, signature: signature.to_vec() }).filter(Self::is_readable)
    }

    /// Whether its line can be read.
    fn is_readable(&self) -> bool {
        is_key_name(&self.name) && !self.signature.is_empty()
    }
}

impl FromStr for NoteSignature {
    type Err = ProofError;

    /// Reads a signature line, as a witness returns it.
    ///
    /// # Errors
    ///
    /// [`Malformed`](ProofError::Malformed) or [`TooLarge`](ProofError::TooLarge).
    fn from_str(line: &str) -> Result<Self, ProofError> {
        ProofError::at_most("signature line", line.len(), limits::NOTE_BYTES)?;
        Self::of_line(line)
            .ok_or_else(|| ProofError::malformed("signature line", "expected `— name base64` and a newline"))
    }
}

/// Whether a text can be the name of a key.
pub(super) fn is_key_name(name: &str) -> bool {
    let allowed = |c: char| !c.is_whitespace() && !c.is_control() && c != '+';
    !name.is_empty() && name.len() <= limits::KEY_ID_BYTES && name.chars().all(allowed)
}

fn has_control_characters(text: &str) -> bool {
    text.bytes().any(|byte| byte < b' ' && byte != b'\n')
}
