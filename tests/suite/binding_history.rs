//! Earlier bindings: the list of bindings, the state before a binding, and rollback.

use policy_store::ErrorKind::{Archived, Invalid, NotBound};
use policy_store::{
    At, BindingFilter, BindingMode, BindingRecord, HistoryFilter, NewPolicySet, Order, PageRequest, Target, TargetType,
    Timestamp, Zone,
};

use super::support::{PERMIT, World, customer, pinning, platform, refused};

const ZONE: Target = Target::Zone;

fn records(zone: &Zone, filter: &BindingFilter) -> Vec<BindingRecord> {
    zone.bindings(filter, &PageRequest::new().order(Order::Ascending)).unwrap().items
}

/// A version that is created and bound in one write: the positions just before its binding are within that write.
#[test]
fn the_moment_before_a_binding_is_before_its_whole_write() {
    let world = World::new();
    let first = world.live("s", &[]);
    let second = world
        .write(|zone| {
            let version = zone.create_policy_set_version("s", pinning(&[]))?;
            zone.activate(&version.id)
        })
        .unwrap();
    let (binding, zone) = (second.binding, world.zone());
    assert_eq!(second.replaced.unwrap().policy_set_version_id, first.id);
    let at = |at: At| zone.in_force_at(ZONE, at).unwrap().policy_set_version_id;
    assert_eq!(at(At::Position(binding.position - 1)), binding.policy_set_version_id, "it counts as after the write");
    let just_before = Timestamp::from_micros(binding.since.as_micros() - 1);
    assert_eq!(at(just_before.into()), binding.policy_set_version_id, "and so does a time within the write");
    assert_eq!(at(At::Before(binding.position)), first.id);
    assert_eq!(zone.authorizer_at(ZONE, At::Before(binding.position)).unwrap().binding().unwrap().version, 1);
    let nothing = zone.in_force_at(ZONE, At::Before(world.history()[0].position));
    refused(nothing, (NotBound, "not_bound"), "acme");
    refused(zone.in_force_at(ZONE, At::Before(1_000)), (Invalid, "invalid_input"), "1000");
}

#[test]
fn binding_says_what_it_replaced_and_whether_it_changed_anything() {
    let world = World::new();
    let (one, two) = (world.set_version("s", &[]), world.set_version("s", &[]));
    let first = world.write(|zone| zone.activate(&one.id)).unwrap();
    assert_eq!((first.changed, &first.replaced), (true, &None));
    let second = world.write(|zone| zone.activate(&two.id)).unwrap();
    let replaced = second.replaced.unwrap();
    assert_eq!((second.changed, &replaced.policy_set_version_id, replaced.version), (true, &one.id, 1));
    let again = world.write(|zone| zone.activate(&two.id)).unwrap();
    assert_eq!((again.changed, again.replaced, again.binding), (false, None, second.binding));
}

#[test]
fn a_rollback_goes_to_the_version_before_and_never_to_the_current_one() {
    let world = World::new();
    let nothing = (NotBound, "no_earlier_binding");
    world.refuses(nothing, "acme", |zone| zone.rollback(ZONE));
    let one = world.live("s", &[]);
    world.refuses(nothing, "acme", |zone| zone.rollback(ZONE));
    let two = world
        .write(|zone| {
            let version = zone.create_policy_set_version("s", pinning(&[]))?;
            zone.activate(&version.id)
        })
        .unwrap();
    let two = two.binding.policy_set_version_id;
    let back = world.write_as(&customer("bea"), |zone| zone.rollback(ZONE)).unwrap();
    assert_eq!((back.changed, &back.binding.policy_set_version_id, back.binding.by.id()), (true, &one.id, "bea"));
    assert_eq!(back.replaced.unwrap().policy_set_version_id, two);
    // Roll back to the previous version.
    let forth = world.write(|zone| zone.rollback(ZONE)).unwrap();
    assert_eq!(forth.binding.policy_set_version_id, two);
    // The same version, bound again in between, is not a different one.
    world.write(|zone| zone.unbind(ZONE)).unwrap();
    world.write(|zone| zone.activate(&two)).unwrap();
    let back = world.write(|zone| zone.rollback(ZONE)).unwrap();
    assert_eq!(back.binding.policy_set_version_id, one.id);
    // If nothing is in force, the last version that was.
    world.write(|zone| zone.unbind(ZONE)).unwrap();
    assert_eq!(world.write(|zone| zone.rollback(ZONE)).unwrap().binding.policy_set_version_id, one.id);
    world.write(|zone| zone.archive_policy_set_version(&two)).unwrap();
    world.refuses((Archived, "archived"), two.as_str(), |zone| zone.rollback(ZONE));
    let user = Target::User("ann".to_owned());
    world.refuses(nothing, "ann", |zone| zone.rollback(user.clone()));
    world.refuses((Invalid, "invalid_input"), "target id", |zone| zone.rollback(Target::User(String::new())));
}

#[test]
fn bindings_are_a_list_from_beginning_to_end() {
    let world = World::new();
    let permit = world.version("p", PERMIT);
    let ann = Target::User("ann".to_owned());
    let (one, two) = (world.live("s", &[]), world.live("t", &[&permit]));
    let shadow = world.write(|zone| zone.bind_shadow(&one.id, ZONE)).unwrap().binding;
    let own = world.write(|zone| {
        zone.create_policy_set(NewPolicySet::named("u").id("u").target_type(TargetType::User))?;
        let version = zone.create_policy_set_version("u", pinning(&[]))?;
        zone.bind(&version.id, ann.clone())
    });
    let own = own.unwrap().binding;
    world.write_as(&customer("bea"), |zone| zone.unbind(ann.clone())).unwrap();
    let guardrail = world.set_version("guard", &[]);
    let guardrail = world.write_as(&platform(), |zone| zone.bind_guardrail(&guardrail.id)).unwrap().binding;
    let zone = world.zone();
    let all = records(&zone, &BindingFilter::new());
    let versions: Vec<_> = all.iter().map(|it| it.binding.policy_set_version_id.as_str()).collect();
    let own_id = own.policy_set_version_id.as_str();
    let guard_id = guardrail.policy_set_version_id.as_str();
    assert_eq!(versions, [one.id.as_str(), two.id.as_str(), one.id.as_str(), own_id, guard_id]);
    // The first was replaced by the second, which lasts.
    assert_eq!(all[1].binding, zone.in_force(ZONE).unwrap());
    assert_eq!((&all[0].replaced, &all[1].ended), (&None, &None));
    assert_eq!(all[1].replaced.as_ref().unwrap().policy_set_version_id, one.id);
    let ended = all[0].ended.clone().unwrap();
    assert_eq!((ended.position, ended.at, ended.by.id()), (all[1].binding.position, all[1].binding.since, "alice"));
    // The user's was ended by unbinding it.
    assert_eq!((&all[3].binding, all[3].ended.as_ref().unwrap().by.id()), (&own, "bea"));
    assert_eq!((&all[2].binding, &all[2].ended, &all[4].binding), (&shadow, &None, &guardrail));
    let of = |filter: BindingFilter| records(&zone, &filter).len();
    let new = BindingFilter::new;
    assert_eq!((of(new().ended(false)), of(new().ended(true)), of(new().ended(true).ended(false))), (3, 2, 5));
    assert_eq!((of(new().target(ann.clone())), of(new().target(ann.clone()).target(ZONE))), (1, 5));
    assert_eq!((of(new().mode(BindingMode::Active)), of(new().mode(BindingMode::Active).target(ZONE))), (3, 2));
    assert_eq!(of(new().mode(BindingMode::Shadow).mode(BindingMode::Guardrail)), 2);
    let printed = serde_json::to_value(&all[0]).unwrap();
    assert_eq!((&printed["version"], &printed["mode"]), (&1.into(), &"active".into()));
    let bad = zone.bindings(&new().target(Target::User(String::new())), &PageRequest::new());
    refused(bad, (Invalid, "invalid_input"), "target id");
}

#[test]
fn pages_of_bindings_go_both_ways_and_take_only_their_own_cursors() {
    let world = World::new();
    let versions = [world.set_version("s", &[]), world.set_version("s", &[])];
    for n in 0..7 {
        world.write(|zone| zone.activate(&versions[n % 2].id)).unwrap();
    }
    let (zone, filter) = (world.zone(), BindingFilter::new());
    let first = zone.bindings(&filter, &PageRequest::new().limit(3).total_count()).unwrap();
    assert_eq!((first.items.len(), first.total_count, &first.before_cursor), (3, Some(7), &None));
    let cursor = first.after_cursor.clone().unwrap();
    let second = zone.bindings(&filter, &PageRequest::new().limit(3).after(&cursor)).unwrap();
    let back =
        zone.bindings(&filter, &PageRequest::new().limit(3).before(second.before_cursor.clone().unwrap())).unwrap();
    assert_eq!(back.items, first.items);
    let all: Vec<_> = first.items.iter().chain(&second.items).map(|it| it.binding.position).collect();
    assert!(all.is_sorted_by(|a, b| a > b), "newest first: {all:?}");
    for other in [filter.clone().mode(BindingMode::Active), filter.clone().ended(true), filter.target(ZONE)] {
        refused(zone.bindings(&other, &PageRequest::new().after(&cursor)), (Invalid, "invalid_cursor"), &cursor[..20]);
    }
    refused(
        zone.history(&HistoryFilter::new(), &PageRequest::new().after(&cursor)),
        (Invalid, "invalid_cursor"),
        &cursor[..20],
    );
}
