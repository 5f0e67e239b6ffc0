//! The next head of a publication: seals, puts the objects that the head needs, signs it, puts it, and does the work after it.
//!
//! Does not know heads that other publishers put.

use bytes::Bytes;
use policy_store::{Actor, Checkpoint, LogId, PolicyStore, Timestamp};

use super::puts::Owner;
use super::reader::{Reader, blocking};
use super::resume::State;
use super::sizes::{Growth, Sizes};
use super::{Config, Outcome, Pending, Published, Publisher, finish, is_due, tiles};
use crate::error::{Error, Result};
use crate::head::{self, Head};
use crate::object::delta::{Delta, LogDelta};
use crate::object::layout::Tile;

impl Publisher {
    /// Puts the next head, if there is a reason for one. Also returns the commits of the store, if all of them are in the newest head.
    pub(super) async fn next(&mut self, state: &mut State) -> Result<(Published, Option<u64>)> {
        let config = self.config.clone();
        // A cosignature has whole seconds.
        let now = (config.clock)();
        let now = Timestamp::from_micros(now.as_micros() - now.as_micros() % 1_000_000);
        let before = state.sizes.clone();
        let (store, actor) = (config.store.clone(), config.actor.clone());
        let (to, sizes, commits) = blocking(move || seal(&store, &actor, before)).await?;
        let outcome = match &state.head {
            Some(head) if head.checkpoint == to && !is_due(head.time, now, config.repeat_after) => {
                let published = Published {
                    number: head.number,
                    checkpoint: to,
                    time: head.time,
                    outcome: Outcome::Unchanged,
                    rules: Vec::new(),
                };
                return Ok((published, commits));
            }
            Some(head) if head.checkpoint == to => Outcome::Repeated,
            _ => Outcome::New,
        };
        let number = state.head.as_ref().map_or(Some(0), |head| head.number.checked_add(1));
        let number = number.ok_or_else(|| Error::damaged("heads", "no number is left"))?;
        let PutLogs { tiles, logs, replaced } = put_logs(&config, state, number, outcome, to, &sizes).await?;
        let delta = Delta {
            tiles: if tiles { number } else { state.tiles.as_ref().map_or(number, |tiles| tiles.number) },
            logs,
        };

        let signing = config.clone();
        let bytes = blocking(move || sign(&signing, to, now)).await?;
        let head = Head { number, checkpoint: to, time: now, bytes };
        let name = head.delta_name();
        let delta = delta.write().map_err(|problem| Error::damaged(&name, problem))?;
        config.bucket.create_same(&name, delta.into()).await?;
        self.pending = Some(Pending { number, bytes: head.bytes.clone(), replaced });
        self.put_pending().await?;
        self.check_replaced(&sizes).await?;

        let published = Published { number, checkpoint: to, time: now, outcome, rules: Vec::new() };
        advance(&config, state, head, sizes, tiles).await?;
        Ok((published, commits))
    }
}

/// Seals, and reads the sizes of all logs. Also returns the commits of the store, if none but the seal's came meanwhile. A seal
/// shares its commit with no other write.
fn seal(store: &PolicyStore, actor: &Actor, before: Sizes) -> Result<(Checkpoint, Sizes, Option<u64>)> {
    let commits_before = store.commits()?;
    let seal = store.seal(actor)?;
    let commits = store.commits()?;
    let own = u64::from(seal.grown.is_some());
    let sizes = before.advance(store, seal.checkpoint.size)?;
    Ok((seal.checkpoint, sizes, Some(commits).filter(|commits| *commits == commits_before + own)))
}

/// The objects of logs that a head needs.
struct PutLogs {
    /// Whether its tiles are there.
    tiles: bool,
    /// The logs of its delta.
    logs: Option<Vec<LogDelta>>,
    /// The tiles that were there with other bytes.
    replaced: Vec<(LogId, Tile)>,
}

/// Puts the objects of the logs that the head `number` needs.
async fn put_logs(
    config: &Config,
    state: &State,
    number: u64,
    outcome: Outcome,
    to: Checkpoint,
    sizes: &Sizes,
) -> Result<PutLogs> {
    let (mut replaced, owner) = (Vec::new(), Owner::Next(number));
    let mut reader = Reader::new(config.store.clone(), to.size);
    let grown: Vec<Growth> = sizes.since(&state.sizes, to.log_id);
    let logs = tiles::parts(&config.bucket, &mut reader, owner, &grown).await?;
    let are_old = state.tiles.as_ref().is_none_or(|tiles| number - tiles.number >= config.tiles_after);
    let has_erased = !sizes.erased_since(&state.sizes).is_empty();
    let tiles = logs.is_none() || are_old || has_erased || outcome == Outcome::Repeated;
    if tiles {
        // The parts of a delta were read as a whole, with their larger pieces of content.
        let new = if logs.is_some() { [].as_slice() } else { grown.as_slice() };
        // None of these belongs to a head that is there: each has entries beyond `state.tiled`.
        let beyond = sizes.since(&state.tiled, to.log_id);
        replaced = tiles::put(&config.bucket, &mut reader, owner, &beyond, new).await?;
    }
    Ok(PutLogs { tiles, logs, replaced })
}

/// The bytes of a head: signed, with the time, and cosigned by witnesses.
fn sign(config: &Config, to: Checkpoint, now: Timestamp) -> Result<Bytes> {
    let mut signed = head::sign(&to, &config.key, &*config.signer)?;
    head::sign_time(&mut signed, &config.key, &*config.signer, now)?;
    if let Some(witness) = &config.witness {
        let cosigned = witness.cosign(&signed).map_err(|source| Error::unavailable("witness", source))?;
        for signature in cosigned {
            signed.add(signature).map_err(|source| Error::unavailable("witness", source))?;
        }
    }
    Ok(signed.to_string().into())
}

/// Takes a head into the state, and does the work after it.
async fn advance(config: &Config, state: &mut State, head: Head, sizes: Sizes, has_tiles: bool) -> Result<()> {
    let erased = sizes.erased_since(&state.sizes);
    if has_tiles {
        finish::put_checkpoints(config, &state.noted, &sizes, head.checkpoint).await?;
        let kept = state.tiles.as_ref().filter(|_| erased.is_empty()).map_or(head.number, |tiles| tiles.number);
        finish::prune(&config.bucket, kept, &[&head]).await?;
        finish::erase(&config.bucket, &sizes).await?;
        if !erased.is_empty() {
            finish::erase_rules(config, &sizes).await?;
        }
        (state.tiled, state.noted) = (sizes.clone(), sizes.clone());
        state.tiles = Some(head.clone());
    }
    (state.head, state.sizes) = (Some(head), sizes);
    Ok(())
}
