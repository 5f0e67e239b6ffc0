//! Reads in a write after a repeated call: the zone as of the first call. And the check whether a key was used.

use policy_store::{
    At, BindingFilter, Change, HistoryFilter, IdempotencyKey, Include, NewPolicy, NewPolicyVersion, PageRequest,
    PolicyFilter, PolicySetFilter, PolicySetUpdate, PolicyUpdate, Result, SchemaStatus, Target, ZoneTransaction,
};

use super::support::{FORBID, PERMIT, V1, World, pinning};

fn id(n: u8) -> IdempotencyKey {
    IdempotencyKey::from([n; 16])
}

/// All reads of the resources that the tests change.
fn seen(zone: &ZoneTransaction<'_, '_>, version: &str) -> Result<String> {
    let policy = zone.policy("p")?;
    let policy_version = zone.policy_version(policy.latest_version_id.as_ref().unwrap(), Include::Both)?;
    let set = zone.policy_set("s")?;
    let set_version = zone.policy_set_version(version)?;
    let (in_force, observed) = (zone.in_force(Target::Zone)?, zone.observed(Target::Zone)?);
    let all = PageRequest::new().limit(100).total_count();
    let lists = (
        zone.policies(&PolicyFilter::new(), &all)?,
        zone.policy_versions("p", Include::Neither, &all)?,
        zone.policy_sets(&PolicySetFilter::new(), &all)?,
        zone.policy_set_versions("s", &all)?,
        zone.bindings(&BindingFilter::new(), &all)?,
    );
    // The hashes of a write's own entries are not known in it.
    let history = zone.history(&HistoryFilter::new(), &all)?;
    let history: Vec<_> = history.items.iter().map(|entry| (entry.position, &entry.change, entry.write)).collect();
    let last = zone.in_force_at(Target::Zone, At::Position(history[0].0))?;
    let info = zone.info()?;
    Ok(format!(
        "{policy:?} {policy_version:?} {set:?} {set_version:?} {in_force:?} {observed:?} {info:?} {lists:?} {history:?} {last:?}"
    ))
}

/// A policy `p`, and a set `s` with the versions `1` and `2`; the first is active and a shadow.
fn world() -> World {
    let world = World::new();
    let version = world.version("p", PERMIT);
    world.set_version("s", &[&version]);
    world
        .write(|zone| {
            for id in ["1", "2"] {
                zone.create_policy_set_version("s", pinning(&[&version]).id(id))?;
            }
            zone.activate("1")?;
            zone.bind_shadow("1", Target::Zone)
        })
        .unwrap();
    world
}

fn activate(zone: &mut ZoneTransaction<'_, '_>) -> Result<String> {
    zone.idempotency_key(id(1)).activate("2")?;
    seen(zone, "2")
}

#[test]
fn reads_after_a_repeated_request_are_as_of_then() {
    let world = world();
    let first = world.write(activate).unwrap();
    assert_eq!(world.write(activate).unwrap(), first, "nothing came after it");
    world
        .write(|zone| {
            zone.update_policy("p", PolicyUpdate::new().name("renamed"))?;
            zone.create_policy_version("p", NewPolicyVersion::cedar(V1, FORBID))?;
            zone.update_policy_set("s", PolicySetUpdate::new().name("renamed"))?;
            zone.unbind_shadow(Target::Zone)?;
            zone.activate("1")?;
            zone.archive_policy_set_version("2")?;
            zone.set_default_schema(Some(V1))
        })
        .unwrap();
    assert_eq!(world.write(activate).unwrap(), first);
    // In a write with other changes.
    let again = world.write(|zone| {
        zone.create_policy(NewPolicy::named("q").id("q"))?;
        let again = activate(zone)?;
        assert!(zone.policy("q").is_err(), "it came later");
        // After the next call that writes, reads see the present zone.
        zone.bind_shadow("1", Target::Zone)?;
        assert!(zone.policy("q").is_ok());
        assert_eq!(zone.policy("p")?.name, "renamed");
        Ok(again)
    });
    assert_eq!(again.unwrap(), first);
    // Also if that call is refused, or through another handle.
    world
        .write(|zone| {
            activate(zone)?;
            assert!(zone.archive_policy("none").is_err());
            assert_eq!(zone.policy("p")?.name, "renamed");
            activate(zone).map(drop)
        })
        .unwrap();
    let name = world.write_store(|w| {
        w.zone("acme")?.idempotency_key(id(1)).activate("2")?;
        Ok(w.zone("acme")?.policy("p")?.name)
    });
    assert_eq!(name.unwrap(), "renamed");
}

#[test]
fn two_requests_are_read_each_as_it_was() {
    let world = world();
    let rename = |zone: &mut ZoneTransaction<'_, '_>, n: u8| {
        zone.idempotency_key(id(n)).update_policy("p", PolicyUpdate::new().name(format!("{n}")))?;
        zone.policy("p").map(|policy| policy.name)
    };
    for n in 2..=4 {
        world.write(|zone| rename(zone, n)).unwrap();
    }
    world
        .write(|zone| {
            for n in [2, 4, 3, 2] {
                assert_eq!(rename(zone, n)?, n.to_string());
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn what_a_request_wrote_first_can_be_asked() {
    let world = world();
    assert_eq!(world.zone().entry_for_key(id(7)).unwrap(), None);
    let created = world.write(|zone| zone.idempotency_key(id(7)).create_policy(NewPolicy::named("new"))).unwrap();
    let entry = world.zone().entry_for_key(id(7)).unwrap().unwrap();
    assert_eq!(entry, world.history().pop().unwrap());
    assert!(matches!(entry.change, Change::PolicyCreated { policy_id, .. } if policy_id == created.id));
    world.write(|zone| zone.idempotency_key(id(8)).archive_policy(&created.id)).unwrap();
    assert_eq!(world.write(|zone| zone.idempotency_key(id(9)).archive_policy(&created.id)).unwrap().id, created.id);
    let unchanged = world.zone().entry_for_key(id(9)).unwrap().unwrap();
    assert_eq!((unchanged.change, unchanged.idempotency_key), (Change::Unchanged, Some(id(9))));
    assert_eq!(world.store.zone("other").unwrap().entry_for_key(id(7)).unwrap(), None, "it is another zone's");
}

/// Only another log has the archiving of a schema version.
#[test]
fn the_default_schema_is_read_as_the_call_has_answered() {
    let world = world();
    let choose = |zone: &mut ZoneTransaction<'_, '_>| {
        let chosen = zone.idempotency_key(id(1)).set_default_schema(Some(V1))?;
        assert_eq!(zone.info()?, chosen);
        Ok(chosen)
    };
    let first = world.write(choose).unwrap();
    world
        .write_store(|w| {
            w.set_schema_status(V1, SchemaStatus::Deprecated)?;
            w.set_schema_status(V1, SchemaStatus::Archived)
        })
        .unwrap();
    assert_eq!(world.write(choose).unwrap(), first);
    assert_eq!(world.write(|zone| zone.info()).unwrap().default_schema, None);
}
