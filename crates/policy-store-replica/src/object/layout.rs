//! The names of objects. Does not know their bytes.

use policy_store::{LogId, Sha256};

/// The width of a full tile, and the entries of a full bundle.
pub const FULL: u16 = 256;

/// The name of the head `number`.
///
/// ```
/// use policy_store_replica::object::layout;
/// assert_eq!(layout::head(7), "heads/00000000000000000007");
/// ```
#[must_use]
pub fn head(number: u64) -> String {
    format!("heads/{number:020}")
}

/// The folder of all deltas.
pub const DELTAS: &str = "deltas";

/// The folder of all logs.
pub const LOGS: &str = "logs";

/// The name of the delta of the head `number` with these bytes.
#[must_use]
pub fn delta(number: u64, head: &[u8]) -> String {
    let hash = Sha256::of(head).to_string();
    format!("{DELTAS}/{number:020}-{}", hash.get(..16).unwrap_or_default())
}

/// The number in the name of a delta; none for the name of another object.
#[must_use]
pub fn delta_number(name: &str) -> Option<u64> {
    let (number, hash) = name.strip_prefix(DELTAS)?.strip_prefix('/')?.split_once('-')?;
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let parsed: u64 = number.parse().ok()?;
    (hash.len() == 16 && hash.bytes().all(is_hex) && format!("{parsed:020}") == number).then_some(parsed)
}

/// The folder of a log.
#[must_use]
pub fn log(log_id: LogId) -> String {
    format!("{LOGS}/{log_id}")
}

/// The log of a folder; none for another name.
#[must_use]
pub fn log_of_folder(name: &str) -> Option<LogId> {
    name.strip_prefix(LOGS)?.strip_prefix('/')?.parse().ok()
}

/// The name of the signed checkpoint of a log.
#[must_use]
pub fn checkpoint(log_id: LogId) -> String {
    format!("{}/checkpoint", log(log_id))
}

/// The name of a larger piece of content: `address` is its kind in two hex digits, `-`, and its whole address in 64.
#[must_use]
pub fn piece(log_id: LogId, address: &impl std::fmt::Display) -> String {
    format!("{}/content/{address}", log(log_id))
}

/// A tile of a log: hashes, entries or content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    /// The kind.
    pub kind: TileKind,
    /// The number.
    pub number: u64,
    /// The hashes of a tile of hashes; the entries of a bundle, or of the bundle that a content pack belongs to: 1 to 256.
    pub width: u16,
}

/// The kind of a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TileKind {
    /// Hashes of a level.
    Hashes(u8),
    /// An entry bundle.
    Entries,
    /// The content that the entries of the bundle with the same number name.
    Content,
}

impl Tile {
    /// The name of the tile of a log.
    ///
    /// ```
    /// use policy_store_replica::object::layout::{Tile, TileKind};
    /// let log_id = "0f".repeat(16).parse()?;
    /// let tile = Tile { kind: TileKind::Hashes(0), number: 1_234_067, width: 17 };
    /// assert_eq!(tile.name(log_id), format!("logs/{log_id}/tile/0/x001/x234/067.p/17"));
    /// assert_eq!(Tile::parse(&tile.name(log_id)), Some((log_id, tile)));
    /// # Ok::<(), policy_store::Error>(())
    /// ```
    #[must_use]
    pub fn name(&self, log_id: LogId) -> String {
        let folder = match self.kind {
            TileKind::Hashes(level) => format!("tile/{level}"),
            TileKind::Entries => "tile/entries".to_owned(),
            TileKind::Content => "content".to_owned(),
        };
        let partial = if self.width == FULL { String::new() } else { format!(".p/{}", self.width) };
        format!("{}/{folder}/{}{partial}", log(log_id), grouped(self.number))
    }

    /// The log and the tile with this name; none for the name of another object. Only the one form of each name is read.
    #[must_use]
    pub fn parse(name: &str) -> Option<(LogId, Self)> {
        let (log_id, rest) = name.strip_prefix(LOGS)?.strip_prefix('/')?.split_once('/')?;
        let log_id: LogId = log_id.parse().ok()?;
        let (kind, number) = if let Some(number) = rest.strip_prefix("content/") {
            (TileKind::Content, number)
        } else {
            let (level, number) = rest.strip_prefix("tile/")?.split_once('/')?;
            let kind = if level == "entries" { TileKind::Entries } else { TileKind::Hashes(level.parse().ok()?) };
            (kind, number)
        };
        let (number, width) = match number.split_once(".p/") {
            Some((number, width)) => (number, width.parse().ok().filter(|width| (1..FULL).contains(width))?),
            None => (number, FULL),
        };
        let tile = Self { kind, number: ungrouped(number)?, width };
        (tile.name(log_id) == name).then_some((log_id, tile))
    }

    /// The tiles of this kind that a log of `size` entries has beyond those of a log of `earlier` entries. The last one may be
    /// partial. `kind` must have a level below 8.
    pub fn beyond(kind: TileKind, earlier: u64, size: u64) -> impl Iterator<Item = Self> {
        let level = if let TileKind::Hashes(level) = kind { u32::from(level) } else { 0 };
        let leaves = |size: u64| size.checked_shr(8 * level).unwrap_or(0);
        let (earlier, size) = (leaves(earlier), leaves(size));
        let width = u64::from(FULL);
        let numbers = if size > earlier { earlier / width..size.div_ceil(width) } else { 0..0 };
        numbers.map(move |number| {
            let width = u16::try_from(size - number * width).unwrap_or(FULL).min(FULL);
            Self { kind, number, width }
        })
    }
}

/// The levels of hash tiles of a log of `size` entries.
pub fn levels(size: u64) -> impl Iterator<Item = u8> {
    (0..8).filter(move |level| size >> (8 * u32::from(*level)) > 0)
}

/// A number in groups of three digits, all but the last with an `x` before them.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let padded = format!("{}{digits}", "0".repeat((3 - digits.len() % 3) % 3));
    let mut groups: Vec<_> = padded.as_bytes().chunks(3).map(String::from_utf8_lossy).collect();
    let last = groups.pop().unwrap_or_default();
    let before: String = groups.iter().map(|group| format!("x{group}/")).collect();
    format!("{before}{last}")
}

/// The number of such groups. Other forms are read too: the caller compares the name.
fn ungrouped(text: &str) -> Option<u64> {
    let digits: String = text.split('/').map(|group| group.strip_prefix('x').unwrap_or(group)).collect();
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| is_number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LOG: LogId = LogId([0xab; 16]);

    #[test]
    fn the_names_are_those_of_the_specification() {
        let log = "ab".repeat(16);
        let name = |kind, number, width| Tile { kind, number, width }.name(LOG);
        for (found, expected) in [
            (head(0), "heads/00000000000000000000".to_owned()),
            (head(u64::MAX), "heads/18446744073709551615".to_owned()),
            (delta(3, b""), "deltas/00000000000000000003-e3b0c44298fc1c14".to_owned()),
            (checkpoint(LOG), format!("logs/{log}/checkpoint")),
            (piece(LOG, &"01-ff"), format!("logs/{log}/content/01-ff")),
            (name(TileKind::Hashes(2), 5, FULL), format!("logs/{log}/tile/2/005")),
            (name(TileKind::Entries, 999, 1), format!("logs/{log}/tile/entries/999.p/1")),
            (name(TileKind::Entries, 1_000, FULL), format!("logs/{log}/tile/entries/x001/000")),
            (name(TileKind::Content, 1_234_067, 255), format!("logs/{log}/content/x001/x234/067.p/255")),
        ] {
            assert_eq!(found, expected);
        }
        assert_eq!(log_of_folder(&super::log(LOG)), Some(LOG));
    }

    #[test]
    fn any_other_name_is_no_tile_and_no_delta() {
        let log = super::log(LOG);
        for rest in [
            "tile/0/1",
            "tile/0/0001",
            "tile/0/x001",
            "tile/0/001/000",
            "tile/0/x000/001",
            "tile/00/001",
            "tile/256/001",
            "tile/-1/001",
            "tile/0/+01",
            "tile/0/001.p/0",
            "tile/0/001.p/256",
            "tile/0/001.p/01",
            "tile/0/001.p/1/2",
            "tile/0/001/",
            "tile/entries",
            "tile/0/",
            "content/01-ff",
            "checkpoint",
            "tile/0/x18x/001",
        ] {
            assert_eq!(Tile::parse(&format!("{log}/{rest}")), None, "{rest}");
        }
        assert_eq!(delta_number(&delta(3, b"")), Some(3));
        for wrong in
            ["deltas/3-e3b0c44298fc1c14", "deltas/00000000000000000003", "deltas/00000000000000000003-E3B0C44298FC1C14"]
        {
            assert_eq!(delta_number(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_tiles_of_growth_are_the_new_ones_and_the_one_that_was_partial() {
        let tiles = |kind, earlier, size| -> Vec<(u64, u16)> {
            Tile::beyond(kind, earlier, size).map(|tile| (tile.number, tile.width)).collect()
        };
        let (level_0, level_1) = (TileKind::Hashes(0), TileKind::Hashes(1));
        assert_eq!(tiles(level_0, 0, 0), []);
        assert_eq!(tiles(level_0, 0, 1), [(0, 1)]);
        assert_eq!(tiles(level_0, 1, 256), [(0, 256)]);
        assert_eq!(tiles(level_0, 256, 257), [(1, 1)]);
        assert_eq!(tiles(level_0, 255, 600), [(0, 256), (1, 256), (2, 88)]);
        assert_eq!(tiles(level_0, 600, 600), []);
        assert_eq!(tiles(level_1, 255, 600), [(0, 2)]);
        assert_eq!(tiles(level_1, 512, 600), []);
        assert_eq!(tiles(level_1, 0, 65_536), [(0, 256)]);
        assert_eq!(tiles(TileKind::Entries, 70_000, 70_001), [(273, 113)]);
        assert_eq!(levels(0).count(), 0);
        assert_eq!(levels(255).collect::<Vec<_>>(), [0]);
        assert_eq!(levels(256).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(levels(u64::MAX).count(), 8);
    }

    proptest! {
        #[test]
        fn a_name_parses_to_its_tile(level in 0_u8..8, number: u64, width in 1_u16..=256, kind in 0_usize..3) {
            let kind = [TileKind::Hashes(level), TileKind::Entries, TileKind::Content][kind];
            let tile = Tile { kind, number, width };
            prop_assert_eq!(Tile::parse(&tile.name(LOG)), Some((LOG, tile)));
        }

        #[test]
        fn no_text_but_a_name_parses(rest in "(tile|content)/[0-9entriesx/.p]{0,24}") {
            let name = format!("{}/{rest}", super::log(LOG));
            if let Some((log_id, tile)) = Tile::parse(&name) {
                prop_assert_eq!(tile.name(log_id), name);
            }
        }
    }
}
