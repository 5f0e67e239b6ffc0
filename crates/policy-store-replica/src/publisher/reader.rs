//! Reads parts of the store's logs for the bucket. Does not know objects.
//!
//! A snapshot that is held keeps its pages, and a first publication reads all of the store. So it takes a new snapshot now and
//! then: logs only grow, but for zones that are erased meanwhile.

use std::collections::BTreeSet;
use std::ops::Range;

use policy_store::log::{Change, Entry};
use policy_store::{ContentAddress, LogId, PolicyStore, Sha256, StoreSnapshot};

use crate::error::{Error, Result};
use crate::object::PACKED_BYTES;

/// Entries that are read at once. Each may name content of some MiB.
const ENTRIES: u64 = 32;
/// Bytes that are read from one snapshot.
const SNAPSHOT_BYTES: usize = 64 * 1024 * 1024;

pub(super) struct Reader {
    store: PolicyStore,
    snapshot: Option<StoreSnapshot>,
    /// The size of the store's log up to which erasures are known.
    known: u64,
    read: usize,
}

/// Entries, and the content that they name.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Part {
    pub entries: Vec<Vec<u8>>,
    /// The pieces that fit into packs and deltas, each once, in the order of the entries.
    pub content: Vec<Vec<u8>>,
    /// The larger ones.
    pub large: Vec<(ContentAddress, Vec<u8>)>,
    named: BTreeSet<Sha256>,
}

impl Part {
    /// Adds the part after this one.
    fn extend(&mut self, entries: Vec<Vec<u8>>, content: Vec<Vec<u8>>) -> Result<()> {
        self.entries.extend(entries);
        for value in content {
            // A store has one value for each piece.
            if !self.named.insert(Sha256::of(&value)) {
                continue;
            }
            if value.len() <= PACKED_BYTES {
                self.content.push(value);
            } else {
                self.large.push((ContentAddress::of_value(&value)?, value));
            }
        }
        Ok(())
    }

    pub(super) fn bytes(&self) -> usize {
        self.entries.iter().chain(&self.content).map(Vec::len).sum()
    }
}

impl Reader {
    /// Reads logs that the store has at the size `known` of its own log.
    pub(super) fn new(store: PolicyStore, known: u64) -> Self {
        Self { store, snapshot: None, known, read: 0 }
    }

    /// The entries in a range, to be extended by ranges after it.
    pub(super) async fn part(&mut self, part: &mut Part, log_id: LogId, range: Range<u64>) -> Result<()> {
        let mut start = range.start;
        while start < range.end {
            let end = range.end.min(start + ENTRIES);
            let read = self.with(move |snapshot| Ok(snapshot.log_part(log_id, start..end)?)).await?;
            self.read += read.entries.iter().chain(&read.content).map(Vec::len).sum::<usize>();
            part.extend(read.entries, read.content)?;
            start = end;
        }
        Ok(())
    }

    /// The hashes of a tile.
    pub(super) async fn hashes(&mut self, log_id: LogId, level: u8, number: u64, width: u16) -> Result<Vec<u8>> {
        let hashes = self.with(move |snapshot| Ok(snapshot.hash_tile(log_id, level, number, width)?)).await?;
        self.read += hashes.len();
        Ok(hashes)
    }

    async fn with<T: Send + 'static>(
        &mut self,
        read: impl FnOnce(&StoreSnapshot) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let snapshot = match self.snapshot.take().filter(|_| self.read < SNAPSHOT_BYTES) {
            Some(snapshot) => snapshot,
            None => self.renew().await?,
        };
        self.snapshot = Some(snapshot.clone());
        blocking(move || read(&snapshot)).await
    }

    async fn renew(&mut self) -> Result<StoreSnapshot> {
        let (store, known) = (self.store.clone(), self.known);
        let (snapshot, size) = blocking(move || {
            let snapshot = store.snapshot()?;
            let size = snapshot.checkpoint()?.size;
            for position in known..size {
                let entry = Entry::decode(&store.entry_bytes(position)?);
                if let Ok(Entry { change: Change::ZoneErased { log_id, .. }, .. }) = entry {
                    let problem = "its zone was erased while it was published";
                    return Err(Error::unavailable(crate::object::layout::log(log_id), problem));
                }
            }
            Ok((snapshot, size))
        })
        .await?;
        (self.known, self.read) = (size, 0);
        Ok(snapshot)
    }
}

/// Runs a call of the store where it may block.
pub(crate) async fn blocking<T: Send + 'static>(call: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(call).await {
        Ok(outcome) => outcome,
        Err(problem) => Err(Error::unavailable("store", problem)),
    }
}

#[cfg(test)]
mod tests {
    use policy_store::{Actor, NewPolicy, NewPolicyVersion, NewSchema};

    use super::*;

    #[tokio::test]
    async fn content_that_several_entries_name_comes_once() {
        let (store, ops) = (PolicyStore::builder().in_memory().unwrap(), Actor::platform("ops").unwrap());
        let schema = "entity User; entity Doc; action view appliesTo { principal: User, resource: Doc };";
        let text = "permit (principal, action, resource);";
        let made = store.write(&ops, |w| {
            w.publish_schema(NewSchema::cedar("v1", schema))?;
            w.create_zone("acme")?;
            (0..40).try_for_each(|n| {
                let mut zone = w.zone("acme")?;
                let policy = zone.create_policy(NewPolicy::named(format!("p{n}")))?;
                zone.create_policy_version(&policy.id, NewPolicyVersion::cedar("v1", text)).map(drop)
            })
        });
        made.unwrap();
        let (log, own) = (store.zone("acme").unwrap().checkpoint().unwrap(), store.checkpoint().unwrap());
        let (mut reader, mut part) = (Reader::new(store, own.size), Part::default());
        reader.part(&mut part, log.log_id, 0..log.size).await.unwrap();
        let alone: BTreeSet<_> = part.content.iter().collect();
        assert!(part.entries.len() == 81 && !part.content.is_empty());
        assert_eq!((part.content.len(), part.large.len()), (alone.len(), 0));
    }

    #[tokio::test]
    async fn parts_follow_one_another_and_an_erased_zone_is_no_damage() {
        let (store, ops) = (PolicyStore::builder().in_memory().unwrap(), Actor::platform("ops").unwrap());
        store.write(&ops, |w| w.create_zone("acme").map(drop)).unwrap();
        let policies = |n| NewPolicy::named(format!("p{n}"));
        store.write(&ops, |w| (0..99).try_for_each(|n| w.zone("acme")?.create_policy(policies(n)).map(drop))).unwrap();
        let seal = store.seal(&ops).unwrap();
        let log = store.zone("acme").unwrap().checkpoint().unwrap();
        assert_eq!(log.size, 100);

        let mut reader = Reader::new(store.clone(), seal.checkpoint.size);
        let (mut whole, mut in_steps) = (Part::default(), Part::default());
        reader.part(&mut whole, log.log_id, 3..100).await.unwrap();
        reader.part(&mut in_steps, log.log_id, 3..50).await.unwrap();
        reader.part(&mut in_steps, log.log_id, 50..100).await.unwrap();
        assert_eq!((whole.entries.len(), &whole), (97, &in_steps));
        assert_eq!(whole.entries[0], store.zone("acme").unwrap().entry_bytes(3).unwrap());

        store.erase_zone(&ops, "acme").unwrap();
        // The snapshot still has it.
        reader.part(&mut Part::default(), log.log_id, 0..100).await.unwrap();
        reader.read = SNAPSHOT_BYTES;
        let error = reader.part(&mut Part::default(), log.log_id, 0..1).await.unwrap_err();
        assert_eq!((error.code(), error.object()), ("unavailable", Some(&*format!("logs/{}", log.log_id))));
        store.write(&ops, |w| w.create_zone("next").map(drop)).unwrap();
    }
}
