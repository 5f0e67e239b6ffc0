//! Publication through its public face, on storage in memory, in a folder, and on storage that fails.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking; helpers outside of test functions do so too"
)]

mod suite;
