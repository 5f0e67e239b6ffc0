//! Processes that are killed while they write. Defends against: an acknowledged write that is lost; half a write; a file
//! that does not open after a kill; a reader in another process that sees a state that never was.
//!
//! The test binary runs itself as the process that writes, and as one that reads. The writer acknowledges each write on
//! its standard output, and is killed at a random moment. The same file goes through all rounds.
//! `POLICY_STORE_SWEEP` multiplies their number.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use policy_store::{
    ErrorKind, Include, NewPolicy, NewPolicyVersion, NewSchema, PageRequest, PolicyFilter, PolicyStore, Result,
};

use super::support::{PERMIT, SCHEMA, V1, customer};

/// The number of threads that write, and share commits.
const THREADS: usize = 3;
/// The variables of the other process: its role, the file, and the round.
const ROLE: &str = "POLICY_STORE_KILLED_ROLE";
const FILE: &str = "POLICY_STORE_KILLED_FILE";
const ROUND: &str = "POLICY_STORE_KILLED_ROUND";

/// The multiplier for the number of rounds.
fn sweep() -> u64 {
    std::env::var("POLICY_STORE_SWEEP").ok().and_then(|text| text.parse().ok()).unwrap_or(1).max(1)
}

/// The other process. Without its variables, it does nothing.
#[test]
fn other_process() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let file = std::env::var(FILE).unwrap();
    match role.as_str() {
        "writer" => write_for_ever(Path::new(&file), &std::env::var(ROUND).unwrap()),
        _ => read_for_ever(Path::new(&file)),
    }
}

fn say(line: &str) {
    // One write of the whole line.
    let line = format!("{line}\n");
    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
}

fn write_for_ever(file: &Path, round: &str) {
    say("opening");
    let store = PolicyStore::open(file).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let store = &store;
            scope.spawn(move || {
                for number in 0.. {
                    let id = format!("r{round}t{thread}n{number}");
                    write(store, &id).unwrap();
                    say(&format!("wrote {id}"));
                    if thread == 0 && number % 20 == 19 {
                        store.rebuild_indexes().unwrap();
                    }
                }
            });
        }
    });
}

/// A write to two logs, content and index, so that half of it would be visible.
fn write(store: &PolicyStore, id: &str) -> Result<()> {
    store.write(&customer("alice"), |w| {
        w.create_zone(id)?;
        let mut zone = w.zone("acme")?;
        zone.create_policy(NewPolicy::named(id).id(id))?;
        let new = NewPolicyVersion::cedar(V1, format!("// {id}\n{PERMIT}")).id(format!("{id}.1"));
        zone.create_policy_version(id, new).map(drop)
    })
}

/// Whether the write `id` is there. It must be whole or absent.
fn is_there(store: &PolicyStore, id: &str) -> bool {
    let zone = store.zone("acme").unwrap();
    let parts = [
        store.zone(id).map(drop),
        zone.policy(id).map(drop),
        zone.policy_version(format!("{id}.1"), Include::Both).map(drop),
    ];
    assert!(parts.iter().flat_map(|part| part.as_ref().err()).all(|error| error.kind() == ErrorKind::NotFound));
    let there = parts.iter().filter(|part| part.is_ok()).count();
    assert!(there == 0 || there == parts.len(), "the write `{id}` is there by half: {parts:?}");
    there > 0
}

/// Reads all writes again and again. Each is whole, and none disappears.
fn read_for_ever(file: &Path) {
    let mut seen = 0;
    loop {
        let store = match PolicyStore::builder().read_only().open(file) {
            Ok(store) => store,
            // No process has it open that writes.
            Err(error) if error.code() == "needs_writer" => {
                std::thread::sleep(Duration::from_millis(2));
                continue;
            }
            Err(error) => return say(&format!("bad opening: {error:?}")),
        };
        loop {
            match read(&store) {
                Ok(count) if count < seen => return say(&format!("bad: {count} writes after {seen}")),
                Ok(count) => {
                    seen = count;
                    say(&format!("read {count}"));
                }
                Err(error) if error.kind() == ErrorKind::Unavailable => {
                    say(&format!("unavailable: {error}"));
                    break;
                }
                Err(error) => return say(&format!("bad: {error:?}")),
            }
        }
    }
}

/// The number of writes in one snapshot. The newest of them is read whole.
fn read(store: &PolicyStore) -> Result<u64> {
    let snapshot = store.snapshot()?;
    let zone = snapshot.zone("acme")?;
    let page = zone.policies(&PolicyFilter::new(), &PageRequest::new().limit(5).total_count())?;
    for policy in &page.items {
        snapshot.zone(&policy.id)?;
        zone.policy_version(format!("{}.1", policy.id), Include::Both)?;
    }
    Ok(page.total_count.unwrap())
}

/// Another process, and the lines that it says.
struct Process {
    child: Child,
    lines: Receiver<String>,
}

impl Process {
    fn start(role: &str, file: &Path, round: u64) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["suite::killed::other_process", "--exact", "--nocapture", "--test-threads=1"])
            .envs([(ROLE, role), (FILE, file.to_str().unwrap()), (ROUND, &round.to_string())])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in output.split(b'\n') {
                let line = String::from_utf8(line.unwrap()).unwrap();
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    /// Waits for a line that starts like this, and returns it.
    fn wait_for(&self, start: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(Duration::from_secs(60)).unwrap();
            assert!(!line.starts_with("bad"), "{line}");
            if line.contains(start) {
                return line;
            }
        }
    }

    /// Kills the process. Returns the lines that were not read.
    fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        let status = self.child.wait().unwrap();
        assert_eq!(status.code(), None, "it was killed, and has not ended before");
        self.lines.iter().collect()
    }
}

/// A store with a zone and a schema.
fn create(file: &Path) {
    let store = PolicyStore::open(file).unwrap();
    let created = store.write(&customer("alice"), |w| {
        w.publish_schema(NewSchema::cedar(V1, SCHEMA))?;
        w.create_zone("acme").map(drop)
    });
    created.unwrap();
}

/// Opens the store after a kill and checks it. `acknowledged` has the writes of all rounds.
fn check(file: &Path, checked: bool, acknowledged: &BTreeSet<String>) {
    let store = PolicyStore::builder().check_integrity(checked).open(file).unwrap();
    let report = store.verify().unwrap();
    assert!(report.is_clean(), "{:?}", report.findings);
    for id in acknowledged {
        assert!(is_there(&store, id), "the acknowledged write `{id}` is gone");
    }
    let policies = store.zone("acme").unwrap().policies_iter(&PolicyFilter::new(), &PageRequest::new());
    for policy in policies {
        assert!(is_there(&store, policy.unwrap().id.as_str()));
    }
}

/// Pseudo-random milliseconds below `bound`.
fn pause(seed: &mut u64, bound: u64) -> Duration {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    Duration::from_micros((*seed >> 33) % (bound * 1_000))
}

fn rounds(number: u64, with_reader: bool) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.redb");
    create(&file);
    let mut acknowledged = BTreeSet::new();
    let (mut seed, mut passes) = (number, 0);
    let reader = with_reader.then(|| Process::start("reader", &file, 0));
    for round in 0..number {
        let writer = Process::start("writer", &file, round);
        writer.wait_for("opening");
        // In every third round it is killed early, perhaps while it opens the file.
        if round % 3 < 2 {
            acknowledged.insert(writer.wait_for("wrote ").replace("wrote ", ""));
            if let Some(reader) = &reader {
                reader.wait_for("read ");
                passes += 1;
            }
        }
        std::thread::sleep(pause(&mut seed, if round % 3 < 2 { 120 } else { 20 }));
        let rest = writer.kill();
        acknowledged.extend(rest.iter().filter_map(|line| line.strip_prefix("wrote ")).map(str::to_owned));
        check(&file, round % 2 == 0, &acknowledged);
    }
    if let Some(reader) = reader {
        let lines = reader.kill();
        let bad: Vec<_> = lines.iter().filter(|line| line.starts_with("bad")).collect();
        assert!(bad.is_empty() && passes > 0, "{bad:?}");
    }
    println!("{number} kills, {} acknowledged writes", acknowledged.len());
    assert!(acknowledged.len() as u64 > number);
}

#[test]
fn no_acknowledged_write_is_lost_when_the_writer_is_killed() {
    rounds(15 * sweep(), false);
}

#[test]
fn a_reader_in_another_process_sees_whole_writes_only_when_the_writer_is_killed() {
    rounds(9 * sweep(), true);
}
