//! The parts of a tree whose hashes are a proof, as RFC 6962 section 2.1 defines them. A part is a range of leaves.

use std::ops::Range;

/// The largest power of two below `size`, which is at least 2.
fn split(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}

/// The parts beside the path from a leaf to the root, in the order of a proof: from the leaf up. `index` is below `size`.
#[must_use]
pub fn inclusion(index: u64, size: u64) -> Vec<Range<u64>> {
    let (mut start, mut end, mut parts) = (0, size, Vec::new());
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            parts.push(middle..end);
            end = middle;
        } else {
            parts.push(start..middle);
            start = middle;
        }
    }
    parts.reverse();
    parts
}

/// The parts that show that a tree of `new` leaves begins with one of `old` leaves, in the order of a proof. `old` is not
/// above `new`.
#[must_use]
pub fn consistency(old: u64, new: u64) -> Vec<Range<u64>> {
    if old == 0 || old == new {
        return Vec::new();
    }
    let (mut start, mut end, mut parts) = (0, new, Vec::new());
    // The old tree ends at `old`. While it is a whole part of the new one from the left, its hash is known.
    while end != old {
        let middle = start + split(end - start);
        if old <= middle {
            parts.push(middle..end);
            end = middle;
        } else {
            parts.push(start..middle);
            start = middle;
        }
    }
    if start > 0 {
        parts.push(start..end);
    }
    parts.reverse();
    parts
}
