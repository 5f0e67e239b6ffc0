//! The kind of the run, and the folder of its results.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Bytes by line and function.
pub type Sizes = BTreeMap<&'static str, BTreeMap<&'static str, u64>>;

/// Whether the run measures. `cargo test --benches` and `cargo bench -- --test` only check that the program works.
pub fn measures() -> bool {
    let given = |flag: &str| std::env::args().any(|argument| argument == flag);
    given("--bench") && !given("--test")
}

/// The folder of criterion's results.
pub fn criterion_home() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    std::env::var_os("CRITERION_HOME").map_or_else(|| target.join("criterion"), PathBuf::from)
}

/// Computes the sizes of a group, unless the run is of other benchmarks only, and writes them to `file` if the run
/// measures.
///
/// Criterion measures times only, so the sizes are in a file beside its results.
pub fn record(file: &str, group: &str, sizes: impl FnOnce() -> Sizes) {
    let mut arguments = std::env::args().skip(1);
    if arguments.any(|argument| !argument.starts_with('-') || argument == "--list") {
        return;
    }
    let sizes = sizes();
    println!("{sizes:#?}");
    if measures() {
        let results = BTreeMap::from([(group, sizes)]);
        fs::write(criterion_home().join(file), serde_json::to_string_pretty(&results).unwrap()).unwrap();
    }
}
