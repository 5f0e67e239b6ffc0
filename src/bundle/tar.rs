//! The header of a tar archive: the 512 bytes before a member. Supports only regular files and directories with a name
//! and a size, in the USTAR format of POSIX.1-1988.
//!
//! No header changes another: extended headers (pax, GNU) are never applied, so every program reads the same name for a
//! member. GNU tar's own format is read where it equals USTAR. Does not know the names in a bundle.

use std::ops::Range;

use crate::types::error::{ErrorDetail, Result};

/// The unit of an archive: the size of a header; contents are padded to it.
pub(super) const BLOCK: usize = 512;
/// Limit on a name without a folder, and on the part after the folder, in bytes.
pub(super) const NAME: usize = 100;

const NAME_FIELD: Range<usize> = 0..NAME;
const MODE_FIELD: Range<usize> = 100..108;
const UID_FIELD: Range<usize> = 108..116;
const GID_FIELD: Range<usize> = 116..124;
const SIZE_FIELD: Range<usize> = 124..136;
const MTIME_FIELD: Range<usize> = 136..148;
const SUM_FIELD: Range<usize> = 148..156;
const TYPE_FIELD: Range<usize> = 156..157;
const MAGIC_FIELD: Range<usize> = 257..265;
const DEVICE_FIELDS: [Range<usize>; 2] = [329..337, 337..345];
const PREFIX_FIELD: Range<usize> = 345..500;

const USTAR: &[u8] = b"ustar\x0000";
/// The magic of GNU tar. In place of USTAR's prefix, its format has fields that change the meaning of the contents.
const GNU: &[u8] = b"ustar  \0";

/// The kind of a member.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Directory,
    /// A pax header: attributes of the next file.
    Pax,
}

/// The header of a regular file, a directory or a pax header: its full name, and the size of its content in bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub kind: Kind,
    pub name: String,
    pub size: u64,
}

impl Header {
    /// Reads a header. Errors name the member.
    pub(super) fn read(block: &[u8; BLOCK]) -> Result<Self> {
        let field = |range| block.get(range).unwrap_or_default();
        let stem = until_nul(field(NAME_FIELD));
        let refuse = |reason| Err(ErrorDetail::bundle(Some(&String::from_utf8_lossy(stem)), reason));
        if octal(field(SUM_FIELD)) != Some(sum(block)) {
            return refuse("wrong header checksum, or not a tar archive");
        }
        let prefix = match field(MAGIC_FIELD) {
            USTAR => until_nul(field(PREFIX_FIELD)),
            GNU if field(PREFIX_FIELD).iter().all(|byte| *byte == 0) => b"",
            GNU => return refuse("GNU extensions are not supported: write the archive in the ustar format"),
            _ => return refuse("expected a header in the ustar format"),
        };
        let kind = match field(TYPE_FIELD) {
            b"0" | b"\0" => Kind::File,
            b"x" => Kind::Pax,
            b"1" | b"2" => return refuse("links are not supported"),
            b"3" | b"4" | b"6" => return refuse("devices and pipes are not supported"),
            b"5" => Kind::Directory,
            b"g" | b"L" | b"K" => {
                return refuse("extended headers are not supported: write the archive in the ustar format");
            }
            _ => return refuse("expected a regular file"),
        };
        let Some(size) = octal(field(SIZE_FIELD)) else { return refuse("size in the header must be an octal number") };
        let name = if prefix.is_empty() { stem.to_vec() } else { [prefix, b"/", stem].concat() };
        match String::from_utf8(name) {
            Ok(name) => Ok(Self { kind, name, size }),
            Err(_) => refuse("name must be UTF-8"),
        }
    }

    /// Writes the header of a file, the same on every machine: mode 0644, time 0, no owner. If the name is longer than
    /// [`NAME`], its folder goes to the prefix field. The caller ensures that both parts fit.
    pub(super) fn write(&self) -> [u8; BLOCK] {
        let (prefix, stem) = match self.name.split_once('/') {
            Some((folder, file)) if self.name.len() > NAME => (folder, file),
            _ => ("", self.name.as_str()),
        };
        let mut block = [0; BLOCK];
        let mut put = |field: Range<usize>, bytes: &[u8]| {
            for (byte, given) in block.iter_mut().take(field.end).skip(field.start).zip(bytes) {
                *byte = *given;
            }
        };
        put(NAME_FIELD, stem.as_bytes());
        put(MODE_FIELD, b"0000644\0");
        put(UID_FIELD, b"0000000\0");
        put(GID_FIELD, b"0000000\0");
        put(SIZE_FIELD, format!("{:011o}\0", self.size).as_bytes());
        put(MTIME_FIELD, b"00000000000\0");
        put(TYPE_FIELD, b"0");
        put(MAGIC_FIELD, USTAR);
        for field in DEVICE_FIELDS {
            put(field, b"0000000\0");
        }
        put(PREFIX_FIELD, prefix.as_bytes());
        with_sum(block)
    }
}

/// The header with the correct checksum.
pub(super) fn with_sum(mut block: [u8; BLOCK]) -> [u8; BLOCK] {
    let sum = format!("{:06o}\0 ", sum(&block));
    for (byte, given) in block.iter_mut().skip(SUM_FIELD.start).zip(sum.bytes()) {
        *byte = given;
    }
    block
}

/// The sum of a header's bytes, with the checksum field as spaces.
fn sum(block: &[u8; BLOCK]) -> u64 {
    let bytes = block.iter().enumerate();
    bytes.map(|(at, byte)| u64::from(if SUM_FIELD.contains(&at) { b' ' } else { *byte })).sum()
}

fn until_nul(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// An octal number in a header: spaces, digits, then spaces and NULs. Twelve digits fit into 36 bits.
fn octal(field: &[u8]) -> Option<u64> {
    let digits = field.trim_ascii_start();
    let end = digits.iter().position(|byte| matches!(byte, b' ' | b'\0')).unwrap_or(digits.len());
    let (digits, rest) = digits.split_at_checked(end)?;
    let closed = rest.iter().all(|byte| matches!(byte, b' ' | b'\0'));
    if digits.is_empty() || !closed || !digits.iter().all(|byte| (b'0'..=b'7').contains(byte)) {
        return None;
    }
    Some(digits.iter().fold(0, |number, digit| number * 8 + u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_as_it_was_written() {
        let long = format!("policies/{}.cedar", "x".repeat(94));
        for (name, size) in [("manifest.json", 0), ("policies/a.cedar", 0o77_777_777_777), (long.as_str(), 7)] {
            let header = Header { kind: Kind::File, name: name.to_owned(), size };
            assert_eq!(Header::read(&header.write()).unwrap(), header);
        }
        let block = Header { kind: Kind::File, name: long.clone(), size: 7 }.write();
        assert_eq!((until_nul(&block[PREFIX_FIELD]), &block[NAME_FIELD]), (&b"policies"[..], &long.as_bytes()[9..]));
    }

    #[test]
    fn numbers_are_octal_digits_between_blanks() {
        for (field, number) in [("0000644\0", 0o644), ("    17 \0", 0o17), ("777777777777", 0o777_777_777_777)] {
            assert_eq!(octal(field.as_bytes()), Some(number), "{field}");
        }
        for field in ["", " \0", "8\0", "-1\0", "+1\0", "1\x002\0", "1 2\0", "0x1\0"] {
            assert_eq!(octal(field.as_bytes()), None, "{field}");
        }
        // A number in GNU's base 256.
        assert_eq!(octal(&[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]), None);
    }
}
