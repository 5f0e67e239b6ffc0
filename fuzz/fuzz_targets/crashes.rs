//! Bytes as writes, failing calls of the disk, crashes and recoveries: every acknowledged write is there, no refused one
//! is, none is there by half, and the store is whole.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| policy_store::fuzzing::crashes(bytes));
