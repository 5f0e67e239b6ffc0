//! An independent model of the store, and random operations against both.
//!
//! ```text
//!  rows of bytes ──► operation ──► runner ──► the store, in a file     ──► its answer ──────┐
//!  (proptest, libFuzzer)               └────► state and its rules      ──► expected         ├─ compared
//!                                             (plain lists)                answer          ─┘
//! ```
//!
//! `state` is the state of the model. `rules`, `set_rules`, `binding_rules`, `guardrail_rules`, `test_rules` and `zone_rules` are the
//! rules for writes, and `requests` the idempotency keys and preconditions before them. `views` has the expected reads,
//! `texts` the policies and their decisions. `operation` defines the operations, `bytes` makes them from bytes.
//! `runner`, `calls`, `zone_calls`, `suite_calls`, `manifest`, `lists` (with `filters`), `erasing`, `copying`, `preflights` and
//! `decisions` run them on the store and on the model. `compare` reads everything, `as_of` reads zones as
//! they were, and `agreement` shows how two answers differ.
//!
//! The model knows nothing of the file, caches or indexes, and calls Cedar only in `preflights`. Values that only the
//! store can know (generated ids, log ids, hashes of entries, Cedar's warnings and conversions) are taken from the
//! store once, and must then stay the same. If a call breaks several rules, the store may report any of them; but
//! idempotency keys come first, then preconditions, then the suspension of the zone.

mod agreement;
mod as_of;
mod binding_rules;
mod bytes;
mod calls;
mod compare;
mod copying;
mod decisions;
mod erasing;
pub mod filters;
mod guardrail_rules;
mod lists;
mod manifest;
pub mod operation;
mod preflights;
mod requests;
mod rules;
mod runner;
mod set_rules;
mod state;
mod suite_calls;
mod test_rules;
pub mod texts;
mod views;
mod zone_calls;
mod zone_rules;

pub use bytes::WIDTH;
pub use operation::Operation;
pub use runner::{run, run_ticking};
