//! Content: texts that entries name by their SHA-256. Each is stored once, in the order in which it was first written.
//!
//! The text and the JSON of a policy version are one piece of content, in one LZ4 block: they have most of their words
//! in common. A block refers to a dictionary of words that most policies have. Does not know which entries name content.

use policy_store_verify::record::{ContentId, ContentKind};

use crate::types::hash::Sha256;
use crate::types::limits;

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
    use crate::record::edits::{edited, edits};
    use crate::types::hash::hex;

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

        /// Other bytes are other content, or none: blocks of LZ4 have several forms, and the hash is over the plain bytes.
        #[test]
        fn content_is_found_only_under_its_own_hashes(text in "\\PC{0,40}", kind in 0..ContentKind::ALL.len(), edits in edits()) {
            let kind = ContentKind::ALL[kind];
            let PackedContent { id, value } = Content::one(kind, &text).pack();
            for other in ContentKind::ALL {
                let named = ContentId::one(other, id.sha);
                let plain = Plain::unpack(&value).unwrap();
                prop_assert_eq!(plain.text(&named).ok(), (other == kind).then_some(text.as_str()));
            }
            if let Ok(plain) = Plain::unpack(&edited(&value, &edits)) {
                prop_assert_eq!(plain.text(&id).is_ok(), plain.parts().0 == text && plain.id().key()[0] == id.key()[0]);
            }
        }
    }

    /// The address of one text is its SHA-256, that of a version's text and JSON the SHA-256 of both hashes.
    #[test]
    fn every_kind_of_content_has_its_address() {
        let forms = Content::forms(PERMIT, EMPTY_SET).pack().id;
        let both: Sha256 = "afa0a35e107a51b4761fdf8e9f8660469f5faa666cb7f40a6cb70ffa8d2d70ea".parse().unwrap();
        assert_eq!(forms.key(), *[[1].as_slice(), &both.0[..16]].concat().first_chunk().unwrap());
        let pins = [
            (2, r#"{"entries":[]}"#, "d801aa1fb7ddcc330a5e3173372ea6af4a3d08ec58074478e85aa5603e926658"),
            (3, r#"entity User;"#, "22d33efcba662fcf0a791c8e32abe3aaab0487cbc2c6a86575c6d0b9a02fbd8f"),
            (4, r#"{}"#, "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"),
            (5, r#"[]"#, "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"),
            (6, r#"{}"#, "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"),
            (7, r#"[]"#, "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"),
        ];
        assert_eq!(pins.len() + 1, ContentKind::ALL.len());
        for ((number, text, sha), kind) in pins.into_iter().zip(ContentKind::ALL.into_iter().skip(1)) {
            let id = ContentId::one(kind, sha.parse().unwrap());
            assert_eq!(id.key(), *[[number].as_slice(), &id.sha.0[..16]].concat().first_chunk().unwrap());
            assert_eq!(Content::one(kind, text).pack().id, id, "{kind:?} has another hash");
            // Its kind, the encoding, the lengths of the text and of the JSON, and the text.
            let length = u8::try_from(text.len()).unwrap();
            let plain = [&[number, 0, 0, 0, 0, length, 0, 0, 0, 0], text.as_bytes()].concat();
            assert_eq!(Plain::unpack(&plain).unwrap().text(&id), Ok(text), "{kind:?} is stored otherwise");
        }
    }

    const PERMIT: &str = "permit(principal, action, resource);";
    const EMPTY_SET: &str = r#"{"staticPolicies":{},"templates":{},"templateLinks":[]}"#;

    /// Another release of the compressor may pack otherwise. What is packed must be read for ever.
    #[test]
    fn a_packed_block_is_read_for_ever() {
        let packed: [u8; 42] =
            hex::decode("010100000024000000370c07050f3205001f3bc50200075b00013501065700a04c696e6b73223a5b5d7d")
                .unwrap();
        assert_eq!(Plain::unpack(&packed).unwrap().parts(), (PERMIT, EMPTY_SET));
    }
}
