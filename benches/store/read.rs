//! Reading versions: one by its number, and pages.

use std::hint::black_box;

use criterion::Criterion;
use policy_store::{Forms, List, PolicyStore};
use redb::{Database, ReadableDatabase, TableDefinition};

use crate::world;

const VERSIONS: usize = 10_000;
const TABLE: TableDefinition<'static, u64, &'static [u8]> = TableDefinition::new("versions");

fn store_and_floor(folder: &std::path::Path, budget: usize) -> (PolicyStore, Database) {
    let store = PolicyStore::builder().record_cache_bytes(budget).open(folder.join("store.redb")).unwrap();
    world::versions(&store, VERSIONS);
    let json = store.zone("z").unwrap().policy_version_numbered("p", 1, Forms::Json).unwrap().cedar_json.unwrap();
    let database = Database::create(folder.join("floor.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    {
        let mut table = transaction.open_table(TABLE).unwrap();
        for n in 0..VERSIONS {
            let value = [&[0; 420], world::text(n).as_bytes(), json.as_bytes()].concat();
            table.insert(n as u64, value.as_slice()).unwrap();
        }
    }
    transaction.commit().unwrap();
    (store, database)
}

/// Floor: one raw get of as many bytes.
pub fn get(c: &mut Criterion) {
    let mut group = c.benchmark_group("get a version by its number, both forms");
    for (name, budget) in [("store, cached", 64 << 20), ("store, never cached", 0)] {
        let folder = tempfile::tempdir().unwrap();
        let (store, database) = store_and_floor(folder.path(), budget);
        let zone = store.zone("z").unwrap();
        let mut n = 0;
        let mut next = || {
            n = n % 100 + 1;
            n
        };
        group.bench_function(name, |b| {
            b.iter(|| zone.policy_version_numbered("p", next(), Forms::Both).unwrap());
        });
        if budget > 0 {
            group.bench_function("floor", |b| {
                b.iter(|| {
                    let transaction = database.begin_read().unwrap();
                    let table = transaction.open_table(TABLE).unwrap();
                    table.get(u64::from(next())).unwrap().unwrap().value().to_vec()
                });
            });
        }
    }
    group.finish();
}

/// Floor: a raw range of as many rows and bytes.
pub fn page(c: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let (store, database) = store_and_floor(folder.path(), 32 << 20);
    let zone = store.zone("z").unwrap();
    let mut group = c.benchmark_group("a page of 100 versions");
    let list = List::new().limit(100);
    for (name, forms) in
        [("store, both forms", Forms::Both), ("store, text", Forms::Cedar), ("store, metadata", Forms::Neither)]
    {
        group.bench_function(name, |b| b.iter(|| zone.policy_versions("p", forms, &list).unwrap()));
    }
    group.bench_function("floor, both forms", |b| {
        b.iter(|| {
            let transaction = database.begin_read().unwrap();
            let table = transaction.open_table(TABLE).unwrap();
            for row in table.range::<u64>(..).unwrap().rev().take(100) {
                black_box(row.unwrap().1.value().to_vec());
            }
        });
    });
    group.finish();
}
