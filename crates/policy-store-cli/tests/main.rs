//! End-to-end tests: each runs the binary.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking; helpers outside of test functions do so too"
)]

mod suite;
