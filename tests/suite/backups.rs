//! Backups: whole, of one moment, and never a second store that continues the same logs unnoticed.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use policy_store::ErrorKind::{Conflict, Corrupt, Unavailable};
use policy_store::{ErrorKind, HistoryFilter, NewPolicyVersion, PolicyStore, Restore, Result, Work};

use super::support::{Done, FORBID, PERMIT, V1, World, customer, refused};

const IS_BACKUP: (ErrorKind, &str) = (Conflict, "is_backup");
const NOT_A_BACKUP: (ErrorKind, &str) = (Conflict, "not_a_backup");
const FILE_EXISTS: (ErrorKind, &str) = (Conflict, "file_exists");

fn beside(world: &World, name: &str) -> PathBuf {
    world.path().with_file_name(name)
}

fn to_read(world: &World, path: &Path) -> Result<PolicyStore> {
    world.clock.builder().read_only().open(path)
}

fn resumed(world: &World, path: &Path) -> Result<PolicyStore> {
    world.clock.builder().restore(Restore::Resume).open(path)
}

fn names(world: &World) -> Vec<String> {
    let entries = std::fs::read_dir(world.path().parent().unwrap()).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_backup_is_the_same_store_with_the_same_history() {
    let world = World::in_file();
    world.live("s", &[&world.version("a", PERMIT), &world.version("b", FORBID)]);
    let path = beside(&world, "backup.redb");
    let backup = world.store.backup(&path).unwrap();
    assert_eq!(backup.report, world.store.verify().unwrap());
    assert_eq!(backup.bytes, std::fs::metadata(&path).unwrap().len());
    assert_eq!(names(&world), ["backup.redb", "store.redb"]);

    let copy = to_read(&world, &path).unwrap();
    let zone = copy.zone("acme").unwrap();
    let list = policy_store::PageRequest::new();
    assert_eq!(
        zone.history(&HistoryFilter::new(), &list).unwrap(),
        world.zone().history(&HistoryFilter::new(), &list).unwrap()
    );
    assert_eq!(zone.info().unwrap(), world.zone().info().unwrap());
    drop((zone, copy));
    let copy = World::resumed(resumed(&world, &path).unwrap(), world.clock.clone());
    assert_eq!(copy.version("a", PERMIT).version, 2);
    copy.extent();
}

#[test]
fn a_backup_is_opened_for_writing_only_by_an_explicit_restore_and_once() {
    let world = World::in_file();
    let path = beside(&world, "backup.redb");
    world.store.backup(&path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    for _ in 0..2 {
        refused(world.clock.builder().open(&path), IS_BACKUP, "backup.redb");
    }
    assert_eq!(std::fs::read(&path).unwrap(), bytes, "a refused opening changed the backup");
    drop(resumed(&world, &path).unwrap());
    refused(resumed(&world, &path), NOT_A_BACKUP, "backup.redb");
    let store = world.clock.builder().open(&path).unwrap();
    store.recover().unwrap();
    assert!(store.verify().unwrap().is_clean());

    let missing = beside(&world, "missing.redb");
    refused(resumed(&world, &missing), (Unavailable, "storage"), "missing.redb");
    let (clock, _folder, path) = world.closed();
    refused(clock.builder().restore(Restore::Resume).open(&path), NOT_A_BACKUP, "store.redb");
    assert!(!missing.exists());
}

#[test]
fn a_backup_of_a_backup_and_of_a_store_in_memory() {
    let world = World::new();
    world.version("a", PERMIT);
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = ["first.redb", "second.redb"].map(|name| folder.path().join(name));
    world.store.backup(&first).unwrap();
    to_read(&world, &first).unwrap().backup(&second).unwrap();
    refused(world.clock.builder().open(&second), IS_BACKUP, "second.redb");
    let copy = World::resumed(resumed(&world, &second).unwrap(), world.clock.clone());
    assert_eq!(copy.extent(), world.extent());
}

#[test]
fn a_backup_replaces_no_file_and_a_failed_one_leaves_none() {
    let world = World::in_file();
    let taken = beside(&world, "taken.redb");
    std::fs::write(&taken, b"other").unwrap();
    refused(world.store.backup(&taken), FILE_EXISTS, "taken.redb");
    refused(world.store.backup(world.path()), FILE_EXISTS, "store.redb");
    assert_eq!(std::fs::read(&taken).unwrap(), b"other");
    let nowhere = beside(&world, "no/such/folder/backup.redb");
    refused(world.store.backup(&nowhere), (Unavailable, "storage"), "no/such/folder");
    assert_eq!(names(&world), ["store.redb", "taken.redb"]);
    world.version("a", PERMIT);
}

/// Each write has two entries; a backup has both or none of them, and its logs are whole.
#[test]
fn backups_while_others_write_are_of_one_moment() {
    let world = World::in_file();
    for policy in ["a", "b"] {
        world.version(policy, PERMIT);
    }
    let (ends, done) = Done::new();
    std::thread::scope(|scope| {
        let _ends = ends;
        for thread in 0..2 {
            let (store, done) = (&world.store, &done);
            scope.spawn(move || {
                for number in 0.. {
                    if done.load(Ordering::SeqCst) {
                        return;
                    }
                    let write = store.write(&customer("alice"), |w| {
                        let mut zone = w.zone("acme")?;
                        for policy in ["a", "b"] {
                            let text = format!("{PERMIT}// {thread} {number}");
                            zone.create_policy_version(policy, NewPolicyVersion::cedar(V1, text))?;
                        }
                        Ok(())
                    });
                    write.unwrap();
                }
            });
        }
        let mut before = 0;
        for number in 0..4 {
            let path = beside(&world, &format!("backup{number}.redb"));
            while world.zone().policy("a").unwrap().latest_version.unwrap() <= before {
                std::thread::yield_now();
            }
            world.store.backup(&path).unwrap();
            let zone = to_read(&world, &path).unwrap().zone("acme").unwrap();
            let versions = ["a", "b"].map(|policy| zone.policy(policy).unwrap().latest_version.unwrap());
            assert_eq!(versions[0], versions[1], "half of a write");
            assert!(versions[0] > before, "backup {number} has no later write");
            before = versions[0];
        }
    });
}

#[test]
fn a_damaged_store_is_not_backed_up() {
    let world = World::in_file();
    world.version("a", &format!("{PERMIT}// {}", "marker".repeat(10)));
    let (clock, _folder, path) = world.closed();
    let mut bytes = std::fs::read(&path).unwrap();
    // Each copy of the text: an older page may have it, too.
    let places: Vec<_> = (0..bytes.len() - 6).filter(|at| &bytes[*at..*at + 6] == b"marker").collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at] ^= 1;
    }
    std::fs::write(&path, bytes).unwrap();
    let store = clock.builder().check_integrity(false).open(&path).unwrap();
    let copy = path.with_file_name("backup.redb");
    refused(store.backup(&copy), (Corrupt, "corrupt"), "content");
    assert!(!copy.exists());
    assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn a_backup_that_its_observer_stops_leaves_no_file() {
    let world = World::in_file();
    world.version("a", PERMIT);
    let (path, told) = (beside(&world, "backup.redb"), std::sync::Mutex::new(Vec::new()));
    let observe = |progress: policy_store::Progress| {
        told.lock().unwrap().push((progress.work, progress.done, progress.total));
        ControlFlow::Continue(())
    };
    world.store.watched(observe).backup(&path).unwrap();
    let told = told.into_inner().unwrap();
    for work in [Work::Backup, Work::Verify] {
        let of_work: Vec<_> = told.iter().filter(|told| told.0 == work).collect();
        let (first, last) = (of_work[0], of_work[of_work.len() - 1]);
        assert!(first.1 == 0 && last.1 == last.2 && last.2 > 0, "{of_work:?}");
    }
    std::fs::remove_file(&path).unwrap();
    for stop in 0..told.len() {
        let calls = AtomicUsize::new(0);
        let observe = |_: policy_store::Progress| match calls.fetch_add(1, Ordering::SeqCst) == stop {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        };
        refused(world.store.watched(observe).backup(&path), (ErrorKind::Stopped, "stopped"), "observer");
        assert_eq!(names(&world), ["store.redb"]);
    }
    world.store.backup(&path).unwrap();
}

/// As a process that is killed leaves it.
#[test]
fn a_backup_removes_what_a_killed_one_left_in_its_folder() {
    let world = World::in_file();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(".policy-store-abc123.new"), b"half of a backup").unwrap();
    world.store.backup(folder.path().join("backup.redb")).unwrap();
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["backup.redb"]);
}

#[test]
fn options_that_need_a_file_or_a_writer_are_refused_by_name() {
    const INVALID: (ErrorKind, &str) = (ErrorKind::Invalid, "invalid_input");
    let world = World::in_file();
    let kept = world.store.verify().unwrap().checkpoints();
    let builder = || world.clock.builder();
    refused(builder().read_only().in_memory(), INVALID, "read_only");
    refused(builder().restore(Restore::Resume).in_memory(), INVALID, "restore");
    refused(builder().not_before(kept).in_memory(), INVALID, "not_before");
    refused(builder().read_only().restore(Restore::Resume).open(world.path()), INVALID, "restore");
}
