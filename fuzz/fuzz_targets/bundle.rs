//! Bytes as a policy bundle, as an archive, and as a manifest: refused, or a bundle that round-trips.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| policy_store::fuzzing::bundle(bytes));
