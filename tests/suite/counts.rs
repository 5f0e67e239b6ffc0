//! Total counts: the number of items on all pages of a list, the same on each page.

use policy_store::{
    HistoryFilter, Include, NewPolicy, NewPolicySet, NewSchema, Order, OwnerType, Page, PageRequest, PolicyFilter,
    PolicySetFilter, Result, SchemaFilter, Target, TargetType,
};

use super::support::{PERMIT, SCHEMA, World, pinning, platform};

/// Lists of different lengths.
fn world() -> World {
    let world = World::in_file();
    let versions = ["p0", "p0", "p1", "p2", "p0", "p0"].map(|policy| world.version(policy, PERMIT));
    world
        .write_store(|w| {
            for n in 0..5 {
                w.publish_schema(NewSchema::cedar(format!("v{n}"), SCHEMA))?;
            }
            for n in 0..6 {
                w.create_zone(format!("z{n}"))?;
            }
            let mut zone = w.zone("acme")?;
            for n in 0..9 {
                let target = if n < 4 { TargetType::Zone } else { TargetType::User };
                zone.create_policy_set(NewPolicySet::named("s").id(format!("s{n}")).target_type(target))?;
            }
            zone.create_policy_set_version("s0", pinning(&[&versions[0], &versions[2], &versions[3]]).id("pins"))?;
            zone.create_policy_set_version("s0", pinning(&[]))?;
            zone.activate("pins")?;
            zone.set_default_schema(Some("v1")).map(drop)
        })
        .unwrap();
    world.write_as(&platform(), |zone| zone.create_policy(NewPolicy::named("base").id("base"))).unwrap();
    world
}

/// Reads each page of a list, in both orders, and finds the same count on all; without a request for it, no page has a
/// count.
#[track_caller]
fn expect<T>(expected: u64, get: impl Fn(&PageRequest) -> Result<Page<T>>) {
    assert_eq!(get(&PageRequest::new()).unwrap().total_count, None);
    for order in [Order::Ascending, Order::Descending] {
        let (mut list, mut seen) = (PageRequest::new().limit(2).order(order).total_count(), 0);
        loop {
            let page = get(&list).unwrap();
            seen += page.items.len() as u64;
            assert_eq!(page.total_count, Some(expected));
            match page.after_cursor {
                Some(cursor) => list = list.after(cursor),
                None => break,
            }
        }
        assert_eq!(seen, expected);
    }
}

#[track_caller]
fn expect_all(world: &World) {
    let (store, zone) = (&world.store, world.zone());
    expect(8, |list| store.zones(list));
    expect(6, |list| store.schemas(Include::Neither, list));
    expect(14, |list| store.history(&HistoryFilter::new(), list));
    let sets = |filter: PolicySetFilter, count| expect(count, |list| zone.policy_sets(&filter, list));
    expect(4, |list| zone.policies(&PolicyFilter::new(), list));
    sets(PolicySetFilter::new(), 4);
    sets(PolicySetFilter::new().target_type(TargetType::User), 5);
    sets(PolicySetFilter::new().any_target(), 9);
    expect(4, |list| zone.policy_versions("p0", Include::Neither, list));
    expect(0, |list| zone.policy_versions("base", Include::Neither, list));
    expect(2, |list| zone.policy_set_versions("s0", list));
    expect(3, |list| zone.pinned_policy_versions("pins", Include::Neither, list));
    expect(world.history().len() as u64, |list| zone.history(&HistoryFilter::new(), list));
    // Under filters.
    expect(3, |list| zone.policies(&PolicyFilter::new().owner_type(OwnerType::Customer), list));
    expect(1, |list| zone.policies(&PolicyFilter::new().name("BASE"), list));
    sets(PolicySetFilter::new().active(true), 1);
    sets(PolicySetFilter::new().any_target().active(false), 8);
    let schemas = |filter: SchemaFilter, count| expect(count, |list| zone.schemas(&filter, Include::Neither, list));
    schemas(SchemaFilter::new(), 6);
    schemas(SchemaFilter::new().is_default(true), 1);
    schemas(SchemaFilter::new().is_default(false), 5);
}

#[test]
fn every_list_tells_how_many_items_all_its_pages_have_if_it_is_asked() {
    let world = world();
    expect_all(&world);
    world.store.rebuild_indexes().unwrap();
    expect_all(&world.reopened());
}

#[test]
fn an_archived_item_counts_and_a_refused_write_does_not() {
    let world = world();
    world
        .write(|zone| {
            zone.unbind(Target::Zone)?;
            zone.archive_policy_set("s1")?;
            zone.archive_policy("p0")
        })
        .unwrap();
    world
        .write(|zone| {
            zone.create_policy(NewPolicy::named("given up"))?;
            zone.create_policy(NewPolicy::named(""))
        })
        .unwrap_err();
    expect(4, |list| world.zone().policies(&PolicyFilter::new(), list));
    expect(4, |list| world.zone().policy_sets(&PolicySetFilter::new(), list));
    expect(0, |list| world.zone().policy_sets(&PolicySetFilter::new().active(true), list));
}
