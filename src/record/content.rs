//! Content: texts that entries name by their SHA-256. Each is stored once, in the order in which it was first written.
//!
//! The text and the JSON of a policy version are one piece of content, in one LZ4 block: they have most of their words
//! in common. A block refers to a dictionary of words that most policies have. Does not know which entries name content.

use crate::types::hash::Sha256;
use crate::types::limits;
use crate::types::syntax::Syntax;

/// The kinds of content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum ContentKind {
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
}

impl ContentKind {
    /// Every kind, by its number.
    pub(crate) const ALL: [Self; 6] =
        [Self::Forms, Self::Manifest, Self::SchemaText, Self::SchemaJson, Self::Warnings, Self::Attestation];

    /// The kind of a schema in `syntax`.
    pub(crate) fn of_schema(syntax: Syntax) -> Self {
        match syntax {
            Syntax::Cedar => Self::SchemaText,
            Syntax::Json => Self::SchemaJson,
        }
    }

    fn numbered(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == number)
    }
}

/// The hashes of a piece of content: of its text, and of the JSON of a policy version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ContentId {
    kind: u8,
    pub sha: Sha256,
    json: Option<Sha256>,
}

/// The key of content in the file: its kind and the start of its address.
pub(crate) type ContentKey = [u8; 17];

impl ContentId {
    /// Content of one text.
    pub(crate) fn one(kind: ContentKind, sha: Sha256) -> Self {
        Self { kind: kind as u8, sha, json: None }
    }

    /// The text and the JSON of a policy version.
    pub(crate) fn forms(text: Sha256, json: Sha256) -> Self {
        Self { kind: ContentKind::Forms as u8, sha: text, json: Some(json) }
    }

    /// The hash of the JSON of a policy version; other content has none, and its text's hash stands for it.
    pub(crate) fn json_sha(&self) -> Sha256 {
        self.json.unwrap_or(self.sha)
    }

    /// The address of one text is its SHA-256, that of two the SHA-256 of both hashes.
    pub(crate) fn key(&self) -> ContentKey {
        let address = match self.json {
            None => self.sha,
            Some(json) => Sha256::of(&[self.sha.0, json.0].concat()),
        };
        let mut key = [self.kind; 17];
        key.iter_mut().skip(1).zip(address.0).for_each(|(byte, of_address)| *byte = of_address);
        key
    }
}

/// A piece of content. All content is UTF-8.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Content<'a> {
    kind: ContentKind,
    text: &'a str,
    json: &'a str,
}

/// Content as it is stored, with its hashes.
#[derive(Clone, Debug)]
pub(crate) struct PackedContent {
    pub id: ContentId,
    pub value: Vec<u8>,
}

/// Content that was read: its text, and the JSON of a policy version after it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plain {
    kind: ContentKind,
    both: String,
    /// Where the JSON begins.
    split: usize,
}

/// The payload is the plain bytes.
const PLAIN: u8 = 0;
/// The payload is an LZ4 block that refers to [`DICTIONARY`].
const LZ4: u8 = 1;
/// Dictionary 1, made by `scripts/dictionary.py`. It never changes; another one gets another encoding.
const DICTIONARY: &[u8] = include_bytes!("dictionary-1.txt");
/// Kind, encoding, bytes of the text, bytes of the JSON.
const HEADER: usize = 10;

impl<'a> Content<'a> {
    /// Content of one text.
    pub(crate) fn one(kind: ContentKind, text: &'a str) -> Self {
        Self { kind, text, json: "" }
    }

    /// The text and the JSON of a policy version.
    pub(crate) fn forms(text: &'a str, json: &'a str) -> Self {
        Self { kind: ContentKind::Forms, text, json }
    }

    /// Hashes it, and packs it if that makes it smaller.
    pub(crate) fn pack(&self) -> PackedContent {
        let plain = [self.text.as_bytes(), self.json.as_bytes()].concat();
        let packed = lz4_flex::block::compress_with_dict(&plain, DICTIONARY);
        let (encoding, payload) = if packed.len() < plain.len() { (LZ4, packed) } else { (PLAIN, plain) };
        let length = |text: &str| u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes();
        let header = [&[self.kind as u8, encoding], length(self.text).as_slice(), &length(self.json)].concat();
        let sha = Sha256::of(self.text.as_bytes());
        let id = match self.kind {
            ContentKind::Forms => ContentId::forms(sha, Sha256::of(self.json.as_bytes())),
            kind => ContentId::one(kind, sha),
        };
        PackedContent { id, value: [header, payload].concat() }
    }
}

impl Plain {
    /// Unpacks a stored value. Checks the lengths before it allocates. Does not compare hashes.
    pub(crate) fn unpack(value: &[u8]) -> Result<Self, String> {
        let Some((&[kind, encoding, a, b, c, d, e, f, g, h], payload)) = value.split_first_chunk::<HEADER>() else {
            return Err("too short for content".to_owned());
        };
        let kind = ContentKind::numbered(kind).ok_or_else(|| format!("unknown kind of content {kind}"))?;
        let [split, json] = [[a, b, c, d], [e, f, g, h]].map(|length| u32::from_be_bytes(length) as usize);
        let length = split.saturating_add(json);
        if length > limits::CONTENT_BYTES {
            return Err(format!("too large: {length} bytes, limit {}", limits::CONTENT_BYTES));
        }
        if json > 0 && kind != ContentKind::Forms {
            return Err("only a policy version has two forms".to_owned());
        }
        let bytes = match encoding {
            PLAIN => payload.to_vec(),
            LZ4 => {
                let mut bytes = vec![0; length];
                let written = lz4_flex::block::decompress_into_with_dict(payload, &mut bytes, DICTIONARY);
                bytes.truncate(written.map_err(|error| error.to_string())?);
                bytes
            }
            encoding => return Err(format!("unknown encoding {encoding}")),
        };
        if bytes.len() != length {
            return Err(format!("has {} bytes, expected {length}", bytes.len()));
        }
        let both = String::from_utf8(bytes).map_err(|error| error.to_string())?;
        if !both.is_char_boundary(split) {
            return Err("text ends within a character".to_owned());
        }
        Ok(Self { kind, both, split })
    }

    /// The text, and the JSON of a policy version.
    pub(crate) fn parts(&self) -> (&str, &str) {
        self.both.split_at_checked(self.split).unwrap_or((&self.both, ""))
    }

    /// The same, to pack it again.
    pub(crate) fn content(&self) -> Content<'_> {
        let (text, json) = self.parts();
        Content { kind: self.kind, text, json }
    }

    /// The hashes of all of it.
    pub(crate) fn id(&self) -> ContentId {
        let (text, json) = self.parts();
        let sha = Sha256::of(text.as_bytes());
        match self.kind {
            ContentKind::Forms => ContentId::forms(sha, Sha256::of(json.as_bytes())),
            kind => ContentId::one(kind, sha),
        }
    }

    /// The text, if its hash is the one of `id`.
    pub(crate) fn text(&self, id: &ContentId) -> Result<&str, String> {
        self.part(id, self.parts().0, Some(id.sha))
    }

    /// The JSON of a policy version, if its hash is the one of `id`.
    pub(crate) fn json(&self, id: &ContentId) -> Result<&str, String> {
        self.part(id, self.parts().1, id.json)
    }

    fn part<'a>(&self, id: &ContentId, part: &'a str, sha: Option<Sha256>) -> Result<&'a str, String> {
        if self.kind as u8 == id.kind && Some(Sha256::of(part.as_bytes())) == sha {
            Ok(part)
        } else {
            Err("content does not match its hash".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_dictionary_never_changes() {
        let sha = Sha256::of(DICTIONARY).to_string();
        assert_eq!(sha, "eb1153abd45de7a2d264e500bb5f3ccb073378658abbd1d66378bcd724ccf45c");
    }

    #[test]
    fn only_the_very_bytes_are_read_back() {
        let PackedContent { id, value } = Content::one(ContentKind::Manifest, "{}").pack();
        assert_eq!(value, b"\x02\0\0\0\0\x02\0\0\0\0{}");
        let read = |value: &[u8]| Plain::unpack(value)?.text(&id).map(str::to_owned);
        assert_eq!(read(&value).unwrap(), "{}");
        for wrong in [
            b"".as_slice(),
            b"\x02\0\0\0\0\x02\0\0\0\0{",
            b"\x02\0\0\0\0\x02\0\0\0\0{} ",
            b"\x02\0\0\0\0\x02\0\0\0\0[]",
            b"\x02\0\0\0\0\x02\0\0\0\0\xff\xff",
            b"\x02\x02\0\0\0\x02\0\0\0\0{}",
            b"\x03\0\0\0\0\x02\0\0\0\0{}",
            b"\x09\0\0\0\0\x02\0\0\0\0{}",
            b"\x02\0\0\0\0\x01\0\0\0\x01{}",
        ] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_two_forms_of_a_version_are_checked_apart() {
        let PackedContent { id, value } = Content::forms("permit(principal, action, resource);", "{\"é\":1}").pack();
        let plain = Plain::unpack(&value).unwrap();
        assert_eq!(plain.parts(), ("permit(principal, action, resource);", "{\"é\":1}"));
        assert_eq!((plain.id(), plain.json(&id).unwrap()), (id, "{\"é\":1}"));
        let other = ContentId::forms(id.sha, id.sha);
        assert!(plain.text(&other).is_ok() && plain.json(&other).is_err());
        assert!(plain.text(&ContentId::one(ContentKind::SchemaText, id.sha)).is_err());
        // The split within `é`.
        let mut shifted = value;
        shifted[5] += 3;
        shifted[9] -= 3;
        assert!(Plain::unpack(&shifted).is_err());
    }

    /// A block of a few bytes can announce any length.
    #[test]
    fn a_length_is_checked_before_it_is_allocated() {
        let huge = [&[2, LZ4], 0xffff_ffff_u32.to_be_bytes().as_slice(), &[0; 4], &[0; 20]].concat();
        assert!(Plain::unpack(&huge).unwrap_err().contains("too large"));
        let both = [&[1, PLAIN], 0xffff_ffff_u32.to_be_bytes().as_slice(), &[0xff; 4]].concat();
        assert!(Plain::unpack(&both).unwrap_err().contains("too large"));
    }

    proptest! {
        #[test]
        fn all_content_is_read_back(text in "\\PC{0,300}", json in "(\\{\"staticPolicies\":)?\\PC{0,300}") {
            let PackedContent { id, value } = Content::forms(&text, &json).pack();
            let plain = Plain::unpack(&value).unwrap();
            prop_assert_eq!(plain.parts(), (text.as_str(), json.as_str()));
            prop_assert_eq!(plain.id(), id);
        }

        #[test]
        fn no_bytes_make_unpacking_panic(value in proptest::collection::vec(any::<u8>(), 0..200), lz4 in any::<bool>()) {
            let header = [1, u8::from(lz4), 0, 0, 1, 0, 0, 0, 0, 9];
            let _ = Plain::unpack(&value);
            let _ = Plain::unpack(&[header.as_slice(), &value].concat());
        }
    }
}
