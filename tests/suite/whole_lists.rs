//! Whole lists, item by item: equal to their pages, read lazily, and ended by an error.

use policy_store::ErrorKind::{Invalid, NotFound};
use policy_store::{
    BindingFilter, HistoryFilter, Include, Items, NewPolicy, NewSchema, Order, Page, PageRequest, PolicyFilter,
    PolicySetFilter, Result, SchemaFilter, Sort,
};

use super::support::{PERMIT, SCHEMA, World, pinning, platform, refused};

/// The items of all pages.
fn paged<T>(page: impl Fn(&PageRequest) -> Result<Page<T>>, list: &PageRequest) -> Vec<T> {
    let (mut list, mut items) = (list.clone(), Vec::new());
    loop {
        let read = page(&list).unwrap();
        items.extend(read.items);
        match read.after_cursor {
            Some(cursor) => list = list.after(cursor),
            None => return items,
        }
    }
}

#[track_caller]
fn alike<T: PartialEq + std::fmt::Debug>(
    list: &PageRequest,
    least: usize,
    page: impl Fn(&PageRequest) -> Result<Page<T>>,
    items: impl Fn(&PageRequest) -> Items<T>,
) {
    let whole = items(list).collect::<Result<Vec<_>>>().unwrap();
    assert!(whole.len() >= least, "{whole:?}");
    assert_eq!(whole, paged(page, list));
    let small = items(&list.clone().limit(2)).collect::<Result<Vec<_>>>().unwrap();
    assert_eq!(small, whole);
}

#[test]
fn every_list_can_be_read_item_by_item() {
    let world = World::new();
    for n in 0..5 {
        world.version("p0", PERMIT);
        world.version(&format!("p{}", n + 1), PERMIT);
        world.set_version("s0", &[]);
        world.set_version(&format!("s{}", n + 1), &[]);
        world.write_store(|w| w.create_zone(format!("z{n}")).map(drop)).unwrap();
        world.write_store(|w| w.publish_schema(NewSchema::cedar(format!("v{n}"), SCHEMA)).map(drop)).unwrap();
    }
    let pins: Vec<_> = (1..6).map(|n| world.version(&format!("p{n}"), PERMIT)).collect();
    let set =
        world.write(|zone| zone.create_policy_set_version("s0", pinning(&pins.iter().collect::<Vec<_>>()))).unwrap();
    for n in 1..4 {
        let numbered = world.zone().policy_set_version_numbered(format!("s{n}"), 1).unwrap();
        world.write(|zone| zone.activate(&numbered.id)).unwrap();
    }
    let (store, zone) = (&world.store, &world.zone());
    let none = PolicyFilter::new();
    let sets = PolicySetFilter::new();
    let schemas = SchemaFilter::new();
    for order in [Order::Ascending, Order::Descending] {
        let list = &PageRequest::new().order(order);
        let json = Include::Json;
        alike(list, 7, |list| store.zones(list), |list| store.zones_iter(list));
        alike(list, 6, |list| store.schemas(json, list), |list| store.schemas_iter(json, list));
        alike(
            list,
            13,
            |list| store.history(&HistoryFilter::new(), list),
            |list| store.history_iter(&HistoryFilter::new(), list),
        );
        alike(list, 6, |list| zone.policies(&none, list), |list| zone.policies_iter(&none, list));
        alike(
            list,
            5,
            |list| zone.policy_versions("p0", json, list),
            |list| zone.policy_versions_iter("p0", json, list),
        );
        alike(list, 6, |list| zone.policy_sets(&sets, list), |list| zone.policy_sets_iter(&sets, list));
        alike(list, 6, |list| zone.policy_set_versions("s0", list), |list| zone.policy_set_versions_iter("s0", list));
        let pinned = |list: &PageRequest| zone.pinned_policy_versions(&set.id, json, list);
        alike(list, 5, pinned, |list| zone.pinned_policy_versions_iter(&set.id, json, list));
        alike(list, 6, |list| zone.schemas(&schemas, json, list), |list| zone.schemas_iter(&schemas, json, list));
        alike(
            list,
            20,
            |list| zone.history(&HistoryFilter::new(), list),
            |list| zone.history_iter(&HistoryFilter::new(), list),
        );
        let every = BindingFilter::new();
        alike(list, 3, |list| zone.bindings(&every, list), |list| zone.bindings_iter(&every, list));
        let snapshot = zone.snapshot().unwrap();
        alike(list, 6, |list| zone.policies(&none, list), |list| snapshot.policies_iter(&none, list));
    }
    let by_status = &PageRequest::new().sort(Sort::Status);
    alike(by_status, 6, |list| zone.policy_sets(&sets, list), |list| zone.policy_sets_iter(&sets, list));
    let named = PolicyFilter::new().id("p2").id("p1").id("p9");
    assert_eq!(zone.policies_iter(&named, &PageRequest::new()).count(), 2);
    // From a cursor on.
    let first = zone.policies(&none, &PageRequest::new().limit(2)).unwrap();
    let rest = zone.policies_iter(&none, &PageRequest::new().after(first.after_cursor.clone().unwrap()));
    assert_eq!(rest.count(), 4);
    // A page is a list of its items.
    assert_eq!((&first).into_iter().map(|policy| policy.id.as_str()).collect::<Vec<_>>(), ["p5", "p4"]);
    assert_eq!(first.into_iter().map(|policy| policy.id.to_string()).collect::<Vec<_>>(), ["p5", "p4"]);
}

#[test]
fn pages_are_read_when_they_are_needed_and_what_is_added_meanwhile_is_not_told_twice() {
    let world = World::new();
    let create =
        |n: usize| world.write(|zone| zone.create_policy(NewPolicy::named("p").id(format!("p{n:03}")))).unwrap();
    (0..4).for_each(|n| drop(create(n)));
    let list = PageRequest::new().order(Order::Ascending).limit(2);
    let mut all = world.zone().policies_iter(&PolicyFilter::new(), &list);
    create(4);
    assert_eq!(all.size_hint(), (0, None));
    let mut ids = vec![all.next().unwrap().unwrap().id];
    assert_eq!((all.size_hint(), format!("{all:?}").as_str()), ((1, None), "Items(1 and more)"));
    create(5);
    ids.extend(all.by_ref().map(|policy| policy.unwrap().id));
    assert_eq!(ids, ["p000", "p001", "p002", "p003", "p004", "p005"]);
    create(6);
    assert!(all.next().is_none(), "an iterator that has ended stays so");
    assert_eq!(all.size_hint(), (0, Some(0)));
}

#[test]
fn an_error_is_the_last_item() {
    let world = World::new();
    let zone = world.zone();
    (0..4).for_each(|n| drop(world.version(&format!("p{n}"), PERMIT)));
    let mut wrong = zone.policy_versions_iter("nope", Include::Both, &PageRequest::new());
    refused(wrong.next().unwrap(), (NotFound, "not_found"), "nope");
    assert!(wrong.next().is_none());
    let first = zone.policies(&PolicyFilter::new(), &PageRequest::new().limit(2)).unwrap();
    let cursor = first.after_cursor.unwrap();
    for list in [PageRequest::new().before(&cursor), PageRequest::new().limit(0), PageRequest::new().after("forged")] {
        let mut wrong = zone.policies_iter(&PolicyFilter::new(), &list);
        assert_eq!(wrong.next().unwrap().unwrap_err().kind(), Invalid);
        assert!(wrong.next().is_none());
    }
    // The zone is erased while its list is read.
    let mut all = zone.policies_iter(&PolicyFilter::new(), &PageRequest::new().limit(2));
    assert!(all.next().unwrap().is_ok());
    world.store.erase_zone(&platform(), "acme").unwrap();
    assert!(all.next().unwrap().is_ok(), "the page that was read is there");
    refused(all.next().unwrap(), (NotFound, "not_found"), "acme");
    assert!(all.next().is_none());
}
