//! Bytes as signed rules: as a file, and as edits of valid files. All that still verifies is so in the store's own log, and gives
//! an authorizer. As edits of a log that a trusted key then signs: refused, or shown as its entries say.
#![no_main]

use policy_store_fuzz::signed_rules::{edited, judge};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if bytes.first() == Some(&b'{') {
        if let Ok(text) = std::str::from_utf8(bytes) {
            judge(text);
        }
    } else {
        edited(bytes);
    }
});
