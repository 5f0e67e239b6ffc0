//! The work after a head: the checkpoints of logs, and the removal of what is no longer needed. Does not publish heads.

use policy_store::Checkpoint;
use policy_store::note::SignedCheckpoint;
use policy_store::{ErrorKind, LogId, ZoneId};

use super::Config;
use super::puts::{Owner, Put, Puts};
use super::reader::blocking;
use super::resume::State;
use super::sizes::Sizes;
use crate::bucket::Bucket;
use crate::error::{Error, Result};
use crate::head::{self, Head};
use crate::object::layout;
use crate::object::rules::{RULES, RULES_BYTES, folder, zone_of_folder};
use crate::rules;

/// Checkpoints that are signed at once.
const SIGNED: usize = 256;

/// Puts the checkpoints of the logs whose tiles are there. That of the store's log comes last: it says that all of them are
/// there. `store` is the checkpoint of the store's log that the tiles have.
pub(super) async fn put_checkpoints(config: &Config, noted: &Sizes, tiled: &Sizes, store: Checkpoint) -> Result<()> {
    let grown = tiled.since(noted, store.log_id);
    let zones: Vec<_> = grown.iter().filter_map(|growth| tiled.zones.get(&growth.log_id)).copied().collect();
    let mut puts = Puts::new(&config.bucket, Owner::Own);
    for zones in zones.chunks(SIGNED) {
        put_signed(config, &mut puts, zones.to_vec()).await?;
    }
    puts.finish().await?;
    put_signed(config, &mut puts, vec![store]).await?;
    puts.finish().await.map(drop)
}

async fn put_signed(config: &Config, puts: &mut Puts, checkpoints: Vec<Checkpoint>) -> Result<()> {
    let (key, signer) = (config.key.clone(), config.signer.clone());
    let signed: Vec<SignedCheckpoint> =
        blocking(move || checkpoints.iter().map(|checkpoint| head::sign(checkpoint, &key, &*signer)).collect()).await?;
    for signed in signed {
        let name = layout::checkpoint(signed.unverified().log_id);
        puts.add(name, signed.to_string(), Put::Replace).await?;
    }
    Ok(())
}

/// Removes the deltas of the heads before `number`, and those that have the number of one of these heads and were never its
/// delta: of publishers that were killed, or lost.
pub(super) async fn prune(bucket: &Bucket, number: u64, heads: &[&Head]) -> Result<()> {
    let mut deltas = bucket.list(layout::DELTAS).await?;
    deltas.retain(|name| {
        let Some(found) = layout::delta_number(name) else { return false };
        let is_of_none = |head: &&Head| head.number == found && head.delta_name() != *name;
        found < number || heads.iter().any(is_of_none)
    });
    bucket.remove(deltas).await
}

/// Removes the objects of all zones that were ever erased: a put that was under way may have brought some back.
pub(super) async fn erase(bucket: &Bucket, sizes: &Sizes) -> Result<()> {
    if sizes.erased.is_empty() {
        return Ok(());
    }
    let folders = bucket.folders(layout::LOGS).await?;
    let logs = folders.iter().filter_map(|folder| layout::log_of_folder(folder));
    for zone in logs.filter(|log_id| sizes.erased.contains_key(log_id)) {
        bucket.remove_folder(&layout::log(zone)).await?;
    }
    Ok(())
}

/// Removes the signed rules of erased zones. A later zone with the same id keeps its own.
pub(super) async fn erase_rules(config: &Config, sizes: &Sizes) -> Result<()> {
    if sizes.erased.is_empty() {
        return Ok(());
    }
    let bucket = &config.bucket;
    let mut zones: Vec<_> = bucket.folders(RULES).await?.iter().filter_map(|name| zone_of_folder(name)).collect();
    zones.retain(|zone_id| sizes.erased.values().any(|erased| erased == zone_id));
    for zone_id in zones {
        let own = log_of_zone(config, &zone_id).await?;
        let mut removed = Vec::new();
        for object in bucket.list(&folder(&zone_id)).await? {
            if own.is_none() || log_of_rules(config, &object).await? != own {
                removed.push(object);
            }
        }
        bucket.remove(removed).await?;
    }
    Ok(())
}

/// The log of a zone; none if the store has no such zone.
async fn log_of_zone(config: &Config, zone_id: &ZoneId) -> Result<Option<LogId>> {
    let (store, zone_id) = (config.store.clone(), zone_id.clone());
    blocking(move || match store.zone(&zone_id).and_then(|zone| zone.info()) {
        Ok(info) => Ok(Some(info.log_id)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    })
    .await
}

/// The log of the signed rules in an object; none if it has no signed rules of this publication.
async fn log_of_rules(config: &Config, object: &str) -> Result<Option<LogId>> {
    let bytes = match config.bucket.get(object, RULES_BYTES).await {
        Ok(Some(bytes)) => bytes,
        Ok(None) | Err(Error::Damaged { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let (trust, object) = (config.trust.clone(), object.to_owned());
    blocking(move || Ok(rules::read(&trust, &object, &bytes).ok().map(|rules| rules.verified.log_id()))).await
}

/// Does the work that a killed publisher may have left.
pub(super) async fn leftovers(config: &Config, state: &mut State) -> Result<()> {
    let (Some(head), bucket) = (&state.head, &config.bucket) else { return Ok(()) };
    if let Some(tiles) = &state.tiles {
        // Deltas before the tiles may have the content of a zone that was erased.
        prune(bucket, tiles.number, &[tiles, head]).await?;
        if state.noted.store < state.tiled.store {
            put_checkpoints(config, &state.noted, &state.tiled, tiles.checkpoint).await?;
            state.noted = state.tiled.clone();
        }
    }
    erase(bucket, &state.sizes).await?;
    erase_rules(config, &state.sizes).await?;
    state.has_leftovers = false;
    Ok(())
}
