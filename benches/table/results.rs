//! The results of the benchmarks: criterion's estimates, and the files of sizes beside them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::run;

/// The maximum time between the results of one table. A run of both benchmarks takes much less.
const SAME_RUN: Duration = Duration::from_secs(6 * 60 * 60);

/// A result, with its unit.
#[derive(Clone, Copy)]
pub enum Measure {
    Nanoseconds(f64),
    Bytes(f64),
}

/// Results by group, line and function.
pub struct Results {
    /// All results, with the time of each.
    found: BTreeMap<[String; 3], (Measure, SystemTime)>,
    /// The results of the current table, with their times.
    table: Vec<(SystemTime, String)>,
    /// The results that a table needs and that do not exist.
    pub missing: Vec<String>,
    /// The results that are older than the rest of their table.
    pub stale: Vec<String>,
}

impl Results {
    pub fn read() -> Self {
        let home = run::criterion_home();
        let mut results = Self { found: BTreeMap::new(), table: Vec::new(), missing: Vec::new(), stale: Vec::new() };
        results.add_times(&home);
        for name in ["sizes-store.json", "sizes-peers.json"] {
            results.add_sizes(&home.join(name));
        }
        results
    }

    /// Reads criterion's folders. `group/function/line/new` has the newest result.
    fn add_times(&mut self, folder: &Path) {
        if folder.file_name().is_some_and(|name| name == "new") {
            let (Some((names, _)), Some((estimates, written))) =
                (json(&folder.join("benchmark.json")), json(&folder.join("estimates.json")))
            else {
                return;
            };
            let name = |field: &str| names.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
            // The median is the least sensitive to other programs on the machine.
            let median = estimates.pointer("/median/point_estimate").and_then(Value::as_f64).unwrap();
            let key = [name("group_id"), name("value_str"), name("function_id")];
            self.found.insert(key, (Measure::Nanoseconds(median), written));
            return;
        }
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self.add_times(&path);
            }
        }
    }

    fn add_sizes(&mut self, file: &Path) {
        let members = |value: &Value| value.as_object().cloned().unwrap_or_default();
        let Some((groups, written)) = json(file) else { return };
        for (group, lines) in members(&groups) {
            for (line, functions) in members(&lines) {
                for (function, bytes) in members(&functions) {
                    let key = [group.clone(), line.clone(), function];
                    self.found.insert(key, (Measure::Bytes(bytes.as_f64().unwrap()), written));
                }
            }
        }
    }

    /// The result. None if it does not exist, with a note in `missing`.
    pub fn get(&mut self, group: &str, line: &str, function: &str) -> Option<Measure> {
        let found = self.found.get(&[group, line, function].map(str::to_owned)).copied();
        let name = format!("{group}: {line}: {function}");
        match found {
            Some((_, written)) => self.table.push((written, name)),
            None => self.missing.push(name),
        }
        found.map(|(measure, _)| measure)
    }

    /// Ends a table. Its results must be of about the same time, because older lines cannot be compared with the
    /// others.
    pub fn end_table(&mut self) {
        let table = std::mem::take(&mut self.table);
        let Some((newest, newest_name)) = table.iter().max() else { return };
        for (written, name) in &table {
            let age = newest.duration_since(*written).unwrap_or_default();
            if age > SAME_RUN {
                let hours = age.as_secs() / 3_600;
                self.stale.push(format!("{name}: {hours} hours older than {newest_name}"));
            }
        }
    }
}

/// The JSON in a file, and the time of its last change.
fn json(path: &Path) -> Option<(Value, SystemTime)> {
    let value = serde_json::from_str(&fs::read_to_string(path).ok()?).ok()?;
    Some((value, fs::metadata(path).ok()?.modified().ok()?))
}

impl Measure {
    pub fn value(self) -> f64 {
        match self {
            Self::Nanoseconds(value) | Self::Bytes(value) => value,
        }
    }
}

impl std::fmt::Display for Measure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (units, value): (&[&str], _) = match self {
            Self::Nanoseconds(value) => (&["ns", "µs", "ms", "s"], *value),
            Self::Bytes(value) => (&["bytes", "kB", "MB", "GB"], *value),
        };
        let (mut value, mut units) = (value, units.iter());
        let mut unit = units.next().copied().unwrap_or_default();
        // 999.5 would print as 1000.
        while value >= 999.5
            && let Some(larger) = units.next()
        {
            (value, unit) = (value / 1_000.0, *larger);
        }
        // Three digits.
        let decimals = if value >= 99.95 { 0 } else { 1 + usize::from(value < 9.995) };
        write!(f, "{value:.decimals$} {unit}")
    }
}
