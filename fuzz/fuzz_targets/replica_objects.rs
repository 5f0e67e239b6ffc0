//! Bytes as the objects of logs: entry bundles, content packs, and names. What is read writes back the same.
#![no_main]

use policy_store_replica::object::layout::{self, FULL, Tile, TileKind};
use policy_store_replica::object::{PACKED_BYTES, bundle};

/// A bundle reads for one width only: that of its number of entries.
fn entries(bytes: &[u8], width: u16) {
    if let Ok(read) = bundle::read_entries(bytes, width) {
        assert_eq!(read.len(), usize::from(width));
        assert!(read.iter().all(|entry| !entry.is_empty()));
        assert_eq!(bundle::write_entries(&read).unwrap(), bytes);
        assert!(bundle::read_entries(bytes, width + 1).is_err());
    }
}

fn content(bytes: &[u8]) {
    if let Ok(read) = bundle::read_content(bytes) {
        assert!(read.iter().all(|value| (1..=PACKED_BYTES).contains(&value.len())));
        assert_eq!(bundle::write_content(&read).unwrap(), bytes);
    }
}

/// A name is that of one thing, and that thing has this name.
fn name(name: &str) {
    let tile = Tile::parse(name);
    if let Some((log_id, tile)) = tile {
        assert_eq!(tile.name(log_id), name);
        assert!((1..=FULL).contains(&tile.width));
        assert!(name.starts_with(&layout::log(log_id)) && layout::log_of_folder(name).is_none());
    }
    if let Some(number) = layout::delta_number(name) {
        assert!(tile.is_none() && name.starts_with(&format!("{}/{number:020}-", layout::DELTAS)));
    }
    if let Some(log_id) = layout::log_of_folder(name) {
        assert_eq!(layout::log(log_id), name);
    }
}

/// The tiles of growth cover each new hash once, and name the one that was partial.
fn growth(numbers: &[u8]) {
    let Some((kind, sizes)) = numbers.split_first() else { return };
    let size = |bytes: &[u8]| bytes.iter().fold(0_u64, |size, byte| size << 8 | u64::from(*byte));
    let (earlier, size) = (size(sizes.get(..3).unwrap_or_default()), size(sizes.get(3..6).unwrap_or_default()));
    let (kind, level) = match kind % 5 {
        level @ 0..3 => (TileKind::Hashes(level), level),
        3 => (TileKind::Entries, 0),
        _ => (TileKind::Content, 0),
    };
    let (earlier, size) = (earlier >> (8 * level), size >> (8 * level));
    let shifted = |leaves: u64| leaves << (8 * level);
    let tiles = Tile::beyond(kind, shifted(earlier), shifted(size)).take(70_000);
    let width = u64::from(FULL);
    let mut next = earlier - earlier % width;
    for tile in tiles {
        assert_eq!((tile.kind, tile.number * width), (kind, next));
        assert!(tile.width == FULL || next + u64::from(tile.width) == size);
        next += u64::from(tile.width);
    }
    assert!(next == size.max(earlier) || size <= earlier, "the tiles end at {next} of {size}");
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((kind, rest)) = bytes.split_first() else { return };
    match kind % 4 {
        0 => rest.split_first().into_iter().for_each(|(width, rest)| entries(rest, u16::from(*width) + 1)),
        1 => content(rest),
        2 => std::str::from_utf8(rest).into_iter().for_each(name),
        _ => growth(rest),
    }
});
