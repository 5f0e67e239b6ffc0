//! What fuzz targets reach of the inside: only built for them.

use crate::hash::{Address, EntryHash};
use crate::record::{Body, Entry, Object, ObjectKind, Recorded};
use crate::storage::{PolicySetRow, Row};

/// Bytes as whatever is stored as bytes. What decodes must encode to the same bytes again.
pub fn stored(bytes: &[u8]) {
    let value = Entry::stored(bytes, EntryHash::of(bytes));
    if let Ok((entry, _)) = Entry::from_stored(&value) {
        assert!(entry.encode().is_ok_and(|(again, _)| again == bytes));
    }
    let _ = Recorded::from_stored(&value);
    if let Some((kind, body)) = bytes.split_first()
        && let Some(Ok(decoded)) = Body::decode((*kind).into(), body)
    {
        assert!(decoded.encode().is_ok_and(|again| again == body));
    }
    let _ = Object::decode(ObjectKind::Manifest, Address([0; 32]), bytes);
    let _ = PolicySetRow::from_value(b"key", bytes);
}
