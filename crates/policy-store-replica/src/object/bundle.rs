//! Entry bundles and content packs: byte strings, each after its length. Does not know entries or content.

use super::{CONTENT_BYTES, ENTRIES_BYTES, Malformed, PACKED_BYTES};

/// The bytes of an entry bundle: each entry after its length (u16, big-endian).
///
/// # Errors
///
/// [`Malformed`] for an empty entry, and for one of more than 65,535 bytes.
///
/// ```
/// use policy_store_replica::object::bundle;
/// let bytes = bundle::write_entries(&[b"one".to_vec(), b"4".to_vec()])?;
/// assert_eq!(bytes, b"\0\x03one\0\x014");
/// assert_eq!(bundle::read_entries(&bytes, 2)?, [b"one".to_vec(), b"4".to_vec()]);
/// # Ok::<(), policy_store_replica::object::Malformed>(())
/// ```
pub fn write_entries(entries: &[Vec<u8>]) -> Result<Vec<u8>, Malformed> {
    let mut bytes = Vec::with_capacity(entries.iter().map(|entry| entry.len() + 2).sum());
    for entry in entries {
        let length = u16::try_from(entry.len()).ok().filter(|length| *length > 0);
        let length = length.ok_or_else(|| Malformed::new(format!("entry of {} bytes", entry.len())))?;
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(entry);
    }
    Ok(bytes)
}

/// Reads an entry bundle of exactly `width` entries.
///
/// # Errors
///
/// [`Malformed`] for any other bytes.
pub fn read_entries(bytes: &[u8], width: u16) -> Result<Vec<Vec<u8>>, Malformed> {
    let entries = read(bytes, ENTRIES_BYTES, usize::from(u16::MAX), |bytes| {
        bytes.split_first_chunk().map(|(length, rest)| (usize::from(u16::from_be_bytes(*length)), rest))
    })?;
    if entries.len() != usize::from(width) {
        return Err(Malformed::new(format!("{} entries, expected {width}", entries.len())));
    }
    Ok(entries)
}

/// The bytes of a content pack: each packed value after its length (u32, big-endian).
///
/// # Errors
///
/// [`Malformed`] for an empty value, and for one over [`PACKED_BYTES`].
pub fn write_content(values: &[Vec<u8>]) -> Result<Vec<u8>, Malformed> {
    let mut bytes = Vec::with_capacity(values.iter().map(|value| value.len() + 4).sum());
    for value in values {
        let length = u32::try_from(value.len()).ok().filter(|_| (1..=PACKED_BYTES).contains(&value.len()));
        let length = length.ok_or_else(|| Malformed::new(format!("content of {} bytes", value.len())))?;
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(value);
    }
    Ok(bytes)
}

/// Reads a content pack. It may be empty.
///
/// # Errors
///
/// [`Malformed`] for any other bytes.
pub fn read_content(bytes: &[u8]) -> Result<Vec<Vec<u8>>, Malformed> {
    read(bytes, CONTENT_BYTES, PACKED_BYTES, |bytes| {
        let (length, rest) = bytes.split_first_chunk()?;
        Some((usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX), rest))
    })
}

/// Reads frames to the end. `length` takes the length of the next one off.
fn read(
    bytes: &[u8],
    most: usize,
    longest: usize,
    length: impl Fn(&[u8]) -> Option<(usize, &[u8])>,
) -> Result<Vec<Vec<u8>>, Malformed> {
    if bytes.len() > most {
        return Err(Malformed::new(format!("{} bytes, limit {most}", bytes.len())));
    }
    let (mut frames, mut rest) = (Vec::new(), bytes);
    while !rest.is_empty() {
        let at = bytes.len() - rest.len();
        let cut = || Malformed::new(format!("ends within the frame at byte {at}"));
        let (length, after) = length(rest).ok_or_else(cut)?;
        if length == 0 || length > longest {
            return Err(Malformed::new(format!("frame of {length} bytes at byte {at}, expected 1 to {longest}")));
        }
        let (frame, after) = after.split_at_checked(length).ok_or_else(cut)?;
        frames.push(frame.to_vec());
        rest = after;
    }
    Ok(frames)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lengths_are_pinned_and_limits_hold() {
        assert_eq!(write_entries(&[vec![9; 258]]).unwrap()[..3], [1, 2, 9]);
        assert_eq!(write_content(&[vec![9; 258]]).unwrap()[..5], [0, 0, 1, 2, 9]);
        assert!(write_entries(&[vec![0; 65_535]]).is_ok() && write_entries(&[vec![0; 65_536]]).is_err());
        assert!(
            write_content(&[vec![0; PACKED_BYTES]]).is_ok() && write_content(&[vec![0; PACKED_BYTES + 1]]).is_err()
        );
        assert!(write_entries(&[vec![]]).is_err() && write_content(&[vec![]]).is_err());
    }

    #[test]
    fn other_bytes_are_refused() {
        for (bytes, width) in [
            (&b"\0\x01a"[..], 2),
            (b"\0\x01a\0\x01b", 1),
            (b"\0\x01a\0", 1),
            (b"\0\x02a", 1),
            (b"\0\0", 1),
            (b"\0\x01a\0\0", 1),
            (b"", 1),
        ] {
            assert!(read_entries(bytes, width).is_err(), "{bytes:?}");
        }
        for bytes in [&b"\0\0\0\x01"[..], b"\0\0\0\0", b"\0\0\0", b"\xff\xff\xff\xffa"] {
            assert!(read_content(bytes).is_err(), "{bytes:?}");
        }
        let long = [&[0, 1, 0, 1][..], &[0; PACKED_BYTES + 1]].concat();
        assert_eq!(read_content(&long).unwrap_err().to_string(), "frame of 65537 bytes at byte 0, expected 1 to 65536");
        assert_eq!(read_content(b""), Ok(Vec::new()));
    }

    proptest! {
        #[test]
        fn written_frames_are_read_again(frames in vec(vec(any::<u8>(), 1..40), 0..30)) {
            let entries = write_entries(&frames).unwrap();
            prop_assert_eq!(read_entries(&entries, frames.len().try_into().unwrap()), Ok(frames.clone()));
            let content = write_content(&frames).unwrap();
            prop_assert_eq!(read_content(&content), Ok(frames));
        }

        #[test]
        fn bytes_that_are_read_are_written_again(bytes in vec(0_u8..4, 0..40)) {
            if let Ok(frames) = read_content(&bytes) {
                prop_assert_eq!(write_content(&frames).unwrap(), bytes.clone());
            }
            for width in 0..20 {
                if let Ok(frames) = read_entries(&bytes, width) {
                    prop_assert_eq!(write_entries(&frames).unwrap(), bytes.clone());
                }
            }
        }
    }
}
