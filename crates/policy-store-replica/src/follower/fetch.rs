//! Reads the entries and the content of a publication: from the newest deltas, and before them from tiles.
//!
//! Nothing that it reads is verified here: the replica verifies all of it.

use std::collections::{BTreeMap, VecDeque};
use std::error::Error as StdError;
use std::future::Future;
use std::sync::Arc;

use futures_util::future::{Either, select};
use policy_store::{ContentAddress, LogId, LogPart, LogRange, ReplicaSource};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::bucket::Bucket;
use crate::error::{Error, Result};
use crate::object::delta::LogDelta;
use crate::object::layout::{self, FULL, Tile, TileKind};
use crate::object::{CONTENT_BYTES, ENTRIES_BYTES, PIECE_BYTES, bundle};

/// Bundles that are fetched at once.
const AHEAD: usize = 4;

/// The source of a replica in a bucket. Its calls block, so they need a thread that may.
pub(super) struct Fetch {
    bucket: Bucket,
    handle: Handle,
    /// Ends the calls when its sender is dropped: nobody waits for them any more.
    wanted: watch::Receiver<()>,
    /// The entries of the newest heads, in their order, and their places by log.
    deltas: Arc<Vec<LogDelta>>,
    newest: BTreeMap<LogId, Vec<usize>>,
    /// Bundles that will be asked for, in that order.
    planned: VecDeque<Bundle>,
    running: VecDeque<(Bundle, JoinHandle<Result<LogPart>>)>,
    /// The error of a call: the replica gives it back in a wrapping.
    pub failed: Option<Error>,
}

/// A bundle of entries with its content.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Bundle {
    log_id: LogId,
    number: u64,
    width: u16,
}

impl Bundle {
    fn name(&self, kind: TileKind) -> String {
        Tile { kind, number: self.number, width: self.width }.name(self.log_id)
    }

    async fn fetch(self, bucket: Bucket) -> Result<LogPart> {
        let [entries, content] = [TileKind::Entries, TileKind::Content].map(|kind| self.name(kind));
        let (entries_read, content_read) = futures_util::future::join(
            required(&bucket, &entries, ENTRIES_BYTES),
            required(&bucket, &content, CONTENT_BYTES),
        )
        .await;
        let read = bundle::read_entries(&entries_read?, self.width);
        let read = read.map_err(|problem| Error::damaged(&entries, problem))?;
        let packed = bundle::read_content(&content_read?);
        let packed = packed.map_err(|problem| Error::damaged(&content, problem))?;
        Ok(LogPart::new(read, packed))
    }
}

/// An object that must be there.
pub(super) async fn required(bucket: &Bucket, name: &str, limit: usize) -> Result<bytes::Bytes> {
    bucket.get(name, limit).await?.ok_or_else(|| Error::damaged(name, "missing"))
}

impl Fetch {
    pub fn new(bucket: Bucket, handle: Handle, deltas: Arc<Vec<LogDelta>>, wanted: watch::Receiver<()>) -> Self {
        let mut newest: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (place, delta) in deltas.iter().enumerate() {
            newest.entry(delta.log_id).or_default().push(place);
        }
        let (planned, running) = (VecDeque::new(), VecDeque::new());
        Self { bucket, handle, wanted, deltas, newest, planned, running, failed: None }
    }

    fn of_log(&self, log_id: LogId) -> impl Iterator<Item = &LogDelta> {
        let places = self.newest.get(&log_id).map_or([].as_slice(), Vec::as_slice);
        places.iter().filter_map(|place| self.deltas.get(*place))
    }

    /// Waits, unless nobody wants the outcome any more.
    fn wait<T>(&self, name: &str, future: impl Future<Output = T>) -> Result<T> {
        let mut wanted = self.wanted.clone();
        let waited = self.handle.block_on(async {
            match select(std::pin::pin!(future), std::pin::pin!(wanted.changed())).await {
                Either::Left((outcome, _)) => Some(outcome),
                Either::Right(_) => None,
            }
        });
        waited.ok_or_else(|| Error::unavailable(name, "the poll was dropped"))
    }

    /// Up to where a log is read from tiles: the deltas have the rest.
    fn end_of_tiles(&self, log_id: LogId, end: u64) -> u64 {
        self.of_log(log_id).next().map_or(end, |delta| delta.start.min(end))
    }

    /// The bundle with the entry at `start`, in a tree of `end` entries.
    fn bundle(log_id: LogId, start: u64, end: u64) -> Bundle {
        let number = start / u64::from(FULL);
        let width = u16::try_from(end - number * u64::from(FULL)).unwrap_or(FULL).min(FULL);
        Bundle { log_id, number, width }
    }

    fn start_more(&mut self) {
        while self.running.len() < AHEAD
            && let Some(bundle) = self.planned.pop_front()
        {
            self.running.push_back((bundle, self.handle.spawn(bundle.fetch(self.bucket.clone()))));
        }
    }

    fn read(&mut self, bundle: Bundle) -> Result<LogPart> {
        self.start_more();
        let fetched = match self.running.pop_front() {
            Some((next, running)) if next == bundle => {
                let name = bundle.name(TileKind::Entries);
                self.wait(&name, running)?.map_err(|problem| Error::unavailable(name, problem))?
            }
            // The replica begins anew, before an erasure.
            other => {
                self.running.extend(other);
                self.stop();
                self.wait(&bundle.name(TileKind::Entries), bundle.fetch(self.bucket.clone()))?
            }
        };
        self.start_more();
        fetched
    }

    fn stop(&mut self) {
        self.planned.clear();
        self.running.drain(..).for_each(|(_, running)| running.abort());
    }

    fn part_of_delta(&self, log_id: LogId, start: u64) -> Option<LogPart> {
        let covers = |delta: &&LogDelta| delta.start <= start && delta.end().is_some_and(|end| start < end);
        let delta = self.of_log(log_id).find(covers)?;
        let skipped = usize::try_from(start - delta.start).ok()?;
        Some(LogPart::new(delta.entries.iter().skip(skipped).cloned().collect(), delta.content.clone()))
    }

    pub fn part_of(&mut self, log_id: LogId, start: u64, end: u64) -> Result<LogPart> {
        if let Some(mut part) = self.part_of_delta(log_id, start) {
            part.entries.truncate(usize::try_from(end - start).unwrap_or(usize::MAX));
            return Ok(part);
        }
        let end = self.end_of_tiles(log_id, end);
        if start >= end {
            let problem = format!("entry {start} is in no delta");
            return Err(Error::damaged(layout::log(log_id), problem));
        }
        let bundle = Self::bundle(log_id, start, end);
        let mut part = self.read(bundle)?;
        let skipped = usize::try_from(start % u64::from(FULL)).unwrap_or(usize::MAX);
        part.entries.drain(..skipped.min(part.entries.len()));
        Ok(part)
    }

    /// Keeps an error for the caller of the replica.
    fn keep<T>(&mut self, result: Result<T>) -> Result<T, Box<dyn StdError + Send + Sync>> {
        result.map_err(|error| {
            let text = error.to_string();
            self.failed = Some(error);
            text.into()
        })
    }
}

impl ReplicaSource for Fetch {
    fn announce(&mut self, ranges: &[LogRange]) {
        self.stop();
        for LogRange { log_id, start, end, .. } in ranges {
            let end = self.end_of_tiles(*log_id, *end);
            let mut next = *start;
            while next < end {
                let bundle = Self::bundle(*log_id, next, end);
                next = (bundle.number + 1).saturating_mul(u64::from(FULL));
                self.planned.push_back(bundle);
            }
        }
    }

    fn part(&mut self, log_id: LogId, start: u64, end: u64) -> Result<LogPart, Box<dyn StdError + Send + Sync>> {
        let part = self.part_of(log_id, start, end);
        self.keep(part)
    }

    fn content(&mut self, log_id: LogId, address: &ContentAddress) -> Result<Vec<u8>, Box<dyn StdError + Send + Sync>> {
        let name = layout::piece(log_id, address);
        let piece = self.wait(&name, required(&self.bucket, &name, PIECE_BYTES)).flatten();
        self.keep(piece.map(|bytes| bytes.to_vec()))
    }
}

impl Drop for Fetch {
    fn drop(&mut self) {
        self.stop();
    }
}
