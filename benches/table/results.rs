//! What the benchmarks left: criterion's estimates, and the sizes of files beside them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// A result, and how it is written.
#[derive(Clone, Copy)]
pub enum Measure {
    Nanoseconds(f64),
    Bytes(f64),
}

/// Results by group, line and function.
pub struct Results {
    found: BTreeMap<[String; 3], Measure>,
    /// What was asked for and is not there.
    pub missing: Vec<String>,
}

impl Results {
    pub fn read() -> Self {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        let home = std::env::var_os("CRITERION_HOME").map_or_else(|| target.join("criterion"), PathBuf::from);
        let mut results = Self { found: BTreeMap::new(), missing: Vec::new() };
        results.add_times(&home);
        for name in ["sizes-store.json", "sizes-peers.json"] {
            results.add_sizes(&home.join(name));
        }
        results
    }

    /// Goes through criterion's folders: `group/function/line/new` holds the newest result.
    fn add_times(&mut self, folder: &Path) {
        if folder.file_name().is_some_and(|name| name == "new") {
            let (Some(names), Some(estimates)) =
                (json(&folder.join("benchmark.json")), json(&folder.join("estimates.json")))
            else {
                return;
            };
            let name = |field: &str| names.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
            // The median: another program's burst on the same machine moves it least.
            let median = estimates.pointer("/median/point_estimate").and_then(Value::as_f64).unwrap();
            let key = [name("group_id"), name("value_str"), name("function_id")];
            self.found.insert(key, Measure::Nanoseconds(median));
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
        for (group, lines) in json(file).map(|value| members(&value)).unwrap_or_default() {
            for (line, functions) in members(&lines) {
                for (function, bytes) in members(&functions) {
                    let key = [group.clone(), line.clone(), function];
                    self.found.insert(key, Measure::Bytes(bytes.as_f64().unwrap()));
                }
            }
        }
    }

    /// The result, or none and a note that it is missing.
    pub fn get(&mut self, group: &str, line: &str, function: &str) -> Option<Measure> {
        let found = self.found.get(&[group, line, function].map(str::to_owned)).copied();
        if found.is_none() {
            self.missing.push(format!("{group}: {line}: {function}"));
        }
        found
    }
}

fn json(path: &Path) -> Option<Value> {
    serde_json::from_str(&fs::read_to_string(path).ok()?).ok()
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
        // 999.5 would be printed as 1000.
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
