//! Bytes as stored content and as a packed block: what is read is bounded, and read back alike; a manifest only in its
//! canonical form.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| policy_store::fuzzing::content(bytes));
