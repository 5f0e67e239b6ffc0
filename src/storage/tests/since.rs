//! Checks from a checkpoint on, and openings with one: a store that was put back to an older state or rewritten, and
//! damage in what was added. Defends against: an older copy of the file that passes for the newest, and a nightly check
//! that misses the day's damage.

use std::sync::{Mutex, PoisonError};

use redb::WriteTransaction;

use super::disk::*;
use super::tamper_cases::*;
use crate::storage::index::key::{self, RowKind};
use crate::storage::index::row::{Head, PolicyRow, Row};
use crate::types::error::Result;
use crate::*;

/// The text of the new version.
const TEXT: &str = "permit(principal, action, resource) when { 1 == 2 };";

/// The store of `fill` with more entries in zone `a`: a version, and a new version of the set in force. Its first
/// checkpoints.
fn grown() -> (Vec<u8>, Vec<Checkpoint>) {
    let disk = Disk::new(base());
    let store = open(&disk).unwrap();
    let kept = store.verify().unwrap().checkpoints();
    let added = store.write(&actor(), |w| {
        let mut zone = w.zone("a")?;
        let version = zone.create_policy_version("p0", NewPolicyVersion::cedar("s1", TEXT).id("p0.3"))?;
        let pinned = zone.policy_version("p1.1", Include::Neither)?;
        let new = NewPolicySetVersion::new("s1").id("set.3").pin(&version).pin(&pinned);
        zone.create_policy_set_version("set", new)?;
        zone.activate("set.3").map(drop)
    });
    added.unwrap();
    drop(store);
    (disk.image(), kept)
}

fn reopened(image: &[u8], kept: &[Checkpoint]) -> Result<PolicyStore> {
    builder().record_cache_bytes(0).not_before(kept.iter().copied()).open_at(Disk::new(image.to_vec()).location())
}

#[test]
fn a_store_that_was_put_back_is_refused_and_found() {
    let (image, old) = grown();
    let new = open(&Disk::new(image.clone())).unwrap().verify().unwrap().checkpoints();
    assert_eq!((old.len(), new.len()), (3, 3));
    // Forward is right, with each of the checkpoints and with all.
    for kept in [&old, &new] {
        assert!(reopened(&image, kept).unwrap().verify_since(kept).unwrap().is_clean());
    }
    let refused = reopened(&base(), &new).unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Corrupt, "older_state"));
    let (a, was) = (new[1], old[1]);
    assert_eq!(a.log_id, was.log_id);
    let expected = format!("log {} has {} entries, expected at least {}", a.log_id, was.size, a.size);
    assert!(refused.to_string().ends_with(&expected), "{refused}");
    let report = open(&Disk::new(base())).unwrap().verify_since(&new).unwrap();
    let found: Vec<_> = report.findings.iter().map(ToString::to_string).collect();
    assert_eq!(found, [format!("log `a`: older than the checkpoint: {} entries, expected {}", was.size, a.size)]);
    assert_eq!(report.checkpoints(), []);
}

#[test]
fn another_history_or_another_store_is_refused_and_found() {
    let (image, kept) = grown();
    let other = Checkpoint { root: RootHash::from([7; 32]), ..kept[1] };
    let missing = Checkpoint { log_id: "00".repeat(16).parse().unwrap(), ..kept[1] };
    for (checkpoint, opened, found) in [
        (other, "have a different root", "differs from the checkpoint"),
        (missing, "is missing", "log of the checkpoint is missing"),
        (Checkpoint { size: 0, ..kept[1] }, "have a different root", "root of the first 0 entries differs"),
    ] {
        let refused = reopened(&image, &[kept[0], checkpoint]).unwrap_err();
        assert!(refused.code() == "older_state" && refused.to_string().contains(opened), "{refused}");
        let store = open(&Disk::new(image.clone())).unwrap();
        let report = store.verify_since(&[kept[0], checkpoint]).unwrap();
        let problems: Vec<_> = report.findings.iter().map(ToString::to_string).collect();
        assert!(problems.len() == 1 && problems[0].contains(found), "{problems:?}");
        // What the log has is verified all the same.
        assert_eq!(report.entries, store.verify().unwrap().entries);
    }
    // A new store is not created in place of a lost one.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lost.redb");
    assert!(builder().not_before([kept[0]]).open(&path).is_err());
    assert!(!path.exists());
}

/// A log that was erased has only its last size.
#[test]
fn an_erased_zone_is_later_than_its_checkpoints() {
    let (image, old) = grown();
    let disk = Disk::new(image);
    let store = open(&disk).unwrap();
    let new = store.verify().unwrap().checkpoints();
    store.erase_zone(&actor(), "a").unwrap();
    for kept in [&old, &new] {
        let report = store.verify_since(kept).unwrap();
        assert!(report.is_clean(), "{:?}", report.findings);
        assert_eq!(report.checkpoints().len(), 2);
    }
    drop(store);
    for kept in [&old, &new] {
        reopened(&disk.image(), kept).unwrap();
    }
    let forged = Checkpoint { root: RootHash::from([7; 32]), ..new[1] };
    assert_eq!(reopened(&disk.image(), &[forged]).unwrap_err().code(), "older_state");
    let report = open(&disk).unwrap().verify_since(&[forged]).unwrap();
    assert_eq!(report.findings[0].to_string(), "log `a`: erased log differs from the checkpoint of 17 entries");
}

fn head(txn: &WriteTransaction) -> Head {
    Head::from_value(&key::head(1), &get(txn, META, &key::head(1))).unwrap()
}

/// The key of the last entry but `before`.
fn entry(txn: &WriteTransaction, before: u64) -> Vec<u8> {
    key::entry(1, head(txn).length - 1 - before).to_vec()
}

#[test]
fn damage_in_what_was_added_is_found() {
    type Damage = fn(&WriteTransaction);
    let cases: [(&str, Damage, &str); 13] = [
        ("an entry", |txn| flip(txn, LOG, &entry(txn, 1)), "entry 15 of log `a`"),
        ("a missing entry", |txn| remove(txn, LOG, &entry(txn, 1)), "log `a`: entries 15 to 15 are missing"),
        ("the last entry", |txn| remove(txn, LOG, &entry(txn, 0)), "log `a`: log has 16 entries, expected 17"),
        (
            "a forged entry",
            |txn| {
                let place = entry(txn, 0);
                let (mut entry, _) = crate::record::Entry::from_stored(&get(txn, LOG, &place)).unwrap();
                entry.envelope.actor = Actor::customer("mallory").unwrap();
                let (bytes, hash) = entry.encode().unwrap();
                put(txn, LOG, &place, &crate::record::Entry::stored(&bytes, hash));
            },
            "hash of the last entry does not match the head",
        ),
        ("content", |txn| flip(txn, CONTENT, &new_text(txn)), "is missing or damaged"),
        ("missing content", |txn| remove(txn, CONTENT, &new_text(txn)), "is missing or damaged"),
        ("a version", |txn| remove(txn, INDEX, &version(3)), "index row 000000011270300000000003 of log `a`: missing"),
        ("the order of bindings", |txn| remove(txn, INDEX, &binding_order(txn)), "of log `a`: missing"),
        (
            "a surplus row",
            |txn| {
                let row_key = key::by_position(1, RowKind::PolicyOrder, head(txn).length - 1);
                let row = crate::storage::index::row::IdRow { id: "p0".into() };
                put(txn, INDEX, &row_key, &row.to_value(&row_key).unwrap());
            },
            "has no entry in the log",
        ),
        ("an older row", |txn| change_policy(txn, |row| row.revision -= 1), "does not match the log"),
        ("an older newest version", |txn| change_policy(txn, |row| row.latest.as_mut().unwrap().version = 2), "log"),
        (
            "a witness",
            |txn| remove(txn, META, &key::newest_binding(1, BindingMode::Active, &Target::Zone)),
            "of log `a`: missing",
        ),
        (
            "the head",
            |txn| {
                let mut head = head(txn);
                head.frontier.hashes[1][0] ^= 1;
                put(txn, META, &key::head(1), &head.to_value(&key::head(1)).unwrap());
            },
            "tree over the entries does not match the head",
        ),
    ];
    let (image, kept) = grown();
    for (name, damage, expected) in cases {
        let store = open(&tampered(image.clone(), damage)).unwrap();
        let report = store.verify_since(&kept).unwrap();
        let found: Vec<_> = report.findings.iter().map(ToString::to_string).collect();
        assert!(found.iter().any(|found| found.contains(expected)), "{name}: {found:?}");
        assert!(found.iter().all(|found| !found.contains("`b`")), "{name}: {found:?}");
        // The whole check finds it too, and a write is refused.
        assert!(!store.verify().unwrap().is_clean(), "{name}");
        assert_eq!(store.write(&actor(), |_| Ok(())).unwrap_err().code(), "writes_stopped", "{name}");
    }
}

fn new_text(txn: &WriteTransaction) -> Vec<u8> {
    content_key(txn, TEXT)
}

fn version(number: u32) -> Vec<u8> {
    key::by_version(1, RowKind::PolicyVersion, "p0", number)
}

fn binding_order(txn: &WriteTransaction) -> Vec<u8> {
    key::by_position(1, RowKind::BindingOrder, head(txn).length - 1)
}

fn change_policy(txn: &WriteTransaction, change: impl FnOnce(&mut PolicyRow)) {
    let row_key = key::by_id(1, RowKind::Policy, "p0");
    let mut row = PolicyRow::from_value(&row_key, &get(txn, INDEX, &row_key)).unwrap();
    change(&mut row);
    put(txn, INDEX, &row_key, &row.to_value(&row_key).unwrap());
}

/// Only a whole check reads what was there before.
#[test]
fn damage_before_the_checkpoint_is_left_to_the_whole_check() {
    let (image, kept) = grown();
    let cases: [fn(&WriteTransaction); 3] = [
        |txn| flip(txn, LOG, &key::entry(1, 3)),
        |txn| remove(txn, INDEX, &version(1)),
        |txn| put(txn, CONTENT, &key::content(99), &get(txn, CONTENT, &new_text(txn))),
    ];
    for damage in cases {
        let store = open(&tampered(image.clone(), damage)).unwrap();
        let report = store.verify_since(&kept).unwrap();
        // An entry before the checkpoint is read if the tree needs it: then it is hashed.
        assert!(report.is_clean() || report.findings[0].to_string().starts_with("log `a`: store is damaged"));
        assert!(!store.verify().unwrap().is_clean());
    }
}

#[test]
fn an_observer_sees_each_long_call_end_and_stops_it() {
    let (image, kept) = grown();
    let store = open(&Disk::new(image)).unwrap();
    let (verified, rows) = (store.verify().unwrap(), store.zone("a").unwrap().info().unwrap());
    let target = builder().id_seed(8).in_memory().unwrap();
    type Call = fn(&Watched<'_>, &[Checkpoint], &PolicyStore) -> Result<()>;
    let calls: [(Work, u64, Call); 5] = [
        (Work::Verify, verified.entries + verified.content, |watched, _, _| watched.verify().map(drop)),
        (Work::Verify, 3 + 3, |watched, kept, _| watched.verify_since(kept).map(drop)),
        (Work::Rebuild, verified.entries, |watched, _, _| watched.rebuild_indexes()),
        (Work::Preflight, 4, |watched, _, _| watched.preflight(NewSchema::cedar("next", SCHEMA)).map(drop)),
        (Work::Copy, 17 + 3, |watched, _, target| watched.copy_zones(&actor(), &["a"], target).map(drop)),
    ];
    for (work, units, call) in calls {
        let told = Mutex::new(Vec::new());
        let observe = |stop_at: Option<u64>| {
            let told = &told;
            move |progress: Progress| {
                told.lock().unwrap_or_else(PoisonError::into_inner).push(progress);
                match stop_at {
                    Some(at) if progress.done >= at => std::ops::ControlFlow::Break(()),
                    _ => std::ops::ControlFlow::Continue(()),
                }
            }
        };
        // Stopped at once, in the middle, and at the end: nothing has changed.
        for at in [0, units / 2, units] {
            told.lock().unwrap().clear();
            let stopped = call(&store.watched(observe(Some(at))), &kept, &target).unwrap_err();
            assert_eq!((stopped.kind(), stopped.code()), (ErrorKind::Stopped, "stopped"), "{work}");
            assert!(told.lock().unwrap().last().unwrap().done >= at, "{work}");
            assert_eq!(store.zone("a").unwrap().info().unwrap(), rows);
            assert!(target.zone("a").is_err());
            assert_eq!(target.verify().unwrap().entries, 0);
        }
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            call(&store.watched(|_| panic!("of the caller")), &kept, &target)
        }));
        assert_eq!(panicked.unwrap_err().downcast_ref::<&str>(), Some(&"of the caller"), "{work}");
        store.write(&actor(), |_| Ok(())).unwrap();
        told.lock().unwrap().clear();
        call(&store.watched(observe(None)), &kept, &target).unwrap();
        let told = told.lock().unwrap();
        assert!(told.iter().all(|progress| progress.work == work && progress.done <= progress.total));
        assert!(told.windows(2).all(|pair| pair[0].done <= pair[1].done), "{told:?}");
        // A preflight counts groups of texts.
        assert!(work == Work::Preflight || told.len() as u64 > units, "{work}: {} calls", told.len());
        let (first, last) = (told[0], told[told.len() - 1]);
        assert_eq!((first.done, last.done, last.total), (0, units, units), "{work}");
    }
    assert_eq!(store.verify().unwrap(), verified);
    assert!(target.verify().unwrap().is_clean());
}
