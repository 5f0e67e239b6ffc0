//! Policy bundles in a version-controlled repository: made once, with the names and ids of that time, edited there, and
//! applied again and again while others also write.

use policy_store::ErrorKind::Archived;
use policy_store::{
    Bundle, BundlePolicy, Include, NewPolicy, NewPolicySet, NewPolicySetVersion, NewPolicyVersion, NewSchema,
    OwnerType, PageRequest, PolicyFilter, PolicyUpdate, SchemaStatus, Target, TargetType,
};

use super::bundles::{ann, apply, bundle, pins, with, world};
use super::support::{FORBID, PERMIT, SCHEMA, V1, World, platform};

const OTHER: &str = "forbid(principal, action, resource);";

/// A bundle of the zone's policy `a` and a new one.
fn of_both(a: &str, new: &str) -> Bundle {
    with(&bundle(V1, &[("a", a)]), BundlePolicy::new("night shift", new))
}

fn policies(world: &World) -> usize {
    world.zone().policies(&PolicyFilter::new(), &PageRequest::new().limit(100)).unwrap().items.len()
}

/// The texts in force, sorted.
fn texts(world: &World, target: Target) -> Vec<String> {
    let bundle = world.zone().bundle(target).unwrap();
    let mut texts: Vec<_> = bundle.policies().iter().map(|policy| policy.cedar_raw.clone()).collect();
    texts.sort();
    texts
}

#[test]
fn what_is_edited_in_the_bundle_is_edited_in_the_store() {
    let world = world();
    let text = |n: usize| format!("{PERMIT}{}", "\n".repeat(n));
    apply(&world, ann(), &of_both(&text(1), &text(2))).unwrap();
    let before = (policies(&world), pins(&world, ann()));
    for n in 1..6 {
        apply(&world, ann(), &of_both(&text(2 * n + 1), &text(2 * n + 2))).unwrap();
        let mut expected = vec![text(2 * n + 1), text(2 * n + 2)];
        expected.sort();
        assert_eq!(texts(&world, ann()), expected);
    }
    let ids = |pins: Vec<(String, String)>| pins.into_iter().map(|(policy, _)| policy).collect::<Vec<_>>();
    assert_eq!((policies(&world), ids(pins(&world, ann()))), (before.0, ids(before.1)));
    for (policy, _) in pins(&world, ann()) {
        assert_eq!(world.zone().policy(policy).unwrap().latest_version, Some(6));
    }
    assert_eq!(world.zone().policy("a").unwrap().latest_version, Some(1), "the zone's is as it was");
    // The same for a customer's copy of a platform policy.
    world
        .write_as(&platform(), |zone| {
            zone.create_policy(NewPolicy::named("guard").id("p").description("for all"))?;
            zone.create_policy_version("p", NewPolicyVersion::cedar(V1, PERMIT))
        })
        .unwrap();
    apply(&world, Target::Zone, &bundle(V1, &[("p", &text(1))])).unwrap();
    let copy = pins(&world, Target::Zone)[0].0.clone();
    let fields = |id: &str| {
        let policy = world.zone().policy(id).unwrap();
        (policy.name, policy.description, policy.owner_type)
    };
    assert_eq!(fields(&copy), ("guard".to_owned(), Some("for all".to_owned()), OwnerType::Customer));
    let before = policies(&world);
    for n in 2..5 {
        apply(&world, Target::Zone, &bundle(V1, &[("p", &text(n))])).unwrap();
        assert_eq!((policies(&world), &pins(&world, Target::Zone)[0].0), (before, &copy));
    }
}

/// Two policies of one name are edited one by one.
#[test]
fn policies_of_one_name_stay_two() {
    let world = world();
    world.write(|zone| zone.update_policy("b", PolicyUpdate::new().name("a"))).unwrap();
    let both = |a: &str, b: &str| bundle(V1, &[("a", a), ("b", b)]);
    apply(&world, ann(), &both(PERMIT, FORBID)).unwrap();
    let before = (policies(&world), pins(&world, ann()));
    for (a, b) in [(PERMIT, OTHER), (FORBID, OTHER), (OTHER, PERMIT), (PERMIT, PERMIT), (FORBID, FORBID)] {
        apply(&world, ann(), &both(a, b)).unwrap();
        let mut expected = [a, b];
        expected.sort();
        assert_eq!(texts(&world, ann()), expected);
        assert_eq!((policies(&world), pins(&world, ann()).len()), (before.0, 2));
    }
}

#[test]
fn names_that_change_make_no_copies() {
    let world = world();
    let unchanged = of_both(PERMIT, FORBID);
    let first = apply(&world, ann(), &unchanged).unwrap();
    let copy =
        pins(&world, ann()).into_iter().map(|(id, _)| id).find(|id| world.zone().policy(id).unwrap().name == "a");
    for (policy, name) in [("a", "renamed"), ("a", "again"), (&copy.unwrap(), "own")] {
        world.write(|zone| zone.update_policy(policy, PolicyUpdate::new().name(name))).unwrap();
        let before = world.extent();
        assert_eq!(apply(&world, ann(), &unchanged).unwrap(), first);
        assert_eq!(world.extent(), before);
    }
    // Both names and texts have changed: the origin finds the copy.
    let changed = of_both(OTHER, FORBID);
    let policies_before = policies(&world);
    apply(&world, ann(), &changed).unwrap();
    assert_eq!((policies(&world), texts(&world, ann())), (policies_before, vec![FORBID.to_owned(), OTHER.to_owned()]));
    apply(&world, ann(), &unchanged).unwrap();
    // A new policy is identified by its name.
    let policies_before = policies(&world);
    let night = pins(&world, ann()).into_iter().find(|(id, _)| world.zone().policy(id).unwrap().name == "night shift");
    world.write(|zone| zone.update_policy(night.unwrap().0, PolicyUpdate::new().name("day shift"))).unwrap();
    apply(&world, ann(), &unchanged).unwrap();
    assert_eq!(policies(&world), policies_before + 1);
}

#[test]
fn what_was_archived_since_does_not_touch_the_copy() {
    let world = world();
    let archived = (Archived, "archived");
    let first = apply(&world, ann(), &of_both(PERMIT, FORBID)).unwrap();
    world.write(|zone| zone.archive_policy("a")).unwrap();
    assert_eq!(apply(&world, ann(), &of_both(PERMIT, FORBID)).unwrap(), first);
    let before = policies(&world);
    apply(&world, ann(), &of_both(OTHER, FORBID)).unwrap();
    assert_eq!((policies(&world), texts(&world, ann()).len()), (before, 2));
    // Without a copy, it would be copied now.
    let bob = || Target::User("bob".to_owned());
    world.refuses(archived, "policies/a.cedar", |zone| zone.apply_bundle(bob(), of_both(PERMIT, FORBID)));
    world.refuses(archived, "policies/a.cedar", |zone| zone.apply_bundle(bob(), zone.effective_bundle("bob")?));
}

/// Nothing is validated if nothing changes.
#[test]
fn a_schema_that_was_archived_since_does_not_matter_where_nothing_changes() {
    let world = world();
    let first = apply(&world, ann(), &of_both(PERMIT, FORBID)).unwrap();
    world
        .write_store(|w| {
            w.set_schema_status(V1, SchemaStatus::Deprecated)?;
            w.set_schema_status(V1, SchemaStatus::Archived)?;
            w.publish_schema(NewSchema::cedar("next", SCHEMA))
        })
        .unwrap();
    let before = world.extent();
    assert_eq!(apply(&world, ann(), &of_both(PERMIT, FORBID)).unwrap(), first);
    assert_eq!(world.extent(), before);
    world.refuses((Archived, "archived"), V1, |zone| zone.apply_bundle(ann(), of_both(PERMIT, OTHER)));
    // Another schema version is a change, with the same texts.
    let next = with(&bundle("next", &[("a", PERMIT)]), BundlePolicy::new("night shift", FORBID));
    let second = apply(&world, ann(), &next).unwrap();
    assert_eq!((second.version, pins(&world, ann()).len()), (first.version + 1, 2));
}

/// An empty bundle differs from the version in force, and from every other bundle.
#[test]
fn nothing_in_the_bundle_is_not_anything_in_force() {
    let world = world();
    apply(&world, ann(), &of_both(PERMIT, FORBID)).unwrap();
    apply(&world, ann(), &bundle(V1, &[])).unwrap();
    assert!(pins(&world, ann()).is_empty());
    apply(&world, ann(), &of_both(PERMIT, FORBID)).unwrap();
    assert_eq!(pins(&world, ann()).len(), 2);
    apply(&world, Target::Zone, &bundle(V1, &[])).unwrap();
    apply(&world, Target::Zone, &bundle(V1, &[("b", "permit(principal, action, resource) when { true };")])).unwrap();
    assert_eq!(pins(&world, Target::Zone).len(), 1);
}

/// The version in force has precedence over newer ones.
#[test]
fn the_version_in_force_is_kept_before_a_newer_one_with_its_text() {
    let world = world();
    let before = pins(&world, Target::Zone);
    world.version("a", OTHER);
    world.version("a", PERMIT);
    apply(&world, Target::Zone, &bundle(V1, &[("a", PERMIT)])).unwrap();
    assert_eq!(pins(&world, Target::Zone), [before[0].clone()]);
}

#[test]
fn the_platform_and_customers_have_policies_of_their_own() {
    let world = world();
    let named = |names: &[&str]| {
        let policies = names.iter().map(|name| BundlePolicy::new(*name, PERMIT)).collect();
        Bundle::new(V1.parse().unwrap(), policies).unwrap()
    };
    apply(&world, ann(), &named(&["guard"])).unwrap();
    world.write_as(&platform(), |zone| zone.apply_bundle(ann(), named(&["guard", "more"]))).unwrap();
    for (policy, _) in pins(&world, ann()) {
        assert_eq!(world.zone().policy(policy).unwrap().owner_type, OwnerType::Platform);
    }
}

/// Nor is a user's policy that the zone has in force edited by its name.
#[test]
fn what_is_in_force_for_the_zone_too_is_not_found_again_to_be_edited() {
    let world = world();
    let version = world.zone().policy("a").unwrap().latest_version_id.unwrap();
    world
        .write(|zone| {
            let version = zone.policy_version(version, Include::Neither)?;
            let set = zone.create_policy_set(NewPolicySet::named("s").target_type(TargetType::User))?.id;
            let version = zone.create_policy_set_version(&set, NewPolicySetVersion::new(V1).pin(&version))?;
            zone.bind(&version.id, ann())
        })
        .unwrap();
    let new = |text| Bundle::new(V1.parse().unwrap(), vec![BundlePolicy::new("a", text)]).unwrap();
    apply(&world, ann(), &new(PERMIT)).unwrap();
    assert_eq!(pins(&world, ann())[0].0, "a", "with its text, it is kept");
    apply(&world, ann(), &new(OTHER)).unwrap();
    assert_ne!(pins(&world, ann())[0].0, "a");
    assert_eq!(world.zone().policy("a").unwrap().latest_version, Some(1));
}
