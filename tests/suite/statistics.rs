//! Statistics, the space of the file, and its compaction.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use policy_store::ErrorKind::{NotFound, Unavailable};
use policy_store::{ErrorKind, HistoryFilter, NewPolicyVersion, PageRequest, Target};

use super::support::{Done, PERMIT, V1, World, customer, decide, platform, refused};

const SNAPSHOT_HELD: (ErrorKind, &str) = (Unavailable, "snapshot_held");

/// Policy versions of about 60 KB each, which do not pack well.
fn large(world: &World, versions: usize) {
    let mut state = 1_u64;
    let mut noise = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        format!("{state:016x}")
    };
    world.version("large", PERMIT);
    for _ in 1..versions {
        let text = format!("// {}\n{PERMIT}", (0..3_700).map(|_| noise()).collect::<String>());
        world.write(|zone| zone.create_policy_version("large", NewPolicyVersion::cedar(V1, text))).unwrap();
    }
}

#[test]
fn stats_count_the_store_its_caches_and_its_commits() {
    let world = World::in_file();
    let before = world.store.stats().unwrap();
    assert_eq!(before.last_verification, None);
    assert_eq!((before.zones, before.schemas, before.commits.commits, before.commits.writes), (2, 1, 1, 1));
    world.live("s", &[&world.version("a", PERMIT)]);
    let report = world.store.verify().unwrap();
    let stats = world.store.stats().unwrap();
    assert_eq!((stats.entries, stats.content), (report.entries, report.content));
    let last = stats.last_verification.unwrap();
    assert_eq!((last.whole, last.entries, last.findings), (true, report.entries, 0));
    world.store.verify_since(&report.checkpoints()).unwrap();
    let later = world.store.stats().unwrap().last_verification.unwrap();
    assert!(!later.whole && later.at > last.at && later.entries < last.entries);
    assert_eq!(stats.commits.writes, 4);
    assert_eq!(stats.file_bytes, std::fs::metadata(world.path()).unwrap().len());
    let rows = |name: &str| stats.tables.iter().find(|table| table.table == name).unwrap().rows;
    assert_eq!((rows("log"), rows("content")), (report.entries, report.content));
    assert!(rows("index") >= report.index_rows && rows("meta") > 6 && rows("addresses") == report.content);
    let commits = &stats.commits;
    assert!(commits.min <= commits.median && commits.median <= commits.p99 && commits.p99 <= commits.max);
    assert!(commits.min.as_micros() > 0 && commits.total >= commits.max);

    // A read that is repeated hits; an erasure forgets.
    for _ in 0..3 {
        world.zone().authorizer(Target::Zone).unwrap();
        world.zone().history(&HistoryFilter::new(), &PageRequest::new()).unwrap();
    }
    let read = world.store.stats().unwrap();
    assert!(
        read.records.hits > stats.records.hits && read.records.bytes > 0 && read.records.bytes <= read.records.capacity
    );
    assert!(read.compiled.bytes > 0 && read.pages.bytes > 0 && read.pages.hits > before.pages.hits);
    world.store.erase_zone(&platform(), "acme").unwrap();
    let erased = world.store.stats().unwrap();
    assert_eq!((erased.zones, erased.compiled.bytes, erased.versions.bytes), (1, 0, 0));
    let text = serde_json::to_value(&erased).unwrap();
    assert_eq!(text["commits"]["failed"], 0);
}

#[test]
fn a_shared_commit_counts_once() {
    let world = World::in_file();
    world.version("a", PERMIT);
    let before = world.store.stats().unwrap().commits;
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let world = &world;
            scope.spawn(move || (0..10).for_each(|n| drop(world.version("a", &format!("{PERMIT}// {thread} {n}")))));
        }
    });
    let after = world.store.stats().unwrap().commits;
    assert_eq!(after.writes - before.writes, 80);
    assert!((1..=80).contains(&(after.commits - before.commits)), "{after:?}");
    // Refused and empty writes are none.
    world.write(|_| Ok(())).unwrap();
    refused(world.write(|zone| zone.archive_policy("none")), (NotFound, "not_found"), "none");
    assert_eq!(world.store.stats().unwrap().commits.writes, after.writes);
}

#[test]
fn space_adds_up_and_a_compaction_gives_back_the_unused_part() {
    let world = World::in_file();
    large(&world, 40);
    let full = world.store.space().unwrap();
    let content = full.tables.iter().find(|table| table.table == "content").unwrap();
    assert!(content.row_bytes > 39 * 25_000 && content.page_bytes > content.row_bytes, "{full:?}");
    let used: u64 = full.tables.iter().map(|table| table.page_bytes).sum();
    assert_eq!(used + full.unused_bytes, full.file_bytes);

    world.store.erase_zone(&platform(), "acme").unwrap();
    let erased = world.store.space().unwrap();
    assert!(erased.unused_bytes > full.unused_bytes + 39 * 25_000, "{erased:?}");
    let report = world.store.verify().unwrap();
    let compacted = world.store.compact().unwrap();
    assert_eq!(compacted.before, erased.file_bytes);
    assert_eq!(compacted.after, std::fs::metadata(world.path()).unwrap().len());
    assert!(compacted.after < compacted.before / 4, "{compacted:?}");
    assert_eq!(world.store.verify().unwrap(), report);
    let again = world.store.compact().unwrap();
    assert!(again.after <= compacted.after + 65_536, "{again:?}");
}

#[test]
fn a_compaction_is_refused_while_a_snapshot_is_held_and_leaves_it() {
    let world = World::in_file();
    let permit = world.version("a", PERMIT);
    world.live("s", &[&permit]);
    let held = world.store.snapshot().unwrap();
    refused(world.store.compact(), SNAPSHOT_HELD, "snapshot");
    assert_eq!(held.zone("acme").unwrap().policy("a").unwrap().latest_version, Some(1));
    world.version("a", PERMIT);
    drop(held);
    world.store.compact().unwrap();

    let reader = world.clock.builder().read_only().open(world.path()).unwrap();
    let held = reader.snapshot().unwrap();
    refused(world.store.compact(), SNAPSHOT_HELD, "snapshot");
    drop(held);
    world.store.compact().unwrap();
    assert_eq!(reader.zone("acme").unwrap().policy("a").unwrap().latest_version, Some(2));
    refused(reader.compact(), (Unavailable, "read_only"), "store.redb");
    assert!(reader.verify().unwrap().is_clean());
}

#[test]
fn reads_writes_and_decisions_go_on_around_compactions() {
    let world = World::in_file();
    large(&world, 8);
    world.live("s", &[&world.version("a", PERMIT)]);
    let authorizer = world.zone().authorizer(Target::Zone).unwrap();
    let (ends, done) = Done::new();
    std::thread::scope(|scope| {
        let _ends = ends;
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    world.zone().policy("large").unwrap();
                    world.zone().policy_version_numbered("large", 3, policy_store::Include::Both).unwrap();
                    decide(&authorizer, "ann", "read", "open");
                }
            });
        }
        scope.spawn(|| {
            for number in 0.. {
                if done.load(Ordering::SeqCst) {
                    return;
                }
                let text = format!("{PERMIT}// {number}");
                let write = |w: &mut policy_store::WriteTransaction<'_, '_>| {
                    w.zone("acme")?.create_policy_version("a", NewPolicyVersion::cedar(V1, text)).map(drop)
                };
                world.store.write(&customer("bob"), write).unwrap();
            }
        });
        for _ in 0..10 {
            world.store.compact().unwrap();
        }
    });
    world.extent();
}

#[test]
fn a_store_in_memory_has_statistics_too() {
    let world = World::new();
    large(&world, 4);
    assert!(world.store.stats().unwrap().file_bytes > 3 * 25_000);
    let compacted = world.store.compact().unwrap();
    assert!(compacted.after <= compacted.before);
    world.extent();
}

#[test]
fn a_compaction_waits_for_a_long_read_and_can_be_stopped_meanwhile() {
    let world = World::in_file();
    large(&world, 3);
    let (begun, reads) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let verifying = scope.spawn(|| {
            let slow = world.store.watched(move |_| {
                let _ = begun.send(());
                std::thread::sleep(Duration::from_millis(60));
                ControlFlow::Continue(())
            });
            slow.verify().unwrap()
        });
        reads.recv().unwrap();
        let calls = AtomicUsize::new(0);
        let stopped = world.store.watched(|_| match calls.fetch_add(1, Ordering::SeqCst) {
            0..3 => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        });
        refused(stopped.compact(), (ErrorKind::Stopped, "stopped"), "compact");
        world.store.compact().unwrap();
        assert!(verifying.join().unwrap().is_clean());
    });
    world.extent();
}
