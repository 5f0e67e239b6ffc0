//! Bytes as a stored log entry, and as the body of every kind: an error or a value, and each value has one form only.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| policy_store::fuzzing::entry(bytes));
