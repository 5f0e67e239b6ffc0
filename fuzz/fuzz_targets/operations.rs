//! Bytes as operations, done to a store and to an independent model of it: both must always say the same.
#![no_main]

#[path = "../../tests/model/mod.rs"]
mod model;

use model::{Operation, WIDTH};

/// So that one input does not take seconds.
const OPERATIONS: usize = 32;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let operations: Vec<Operation> = bytes.chunks(WIDTH).take(OPERATIONS).map(Operation::new).collect();
    model::run(&operations, false);
});
