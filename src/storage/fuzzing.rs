//! The fuzz targets of crashes and of damaged files, on the disk of the tests. Built only for fuzzing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use super::disk::{Disk, Fault, Numbers, actor, base, builder, closed, is_damage, open, read_all};
use crate::types::error::Result;
use crate::*;

/// Limits the time of one input.
const STEPS: usize = 24;

/// Runs a test in which the storage engine may panic: libFuzzer takes each panic for a crash, the store contains it.
fn contained(test: impl FnOnce()) {
    static QUIET: OnceLock<()> = OnceLock::new();
    QUIET.get_or_init(|| std::panic::set_hook(Box::new(|_| ())));
    if let Err(panic) = catch_unwind(AssertUnwindSafe(test)) {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        eprintln!("{}", text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("no message"));
        std::process::abort();
    }
}

/// A write of two policies and a zone.
fn write(store: &PolicyStore, number: usize) -> Result<()> {
    store.write(&actor(), |w| {
        w.create_zone(format!("z{number}"))?;
        let mut zone = w.zone("a")?;
        zone.create_policy(NewPolicy::named("first").id(format!("first{number}")))?;
        zone.create_policy(NewPolicy::named("second").id(format!("second{number}"))).map(drop)
    })
}

/// Whether the write is there. It must be complete or absent.
fn is_there(store: &PolicyStore, number: usize) -> bool {
    let zone = store.zone("a").unwrap();
    let parts = [
        store.zone(format!("z{number}")).map(drop),
        zone.policy(format!("first{number}")).map(drop),
        zone.policy(format!("second{number}")).map(drop),
    ];
    for part in &parts {
        assert!(part.as_ref().err().is_none_or(|error| error.kind() == ErrorKind::NotFound), "{part:?}");
    }
    let there = parts.iter().filter(|part| part.is_ok()).count();
    assert!(there == 0 || there == parts.len(), "write {number} is there by half");
    there > 0
}

/// Compares the store with the outcomes of its writes. A write of unknown outcome has one from here on.
fn check(store: &PolicyStore, outcomes: &mut [Option<bool>]) {
    for (number, outcome) in outcomes.iter_mut().enumerate() {
        let there = is_there(store, number);
        assert_eq!(*outcome.get_or_insert(there), there, "write {number}");
    }
    let report = store.verify().unwrap();
    assert!(report.is_clean(), "{:?}", report.findings);
}

/// Two bytes are a step: a write, a fault of the disk, a recovery, or a crash that keeps a part of what was not synced.
pub(crate) fn crashes(bytes: &[u8]) {
    contained(|| {
        let mut disk = Disk::new(base());
        let mut store = open(&disk).unwrap();
        // Whether each write is there; none if its outcome is unknown.
        let mut outcomes = Vec::new();
        for step in bytes.chunks_exact(2).take(STEPS) {
            let [kind, detail] = [step[0], step[1]];
            match kind % 8 {
                0..=3 => outcomes.push(match write(&store, outcomes.len()) {
                    Ok(()) => Some(true),
                    Err(error) if error.kind() == ErrorKind::OutcomeUnknown => None,
                    Err(error) => {
                        assert!(matches!(error.kind(), ErrorKind::Unavailable), "{error:?}");
                        Some(false)
                    }
                }),
                4 => disk.fail(Fault::Sync, (detail % 8).into(), detail >= 128),
                5 => disk.fail(Fault::Any, (detail % 64).into(), detail >= 128),
                6 => {
                    disk.heal();
                    store.recover().unwrap();
                    check(&store, &mut outcomes);
                }
                _ => {
                    let mut numbers = Numbers(detail.into());
                    let image = disk.crashed(|| if detail == 0 { 0 } else { numbers.next() });
                    let crashed = Disk::new(image);
                    // The handle of the lost machine changes nothing more.
                    disk.fail(Fault::Any, 0, true);
                    drop(std::mem::replace(&mut store, open(&crashed).unwrap()));
                    disk = crashed;
                    check(&store, &mut outcomes);
                }
            }
        }
        disk.heal();
        store.recover().unwrap();
        check(&store, &mut outcomes);
        write(&store, outcomes.len()).unwrap();
    });
}

/// Five bytes are an edit: the place (of used bytes only), a bit pattern, and whether the file ends there.
pub(crate) fn file(bytes: &[u8]) {
    static CLOSED: OnceLock<(Vec<u8>, Vec<(String, String)>)> = OnceLock::new();
    static USED: OnceLock<Vec<usize>> = OnceLock::new();
    let (whole, expected) = CLOSED.get_or_init(closed);
    let used = USED.get_or_init(|| (0..whole.len()).filter(|place| *place < 320 || whole[*place] != 0).collect());
    let mut image = whole.clone();
    for edit in bytes.chunks_exact(5).take(16) {
        let place = used[(usize::from(edit[0]) << 16 | usize::from(edit[1]) << 8 | usize::from(edit[2])) % used.len()];
        if edit[4] == u8::MAX {
            image.truncate(place.max(1));
        }
        if let Some(byte) = image.get_mut(place) {
            *byte ^= edit[3];
        }
    }
    contained(|| {
        for checked in [true, false] {
            // Without the check only for reading: closing a writer can end the process, see docs/damage.md.
            let builder = builder().record_cache_bytes(0).check_integrity(checked);
            let builder = if checked { builder } else { builder.read_only() };
            let store = match builder.open_at(Disk::new(image.clone()).location()) {
                Ok(store) => store,
                Err(error) => {
                    assert!(is_damage(&error), "opening: {error:?}");
                    continue;
                }
            };
            for ((name, read), (_, right)) in read_all(&store).into_iter().zip(expected) {
                match read {
                    Ok(read) => assert_eq!(read, *right, "{name}"),
                    Err(error) => assert!(is_damage(&error), "{name}: {error:?}"),
                }
            }
            if let Err(error) = store.verify() {
                assert!(is_damage(&error), "verify: {error:?}");
            }
        }
    });
}
