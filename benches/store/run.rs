//! What kind of run this is, and where its results lie.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Line, then function, then bytes.
pub type Sizes = BTreeMap<&'static str, BTreeMap<&'static str, u64>>;

/// Whether the run measures. `cargo test --benches` and `cargo bench -- --test` only show that the program works.
pub fn measures() -> bool {
    let given = |flag: &str| std::env::args().any(|argument| argument == flag);
    given("--bench") && !given("--test")
}

/// Where criterion writes its results.
pub fn criterion_home() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    std::env::var_os("CRITERION_HOME").map_or_else(|| target.join("criterion"), PathBuf::from)
}

/// Takes the sizes of a group, unless the run is of some benchmarks only, and records them in `file` if it measures.
///
/// No time is measured, so criterion does not know of them: they are written beside its results.
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
