//! The store beside its floors: what the same work costs in plain redb and plain Cedar, in the same run.
//!
//! Run with `cargo bench --bench store`. Compare within a group: `store` is this crate, `floor` what it stands on.

#![expect(clippy::unwrap_used, reason = "a benchmark that fails should stop")]

mod decide;
mod read;
mod world;
mod write;

criterion::criterion_group!(benches, write::create_version, read::get, read::page, decide::compile, decide::decide);
criterion::criterion_main!(benches);
