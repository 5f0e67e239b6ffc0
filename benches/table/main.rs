//! `cargo bench --bench table` prints the results of `--bench store` and `--bench peers` as Markdown, and
//! `cargo bench --bench table -- --write` writes them to docs/performance.md. Does not measure.

#![expect(clippy::unwrap_used, reason = "a program that fails should stop")]

mod lines;
mod markdown;
mod results;
#[path = "../store/run.rs"]
#[expect(dead_code, reason = "sizes are recorded by those who take them")]
mod run;

use std::path::Path;
use std::process::ExitCode;

use results::Results;

const START: &str = "<!-- benchmarks: printed by `cargo bench --bench table` -->\n";
const END: &str = "<!-- end of benchmarks -->\n";

fn main() -> ExitCode {
    // `cargo test --benches` has no results to print.
    if !run::measures() {
        return ExitCode::SUCCESS;
    }
    let mut results = Results::read();
    let text = markdown::both_tables(&mut results);
    if !results.missing.is_empty() {
        eprintln!("these results are missing:");
        results.missing.iter().for_each(|line| eprintln!("- {line}"));
        eprintln!(
            "run `cargo bench --features attestation --bench store` and `cargo bench --workspace --bench peers` first"
        );
        return ExitCode::FAILURE;
    }
    if !results.stale.is_empty() {
        eprintln!("these results are not of the same run:");
        results.stale.iter().for_each(|line| eprintln!("- {line}"));
        eprintln!("run the benchmarks of the whole table again");
        return ExitCode::FAILURE;
    }
    if std::env::args().any(|argument| argument == "--write") {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/performance.md");
        let page = std::fs::read_to_string(&path).unwrap();
        let (before, rest) = page.split_once(START).unwrap();
        let (_, after) = rest.split_once(END).unwrap();
        std::fs::write(path, [before, START, &text, END, after].concat()).unwrap();
    } else {
        print!("{text}");
    }
    ExitCode::SUCCESS
}
