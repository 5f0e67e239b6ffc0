//! The size of files beside the size of their payload.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use policy_store::PolicyStore;

use crate::large::large;
use crate::run::Sizes;
use crate::sample::{self, SCHEMA};
use crate::{floor, world};

const ZONES: usize = 2_000;
const POLICIES: usize = 50;

/// Sizes of the `store` and of its `floor`, the payload: text and JSON of all versions.
pub fn sizes() -> Sizes {
    let large = large();
    let mut sizes = Sizes::new();
    let mut add = |line, bytes, payload| sizes.insert(line, BTreeMap::from([("store", bytes), ("floor", payload)]));
    add("100,000 versions in 10 writes", length(&large.path()), large.payload);
    add("100,000 versions, compacted", compacted(&large.path(), &large.beside("compacted.redb")), large.payload);
    let folder = sample::folder();
    let path = folder.path().join("shared.redb");
    let payload = shared(&path);
    add("2,000 zones that share 50 policies", length(&path), payload);
    add(
        "2,000 zones that share 50 policies, compacted",
        compacted(&path, &folder.path().join("compacted.redb")),
        payload,
    );
    sizes
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).unwrap().len()
}

/// The length of a fully compacted copy.
fn compacted(path: &Path, copy: &Path) -> u64 {
    fs::copy(path, copy).unwrap();
    let mut database = floor::open(copy);
    while database.compact().unwrap() {}
    drop(database);
    length(copy)
}

/// Creates a store of many zones with the same policies, like tenants with the same defaults. Returns its payload.
fn shared(path: &Path) -> u64 {
    let store = PolicyStore::open(path).unwrap();
    world::with_schema(&store, SCHEMA);
    let prepared = world::prepare_on_two_threads(&store, 0..POLICIES);
    let zones: Vec<usize> = (0..sample::size(ZONES)).collect();
    let mut payload = 0;
    for zones in zones.chunks(100) {
        store
            .write(&world::actor(), |w| {
                for n in zones {
                    let mut zone = w.create_zone(format!("zone-{n}"))?;
                    for (n, version) in prepared.iter().enumerate() {
                        let policy = zone.create_policy(policy_store::NewPolicy::named("p").id(format!("p{n}")))?;
                        let version = zone.create_policy_version(&policy.id, version.clone())?;
                        payload += version.cedar_raw.map_or(0, |text| text.len() as u64);
                        payload += version.cedar_json.map_or(0, |json| json.len() as u64);
                    }
                }
                Ok(())
            })
            .unwrap();
    }
    payload
}
