//! One gzip member (RFC 1952): packs bytes, and unpacks them in pieces. Does not know their content.
//!
//! Packing gives the same bytes on every machine: the header has no time, name or system, and `Cargo.toml` pins the
//! exact version of the compressor. Unpacking accepts exactly one complete member. It refuses data after the member,
//! which some programs would read and others skip.

use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZFlush, MZStatus};

use crate::types::error::{Error, ErrorDetail, Result, at_most};
use crate::types::limits;

const MAGIC: [u8; 2] = [0x1f, 0x8b];
const DEFLATE: u8 = 8;
/// The operating system: unknown.
const UNKNOWN: u8 = 255;
const LEVEL: u8 = 6;

const HAS_CRC: u8 = 1 << 1;
const HAS_EXTRA: u8 = 1 << 2;
const HAS_NAME: u8 = 1 << 3;
const HAS_COMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0b1110_0000;

/// The bytes as one gzip member.
pub(super) fn pack(plain: &[u8]) -> Vec<u8> {
    let [one, two] = MAGIC;
    let mut packed = vec![one, two, DEFLATE, 0, 0, 0, 0, 0, 0, UNKNOWN];
    packed.extend(compress_to_vec(plain, LEVEL));
    packed.extend(crc32fast::hash(plain).to_le_bytes());
    packed.extend(length(plain.len()).to_le_bytes());
    packed
}

/// The length in the trailer: modulo 2³².
fn length(bytes: usize) -> u32 {
    u32::try_from(bytes as u64 & u64::from(u32::MAX)).unwrap_or_default()
}

/// Unpacks a member in pieces of the caller's buffer size, up to [`limits::BUNDLE_BYTES`] in all.
pub(super) struct Unpacker<'a> {
    rest: &'a [u8],
    state: Box<InflateState>,
    crc: crc32fast::Hasher,
    unpacked: usize,
    ended: bool,
}

impl<'a> Unpacker<'a> {
    pub(super) fn new(packed: &'a [u8]) -> Result<Self> {
        at_most("bytes of the policy bundle", packed.len(), limits::BUNDLE_BYTES)?;
        let rest = after_header(packed).ok_or_else(|| damaged("expected a gzip header at the start"))?;
        let state = InflateState::new_boxed(DataFormat::Raw);
        Ok(Self { rest, state, crc: crc32fast::Hasher::new(), unpacked: 0, ended: false })
    }

    /// Fills `room` and returns the number of bytes. Fewer than its size only at the end, after the trailer was
    /// checked.
    pub(super) fn fill(&mut self, room: &mut [u8]) -> Result<usize> {
        let mut filled = 0;
        while let Some(free) = room.get_mut(filled..).filter(|free| !free.is_empty() && !self.ended) {
            let step = inflate(&mut self.state, self.rest, free, MZFlush::None);
            let status = step.status.map_err(|_| damaged("compressed data is damaged or cut short"))?;
            self.rest = self.rest.get(step.bytes_consumed..).unwrap_or_default();
            self.crc.update(free.get(..step.bytes_written).unwrap_or_default());
            self.unpacked += step.bytes_written;
            at_most("bytes of the unpacked policy bundle", self.unpacked, limits::BUNDLE_BYTES)?;
            filled += step.bytes_written;
            if status == MZStatus::StreamEnd {
                self.ended = true;
                self.check_trailer()?;
            } else if step.bytes_consumed == 0 && step.bytes_written == 0 {
                return Err(damaged("compressed data is cut short"));
            }
        }
        Ok(filled)
    }

    fn check_trailer(&self) -> Result<()> {
        let Some((trailer, after)) = self.rest.split_first_chunk::<8>() else {
            return Err(damaged("gzip trailer is cut short"));
        };
        if !after.is_empty() {
            return Err(damaged("unexpected data after the gzip member"));
        }
        let right = [self.crc.clone().finalize().to_le_bytes(), length(self.unpacked).to_le_bytes()];
        if trailer != right.as_flattened() {
            return Err(damaged("gzip checksum or length does not match the content"));
        }
        Ok(())
    }
}

fn damaged(reason: &'static str) -> Error {
    ErrorDetail::bundle(None, reason)
}

/// The data after the header. Ignores time, name, comment and extra fields.
fn after_header(packed: &[u8]) -> Option<&[u8]> {
    let ([one, two, method, flags, ..], mut rest) = packed.split_first_chunk::<10>()?;
    if [*one, *two] != MAGIC || *method != DEFLATE || flags & RESERVED != 0 {
        return None;
    }
    if flags & HAS_EXTRA != 0 {
        let (length, extra) = rest.split_first_chunk()?;
        rest = extra.get(usize::from(u16::from_le_bytes(*length))..)?;
    }
    for text in [HAS_NAME, HAS_COMMENT] {
        if flags & text != 0 {
            let end = rest.iter().position(|byte| *byte == 0)?;
            rest = rest.get(end + 1..)?;
        }
    }
    if flags & HAS_CRC != 0 {
        let header = packed.get(..packed.len() - rest.len())?;
        let (given, after) = rest.split_first_chunk::<2>()?;
        let crc = crc32fast::hash(header).to_le_bytes();
        if crc.first_chunk() != Some(given) {
            return None;
        }
        rest = after;
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpack(packed: &[u8]) -> Result<Vec<u8>> {
        let mut unpacker = Unpacker::new(packed)?;
        let (mut plain, mut room) = (Vec::new(), [0; 1000]);
        loop {
            let filled = unpacker.fill(&mut room)?;
            plain.extend_from_slice(&room[..filled]);
            if filled < room.len() {
                return Ok(plain);
            }
        }
    }

    /// Replaces the header of a member.
    fn with_header(packed: &[u8], flags: u8, fields: &[u8]) -> Vec<u8> {
        let mut changed = vec![0x1f, 0x8b, 8, flags, 1, 2, 3, 4, 2, 3];
        changed.extend(fields);
        changed.extend(&packed[10..]);
        changed
    }

    #[test]
    fn what_is_packed_is_unpacked_as_it_was() {
        for size in [0, 1, 999, 1000, 1001, 200_000] {
            let plain: Vec<u8> = (0_u32..size).map(|n| u8::try_from((n % 251) ^ (n / 7 % 256)).unwrap_or(0)).collect();
            assert_eq!(unpack(&pack(&plain)).unwrap(), plain);
        }
    }

    #[test]
    fn optional_fields_of_the_header_are_skipped_and_its_checksum_is_checked() {
        let packed = pack(b"text");
        for (flags, fields) in [
            (0, &b""[..]),
            (4, b"\x03\0abc"),
            (8, b"name\0"),
            (16, b"comment\0"),
            (28, b"\0\0name\0comment\0"),
            (1, b""),
        ] {
            assert_eq!(unpack(&with_header(&packed, flags, fields)).unwrap(), b"text", "{flags}");
        }
        let mut fields = b"name\0".to_vec();
        let header = with_header(&packed, 8 | 2, &fields);
        let crc = crc32fast::hash(&header[..15]).to_le_bytes();
        fields.extend(&crc[..2]);
        assert_eq!(unpack(&with_header(&packed, 8 | 2, &fields)).unwrap(), b"text");
        fields[5] ^= 1;
        for (flags, fields) in [(8 | 2, fields.as_slice()), (4, b"\xff\xff"), (32, b"")] {
            assert_eq!(unpack(&with_header(&packed, flags, fields)).unwrap_err().code(), "bundle_invalid", "{flags}");
        }
    }

    #[test]
    fn a_member_is_whole_unchanged_and_alone() {
        let packed = pack(&b"some text that is there some more times, some text".repeat(30));
        for end in 0..packed.len() {
            assert_eq!(unpack(&packed[..end]).unwrap_err().code(), "bundle_invalid", "{end}");
        }
        for at in packed.len() - 8..packed.len() {
            let mut changed = packed.clone();
            changed[at] ^= 0x10;
            assert!(unpack(&changed).unwrap_err().to_string().contains("checksum or length"), "{at}");
        }
        for more in [&b"\0"[..], &packed] {
            let error = unpack(&[&packed, more].concat()).unwrap_err();
            assert!(error.to_string().contains("unexpected data after"), "{error}");
        }
    }

    #[test]
    fn what_unpacks_to_more_than_the_limit_is_refused_on_the_way() {
        let bomb = pack(&vec![0; limits::BUNDLE_BYTES + 1]);
        assert!(bomb.len() < 100_000);
        let error = unpack(&bomb).unwrap_err();
        assert_eq!(error.code(), "too_large");
        assert_eq!(unpack(&vec![0; limits::BUNDLE_BYTES + 1]).unwrap_err().code(), "too_large");
    }
}
