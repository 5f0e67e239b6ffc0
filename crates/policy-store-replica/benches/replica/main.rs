//! Measures publication and following, on storage in memory, which is the baseline, on a folder, and on an S3-compatible server.
//!
//! Run `cargo bench -p policy-store-replica --bench replica`, with a group's name after `--` for that group only. Times are
//! criterion's; lags and counts are printed as tables. For the server, run it with the feature `aws` by `tests/s3/run`, which
//! starts one on loopback:
//!
//! ```sh
//! crates/policy-store-replica/tests/s3/run cargo bench -p policy-store-replica --features aws --bench replica
//! ```

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a benchmark that fails should stop")]

mod bootstrap;
mod change;
mod counts;
mod fifty;
mod lag;
mod run;
mod storage;
mod world;
mod zones;

#[path = "../../tests/suite/faulty.rs"]
#[expect(dead_code, reason = "counts requests here, without faults")]
mod faulty;

use std::time::Duration;

use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    change::change(&mut criterion, &runtime);
    lag::lag(&runtime);
    fifty::fifty(&mut criterion, &runtime);
    zones::zones(&mut criterion, &runtime);
    bootstrap::bootstrap(&mut criterion, &runtime);
    criterion.final_summary();
}
