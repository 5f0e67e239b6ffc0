//! Filters: which policies, policy sets and schemas a list has, and what that means for its pages and cursors.

use policy_store::ErrorKind::{Invalid, NotFound, TooLarge};
use policy_store::OwnerType::{Customer, Platform};
use policy_store::{
    Forms, List, NewPolicy, NewPolicySet, Order, Page, Policy, PolicyFilter, PolicySet, PolicySetFilter, PolicyUpdate,
    Result, SchemaFilter, Target, TargetType,
};
use proptest::collection::vec;
use proptest::prelude::*;

use super::help::{PERMIT, V1, World, customer, platform, refused};

fn ids<T>(page: Result<Page<T>>, id: impl Fn(&T) -> &str) -> Vec<String> {
    page.unwrap().items.iter().map(|item| id(item).to_owned()).collect()
}

fn policies(world: &World, filter: &PolicyFilter) -> Vec<String> {
    let list = List::new().order(Order::Ascending);
    ids(world.zone().policies(filter, &list), |policy: &Policy| policy.id.as_str())
}

fn sets(world: &World, filter: &PolicySetFilter) -> Vec<String> {
    let list = List::new().order(Order::Ascending);
    ids(world.zone().policy_sets(filter, &list), |set: &PolicySet| set.id.as_str())
}

/// Policies of both kinds of owners, of which one was renamed, and one has no description.
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
            let version = zone.create_policy_set_version("anns", super::help::pinning(&[&version]))?;
            zone.bind(&version.id, Target::User("ann".to_owned()))?;
            zone.create_policy_set(users("bobs")).map(drop)
        })
        .unwrap();
    world.write_as(&platform(), |zone| zone.create_policy_set(NewPolicySet::named("LIVE base").id("base"))).unwrap();
    world
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
    let newest = world.zone().policies(&by_ids, &List::new().total_count()).unwrap();
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
    let first = world.zone().policies(&by_ids, &List::new().limit(3).total_count()).unwrap();
    assert_eq!((first.after_cursor, first.before_cursor, first.total_count), (None, None, Some(100)));
    assert_eq!(first.items.len(), 3);
    let cursor = world.zone().policies(&PolicyFilter::new(), &List::new()).unwrap().after_cursor.unwrap();
    for list in [List::new().after(&cursor), List::new().before(&cursor)] {
        refused(world.zone().policies(&by_ids, &list), (Invalid, "invalid_cursor"), "by ids");
    }
    let too_many = world.zone().policies(&PolicyFilter::new().ids(&all), &List::new());
    refused(too_many, (TooLarge, "too_large"), "ids of a filter has 101");
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
    // Nothing stands for itself alone, and nothing joins two fields.
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
    let try_policies = |filter: PolicyFilter| world.zone().policies(&filter, &List::new());
    let try_sets = |filter: PolicySetFilter| world.zone().policy_sets(&filter, &List::new());
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
    refused(try_policies(many(101)), (TooLarge, "too_large"), "search terms of a filter has 101");
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
    world.write(|zone| zone.rename_policy_set("idle", "lively")).unwrap();
    assert!(sets(&world, &filter().active(true)).is_empty());
    assert_eq!(sets(&world, &filter().name("Live")), ["live", "idle", "base"]);
}

#[test]
fn a_cursor_is_bound_to_its_filter_however_that_is_written() {
    let world = World::new();
    world.write(|zone| (0..4).try_for_each(|_| zone.create_policy(NewPolicy::named("ab")).map(drop))).unwrap();
    let list = List::new().limit(2);
    let filter = PolicyFilter::new;
    let filters = [
        filter(),
        filter().any("a"),
        filter().name("a"),
        filter().name("b"),
        filter().owner_type(Customer),
        filter().owner_type(Customer).name("a"),
    ];
    for (n, mine) in filters.iter().enumerate() {
        let cursor = world.zone().policies(mine, &list).unwrap().after_cursor.unwrap();
        for (m, other) in filters.iter().enumerate() {
            let page = world.zone().policies(other, &list.clone().after(&cursor));
            assert_eq!(page.is_ok(), n == m, "{mine:?} {other:?}");
            page.map(drop).or_else(|error| if error.code() == "invalid_cursor" { Ok(()) } else { Err(error) }).unwrap();
        }
    }
    let written = filter().name("b").name("A").owner_type(Customer);
    let again = filter().owner_type(Customer).name("a").name("B").name("b");
    let cursor = world.zone().policies(&written, &list).unwrap().after_cursor.unwrap();
    assert_eq!(world.zone().policies(&again, &list.after(cursor)).unwrap().items.len(), 2);
}

/// Three policies called `x`, oldest first, and the cursors around the page of the middle one.
fn renamed(names: [&str; 3]) -> (World, PolicyFilter, [Page<Policy>; 2]) {
    let world = World::new();
    let all = ["p0", "p1", "p2"];
    world
        .write(|zone| all.iter().try_for_each(|id| zone.create_policy(NewPolicy::named("x").id(*id)).map(drop)))
        .unwrap();
    let (filter, list) = (PolicyFilter::new().name("x"), List::new().limit(1).order(Order::Ascending));
    let first = world.zone().policies(&filter, &list).unwrap();
    let second = list.clone().after(first.after_cursor.unwrap());
    let third = world.zone().policies(&filter, &second).unwrap().after_cursor.unwrap();
    let third = world.zone().policies(&filter, &list.clone().after(third)).unwrap();
    let rename = |(id, name): (&&str, &str)| (*id, PolicyUpdate::new().name(name));
    let changes: Vec<_> = all.iter().zip(names).map(rename).collect();
    world
        .write(|zone| changes.into_iter().try_for_each(|(id, change)| zone.update_policy(id, change).map(drop)))
        .unwrap();
    let back = list.before(third.before_cursor.unwrap());
    let pages = [&second, &back].map(|list| world.zone().policies(&filter, list).unwrap());
    (world, filter, pages)
}

#[test]
fn what_precedes_and_follows_is_told_from_what_passes_the_filter_now() {
    let sides = |page: &Page<Policy>| {
        let items: Vec<_> = page.items.iter().map(|policy| policy.id.to_string()).collect();
        (items.join(" "), page.before_cursor.is_some(), page.after_cursor.is_some())
    };
    let told = |names| {
        let (_, _, [after_first, before_third]) = renamed(names);
        [sides(&after_first), sides(&before_third)]
    };
    let page = |items: &str, precedes, follows| (items.to_owned(), precedes, follows);
    assert_eq!(told(["x", "x", "x"]), [page("p1", true, true), page("p1", true, true)]);
    // What a cursor names is gone from the list, and with it the reason for a cursor back to it.
    assert_eq!(told(["-", "x", "x"]), [page("p1", false, true), page("p1", false, true)]);
    assert_eq!(told(["x", "x", "-"]), [page("p1", true, false), page("p1", true, false)]);
    assert_eq!(told(["x", "-", "x"]), [page("p2", true, false), page("p0", false, true)]);
    // A page without items has no place to give a cursor of.
    assert_eq!(told(["x", "-", "-"]), [page("", false, false), page("p0", false, false)]);
    assert_eq!(told(["-", "-", "x"]), [page("p2", false, false), page("", false, false)]);
}

#[test]
fn schemas_of_a_zone_are_those_of_the_store_and_none_is_the_default_unless_chosen() {
    let world = World::new();
    let zone = world.zone();
    let schema = zone.schema(V1, Forms::Both).unwrap();
    assert_eq!((schema.schema.clone(), schema.is_default), (world.store.schema(V1, Forms::Both).unwrap(), false));
    refused(zone.schema("none", Forms::Both), (NotFound, "not_found"), "schema `none`");
    let list = |filter| zone.schemas(&filter, Forms::Both, &List::new()).unwrap().items;
    assert_eq!(list(SchemaFilter::new()), [schema.clone()]);
    assert_eq!(list(SchemaFilter::new().is_default(false)), [schema]);
    assert!(list(SchemaFilter::new().is_default(true)).is_empty());
}

#[test]
fn cursors_of_a_zones_schemas_are_its_own() {
    let world = World::new();
    world.write_store(|w| w.publish_schema(policy_store::NewSchema::cedar("next", "entity U;"))).unwrap();
    let list = List::new().limit(1);
    let all = SchemaFilter::new();
    let of_zone = world.zone().schemas(&all, Forms::Neither, &list).unwrap().after_cursor.unwrap();
    let of_store = world.store.schemas(Forms::Neither, &list).unwrap().after_cursor.unwrap();
    let read = |cursor: &str, filter| world.zone().schemas(filter, Forms::Neither, &list.clone().after(cursor));
    assert_eq!(read(&of_zone, &all).unwrap().items[0].schema.version, *V1);
    refused(read(&of_store, &all), (Invalid, "invalid_cursor"), "cursor");
    refused(read(&of_zone, &SchemaFilter::new().is_default(false)), (Invalid, "invalid_cursor"), "cursor");
    let in_other = world.store.zone("other").unwrap().schemas(&all, Forms::Neither, &list.clone().after(&of_zone));
    refused(in_other, (Invalid, "invalid_cursor"), "cursor");
    refused(world.store.schemas(Forms::Neither, &list.after(of_zone)), (Invalid, "invalid_cursor"), "cursor");
}

/// A policy as the property knows it: whose it is and what it is called.
type Known = (bool, usize);
const NAMES: [&str; 3] = ["Alpha", "beta", "ALPHA beta"];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    /// Pages of the platform's policies, and of those with a name, while others are written and renamed: what cannot
    /// change is never repeated or skipped, and every page is what a look at all of the zone gives.
    #[test]
    fn pages_under_a_filter_are_those_of_a_naive_search(
        mut known in vec((any::<bool>(), 0..3_usize), 0..12),
        steps in vec((0..5_u8, any::<bool>(), 0..3_usize, any::<prop::sample::Index>()), 1..14),
        limit in 1..4_usize,
        ascending: bool,
        by_name: bool,
    ) {
        let world = World::new();
        let create = |n: usize, (platforms, name): Known| {
            let actor = if platforms { platform() } else { customer("alice") };
            world.write_as(&actor, |zone| zone.create_policy(NewPolicy::named(NAMES[name]).id(format!("p{n}"))))
        };
        for (n, policy) in known.iter().enumerate() {
            create(n, *policy).unwrap();
        }
        let (filter, order) = match by_name {
            true => (PolicyFilter::new().name("ALP"), Order::Ascending),
            false => (PolicyFilter::new().owner_type(Platform), Order::Descending),
        };
        let order = if ascending { order } else { Order::Descending };
        let list = List::new().limit(limit).order(order).total_count();
        let passes = |(platforms, name): &Known| if by_name { *name != 1 } else { *platforms };
        let (mut before, mut after, mut seen) = (None::<(usize, String)>, None, Vec::new());
        for (step, platforms, name, whose) in steps {
            // The list to ask for, and the place of its cursor: that of `after`, or that of `before`.
            let (at, range): (List, (Option<usize>, Option<usize>));
            match step {
                0 if !known.is_empty() => {
                    let n = whose.index(known.len());
                    known[n].1 = name;
                    world.write_as(&platform(), |zone| {
                        zone.update_policy(format!("p{n}"), PolicyUpdate::new().name(NAMES[name]))
                    }).unwrap();
                    continue;
                }
                0 | 1 => {
                    create(known.len(), (platforms, name)).unwrap();
                    known.push((platforms, name));
                    continue;
                }
                2 if before.is_some() => {
                    let (place, cursor) = before.take().unwrap();
                    (at, range) = (list.clone().before(cursor), (None, Some(place)));
                }
                // At the end, the walk begins again.
                _ => (at, range) = match after.take() {
                    Some((place, cursor)) => (list.clone().after(cursor), (Some(place), None)),
                    None => (list.clone(), (None, None)),
                }
            }
            let page = world.zone().policies(&filter, &at).unwrap();
            // The naive search: all that pass, in order, then what lies beyond the cursor's place.
            let mut all: Vec<usize> = (0..known.len()).filter(|n| passes(&known[*n])).collect();
            prop_assert_eq!(page.total_count, Some(all.len() as u64));
            if order == Order::Descending {
                all.reverse();
            }
            let beyond = |n: usize, place: usize| if order == Order::Ascending { n > place } else { n < place };
            let (from, to) = match range {
                (Some(place), _) => {
                    let from = all.iter().filter(|n| !beyond(**n, place)).count();
                    (from, (from + limit).min(all.len()))
                }
                (_, Some(place)) => {
                    let to = all.iter().filter(|n| **n != place && !beyond(**n, place)).count();
                    (to.saturating_sub(limit), to)
                }
                _ => (0, limit.min(all.len())),
            };
            let items: Vec<usize> = page.items.iter().map(|policy| policy.id.as_str()[1..].parse().unwrap()).collect();
            prop_assert_eq!(&items, &all[from..to]);
            prop_assert_eq!(page.before_cursor.is_some(), from < to && from > 0);
            prop_assert_eq!(page.after_cursor.is_some(), from < to && to < all.len());
            before = page.before_cursor.map(|cursor| (all[from], cursor));
            after = page.after_cursor.map(|cursor| (all[to - 1], cursor));
            if range.0.is_none() {
                seen.clear();
            }
            seen.extend(items);
            if !by_name {
                // Since the walk forward began, nothing was repeated, and nothing that was there skipped.
                let first = seen.first().copied().unwrap_or_default();
                let due: Vec<usize> = all.iter().copied().filter(|n| *n == first || beyond(*n, first)).collect();
                prop_assert_eq!(&seen[..], &due[..seen.len().min(due.len())]);
            }
        }
    }
}
