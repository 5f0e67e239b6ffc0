//! The kind of the run, and the tables that it prints.

use std::time::Duration;

/// Whether the run measures. `cargo bench -- --test` only checks that the program works.
pub fn measures() -> bool {
    let given = |flag: &str| std::env::args().any(|argument| argument == flag);
    given("--bench") && !given("--test")
}

/// `full` in a run that measures, `small` in any other run.
pub fn size(full: usize, small: usize) -> usize {
    if measures() { full } else { small }
}

/// Whether the run is of this group: its name has the argument, or there is none.
pub fn takes(group: &str) -> bool {
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).peekable();
    arguments.peek().is_none() || arguments.any(|argument| group.contains(&argument))
}

/// Prints a row of a table.
pub fn row<'a>(cells: impl IntoIterator<Item = &'a str>) {
    let cells: Vec<_> = cells.into_iter().collect();
    println!("| {} |", cells.join(" | "));
}

/// The value below which a part of the values is. They must be sorted.
pub fn quantile<T: Copy>(sorted: &[T], part: f64) -> T {
    let place = (sorted.len() - 1) as f64 * part;
    *sorted.get(place.round() as usize).unwrap()
}

pub fn median<T: Copy + Ord>(values: impl IntoIterator<Item = T>) -> T {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_unstable();
    quantile(&values, 0.5)
}

pub fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1_000.0)
}
