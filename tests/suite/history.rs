//! History: a zone's log as a list of changes, with actor, time and write.

use policy_store::{
    BindingMode, BoundTo, Change, HistoryFilter, NewPolicy, NewPolicySet, NewPolicySetVersion, NewPolicyVersion,
    PageRequest, PolicySetUpdate, PolicyUpdate, Target, TargetType,
};

use super::support::{PERMIT, V1, World, pinning};

#[test]
fn every_kind_of_change_is_an_entry_that_says_what_changed() {
    let world = World::new();
    let (version, first, second) = world
        .write(|zone| {
            zone.create_policy(NewPolicy::named("p name").id("p").description("why"))?;
            let version = zone.create_policy_version("p", NewPolicyVersion::cedar(V1, PERMIT).id("v"))?;
            zone.update_policy("p", PolicyUpdate::new().name("p better"))?;
            zone.create_policy_set(NewPolicySet::named("s name").id("s"))?;
            zone.update_policy_set("s", PolicySetUpdate::new().name("s better"))?;
            let first = zone.create_policy_set_version("s", pinning(&[&version]).id("sv1"))?;
            let second = zone.create_policy_set_version("s", NewPolicySetVersion::new(V1).id("sv2"))?;
            zone.activate("sv1")?;
            zone.activate("sv2")?;
            zone.unbind(Target::Zone)?;
            zone.archive_policy_version("v")?;
            zone.archive_policy("p")?;
            zone.archive_policy_set_version("sv1")?;
            zone.archive_policy_set("s")?;
            Ok((version, first, second))
        })
        .unwrap();
    let (p, s, v) = (version.policy_id.clone(), first.policy_set_id.clone(), version.id.clone());
    let bound = |version: &policy_store::PolicySetVersion| BoundTo::clone(&bound_to(&world, version));
    let (to_first, to_second) = (bound(&first), bound(&second));
    let zone = Target::Zone;
    let expected = [
        Change::ZoneCreated { zone_id: version.zone_id.clone() },
        Change::PolicyCreated {
            policy_id: p.clone(),
            name: "p name".into(),
            description: Some("why".into()),
            origin: None,
        },
        Change::PolicyVersionCreated {
            policy_id: p.clone(),
            policy_version_id: v.clone(),
            version: 1,
            sha: version.sha,
            schema_version: version.schema_version.clone(),
        },
        Change::PolicyUpdated { policy_id: p.clone(), name: "p better".into(), description: Some("why".into()) },
        Change::PolicySetCreated { policy_set_id: s.clone(), name: "s name".into(), target_type: TargetType::Zone },
        Change::PolicySetUpdated { policy_set_id: s.clone(), name: "s better".into() },
        created(&first),
        created(&second),
        Change::Bound { target: zone.clone(), mode: BindingMode::Active, to: to_first.clone(), from: None },
        Change::Bound { target: zone.clone(), mode: BindingMode::Active, to: to_second.clone(), from: Some(to_first) },
        Change::Unbound { target: zone, mode: BindingMode::Active, from: to_second },
        Change::PolicyVersionArchived { policy_id: p.clone(), policy_version_id: v, version: 1 },
        Change::PolicyArchived { policy_id: p },
        Change::PolicySetVersionArchived { policy_set_id: s.clone(), policy_set_version_id: first.id, version: 1 },
        Change::PolicySetArchived { policy_set_id: s },
    ];
    let changes: Vec<_> = world.history().into_iter().map(|entry| entry.change).collect();
    assert_eq!(changes, expected);
}

fn created(version: &policy_store::PolicySetVersion) -> Change {
    Change::PolicySetVersionCreated {
        policy_set_id: version.policy_set_id.clone(),
        policy_set_version_id: version.id.clone(),
        version: version.version,
        manifest_sha: version.manifest_sha,
        schema_version: version.schema_version.clone(),
    }
}

/// The reference to a version in the entry that binds it.
fn bound_to(world: &World, version: &policy_store::PolicySetVersion) -> BoundTo {
    let bound = world.history().into_iter().find_map(|entry| match entry.change {
        Change::Bound { to, .. } if to.policy_set_version_id == version.id => Some(to),
        _ => None,
    });
    let bound = bound.unwrap();
    assert_eq!((&bound.policy_set_id, bound.version), (&version.policy_set_id, version.version));
    bound
}

#[test]
fn a_binding_of_a_user_names_the_user() {
    let world = World::new();
    let target = Target::User("ann".into());
    world
        .write(|zone| {
            zone.create_policy_set(NewPolicySet::named("u").id("u").target_type(TargetType::User))?;
            let version = zone.create_policy_set_version("u", NewPolicySetVersion::new(V1))?;
            zone.bind(&version.id, target.clone())
        })
        .unwrap();
    let last = world.history().pop().unwrap();
    assert!(matches!(last.change, Change::Bound { target: named, from: None, .. } if named == target));
}

#[test]
fn the_entries_of_one_write_are_told_as_one() {
    let world = World::new();
    world.version("p", PERMIT);
    world.write(|zone| zone.create_policy(NewPolicy::named("q"))).unwrap();
    world.version("p", PERMIT);
    let writes: Vec<_> = world.history().into_iter().map(|entry| (entry.position, entry.write)).collect();
    assert_eq!(writes, [(0, (0, 0)), (1, (1, 2)), (2, (1, 2)), (3, (3, 3)), (4, (4, 4))]);
}

#[test]
fn entries_are_told_with_time_and_clock_and_each_with_a_hash_of_its_own() {
    let world = World::in_file();
    world.version("p", PERMIT);
    world.version("p", PERMIT);
    let history = world.history();
    let mut hashes: Vec<_> = history.iter().map(|entry| entry.hash).collect();
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), history.len());
    assert!(history.iter().all(|entry| entry.clock <= entry.created_at && entry.imported_by.is_none()));
    let world = world.reopened();
    assert_eq!(world.history(), history, "what was told once is told for ever");
}

#[test]
fn what_happens_in_one_zone_is_not_in_anothers_history() {
    let world = World::new();
    world.version("p", PERMIT);
    let other = world.store.zone("other").unwrap().history(&HistoryFilter::new(), &PageRequest::new()).unwrap();
    assert_eq!(other.items.len(), 1);
    let printed = serde_json::to_value(&other.items[0]).unwrap();
    assert_eq!((&printed["change"]["kind"], &printed["change"]["zone_id"]), (&"zone_created".into(), &"other".into()));
}
