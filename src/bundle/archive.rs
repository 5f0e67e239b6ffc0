//! The members of a bundle's archive: their names, each at most once, and their limits. Does not read the manifest.

use std::collections::BTreeMap;

use super::gzip::{self, Unpacker};
use super::tar::{BLOCK, Header, Kind, NAME};
use crate::types::error::{Error, ErrorDetail, Result, at_most};
use crate::types::limits;

pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const SCHEMA: &str = "schema.cedarschema";
const POLICIES: &str = "policies/";
const SUFFIX: &str = ".cedar";

const _: () = assert!(limits::BUNDLE_NEW_POLICY_BYTES + SUFFIX.len() == NAME, "a new policy's file has a name");
const _: () = assert!(POLICIES.len() + limits::ID_CHARS + SUFFIX.len() <= NAME, "every policy's file has a name");

/// The size of the largest archive: the contents with padding and headers, and the end blocks.
const LARGEST: usize = limits::BUNDLE_MANIFEST_BYTES
    + limits::SCHEMA_BYTES
    + limits::MANIFEST_ENTRIES * (BLOCK + limits::POLICY_TEXT_BYTES)
    + 4 * BLOCK;
// Incompressible data grows by 5 bytes in some thousand.
const _: () = assert!(LARGEST + LARGEST / 100 < limits::BUNDLE_BYTES, "what is written can be read");

/// The contents of the members.
#[derive(Debug, Default)]
pub(super) struct Members {
    pub manifest: Option<String>,
    /// Ignored when the bundle is applied, so it may be any bytes.
    pub schema: Option<Vec<u8>>,
    /// The policies, by the names of their files without folder and suffix.
    pub policies: BTreeMap<String, String>,
}

/// The name of the member with a policy's text.
pub(super) fn policy_file(key: &str) -> String {
    format!("{POLICIES}{key}{SUFFIX}")
}

/// Packs members in the given order.
pub(super) fn write<'a>(members: impl IntoIterator<Item = (String, &'a str)>) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, content) in members {
        archive.extend(Header { kind: Kind::File, name, size: content.len() as u64 }.write());
        archive.extend_from_slice(content.as_bytes());
        archive.resize(archive.len().next_multiple_of(BLOCK), 0);
    }
    archive.resize(archive.len() + 2 * BLOCK, 0);
    gzip::pack(&archive)
}

impl Members {
    /// Unpacks a whole archive. Refuses unknown files and skips directories.
    pub(super) fn read(packed: &[u8]) -> Result<Self> {
        let mut archive = Unpacker::new(packed)?;
        let mut members = Self::default();
        let mut block = [0; BLOCK];
        loop {
            if archive.fill(&mut block)? < BLOCK {
                return Err(ErrorDetail::bundle(None, "archive is cut short: end blocks are missing"));
            }
            if block == [0; BLOCK] {
                return only_zeros(&mut archive).map(|()| members);
            }
            let header = Header::read(&block)?;
            members.take(header, &mut archive)?;
        }
    }

    fn take(&mut self, header: Header, archive: &mut Unpacker<'_>) -> Result<()> {
        let Header { kind, name, size } = header;
        match kind {
            Kind::Pax => return check_pax(&name, &text(&name, size, PAX_BYTES, archive)?),
            Kind::Directory => return check_directory(&name, size),
            Kind::File => {}
        }
        let path = without_dot(&name);
        let twice = || ErrorDetail::bundle(Some(&name), "duplicate member");
        if path == MANIFEST {
            if self.manifest.is_some() {
                return Err(twice());
            }
            self.manifest = Some(text(&name, size, limits::BUNDLE_MANIFEST_BYTES, archive)?);
        } else if path == SCHEMA {
            if self.schema.is_some() {
                return Err(twice());
            }
            self.schema = Some(content(&name, size, limits::SCHEMA_BYTES, archive)?);
        } else {
            let key = policy_key(path).map_err(|reason| ErrorDetail::bundle(Some(&name), reason))?;
            if self.policies.contains_key(key) {
                return Err(twice());
            }
            at_most("policies of the policy bundle", self.policies.len() + 1, limits::MANIFEST_ENTRIES)?;
            let cedar_raw = text(&name, size, limits::POLICY_TEXT_PRINTED_BYTES, archive)?;
            self.policies.insert(key.to_owned(), cedar_raw);
        }
        Ok(())
    }
}

/// Limit on one pax header, in bytes.
const PAX_BYTES: usize = 4 * 1024;
/// The allowed keys of a pax header: times and owners, which are ignored. Any other key could change a name or a size.
const PAX_KEYS: [&str; 7] = ["atime", "ctime", "gid", "gname", "mtime", "uid", "uname"];

/// Refuses a pax header with anything but times and owners, which some programs write for every file.
fn check_pax(name: &str, mut records: &str) -> Result<()> {
    while !records.is_empty() {
        // A record: its length in decimal, with these digits included; a space; the key; `=`; the value; a newline.
        let length = records.split_once(' ').and_then(|(length, _)| length.parse().ok());
        let record = length.and_then(|length| records.split_at_checked(length));
        let Some((record, rest)) = record.filter(|(record, _)| record.ends_with('\n')) else {
            return Err(ErrorDetail::bundle(Some(name), "malformed extended header"));
        };
        let key = record.split_once(' ').and_then(|(_, record)| record.split_once('=')).map(|(key, _)| key);
        if !key.is_some_and(|key| PAX_KEYS.contains(&key)) {
            let reason = "an extended header that says more than times and owners is refused: write the archive in the \
                          ustar format";
            return Err(ErrorDetail::bundle(Some(name), reason));
        }
        records = rest;
    }
    Ok(())
}

/// The name without the `./` that an archive of the folder `.` has before each name. Removes one only, so each file has
/// exactly one other spelling. The check for duplicates compares the results.
fn without_dot(name: &str) -> &str {
    name.strip_prefix("./").unwrap_or(name)
}

/// Refuses a directory outside the bundle's folder, one with the name of a file of the bundle, and one with content.
/// Skips others.
fn check_directory(name: &str, size: u64) -> Result<()> {
    let path = name.strip_suffix('/').unwrap_or(name);
    // The packed folder itself.
    if path != "." {
        let path = without_dot(path);
        if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(ErrorDetail::bundle(Some(name), "name of a directory must be a path within the bundle"));
        }
        if path == MANIFEST || path == SCHEMA || policy_key(path).is_ok() {
            return Err(ErrorDetail::bundle(Some(name), "expected a file, found a directory"));
        }
    }
    if size > 0 { Err(ErrorDetail::bundle(Some(name), "a directory must have no content")) } else { Ok(()) }
}

/// The key in the name of a policy's member. Names are compared as text, not resolved as paths: `././manifest.json` is
/// unknown.
fn policy_key(name: &str) -> Result<&str, &'static str> {
    let key = name.strip_prefix(POLICIES).and_then(|file| file.strip_suffix(SUFFIX));
    key.filter(|key| !key.is_empty() && !key.contains('/')).ok_or(
        "unknown member: expected `manifest.json`, `schema.cedarschema` or `policies/<id>.cedar`, with or \
         without a leading `./`",
    )
}

/// Reads a member's content, up to the limit.
fn content(name: &str, size: u64, limit: usize, archive: &mut Unpacker<'_>) -> Result<Vec<u8>> {
    let bytes = usize::try_from(size).unwrap_or(usize::MAX);
    if bytes > limit {
        return Err(ErrorDetail::member_too_large(name, limit, bytes));
    }
    let cut_short = || ErrorDetail::bundle(Some(name), "archive is cut short within this member");
    let mut content = vec![0; bytes];
    let mut filler = [0; BLOCK];
    let filler = filler.get_mut(..bytes.next_multiple_of(BLOCK) - bytes).unwrap_or_default();
    if archive.fill(&mut content)? < bytes || archive.fill(filler)? < filler.len() {
        return Err(cut_short());
    }
    Ok(content)
}

fn text(name: &str, size: u64, limit: usize, archive: &mut Unpacker<'_>) -> Result<String> {
    let content = content(name, size, limit, archive)?;
    String::from_utf8(content).map_err(|_| ErrorDetail::bundle(Some(name), "expected UTF-8"))
}

/// Requires a second block of zeros, and nothing but zeros until the end.
fn only_zeros(archive: &mut Unpacker<'_>) -> Result<()> {
    let refuse = |reason| -> Result<(), Error> { Err(ErrorDetail::bundle(None, reason)) };
    let mut block = [0; BLOCK];
    let mut blocks = 1_usize;
    loop {
        let filled = archive.fill(&mut block)?;
        if block.iter().take(filled).any(|byte| *byte != 0) {
            return refuse("unexpected data after the end of the archive");
        }
        blocks += filled / BLOCK;
        if filled < BLOCK {
            return if blocks < 2 { refuse("archive is cut short: end blocks are missing") } else { Ok(()) };
        }
    }
}
