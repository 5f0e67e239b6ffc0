//! Points in a zone's history: those that are refused, those inside a write, those of long ago, and the zones of then that
//! callers hold.

use cedar_policy::Decision;
use policy_store::ErrorKind::{Invalid, NotBound, NotFound, Unavailable};
use policy_store::{
    At, Committed, HistoryFilter, Include, NewPolicy, PageRequest, PolicyFilter, PolicySetFilter, PolicyUpdate, Target,
    Timestamp, Zone,
};

use super::support::{FORBID, PERMIT, SECOND, START, World, asked, decide, platform, refused};

const ZONE: Target = Target::Zone;

#[test]
fn a_point_between_the_entries_of_a_write_is_after_or_before_all_of_it() {
    let world = World::new();
    let before = world.history().len() as u64;
    world.clock.stop();
    world.clock.set(START + 50 * SECOND);
    let write = world.write(|zone| {
        zone.create_policy(NewPolicy::named("one").id("p"))?;
        zone.update_policy("p", PolicyUpdate::new().name("two"))?;
        zone.update_policy("p", PolicyUpdate::new().name("three"))
    });
    assert_eq!(write.unwrap().revision, before + 2);
    world.clock.set(START + 60 * SECOND);
    world.write(|zone| zone.archive_policy("p")).unwrap();
    let name = |at: At| world.zone().as_of(at).unwrap().policy("p").map(|policy| (policy.name, policy.archived_at));
    let at = |micros| At::Time(Timestamp::from_micros(START + 50 * SECOND + micros));
    for place in 0..3 {
        assert_eq!(name(At::Position(before + place)).unwrap(), ("three".to_owned(), None));
        assert_eq!(name(at(place as i64)).unwrap(), ("three".to_owned(), None));
        refused(name(At::Before(before + place)), (NotFound, "not_found"), "policy `p`");
    }
    refused(name(at(-1)), (NotFound, "not_found"), "policy `p`");
    assert_eq!(name(At::Before(before + 3)).unwrap().1, None);
    assert!(name(At::Position(before + 3)).unwrap().1.is_some());
}

#[test]
fn points_beyond_the_log_and_before_the_zone_are_refused() {
    let world = World::new();
    world.version("p", PERMIT);
    let length = world.history().len() as u64;
    let (zone, created) = (world.zone(), world.zone().info().unwrap().created_at);
    for position in [length, length + 1, u64::MAX] {
        for at in [At::Position(position), At::Before(position)] {
            refused(zone.as_of(at), (Invalid, "invalid_input"), &format!("position `{position}`"));
        }
    }
    for at in [At::Before(0), At::Time(Timestamp::EPOCH), At::Time(Timestamp::from_micros(created.as_micros() - 1))] {
        let error = refused(zone.as_of(at), (NotFound, "before_zone"), "zone `acme`");
        assert!(error.to_string().contains(&created.to_string()), "{error}");
        refused(zone.snapshot().unwrap().as_of(at), (NotFound, "before_zone"), "acme");
    }
    assert_eq!(zone.as_of(created).unwrap().info().unwrap().created_at, created);
    // A zone of the past has no later points.
    let then = zone.as_of(At::Position(0)).unwrap();
    refused(then.as_of(At::Position(1)), (Invalid, "invalid_input"), "position `1`");
    refused(then.in_force_at(ZONE, At::Position(1)), (Invalid, "invalid_input"), "position `1`");
    refused(then.policy("p"), (NotFound, "not_found"), "p");
    assert_eq!(
        then.as_of(Timestamp::MAX).unwrap().history(&HistoryFilter::new(), &PageRequest::new()).unwrap().items.len(),
        1
    );
    assert_eq!(
        then.as_of(At::Now).unwrap().history(&HistoryFilter::new(), &PageRequest::new()).unwrap().items.len(),
        1
    );
}

/// After more changes than a search goes back, the log is read from its start.
#[test]
fn a_point_long_ago_is_found_again() {
    let world = World::new();
    world.version("p", PERMIT);
    world.version("q", FORBID);
    world.write(|zone| zone.update_policy("p", PolicyUpdate::new().name("first"))).unwrap();
    let rename = |id: &str, count: usize| {
        world.write(|zone| {
            (0..count).try_for_each(|n| zone.update_policy(id, PolicyUpdate::new().name(format!("n{n}"))).map(drop))
        })
    };
    rename("q", 400).unwrap();
    let mut noted = Vec::new();
    note_short(&world, &mut noted);
    rename("p", 2_500).unwrap();
    note_short(&world, &mut noted);
    world.live("s", &[]);
    world.write(|zone| zone.suspend()).unwrap();
    let zone = world.zone();
    for (position, expected) in &noted {
        let then = zone.as_of(At::Position(*position)).unwrap();
        assert_eq!(short(&then), *expected);
        // On several threads at once.
        let again = zone.as_of(At::Position(*position)).unwrap();
        std::thread::scope(|scope| {
            for thread in [0; 3].map(|_| scope.spawn(|| short(&again.clone()))) {
                assert_eq!(thread.join().unwrap(), *expected);
            }
        });
    }
}

fn short<M: Committed>(zone: &Zone<M>) -> String {
    let list = PageRequest::new().total_count();
    format!(
        "{:?} {:?} {:?} {:?}",
        zone.info().unwrap(),
        zone.policies(&PolicyFilter::new().name("n"), &list).unwrap(),
        zone.policy_sets(&PolicySetFilter::new(), &list).unwrap(),
        zone.checkpoint().unwrap()
    )
}

fn note_short(world: &World, noted: &mut Vec<(u64, String)>) {
    noted.push((world.zone().checkpoint().unwrap().size - 1, short(&world.zone())));
}

#[test]
fn a_checkpoint_of_then_is_the_one_that_was_kept() {
    let world = World::new();
    let mut kept = vec![world.zone().checkpoint().unwrap()];
    for n in 0..270 {
        world.write(|zone| zone.create_policy(NewPolicy::named(n.to_string()))).unwrap();
        kept.push(world.zone().checkpoint().unwrap());
    }
    for checkpoint in &kept {
        let then = world.zone().as_of(At::Position(checkpoint.size - 1)).unwrap();
        assert_eq!(then.checkpoint().unwrap(), *checkpoint);
    }
    assert!(world.store.verify_since(&kept[200..=200]).unwrap().is_clean());
}

#[test]
fn a_zone_of_the_past_is_held_until_a_recovery_closes_it() {
    fn can_be_sent<T: Clone + Send + Sync + 'static>(value: T) -> T {
        value
    }
    let world = World::in_file();
    let version = world.version("p", PERMIT);
    let then = can_be_sent(world.zone().as_of(At::Position(version_position(&world))).unwrap());
    world.version("p", FORBID);
    let items = then.policies_iter(&PolicyFilter::new(), &PageRequest::new());
    world.store.erase_zone(&platform(), "acme").unwrap();
    assert_eq!(std::thread::spawn(move || items.count()).join().unwrap(), 1);
    assert_eq!(then.policy_versions("p", Include::Both, &PageRequest::new()).unwrap().items, [version.into()]);
    world.store.recover().unwrap();
    refused(then.policy("p"), (Unavailable, "snapshot_closed"), "");
    refused(then.as_of(At::Position(0)), (Unavailable, "snapshot_closed"), "");
}

pub(super) fn version_position(world: &World) -> u64 {
    world.history().last().unwrap().position
}

/// The cache of versions holds a version before and after its archiving. Neither is an answer for the other.
#[test]
fn an_archived_version_and_the_one_of_before_are_not_mixed_up_by_the_cache() {
    let world = World::new();
    let version = world.version("p", PERMIT);
    let position = version_position(&world);
    world.write(|zone| zone.archive_policy_version(&version.id)).unwrap();
    for _ in 0..2 {
        let (now, then) = (world.zone(), world.zone().as_of(At::Position(position)).unwrap());
        let archived = |read: std::sync::Arc<policy_store::PolicyVersion>| read.archived_at.is_some();
        assert!(!archived(then.policy_version(&version.id, Include::Both).unwrap()));
        assert!(archived(now.policy_version(&version.id, Include::Both).unwrap()));
        assert!(!archived(then.policy_version_numbered("p", 1, Include::Both).unwrap()));
        assert!(archived(now.policy_version_numbered("p", 1, Include::Both).unwrap()));
        let list = PageRequest::new();
        assert!(!archived(then.policy_versions("p", Include::Both, &list).unwrap().items.remove(0)));
        assert!(archived(now.policy_versions("p", Include::Both, &list).unwrap().items.remove(0)));
    }
}

#[test]
fn authorizers_of_the_past_decide_by_the_rules_and_the_guardrail_of_then() {
    let world = World::new();
    let (allow, deny) = (world.version("p", PERMIT), world.version("g", FORBID));
    let live = world.live("s", &[&allow]);
    let guard = world.set_version("g", &[&deny]);
    let free = version_position(&world);
    world.write_as(&platform(), |zone| zone.bind_guardrail(&guard.id)).unwrap();
    let guarded = version_position(&world);
    world.write_as(&platform(), |zone| zone.unbind_guardrail()).unwrap();
    world.write(|zone| zone.unbind(ZONE)).unwrap();
    let then = |position| world.zone().as_of(At::Position(position)).unwrap();
    for (position, decision) in [(free, Decision::Allow), (guarded, Decision::Deny)] {
        let zone = then(position);
        for authorizer in [zone.authorizer(ZONE), zone.authorizer_of_version(&live.id), zone.authorizer(ZONE)] {
            assert_eq!(decide(&authorizer.unwrap(), "ann", "read", "shut"), decision);
        }
    }
    assert_eq!(
        decide(&then(guarded).authorizer_at(ZONE, At::Position(free)).unwrap(), "ann", "read", "shut"),
        Decision::Allow
    );
    refused(then(free).authorizer_at(ZONE, At::Position(guarded)), (Invalid, "invalid_input"), "position");
    refused(world.zone().authorizer(ZONE), (NotBound, "not_bound"), "acme");
    // Its receipt replays in the present.
    let authorizer = then(guarded).authorizer(ZONE).unwrap();
    let (request, entities) = asked(&authorizer, "ann", "read", "shut");
    let receipt = authorizer.is_authorized(&request, &entities).unwrap().receipt(&entities).unwrap();
    assert_eq!(decide(&world.store.authorizer_of_receipt(&receipt).unwrap(), "ann", "read", "shut"), Decision::Deny);
}

#[cfg(feature = "attestation")]
#[test]
fn attestations_are_those_of_then() {
    use super::attesting::signer;
    let world = World::new();
    let version = world.set_version("s", &[]);
    let positions: Vec<u64> = (0..3)
        .map(|n| {
            let signed = world.zone().prepare_attestation(&platform(), &version.id, &signer(&format!("k{n}"))).unwrap();
            let position = version_position(&world);
            world.write_as(&platform(), |zone| zone.attest(signed)).unwrap();
            position
        })
        .collect();
    let all = world.zone().policy_set_version(&version.id).unwrap().attestations;
    for (n, position) in positions.into_iter().enumerate() {
        let then = world.zone().as_of(At::Position(position)).unwrap();
        assert_eq!(then.policy_set_version(&version.id).unwrap().attestations, all[..n]);
        assert_eq!(then.policy_set_versions("s", &PageRequest::new()).unwrap().items[0].attestations, all[..n]);
    }
}
