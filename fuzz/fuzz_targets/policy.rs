//! Text as a policy in Cedar's syntax: refused without a trace, or kept verbatim with all that is owed by a policy.
#![no_main]

use policy_store::Syntax;

libfuzzer_sys::fuzz_target!(|text: &str| policy_store_fuzz::policies::offer(Syntax::Cedar, text));
