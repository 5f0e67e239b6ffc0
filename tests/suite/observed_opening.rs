//! An opening tells its observer how far it is, and is stopped without a trace.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use policy_store::{Builder, ErrorKind, PolicyStore, Progress, Result, Work};

use super::support::{Clock, PERMIT, World, refused};

/// The file of a store that is closed, or of one that was not.
fn file(closed: bool, quick_repair: bool) -> (Clock, tempfile::TempDir, PathBuf) {
    let (folder, clock) = (tempfile::tempdir().unwrap(), Clock::new());
    let [path, copy] = ["store.redb", "copy.redb"].map(|name| folder.path().join(name));
    let store = clock.builder().quick_repair(quick_repair).open(&path).unwrap();
    let world = World::with(store, clock.clone());
    world.version("a", PERMIT);
    if closed {
        drop(world);
        return (clock, folder, path);
    }
    // Nothing is written meanwhile.
    std::fs::copy(&path, &copy).unwrap();
    (clock, folder, copy)
}

/// Opens, and stops at the given call of the observer. Returns the units that the observer was told.
fn open(builder: Builder, path: &Path, stop: Option<usize>) -> (Result<PolicyStore>, Vec<u64>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let seen = told.clone();
    let observer = move |progress: Progress| {
        assert_eq!((progress.work, progress.total), (Work::Open, 100));
        let mut seen = seen.lock().unwrap();
        seen.push(progress.done);
        if stop.is_some_and(|stop| seen.len() > stop) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let opened = builder.observer(observer).open(path);
    let told = told.lock().unwrap().clone();
    (opened, told)
}

#[test]
fn an_observer_is_told_of_the_repair_and_the_check_and_can_stop_them() {
    for (closed, least) in [(true, 2), (false, 5)] {
        let (clock, _folder, path) = file(closed, false);
        let original = std::fs::read(&path).unwrap();
        let (opened, told) = open(clock.builder(), &path, None);
        drop(opened.unwrap());
        assert_eq!((told[0], *told.last().unwrap()), (0, 100));
        assert!(told.len() >= least && told.is_sorted(), "{told:?}");
        for stop in 0..told.len() {
            std::fs::write(&path, &original).unwrap();
            let (stopped, _) = open(clock.builder(), &path, Some(stop));
            refused(stopped, (ErrorKind::Stopped, "stopped"), "open was stopped");
            let store = clock.builder().open(&path).unwrap();
            assert!(store.verify().unwrap().is_clean());
        }
    }
}

#[test]
fn a_file_with_quick_repair_needs_none() {
    let (clock, _folder, path) = file(false, true);
    let (opened, told) = open(clock.builder().check_integrity(false), &path, None);
    assert!(opened.unwrap().verify().unwrap().is_clean());
    assert_eq!(told, [0, 100]);
}

#[test]
fn a_panic_of_the_observer_goes_on_and_the_file_can_be_opened() {
    let (clock, _folder, path) = file(false, false);
    let builder = clock.builder().observer(|progress| match progress.done {
        0..50 => ControlFlow::Continue(()),
        _ => panic!("of the observer"),
    });
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| builder.open(&path)));
    assert_eq!(panic.unwrap_err().downcast_ref::<&str>(), Some(&"of the observer"));
    assert!(clock.builder().open(&path).unwrap().verify().unwrap().is_clean());
}
