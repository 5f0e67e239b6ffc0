//! Bytes as operations on a store and on an independent model; both must give the same results.
#![no_main]

#[path = "../../tests/model/mod.rs"]
mod model;

use model::{Operation, WIDTH};

/// Limits the time of one input.
const OPERATIONS: usize = 32;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let operations: Vec<Operation> = bytes.chunks(WIDTH).take(OPERATIONS).map(Operation::new).collect();
    // With a clock that ticks before each write, times tell the order of writes in two logs.
    if operations.len().is_multiple_of(2) {
        model::run(&operations, false);
    } else {
        model::run_ticking(&operations);
    }
});
