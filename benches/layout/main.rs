//! Measures where to store small content: in the log entry that introduces it, or in content-addressed objects.
//!
//! A policy version has two representations: its Cedar text and the derived JSON, which is 2.5 times as long. Five
//! layouts are measured on real files. As in the store, every write is a two-phase commit, and every read checks
//! BLAKE3:
//!
//! - A: both representations in objects of their own
//! - B: both representations in the log entry
//! - C: the text in the entry, the JSON in an object
//! - D: a representation of up to 1 KiB in the entry, a larger one in an object
//! - E: both representations in one object
//!
//! A second experiment compares index rows in one table with rows in five tables, and one version index (the order by
//! number is also the order by created_at) with two.
//!
//! Decision: A, with one table of index rows and one version index. With 100,000 versions on two cores of a virtual
//! machine:
//!
//! - B reads both representations 1.5 to 2 times as fast (a cold page of 100 takes 0.22 ms, and 0.41 in A). It imports
//!   2 to 3 times as fast (20 to 34 µs for each version, and 44 to 80 in A; Cedar's parser and validator take over
//!   100). It saves a fifth of a durable commit (0.53 ms, and 0.66 in A). A cold read happens once, because decoded
//!   versions are cached.
//! - A reads a log without its content (list, replay, verify, follow) 4 times as fast as B, and 9 times with texts of 4
//!   KiB. If 2,000 tenants share 50 policies, the file of A has 66 MB, of B 393, of C 143 and of D 163. If nothing is
//!   shared, the file of A is 1.11 times as large as the smallest.
//! - The entry of A has addresses of content only, so no hash depends on the place of content.
//! - C and D have two rules, and a part of both advantages. B would need a second rule too, because a text may have 64
//!   KiB.
//! - E is the closest: it shares as A does, imports in a quarter less time, commits in 5 to 9% less, and its file is 7%
//!   smaller. But an evaluation needs the text only, and would read and hash 3.5 times as much (1.1 to 1.4 times the
//!   time). Damage to the JSON would also damage the text.
//! - Index rows in five tables cost a commit 4% and 8 KiB more than in one table. A second version index costs 7% and
//!   15 KiB more.
//!
//! `LAYOUT_VERSIONS` is the number of versions in the zone. The default is 20,000, which takes under a minute on a
//! quiet disk. `cargo test --benches` uses 500, to show that the program works.

#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

mod content;
mod instruments;
mod read;
mod store;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::error::Error;
use std::hint::black_box;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use content::*;
use instruments::*;
use read::*;
use redb::backends::FileBackend;
use redb::{Builder, Database, ReadOnlyTable, ReadableDatabase, ReadableTable, StorageBackend, Table, TableDefinition};
use store::*;

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;
type Definition = TableDefinition<'static, &'static [u8], &'static [u8]>;
type WriteTable<'txn> = Table<'txn, &'static [u8], &'static [u8]>;
type ReadTable = ReadOnlyTable<&'static [u8], &'static [u8]>;
const META: Definition = TableDefinition::new("meta");
const LOG: Definition = TableDefinition::new("log");
const OBJECTS: Definition = TableDefinition::new("objects");
const INDEXES: [Definition; 5] = [
    TableDefinition::new("index_0"),
    TableDefinition::new("index_1"),
    TableDefinition::new("index_2"),
    TableDefinition::new("index_3"),
    TableDefinition::new("index_4"),
];

/// The number of writes that fill the zone. Each is timed as an import.
const IMPORTS: usize = 10;
/// Versions of each policy in the large zone. Policies take turns, so adjacent log entries are of different policies.
const VERSIONS_PER_POLICY: usize = 200;
const POLICIES_PER_SHARED_ZONE: usize = 50;
const PAGE: usize = 100;
const ROUNDS: usize = 25;
const PAGES_PER_ROUND: usize = 8;
const POINTS_PER_ROUND: usize = 400;

fn main() -> Result<()> {
    let default = if std::env::args().any(|argument| argument == "--bench") { 20_000 } else { 500 };
    let versions = std::env::var("LAYOUT_VERSIONS").map_or(Ok(default), |number| number.parse())?;
    one_zone("text of 300 to 1,000 bytes", versions, |n| 300 + n * 389 % 701)?;
    // With exactly 4 KiB, every text would be slightly too large for a page.
    one_zone("text of 3 to 5 KiB", versions / 10, |n| 3072 + n * 389 % 2049)?;
    shared_policies(versions / POLICIES_PER_SHARED_ZONE)?;
    index_tables(versions)
}

/// All versions in one zone, each with content of its own.
fn one_zone(what: &str, versions: usize, text_length: fn(usize) -> usize) -> Result<()> {
    let mut stores = Store::for_each_layout()?;
    let mut report = Report::new(format!("One zone of {versions} versions, {what}"), &stores);
    let zone = Zone { versions, text_length };
    zone.import(&stores, &mut report)?;
    zone.read(&stores, &mut report)?;
    zone.commit_singly(&stores, &mut report)?;
    file_sizes(&mut stores, &mut report)?;
    report.print();
    Ok(())
}

/// Many zones with the same policies, like tenants with the same defaults.
fn shared_policies(zones: usize) -> Result<()> {
    let contents: Vec<_> = (0..POLICIES_PER_SHARED_ZONE).map(|n| Rc::new(Content::new(n, 300 + n * 14))).collect();
    let mut stores = Store::for_each_layout()?;
    let mut report = Report::new(format!("{zones} zones that share {POLICIES_PER_SHARED_ZONE} policies"), &stores);
    let each = zones / IMPORTS;
    let times = in_turn(&stores, IMPORTS, |store, round, times| {
        let logs = (round * each..(round + 1) * each).map(u32::try_from).collect::<Result<Vec<_>, _>>()?;
        let versions_of =
            |log| contents.iter().enumerate().map(move |(n, content)| NewVersion::new(log, n, 1, content));
        let versions: Vec<_> = logs.into_iter().flat_map(versions_of).collect();
        times.push(milliseconds(store.append(&versions)?));
        Ok(())
    })?;
    let each = each * POLICIES_PER_SHARED_ZONE;
    report.add_medians(format!("import of {each} versions in one write, ms"), times);
    file_sizes(&mut stores, &mut report)?;
    report.print();
    Ok(())
}

/// Layout A under each arrangement of the index rows.
fn index_tables(versions: usize) -> Result<()> {
    let arrangements = [Indexing::OneTable, Indexing::FiveTables, Indexing::SecondVersionIndex];
    let mut stores = arrangements
        .map(|indexing| Store::create(Layout::Objects, indexing))
        .into_iter()
        .collect::<Result<Vec<_>>>()?;
    let mut report = Report::new(format!("Index rows, layout A, one zone of {versions} versions"), &stores);
    let zone = Zone { versions, text_length: |n| 300 + n * 389 % 701 };
    zone.import(&stores, &mut report)?;
    zone.commit_singly(&stores, &mut report)?;
    file_sizes(&mut stores, &mut report)?;
    report.print();
    Ok(())
}

struct Zone {
    versions: usize,
    text_length: fn(usize) -> usize,
}

impl Zone {
    const LOG: u32 = 7;

    fn policies(&self) -> usize {
        (self.versions / VERSIONS_PER_POLICY).max(1)
    }

    fn version(&self, n: usize) -> Result<NewVersion> {
        let content = Rc::new(Content::new(n, (self.text_length)(n)));
        let number = u32::try_from(n / self.policies() + 1)?;
        Ok(NewVersion::new(Self::LOG, n % self.policies(), number, &content))
    }

    fn import(&self, stores: &[Store], report: &mut Report) -> Result<()> {
        let each = self.versions / IMPORTS;
        let written = BytesWritten::since_now(stores);
        let times = in_turn(stores, IMPORTS, |store, round, times| {
            let versions = (round * each..(round + 1) * each).map(|n| self.version(n)).collect::<Result<Vec<_>>>()?;
            times.push(milliseconds(store.append(&versions)?));
            Ok(())
        })?;
        report.add_medians(format!("import of {each} versions in one write, ms"), times);
        report.add("the same, MB written (mean)", written.per(IMPORTS, 1e6));
        Ok(())
    }

    fn commit_singly(&self, stores: &[Store], report: &mut Report) -> Result<()> {
        let each = (self.versions / 200 / ROUNDS).max(4);
        let commits = ROUNDS * each;
        let written = BytesWritten::since_now(stores);
        let times = in_turn(stores, ROUNDS, |store, round, times| {
            for n in 0..each {
                let version = self.version(self.versions + round * each + n)?;
                times.push(milliseconds(store.append(&[version])?) * 1e3);
            }
            Ok(())
        })?;
        report.add_medians(format!("commit of one version (median of {commits}), µs"), times);
        report.add("the same, KiB written (mean)", written.per(commits, 1024.0));
        Ok(())
    }

    fn read(&self, stores: &[Store], report: &mut Report) -> Result<()> {
        for store in stores {
            store.warm_up()?;
            self.compare(&store.reader()?)?;
        }
        for want in [Want::Both, Want::Metadata] {
            let name = want.name();
            let times = self.time_reads(stores, PAGES_PER_ROUND, |reader, _| reader.newest_of_zone(Self::LOG, want))?;
            report.add_medians(format!("page of {PAGE}, newest of the zone, {name}, µs"), times);
            let times = self.time_reads(stores, PAGES_PER_ROUND, |reader, random| {
                reader.newest_of_policy(Self::LOG, random % self.policies(), want)
            })?;
            report.add_medians(format!("page of {PAGE}, newest of a policy, {name}, µs"), times);
        }
        for want in [Want::Both, Want::Text, Want::Metadata] {
            let times = self.time_reads(stores, POINTS_PER_ROUND, |reader, random| {
                let n = random % self.versions;
                reader.point(Self::LOG, n % self.policies(), u32::try_from(n / self.policies() + 1)?, want)
            })?;
            report.add_medians(format!("point read, {}, µs", want.name()), times);
        }
        Ok(())
    }

    /// Asserts that each layout returns the written content.
    fn compare(&self, reader: &Reader) -> Result<()> {
        for n in (0..self.versions).step_by(7) {
            let written = self.version(n)?;
            let read = reader.point(Self::LOG, n % self.policies(), written.number, Want::Both)?;
            let same = (&read.policy, &read.id, read.number) == (&written.policy, &written.id, written.number)
                && read.text.is_some_and(|text| text.as_bytes() == written.content.text)
                && read.json.is_some_and(|json| json.as_bytes() == written.content.json);
            if !same {
                return Err(format!("version {n} was read other than it was written").into());
            }
        }
        Ok(())
    }

    /// For each store, the mean time of a read in each round, in microseconds. `read` gets a pseudo-random number.
    fn time_reads<T>(
        &self,
        stores: &[Store],
        reads: usize,
        read: impl Fn(&Reader, usize) -> Result<T>,
    ) -> Result<Vec<Vec<f64>>> {
        in_turn(stores, ROUNDS, |store, round, times| {
            let started = Instant::now();
            for n in 0..reads {
                let random = (round * reads + n).wrapping_mul(2_654_435_761);
                black_box(read(&store.reader()?, random)?);
            }
            times.push(milliseconds(started.elapsed()) * 1e3 / reads as f64);
            Ok(())
        })
    }
}

/// The samples of each store. Each round measures all stores and begins with another one, so that a slow moment or the
/// order does not affect one store alone.
fn in_turn(
    stores: &[Store],
    rounds: usize,
    mut measure: impl FnMut(&Store, usize, &mut Vec<f64>) -> Result<()>,
) -> Result<Vec<Vec<f64>>> {
    let mut samples = vec![Vec::new(); stores.len()];
    for round in 0..rounds {
        let mut turns: Vec<_> = stores.iter().zip(&mut samples).collect();
        turns.rotate_left(round % stores.len());
        for (store, samples) in turns {
            measure(store, round, samples)?;
        }
    }
    Ok(samples)
}

/// The file's length, the bytes of it in use, and its length after compaction.
fn file_sizes(stores: &mut [Store], report: &mut Report) -> Result<()> {
    let (mut fresh, mut used, mut compacted) = (Vec::new(), Vec::new(), Vec::new());
    for store in stores {
        fresh.push(store.file_megabytes()?);
        used.push(store.used_megabytes()?);
        while store.database.compact()? {}
        compacted.push(store.file_megabytes()?);
    }
    report.add("file, fresh, MB", fresh);
    report.add("file, pages in use, MB", used);
    report.add("file, compacted, MB", compacted);
    Ok(())
}
