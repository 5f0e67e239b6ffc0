//! The store through its public face: one binary, one module for each part of the domain, one test for each rule.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking; helpers outside of test functions do so too"
)]

mod model;
mod suite;
