//! The fuzz target of bundles, with access behind the checksums. Built only for fuzzing.

use super::tar::{BLOCK, with_sum};
use super::{Bundle, MANIFEST, archive, gzip};

/// Reads the bytes as a bundle, as an archive with correct checksums in its headers, and as a manifest.
pub(crate) fn fuzz(bytes: &[u8]) {
    check(bytes);
    let mut archive = bytes.to_vec();
    let (blocks, _) = archive.as_chunks_mut::<BLOCK>();
    for block in blocks {
        if block.get(257..262) == Some(b"ustar") {
            *block = with_sum(*block);
        }
    }
    check(&gzip::pack(&archive));
    if let Ok(manifest) = std::str::from_utf8(bytes) {
        check(&archive::write([(MANIFEST.to_owned(), manifest)]));
    }
}

/// Expects an error, or a bundle that round-trips to the same bytes.
fn check(packed: &[u8]) {
    match Bundle::from_bytes(packed) {
        Ok(bundle) => {
            let bytes = bundle.to_bytes();
            let again = Bundle::from_bytes(&bytes).ok();
            assert!(again.is_some_and(|again| again == bundle && again.to_bytes() == bytes));
        }
        Err(error) => assert!(["bundle_invalid", "too_large"].contains(&error.code()), "{error}"),
    }
}
