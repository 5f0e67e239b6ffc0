//! The kinds of content, and the hashes that name it. Does not know the bytes of content.

use crate::types::hash::Sha256;
use crate::types::syntax::Syntax;

/// The kinds of content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ContentKind {
    /// A policy version's Cedar text, and its JSON.
    Forms = 1,
    /// A policy set version's manifest, as canonical JSON (RFC 8785).
    Manifest = 2,
    /// A schema in Cedar's syntax.
    SchemaText = 3,
    /// A schema in JSON.
    SchemaJson = 4,
    /// Cedar's warnings about a policy version, as a JSON array.
    Warnings = 5,
    /// An attestation of a policy set version: a JWS in flattened JSON.
    Attestation = 6,
    /// A test suite of a policy set version.
    TestSuite = 7,
}

impl ContentKind {
    /// Every kind, by its number.
    pub const ALL: [Self; 7] = [
        Self::Forms,
        Self::Manifest,
        Self::SchemaText,
        Self::SchemaJson,
        Self::Warnings,
        Self::Attestation,
        Self::TestSuite,
    ];

    /// The kind of a schema in `syntax`.
    pub fn of_schema(syntax: Syntax) -> Self {
        match syntax {
            Syntax::Cedar => Self::SchemaText,
            Syntax::Json => Self::SchemaJson,
        }
    }

    pub fn numbered(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == number)
    }
}

/// The hashes of a piece of content: of its text, and of the JSON of a policy version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentId {
    pub kind: u8,
    pub sha: Sha256,
    pub json: Option<Sha256>,
}

/// The key of content in the file: its kind and the start of its address.
pub type ContentKey = [u8; 17];

impl ContentId {
    /// Content of one text.
    pub fn one(kind: ContentKind, sha: Sha256) -> Self {
        Self { kind: kind as u8, sha, json: None }
    }

    /// The text and the JSON of a policy version.
    pub fn forms(text: Sha256, json: Sha256) -> Self {
        Self { kind: ContentKind::Forms as u8, sha: text, json: Some(json) }
    }

    /// The hash of the JSON of a policy version; other content has none, and its text's hash stands for it.
    pub fn json_sha(&self) -> Sha256 {
        self.json.unwrap_or(self.sha)
    }

    /// The address of one text is its SHA-256, that of two the SHA-256 of both hashes.
    pub fn address(&self) -> Sha256 {
        match self.json {
            None => self.sha,
            Some(json) => Sha256::of(&[self.sha.0, json.0].concat()),
        }
    }

    /// The start of the address, as the file has it.
    pub fn key(&self) -> ContentKey {
        let mut key = [self.kind; 17];
        key.iter_mut().skip(1).zip(self.address().0).for_each(|(byte, of_address)| *byte = of_address);
        key
    }
}
