//! Bytes as a row of the index or of meta, of every kind: an error or a value, and each value has one form only.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| policy_store::fuzzing::row(bytes));
