//! The state of a publication as a publisher finds it in the bucket: the newest head, the tiles, and the work that a killed
//! publisher may have left.
//!
//! Does not publish anything.

use bytes::Bytes;
use policy_store::{Checkpoint, LogId, PolicyStore};

use super::Config;
use super::reader::blocking;
use super::sizes::Sizes;
use crate::error::{Error, Result};
use crate::head::{HEAD_BYTES, Head};
use crate::object::delta::{DELTA_BYTES, Delta};
use crate::object::layout;
use crate::search::{self, Newest};

/// A publication up to its newest head.
#[derive(Debug, Default)]
pub(super) struct State {
    /// The newest head; none if there is no publication yet.
    pub head: Option<Head>,
    /// The logs at the newest head.
    pub sizes: Sizes,
    /// The newest head with tiles; none if that is not known.
    pub tiles: Option<Head>,
    /// The logs that have tiles.
    pub tiled: Sizes,
    /// The logs whose own checkpoints are in the bucket.
    pub noted: Sizes,
    /// Whether a publisher before this one may have left objects that are no longer needed.
    pub has_leftovers: bool,
}

/// Finds the state of the publication. `known` is a head that was there before.
pub(super) async fn resume(config: &Config, known: Option<&(u64, Bytes)>) -> Result<State> {
    let bucket = &config.bucket;
    let first = known.map_or(0, |(number, _)| *number);
    let newest = search::newest(bucket, first).await?;
    if let Some((number, bytes)) = known
        && newest.as_ref().is_none_or(|newest| newest.known != *bytes)
    {
        let problem = "the head is gone, or has other bytes".to_owned();
        return Err(Error::Rollback { object: layout::head(*number), problem });
    }
    let Some(Newest { number, bytes, .. }) = newest else { return Ok(State::default()) };
    let head = config.trust.read(number, bytes)?;
    let (store, of_head) = (config.store.clone(), head.clone());
    blocking(move || check_own(&store, &of_head)).await?;
    let tiles = tiles_head(config, &head).await?;
    let noted = noted(config, head.checkpoint).await?;

    let (store, at) = (config.store.clone(), head.checkpoint.size);
    let (noted, tiled_at) = (noted.min(at), tiles.as_ref().map_or(0, |tiles| tiles.checkpoint.size));
    let (noted, tiled, sizes) = blocking(move || {
        let lower = Sizes::default().advance(&store, noted.min(tiled_at))?;
        let upper = lower.clone().advance(&store, noted.max(tiled_at))?;
        let sizes = upper.clone().advance(&store, at)?;
        Ok(if noted < tiled_at { (lower, upper, sizes) } else { (upper, lower, sizes) })
    })
    .await?;
    Ok(State { head: Some(head), sizes, tiles, tiled, noted, has_leftovers: true })
}

/// Refuses a head that is not a checkpoint of the store's own log.
fn check_own(store: &PolicyStore, head: &Head) -> Result<()> {
    let (own, found) = (store.checkpoint()?, head.checkpoint);
    let fork = |problem: String| Err(Error::Fork { object: head.name(), problem });
    if own.log_id != found.log_id {
        return fork(format!("it is of log {}, the store has log {}", found.log_id, own.log_id));
    }
    if found.size > own.size {
        return Err(Error::Behind { object: head.name(), published: found.size, own: own.size });
    }
    let proof = store.consistency_proof(found.size, own.size)?;
    match proof.verify(found.root, own.root) {
        Ok(()) => Ok(()),
        Err(_) => fork(format!("the store's log has another root at {} entries", found.size)),
    }
}

/// The newest head whose tiles are in the bucket. None if the bucket does not tell, or if that head is not signed by a key that
/// the publisher was given, as after a change of keys: then all tiles are put again.
async fn tiles_head(config: &Config, head: &Head) -> Result<Option<Head>> {
    let Some(delta) = config.bucket.get(&head.delta_name(), DELTA_BYTES).await? else { return Ok(None) };
    let Ok(Delta { tiles, .. }) = Delta::read(&delta, head.number) else { return Ok(None) };
    if tiles == head.number {
        return Ok(Some(head.clone()));
    }
    let Some(bytes) = config.bucket.get(&layout::head(tiles), HEAD_BYTES).await? else { return Ok(None) };
    let tiles = config.trust.read(tiles, bytes).ok();
    Ok(tiles.filter(|tiles| is_earlier(tiles.checkpoint, head.checkpoint.log_id, head.checkpoint.size)))
}

/// The size of the store's log whose checkpoint is in the bucket: it is put after those of all other logs. 0 if there is none
/// that this publication has signed.
async fn noted(config: &Config, head: Checkpoint) -> Result<u64> {
    let name = layout::checkpoint(head.log_id);
    let found = match config.bucket.get(&name, HEAD_BYTES).await {
        Ok(Some(bytes)) => config.trust.read_checkpoint(&name, &bytes),
        Ok(None) | Err(Error::Damaged { .. }) => return Ok(0),
        Err(error) => return Err(error),
    };
    Ok(found.ok().filter(|found| is_earlier(*found, head.log_id, head.size)).map_or(0, |found| found.size))
}

fn is_earlier(checkpoint: Checkpoint, log_id: LogId, size: u64) -> bool {
    checkpoint.log_id == log_id && checkpoint.size <= size
}
