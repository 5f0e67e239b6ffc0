//! Text as an attestation, as a header and a payload to be signed, and as keys: refused, or read and written the same.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| policy_store::fuzzing::attestation(text));
