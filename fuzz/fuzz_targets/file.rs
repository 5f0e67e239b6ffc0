//! Bytes as edits of a store's file: it is refused, or each read is an error or equal, with the check at opening and
//! without it.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| policy_store::fuzzing::file(bytes));
