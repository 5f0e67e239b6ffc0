//! The layouts, their keys, and versions with generated content.

use crate::*;

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Layout {
    Objects,
    Inline,
    TextInline,
    SmallInline,
    OneObject,
}

impl Layout {
    pub(crate) const ALL: [Self; 5] =
        [Self::Objects, Self::Inline, Self::TextInline, Self::SmallInline, Self::OneObject];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Objects => "A: objects",
            Self::Inline => "B: inline",
            Self::TextInline => "C: text inline",
            Self::SmallInline => "D: ≤ 1 KiB inline",
            Self::OneObject => "E: one object",
        }
    }

    pub(crate) fn text_inline(self, text: &[u8]) -> bool {
        matches!(self, Self::Inline | Self::TextInline) || self == Self::SmallInline && text.len() <= 1024
    }

    pub(crate) fn json_inline(self, json: &[u8]) -> bool {
        self == Self::Inline || self == Self::SmallInline && json.len() <= 1024
    }
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Indexing {
    OneTable,
    FiveTables,
    SecondVersionIndex,
}

impl Indexing {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::OneTable => "one table, one version index",
            Self::FiveTables => "five tables, one version index",
            Self::SecondVersionIndex => "one table, two version indexes",
        }
    }

    pub(crate) fn tables(self) -> impl Iterator<Item = Definition> {
        INDEXES.into_iter().take(if self == Self::FiveTables { 5 } else { 1 })
    }
}

/// The tag in a row's key. With five tables it also chooses the table.
#[derive(Clone, Copy)]
pub(crate) enum Tag {
    VersionNumber = 0,
    VersionId = 1,
    PolicyState = 2,
    Count = 3,
    Request = 4,
    VersionCreated = 5,
}

pub(crate) fn row_key(log: u32, tag: Tag, parts: &[&[u8]]) -> Vec<u8> {
    [&log.to_be_bytes()[..], &[tag as u8], &parts.concat()].concat()
}

pub(crate) fn number_key(log: u32, policy: &str, number: u32) -> Vec<u8> {
    row_key(log, Tag::VersionNumber, &[policy.as_bytes(), &[0], &number.to_be_bytes()])
}

pub(crate) fn log_key(log: u32, position: u64) -> Vec<u8> {
    [&log.to_be_bytes()[..], &position.to_be_bytes()].concat()
}

/// The last eight bytes of an index row.
pub(crate) fn check(key: &[u8], value: &[u8]) -> Result<[u8; 8]> {
    let hash = blake3::Hasher::new().update(key).update(value).finalize();
    Ok(*hash.as_bytes().first_chunk().ok_or("a hash has 32 bytes")?)
}

pub(crate) const TEXT: u8 = 1;
pub(crate) const JSON: u8 = 2;
pub(crate) const TEXT_AND_JSON: u8 = 3;

pub(crate) fn address(kind: u8, plain: &[u8]) -> [u8; 32] {
    *blake3::Hasher::new().update(&[kind]).update(plain).finalize().as_bytes()
}

pub(crate) struct Content {
    pub(crate) text: Vec<u8>,
    pub(crate) json: Vec<u8>,
}

impl Content {
    pub(crate) fn new(n: usize, text_length: usize) -> Self {
        Self { text: printable("text", n, text_length), json: printable("json", n, text_length * 5 / 2) }
    }
}

pub(crate) struct NewVersion {
    pub(crate) log: u32,
    pub(crate) policy: String,
    pub(crate) id: String,
    pub(crate) number: u32,
    pub(crate) content: Rc<Content>,
}

impl NewVersion {
    pub(crate) fn new(log: u32, policy: usize, number: u32, content: &Rc<Content>) -> Self {
        let id = uuid("version", log, policy, number);
        Self { log, policy: policy_id(log, policy), id, number, content: content.clone() }
    }
}

pub(crate) fn policy_id(log: u32, policy: usize) -> String {
    uuid("policy", log, policy, 0)
}

/// An id with the length of a UUIDv7. Later versions sort after earlier ones.
pub(crate) fn uuid(kind: &str, log: u32, policy: usize, number: u32) -> String {
    let hash = blake3::hash(format!("{kind} {log} {policy} {number}").as_bytes()).to_hex();
    let random: String = hash.chars().take(12).collect();
    format!("{:08x}-{:04x}-7{:03x}-8{:03x}-{random}", 0x0194_0000 + number, log & 0xffff, log >> 16, policy & 0xfff)
}

pub(crate) fn printable(kind: &str, n: usize, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(format!("{kind} {n}").as_bytes()).finalize_xof().fill(&mut bytes);
    for byte in &mut bytes {
        *byte = b' ' + (*byte & 63);
    }
    bytes
}
