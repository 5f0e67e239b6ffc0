//! Reading one version by its policy and number.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion};
use policy_store::{Include, PolicyStore};
use redb::{Database, ReadableDatabase, TableDefinition};

use crate::large::{Large, large};
use crate::{floor, sample};

const ROWS: TableDefinition<'static, u32, &'static [u8]> = TableDefinition::new("versions");
/// The number of versions that are read repeatedly.
const AGAIN: u32 = 100;
/// The number of versions that are read from a newly opened file.
const FIRST: u64 = 1_000;

/// Floor: one raw get of as many bytes as the file has of a version, with entry and content in one row.
pub fn get(c: &mut Criterion) {
    let mut group = c.benchmark_group("get a version by (zone, policy, version), both forms");
    for (line, budget) in [("cached", 64 << 20), ("never cached", 0)] {
        group.bench_function(BenchmarkId::new("store", line), |b| {
            let large = large();
            let store = large.open(|options| options.record_cache_bytes(budget));
            let zone = store.zone("z").unwrap();
            let mut numbers = (1..=AGAIN).cycle();
            b.iter(|| zone.policy_version_numbered("p", numbers.next().unwrap(), Include::Both).unwrap());
        });
        group.bench_function(BenchmarkId::new("floor", line), |b| {
            let database = rows(&large());
            let mut numbers = (1..=AGAIN).cycle();
            b.iter(|| row(&database, numbers.next().unwrap()));
        });
    }
    let line = "first time, file just opened";
    group.bench_function(BenchmarkId::new("store", line), |b| {
        let large = large();
        let open = || large.open(|options| options);
        let read = |store: &PolicyStore, n| {
            black_box(store.zone("z").unwrap().policy_version_numbered("p", n, Include::Both).unwrap());
        };
        b.iter_custom(|reads| time_first_reads(reads, large.versions(), open, read));
    });
    group.bench_function(BenchmarkId::new("floor", line), |b| {
        let large = large();
        drop(rows(&large));
        let open = || floor::open(&large.beside("rows.redb"));
        let read = |database: &Database, n| drop(black_box(row(database, n)));
        b.iter_custom(|reads| time_first_reads(reads, large.versions(), open, read));
    });
    group.finish();
}

/// Reads versions from all parts of the file, none twice between two openings.
#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn time_first_reads<T>(reads: u64, versions: usize, open: impl Fn() -> T, read: impl Fn(&T, u32)) -> Duration {
    let mut total = Duration::ZERO;
    let mut done = 0;
    while done < reads {
        let opened = open();
        let until = reads.min(done + FIRST.min(versions as u64));
        let started = Instant::now();
        (done..until).for_each(|n| read(&opened, sample::scattered(n, versions)));
        total += started.elapsed();
        done = until;
    }
    total
}

fn row(database: &Database, n: u32) -> Vec<u8> {
    let transaction = database.begin_read().unwrap();
    let table = transaction.open_table(ROWS).unwrap();
    table.get(n).unwrap().unwrap().value().to_vec()
}

/// A file with the entries and content of the large store, in one row for each version. It is created once.
fn rows(large: &Large) -> Database {
    let path = large.beside("rows.redb");
    if path.exists() {
        return floor::open(&path);
    }
    let source = floor::open(&large.path());
    let read = source.begin_read().unwrap();
    let database = floor::builder().create(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    {
        let mut table = transaction.open_table(ROWS).unwrap();
        for end in (100..=large.versions()).step_by(100) {
            let page = floor::page(&read, end, true);
            let (entries, contents) = page.split_at(100);
            for ((n, entry), content) in (1..=end as u32).rev().zip(entries).zip(contents) {
                table.insert(n, [entry.as_slice(), content].concat().as_slice()).unwrap();
            }
        }
    }
    transaction.commit().unwrap();
    database
}
