//! Writes two Markdown tables: the store and its floors, the store and its peers.

use std::fmt::Write;

use crate::lines::{ENGINES, PEERS, STORE};
use crate::results::Results;

pub fn both_tables(results: &mut Results) -> String {
    let cores = std::thread::available_parallelism().unwrap();
    [
        &format!(
            "On {cores} cores. Ratios are to the floor of the same run: what the same work takes in plain redb and plain \
             Cedar.\n\n"
        ),
        &floors(results),
        "\nThe same rows and operations on SQLite (WAL, synchronous=FULL) and LMDB, which keep no log and no history here, and\n\
         hash nothing but the SHA-256. ",
        &peers(results),
    ]
    .concat()
}

fn floors(results: &mut Results) -> String {
    let mut text = "| | Ratio | Store | Floor |\n|---|---:|---:|---:|\n".to_owned();
    for group in STORE {
        writeln!(text, "| **{}**. Floor: {}. | | | |", capitalised(group.name), group.floor).unwrap();
        for line in group.lines {
            let [store, floor] = ["store", "floor"].map(|function| results.get(group.name, line, function));
            let (Some(store), Some(floor)) = (store, floor) else { continue };
            let ratio = store.value() / floor.value();
            writeln!(text, "| {line} | {ratio:.2} | {store} | {floor} |").unwrap();
        }
    }
    results.end_table();
    text
}

fn peers(results: &mut Results) -> String {
    let mut rows = String::new();
    let mut wins = [0; ENGINES.len()];
    for group in PEERS {
        for line in group.lines {
            let found = ENGINES.map(|engine| results.get(group.name, line, engine));
            let least = found.iter().flatten().map(|found| found.value()).fold(f64::INFINITY, f64::min);
            write!(rows, "| {}: {line} |", capitalised(group.name.trim_start_matches("peers: "))).unwrap();
            for (found, wins) in found.into_iter().zip(&mut wins) {
                match found {
                    Some(found) if found.value() == least => {
                        *wins += 1;
                        write!(rows, " **{found}** |").unwrap();
                    }
                    Some(found) => write!(rows, " {found} |").unwrap(),
                    None => {}
                }
            }
            rows.push('\n');
        }
    }
    results.end_table();
    let wins: Vec<_> = ENGINES.iter().zip(wins).map(|(engine, wins)| format!("{engine} {wins}")).collect();
    let columns = format!("| | {} |\n|---|{}\n", ENGINES.join(" | "), "---:|".repeat(ENGINES.len()));
    let lead = format!("The fastest, or smallest, of each line is in bold: {}.\n\n", wins.join(", "));
    [lead, columns, rows].concat()
}

fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
