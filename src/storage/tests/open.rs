//! Opening and creating. Defends against: a write to another kind of file or to one of a newer build; a crash during
//! creation that leaves a file that never opens; two processes that open or create a store at once.
//!
//! Reproduced with real files. For a second process, the test's own binary is run again.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use redb::{Database, ReadableDatabase, TableDefinition};

use super::disk::*;
use crate::record::Entry;
use crate::storage::index::derive::GENERATION;
use crate::storage::index::key;
use crate::storage::index::row::{FormatRow, IndexRow, Row};
use crate::*;

type Definition = TableDefinition<'static, &'static [u8], &'static [u8]>;
const META: Definition = TableDefinition::new("meta");
const LOG: Definition = TableDefinition::new("log");

/// The environment variable with the task and the file of the second process.
const CHILD: &str = "POLICY_STORE_OPEN_CHILD";

fn store_in(directory: &Path) -> std::path::PathBuf {
    let path = directory.join("store.redb");
    fill(&builder().open(&path).unwrap());
    path
}

fn put(path: &Path, table: Definition, row_key: &[u8], value: &[u8]) {
    let database = Database::open(path).unwrap();
    let mut txn = database.begin_write().unwrap();
    txn.set_two_phase_commit(true);
    txn.open_table(table).unwrap().insert(row_key, value).unwrap();
    txn.commit().unwrap();
    database.close().unwrap();
}

fn get(path: &Path, table: Definition, row_key: &[u8]) -> Vec<u8> {
    let database = Database::open(path).unwrap();
    let table = database.begin_read().unwrap().open_table(table).unwrap();
    table.get(row_key).unwrap().expect("the row is there").value().to_vec()
}

/// Opening fails with `code`, and no byte changes.
fn refused(path: &Path, code: &str) {
    let before = fs::read(path).ok();
    let error = builder().open(path).unwrap_err();
    assert_eq!(error.code(), code, "{error:?}");
    assert!(fs::read(path).ok() == before, "{code}: the file was changed");
}

#[test]
fn a_newer_format_is_refused_before_anything_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let path = store_in(directory.path());
    let row = |version, features, write_features| FormatRow { version, features, write_features };
    for row in [row(2, 0, 0), row(1, 1 << 40, 0), row(1, 4, 0), row(1, 0, 2)] {
        put(&path, META, key::META_FORMAT, &row.to_value(key::META_FORMAT).unwrap());
        refused(&path, "newer_format");
    }
    let known = row(1, 0, 0);
    put(&path, META, key::META_FORMAT, &known.to_value(key::META_FORMAT).unwrap());
    assert!(builder().open(&path).unwrap().verify().unwrap().is_clean());
}

/// An older build would take content of the suite for damaged, and would bind without the tests that a zone demands.
#[test]
fn a_file_is_marked_with_its_first_suite_or_demand_and_by_no_other_write() {
    let keep = |store: &PolicyStore| {
        let case = r#"[{"request":{"principal":"U::\"a\"","action":"Action::\"a\"","resource":"U::\"a\"","context":{}},
            "entities":[],"decision":"deny","reason":[],"num_errors":0}]"#;
        let suite = TestSuite::from_json(case).unwrap();
        store.write(&actor(), |w| w.zone("a")?.keep_tests("set.1", &suite).map(drop)).unwrap();
    };
    let require = |store: &PolicyStore| store.write(&actor(), |w| w.zone("a")?.require_tests(true).map(drop)).unwrap();
    let refuse = |store: &PolicyStore| {
        let refused =
            store.write(&actor(), |w| w.zone("a")?.require_tests(true).and(Err::<(), _>(w.zone("c").unwrap_err())));
        refused.unwrap_err();
    };
    let other = |store: &PolicyStore| store.write(&actor(), |w| w.zone("a")?.suspend().map(drop)).unwrap();
    let copy = |store: &PolicyStore| {
        let from = builder().id_seed(8).in_memory().unwrap();
        fill(&from);
        keep(&from);
        from.write(&actor(), |w| w.zone("a")?.require_tests(false).map(drop)).unwrap();
        store.erase_zone(&actor(), "a").unwrap();
        from.copy_zones(&actor(), &["a"], store).unwrap();
    };
    type Write<'a> = &'a dyn Fn(&PolicyStore);
    let writes: [(Write<'_>, u64); 5] = [(&keep, 1), (&require, 1), (&refuse, 0), (&other, 0), (&copy, 1)];
    for (number, (write, features)) in writes.into_iter().enumerate() {
        let directory = tempfile::tempdir().unwrap();
        let path = store_in(directory.path());
        let store = builder().open(&path).unwrap();
        write(&store);
        assert!(store.verify().unwrap().is_clean());
        drop(store);
        let row = FormatRow::from_value(key::META_FORMAT, &get(&path, META, key::META_FORMAT)).unwrap();
        assert_eq!((row.features, row.write_features), (features, 0), "write {number}");
        // The mark is part of what is verified.
        let unmarked = FormatRow { features: 0, ..row };
        put(&path, META, key::META_FORMAT, &unmarked.to_value(key::META_FORMAT).unwrap());
        assert_eq!(builder().open(&path).unwrap().verify().unwrap().is_clean(), features == 0, "write {number}");
    }
}

#[test]
fn an_entry_of_an_unknown_kind_is_newer_and_never_skipped() {
    let directory = tempfile::tempdir().unwrap();
    let path = store_in(directory.path());
    let (mut entry, _) = Entry::from_stored(&get(&path, LOG, &key::entry(1, 5))).unwrap();
    entry.kind = 999;
    let (bytes, hash) = entry.encode().unwrap();
    put(&path, LOG, &key::entry(1, 5), &Entry::stored(&bytes, hash));
    let store = builder().open(&path).unwrap();
    let zone = store.zone("a").unwrap();
    assert_eq!(zone.history(&HistoryFilter::new(), &PageRequest::new()).unwrap_err().code(), "newer_format");
    assert_eq!(zone.policy("p2").unwrap_err().code(), "newer_format");
    assert_eq!(store.verify().unwrap_err().code(), "newer_format");
    assert_eq!(store.rebuild_indexes().unwrap_err().code(), "newer_format");
    zone.policy("p1").unwrap();
}

#[test]
fn what_is_no_store_is_refused_and_left_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::write(path("empty"), b"").unwrap();
    fs::write(path("text"), b"permit(principal, action, resource);").unwrap();
    fs::write(path("zeros"), vec![0; 8192]).unwrap();
    fs::write(path("magic"), b"redb\x1a\x0a\xa9\x0d\x0a").unwrap();
    let foreign = Database::create(path("foreign")).unwrap();
    let txn = foreign.begin_write().unwrap();
    txn.open_table(TableDefinition::<u64, u64>::new("numbers")).unwrap().insert(1, 2).unwrap();
    txn.commit().unwrap();
    foreign.close().unwrap();
    Database::create(path("bare")).unwrap().close().unwrap();
    for (name, code) in [
        ("empty", "not_a_store"),
        ("text", "not_a_store"),
        ("zeros", "not_a_store"),
        ("magic", "corrupt"),
        ("foreign", "not_a_store"),
        ("bare", "not_a_store"),
        ("", "not_a_store"),
        ("missing/store.redb", "storage"),
    ] {
        refused(&path(name), code);
    }
    let store = store_in(directory.path());
    let mut permissions = fs::metadata(&store).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&store, permissions).unwrap();
    // The superuser may write to it anyway.
    if fs::OpenOptions::new().write(true).open(&store).is_err() {
        refused(&store, "storage");
    }
}

#[test]
fn another_generation_of_the_index_is_made_anew() {
    let directory = tempfile::tempdir().unwrap();
    let path = store_in(directory.path());
    for generation in [0, 77] {
        let row = IndexRow { generation }.to_value(key::META_INDEX).unwrap();
        put(&path, META, key::META_INDEX, &row);
        let database = Database::open(&path).unwrap();
        let txn = database.begin_write().unwrap();
        let mut index = txn.open_table(TableDefinition::<&[u8], &[u8]>::new("index")).unwrap();
        index.insert([9].as_slice(), b"of another generation".as_slice()).unwrap();
        drop(index);
        txn.commit().unwrap();
        database.close().unwrap();
        assert!(builder().open(&path).unwrap().verify().unwrap().is_clean());
        assert_eq!(
            get(&path, META, key::META_INDEX),
            IndexRow { generation: GENERATION }.to_value(key::META_INDEX).unwrap()
        );
    }
}

#[test]
fn a_second_opener_is_refused_in_this_process_and_in_another() {
    let directory = tempfile::tempdir().unwrap();
    let path = store_in(directory.path());
    let store = builder().open(&path).unwrap();
    assert_eq!(builder().open(&path).unwrap_err().code(), "already_open");
    assert_eq!(said(child("open", &path)), "already_open");
    let zone = store.zone("a").unwrap();
    drop(store);
    assert_eq!(builder().open(&path).unwrap_err().code(), "already_open", "a zone keeps the store open");
    drop(zone);
    assert_eq!(said(child("open", &path)), "opened");
}

#[test]
fn a_crash_while_a_store_is_made_leaves_no_file_of_its_name_or_a_whole_store() {
    let directory = tempfile::tempdir().unwrap();
    for round in 0..10 * sweep() {
        let path = directory.path().join(format!("{round}.redb"));
        let mut maker = child("open", &path);
        std::thread::sleep(std::time::Duration::from_micros(Numbers(round).next() % 30_000));
        maker.kill().unwrap();
        maker.wait().unwrap();
        let made = path.exists();
        let store = builder().open(&path).unwrap_or_else(|error| panic!("round {round}, made {made}: {error:?}"));
        assert!(store.verify().unwrap().is_clean());
    }
    // The leftover of an unfinished creation has another name, does not interfere, and is removed.
    fs::write(directory.path().join(".policy-store-left00.new"), b"half").unwrap();
    builder().open(directory.path().join("more.redb")).unwrap();
    let names = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(names.into_iter().all(|name| !name.to_string_lossy().starts_with('.')), "nothing is left over");
}

#[test]
fn of_those_who_make_a_store_at_once_all_get_the_same_one() {
    let directory = tempfile::tempdir().unwrap();
    for round in 0..3 * sweep() {
        let path = directory.path().join(format!("{round}.redb"));
        let said: Vec<String> = {
            let makers: Vec<Child> = (0..4).map(|number| child(&format!("zone{number}"), &path)).collect();
            makers.into_iter().map(said).collect()
        };
        let store = builder().open(&path).unwrap();
        let mut made = 0;
        for (number, said) in said.iter().enumerate() {
            let there = store.zone(format!("zone{number}")).is_ok();
            assert_eq!(there, said == "opened", "{said}");
            assert!(there || said == "already_open", "{said}");
            made += usize::from(there);
        }
        assert!(made > 0, "{said:?}");
        assert!(store.verify().unwrap().is_clean());
    }
    let names = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(names.into_iter().all(|name| !name.to_string_lossy().starts_with('.')), "nothing is left over");
}

/// A panic leaves poisoned locks in redb. A drop would panic on them during the panic, so the database is not dropped;
/// its file is still closed.
#[test]
fn a_store_in_which_the_storage_engine_panicked_is_opened_again_in_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let path = store_in(directory.path());
    let store = builder().record_cache_bytes(0).page_cache_bytes(0).open(&path).unwrap();
    let zone = store.zone("a").unwrap();
    let whole = fs::read(&path).unwrap();
    let bad: Vec<u8> = whole.iter().enumerate().map(|(place, byte)| if place < 4096 { *byte } else { 10 }).collect();
    let put = |bytes: &[u8]| {
        use std::io::Write;
        fs::OpenOptions::new().write(true).open(&path).unwrap().write_all(bytes).unwrap();
    };
    put(&bad);
    let error = zone.policy_version("p0.2", Include::Both).unwrap_err();
    assert!(error.to_string().contains("the storage engine: "), "{error}");
    assert_eq!(zone.policy("p0").unwrap_err().code(), "recovery_needed");
    store.recover().unwrap_err();
    put(&whole);
    store.recover().unwrap();
    zone.policy_version("p0.2", Include::Both).unwrap();
    store.write(&actor(), |w| w.create_zone("new").map(drop)).unwrap();
    assert_eq!(builder().open(&path).unwrap_err().code(), "already_open");
    drop((store, zone));
    assert!(builder().open(&path).unwrap().verify().unwrap().is_clean());
}

/// Runs this binary again, to open the file and, on request, to create a zone.
fn child(what: &str, path: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "storage::tests::open::what_another_process_does", "--nocapture"])
        .env(CHILD, format!("{what}={}", path.display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// The output of the process.
fn said(child: Child) -> String {
    let output = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    let said = output.lines().find_map(|line| line.split_once("said ")).expect("it says something").1;
    said.to_owned()
}

#[test]
fn what_another_process_does() {
    let Ok(told) = std::env::var(CHILD) else { return };
    let (what, path) = told.split_once('=').unwrap();
    match PolicyStore::open(path) {
        Err(error) => println!("said {}", error.code()),
        Ok(store) => {
            if what != "open" {
                store.write(&actor(), |w| w.create_zone(what).map(|_| ())).unwrap();
            }
            println!("said opened");
        }
    }
}
