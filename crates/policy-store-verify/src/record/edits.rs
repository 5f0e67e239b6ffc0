//! Strategies for tests, those of the store's rows included: ids, numbers at their limits, and edits of encoded bytes.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

/// An id of any allowed characters and length.
pub fn id() -> impl Strategy<Value = String> {
    prop_oneof!["[A-Za-z0-9]", "[A-Za-z0-9][A-Za-z0-9._:-]{0,12}", "[A-Za-z0-9][A-Za-z0-9._:-]{63}"]
}

/// A number at the edges of its varint lengths, or any number.
pub fn number() -> impl Strategy<Value = u64> {
    const EDGES: [u64; 9] =
        [0, 250, 251, 0xffff, 0x1_0000, 0xffff_ffff, 0x1_0000_0000, i64::MAX.unsigned_abs(), u64::MAX];
    prop_oneof![proptest::sample::select(EDGES.as_slice()), any::<u64>(), 0..600_u64]
}

/// As [`number`], for four bytes.
pub fn small_number() -> impl Strategy<Value = u32> {
    number().prop_map(|number| u32::try_from(number & 0xffff_ffff).unwrap())
}

/// An edit of bytes at an index.
#[derive(Clone, Debug)]
pub struct Edit(Index, Change);

#[derive(Clone, Debug)]
enum Change {
    Set(u8),
    Flip(u8),
    Insert(u8),
    Remove,
    Append(u8),
    /// Replaces the byte by an overlong varint of 2, 4 or 8 bytes.
    Overlong(usize),
    /// Replaces the byte by a varint of 2^40. As a length, it announces a terabyte.
    Huge,
}

/// The varint of 2^40.
pub const TERABYTE: [u8; 9] = [253, 0, 0, 0, 0, 0, 1, 0, 0];

impl Edit {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let Self(index, change) = self;
        if bytes.is_empty() {
            bytes.push(0);
        }
        let at = index.index(bytes.len());
        let byte = bytes[at];
        match change {
            Change::Set(byte) => bytes[at] = *byte,
            Change::Flip(bit) => bytes[at] = byte ^ (1 << (bit % 8)),
            Change::Insert(byte) => bytes.insert(at, *byte),
            Change::Remove => drop(bytes.remove(at)),
            Change::Append(byte) => bytes.push(*byte),
            Change::Overlong(width) => {
                let (marker, zeros) = [(251, 1), (252, 3), (253, 7)][width % 3];
                bytes.splice(at..=at, [[marker, byte].as_slice(), &[0; 8][..zeros]].concat());
            }
            Change::Huge => drop(bytes.splice(at..=at, TERABYTE)),
        }
    }
}

/// One edit or more.
pub fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let change = prop_oneof![
        1 => any::<u8>().prop_map(Change::Set),
        1 => any::<u8>().prop_map(Change::Flip),
        1 => any::<u8>().prop_map(Change::Insert),
        1 => Just(Change::Remove),
        1 => any::<u8>().prop_map(Change::Append),
        3 => any::<usize>().prop_map(Change::Overlong),
        1 => Just(Change::Huge),
    ];
    let edit = (any::<Index>(), change).prop_map(|(index, change)| Edit(index, change));
    prop_oneof![3 => vec(edit.clone(), 1), 1 => vec(edit, 2..4)]
}

/// The bytes after the edits.
pub fn edited(bytes: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    edits.iter().for_each(|edit| edit.apply(&mut bytes));
    bytes
}
