//! Puts the tiles, entry bundles and content of logs that have grown. Does not put heads.

use policy_store::LogId;

use super::puts::{Owner, Put, Puts};
use super::reader::{Part, Reader};
use super::sizes::Growth;
use crate::bucket::Bucket;
use crate::error::{Error, Result};
use crate::object::bundle;
use crate::object::delta::{DELTA_BYTES, LogDelta, PARTS_BYTES};
use crate::object::layout::{self, Tile, TileKind};

/// JSON of a log in a delta, beside its parts.
const LOG_JSON_BYTES: usize = 128;

/// The parts of a delta, or none if they are too large for one. Puts the larger pieces of content.
pub(super) async fn parts(
    bucket: &Bucket,
    reader: &mut Reader,
    owner: Owner,
    grown: &[Growth],
) -> Result<Option<Vec<LogDelta>>> {
    let mut puts = Puts::new(bucket, owner);
    let (mut logs, mut bytes, mut json) = (Vec::new(), 0, LOG_JSON_BYTES);
    for Growth { log_id, start, end } in grown.iter().copied() {
        // Each entry has some bytes, so this ends the reading of a long part.
        let (mut part, mut next) = (Part::default(), start);
        while next < end {
            let to = end.min(next + 256);
            reader.part(&mut part, log_id, next..to).await?;
            next = to;
            for (address, value) in std::mem::take(&mut part.large) {
                puts.add(layout::piece(log_id, &address), value, Put::Piece).await?;
            }
            if bytes + part.bytes() > PARTS_BYTES {
                puts.finish().await?;
                return Ok(None);
            }
        }
        bytes += part.bytes();
        json += LOG_JSON_BYTES
            + part.entries.iter().chain(&part.content).map(|part| part.len().div_ceil(3) * 4 + 3).sum::<usize>();
        logs.push(LogDelta { log_id, start, entries: part.entries, content: part.content });
    }
    puts.finish().await?;
    Ok(Some(logs).filter(|_| json <= DELTA_BYTES))
}

/// Puts all tiles of the logs that have grown since the last tiles. `new`, in the order of ids, has the entries whose larger
/// pieces of content may not be in the bucket. Returns the tiles that were there with other bytes, and were replaced.
pub(super) async fn put(
    bucket: &Bucket,
    reader: &mut Reader,
    owner: Owner,
    grown: &[Growth],
    new: &[Growth],
) -> Result<Vec<(LogId, Tile)>> {
    let mut puts = Puts::new(bucket, owner);
    for Growth { log_id, start, end } in grown.iter().copied() {
        let place = new.binary_search_by_key(&log_id, |growth| growth.log_id).ok();
        let known = place.and_then(|place| new.get(place)).map_or(end, |growth| growth.start);
        for tile in Tile::beyond(TileKind::Entries, start, end) {
            put_bundle(&mut puts, reader, log_id, tile, known).await?;
        }
        for level in layout::levels(end) {
            for tile in Tile::beyond(TileKind::Hashes(level), start, end) {
                put_hashes(&mut puts, reader, log_id, tile, level).await?;
            }
        }
    }
    puts.finish().await
}

/// Puts tiles of a head that is put, those again that have other bytes.
pub(super) async fn put_again(bucket: &Bucket, reader: &mut Reader, tiles: &[(LogId, Tile)]) -> Result<()> {
    let mut puts = Puts::new(bucket, Owner::Own);
    for (log_id, tile) in tiles.iter().copied() {
        if let TileKind::Hashes(level) = tile.kind {
            put_hashes(&mut puts, reader, log_id, tile, level).await?;
        } else {
            put_bundle(&mut puts, reader, log_id, Tile { kind: TileKind::Entries, ..tile }, u64::MAX).await?;
        }
    }
    puts.finish().await.map(drop)
}

async fn put_hashes(puts: &mut Puts, reader: &mut Reader, log_id: LogId, tile: Tile, level: u8) -> Result<()> {
    let hashes = reader.hashes(log_id, level, tile.number, tile.width).await?;
    puts.add(tile.name(log_id), hashes, Put::Same).await
}

/// Puts an entry bundle and its content pack, and the larger pieces that entries from the position `known` on name.
async fn put_bundle(puts: &mut Puts, reader: &mut Reader, log_id: LogId, tile: Tile, known: u64) -> Result<()> {
    let start = tile.number * u64::from(layout::FULL);
    let end = start + u64::from(tile.width);
    let known = known.clamp(start, end);
    let mut part = Part::default();
    reader.part(&mut part, log_id, start..known).await?;
    part.large.clear();
    reader.part(&mut part, log_id, known..end).await?;
    for (address, value) in part.large {
        puts.add(layout::piece(log_id, &address), value, Put::Piece).await?;
    }
    let name = tile.name(log_id);
    let entries = bundle::write_entries(&part.entries).map_err(|problem| Error::damaged(&name, problem))?;
    puts.add(name, entries, Put::Same).await?;
    let name = Tile { kind: TileKind::Content, ..tile }.name(log_id);
    let content = bundle::write_content(&part.content).map_err(|problem| Error::damaged(&name, problem))?;
    puts.add(name, content, Put::Pack).await
}
