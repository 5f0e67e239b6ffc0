//! The store beside its floors: what the same work costs in plain redb and plain Cedar, in the same run.
//!
//! `cargo bench --bench store`, or with a part of a group's name behind `--` that group only; then
//! `cargo bench --bench table` prints the results. Each group has lines, and each line a `store` and its `floor`, which is
//! described at the group. Stores are made when a benchmark that needs them runs.

#![expect(clippy::unwrap_used, reason = "a benchmark that fails should stop")]
#![expect(clippy::indexing_slicing, reason = "a benchmark that fails should stop")]

mod compile;
mod create;
mod decide;
mod floor;
mod get;
mod import;
mod large;
mod open;
mod page;
mod run;
mod sample;
mod scopes;
mod size;
mod verify;
mod world;

use std::time::Duration;

use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    create::create(&mut criterion);
    import::import(&mut criterion);
    get::get(&mut criterion);
    page::page(&mut criterion);
    compile::compile(&mut criterion);
    decide::decide(&mut criterion);
    open::open(&mut criterion);
    verify::verify(&mut criterion);
    run::record("sizes-store.json", "size of the file", size::sizes);
    large::remove();
    criterion.final_summary();
}
