//! Failing calls of the disk. Defends against: an acknowledged write that is lost when a later call fails; half a write; a
//! write that was refused and is there; a handle that stays unusable after the disk works again.
//!
//! The n-th call of a workload with every operation fails: a read, a write, a sync or a change of the length, once or from
//! then on. By default a sample is tried; `POLICY_STORE_SWEEP` makes the steps smaller, down to every n.

use super::recorder::{EIO, ENOSPC, Failure, Plan, Recorder, Replay};
use super::state::State;
use super::workload::{Opening, Operation, Session, write_zone};
use crate::storage::tests::disk::{Numbers, base, sweep};
use crate::types::concurrency::Concurrency;
use crate::types::error::Result;
use crate::*;

use Operation::{Compact, CopyZone, Erase, Hold, Large, Publish, Read, Rebuild, Recover, Reopen, Unbind, Zone};

/// The workload.
const OPERATIONS: [Operation; 15] = [
    Publish, Zone, Read, Unbind, Hold, Large, Read, Publish, Erase, Rebuild, Recover, CopyZone, Reopen, Compact,
    Publish,
];

/// Without a page cache, every read calls the disk.
fn opening(page_cache: usize) -> Opening {
    Opening { checked: true, concurrency: Concurrency::SingleWriter, quick_repair: false, page_cache, seed: 7_000 }
}

/// The states at first, and after each operation.
fn states(opening: Opening) -> Vec<State> {
    let disk = Recorder::new(base());
    let mut session = Session::open(&disk, opening).unwrap();
    let mut states = vec![State::of(session.store.as_ref().unwrap()).unwrap()];
    for (number, operation) in OPERATIONS.into_iter().enumerate() {
        session.run(operation, number).unwrap();
        states.push(State::of(session.store.as_ref().unwrap()).unwrap());
    }
    states
}

/// Runs the workload until an operation fails. Returns the number of operations that succeeded, the session, and the
/// error.
fn run_until_failure(disk: &Recorder, opening: Opening) -> (usize, Option<Session>, Option<Error>) {
    let mut session = match Session::open(disk, opening) {
        Ok(session) => session,
        Err(error) => return (0, None, Some(error)),
    };
    for (number, operation) in OPERATIONS.into_iter().enumerate() {
        if let Err(error) = session.run(operation, number) {
            return (number, Some(session), Some(error));
        }
    }
    (OPERATIONS.len(), Some(session), None)
}

/// Runs the workload with failing calls. Returns `false` if it ended before the first of them.
fn run(plan: Plan, opening: Opening, states: &[State]) -> bool {
    let start = base();
    let disk = Recorder::new(start.clone());
    disk.fail(plan);
    let (done, session, error) = run_until_failure(&disk, opening);
    let name = format!("{plan:?}, after {done} operations: {error:?}");
    let mut right = done..=done;
    if let Some(error) = &error {
        assert!(disk.failures() > 0, "{name}");
        assert!(matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::OutcomeUnknown), "{name}");
        if error.kind() == ErrorKind::OutcomeUnknown {
            right = done..=done + 1;
        }
    }
    let is_right = |store: &PolicyStore| {
        let state = State::of(store).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert!(states[right.clone()].contains(&state), "{name}: {state:?}");
        let report = store.verify().unwrap();
        assert!(report.is_clean(), "{name}: {:?}", report.findings);
    };

    // The power fails too.
    let events = disk.events();
    let mut replay = Replay::new(start, &events);
    let mut numbers = Numbers(plan.after);
    for _ in 0..2 {
        let image = Recorder::new(replay.image_at(events.len(), &mut numbers));
        is_right(&opening.open(&image).unwrap_or_else(|error| panic!("{name}: {error:?}")));
    }

    let store = session.as_ref().and_then(|session| session.store.clone());
    if let Some(store) = &store
        && error.is_some()
        && plan.for_ever
    {
        refuses(store).unwrap_or_else(|problem| panic!("{name}: {problem}"));
    }
    disk.heal();
    let store = match store {
        Some(store) => store.recover().map(|()| store),
        None => Opening { seed: 8_000, ..opening }.open(&disk),
    };
    let store = store.unwrap_or_else(|error| panic!("{name}: {error:?}"));
    is_right(&store);
    write_zone(&store, "after").unwrap();
    drop((store, session));
    let store = opening.open(&disk).unwrap_or_else(|error| panic!("{name}: {error:?}"));
    assert!(store.verify().unwrap().is_clean(), "{name}");
    store.zone("after").unwrap();
    disk.failures() > 0
}

/// A handle whose disk fails gives an error to every call that needs the disk, and no other state.
fn refuses(store: &PolicyStore) -> std::result::Result<(), String> {
    let calls: [(&str, &dyn Fn() -> Result<()>); 3] = [
        ("a write", &|| write_zone(store, "refused")),
        ("a check", &|| store.verify().map(drop)),
        ("a recovery", &|| store.recover()),
    ];
    for (name, call) in calls {
        match call() {
            Err(error) if matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::OutcomeUnknown) => {}
            other => return Err(format!("{name}: {other:?}")),
        }
    }
    Ok(())
}

fn sweep_of(failure: Failure, page_cache: usize, stride: u64) {
    let opening = opening(page_cache);
    let states = states(opening);
    let stride = (stride / sweep()).max(1);
    for for_ever in [false, true] {
        let mut tried = 0;
        while run(Plan { after: tried * stride, for_ever, failure }, opening, &states) {
            tried += 1;
        }
        println!("{failure:?}, for ever: {for_ever}: {tried} of about {} calls", tried * stride);
        assert!(tried > 8);
    }
}

#[test]
fn an_input_output_error_at_any_call_loses_no_acknowledged_write() {
    sweep_of(Failure::Code(EIO), 0, 149);
}

#[test]
fn a_full_disk_at_any_call_loses_no_acknowledged_write() {
    sweep_of(Failure::Code(ENOSPC), 1 << 20, 29);
}

#[test]
fn a_short_write_at_any_call_loses_no_acknowledged_write() {
    sweep_of(Failure::Short, 1 << 20, 31);
}
