//! Crashes and failing disks. Defends against: an acknowledged write that is lost in a crash; half a write; a handle
//! that stays unusable after the disk works again; a panic of the storage engine that ends the process.
//!
//! Reproduced on a disk in memory that fails at a chosen call, and loses unsynced data in a crash.

use super::disk::*;
use crate::types::error::Result;
use crate::*;

/// Number of writes in the workload.
const WRITES: usize = 3;

/// A write to two logs, content and index, so that half of it would be visible.
fn write(store: &PolicyStore, number: usize) -> Result<()> {
    store.write(&actor(), |w| {
        w.create_zone(format!("z{number}"))?;
        let mut zone = w.zone("a")?;
        zone.create_policy(NewPolicy::named("first").id(format!("first{number}")))?;
        zone.create_policy(NewPolicy::named("second").id(format!("second{number}")))?;
        let new = NewPolicyVersion::cedar("s1", format!("// {number}\n{FORBID}")).id(format!("version{number}"));
        zone.create_policy_version(format!("second{number}"), new)?;
        Ok(())
    })
}

/// Whether write `number` is present. It must be complete or absent.
fn is_there(store: &PolicyStore, number: usize) -> bool {
    let zone = store.zone("a").unwrap();
    let parts = [
        store.zone(format!("z{number}")).and_then(|zone| zone.info()).map(|_| ()),
        zone.policy(format!("first{number}")).map(|_| ()),
        zone.policy(format!("second{number}")).map(|_| ()),
        zone.policy_version(format!("version{number}"), Include::Both).map(|_| ()),
    ];
    for part in &parts {
        assert!(part.as_ref().err().is_none_or(|error| error.kind() == ErrorKind::NotFound), "{part:?}");
    }
    let there = parts.iter().filter(|part| part.is_ok()).count();
    assert!(there == 0 || there == parts.len(), "write {number} is there by half");
    there > 0
}

/// Compares the store with the acknowledged writes.
fn check(store: &PolicyStore, outcomes: &[Result<()>]) {
    for (number, outcome) in outcomes.iter().enumerate() {
        match outcome {
            Ok(()) => assert!(is_there(store, number), "acknowledged write {number} is gone"),
            Err(error) if error.kind() == ErrorKind::OutcomeUnknown => {
                is_there(store, number);
            }
            Err(error) => assert!(!is_there(store, number), "write {number} was refused ({error}) and is there"),
        }
    }
    let report = store.verify().unwrap();
    assert!(report.is_clean(), "{:?}", report.findings);
}

/// Runs the workload on a failing disk. Returns `false` if the workload ended before the failure.
fn run(fault: Fault, countdown: u64, for_ever: bool, panics: bool) -> bool {
    let disk = Disk::new(base());
    let store = open(&disk).unwrap();
    let zone = store.zone("a").unwrap();
    let authorizer = zone.authorizer(Target::Zone).unwrap();
    let expected = decide(&authorizer);
    if panics {
        disk.panic_instead();
    }
    disk.fail(fault, countdown, for_ever);
    let outcomes: Vec<_> = (0..WRITES).map(|number| write(&store, number)).collect();
    let failed = disk.failures() > 0;
    for error in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        assert!(failed, "{error:?}");
        let kinds = [ErrorKind::OutcomeUnknown, ErrorKind::Unavailable, ErrorKind::Corrupt];
        assert!(kinds[..if panics { 3 } else { 2 }].contains(&error.kind()), "{error:?}");
    }
    assert_eq!(decide(&authorizer), expected);
    if outcomes.iter().any(|outcome| outcome.as_ref().is_err_and(|error| error.kind() == ErrorKind::OutcomeUnknown)) {
        // The handle refuses reads and writes, because its file may be in another state.
        for refused in [zone.policy("p0").map(|_| ()), write(&store, 8), zone.authorizer(Target::Zone).map(|_| ())] {
            assert_eq!(refused.unwrap_err().code(), "recovery_needed");
        }
    }

    let mut numbers = Numbers(countdown);
    for luck in [false, true] {
        let image = disk.crashed(|| if luck { numbers.next() } else { 0 });
        check(&open(&Disk::new(image)).unwrap(), &outcomes);
    }

    if failed && for_ever {
        let _ = store.recover();
    }
    disk.heal();
    store.recover().unwrap();
    check(&store, &outcomes);
    assert_eq!(decide(&zone.authorizer(Target::Zone).unwrap()), expected);
    write(&store, 9).unwrap();
    drop((store, zone, authorizer));
    let store = open(&disk).unwrap();
    check(&store, &outcomes);
    assert!(is_there(&store, 9));
    failed
}

/// Lets every `stride`th call of a kind fail, until the workload ends before the failure.
fn sweep_of(fault: Fault, stride: u64, panics: bool) {
    let stride = (stride / sweep()).max(1);
    for for_ever in [false, true] {
        let mut countdown = 0;
        while run(fault, countdown, for_ever, panics) {
            countdown += stride;
        }
        assert!(countdown > 0, "{fault:?} never failed");
    }
}

#[test]
fn a_failing_sync_loses_no_acknowledged_write() {
    sweep_of(Fault::Sync, 1, false);
}

#[test]
fn a_failing_write_loses_no_acknowledged_write() {
    sweep_of(Fault::Write, 7, false);
}

#[test]
fn any_failing_call_loses_no_acknowledged_write() {
    sweep_of(Fault::Any, 11, false);
}

#[test]
fn a_failing_change_of_the_length_loses_no_acknowledged_write() {
    // The file grows rarely; large content makes it grow at once.
    let disk = Disk::new(base());
    let store = open(&disk).unwrap();
    disk.fail(Fault::SetLen, 0, true);
    let text = format!("// {}\n{PERMIT}", "x".repeat(60_000));
    let mut acknowledged = Vec::new();
    let error = (0..200)
        .find_map(|number| {
            let new = NewPolicyVersion::cedar("s1", format!("// {number}\n{text}")).id(format!("large{number}"));
            let written = store.write(&actor(), |w| w.zone("a")?.create_policy_version("p1", new).map(|_| ()));
            acknowledged.extend(written.is_ok().then_some(number));
            written.err()
        })
        .expect("the file never grew");
    assert!(matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::OutcomeUnknown), "{error:?}");
    disk.heal();
    store.recover().unwrap();
    for number in acknowledged {
        store.zone("a").unwrap().policy_version(format!("large{number}"), Include::Both).unwrap();
    }
    assert!(store.verify().unwrap().is_clean());
    write(&store, 0).unwrap();
}

#[test]
fn a_panic_of_the_storage_engine_is_an_error() {
    sweep_of(Fault::Sync, 3, true);
    sweep_of(Fault::Write, 29, true);
}

#[test]
fn a_panic_while_the_store_is_closed_does_not_escape() {
    for fault in [Fault::Write, Fault::Sync] {
        let disk = Disk::new(base());
        let store = open(&disk).unwrap();
        write(&store, 0).unwrap();
        disk.panic_instead();
        disk.fail(fault, 0, true);
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(store))).unwrap();
        assert!(disk.failures() > 0, "{fault:?}: closing did not touch the disk");
        check(&open(&Disk::new(disk.crashed(|| 0))).unwrap(), &[Ok(())]);
    }
}

#[test]
fn a_failing_read_is_an_error_until_the_store_is_recovered() {
    let disk = Disk::new(base());
    let store = builder().record_cache_bytes(0).page_cache_bytes(0).open_at(disk.location()).unwrap();
    let zone = store.zone("a").unwrap();
    let mut countdown = 0;
    loop {
        let before = disk.failures();
        disk.fail(Fault::Read, countdown, false);
        let read = zone.policy_version("p0.2", Include::Both);
        disk.heal();
        let Err(error) = read else { break };
        assert_eq!(disk.failures(), before + 1);
        assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, "storage"), "{error:?}");
        assert_eq!(zone.policy("p0").unwrap_err().code(), "recovery_needed");
        store.recover().unwrap();
        zone.policy("p0").unwrap();
        countdown += 1;
    }
    assert!(countdown > 0, "no read of the disk was made to fail");
}

/// A failing disk is not damage: `verify` must return an error and no findings.
#[test]
fn a_check_that_cannot_read_is_an_error_and_no_finding() {
    for countdown in 0.. {
        let disk = Disk::new(base());
        let store = builder().record_cache_bytes(0).page_cache_bytes(0).open_at(disk.location()).unwrap();
        disk.fail(Fault::Read, countdown, false);
        let checked = store.verify();
        if disk.failures() == 0 {
            assert!(countdown > 20, "only {countdown} reads");
            break;
        }
        assert_eq!(checked.unwrap_err().code(), "storage", "after {countdown} reads");
        assert_eq!(store.verify().unwrap_err().code(), "recovery_needed");
        store.recover().unwrap();
        assert!(store.verify().unwrap().is_clean());
    }
}

#[test]
fn a_recovery_that_fails_leaves_the_handle_refusing_until_one_succeeds() {
    let disk = Disk::new(base());
    let store = open(&disk).unwrap();
    // The file grows in this write, so that the next one syncs only in its commit.
    write(&store, 3).unwrap();
    disk.fail(Fault::Sync, 0, false);
    assert_eq!(write(&store, 0).unwrap_err().kind(), ErrorKind::OutcomeUnknown);
    disk.fail(Fault::Read, 0, true);
    for _ in 0..3 {
        assert!(store.recover().is_err());
        assert_eq!(store.zone("a").unwrap_err().code(), "recovery_needed");
        assert_eq!(write(&store, 1).unwrap_err().code(), "recovery_needed");
        assert_eq!(store.verify().unwrap_err().code(), "recovery_needed");
        assert_eq!(store.rebuild_indexes().unwrap_err().code(), "recovery_needed");
    }
    disk.heal();
    store.recover().unwrap();
    write(&store, 2).unwrap();
    assert!(store.verify().unwrap().is_clean());
}

#[test]
fn a_failed_handle_answers_nothing_from_memory() {
    let disk = Disk::new(base());
    let store = builder().page_cache_bytes(0).open_at(disk.location()).unwrap();
    let zone = store.zone("a").unwrap();
    let read = || zone.policy_version("p0.2", Include::Both);
    read().unwrap();
    zone.authorizer(Target::Zone).unwrap();
    disk.fail(Fault::Read, 0, true);
    assert_eq!(store.verify().unwrap_err().code(), "storage");
    disk.heal();
    assert_eq!(read().unwrap_err().code(), "recovery_needed");
    assert_eq!(zone.authorizer(Target::Zone).unwrap_err().code(), "recovery_needed");
    store.recover().unwrap();
    read().unwrap();
    zone.authorizer(Target::Zone).unwrap();
}

/// An older cached authorizer must not decide when a newer binding may be durable.
#[test]
fn no_authorizer_is_taken_from_before_a_write_of_unknown_outcome() {
    let disk = Disk::new(base());
    let store = open(&disk).unwrap();
    let zone = store.zone("a").unwrap();
    let kept = zone.authorizer(Target::Zone).unwrap();
    disk.fail(Fault::Sync, 1, false);
    let unbound = store.write(&actor(), |w| w.zone("a")?.unbind(Target::Zone));
    assert_eq!(unbound.unwrap_err().kind(), ErrorKind::OutcomeUnknown);
    assert_eq!(zone.authorizer(Target::Zone).unwrap_err().code(), "recovery_needed");
    decide(&kept);
}

/// Error numbers of Linux. All but the last are the same on other systems.
#[cfg(target_os = "linux")]
#[test]
fn a_message_tells_why_the_disk_refused_and_tells_it_once() {
    let causes = [(28, "no space left on device"), (13, "permission denied"), (122, "disk quota exceeded")];
    for (fault, countdown) in [(Fault::Sync, 0), (Fault::Write, 0), (Fault::Any, 5), (Fault::Read, 0)] {
        for (code, words) in causes {
            let disk = Disk::new(base());
            let store = builder().record_cache_bytes(0).page_cache_bytes(0).open_at(disk.location()).unwrap();
            disk.fail_as(code);
            disk.fail(fault, countdown, true);
            let error = write(&store, 0).unwrap_err();
            assert!(matches!(error.code(), "storage" | "outcome_unknown"), "{fault:?}: {error:?}");
            let message = error.to_string();
            assert!(message.ends_with(words) && message.matches(words).count() == 1, "{fault:?}: {message}");
            let source = std::error::Error::source(&error).expect("there is a cause");
            assert_eq!(source.to_string(), format!("os error {code}"));
            assert!(source.source().is_none());
            disk.heal();
            store.recover().unwrap();
            write(&store, 0).unwrap();
        }
    }
}

#[test]
fn a_read_beyond_the_end_of_a_file_that_was_cut_is_damage() {
    let disk = Disk::new(base());
    let store = builder().record_cache_bytes(0).page_cache_bytes(0).open_at(disk.location()).unwrap();
    let (zone, image) = (store.zone("a").unwrap(), disk.image());
    disk.put_whole(image[..8_192].to_vec());
    let error = zone.policy_version("p0.2", Include::Both).unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Corrupt, "corrupt"), "{error:?}");
    assert!(error.to_string().contains("truncated"), "{error}");
    assert_eq!(zone.policy("p0").unwrap_err().code(), "recovery_needed");
    disk.put_whole(image);
    store.recover().unwrap();
    zone.policy_version("p0.2", Include::Both).unwrap();
    write(&store, 0).unwrap();
}
