//! Reads a whole publication as `docs/replicas.md` describes it, with nothing of the publisher: heads, deltas, tiles. A replica
//! verifies the entries.

use std::collections::BTreeMap;
use std::error::Error as StdError;

use bytes::Bytes;
use futures_util::TryStreamExt;
use policy_store::note::{NoteKey, SignedCheckpoint, Trust};
use policy_store::{
    Checkpoint, ContentAddress, EntryHash, LogId, LogPart, PolicyStore, Replica, ReplicaSource, Sha256, ZoneChoice,
};
use policy_store_replica::object::bundle;
use policy_store_replica::object::delta::{Delta, LogDelta};
use policy_store_replica::object::layout::{Tile, TileKind};
use policy_store_replica::object_store::{ObjectStore, ObjectStoreExt as _};

use super::support::{NAME, key};

/// All objects of a bucket.
#[derive(Clone)]
pub struct Objects(pub BTreeMap<String, Bytes>);

impl Objects {
    pub async fn read(store: &dyn ObjectStore) -> Self {
        let listed: Vec<_> = store.list(None).try_collect().await.unwrap();
        let mut objects = BTreeMap::new();
        for object in listed {
            let bytes = store.get(&object.location).await.unwrap().bytes().await.unwrap();
            objects.insert(object.location.to_string(), bytes);
        }
        Self(objects)
    }

    pub fn names(&self, folder: &str) -> Vec<&str> {
        self.0.keys().map(String::as_str).filter(|name| name.starts_with(folder)).collect()
    }

    fn text(&self, name: &str) -> &str {
        std::str::from_utf8(self.0.get(name).unwrap_or_else(|| panic!("no {name}"))).unwrap()
    }

    /// The checkpoints and times of all heads, in order.
    pub fn heads(&self) -> Vec<(Checkpoint, i64)> {
        let time = NoteKey::cosigner(NAME, key(1).as_bytes()).unwrap();
        let trust = Trust::new().log_key(key(1)).witness(time).quorum(1);
        let names = self.names("heads/");
        let read = |(number, name): (usize, &&str)| {
            assert_eq!(**name, format!("heads/{number:020}"));
            let verified = self.text(name).parse::<SignedCheckpoint>().unwrap().verify(&trust).unwrap();
            (verified.checkpoint(), verified.cosigned()[0].time.as_micros() / 1_000_000)
        };
        names.iter().enumerate().map(read).collect()
    }

    /// The delta of a head, if it is there.
    pub fn delta(&self, number: u64) -> Option<Delta> {
        let hash = Sha256::of(self.text(&format!("heads/{number:020}")).as_bytes()).to_string();
        let bytes = self.0.get(&format!("deltas/{number:020}-{}", &hash[..16]))?;
        Some(Delta::read(bytes, number).unwrap())
    }

    pub fn checkpoint(&self, log_id: LogId) -> Option<Checkpoint> {
        let name = format!("logs/{log_id}/checkpoint");
        self.0.get(&name)?;
        let signed: SignedCheckpoint = self.text(&name).parse().unwrap();
        Some(signed.verify(&Trust::new().log_key(key(1))).unwrap().checkpoint())
    }

    /// The widest entry bundle of a log with this number whose content is there.
    fn bundle(&self, log_id: LogId, number: u64) -> Option<(Tile, &Bytes)> {
        let tiles = self.0.iter().filter_map(|(name, bytes)| Tile::parse(name).map(|(log, tile)| (log, tile, bytes)));
        let tiles =
            tiles.filter(|(log, tile, _)| *log == log_id && tile.kind == TileKind::Entries && tile.number == number);
        let tiles = tiles.filter(|(_, tile, _)| self.0.contains_key(&content(log_id, *tile)));
        tiles.max_by_key(|(_, tile, _)| tile.width).map(|(_, tile, bytes)| (tile, bytes))
    }

    fn source(&self, with_deltas: bool) -> Source<'_> {
        let newest = self.heads().len() as u64 - 1;
        let tiles = self.delta(newest).expect("delta of the newest head").tiles;
        let mut deltas = Vec::new();
        if with_deltas {
            for number in tiles + 1..=newest {
                deltas.extend(self.delta(number).unwrap().logs.expect("logs between tiles"));
            }
        }
        Source { objects: self, deltas }
    }

    /// The replica after the newest head, from the newest tiles and the deltas after them.
    pub fn follow(&self) -> Replica {
        let replica = PolicyStore::builder().replica_in_memory().unwrap();
        let (newest, _) = *self.heads().last().unwrap();
        replica.apply(&newest, &ZoneChoice::All, &mut self.source(true)).unwrap();
        replica
    }

    /// Checks that the tiles are those of the store at the size of its own checkpoint object.
    pub fn check_tiles(&self, store: &PolicyStore) {
        let own = store.checkpoint().unwrap().log_id;
        let at = self.checkpoint(own).unwrap();
        let replica = PolicyStore::builder().replica_in_memory().unwrap();
        replica.apply(&at, &ZoneChoice::All, &mut self.source(false)).unwrap();
        let snapshot = store.snapshot().unwrap();
        let zones = replica.store().zones_iter(&policy_store::PageRequest::new());
        let zones = zones.map(|zone| replica.store().zone(zone.unwrap().id.as_str()).unwrap().checkpoint().unwrap());
        for Checkpoint { log_id, size, .. } in zones.chain([at]) {
            assert_eq!(self.checkpoint(log_id).map(|found| found.size), Some(size), "log {log_id}");
            for level in (0..8_u8).filter(|level| size >> (8 * level) > 0) {
                for tile in Tile::beyond(TileKind::Hashes(level), 0, size) {
                    let name = tile.name(log_id);
                    let bytes = self.0.get(&name).unwrap_or_else(|| panic!("no {name}"));
                    let expected = snapshot.hash_tile(log_id, level, tile.number, tile.width).unwrap();
                    assert_eq!(**bytes, expected, "{name}");
                    let entries = Tile { kind: TileKind::Entries, ..tile }.name(log_id);
                    if level == 0 {
                        let entries = bundle::read_entries(&self.0[&entries], tile.width).unwrap();
                        let hashes: Vec<u8> = entries.iter().flat_map(|entry| EntryHash::of(entry).0).collect();
                        assert_eq!(**bytes, hashes, "{name}");
                    }
                }
            }
        }
    }
}

/// The name of the content pack of a bundle.
fn content(log_id: LogId, bundle: Tile) -> String {
    Tile { kind: TileKind::Content, ..bundle }.name(log_id)
}

struct Source<'a> {
    objects: &'a Objects,
    deltas: Vec<LogDelta>,
}

impl ReplicaSource for Source<'_> {
    fn part(&mut self, log_id: LogId, start: u64, end: u64) -> Result<LogPart, Box<dyn StdError + Send + Sync>> {
        let has = |delta: &&LogDelta| delta.log_id == log_id && (delta.start..delta.end().unwrap()).contains(&start);
        if let Some(delta) = self.deltas.iter().find(has) {
            assert_eq!(delta.start, start, "deltas follow one another");
            return Ok(LogPart::new(delta.entries.clone(), delta.content.clone()));
        }
        let number = start / 256;
        let (tile, bytes) = self.objects.bundle(log_id, number).ok_or("no bundle")?;
        let mut entries = bundle::read_entries(bytes, tile.width)?;
        let content = &self.objects.0[&content(log_id, tile)];
        entries.truncate(usize::try_from(end.saturating_sub(number * 256)).unwrap());
        let entries: Vec<_> = entries.into_iter().skip(usize::try_from(start % 256).unwrap()).collect();
        if entries.is_empty() {
            return Err(format!("no entry {start} of log {log_id}").into());
        }
        Ok(LogPart::new(entries, bundle::read_content(content)?))
    }

    fn content(&mut self, log_id: LogId, address: &ContentAddress) -> Result<Vec<u8>, Box<dyn StdError + Send + Sync>> {
        Ok(self.objects.0.get(&format!("logs/{log_id}/content/{address}")).ok_or("no such content")?.to_vec())
    }
}
