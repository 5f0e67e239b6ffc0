//! The changes that a prepared bundle announces, and the same changes after it is applied.

use policy_store::{BundlePolicy, NewSchema, Target};

use super::bundles::{ann, apply, bundle, pins, with, world};
use super::support::{FORBID, PERMIT, SCHEMA, V1, customer};

#[test]
fn a_prepared_bundle_tells_what_it_would_do() {
    let world = world();
    let zone = world.zone();
    let old = pins(&world, Target::Zone);
    let prepare = |target: Target, bundle: &policy_store::Bundle| {
        let prepared = zone.prepare_bundle(&customer("alice"), target, bundle).unwrap();
        assert!(!format!("{prepared:?}").contains('\n') && format!("{prepared:?}").len() < 200, "{prepared:?}");
        prepared.changes().unwrap().clone()
    };
    let read = zone.bundle(Target::Zone).unwrap();
    assert_eq!(policy_store::PreparedBundle::from(&read).changes(), None);
    let same = prepare(Target::Zone, &read);
    assert!(same.in_force && same.created.is_empty() && same.updated.is_empty() && same.pinned.is_empty());
    assert_eq!((same.unchanged.len(), same.unpinned.len()), (2, 0));
    assert_eq!(same.policy_set_id.as_ref().map(|id| id.as_str()), Some("s"));

    // One edited, one created, one left out.
    let edited = bundle(V1, &[("b", "forbid(principal, action, resource);")]);
    let edited = with(&edited, BundlePolicy::new("night shift", PERMIT));
    let before = world.history().len();
    let changes = prepare(Target::Zone, &edited);
    assert_eq!(world.history().len(), before, "preparing writes nothing");
    assert!(!changes.in_force && changes.pinned.is_empty() && changes.unchanged.is_empty());
    assert_eq!(changes.created, ["night shift"]);
    assert_eq!(changes.updated, ["b"]);
    assert_eq!(changes.unpinned.iter().map(|entry| entry.policy_id.as_str()).collect::<Vec<_>>(), ["a"]);
    apply(&world, Target::Zone, &edited).unwrap();
    let now = pins(&world, Target::Zone);
    assert!(now.iter().all(|(id, _)| id != "a") && now.len() == 2);

    // Back: an existing version is pinned again, and a policy without a version of that text stays.
    let back = bundle(V1, &[("a", PERMIT), ("b", FORBID)]);
    let changes = prepare(Target::Zone, &back);
    let pinned: Vec<_> =
        changes.pinned.iter().map(|entry| (entry.policy_id.to_string(), entry.policy_version_id.to_string())).collect();
    apply(&world, Target::Zone, &back).unwrap();
    let again = pins(&world, Target::Zone);
    assert!(pinned.contains(&old[0]) && pinned.iter().all(|pin| again.contains(pin)), "{pinned:?} {again:?}");
    assert_eq!(changes.created.len() + changes.updated.len() + pinned.len(), 2);

    // Another schema version alone is a change, though every entry stays.
    world.write_store(|w| w.publish_schema(NewSchema::cedar("2", SCHEMA))).unwrap();
    let changes = prepare(Target::Zone, &bundle("2", &[("a", PERMIT), ("b", FORBID)]));
    assert!(!changes.in_force && changes.unchanged.len() == 2 && changes.updated.is_empty());

    // A user without a policy set gets one.
    let changes = prepare(ann(), &zone.effective_bundle("ann").unwrap());
    assert!(!changes.in_force && changes.policy_set_id.is_none() && changes.unchanged.is_empty());
}
