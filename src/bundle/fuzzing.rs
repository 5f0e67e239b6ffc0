//! What the fuzz target of bundles reaches behind the checksums: only built for it.

use super::tar::{BLOCK, with_sum};
use super::{Bundle, MANIFEST, archive, gzip};

/// Bytes as a bundle; as an archive, packed, with checksums that fit its headers; and as a manifest.
pub(crate) fn fuzz(bytes: &[u8]) {
    owed(bytes);
    let mut archive = bytes.to_vec();
    let (blocks, _) = archive.as_chunks_mut::<BLOCK>();
    for block in blocks {
        if block.get(257..262) == Some(b"ustar") {
            *block = with_sum(*block);
        }
    }
    owed(&gzip::pack(&archive));
    if let Ok(manifest) = std::str::from_utf8(bytes) {
        owed(&archive::write([(MANIFEST.to_owned(), manifest)]));
    }
}

/// A refusal, or a bundle that is itself again in bytes that are the same again.
fn owed(packed: &[u8]) {
    match Bundle::from_bytes(packed) {
        Ok(bundle) => {
            let bytes = bundle.to_bytes();
            let again = Bundle::from_bytes(&bytes).ok();
            assert!(again.is_some_and(|again| again == bundle && again.to_bytes() == bytes));
        }
        Err(error) => assert!(["bundle_invalid", "too_large"].contains(&error.code()), "{error}"),
    }
}
