//! Processes. Defends against: a reader in another process that misses an acknowledged write, goes back, or reads an erased
//! zone from its caches; writers in several processes that give a number twice, carry out a key twice, or lose a write.
//!
//! The children are this test binary. They print their observations, and the final log judges them. Does not kill processes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use policy_store::{Concurrency, IdempotencyKey, NewPolicy, NewPolicyVersion, PolicyStore};
use serde::Serialize;

use super::observing::{
    Floor, Floors, Truth, come_and_go, read_brief, read_latest, read_pages, read_snapshots, settle, sweep, write,
};
use super::support::{Clock, V1, World, customer};

const ROLE: &str = "POLICY_STORE_PROCESS_ROLE";
const NAME: &str = "POLICY_STORE_PROCESS_NAME";
const FOLDER: &str = "POLICY_STORE_PROCESS_FOLDER";

/// The names of the processes that write.
const WRITERS: [&str; 3] = ["x", "y", "z"];
/// Of each thread that writes.
const ROUNDS: u64 = 6;
/// The number of keys that all processes use.
const KEYS: u8 = 8;

/// The folder that the processes of a test share.
struct Shared(PathBuf);

impl Shared {
    fn store(&self) -> PathBuf {
        self.0.join("store.redb")
    }

    fn floor(&self, name: &str) -> PathBuf {
        self.0.join(format!("floor.{name}"))
    }

    fn floors(&self, names: &[&str]) -> Floors {
        Floors(names.iter().map(|name| self.floor(name)).collect())
    }

    fn mark(&self, name: &str) {
        std::fs::write(self.0.join(name), "").unwrap();
    }

    fn is_marked(&self, name: &str) -> bool {
        self.0.join(name).exists()
    }

    fn until_marked(&self, name: &str) {
        for _ in 0..120_000 {
            if self.is_marked(name) {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        panic!("`{name}` does not come");
    }

    fn child(&self, role: &str, name: &str) -> Child {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "suite::processes::what_a_process_does", "--nocapture"])
            .env(ROLE, role)
            .env(NAME, name)
            .env(FOLDER, &self.0)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }
}

/// Prints a record for the parent. The first one shares its line with the test's name.
fn tell(kind: &str, value: &impl Serialize) {
    println!("\n@{kind} {}", serde_json::to_string(value).unwrap());
}

/// The records of a kind, of a child that must have succeeded.
fn told<'a, T: serde::de::DeserializeOwned>(output: &'a Output, kind: &'a str) -> Vec<T> {
    let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{errors}\n{out}");
    let prefix = format!("@{kind} ");
    out.lines().filter_map(|line| line.strip_prefix(&prefix)).map(|json| serde_json::from_str(json).unwrap()).collect()
}

/// The records of the observations of a child, by the final log. Returns the number of snapshots.
fn judge(truth: &Truth, output: &Output) -> usize {
    let seen = told(output, "seen");
    seen.iter().for_each(|seen| truth.judge(seen));
    told::<Vec<String>>(output, "pages").iter().for_each(|found| truth.judge_pages(found));
    seen.len()
}

/// Runs all kinds of readers until `done`.
fn read_all(store: &PolicyStore, floors: &Floors, done: &(dyn Fn() -> bool + Sync)) {
    std::thread::scope(|scope| {
        scope.spawn(|| read_snapshots(store, floors, done, |seen| tell("seen", seen)));
        scope.spawn(|| read_latest(store, floors, done));
        scope.spawn(|| read_pages(store, floors, done, 50).iter().for_each(|found| tell("pages", found)));
        scope.spawn(|| read_brief(store, floors, done));
    });
}

/// A version of `q` under a key. Whoever comes first creates it; all get its id.
fn keyed(store: &PolicyStore, key: u8) -> String {
    let created = store.write(&customer("alice"), |w| {
        let mut zone = w.zone("acme")?;
        zone.idempotency_key(IdempotencyKey::from([key; 16]));
        let text = format!("// {key}\npermit(principal, action, resource);");
        zone.create_policy_version("q", NewPolicyVersion::cedar(V1, text))
    });
    created.unwrap().id.to_string()
}

fn many_writers() -> policy_store::Builder {
    PolicyStore::builder().concurrency(Concurrency::MultiWriter)
}

/// Two threads that write, one that repeats keys, one that erases if it is the first process, and readers.
fn write_and_read(shared: &Shared, name: &str) {
    let store = many_writers().create(false).open(shared.store()).unwrap();
    let (floor, floors) = (Floor::new(&shared.floor(name)), shared.floors(&WRITERS));
    shared.mark(&format!("ready.{name}"));
    shared.until_marked("go");
    let left = AtomicUsize::new(3);
    std::thread::scope(|scope| {
        let (store, floor, left) = (&store, &floor, &left);
        for thread in 0..2 {
            scope.spawn(move || {
                for round in 0..ROUNDS * sweep() {
                    let writer = format!("{name}{thread}");
                    let number = write(store, floor, &writer, round);
                    tell("wrote", &(format!("p.{writer}.{round}"), number));
                }
                left.fetch_sub(1, Ordering::SeqCst);
            });
        }
        scope.spawn(move || {
            (0..KEYS).for_each(|key| tell("keyed", &(key, keyed(store, key))));
            left.fetch_sub(1, Ordering::SeqCst);
        });
        if name == WRITERS[0] {
            scope.spawn(move || (0..ROUNDS * sweep()).for_each(|generation| come_and_go(store, floor, generation)));
        }
        read_all(store, &floors, &|| left.load(Ordering::SeqCst) == 0);
    });
}

#[test]
fn what_a_process_does() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let (name, shared) = (std::env::var(NAME).unwrap(), Shared(std::env::var_os(FOLDER).unwrap().into()));
    // A child that hangs must not outlive its test.
    std::thread::spawn(|| {
        std::thread::sleep(Duration::from_secs(120 * sweep()));
        eprintln!("deadlock");
        std::process::abort();
    });
    match role.as_str() {
        "reader" => {
            let store = PolicyStore::builder().read_only().open(shared.store()).unwrap();
            shared.mark(&format!("ready.{name}"));
            read_all(&store, &shared.floors(&["parent"]), &|| shared.is_marked("done"));
        }
        "writer" => write_and_read(&shared, &name),
        role => panic!("no role `{role}`"),
    }
}

/// The results of the children, without a limit on their output.
fn outputs(children: Vec<Child>) -> Vec<Output> {
    let waiting = |child: Child| std::thread::spawn(move || child.wait_with_output().unwrap());
    let threads: Vec<_> = children.into_iter().map(waiting).collect();
    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
}

fn in_folder(folder: &Path, builder: policy_store::Builder) -> (Shared, World) {
    let shared = Shared(folder.to_owned());
    let world = World::with(builder.open(shared.store()).unwrap(), Clock::new());
    settle(&world.store);
    (shared, world)
}

#[test]
fn readers_in_other_processes_follow_a_writer() {
    let folder = tempfile::tempdir().unwrap();
    let (shared, World { store, .. }) = in_folder(folder.path(), PolicyStore::builder());
    let floor = Floor::new(&shared.floor("parent"));
    let readers = ["a", "b"];
    let children = readers.map(|name| shared.child("reader", name)).into();
    let collected = std::thread::spawn(move || outputs(children));
    readers.iter().for_each(|name| shared.until_marked(&format!("ready.{name}")));
    let acknowledged = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        let (store, floor) = (&store, &floor);
        for writer in ["v", "w"] {
            let acknowledged = &acknowledged;
            scope.spawn(move || {
                for round in 0..3 * ROUNDS * sweep() {
                    let number = write(store, floor, writer, round);
                    acknowledged.lock().unwrap().push((format!("p.{writer}.{round}"), number));
                }
            });
        }
        scope.spawn(move || (0..2 * ROUNDS * sweep()).for_each(|generation| come_and_go(store, floor, generation)));
    });
    shared.mark("done");
    let truth = Truth::of(&store);
    truth.judge_acknowledged(&acknowledged.into_inner().unwrap());
    for output in collected.join().unwrap() {
        let seen = judge(&truth, &output);
        assert!(seen > 2, "{seen} snapshots");
    }
}

#[test]
fn writers_in_several_processes_share_numbers_and_keys() {
    let folder = tempfile::tempdir().unwrap();
    let (shared, World { store, .. }) = in_folder(folder.path(), many_writers());
    store.write(&customer("alice"), |w| w.zone("acme")?.create_policy(NewPolicy::named("q").id("q"))).unwrap();
    let children = WRITERS.map(|name| shared.child("writer", name)).into();
    let collected = std::thread::spawn(move || outputs(children));
    WRITERS.iter().for_each(|name| shared.until_marked(&format!("ready.{name}")));
    shared.mark("go");
    let outputs = collected.join().unwrap();
    // The handle of this process has been open from the start, and has read nothing since.
    for store in [&store, &many_writers().open(shared.store()).unwrap()] {
        let truth = Truth::of(store);
        let (mut acknowledged, mut keys) = (Vec::new(), BTreeMap::new());
        for output in &outputs {
            judge(&truth, output);
            acknowledged.extend(told(output, "wrote"));
            for (key, id) in told::<(u8, String)>(output, "keyed") {
                assert_eq!(*keys.entry(key).or_insert_with(|| id.clone()), id, "key {key} was carried out twice");
            }
        }
        truth.judge_acknowledged(&acknowledged);
        let all = 2 * WRITERS.len() * usize::try_from(ROUNDS * sweep()).unwrap();
        assert_eq!((acknowledged.len(), truth.all_versions("p").len()), (all, all));
        let mut once: Vec<String> = keys.into_values().collect();
        once.sort();
        let mut created = truth.all_versions("q");
        created.sort();
        assert_eq!((created.len(), created), (usize::from(KEYS), once));
    }
}
