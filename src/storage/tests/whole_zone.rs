//! Erasing and copying on failing disks and damaged files. Defends against: half an erasure or half a copy; the loss of
//! content that another zone still needs; a failure of one store that is reported for the other; copied damage; a read
//! during an erasure that matches neither the state before nor the state after.

use redb::{ReadableTable, WriteTransaction};

use super::disk::*;
use super::tamper_cases::{
    ADDRESSES, CONTENT, INDEX, META, address_key, content_key, flip, get, put, remove, tampered, text_key,
};
use crate::record::Plain;
use crate::storage::index::key;
use crate::storage::index::row::{Head, Row};
use crate::types::error::Result;
use crate::*;

const LOG: super::tamper_cases::Definition = redb::TableDefinition::new("log");

/// A store without zones.
fn empty() -> Vec<u8> {
    let disk = Disk::default();
    builder().id_seed(8).open_at(disk.location()).unwrap();
    disk.image()
}

fn erase(store: &PolicyStore) -> Result<()> {
    store.erase_zone(&actor(), "a").map(drop)
}

/// Whether zone `a` is present. It must be complete or absent, and the store intact.
fn is_there(store: &PolicyStore) -> bool {
    let report = store.verify().unwrap();
    assert!(report.is_clean(), "{:?}", report.findings);
    let read = [
        store.zone("a").map(drop),
        store.zone("a").and_then(|zone| zone.policy_version("p0.2", Include::Both)).map(drop),
        store.zone("a").and_then(|zone| zone.authorizer(Target::Zone)).map(|authorizer| drop(decide(&authorizer))),
    ];
    let there = read.iter().filter(|read| read.is_ok()).count();
    assert!(there == 0 || there == read.len(), "{read:?}");
    there > 0
}

/// Runs `call` on a disk that fails after `countdown` calls, and checks the store after a crash and after a recovery.
/// Returns `false` if `call` ended before the failure.
fn run(image: &[u8], fault: Fault, countdown: u64, for_ever: bool, call: &dyn Fn(&PolicyStore) -> Result<()>) -> bool {
    let disk = Disk::new(image.to_vec());
    let store = open(&disk).unwrap();
    let before = is_there(&store);
    disk.fail(fault, countdown, for_ever);
    let outcome = call(&store);
    let failed = disk.failures() > 0;
    let check = |store: &PolicyStore| match &outcome {
        Ok(()) => assert_ne!(is_there(store), before, "what was acknowledged is not so"),
        Err(error) if error.kind() == ErrorKind::OutcomeUnknown => drop(is_there(store)),
        Err(error) => {
            assert!(failed && error.kind() == ErrorKind::Unavailable, "{error:?}");
            assert_eq!(is_there(store), before, "what was refused is so: {error:?}");
        }
    };
    let mut numbers = Numbers(countdown);
    for luck in [false, true] {
        let image = disk.crashed(|| if luck { numbers.next() } else { 0 });
        check(&open(&Disk::new(image)).unwrap());
    }
    disk.heal();
    store.recover().unwrap();
    check(&store);
    if is_there(&store) == before {
        call(&store).unwrap();
        assert_ne!(is_there(&store), before);
    }
    failed
}

fn sweep_of(image: &[u8], call: &dyn Fn(&PolicyStore) -> Result<()>) {
    for (fault, stride) in [(Fault::Sync, 1), (Fault::Write, 3), (Fault::Any, 2)] {
        let stride = (stride / sweep()).max(1);
        for for_ever in [false, true] {
            let mut countdown = 0;
            while run(image, fault, countdown, for_ever, call) {
                countdown += stride;
            }
            assert!(countdown > 0, "{fault:?} never failed");
        }
    }
}

#[test]
fn an_erasure_on_a_failing_disk_is_whole_or_has_not_happened() {
    sweep_of(&base(), &erase);
}

#[test]
fn a_copy_onto_a_failing_disk_is_whole_or_has_not_happened_and_the_source_goes_on() {
    let source = open(&Disk::new(base())).unwrap();
    let before = read_all(&source).into_iter().map(|(_, read)| read.unwrap()).collect::<Vec<_>>();
    sweep_of(&empty(), &|store| {
        let copied = source.copy_zones(&actor(), &["a", "b"], store).map(drop);
        assert!(is_there(&source), "the source is as it was, and answers");
        copied
    });
    assert_eq!(read_all(&source).into_iter().map(|(_, read)| read.unwrap()).collect::<Vec<_>>(), before);
}

#[test]
fn a_copy_from_a_failing_disk_leaves_nothing_and_the_target_goes_on() {
    for countdown in 0.. {
        let disk = Disk::new(base());
        let source = builder().record_cache_bytes(0).page_cache_bytes(0).open_at(disk.location()).unwrap();
        let target = builder().id_seed(8).in_memory().unwrap();
        disk.fail(Fault::Read, countdown, false);
        let copied = source.copy_zones(&actor(), &["a", "b"], &target);
        disk.heal();
        if disk.failures() == 0 {
            copied.unwrap();
            assert!(countdown > 20, "only {countdown} reads");
            break;
        }
        assert_eq!(copied.unwrap_err().code(), "storage", "after {countdown} reads");
        assert!(!is_there(&target));
        target.write(&actor(), |w| w.create_zone("a").map(drop)).unwrap();
        assert_eq!(source.zone("a").unwrap_err().code(), "recovery_needed");
        source.recover().unwrap();
        assert!(is_there(&source));
    }
}

#[test]
fn a_copy_into_a_store_that_cannot_be_read_is_no_failure_of_the_source() {
    let source = open(&Disk::new(base())).unwrap();
    let mut inside = 0;
    for countdown in 0.. {
        let disk = Disk::new(empty());
        let target = builder().record_cache_bytes(0).page_cache_bytes(0).open_at(disk.location()).unwrap();
        disk.fail(Fault::Read, countdown, false);
        let copied = source.copy_zones(&actor(), &["a", "b"], &target);
        disk.heal();
        assert!(is_there(&source), "the source answers");
        if disk.failures() == 0 {
            copied.unwrap();
            break;
        }
        let error = copied.unwrap_err();
        assert!(["storage", "outcome_unknown"].contains(&error.code()), "after {countdown} reads: {error:?}");
        inside += 1;
        target.recover().unwrap();
        if error.code() == "storage" {
            assert!(!is_there(&target), "after {countdown} reads");
        }
    }
    assert!(inside > 20, "only {inside} reads");
}

#[test]
fn no_cached_answer_survives_an_erasure_of_unknown_outcome() {
    let disk = Disk::new(base());
    let store = builder().open_at(disk.location()).unwrap();
    let zone = store.zone("a").unwrap();
    zone.policy_version("p0.2", Include::Both).unwrap();
    disk.fail(Fault::Sync, 1, false);
    assert_eq!(erase(&store).unwrap_err().kind(), ErrorKind::OutcomeUnknown);
    assert_eq!(zone.policy_version("p0.2", Include::Both).unwrap_err().code(), "recovery_needed");
    disk.heal();
    store.recover().unwrap();
    assert_eq!(zone.policy_version("p0.2", Include::Both).is_ok(), is_there(&store));
}

#[test]
fn a_damaged_log_is_neither_copied_nor_erased_nor_what_another_names_forgotten() {
    type Damage = fn(&WriteTransaction);
    let refused: [(&str, Damage, bool); 6] = [
        ("an entry", |txn| flip(txn, LOG, &key::entry(1, 5)), true),
        ("a missing entry", |txn| remove(txn, LOG, &key::entry(1, 5)), true),
        ("a head", |txn| put_head(txn, |head| head.last = EntryHash([9; 32])), true),
        ("the store's log", |txn| flip(txn, LOG, &key::entry(0, 1)), true),
        ("content", |txn| flip(txn, CONTENT, &text_key(txn)), false),
        ("missing content", |txn| remove(txn, CONTENT, &text_key(txn)), false),
    ];
    for (name, tamper, keeps_from_erasing) in refused {
        let store = open(&tampered(base(), tamper)).unwrap();
        let target = builder().id_seed(8).in_memory().unwrap();
        let copied = store.copy_zones(&actor(), &["a"], &target);
        assert_eq!(copied.unwrap_err().kind(), ErrorKind::Corrupt, "{name}");
        assert!(!is_there(&target), "{name}");
        // The content that `b` shares with `a` is unknown too.
        for zone in ["a", "b"] {
            let store = open(&tampered(base(), tamper)).unwrap();
            let before = store.verify().unwrap();
            assert_eq!(store.erase_zone(&actor(), zone).unwrap_err().code(), "writes_stopped", "{name}, {zone}");
            store.recover().unwrap();
            let erased = store.erase_zone(&actor(), zone);
            assert_eq!(erased.is_err(), keeps_from_erasing, "{name}, {zone}: {erased:?}");
            if let Err(error) = erased {
                assert_eq!(error.kind(), ErrorKind::Corrupt, "{name}, {zone}");
                assert_eq!(store.verify().unwrap(), before, "{name}, {zone}");
            }
        }
    }
}

/// Content of an erased zone goes, even if its address is lost, or if it is damaged. What may be another zone's stays.
#[test]
fn no_content_of_an_erased_zone_is_left() {
    type Damage = fn(&WriteTransaction);
    let cases: [(&str, Damage, bool); 5] = [
        ("a lost address", |txn| remove(txn, ADDRESSES, &address_key(txn, FORBID)), false),
        (
            "a doubled text",
            |txn| put(txn, CONTENT, &key::content(99), &get(txn, CONTENT, &content_key(txn, FORBID))),
            false,
        ),
        ("a changed text", |txn| flip(txn, CONTENT, &content_key(txn, FORBID)), false),
        ("no text", |txn| put(txn, CONTENT, &content_key(txn, FORBID), b"nothing"), false),
        (
            "another zone's text, too",
            |txn| {
                put(txn, CONTENT, &content_key(txn, FORBID), b"nothing");
                put(txn, CONTENT, &text_key(txn), b"nothing");
            },
            true,
        ),
    ];
    for (name, tamper, refused) in cases {
        let disk = tampered(base(), tamper);
        let store = open(&disk).unwrap();
        let erased = store.erase_zone(&actor(), "a");
        assert_eq!(erased.is_err(), refused, "{name}: {erased:?}");
        drop(store);
        let left = tampered(disk.image(), |txn| {
            let table = txn.open_table(CONTENT).unwrap();
            let texts = table.iter().unwrap().map(|row| Plain::unpack(row.unwrap().1.value()));
            let known: Vec<_> =
                texts.map(|text| text.is_ok_and(|text| !text.parts().0.starts_with("forbid"))).collect();
            // Both forms of the schema; three texts and a manifest of `b`.
            assert_eq!(known == [true; 6], !refused, "{name}: {known:?}");
        });
        drop(left);
    }
}

fn put_head(txn: &WriteTransaction, change: impl FnOnce(&mut Head)) {
    let head_key = key::head(1);
    let mut head = Head::from_value(&head_key, &get(txn, META, &head_key)).unwrap();
    change(&mut head);
    put(txn, META, &head_key, &head.to_value(&head_key).unwrap());
}

#[test]
fn what_is_left_of_an_erased_zone_is_found_and_not_built_upon() {
    let erased = {
        let disk = Disk::new(base());
        erase(&open(&disk).unwrap()).unwrap();
        disk.image()
    };
    let (entry, row, content) = {
        let mut kept = (Vec::new(), Vec::new(), Vec::new());
        tampered(base(), |txn| {
            let row_key = key::by_id(1, key::RowKind::Policy, "p1");
            // The text that only `a` names.
            let content = get(txn, CONTENT, &content_key(txn, FORBID));
            kept = (get(txn, LOG, &key::entry(1, 0)), get(txn, INDEX, &row_key), content);
        });
        kept
    };
    let row_key = key::by_id(1, key::RowKind::Policy, "p1");
    type Tamper<'a> = Box<dyn Fn(&WriteTransaction) + 'a>;
    let cases: [(&str, Tamper<'_>, &str, bool); 5] = [
        ("an entry", Box::new(|txn| put(txn, LOG, &key::entry(1, 0), &entry)), "log `a`", true),
        ("a row", Box::new(|txn| put(txn, INDEX, &row_key, &row)), "index row", false),
        ("content", Box::new(|txn| put(txn, CONTENT, &key::content(0), &content)), "content", false),
        ("another head", Box::new(|txn| put_head(txn, |head| head.length -= 1)), "log `a`", true),
        ("no head", Box::new(|txn| remove(txn, META, &key::head(1))), "log `a`", true),
    ];
    for (name, tamper, place, refused) in cases {
        let store = open(&tampered(erased.clone(), tamper)).unwrap();
        let found = store.verify().unwrap().findings;
        assert!(found.iter().any(|finding| finding.to_string().starts_with(place)), "{name}: {found:?}");
        assert_eq!(store.zone("a").unwrap_err().code(), "not_found", "{name}");
        let rebuilt = store.rebuild_indexes();
        assert_eq!(rebuilt.is_err(), refused, "{name}: {rebuilt:?}");
        assert_eq!(store.verify().unwrap().is_clean(), name == "a row", "{name}");
    }
}

/// Each read finds the whole zone or no zone; never a part of it, and never damage.
#[test]
fn reads_beside_an_erasure_see_the_zone_whole_or_not_at_all() {
    for round in 0..4 * sweep() {
        let store = builder().in_memory().unwrap();
        fill(&store);
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            for reader in 0..2 {
                let (store, done) = (&store, &done);
                let zone = store.zone("a").unwrap();
                scope.spawn(move || {
                    let read = || -> Result<()> {
                        zone.policy_version("p0.2", Include::Both)?;
                        zone.info()?;
                        zone.history(&HistoryFilter::new(), &PageRequest::new())?;
                        zone.policies(&PolicyFilter::new(), &PageRequest::new())?;
                        decide(&zone.authorizer(Target::Zone)?);
                        store.zone("a")?.policy_set("set").map(drop)
                    };
                    let mut gone = false;
                    while !gone {
                        let ended = done.load(std::sync::atomic::Ordering::SeqCst);
                        match read() {
                            Ok(()) => assert!(!ended, "round {round}, reader {reader}: it was erased before"),
                            Err(error) => {
                                assert_eq!(error.kind(), ErrorKind::NotFound, "round {round}: {error:?}");
                                gone = true;
                            }
                        }
                    }
                    assert_eq!(read().unwrap_err().kind(), ErrorKind::NotFound);
                });
            }
            std::thread::sleep(std::time::Duration::from_millis(2 + round % 3));
            let erased = erase(&store);
            // Stop the readers even if the erasure failed.
            done.store(true, std::sync::atomic::Ordering::SeqCst);
            erased.unwrap();
        });
        assert!(!is_there(&store));
    }
}

/// The zones `a` and `b` of [`fill`], each with a version of this text.
fn name_in(store: &PolicyStore, zone: &str, id: &str, text: &str) {
    let written = store.write(&actor(), |w| {
        w.zone(zone)?.create_policy_version("p0", NewPolicyVersion::cedar("s1", text).id(id)).map(drop)
    });
    written.unwrap();
}

/// An erasure collects the content that the logs name before its write. What comes in between counts too: content that
/// another zone has named since stays, content that the zone has named since goes, and so does content that only a zone
/// named that was erased since.
#[test]
fn an_erasure_reads_what_was_written_while_it_was_prepared() {
    const NEW: &str = "permit(principal, action, resource) when { 1 == 1 };";
    const BOTH: &str = "permit(principal, action, resource) when { 2 == 2 };";
    let store = builder().in_memory().unwrap();
    fill(&store);
    name_in(&store, "a", "both", BOTH);
    name_in(&store, "b", "both", BOTH);
    let storage = &store.engine.storage;
    let mut names = storage.names_of_content(|_| Ok(())).unwrap();
    // `b` names a text of `a`, `a` has a new one, and a zone with both comes and goes.
    name_in(&store, "b", "shared", FORBID);
    name_in(&store, "a", "new", NEW);
    store.write(&actor(), |w| w.create_zone("c")?.create_policy(NewPolicy::named("p0").id("p0")).map(drop)).unwrap();
    name_in(&store, "c", "new", NEW);
    store.erase_zone(&actor(), "c").unwrap();
    let mut later = storage.names_of_content(|_| Ok(())).unwrap();
    let erase = |zone: &str, names: &mut crate::storage::names::Names| {
        let erased = storage.write_and_forget(
            || store.engine.author(&actor(), None),
            |writer| {
                let zone = writer.read(|snapshot| crate::resource::zone::find(snapshot, zone))?;
                writer.erase_log(&zone.id, zone.log, names)
            },
        );
        erased.unwrap();
        let report = store.verify().unwrap();
        assert!(report.is_clean(), "{:?}", report.findings);
        report.content
    };
    let before = store.verify().unwrap().content;
    // The text `NEW`, and two manifests of `a`; the texts of `fill` and its first manifest are those of `b` too.
    assert_eq!(erase("a", &mut names), before - 2);
    assert!(store.zone("b").unwrap().policy_version("shared", Include::Both).is_ok());
    // Only the schema is left: what `a` named was collected before it was erased.
    assert_eq!(erase("b", &mut later), 2);
}

/// Writes of other threads come between the collection of an erasure and its write.
#[test]
fn threads_write_while_zones_are_erased() {
    let store = builder().in_memory().unwrap();
    fill(&store);
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let (store, done) = (&store, &done);
            scope.spawn(move || {
                let mut step = 0;
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    // The same few texts in each zone.
                    name_in(store, "b", &format!("{thread}.{step}"), &format!("{PERMIT} // {}", step % 7));
                    step += 1;
                }
            });
        }
        for round in 0..12 {
            let created = store.write(&actor(), |w| {
                let mut zone = w.create_zone("c")?;
                zone.create_policy(NewPolicy::named("p0").id("p0"))?;
                for step in 0..9 {
                    let new = NewPolicyVersion::cedar("s1", format!("{PERMIT} // {}", step + round % 3));
                    zone.create_policy_version("p0", new)?;
                }
                Ok(())
            });
            created.unwrap();
            store.erase_zone(&actor(), "c").unwrap();
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    let report = store.verify().unwrap();
    assert!(report.is_clean(), "{:?}", report.findings);
    let zone = store.zone("b").unwrap();
    assert!(zone.policy("p0").unwrap().latest_version > Some(4));
    for version in zone.policy_versions_iter("p0", Include::Both, &PageRequest::new()) {
        version.unwrap();
    }
}
