//! Lost writes: a file page with older, well-formed bytes among newer pages. Defends against, without an error: another
//! decision, another version in force, and a zone, schema or binding that disappears or comes back.
//!
//! Reproduced with every page that was ever overwritten: the test restores its older bytes, one page at a time, under
//! an open store and under a store that is opened without the integrity check. By default, a sample is tried;
//! `POLICY_STORE_SWEEP` multiplies it.

use std::collections::BTreeSet;

use super::disk::*;
use crate::types::error::Result;
use crate::*;

/// The reads that decide: their names and results.
type Reads = Vec<(String, Result<String>)>;

const ZONES: [&str; 7] = ["a", "b", "z3", "z5", "z7", "z11", "none"];

fn reads(store: &PolicyStore) -> Reads {
    let mut all = Vec::new();
    let mut note = |name: String, read: &dyn Fn() -> Result<String>| {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(read));
        all.push((name.clone(), result.unwrap_or_else(|_| panic!("{name} panicked"))));
    };
    for schema in ["s1", "s2", "s3", "none"] {
        note(format!("schema {schema}"), &|| Ok(format!("{:?}", store.schema(schema, Include::Neither)?)));
    }
    for id in ZONES {
        let zone = || store.zone(id);
        note(format!("{id} info"), &|| Ok(format!("{:?}", zone()?.info()?)));
        note(format!("{id} guardrail"), &|| Ok(format!("{:?}", zone()?.guardrail()?)));
        for target in [Target::Zone, Target::User("ann".into())] {
            note(format!("{id} {target} in force"), &|| Ok(format!("{:?}", zone()?.in_force(target.clone())?)));
            note(format!("{id} {target} observed"), &|| Ok(format!("{:?}", zone()?.observed(target.clone())?)));
            note(format!("{id} {target} decision"), &|| Ok(decide(&zone()?.authorizer(target.clone())?)));
            for position in [9, 13, 15, 17] {
                let at = At::Position(position);
                note(format!("{id} {target} at {position}"), &|| {
                    Ok(format!("{:?}", zone()?.in_force_at(target.clone(), at)?))
                });
            }
        }
    }
    all
}

/// Binds and unbinds, erases a zone and creates it again, suspends one, and changes schemas.
fn write_more(store: &PolicyStore, step: u32) -> Result<()> {
    let ann = || Target::User("ann".into());
    let author = if matches!(step, 2 | 7) { Actor::platform("ops")? } else { actor() };
    store.write(&author, |w| match step {
        0 => w.publish_schema(NewSchema::cedar("s2", format!("{SCHEMA}// 2"))).map(drop),
        1 => w.zone("a")?.activate("set.1").map(drop),
        2 => {
            let mut zone = w.zone("b")?;
            zone.create_policy_set(NewPolicySet::named("ann's").id("anns").target_type(TargetType::User))?;
            let version = zone.create_policy_set_version("anns", NewPolicySetVersion::new("s2").id("anns.1"))?;
            w.zone("z11")?.bind_guardrail("set.1")?;
            w.zone("z3")?.bind_guardrail("set.1")?;
            w.zone("b")?.bind(&version.id, ann()).map(drop)
        }
        3 => w.zone("a")?.unbind(Target::Zone).map(drop),
        4 => w.zone("z5")?.suspend().map(drop),
        5 => w.set_schema_status("s2", SchemaStatus::Deprecated).map(drop),
        6 => w.zone("a")?.activate("set.2").map(drop),
        7 => {
            w.zone("z3")?.unbind_guardrail()?;
            w.zone("b")?.unbind(ann()).map(drop)
        }
        8 => w.zone("a")?.bind_shadow("set.1", Target::Zone).map(drop),
        9 => w.create_zone("z7").map(drop),
        10 => w.zone("z5")?.resume().map(drop),
        _ => w.publish_schema(NewSchema::cedar("s3", format!("{SCHEMA}// 3"))).map(drop),
    })
}

/// A store with many writes, and the reads after each of them.
fn history() -> (Disk, Vec<Reads>) {
    let disk = Disk::default();
    let store = unkept(&disk, true);
    fill(&store);
    for number in 0..16 {
        let made = store.write(&actor(), |w| {
            let mut zone = w.create_zone(format!("z{number}"))?;
            zone.create_policy(NewPolicy::named("p").id("p"))?;
            zone.create_policy_set(NewPolicySet::named("set").id("set"))?;
            let version = zone.create_policy_set_version("set", NewPolicySetVersion::new("s1").id("set.1"))?;
            zone.activate(&version.id)
        });
        made.unwrap();
    }
    store.erase_zone(&actor(), "z7").unwrap();
    let mut states = vec![reads(&store)];
    for step in 0..12 {
        write_more(&store, step).unwrap();
        states.push(reads(&store));
    }
    (disk, states)
}

/// Opens a store without caches.
fn unkept(disk: &Disk, checked: bool) -> PolicyStore {
    let builder = builder().page_cache_bytes(0).record_cache_bytes(0).compiled_cache_bytes(0);
    builder.check_integrity(checked).open_at(disk.location()).unwrap()
}

/// Whether the place of an older page is still in the file, which becomes shorter when it is closed.
fn is_inside(disk: &Disk, (place, bytes): &(u64, Vec<u8>)) -> bool {
    place + u64::try_from(bytes.len()).unwrap() <= u64::try_from(disk.image().len()).unwrap()
}

/// A sample of the older pages, without the header.
fn older(disk: &Disk) -> Vec<(u64, Vec<u8>)> {
    let is_page = |page: &(u64, Vec<u8>)| page.0 > 0 && is_inside(disk, page);
    let distinct: BTreeSet<_> = disk.older().into_iter().filter(is_page).collect();
    let stride = (distinct.len() / (40 * usize::try_from(sweep()).unwrap())).max(1);
    distinct.into_iter().step_by(stride).collect()
}

fn same(one: &Result<String>, other: &Result<String>) -> bool {
    match (one, other) {
        (Ok(one), Ok(other)) => one == other,
        (Err(one), Err(other)) => one.code() == other.code() && one.to_string() == other.to_string(),
        _ => false,
    }
}

/// Whether the error reports damage.
fn is_damage(error: &Error) -> bool {
    matches!(error.code(), "corrupt" | "recovery_needed")
}

/// The reads that differ from the expected ones without an error about damage.
fn wrong(found: &Reads, right: &Reads) -> Vec<String> {
    let pairs = found.iter().zip(right);
    let wrong = pairs.filter(|((_, found), (_, right))| !same(found, right) && !found.as_ref().is_err_and(is_damage));
    wrong.map(|((name, found), _)| format!("{name}: {found:?}").chars().take(200).collect()).collect()
}

#[test]
fn an_older_page_behind_an_open_store_changes_no_answer_without_an_error() {
    let (disk, states) = history();
    let right = states.last().unwrap();
    let store = unkept(&disk, true);
    assert!(wrong(&reads(&store), right).is_empty());
    let (mut noticed, mut problems) = (0, Vec::new());
    let older = older(&disk);
    for (place, bytes) in older.iter().filter(|page| is_inside(&disk, page)) {
        let there = disk.put_back(*place, bytes);
        let found = reads(&store);
        noticed += usize::from(found.iter().any(|(_, read)| read.as_ref().is_err_and(is_damage)));
        problems.extend(wrong(&found, right).into_iter().map(|problem| format!("page at {place}: {problem}")));
        disk.put_back(*place, &there);
        store.recover().unwrap();
    }
    assert!(noticed > 5, "{noticed} of {}", older.len());
    assert!(problems.is_empty(), "{} with {} pages, first {:#?}", problems.len(), older.len(), problems.get(..5));
}

/// One older page cannot be detected without the integrity check: the page that points to all tables. With it, the
/// whole store is an older one, and all answers agree with that.
#[test]
fn an_older_page_that_is_not_checked_at_opening_changes_no_answer_without_an_error_but_the_page_of_all_tables() {
    let (disk, states) = history();
    drop(unkept(&disk, true));
    let (image, right) = (disk.image(), states.last().unwrap());
    let (mut noticed, mut problems) = (0, Vec::new());
    let older = older(&disk);
    for (place, bytes) in &older {
        let disk = Disk::new(image.clone());
        disk.put_back(*place, bytes);
        let builder = builder().page_cache_bytes(0).record_cache_bytes(0).compiled_cache_bytes(0);
        let Ok(store) = builder.check_integrity(false).open_at(disk.location()) else {
            noticed += 1;
            continue;
        };
        let found = reads(&store);
        let is_older_state = states.iter().any(|state| state.iter().zip(&found).all(|(one, two)| same(&one.1, &two.1)));
        noticed += usize::from(found.iter().any(|(_, read)| read.as_ref().is_err_and(is_damage)));
        if !is_older_state {
            problems.extend(wrong(&found, right).into_iter().map(|problem| format!("page at {place}: {problem}")));
        }
    }
    assert!(noticed > 5, "{noticed} of {}", older.len());
    assert!(problems.is_empty(), "{} with {} pages, first {:#?}", problems.len(), older.len(), problems.get(..5));
}
