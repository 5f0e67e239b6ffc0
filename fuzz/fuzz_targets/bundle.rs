//! Bytes as a policy bundle, as the archive in one and as its manifest: an error, or a bundle that is written and read
//! as the same.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| policy_store::fuzzing::bundle(bytes));
