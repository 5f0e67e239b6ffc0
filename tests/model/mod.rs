//! An independent model of the store, and random operations against both.
//!
//! ```text
//!  rows of bytes ──► operation ──► runner ──► the store, in a file     ──► what it answers ─┐
//!  (proptest, libFuzzer)               └────► state and its rules      ──► what it must     ├─ compared
//!                                             (plain lists)                answer          ─┘
//! ```
//!
//! `state` is what the model holds; `rules`, `set_rules`, `binding_rules` and `zone_rules` are what may be written, and
//! `requests` what comes before all of them; `views` is what must be read, `texts` are the policies and what they decide.
//! `operation` is what can be asked, `bytes` makes it from bytes; `runner`, `calls`, `zone_calls`, `manifest`, `lists` (with
//! `filters`), `erasing`, `copying`, `preflights` and `decisions` do it to the store and ask the model; `compare` reads
//! everything, and `agreement` tells how two answers differ.
//!
//! The model knows nothing of the file, caches or indexes, and asks Cedar in `preflights` only. What the store alone can
//! know (generated ids, log ids, hashes of entries, Cedar's warnings and conversions) it is told once, and from then on it
//! must stay so. Where a call breaks several rules at once, the store may name any one of them; but a request that was
//! answered comes before everything, then demands, then whether the zone is suspended.

mod agreement;
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
pub mod texts;
mod views;
mod zone_calls;
mod zone_rules;

pub use bytes::WIDTH;
pub use operation::Operation;
pub use runner::run;
