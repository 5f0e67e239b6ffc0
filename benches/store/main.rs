//! Compares the store with its floors: the cost of the same work in plain redb and plain Cedar, in the same run.
//!
//! Run `cargo bench --features attestation --bench store`, with a part of a group's name after `--` for that group only.
//! Then `cargo bench --bench table` prints the results. Each group has lines, and each line has a `store` and a `floor`.
//! The doc of the group describes the floor. A benchmark creates the stores that it needs.

#![expect(clippy::unwrap_used, reason = "a benchmark that fails should stop")]

mod compile;
mod create;
mod decide;
#[cfg(feature = "attestation")]
mod evidence;
mod floor;
mod get;
mod import;
mod large;
mod long;
mod open;
mod page;
mod proof;
mod receipt;
mod replay;
mod run;
mod sample;
mod scopes;
mod seal;
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
    proof::proof(&mut criterion);
    receipt::receipt(&mut criterion);
    replay::replay(&mut criterion);
    #[cfg(feature = "attestation")]
    evidence::evidence(&mut criterion);
    seal::seal(&mut criterion);
    run::record("sizes-store.json", "size of the file", size::sizes);
    large::remove();
    long::remove();
    criterion.final_summary();
}
