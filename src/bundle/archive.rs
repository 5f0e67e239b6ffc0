//! The members of a bundle's archive: which names there may be, each once, each within its limit. What the manifest says
//! of them is not known here.

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

/// The largest archive: its contents, each filled up and with its header, and its end.
const LARGEST: usize = limits::BUNDLE_MANIFEST_BYTES
    + limits::SCHEMA_BYTES
    + limits::MANIFEST_ENTRIES * (BLOCK + limits::POLICY_TEXT_BYTES)
    + 4 * BLOCK;
// What cannot be compressed grows by 5 bytes in some thousand.
const _: () = assert!(LARGEST + LARGEST / 100 < limits::BUNDLE_BYTES, "what is written can be read");

/// What the members hold.
#[derive(Debug, Default)]
pub(super) struct Members {
    pub manifest: Option<String>,
    /// Means nothing, so that it may be any bytes.
    pub schema: Option<Vec<u8>>,
    /// The policies by their keys: the names of their files without folder and ending.
    pub policies: BTreeMap<String, String>,
}

/// The name of the member with a policy's text.
pub(super) fn policy_file(key: &str) -> String {
    format!("{POLICIES}{key}{SUFFIX}")
}

/// Packs members, in the order given.
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
    /// Unpacks an archive to its end. Every file in it is one that is known; only directories are skipped.
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

/// Bytes of one pax header.
const PAX_BYTES: usize = 4 * 1024;
/// What a pax header may say: times and owners, which mean nothing here. Everything else could change a name or a size.
const PAX_KEYS: [&str; 7] = ["atime", "ctime", "gid", "gname", "mtime", "uid", "uname"];

/// Refuses a pax header that says more than times and owners: some programs write one for every file.
fn check_pax(name: &str, mut records: &str) -> Result<()> {
    while !records.is_empty() {
        // The record's length with its own digits, a space, key, `=`, value, a line's end.
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

/// The name without the `./` that packing a folder as `.` puts before it. One is taken away, so that each file keeps one
/// other spelling; doubled members are looked for without it.
fn without_dot(name: &str) -> &str {
    name.strip_prefix("./").unwrap_or(name)
}

/// Refuses a directory that leads out of the bundle's folder, stands in a file's place, or has content. Others mean
/// nothing.
fn check_directory(name: &str, size: u64) -> Result<()> {
    let path = name.strip_suffix('/').unwrap_or(name);
    // The folder that was packed itself.
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

/// The key in the name of a policy's member. Names are compared and never walked: `././manifest.json` is another name.
fn policy_key(name: &str) -> Result<&str, &'static str> {
    let key = name.strip_prefix(POLICIES).and_then(|file| file.strip_suffix(SUFFIX));
    key.filter(|key| !key.is_empty() && !key.contains('/')).ok_or(
        "unknown member: expected `manifest.json`, `schema.cedarschema` or `policies/<id>.cedar`, with or \
         without a leading `./`",
    )
}

/// Reads a member's content, if it is within the limit.
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

/// Refuses anything but zeros behind the first block of zeros, and demands the second one.
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
