//! One writer, two followers, and a folder as the bucket: each a process of its own. The writer is killed, an old copy of the
//! bucket is put back, and a follower takes over.
//!
//! Run `cargo run --release -p policy-store-replica --example beyond_one_machine`. It prints each step, and fails if one does
//! not go as told. `transcript.txt` has the output.

mod child;
mod doors;
mod follower;
mod story;
mod writer;

use std::error::Error;
use std::io::{BufRead as _, Write as _};
use std::path::Path;

/// The result of anything here.
type Result<T, E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [] => story::tell(),
        ["writer", bucket, file] => writer::run(Path::new(bucket), Path::new(file), false).await,
        ["writer", bucket, file, "resume"] => writer::run(Path::new(bucket), Path::new(file), true).await,
        ["follower", bucket, file, zones @ ..] => follower::run(Path::new(bucket), Path::new(file), zones).await,
        _ => Err("it takes no arguments".into()),
    }
}

/// Answers each line of the standard input with a line, until its end: when the process that tells the story ends, its
/// children do.
fn answer_lines(mut answer: impl FnMut(&str) -> Result<String>) -> Result<()> {
    for line in std::io::stdin().lock().lines() {
        let answered = answer(&line?)?;
        let mut output = std::io::stdout().lock();
        writeln!(output, "{answered}")?;
        output.flush()?;
    }
    Ok(())
}
