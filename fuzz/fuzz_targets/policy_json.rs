//! Text as a policy in JSON: refused without a trace, or rendered as text, with all invariants of a policy.
#![no_main]

use policy_store::Syntax;

libfuzzer_sys::fuzz_target!(|text: &str| policy_store_fuzz::policies::offer(Syntax::Json, text));
