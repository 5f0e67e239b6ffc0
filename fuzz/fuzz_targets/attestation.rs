//! Text as an attestation, as a header and a payload that are signed, and as keys: an error, or what is written as the same.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| policy_store::fuzzing::attestation(text));
