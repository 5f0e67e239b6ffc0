//! Bytes as an index or meta row of every kind: an error, or a value with exactly this encoding.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| policy_store::fuzzing::row(bytes));
