//! The rows of a zone as of each earlier length of its log, found again from the present rows: they must be those that a
//! replay up to that length derives. Defends against: a late repeated call with another answer than the first one, and a
//! check from a checkpoint on that starts from a wrong state.

use std::collections::{BTreeMap, HashMap};

use super::disk::*;
use super::tamper_cases::{INDEX, META, remove, tampered};
use crate::storage::index::key;
use crate::storage::index::replay::{Replay, log_numbers};
use crate::storage::index::row::{Row, VersionRow};
use crate::storage::past::Past;
use crate::storage::snapshot::Snapshot;
use crate::storage::tables::{Direction, Table};
use crate::storage::tiles::Tiles;
use crate::types::error::Result;
use crate::*;

const LOG: u32 = 1;

/// One of a few test suites. A version without policies passes all of them.
fn suite(number: u64) -> TestSuite {
    let case = r#"{"request":{"principal":"U::\"a\"","action":"Action::\"a\"","resource":"U::\"a\"","context":{}},
        "entities":[],"decision":"deny","reason":[],"num_errors":0}"#;
    TestSuite::from_json(format!("[{case}]{}", " ".repeat(number as usize))).unwrap()
}

/// A random call in zone `a`. Many are refused.
fn call(zone: &mut ZoneTransaction<'_, '_>, numbers: &mut Numbers, step: u64) -> Result<()> {
    let mut one_of = |count: u64| numbers.next() % count;
    let (policy, set) = (format!("p{}", one_of(3)), format!("s{}", one_of(4)));
    let target = [Target::Zone, Target::User("u".into()), Target::User("v".into())][one_of(3) as usize].clone();
    let version = format!("{set}.{}", 1 + one_of(3));
    match one_of(19) {
        0 => zone.create_policy(NewPolicy::named("n").id(&policy)).map(drop),
        1 => zone.update_policy(&policy, PolicyUpdate::new().name(format!("n{step}"))).map(drop),
        2 | 3 => {
            let next = zone.policy(&policy)?.latest_version.unwrap_or(0) + 1;
            let new = NewPolicyVersion::cedar("s1", format!("forbid(principal, action, resource); // {step}"));
            zone.create_policy_version(&policy, new.id(format!("{policy}.{next}"))).map(drop)
        }
        4 if step > 150 => zone.archive_policy(&policy).map(drop),
        5 => zone.archive_policy_version(format!("{policy}.{}", 1 + one_of(3))).map(drop),
        6 => {
            let new = NewPolicySet::named("n").id(&set);
            let for_users = set.as_str() > "s1";
            let target_type = if for_users { TargetType::User } else { TargetType::Zone };
            zone.create_policy_set(new.target_type(target_type)).map(drop)
        }
        7 => zone.update_policy_set(&set, PolicySetUpdate::new().name(format!("n{step}"))).map(drop),
        8 | 9 => {
            let next = zone.policy_set(&set)?.latest_version.unwrap_or(0) + 1;
            let new = NewPolicySetVersion::new("s1").id(format!("{set}.{next}"));
            zone.create_policy_set_version(&set, new).map(drop)
        }
        10 => zone.bind_shadow(&version, target).map(drop),
        11 => zone.unbind_shadow(target).map(drop),
        12 => zone.unbind(target).map(drop),
        13 if one_of(2) == 0 => zone.bind_guardrail(&version).map(drop),
        13 => zone.unbind_guardrail().map(drop),
        14 if one_of(3) == 0 => {
            zone.suspend()?;
            zone.resume().map(drop)
        }
        14 => zone.set_default_schema((one_of(2) == 0).then_some("s1")).map(drop),
        15 => zone.keep_tests(&version, &suite(one_of(3))).map(drop),
        16 if one_of(2) == 0 => zone.require_tests(one_of(2) == 0).map(drop),
        _ => zone.bind(&version, target).map(drop),
    }
}

/// A store with a zone `a` of many changes.
fn busy(seed: u64) -> PolicyStore {
    let (store, mut numbers) = (builder().in_memory().unwrap(), Numbers(seed));
    let ops = Actor::platform("ops").unwrap();
    let begun = store.write(&ops, |w| {
        w.publish_schema(NewSchema::cedar("s1", SCHEMA))?;
        w.create_zone("a").map(drop)
    });
    begun.unwrap();
    for step in 0..350_u64 {
        let key = IdempotencyKey::from(u128::from(step).to_be_bytes());
        let _ = store.write(&ops, |w| {
            let mut zone = w.zone("a")?;
            if step % 5 == 0 && step < 250 {
                zone.idempotency_key(key);
            }
            call(&mut zone, &mut numbers, step)
        });
    }
    store
}

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// All index rows of the zone and its witnesses.
fn present(snapshot: &Snapshot<'_>) -> [Rows; 2] {
    [(Table::Index, key::all_of(LOG)), (Table::Meta, key::witnesses(LOG))].map(|(table, range)| {
        let mut rows = Rows::new();
        let scanned = snapshot.source().scan(
            table,
            range.start.as_slice()..range.end.as_slice(),
            Direction::Ascending,
            &mut |row_key, value| {
                rows.insert(row_key.to_vec(), value.to_vec());
                Ok(true)
            },
        );
        scanned.unwrap();
        rows
    })
}

/// The number of the forms that a version's row has now.
fn forms(rows: &Rows, body: &crate::record::Body) -> Option<u64> {
    let crate::record::Body::PolicyVersionCreated(body) = body else { return None };
    let row_key = key::by_version(LOG, key::RowKind::PolicyVersion, body.policy_id.as_str(), body.version);
    VersionRow::from_value(&row_key, &rows[&row_key]).unwrap().forms
}

#[test]
fn earlier_rows_are_those_of_a_replay() {
    let (mut rows_compared, mut not_exact) = (0, HashMap::new());
    for seed in 0..4 {
        let store = busy(seed);
        let checked = store.engine.storage.read(|snapshot| {
            let [rows, witnesses] = present(snapshot);
            let length = snapshot.head(LOG)?.length;
            assert!(length > 100 && length < 256, "{length}");
            let mut replay = Replay::new(log_numbers(snapshot.source(), &snapshot.heads()?)?);
            for end in 1..=length {
                let entry = snapshot.entry(LOG, end - 1)?;
                replay.entry(None, LOG, &entry, forms(&rows, &entry.body))?;
                let past = Past::to_read(snapshot, LOG, end);
                let earlier = rows.iter().map(|(row_key, value)| (row_key, past.row(row_key, value), &replay.rows));
                let of_witnesses = witnesses.keys().map(|row_key| (row_key, past.witness(row_key), &replay.witnesses));
                for (row_key, earlier, replayed) in earlier.chain(of_witnesses) {
                    let earlier = earlier?;
                    rows_compared += 1;
                    if earlier.exact {
                        let expected = replayed.get(row_key);
                        assert_eq!(earlier.value.as_ref(), expected, "{} at {end}", row_key.escape_ascii());
                    } else {
                        *not_exact.entry(key::RowKind::of(row_key)).or_insert(0) += 1;
                    }
                }
                assert!(replay.rows.keys().all(|row_key| rows.contains_key(row_key)), "no row is ever removed");
            }
            Ok(())
        });
        checked.unwrap();
    }
    assert_eq!(not_exact, HashMap::new(), "of {rows_compared}: the log is shorter than a search");
}

/// The checkpoint of each size of the zone's log.
fn checkpoints(store: &PolicyStore) -> Vec<Checkpoint> {
    let read = store.engine.storage.read(|snapshot| {
        let head = snapshot.checkpoint(LOG)?;
        (1..=head.size)
            .map(|size| {
                let root = RootHash::from(Tiles::at(snapshot.source(), LOG, size)?.frontier().root());
                Ok(Checkpoint { size, root, ..head })
            })
            .collect()
    });
    read.unwrap()
}

#[test]
fn a_check_from_any_size_on_finds_nothing_in_an_intact_store() {
    for seed in 0..4 {
        let store = busy(seed);
        let whole = store.verify().unwrap();
        assert!(whole.is_clean(), "{:?}", whole.findings);
        let kept = checkpoints(&store);
        assert_eq!(kept.last(), Some(&whole.verified[1].checkpoint));
        for checkpoint in kept {
            let report = store.verify_since(&[checkpoint]).unwrap();
            assert!(report.is_clean(), "from {}: {:?}", checkpoint.size, report.findings);
            assert_eq!(report.entries, whole.entries - checkpoint.size);
            assert_eq!(report.verified[1].from, checkpoint.size);
            assert_eq!(report.checkpoints(), whole.checkpoints());
        }
    }
}

/// A late repeated call compares the rows that decide with their witnesses, like any read.
#[test]
fn a_late_repeated_call_believes_no_row_that_a_witness_contradicts() {
    let disk = Disk::new(base());
    let again = |zone: &mut ZoneTransaction<'_, '_>| {
        zone.idempotency_key(IdempotencyKey::from([1; 16])).activate("set.1").map(|outcome| outcome.binding.position)
    };
    let store = open(&disk).unwrap();
    let first = store.write(&actor(), |w| again(&mut w.zone("a")?)).unwrap();
    store.write(&actor(), |w| w.zone("a")?.activate("set.2").map(drop)).unwrap();
    assert_eq!(store.write(&actor(), |w| again(&mut w.zone("a")?)).unwrap(), first);
    drop(store);
    let row_key = key::binding(LOG, BindingMode::Active, &Target::Zone, first);
    let lost = open(&tampered(disk.image(), |txn| remove(txn, INDEX, &row_key))).unwrap();
    assert_eq!(lost.write(&actor(), |w| again(&mut w.zone("a")?)).unwrap_err().code(), "corrupt");
    let lost = open(&tampered(disk.image(), |txn| remove(txn, META, &key::witness(&key::state(LOG))))).unwrap();
    let read = lost.write(&actor(), |w| {
        let mut zone = w.zone("a")?;
        again(&mut zone)?;
        zone.info()
    });
    assert_eq!(read.unwrap_err().code(), "corrupt");
}

/// A zone as of an earlier point compares them too, and so does it with schema versions, which are in another log.
#[test]
fn a_zone_of_then_believes_no_row_that_a_witness_contradicts() {
    let disk = Disk::new(base());
    let store = open(&disk).unwrap();
    let bound = store.write(&actor(), |w| w.zone("a")?.activate("set.2").map(|it| it.binding.position)).unwrap();
    let before = store.zone("a").unwrap().in_force_at(Target::Zone, At::Before(bound)).unwrap();
    store.write(&actor(), |w| w.zone("a")?.set_default_schema(Some("s1")).map(drop)).unwrap();
    store.write(&actor(), |w| w.set_schema_status("s1", SchemaStatus::Deprecated).map(drop)).unwrap();
    drop(store);
    type Read = fn(&ZoneAsOf) -> Result<()>;
    let in_force: Read = |zone| zone.in_force(Target::Zone).map(drop);
    let info: Read = |zone| zone.info().map(drop);
    let schema: Read = |zone| zone.schema("s1", Include::Neither).map(drop);
    let row_key = key::by_id(key::STORE_LOG, key::RowKind::Schema, "s1");
    for (table, row_key, read) in [
        (INDEX, key::binding(LOG, BindingMode::Active, &Target::Zone, before.position), in_force),
        (META, key::newest_binding(LOG, BindingMode::Active, &Target::Zone), in_force),
        (META, key::witness(&key::state(LOG)), info),
        (META, key::witness(&row_key), schema),
        (INDEX, row_key, schema),
    ] {
        let whole = open(&tampered(disk.image(), |_| ())).unwrap();
        let then = |store: &PolicyStore| store.zone("a")?.as_of(At::Before(bound));
        read(&then(&whole).unwrap()).unwrap();
        let lost = open(&tampered(disk.image(), |txn| remove(txn, table, &row_key))).unwrap();
        assert_eq!(
            then(&lost).and_then(|zone| read(&zone)).unwrap_err().code(),
            "corrupt",
            "{}",
            row_key.escape_ascii()
        );
    }
}

/// The newest suite of a version, and the demand, decide what may be put in force.
#[test]
fn a_row_of_tests_that_a_witness_contradicts_is_not_believed() {
    let disk = Disk::new(base());
    let store = open(&disk).unwrap();
    let mut kept = Vec::new();
    for number in 0..2 {
        store.write(&actor(), |w| w.zone("a")?.keep_tests("set.1", &suite(number)).map(drop)).unwrap();
        kept.push(store.zone("a").unwrap().checkpoint().unwrap().size - 1);
    }
    store.write(&actor(), |w| w.zone("a")?.require_tests(true).map(drop)).unwrap();
    let required = store.zone("a").unwrap().checkpoint().unwrap().size - 1;
    drop(store);
    let (of_version, of_zone) = (key::tests_kept(LOG, "set", 1), key::tests_required(LOG));
    type Read = fn(&PolicyStore) -> Result<()>;
    let version: Read = |store| store.zone("a")?.policy_set_version("set.1").map(drop);
    let info: Read = |store| store.zone("a")?.info().map(drop);
    let binding: Read = |store| store.write(&actor(), |w| w.zone("a")?.activate("set.1").map(drop));
    for (table, row_key, reads) in [
        (INDEX, key::linked(&of_version, kept[1]), [version, version]),
        (META, key::witness(&of_version), [version, version]),
        (INDEX, key::linked(&of_zone, required), [info, binding]),
        (META, key::witness(&of_zone), [info, binding]),
    ] {
        for read in reads {
            let lost = open(&tampered(disk.image(), |txn| remove(txn, table, &row_key))).unwrap();
            assert_eq!(read(&lost).unwrap_err().code(), "corrupt", "{}", row_key.escape_ascii());
            let found = lost.verify().unwrap().findings;
            assert_eq!(found.len(), 1, "{found:?}");
            lost.rebuild_indexes().unwrap();
            assert!(lost.verify().unwrap().is_clean() && read(&lost).map_or_else(|e| e.code() != "corrupt", |()| true));
        }
    }
    // As of then, a row that is missing contradicts the one after it.
    let lost = open(&tampered(disk.image(), |txn| remove(txn, INDEX, &key::linked(&of_version, kept[0])))).unwrap();
    let then = lost.zone("a").unwrap().as_of(At::Position(kept[0])).unwrap();
    assert_eq!(then.policy_set_version("set.1").unwrap_err().code(), "corrupt");
}
