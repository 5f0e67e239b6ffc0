//! Bytes as a stored object of every kind: read only under its address, and a manifest only in its canonical form.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| policy_store::fuzzing::object(bytes));
