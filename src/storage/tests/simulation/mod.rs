//! Simulated power losses. Defends against: an acknowledged write that is lost; half a write; a file that does not open
//! after a crash, also after a crash during its recovery; a state that never was.
//!
//! A random workload runs on a disk that records every change. Images are made of it as a power loss could leave them,
//! at any point: each unsynced change is lost, kept, torn or moved. Each image is opened, checked and written to on
//! another recorded disk, and can crash there again. Everything derives from the seed of the case, so that a failing
//! case runs again alone: see `docs/testing.md`.

mod faults;
mod recorder;
mod state;
mod workload;

use std::panic::{AssertUnwindSafe, catch_unwind};

use recorder::{Recorder, Replay, below};
use state::{State, decision};
use workload::{Opening, Recording, record, write_zone};

use super::disk::{Numbers, sweep};
use crate::types::concurrency::Concurrency;
use crate::*;

/// The number of operations of a workload.
const OPERATIONS: usize = 8;
/// The number of points of a workload at which the power is lost.
const LOSSES: usize = 24;
/// The number of cases without a multiplier.
const CASES: u64 = 24;
/// How often an image can crash again.
const DEPTH: u32 = 3;

/// The images that were tried.
#[derive(Default)]
struct Tried {
    images: u64,
    /// Those of a crash while an image was opened, checked or written to.
    nested: u64,
}

/// Runs the case of a seed.
fn run(seed: u64, tried: &mut Tried) -> Result<(), String> {
    // Seeds that differ little give numbers that differ much.
    let mut numbers = Numbers(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let length = 1 + below(&mut numbers, OPERATIONS);
    let recording = record(length, &mut numbers);
    let mut points: Vec<usize> = (0..LOSSES).map(|_| below(&mut numbers, recording.events.len() + 1)).collect();
    points.sort_unstable();
    lose_power(&recording, &points, 0, &mut numbers, tried)
        .map_err(|problem| format!("{problem}\nthe workload was {:?}", recording.operations))
}

/// Tries one image of a recording at each of the points.
fn lose_power(
    recording: &Recording,
    points: &[usize],
    depth: u32,
    numbers: &mut Numbers,
    tried: &mut Tried,
) -> Result<(), String> {
    let mut replay = Replay::new(recording.start.clone(), &recording.events);
    for point in points {
        let image = replay.image_at(*point, numbers);
        tried.images += 1;
        tried.nested += u64::from(depth > 0);
        let is_acknowledged = |event: &&recorder::Event| matches!(event, recorder::Event::Acknowledged);
        let acknowledged = recording.events[..*point].iter().filter(is_acknowledged).count();
        let session = check(recording, acknowledged, image, depth, numbers)
            .map_err(|problem| format!("power lost after event {point} of {}: {problem}", recording.events.len()))?;
        if depth < DEPTH && below(numbers, 2) == 0 {
            let point = below(numbers, session.events.len() + 1);
            lose_power(&session, &[point], depth + 1, numbers, tried)?;
        }
    }
    Ok(())
}

/// Opens an image, and compares it with the states before and after the operation that was under way. Writes to it, and
/// returns the recording of all that.
fn check(
    recording: &Recording,
    acknowledged: usize,
    image: Vec<u8>,
    depth: u32,
    numbers: &mut Numbers,
) -> Result<Recording, String> {
    let opening = Opening::random(numbers);
    let failed = |step: &str, error: &dyn std::fmt::Debug| format!("{step}, {opening:?}: {error:?}");
    let disk = Recorder::new(image.clone());
    let later = (acknowledged + 1).min(recording.states.len() - 1);
    let place = |state: &State| (acknowledged..=later).find(|place| recording.states[*place] == *state);
    let not_there = "the state is neither the acknowledged one nor the next";
    if below(numbers, 8) == 0 {
        read_only(&disk, opening, &|state| place(state).is_some())?;
    }
    let store = opening.open(&disk).map_err(|error| failed("opening", &error))?;
    let state = State::of(&store).map_err(|error| failed("reading", &error))?;
    let place = place(&state).ok_or_else(|| failed(not_there, &(&state, &recording.states[acknowledged])))?;
    let report = store.verify().map_err(|error| failed("verifying", &error))?;
    if !report.is_clean() {
        return Err(failed("verifying", &report.findings));
    }
    if below(numbers, 8) == 0 {
        let found = decision(&store).map_err(|error| failed("deciding", &error))?;
        if found != recording.decisions[place] {
            return Err(failed("another decision", &found));
        }
    }
    write_zone(&store, &format!("next{depth}")).map_err(|error| failed("the next write", &error))?;
    disk.acknowledge();
    let after = State::of(&store).map_err(|error| failed("reading after the next write", &error))?;
    let decision = recording.decisions[place].clone();
    drop(store);
    Ok(Recording {
        start: image,
        events: disk.events(),
        states: vec![state, after],
        decisions: vec![decision.clone(), decision],
        operations: Vec::new(),
    })
}

/// A handle that only reads refuses a file that needs a recovery, or reads a right state. It changes nothing.
fn read_only(disk: &Recorder, opening: Opening, is_right: &dyn Fn(&State) -> bool) -> Result<(), String> {
    let opening = Opening { concurrency: Concurrency::SingleWriter, ..opening };
    match opening.builder().read_only().open_at(disk.location()) {
        Ok(store) => match State::of(&store) {
            Ok(state) if is_right(&state) => {}
            found => return Err(format!("reading only: {found:?}")),
        },
        Err(error) if error.code() == "needs_writer" => {}
        Err(error) => return Err(format!("opening to read only: {error:?}")),
    }
    if disk.events().is_empty() { Ok(()) } else { Err("a handle that only reads has written".to_owned()) }
}

/// Runs the case, and fails with the command that runs it alone.
fn run_or_fail(seed: u64, tried: &mut Tried) {
    let result = catch_unwind(AssertUnwindSafe(|| run(seed, tried)));
    let problem = match result {
        Ok(Ok(())) => return,
        Ok(Err(problem)) => problem,
        Err(_) => "a panic, see above".to_owned(),
    };
    panic!("{problem}\nrun it alone: POLICY_STORE_SEED={seed} cargo test --lib simulation -- --nocapture");
}

#[test]
fn a_power_loss_at_any_point_loses_no_acknowledged_write() {
    let mut tried = Tried::default();
    if let Some(seed) = std::env::var("POLICY_STORE_SEED").ok().and_then(|text| text.parse().ok()) {
        run_or_fail(seed, &mut tried);
    } else {
        let mut told = 0;
        for seed in 0..CASES * sweep() {
            run_or_fail(seed, &mut tried);
            if tried.images >= told + 10_000 {
                told = tried.images;
                println!("{told} images so far, of {} cases", seed + 1);
            }
        }
    }
    let Tried { images, nested } = tried;
    println!("{images} images tried, {nested} of them of a crash within a recovery");
    assert!(images >= 24 && nested > 0);
}
