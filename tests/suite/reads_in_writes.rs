//! A zone in a write has the same reads as a handle: lists, versions by number, history and earlier times, with the write's
//! changes so far.

use policy_store::ErrorKind::Invalid;
use policy_store::{
    At, BindingFilter, HistoryEntry, HistoryFilter, Include, Moment, NewPolicy, NewPolicySet, NewPolicyVersion, Order,
    PageRequest, PolicyFilter, PolicySetFilter, Result, SchemaFilter, Target, Zone,
};
use serde_json::{Value, json};

use super::support::{PERMIT, V1, World, pinning, refused};

fn all() -> PageRequest {
    PageRequest::new().order(Order::Ascending).limit(100).total_count()
}

/// Every list and every read by number, from a handle or in a write.
fn everything<M: Moment>(zone: &Zone<M>) -> Result<Value> {
    let live = zone.policy_set_version_numbered("s", 1)?;
    Ok(json!([
        zone.info()?,
        zone.policies(&PolicyFilter::new(), &all())?,
        zone.policy_versions("p", Include::Both, &all())?,
        *zone.policy_version_numbered("p", 2, Include::Both)?,
        zone.policy_sets(&PolicySetFilter::new().any_target(), &all())?,
        zone.policy_set_versions("s", &all())?,
        zone.pinned_policy_versions(&live.id, Include::Cedar, &all())?,
        live.clone(),
        zone.schemas(&SchemaFilter::new(), Include::Neither, &all())?,
        zone.bindings(&BindingFilter::new(), &all())?,
        zone.in_force(Target::Zone)?,
        zone.guardrail()?,
        zone.default_schema()?,
        zone.test_suite(&live.id)?.map(|suite| suite.sha()),
        zone.run_tests(&live.id)?,
    ]))
}

#[test]
fn every_read_in_a_write_is_the_one_that_a_handle_gives_afterwards() {
    let world = World::new();
    let first = world.version("p", PERMIT);
    let seen = world
        .write(|zone| {
            let second = zone.create_policy_version("p", NewPolicyVersion::cedar(V1, PERMIT))?;
            zone.create_policy(NewPolicy::named("other"))?;
            zone.create_policy_set(NewPolicySet::named("s").id("s"))?;
            let live = zone.create_policy_set_version("s", pinning(&[&second]))?;
            zone.activate(&live.id)?;
            zone.archive_policy_version(&first.id)?;
            zone.set_default_schema(Some(V1))?;
            zone.keep_tests(&live.id, &super::kept_suites::good())?;
            zone.require_tests(true)?;
            everything(zone)
        })
        .unwrap();
    assert_eq!(seen, everything(&world.zone()).unwrap());
    assert_eq!(seen, everything(&world.zone().snapshot().unwrap()).unwrap());
    // Nothing of an uncommitted state has entered a cache.
    let abandoned = world.write(|zone| {
        zone.create_policy_version("p", NewPolicyVersion::cedar(V1, "forbid(principal, action, resource);"))?;
        zone.policy_versions("p", Include::Both, &all())?;
        zone.policy_version_numbered("p", 3, Include::Both)?;
        Err::<(), _>(zone.policy("nothing").unwrap_err())
    });
    assert!(abandoned.is_err());
    let third = world.version("p", PERMIT);
    assert_eq!(*world.zone().policy_version_numbered("p", 3, Include::Both).unwrap(), third);
}

#[test]
fn the_history_in_a_write_has_its_entries_so_far() {
    let world = World::new();
    let before = world.history().len();
    let in_write: Vec<HistoryEntry> = world
        .write(|zone| {
            zone.create_policy(NewPolicy::named("p"))?;
            zone.create_policy(NewPolicy::named("q"))?;
            Ok(zone.history(&HistoryFilter::new(), &all())?.items)
        })
        .unwrap();
    let after = world.history();
    assert_eq!((in_write.len(), after.len()), (before + 2, before + 2));
    for (then, now) in in_write.iter().zip(&after) {
        let is_new = now.position >= before as u64;
        assert_eq!(then.hash.as_bytes() == &[0; 32], is_new, "{}", now.position);
        assert_eq!((then.position, &then.change, then.write), (now.position, &now.change, now.write));
    }
}

#[test]
fn an_earlier_time_is_read_in_a_write_too() {
    let world = World::new();
    let version = world.version("p", PERMIT);
    let first = world.live("s", &[&version]);
    let since = world.zone().in_force(Target::Zone).unwrap();
    world
        .write(|zone| {
            let second = zone.create_policy_set_version("s", pinning(&[&version]))?;
            let bound = zone.activate(&second.id)?.binding;
            for at in [At::Now, At::Position(bound.position), At::Position(bound.position - 1), bound.since.into()] {
                assert_eq!(zone.in_force_at(Target::Zone, at)?.policy_set_version_id, second.id, "{at:?}");
            }
            for at in [At::Before(bound.position), At::Position(since.position), since.since.into()] {
                assert_eq!(zone.in_force_at(Target::Zone, at)?.policy_set_version_id, first.id, "{at:?}");
            }
            // A write counts whole, this one too.
            let third = zone.create_policy_set_version("s", pinning(&[&version]))?;
            let again = zone.activate(&third.id)?.binding;
            assert_eq!(zone.in_force_at(Target::Zone, At::Before(again.position))?.policy_set_version_id, first.id);
            assert_eq!(zone.in_force_at(Target::Zone, At::Position(bound.position))?.policy_set_version_id, third.id);
            let beyond = zone.in_force_at(Target::Zone, At::Position(again.position + 1));
            refused(beyond, (Invalid, "invalid_input"), "position");
            Ok(())
        })
        .unwrap();
}
