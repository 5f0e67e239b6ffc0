//! Forks: a backup that goes on beside its original. Both keep the common history, and nothing of one passes for the other's.

use std::path::Path;

use cedar_policy::Decision;
use policy_store::ErrorKind::{Conflict, Invalid, NotFound};
use policy_store::{
    Change, HistoryEntry, HistoryFilter, IdempotencyKey, NewPolicy, Order, PageRequest, PolicyStore, Receipt, Restore,
    Target,
};

use super::support::{FORBID, PERMIT, World, asked, decide, platform, refused};

/// A world with a decided request, and a fork of it.
struct Forked {
    world: World,
    fork: World,
    before: Receipt,
    cursor: String,
}

fn key() -> IdempotencyKey {
    IdempotencyKey::from([7; 16])
}

fn keyed(world: &World, name: &str) -> policy_store::Result<policy_store::Policy> {
    world.write(|zone| zone.idempotency_key(key()).create_policy(NewPolicy::named(name)))
}

fn receipt(world: &World) -> Receipt {
    let authorizer = world.zone().authorizer(Target::Zone).unwrap();
    let (request, entities) = asked(&authorizer, "ann", "read", "shut");
    authorizer.is_authorized(&request, &entities).unwrap().receipt(&entities).unwrap()
}

fn replay(world: &World, receipt: &Receipt) -> policy_store::Result<Decision> {
    let authorizer = world.store.authorizer_of_receipt(receipt)?;
    let (request, entities) = asked(&authorizer, "ann", "read", "shut");
    let answer = authorizer.is_authorized(&request, &entities)?;
    answer.agrees_with(receipt)?;
    Ok(answer.decision())
}

fn fork_at(world: &World, path: &Path) -> World {
    let store = world.clock.builder().id_seed(99).restore(Restore::Fork(platform())).open(path).unwrap();
    World::resumed(store, world.clock.clone())
}

fn forked() -> Forked {
    let world = World::in_file();
    world.live("s", &[&world.version("a", PERMIT)]);
    keyed(&world, "keyed").unwrap();
    world.write_store(|w| w.create_zone("gone").map(drop)).unwrap();
    world.store.erase_zone(&platform(), "gone").unwrap();
    let before = receipt(&world);
    let cursor =
        world.zone().history(&HistoryFilter::new(), &PageRequest::new().limit(1)).unwrap().after_cursor.unwrap();
    let path = world.path().with_file_name("fork.redb");
    world.store.backup(&path).unwrap();
    let fork = fork_at(&world, &path);
    Forked { world, fork, before, cursor }
}

fn entries(store: &PolicyStore) -> Vec<HistoryEntry> {
    store.history(&HistoryFilter::new(), &PageRequest::new().order(Order::Ascending).limit(100)).unwrap().items
}

#[test]
fn every_log_goes_on_under_a_new_id_from_an_entry_that_names_the_old_head() {
    let Forked { world, fork, .. } = forked();
    for zone in ["acme", "other"] {
        let [old, new] = [&world, &fork].map(|world| world.store.zone(zone).unwrap());
        let list = PageRequest::new().order(Order::Ascending).limit(100);
        let [before, after] = [&old, &new].map(|zone| zone.history(&HistoryFilter::new(), &list).unwrap().items);
        assert_eq!(after[..before.len()], before, "the common history");
        let (old, new) = (old.info().unwrap(), new.info().unwrap());
        assert_ne!(old.log_id, new.log_id);
        let last = before.last().unwrap();
        let change = Change::LogForked { from: old.log_id, length: before.len() as u64, last: last.hash };
        assert_eq!((&after[before.len()].change, after.len()), (&change, before.len() + 1));
        assert_eq!(after[before.len()].created_by, platform());
        let named = Change::ZoneForked { zone_id: old.id.clone(), from: old.log_id, to: new.log_id };
        assert!(entries(&fork.store).iter().any(|entry| entry.change == named));
        assert_eq!((old.created_at, old.bindings_revision), (new.created_at, new.bindings_revision));
    }
    assert!(matches!(entries(&fork.store)[entries(&world.store).len()].change, Change::LogForked { .. }));
    fork.extent();
    world.extent();
}

#[test]
fn what_was_before_the_fork_stays_valid_in_both_stores() {
    let Forked { world, fork, before, .. } = forked();
    for store in [&world, &fork] {
        assert_eq!(replay(store, &before).unwrap(), Decision::Allow);
        assert_eq!(store.version("a", FORBID).version, 2);
    }
    // The first answer again, not a new policy.
    let [old, new] = [&world, &fork].map(|world| keyed(world, "keyed").unwrap());
    assert_eq!(old.id, new.id);
    refused(keyed(&fork, "other"), (Conflict, "request_conflict"), "idempotency key");
}

#[test]
fn what_came_after_the_fork_is_valid_in_one_store_only() {
    let Forked { world, fork, before, cursor } = forked();
    for store in [&world, &fork] {
        let forbid = store.version("b", FORBID);
        store.live("s", &[&store.version("a", PERMIT), &forbid]);
        assert_eq!(decide(&store.zone().authorizer(Target::Zone).unwrap(), "ann", "read", "shut"), Decision::Deny);
    }
    let [old, new] = [&world, &fork].map(receipt);
    assert_ne!(old.log_id, new.log_id);
    assert_eq!((replay(&world, &old).unwrap(), replay(&fork, &new).unwrap()), (Decision::Deny, Decision::Deny));
    for refusal in [replay(&world, &new), replay(&fork, &old)] {
        let error = refusal.unwrap_err();
        assert!(matches!(error.kind(), Conflict | NotFound), "{error:?}");
    }
    // A receipt that takes another one's log id is refused, too.
    let mut taken = new;
    taken.log_id = before.log_id;
    refused(replay(&fork, &taken), (Conflict, "receipt_mismatch"), "log_id");
    let list = PageRequest::new().after(cursor);
    world.zone().history(&HistoryFilter::new(), &list).unwrap();
    refused(fork.zone().history(&HistoryFilter::new(), &list), (Invalid, "invalid_cursor"), "cursor");
}

#[test]
fn a_fork_is_verified_rebuilt_recovered_erased_and_forked_again() {
    let Forked { world, fork, before, .. } = forked();
    let extent = fork.extent();
    fork.store.rebuild_indexes().unwrap();
    assert_eq!(fork.extent(), extent);
    fork.store.recover().unwrap();
    let path = world.path().with_file_name("second.redb");
    fork.store.backup(&path).unwrap();
    let second = fork_at(&world, &path);
    second.store.rebuild_indexes().unwrap();
    second.extent();
    let ids = [&world, &fork, &second].map(|world| world.zone().info().unwrap().log_id);
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
    for store in [&fork, &second] {
        assert_eq!(replay(store, &before).unwrap(), Decision::Allow);
    }
    let erased = second.store.erase_zone(&platform(), "acme").unwrap();
    assert_eq!(erased.log_id, ids[2]);
    second.extent();
    second.store.rebuild_indexes().unwrap();
    second.write_store(|w| w.create_zone("acme").map(drop)).unwrap();
    refused(replay(&second, &before), (Conflict, "receipt_mismatch"), "log_id");
    second.extent();
}

#[test]
fn a_forked_zone_is_copied_with_its_former_ids() {
    let Forked { fork, before, .. } = forked();
    let other = World::resumed(fork.clock.builder().id_seed(5).in_memory().unwrap(), fork.clock.clone());
    fork.store.copy_zones(&platform(), &["acme"], &other.store).unwrap();
    assert_eq!(other.zone().info().unwrap().log_id, fork.zone().info().unwrap().log_id);
    assert_eq!(replay(&other, &before).unwrap(), Decision::Allow);
    other.extent();
    other.store.rebuild_indexes().unwrap();
    other.version("a", PERMIT);
    other.extent();
}

/// A fork and its original have the first part of a log in common, so neither takes the other's log.
#[test]
fn a_log_is_not_copied_to_where_its_other_end_was() {
    let Forked { world, fork, .. } = forked();
    let former = world.zone().info().unwrap().log_id;
    fork.store.erase_zone(&platform(), "acme").unwrap();
    let extent = fork.extent();
    let copied = world.store.copy_zones(&platform(), &["acme"], &fork.store);
    refused(copied, (Conflict, "already_exists"), &former.to_string());
    assert_eq!(fork.extent(), extent);
    fork.store.rebuild_indexes().unwrap();
    fork.extent();
    // The original erases the zone, and the fork has it under another id.
    let path = world.path().with_file_name("second.redb");
    world.store.backup(&path).unwrap();
    let second = fork_at(&world, &path);
    world.store.erase_zone(&platform(), "acme").unwrap();
    let copied = second.store.copy_zones(&platform(), &["acme"], &world.store);
    refused(copied, (Conflict, "already_exists"), &former.to_string());
    world.extent();
}

#[test]
fn checkpoints_of_before_a_fork_hold_after_an_erasure_too() {
    let Forked { world, fork, .. } = forked();
    let kept = world.store.verify().unwrap().checkpoints();
    assert!(fork.store.verify_since(&kept).unwrap().is_clean());
    fork.store.erase_zone(&platform(), "acme").unwrap();
    let report = fork.store.verify_since(&kept).unwrap();
    assert!(report.is_clean(), "{:?}", report.findings);
    let path = world.path().with_file_name("third.redb");
    fork.store.backup(&path).unwrap();
    let builder = world.clock.builder().restore(Restore::Resume);
    let restored = builder.not_before(kept).open(&path).unwrap();
    assert!(restored.verify().unwrap().is_clean());
}

/// The answer is read from entries of before the fork, under the former id of their log.
#[test]
fn a_late_repeated_call_gets_its_answer_of_before_the_fork_without_a_cache_too() {
    let world = World::in_file();
    let first = keyed(&world, "keyed").unwrap();
    world.write(|zone| zone.archive_policy(&first.id)).unwrap();
    let path = world.path().with_file_name("fork.redb");
    world.store.backup(&path).unwrap();
    let builder = world.clock.builder().id_seed(99).record_cache_bytes(0).compiled_cache_bytes(0);
    let store = builder.restore(Restore::Fork(platform())).open(&path).unwrap();
    let fork = World::resumed(store, world.clock.clone());
    assert_eq!(keyed(&fork, "keyed").unwrap(), first);
}
