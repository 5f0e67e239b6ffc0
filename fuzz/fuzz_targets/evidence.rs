//! Bytes as evidence of a decision: as a file, and as edits of valid files. All that still verifies is so in the store's own
//! log. As edits of a log that a trusted key then signs: refused, or shown as its entries say.
#![no_main]

use policy_store_fuzz::evidence::{WORLD, edited};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if bytes.first() == Some(&b'{') {
        if let Ok(text) = std::str::from_utf8(bytes) {
            WORLD.judge(text);
        }
    } else {
        edited(bytes);
    }
});
