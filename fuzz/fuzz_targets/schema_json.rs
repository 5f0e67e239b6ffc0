//! Text as a schema in JSON: refused without a trace, or published, with all invariants of a schema.
#![no_main]

use policy_store::Syntax;

libfuzzer_sys::fuzz_target!(|text: &str| policy_store_fuzz::schemas::offer(Syntax::Json, text));
