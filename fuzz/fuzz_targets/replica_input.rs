//! Bytes as the source of a replica: edits of a store's logs and content, or entries and content. A refusal has a name, and leaves no
//! trace. What is followed, also by a forged checkpoint, is a store that is whole.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| policy_store_fuzz::replicas::run(bytes));
