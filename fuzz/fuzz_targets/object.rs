//! Bytes as stored content of every kind: read only as what its address names, and a manifest only in its one form.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| policy_store::fuzzing::object(bytes));
