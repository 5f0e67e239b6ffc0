//! Filters: the policies, policy sets and schemas that a list contains.

use policy_store::ErrorKind::{Invalid, NotFound, TooLarge};
use policy_store::OwnerType::{Customer, Platform};
use policy_store::{
    Include, NewPolicy, NewPolicySet, NewSchema, Order, Page, PageRequest, Policy, PolicyFilter, PolicySet,
    PolicySetFilter, PolicySetUpdate, PolicyUpdate, Result, SchemaFilter, Target, TargetType,
};

use super::support::{PERMIT, SCHEMA, V1, World, customer, platform, refused};

fn ids<T>(page: Result<Page<T>>, id: impl Fn(&T) -> &str) -> Vec<String> {
    page.unwrap().items.iter().map(|item| id(item).to_owned()).collect()
}

fn policies(world: &World, filter: &PolicyFilter) -> Vec<String> {
    let list = PageRequest::new().order(Order::Ascending);
    ids(world.zone().policies(filter, &list), |policy: &Policy| policy.id.as_str())
}

fn sets(world: &World, filter: &PolicySetFilter) -> Vec<String> {
    let list = PageRequest::new().order(Order::Ascending);
    ids(world.zone().policy_sets(filter, &list), |set: &PolicySet| set.id.as_str())
}

/// Policies of both owner types. One was renamed, and one has no description.
fn with_policies() -> World {
    let world = World::new();
    let new = |id: &str, name: &str, description: &str| NewPolicy::named(name).id(id).description(description);
    world
        .write(|zone| {
            zone.create_policy(new("c", "Billing of Österreich", "invoices"))?;
            zone.create_policy(new("b", "audit", "who reads bills"))?;
            zone.create_policy(NewPolicy::named("Guests").id("a")).map(drop)
        })
        .unwrap();
    world
        .write_as(&platform(), |zone| {
            zone.create_policy(new("e", "billing base", "INVOICES"))?;
            zone.create_policy(new("d", "audit base", "first"))?;
            zone.update_policy("d", PolicyUpdate::new().name("Guard").description("second")).map(drop)
        })
        .unwrap();
    world
}

/// Sets of both kinds of owners and targets; `live` and `anns` are in force.
fn with_sets() -> World {
    let world = World::new();
    let version = world.version("p", PERMIT);
    world.live("live", &[&version]);
    world.set_version("idle", &[&version]);
    let users = |id: &str| NewPolicySet::named(format!("for {id}")).id(id).target_type(TargetType::User);
    world
        .write(|zone| {
            zone.create_policy_set(users("anns"))?;
            let version = zone.create_policy_set_version("anns", super::support::pinning(&[&version]))?;
            zone.bind(&version.id, Target::User("ann".to_owned()))?;
            zone.create_policy_set(users("bobs")).map(drop)
        })
        .unwrap();
    world.write_as(&platform(), |zone| zone.create_policy_set(NewPolicySet::named("LIVE base").id("base"))).unwrap();
    world
}

/// The values of one filter are alternatives; so are flags.
#[test]
fn both_of_a_flag_are_all() {
    let world = World::new();
    world.live("on", &[]);
    world.set_version("off", &[]);
    let count = |filter: PolicySetFilter| world.zone().policy_sets(&filter, &PageRequest::new()).unwrap().items.len();
    let filter = PolicySetFilter::new;
    assert_eq!(count(filter().active(true)), 1);
    assert_eq!(count(filter().active(true).active(false)), 2);
    world.write(|zone| zone.set_default_schema(Some(V1))).unwrap();
    world.write_store(|w| w.publish_schema(NewSchema::cedar("other", SCHEMA))).unwrap();
    let count = |filter: SchemaFilter| {
        world.zone().schemas(&filter, Include::Neither, &PageRequest::new()).unwrap().items.len()
    };
    assert_eq!(count(SchemaFilter::new().is_default(true)), 1);
    assert_eq!(count(SchemaFilter::new().is_default(false).is_default(true)), 2);
}

#[test]
fn policies_by_ids_come_in_the_order_of_the_list_each_once_and_unknown_ones_not_at_all() {
    let world = with_policies();
    world.store.write(&customer("alice"), |w| w.zone("other")?.create_policy(NewPolicy::named("x").id("x"))).unwrap();
    let by_ids = PolicyFilter::new().ids(["a", "x", "c", "none", "a", "no id"]).id("e");
    assert_eq!(policies(&world, &by_ids), ["c", "a", "e"]);
    assert_eq!(policies(&world, &by_ids.clone().owner_type(Customer)), ["c", "a"]);
    assert_eq!(policies(&world, &by_ids.clone().any("BILL")), ["c", "e"]);
    assert!(policies(&world, &PolicyFilter::new().id("none")).is_empty());
    let newest = world.zone().policies(&by_ids, &PageRequest::new().total_count()).unwrap();
    assert_eq!(newest.total_count, Some(3));
    assert_eq!(ids(Ok(newest), |policy| policy.id.as_str()), ["e", "a", "c"]);
}

#[test]
fn policies_by_ids_are_one_page_without_cursors() {
    let world = World::new();
    let all: Vec<String> = (0..101).map(|n| format!("p{n}")).collect();
    world
        .write(|zone| all.iter().try_for_each(|id| zone.create_policy(NewPolicy::named("p").id(id)).map(drop)))
        .unwrap();
    let by_ids = PolicyFilter::new().ids(&all[..100]);
    // More than the 50 that other pages have by default.
    assert_eq!(policies(&world, &by_ids), all[..100]);
    let first = world.zone().policies(&by_ids, &PageRequest::new().limit(3).total_count()).unwrap();
    assert_eq!((first.after_cursor, first.before_cursor, first.total_count), (None, None, Some(100)));
    assert_eq!(first.items.len(), 3);
    let cursor = world.zone().policies(&PolicyFilter::new(), &PageRequest::new()).unwrap().after_cursor.unwrap();
    for list in [PageRequest::new().after(&cursor), PageRequest::new().before(&cursor)] {
        refused(world.zone().policies(&by_ids, &list), (Invalid, "invalid_cursor"), "by ids");
    }
    let too_many = world.zone().policies(&PolicyFilter::new().ids(&all), &PageRequest::new());
    refused(too_many, (TooLarge, "too_large"), "the filter: 101 ids, limit 100");
}

#[test]
fn policies_by_owner_type_are_those_of_any_that_is_named() {
    let world = with_policies();
    let filter = PolicyFilter::new;
    assert_eq!(policies(&world, &filter()), ["c", "b", "a", "e", "d"]);
    assert_eq!(policies(&world, &filter().owner_type(Customer)), ["c", "b", "a"]);
    assert_eq!(policies(&world, &filter().owner_type(Platform)), ["e", "d"]);
    assert_eq!(policies(&world, &filter().owner_type(Platform).owner_type(Customer)), ["c", "b", "a", "e", "d"]);
}

#[test]
fn search_terms_are_found_in_any_case_in_what_the_policy_is_called_now() {
    let world = with_policies();
    let filter = PolicyFilter::new;
    assert_eq!(policies(&world, &filter().name("BILL")), ["c", "e"]);
    assert_eq!(policies(&world, &filter().name("öSTER")), ["c"]);
    assert_eq!(policies(&world, &filter().description("invoices")), ["c", "e"]);
    assert_eq!(policies(&world, &filter().any("bill")), ["c", "b", "e"]);
    assert_eq!(policies(&world, &filter().name("guard")), ["d"]);
    assert_eq!(policies(&world, &filter().description("second")), ["d"]);
    assert!(policies(&world, &filter().name("audit base")).is_empty());
    assert!(policies(&world, &filter().any("first")).is_empty());
    // No character is special, and no term matches across two fields.
    assert!(
        policies(&world, &filter().name("b.*g")).is_empty() && policies(&world, &filter().any("auditwho")).is_empty()
    );
}

#[test]
fn repeated_values_are_alternatives_and_different_filters_must_all_fit() {
    let world = with_policies();
    let filter = PolicyFilter::new;
    assert_eq!(policies(&world, &filter().name("guests").name("audit")), ["b", "a"]);
    assert_eq!(policies(&world, &filter().description("second").description("reads")), ["b", "d"]);
    assert_eq!(policies(&world, &filter().any("guests").any("who")), ["b", "a"]);
    assert_eq!(policies(&world, &filter().name("billing").owner_type(Platform)), ["e"]);
    assert_eq!(policies(&world, &filter().name("billing").any("öst")), ["c"]);
    assert_eq!(policies(&world, &filter().name("audit").description("bills")), ["b"]);
    assert!(policies(&world, &filter().name("audit").description("invoices")).is_empty());
    // Without a description, no term is found in it.
    assert!(policies(&world, &filter().name("guests").description("g")).is_empty());
}

#[test]
fn search_terms_are_bounded_and_not_empty() {
    let world = with_policies();
    let filter = PolicyFilter::new;
    let try_policies = |filter: PolicyFilter| world.zone().policies(&filter, &PageRequest::new());
    let try_sets = |filter: PolicySetFilter| world.zone().policy_sets(&filter, &PageRequest::new());
    for empty in [filter().any(""), filter().name("a").name(""), filter().description("")] {
        refused(try_policies(empty), (Invalid, "invalid_input"), "empty");
    }
    for empty in [PolicySetFilter::new().any(""), PolicySetFilter::new().name("")] {
        refused(try_sets(empty), (Invalid, "invalid_input"), "empty");
    }
    let long = |bytes: usize| "x".repeat(bytes);
    for good in [filter().any(long(4_096)), filter().name(long(256)), filter().description(long(4_096))] {
        assert!(try_policies(good).unwrap().items.is_empty());
    }
    for bad in [filter().any(long(4_097)), filter().name(long(257)), filter().description(long(4_097))] {
        refused(try_policies(bad), (TooLarge, "too_large"), "search term");
    }
    for bad in [PolicySetFilter::new().any(long(257)), PolicySetFilter::new().name(long(257))] {
        refused(try_sets(bad), (TooLarge, "too_large"), "search term");
    }
    let many = |count: usize| (0..count).fold(filter(), |filter, n| filter.name(format!("{n}")));
    assert!(try_policies(many(100)).is_ok());
    refused(try_policies(many(101)), (TooLarge, "too_large"), "the filter: 101 search terms, limit 100");
}

#[test]
fn sets_are_those_for_the_zone_unless_another_target_is_asked_for() {
    let world = with_sets();
    let filter = PolicySetFilter::new;
    assert_eq!(sets(&world, &filter()), ["live", "idle", "base"]);
    assert_eq!(sets(&world, &filter().target_type(TargetType::User)), ["anns", "bobs"]);
    let all = ["live", "idle", "anns", "bobs", "base"];
    assert_eq!(sets(&world, &filter().any_target()), all);
    assert_eq!(sets(&world, &filter().target_type(TargetType::User).target_type(TargetType::Zone)), all);
    assert_eq!(sets(&world, &filter().any_target().target_type(TargetType::User)), all);
}

#[test]
fn sets_are_filtered_by_what_is_in_force_by_owner_and_by_name() {
    let world = with_sets();
    let (filter, any) = (PolicySetFilter::new, || PolicySetFilter::new().any_target());
    assert_eq!(sets(&world, &any().active(true)), ["live", "anns"]);
    assert_eq!(sets(&world, &any().active(false)), ["idle", "bobs", "base"]);
    assert_eq!(sets(&world, &filter().active(true)), ["live"]);
    assert_eq!(sets(&world, &filter().owner_type(Platform)), ["base"]);
    assert_eq!(sets(&world, &any().owner_type(Customer)), ["live", "idle", "anns", "bobs"]);
    assert_eq!(sets(&world, &filter().name("Live")), ["live", "base"]);
    assert_eq!(sets(&world, &any().any("FOR").any("idle")), ["idle", "anns", "bobs"]);
    assert_eq!(sets(&world, &any().any("FOR").name("bob")), ["bobs"]);
    world.write(|zone| zone.unbind(Target::Zone)).unwrap();
    world.write(|zone| zone.update_policy_set("idle", PolicySetUpdate::new().name("lively"))).unwrap();
    assert!(sets(&world, &filter().active(true)).is_empty());
    assert_eq!(sets(&world, &filter().name("Live")), ["live", "idle", "base"]);
}

#[test]
fn schemas_of_a_zone_are_those_of_the_store_and_one_is_the_default_if_it_was_chosen() {
    let world = World::new();
    let zone = world.zone();
    let schema = zone.schema(V1, Include::Both).unwrap();
    assert_eq!((schema.schema.clone(), schema.is_default), (world.store.schema(V1, Include::Both).unwrap(), false));
    refused(zone.schema("none", Include::Both), (NotFound, "not_found"), "schema `none`");
    let list = |filter| zone.schemas(&filter, Include::Both, &PageRequest::new()).unwrap().items;
    assert_eq!(list(SchemaFilter::new()), vec![schema.clone()]);
    assert_eq!(list(SchemaFilter::new().is_default(false)), [schema]);
    assert!(list(SchemaFilter::new().is_default(true)).is_empty());
    world.write_store(|w| w.publish_schema(policy_store::NewSchema::cedar("next", "entity U;"))).unwrap();
    world.write(|zone| zone.set_default_schema(Some("next"))).unwrap();
    let versions = |filter| list(filter).into_iter().map(|it| (it.schema.version.to_string(), it.is_default)).collect();
    let next = ("next".to_owned(), true);
    let all: Vec<_> = versions(SchemaFilter::new());
    assert_eq!(all, [next.clone(), (V1.to_owned(), false)]);
    assert_eq!(versions(SchemaFilter::new().is_default(true)), vec![next]);
    assert_eq!(versions(SchemaFilter::new().is_default(false)), vec![(V1.to_owned(), false)]);
    assert!(zone.schema("next", Include::Neither).unwrap().is_default);
    let other = world.store.zone("other").unwrap();
    assert!(!other.schema("next", Include::Neither).unwrap().is_default);
    world.write(|zone| zone.set_default_schema(None)).unwrap();
    assert!(list(SchemaFilter::new().is_default(true)).is_empty());
}

#[test]
fn a_zones_schema_is_json_with_whether_it_is_the_default() {
    let world = World::new();
    let mut json = serde_json::to_value(world.store.schema(V1, Include::Both).unwrap()).unwrap();
    json["is_default"] = serde_json::json!(false);
    assert_eq!(serde_json::to_value(world.zone().schema(V1, Include::Both).unwrap()).unwrap(), json);
}

#[test]
fn cursors_of_a_zones_schemas_are_its_own() {
    let world = World::new();
    world.write_store(|w| w.publish_schema(policy_store::NewSchema::cedar("next", "entity U;"))).unwrap();
    let list = PageRequest::new().limit(1);
    let all = SchemaFilter::new();
    let of_zone = world.zone().schemas(&all, Include::Neither, &list).unwrap().after_cursor.unwrap();
    let of_store = world.store.schemas(Include::Neither, &list).unwrap().after_cursor.unwrap();
    let read = |cursor: &str, filter| world.zone().schemas(filter, Include::Neither, &list.clone().after(cursor));
    assert_eq!(read(&of_zone, &all).unwrap().items[0].schema.version, *V1);
    refused(read(&of_store, &all), (Invalid, "invalid_cursor"), "cursor");
    refused(read(&of_zone, &SchemaFilter::new().is_default(false)), (Invalid, "invalid_cursor"), "cursor");
    let in_other = world.store.zone("other").unwrap().schemas(&all, Include::Neither, &list.clone().after(&of_zone));
    refused(in_other, (Invalid, "invalid_cursor"), "cursor");
    refused(world.store.schemas(Include::Neither, &list.after(of_zone)), (Invalid, "invalid_cursor"), "cursor");
}
