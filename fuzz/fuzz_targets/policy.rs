//! Text as a policy in Cedar's syntax: refused without a trace, or kept unchanged, with all invariants of a policy.
#![no_main]

use policy_store::Syntax;

libfuzzer_sys::fuzz_target!(|text: &str| policy_store_fuzz::policies::offer(Syntax::Cedar, text));
