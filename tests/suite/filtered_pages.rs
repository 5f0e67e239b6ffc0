//! Pages of filtered lists, and their cursors during writes.

use policy_store::OwnerType::{Customer, Platform};
use policy_store::{NewPolicy, Order, Page, PageRequest, Policy, PolicyFilter, PolicyUpdate};
use proptest::collection::vec;
use proptest::prelude::*;

use super::support::{World, customer, platform};

#[test]
fn a_cursor_is_bound_to_its_filter_however_that_is_written() {
    let world = World::new();
    world.write(|zone| (0..4).try_for_each(|_| zone.create_policy(NewPolicy::named("ab")).map(drop))).unwrap();
    let list = PageRequest::new().limit(2);
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

/// The pages after the first and before the third of three policies called `x`, once they are called this.
fn renamed(names: [&str; 3]) -> [Page<Policy>; 2] {
    let world = World::new();
    let all = ["p0", "p1", "p2"];
    world
        .write(|zone| all.iter().try_for_each(|id| zone.create_policy(NewPolicy::named("x").id(*id)).map(drop)))
        .unwrap();
    let (filter, list) = (PolicyFilter::new().name("x"), PageRequest::new().limit(1).order(Order::Ascending));
    let first = world.zone().policies(&filter, &list).unwrap();
    let second = list.clone().after(first.after_cursor.unwrap());
    let third = world.zone().policies(&filter, &second).unwrap().after_cursor.unwrap();
    let third = world.zone().policies(&filter, &list.clone().after(third)).unwrap();
    for (id, name) in all.into_iter().zip(names) {
        world.write(|zone| zone.update_policy(id, PolicyUpdate::new().name(name))).unwrap();
    }
    let back = list.before(third.before_cursor.unwrap());
    [&second, &back].map(|list| world.zone().policies(&filter, list).unwrap())
}

#[test]
fn what_precedes_and_follows_is_told_from_what_passes_the_filter_now() {
    let sides = |page: &Page<Policy>| {
        let items: Vec<_> = page.items.iter().map(|policy| policy.id.to_string()).collect();
        (items.join(" "), page.before_cursor.is_some(), page.after_cursor.is_some())
    };
    let told = |names| {
        let [after_first, before_third] = renamed(names);
        [sides(&after_first), sides(&before_third)]
    };
    let page = |items: &str, precedes, follows| (items.to_owned(), precedes, follows);
    assert_eq!(told(["x", "x", "x"]), [page("p1", true, true), page("p1", true, true)]);
    // The cursor's item is no longer in the list, so there is no cursor back to it.
    assert_eq!(told(["-", "x", "x"]), [page("p1", false, true), page("p1", false, true)]);
    assert_eq!(told(["x", "x", "-"]), [page("p1", true, false), page("p1", true, false)]);
    assert_eq!(told(["x", "-", "x"]), [page("p2", true, false), page("p0", false, true)]);
    // A page without items has no cursor.
    assert_eq!(told(["x", "-", "-"]), [page("", false, false), page("p0", false, false)]);
    assert_eq!(told(["-", "-", "x"]), [page("p2", false, false), page("", false, false)]);
}

/// A policy in the property: its owner and its name.
type Known = (bool, usize);
const NAMES: [&str; 3] = ["Alpha", "beta", "ALPHA beta"];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    /// Pages of the platform's policies and of those with a name, while others are created and renamed. Items that
    /// cannot change are never repeated or skipped, and every page equals a search through the whole zone.
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
        let list = PageRequest::new().limit(limit).order(order).total_count();
        let passes = |(platforms, name): &Known| if by_name { *name != 1 } else { *platforms };
        let (mut before, mut after, mut seen) = (None::<(usize, String)>, None, Vec::new());
        for (step, platforms, name, whose) in steps {
            // The list, and the place of its cursor: `after` or `before`.
            let (at, range): (PageRequest, (Option<usize>, Option<usize>));
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
                // At the end, the walk starts again.
                _ => (at, range) = match after.take() {
                    Some((place, cursor)) => (list.clone().after(cursor), (Some(place), None)),
                    None => (list.clone(), (None, None)),
                }
            }
            let page = world.zone().policies(&filter, &at).unwrap();
            // The naive search: all matching items in order, then those beyond the cursor's place.
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
                // Since the start of the forward walk, nothing was repeated, and nothing that already existed was
                // skipped.
                let first = seen.first().copied().unwrap_or_default();
                let due: Vec<usize> = all.iter().copied().filter(|n| *n == first || beyond(*n, first)).collect();
                prop_assert_eq!(&seen[..], &due[..seen.len().min(due.len())]);
            }
        }
    }
}
