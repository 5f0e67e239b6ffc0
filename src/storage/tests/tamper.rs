//! Damage that redb cannot detect: a valid file with rows dropped, changed, swapped or added. Defends against: a
//! `verify` that misses it or names another place; a rebuild that makes it permanent; a write on top of it; a read that
//! returns it.
//!
//! Reproduced by writing to the tables without the store.

use redb::{Database, ReadableDatabase, ReadableTable, WriteTransaction};

use super::disk::*;
use super::tamper_cases::Rebuild::{Forgets, Leaves, Refused, Repairs};
use super::tamper_cases::*;
use crate::storage::index::key;
use crate::storage::index::row::{LogsRow, Row};
use crate::storage::verify::Kept;
use crate::types::progress::Watch;
use crate::*;

fn index_rows(image: Vec<u8>) -> Vec<(Vec<u8>, Vec<u8>)> {
    let database = Database::builder().create_with_backend(Disk::new(image)).unwrap();
    let table = database.begin_read().unwrap().open_table(INDEX).unwrap();
    let rows = table.iter().unwrap().map(|row| row.unwrap());
    rows.map(|(row_key, value)| (row_key.value().to_vec(), value.value().to_vec())).collect()
}

fn filled() -> Vec<u8> {
    let disk = Disk::default();
    fill(&open(&disk).unwrap());
    disk.image()
}

fn write(store: &PolicyStore) -> Result<()> {
    store.write(&actor(), |w| w.zone("a")?.create_policy(NewPolicy::named("new")).map(|_| ()))
}

#[test]
fn damaged_content_fails_the_write_that_repeats_it() {
    let image = filled();
    let repeat = |store: &PolicyStore| {
        store.write(&actor(), |w| {
            let new = NewPolicyVersion::cedar("s1", format!("// 1\n{PERMIT}"));
            w.zone("b")?.create_policy_version("p2", new).map(|_| ())
        })
    };
    repeat(&open(&Disk::new(image.clone())).unwrap()).unwrap();
    let store = open(&tampered(image, |txn| flip(txn, CONTENT, &text_key(txn)))).unwrap();
    assert_eq!(repeat(&store).unwrap_err().code(), "corrupt");
    assert_eq!(store.zone("b").unwrap().policy("p2").unwrap().latest_version, Some(1));
    let refused = write(&store).unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Corrupt, "writes_stopped"));
    store.recover().unwrap();
    write(&store).unwrap();
}

#[test]
fn a_new_log_takes_no_number_that_is_in_use() {
    let store = open(&tampered(filled(), |txn| {
        put(txn, META, key::META_LOGS, &LogsRow { next: 1 }.to_value(key::META_LOGS).unwrap());
    }))
    .unwrap();
    let created = store.write(&actor(), |w| w.create_zone("new").map(|_| ()));
    assert_eq!(created.unwrap_err().kind(), ErrorKind::Corrupt);
    assert_eq!(store.zone("a").unwrap().history(&HistoryFilter::new(), &PageRequest::new()).unwrap().items.len(), 14);
}

#[test]
fn a_store_without_its_format_row_is_refused() {
    let disk = tampered(filled(), |txn| remove(txn, META, key::META_FORMAT));
    assert_eq!(open(&disk).unwrap_err().code(), "not_a_store");
    let disk = tampered(filled(), |txn| flip(txn, META, key::META_FORMAT));
    assert_eq!(open(&disk).unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn a_meta_row_that_no_store_has_is_named() {
    let disk = tampered(filled(), |txn| {
        put(txn, META, b"", b"");
        put(txn, META, b"formau", &LogsRow { next: 1 }.to_value(b"formau").unwrap());
        put(txn, META, b"head:\0\0\x01", b"");
        put(txn, META, &[0xff; 9], b"");
    });
    let report = open(&disk).unwrap().verify().unwrap();
    let found: Vec<String> = report.findings.iter().map(Finding::to_string).collect();
    let key = |key: &str| format!("meta rows: unknown meta row `{key}`");
    let expected = ["", "formau", r"head:\x00\x00\x01", r"\xff\xff\xff\xff\xff\xff\xff\xff\xff"];
    assert_eq!(found, expected.map(key));
}

#[test]
fn damage_is_found_in_its_place_and_neither_believed_nor_built_upon() {
    let image = filled();
    let rows = index_rows(image.clone());
    let right: Vec<_> = read_all(&open(&Disk::new(image.clone())).unwrap());
    for case in CASES {
        let name = case.name;
        let disk = tampered(image.clone(), case.tamper);
        let store = open(&disk).unwrap();
        for ((read, found), (_, right)) in read_all(&store).into_iter().zip(&right) {
            match found {
                // Only the chain of the next entry shows that an entry was replaced by another valid one.
                Ok(_) if name.contains("forged") => {}
                Ok(found) => assert_eq!(Some(&found), right.as_ref().ok(), "{name}: {read}"),
                Err(error) if error.code() == "cannot_compile" => assert!(read.ends_with("decision"), "{name}: {read}"),
                Err(error) if error.code() == "cannot_parse" => assert!(read.ends_with("blame"), "{name}: {read}"),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Corrupt, "{name}: {read}: {error:?}"),
            }
        }

        let report = store.verify().unwrap_or_else(|error| panic!("{name}: {error:?}"));
        for threads in [1, 3] {
            let again = store.engine.storage.verify_with(Watch::NONE, Kept::new(), true, threads);
            assert_eq!(again.unwrap(), report, "{name}: the same on {threads} threads");
        }
        let found: Vec<String> = report.findings.iter().map(|finding| finding.place.to_string()).collect();
        for place in case.places {
            assert!(found.iter().any(|found| found.starts_with(place)), "{name}: {:?}", report.findings);
        }
        let other = if case.places.iter().any(|place| place.contains("`b`")) { "`a`" } else { "`b`" };
        let swapped = name.contains("changed places");
        assert!(swapped || !found.iter().any(|found| found.contains(other)), "{name}: {:?}", report.findings);

        let before = disk.image();
        let rebuilt = store.rebuild_indexes();
        match case.rebuild {
            Repairs | Leaves | Forgets => rebuilt.unwrap_or_else(|error| panic!("{name}: {error:?}")),
            Refused => assert_eq!(rebuilt.unwrap_err().kind(), ErrorKind::Corrupt, "{name}"),
        }
        drop(store);
        let after = index_rows(disk.image());
        let expected = if case.rebuild == Refused { index_rows(before) } else { rows.clone() };
        // Rows contain the numbers of logs, so they differ if logs were swapped.
        let is_version = |row_key: &[u8]| row_key[4] == key::RowKind::PolicyVersion as u8;
        let told = |rows: Vec<(Vec<u8>, Vec<u8>)>| match case.rebuild {
            Forgets => rows.into_iter().filter(|(row_key, _)| !is_version(row_key)).collect(),
            _ => rows,
        };
        assert!(swapped || told(after) == told(expected), "{name}: the rows are not as expected");
        let clean = open(&disk).unwrap().verify().unwrap().is_clean();
        assert_eq!(clean, case.rebuild == Repairs || swapped, "{name}");

        // An accepted write depends only on intact data, and a later `verify` has no more findings than before.
        let store = open(&tampered(image.clone(), case.tamper)).unwrap();
        match write(&store) {
            Ok(()) => assert!(!case.refused, "{name}: the write was made"),
            Err(error) => assert!(case.refused && error.kind() == ErrorKind::Corrupt, "{name}: {error:?}"),
        }
        assert_eq!(store.verify().unwrap().findings, report.findings, "{name}");
    }
}

/// A tile is derived like every other row.
#[test]
fn a_damaged_tile_is_found_and_made_again() {
    let disk = Disk::default();
    let store = open(&disk).unwrap();
    store
        .write(&actor(), |w| {
            let mut zone = w.create_zone("large")?;
            (0..600).try_for_each(|n| zone.create_policy(NewPolicy::named("p").id(format!("p{n}"))).map(drop))
        })
        .unwrap();
    // Entries one by one fill tiles, too.
    for n in 600..800 {
        store.write(&actor(), |w| w.zone("large")?.create_policy(NewPolicy::named("p").id(format!("p{n}")))).unwrap();
    }
    assert!(store.verify().unwrap().is_clean());
    drop(store);
    let tiles = [0, 1, 2].map(|number| key::tile(1, 0, number));
    let tampers: [fn(&WriteTransaction, &[u8]); 2] =
        [|txn, tile| remove(txn, INDEX, tile), |txn, tile| put(txn, INDEX, tile, &get(txn, INDEX, &key::state(1)))];
    for (tile, tamper) in tiles.iter().flat_map(|tile| tampers.map(|tamper| (tile, tamper))) {
        let store = open(&tampered(disk.image(), |txn| tamper(txn, tile))).unwrap();
        let findings = store.verify().unwrap().findings;
        assert!(findings[0].to_string().starts_with("index row 0000000150"), "{findings:?}");
        store.rebuild_indexes().unwrap();
        assert!(store.verify().unwrap().is_clean());
    }
}

/// Damage that a handle has met stops later writes, until a recovery or a rebuild.
#[test]
fn damage_stops_writes_and_no_reads_until_the_store_is_recovered_or_rebuilt() {
    let row_key = key::by_id(1, key::RowKind::Policy, "p1");
    let damaged = || open(&tampered(filled(), |txn| flip(txn, INDEX, &row_key))).unwrap();
    type Meet = fn(&PolicyStore);
    let meets: [(&str, Meet); 3] = [
        ("a read", |store| {
            store.zone("a").unwrap().policy("p1").unwrap_err();
        }),
        ("a write", |store| {
            // The closure ignores the error.
            let written = store.write(&actor(), |w| {
                let mut zone = w.zone("a")?;
                assert_eq!(zone.policy("p1").unwrap_err().code(), "corrupt");
                zone.create_policy(NewPolicy::named("new")).map(drop)
            });
            assert_eq!(written.unwrap_err().code(), "writes_stopped");
        }),
        ("a check", |store| assert!(!store.verify().unwrap().is_clean())),
    ];
    for (name, meet) in meets {
        let store = damaged();
        meet(&store);
        let refused = write(&store).unwrap_err();
        assert_eq!((refused.kind(), refused.code()), (ErrorKind::Corrupt, "writes_stopped"), "{name}");
        assert!(refused.to_string().contains("00000001107031"), "{name}: {refused}");
        assert_eq!(
            store.zone("a").unwrap().policies(&PolicyFilter::new(), &PageRequest::new()).unwrap_err().code(),
            "corrupt"
        );
        store.zone("b").unwrap().policy("p1").unwrap();
        store.recover().unwrap();
        write(&store).unwrap();
        meet(&store);
        store.rebuild_indexes().unwrap();
        store.zone("a").unwrap().policy("p1").unwrap();
        write(&store).unwrap();
    }
}

#[test]
fn what_a_caller_got_wrong_stops_no_write() {
    let store = open(&Disk::new(filled())).unwrap();
    let zone = store.zone("a").unwrap();
    let authorizer = zone.authorizer(Target::Zone).unwrap();
    let request = authorizer.request(r#"User::"eve""#, r#"Action::"view""#, r#"Doc::"d""#, "{}").unwrap();
    let entities = authorizer.entities("[]").unwrap();
    let mut receipt = authorizer.is_authorized(&request, &entities).unwrap().receipt(&entities).unwrap();
    receipt.manifest_sha = Sha256::of(b"another");
    store.replay(&receipt, &request, &entities).unwrap_err();
    zone.in_force_at(Target::Zone, At::Position(10_000)).unwrap_err();
    zone.policies(&PolicyFilter::new(), &PageRequest::new().after("00")).unwrap_err();
    store.zone("none").unwrap_err();
    write(&store).unwrap();
}

/// A leaf key with another log number; the rows around it are still in order.
#[test]
fn an_entry_under_the_key_of_another_log_is_found() {
    let store = open(&tampered(filled(), |txn| {
        let (inside, moved) = (key::entry(1, 13), key::entry(1, u64::MAX));
        put(txn, LOG, &moved, &get(txn, LOG, &inside));
    }));
    let report = store.unwrap().verify().unwrap();
    assert!(report.findings.iter().any(|found| found.to_string().contains("log `a`")), "{:?}", report.findings);
}
