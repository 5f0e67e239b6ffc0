//! Histories under a filter: time, author, kind and resource.

use policy_store::ErrorKind::{Invalid, TooLarge};
use policy_store::{
    At, ChangeKind, HistoryFilter, Moment, NewPolicy, NewPolicySet, NewPolicyVersion, NewSchema, Order, PageRequest,
    PolicyUpdate, SchemaStatus, Target, TargetType, Timestamp, Zone, limits,
};

use super::support::{PERMIT, SCHEMA, V1, World, customer, pinning, platform, refused};

fn filter() -> HistoryFilter {
    HistoryFilter::new()
}

fn oldest_first() -> PageRequest {
    PageRequest::new().order(Order::Ascending).limit(100)
}

/// The positions of the entries that pass, oldest first.
#[track_caller]
fn positions<M: Moment>(zone: &Zone<M>, filter: &HistoryFilter) -> Vec<u64> {
    let page = zone.history(filter, &oldest_first().total_count()).unwrap();
    assert_eq!(page.total_count, Some(page.items.len() as u64));
    page.items.into_iter().map(|entry| entry.position).collect()
}

#[test]
fn times_are_from_the_start_up_to_the_end() {
    let world = World::new();
    (0..6).for_each(|_| drop(world.version("p", PERMIT)));
    let times: Vec<_> = world.history().iter().map(|entry| entry.created_at).collect();
    let last = times.len() - 1;
    let shifted = |time: Timestamp, by: i64| Timestamp::from_micros(time.as_micros() + by);
    let zone = world.zone();
    let all: Vec<_> = (0..=last as u64).collect();
    for (n, time) in times.iter().enumerate() {
        assert_eq!(positions(&zone, &filter().since(*time)), all[n..]);
        assert_eq!(positions(&zone, &filter().until(*time)), all[..n]);
        assert_eq!(positions(&zone, &filter().since(shifted(*time, 1))), all[n + 1..]);
        assert_eq!(positions(&zone, &filter().until(shifted(*time, 1))), all[..=n]);
        assert_eq!(positions(&zone, &filter().since(*time).until(shifted(*time, 1))), [n as u64]);
        assert_eq!(positions(&zone, &filter().since(*time).until(*time)), [0; 0]);
    }
    assert_eq!(positions(&zone, &filter().since(Timestamp::EPOCH).until(Timestamp::MAX)), all);
    // The later of two calls counts.
    assert_eq!(positions(&zone, &filter().since(times[1]).since(times[3])), all[3..]);
    assert_eq!(positions(&zone, &filter().until(times[3]).until(times[1])), all[..1]);
    let back = zone.history(&filter().since(times[2]).until(times[1]), &PageRequest::new());
    refused(back, (Invalid, "invalid_input"), "until");
}

#[test]
fn an_entry_matches_the_resource_that_it_is_about() {
    let world = World::new();
    let first = world.version("p", PERMIT); // 1 policy, 2 version
    world.write(|zone| zone.update_policy("p", PolicyUpdate::new().name("new"))).unwrap(); // 3
    let other = world.version("q", PERMIT); // 4 policy, 5 version
    let one = world.live("s", &[&first, &other]); // 6 set, 7 version, 8 bound
    let two = world.live("t", &[&first]); // 9 set, 10 version, 11 bound in place of s
    let zone = world.zone();
    let of_p = [1, 2, 3];
    assert_eq!(positions(&zone, &filter().policy("p")), of_p);
    assert_eq!(positions(&zone, &filter().policy("p").policy("q")), [1, 2, 3, 4, 5]);
    assert_eq!(
        positions(&zone, &filter().policy_set("s")),
        [6, 7, 8, 11],
        "its end in favour of another set is one of its entries"
    );
    assert_eq!(positions(&zone, &filter().policy_set("t")), [9, 10, 11]);
    assert_eq!(positions(&zone, &filter().policy("p").policy_set("s")), [0; 0], "different fields must all match");
    // The id of a version is not that of its policy.
    let unknown = [first.id.as_str(), "nope", "no id", ""];
    for id in unknown {
        assert_eq!(positions(&zone, &filter().policy(id)), [0; 0], "{id}");
        assert_eq!(positions(&zone, &filter().policy_set(id).kind(ChangeKind::Bound)), [0; 0], "{id}");
    }
    assert_eq!((one.policy_set_id.as_str(), two.policy_set_id.as_str()), ("s", "t"));
}

#[test]
fn an_end_of_a_binding_and_every_change_of_a_version_are_about_their_parents() {
    let world = World::new();
    let version = world.version("p", PERMIT);
    let live = world.live("s", &[&version]);
    let start = world.history().len() as u64;
    world
        .write(|zone| {
            zone.unbind(Target::Zone)?;
            zone.archive_policy_set_version(&live.id)?;
            zone.archive_policy_set("s")?;
            zone.archive_policy_version(&version.id)?;
            zone.archive_policy("p").map(drop)
        })
        .unwrap();
    let zone = world.zone();
    let of =
        |filter: HistoryFilter| positions(&zone, &filter).into_iter().filter(|at| *at >= start).collect::<Vec<_>>();
    assert_eq!(of(filter().policy_set("s")), [start, start + 1, start + 2]);
    assert_eq!(of(filter().policy("p")), [start + 3, start + 4]);
}

#[test]
fn targets_are_those_of_bindings_in_any_mode() {
    let world = World::new();
    let ann = Target::user("ann");
    let live = world.live("s", &[]); // 1 set, 2 version, 3 bound
    world.write(|zone| zone.bind_shadow(&live.id, Target::Zone)).unwrap(); // 4
    world
        .write(|zone| {
            zone.create_policy_set(NewPolicySet::named("u").id("u").target_type(TargetType::User))?; // 5
            let version = zone.create_policy_set_version("u", pinning(&[]))?; // 6
            zone.bind(&version.id, ann.clone())?; // 7
            zone.unbind(ann.clone()) // 8
        })
        .unwrap();
    let zone = world.zone();
    assert_eq!(positions(&zone, &filter().target(Target::Zone)), [3, 4]);
    assert_eq!(positions(&zone, &filter().target(ann.clone())), [7, 8]);
    assert_eq!(positions(&zone, &filter().target(ann.clone()).target(Target::Zone)), [3, 4, 7, 8]);
    assert_eq!(positions(&zone, &filter().target(ann.clone()).kind(ChangeKind::Unbound)), [8]);
    assert_eq!(positions(&zone, &filter().target(Target::user("zone"))), [0; 0]);
    refused(
        zone.history(&filter().target(Target::user("")), &PageRequest::new()),
        (Invalid, "invalid_input"),
        "target id",
    );
}

#[test]
fn authors_are_actors_of_a_kind_and_of_imports_the_original_ones() {
    let world = World::new();
    for actor in [customer("ann"), customer("bea"), platform()] {
        world.write_as(&actor, |zone| zone.create_policy(NewPolicy::named("p"))).unwrap();
    }
    let zone = world.zone();
    assert_eq!(positions(&zone, &filter().by(customer("ann"))), [1]);
    assert_eq!(positions(&zone, &filter().by(customer("ann")).by(platform())), [1, 3]);
    assert_eq!(positions(&zone, &filter().by(customer("ops"))), [0; 0], "the kind is part of an actor");
    let now = world.history().last().unwrap().created_at;
    let imported = world.store.import(&customer("importer"), &customer("carol"), now, |w| {
        w.zone("acme")?.create_policy(NewPolicy::named("old"))
    });
    assert_eq!(positions(&zone, &filter().by(customer("carol"))), [imported.unwrap().revision]);
    assert_eq!(positions(&zone, &filter().by(customer("importer"))), [0; 0]);
}

#[test]
fn schemas_and_zones_are_in_the_stores_history() {
    let world = World::new(); // 0 schema, 1 acme, 2 other
    world
        .write_store(|w| {
            w.publish_schema(NewSchema::cedar("v2", SCHEMA))?; // 3
            w.set_schema_status("v2", SchemaStatus::Deprecated).map(drop) // 4
        })
        .unwrap();
    world.store.erase_zone(&platform(), "other").unwrap(); // 5
    let of_store = |filter: HistoryFilter| -> Vec<u64> {
        let page = world.store.history(&filter, &oldest_first().total_count()).unwrap();
        let held = world.store.snapshot().unwrap();
        assert_eq!(held.history(&filter, &oldest_first().total_count()).unwrap(), page);
        assert_eq!(held.history_iter(&filter, &oldest_first()).count(), page.items.len());
        assert_eq!(page.total_count, Some(page.items.len() as u64));
        page.items.iter().map(|entry| entry.position).collect()
    };
    assert_eq!(of_store(filter().schema("v2")), [3, 4]);
    assert_eq!(of_store(filter().schema(V1).kind(ChangeKind::SchemaPublished)), [0]);
    assert_eq!(of_store(filter().zone("other")), [2, 5]);
    assert_eq!(of_store(filter().zone("acme").zone("other").by(platform())), [5]);
    assert_eq!(of_store(filter().policy("acme")), [0; 0]);
    // In a zone, every entry is the zone's. Its choice of a default is about the schema; a version for the schema is not.
    world.write(|zone| zone.set_default_schema(Some(V1)).map(drop)).unwrap();
    world.version("p", PERMIT);
    let zone = world.zone();
    assert_eq!(positions(&zone, &filter().zone("acme")), [0, 1, 2, 3]);
    assert_eq!(positions(&zone, &filter().zone("other")), [0; 0]);
    assert_eq!(positions(&zone, &filter().schema(V1)), [1]);
}

#[test]
fn pages_of_a_filtered_history_go_both_ways_and_take_only_their_own_cursors() {
    let world = World::new();
    for n in 0..20 {
        world.write(|zone| zone.create_policy(NewPolicy::named("p").id(format!("p{n}")))).unwrap();
        world
            .write_as(&customer(["ann", "bea"][n % 2]), |zone| {
                zone.update_policy(format!("p{n}"), PolicyUpdate::new().name("x"))
            })
            .unwrap();
    }
    let (zone, start) = (world.zone(), world.history()[4].created_at);
    let mine = filter().by(customer("ann")).since(start);
    let expected = positions(&zone, &mine);
    assert_eq!(expected.len(), 9);
    for order in [Order::Ascending, Order::Descending] {
        let list = PageRequest::new().order(order).limit(4);
        let mut pages = vec![zone.history(&mine, &list).unwrap()];
        while let Some(cursor) = &pages.last().unwrap().after_cursor {
            // Later entries, some of which pass, change no page that was read.
            world.write_as(&customer("bea"), |zone| zone.create_policy(NewPolicy::named("later"))).unwrap();
            let next = zone.history(&mine, &list.clone().after(cursor)).unwrap();
            let back = zone.history(&mine, &list.clone().before(next.before_cursor.clone().unwrap())).unwrap();
            assert_eq!(back.items, pages.last().unwrap().items);
            pages.push(next);
        }
        assert!(pages[0].before_cursor.is_none());
        let mut read: Vec<_> = pages.into_iter().flatten().map(|entry| entry.position).collect();
        if order == Order::Descending {
            read.reverse();
        }
        assert_eq!(read, expected);
    }
    let cursor = zone.history(&mine, &PageRequest::new().limit(4)).unwrap().after_cursor.unwrap();
    let moved = Timestamp::from_micros(start.as_micros() + 1);
    for other in [
        filter(),
        filter().by(customer("ann")),
        filter().since(start),
        mine.clone().since(moved),
        mine.clone().until(Timestamp::MAX),
        mine.clone().by(customer("bea")),
        mine.clone().kind(ChangeKind::PolicyUpdated),
        mine.clone().policy("p1"),
        mine.clone().policy_set("p1"),
        mine.clone().schema("p1"),
        mine.clone().zone("acme"),
        mine.clone().target(Target::Zone),
        mine.clone().target(Target::user("zone")),
    ] {
        let page = zone.history(&other, &PageRequest::new().after(&cursor));
        refused(page, (Invalid, "invalid_cursor"), &cursor[..20]);
    }
    let again = filter().since(start).by(customer("ann")).by(customer("ann"));
    assert_eq!(zone.history(&again, &PageRequest::new().after(&cursor)).unwrap().items.len(), 5);
}

#[test]
fn an_earlier_point_and_a_write_have_the_entries_that_are_there() {
    let world = World::new();
    (0..4).for_each(|_| drop(world.version("p", PERMIT)));
    let versions = filter().kind(ChangeKind::PolicyVersionCreated);
    let (zone, time) = (world.zone(), world.history()[3].created_at);
    assert_eq!(positions(&zone, &versions), [2, 3, 4, 5]);
    let then = zone.as_of(At::Position(3)).unwrap();
    assert_eq!(positions(&then, &versions), [2, 3]);
    assert_eq!(positions(&then, &versions.clone().since(time)), [3]);
    assert_eq!(positions(&then, &filter().since(time).until(Timestamp::MAX)), [3]);
    let in_write = world.write(|zone| {
        zone.create_policy_version("p", NewPolicyVersion::cedar(V1, PERMIT))?;
        Ok(positions(zone, &versions))
    });
    assert_eq!(in_write.unwrap(), [2, 3, 4, 5, 6]);
}

#[test]
fn a_filter_takes_up_to_a_hundred_values_of_a_field() {
    let world = World::new();
    let zone = world.zone();
    type Add = fn(HistoryFilter, String) -> HistoryFilter;
    let fields: [(&str, Add); 6] = [
        ("policies", |filter, n| filter.policy(n)),
        ("policy sets", |filter, n| filter.policy_set(n)),
        ("schema versions", |filter, n| filter.schema(n)),
        ("zones", |filter, n| filter.zone(n)),
        ("actors", |filter, n| filter.by(customer(&n))),
        ("targets", |filter, n| filter.target(Target::user(n))),
    ];
    for (field, add) in fields {
        let of = |count: usize| (0..count).fold(filter(), |filter, n| add(add(filter, n.to_string()), n.to_string()));
        assert_eq!(positions(&zone, &of(limits::FILTER_VALUES)), [0; 0], "{field}");
        let many = of(limits::FILTER_VALUES + 1);
        refused(zone.history(&many, &PageRequest::new()), (TooLarge, "too_large"), field);
        refused(world.store.timeline(&many, &PageRequest::new()), (TooLarge, "too_large"), field);
        assert!(zone.history_iter(&many, &PageRequest::new()).next().unwrap().is_err());
    }
}
