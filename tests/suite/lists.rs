//! Lists: every list of the store in both orders and both directions, through cursors.

use policy_store::ErrorKind::{Invalid, NotFound, TooLarge};
use policy_store::{
    HistoryFilter, Include, NewPolicy, NewPolicySet, NewPolicySetVersion, NewSchema, Order, Page, PageRequest,
    PolicyFilter, PolicySetFilter, PolicyStore, PolicyVersion, Result, SchemaStatus, limits,
};

use super::support::{Clock, PERMIT, SCHEMA, V1, World, pinning, refused};

/// A page of any list, by the ids of its items.
#[derive(Debug, PartialEq)]
struct Got {
    items: Vec<String>,
    after: Option<String>,
    before: Option<String>,
}

fn got<T>(page: Result<Page<T>>, id: impl Fn(&T) -> String) -> Result<Got> {
    page.map(|page| Got {
        items: page.items.iter().map(id).collect(),
        after: page.after_cursor,
        before: page.before_cursor,
    })
}

/// Policies in order of creation, which is not the order of their ids.
const NAMES: [&str; 7] = ["p0", "p6", "p5", "p4", "p3", "p2", "p1"];

const LISTS: [&str; 8] = ["zones", "schemas", "policies", "versions", "sets", "set versions", "pinned", "history"];

fn get(store: &PolicyStore, name: &str, list: &PageRequest) -> Result<Got> {
    let zone = store.zone("acme")?;
    match name {
        "zones" => got(store.zones(list), |it| it.id.to_string()),
        "schemas" => got(store.schemas(Include::Neither, list), |it| it.version.to_string()),
        "policies" => got(zone.policies(&PolicyFilter::new(), list), |it| it.id.to_string()),
        "versions" => got(zone.policy_versions("p0", Include::Cedar, list), |it| it.version.to_string()),
        "sets" => got(zone.policy_sets(&PolicySetFilter::new(), list), |it| it.id.to_string()),
        "set versions" => got(zone.policy_set_versions("p0", list), |it| it.version.to_string()),
        "pinned" => got(zone.pinned_policy_versions("pins", Include::Neither, list), |it| it.policy_id.to_string()),
        _ => got(zone.history(&HistoryFilter::new(), list), |it| it.position.to_string()),
    }
}

/// Adds an item to each list that can grow.
fn grow(world: &World, n: usize) {
    let added = format!("added{n}");
    world
        .write_store(|w| {
            w.publish_schema(NewSchema::cedar(&added, SCHEMA))?;
            w.create_zone(&added)?;
            let mut zone = w.zone("acme")?;
            zone.create_policy(NewPolicy::named("p").id(&added))?;
            zone.create_policy_set(NewPolicySet::named("s").id(&added))?;
            zone.create_policy_set_version("p0", NewPolicySetVersion::new(V1)).map(drop)
        })
        .unwrap();
    world.version("p0", PERMIT);
}

/// Seven items in each list, with the zones and schemas of every world.
fn fill(world: &World) {
    let versions: Vec<PolicyVersion> = NAMES.map(|name| world.version(name, PERMIT)).into();
    let pins: Vec<_> = versions.iter().rev().collect();
    for _ in 1..7 {
        world.version("p0", PERMIT);
    }
    world
        .write_store(|w| {
            for n in 0..6 {
                w.publish_schema(NewSchema::cedar(format!("v{n}"), SCHEMA))?;
            }
            for n in 0..5 {
                w.create_zone(format!("z{n}"))?;
            }
            let mut zone = w.zone("acme")?;
            for name in NAMES {
                zone.create_policy_set(NewPolicySet::named("s").id(name))?;
            }
            zone.create_policy_set_version("p1", pinning(&pins).id("pins"))?;
            (0..7).try_for_each(|_| zone.create_policy_set_version("p0", NewPolicySetVersion::new(V1)).map(drop))
        })
        .unwrap();
}

fn filled() -> World {
    let world = World::new();
    fill(&world);
    world
}

/// The content of each list, oldest first.
fn expected(world: &World, name: &str) -> Vec<String> {
    let all: Vec<String> = match name {
        "zones" => ["acme", "other", "z0", "z1", "z2", "z3", "z4"].map(str::to_owned).into(),
        "schemas" => [V1, "v0", "v1", "v2", "v3", "v4", "v5"].map(str::to_owned).into(),
        "versions" | "set versions" => (1..=7).map(|n| n.to_string()).collect(),
        "history" => (0..world.history().len()).map(|n| n.to_string()).collect(),
        _ => NAMES.map(str::to_owned).into(),
    };
    all
}

fn ordered(mut items: Vec<String>, order: Order) -> Vec<String> {
    if order == Order::Descending {
        items.reverse();
    }
    items
}

#[test]
fn every_list_is_by_created_at_and_newest_first_unless_asked_otherwise() {
    let world = filled();
    for name in LISTS {
        let all = expected(&world, name);
        let list = PageRequest::new().limit(100);
        let newest_first = ordered(all.clone(), Order::Descending);
        assert_eq!(get(&world.store, name, &list).unwrap(), Got { items: newest_first, after: None, before: None });
        let ascending = get(&world.store, name, &list.order(Order::Ascending)).unwrap();
        assert_eq!(ascending, Got { items: all, after: None, before: None });
    }
}

#[test]
fn pages_lead_through_every_list_and_back_in_both_orders() {
    let world = filled();
    for name in LISTS {
        for order in [Order::Ascending, Order::Descending] {
            for limit in [1, 2, 3, 7, 8] {
                let all = ordered(expected(&world, name), order);
                let list = PageRequest::new().limit(limit).order(order);
                let mut page = get(&world.store, name, &list).unwrap();
                let mut pages = Vec::new();
                for (n, part) in all.chunks(limit).enumerate() {
                    assert_eq!(page.items, part, "{name} {order:?} {limit}");
                    assert_eq!(page.before.is_some(), n > 0, "{name}: something precedes");
                    assert_eq!(page.after.is_some(), (n + 1) * limit < all.len(), "{name}: something follows");
                    let next =
                        page.after.clone().map(|after| get(&world.store, name, &list.clone().after(after)).unwrap());
                    pages.push(page);
                    let Some(next) = next else { break };
                    page = next;
                }
                assert_eq!(pages.iter().map(|page| page.items.len()).sum::<usize>(), all.len(), "{name}");
                for both in pages.windows(2).rev() {
                    let back = list.clone().before(both[1].before.clone().unwrap());
                    assert_eq!(get(&world.store, name, &back).unwrap(), both[0], "{name} {order:?} {limit}");
                }
            }
        }
    }
}

#[test]
fn pages_never_repeat_or_skip_while_others_are_written() {
    for name in LISTS {
        for order in [Order::Ascending, Order::Descending] {
            let world = filled();
            let all = expected(&world, name);
            let list = PageRequest::new().limit(3).order(order);
            let mut page = get(&world.store, name, &list).unwrap();
            let mut seen = page.items.clone();
            let mut round = 0;
            while let Some(after) = page.after {
                grow(&world, round);
                round += 1;
                page = get(&world.store, name, &list.clone().after(after)).unwrap();
                seen.extend(page.items.clone());
                // Oldest first, a list does not end while items are added.
                if seen.len() >= all.len() {
                    break;
                }
            }
            assert!(round > 1, "{name} has too few pages");
            assert_eq!(seen[..all.len()], ordered(all.clone(), order), "{name} {order:?}");
            let mut once = seen.clone();
            once.sort();
            once.dedup();
            assert_eq!(once.len(), seen.len(), "{name} repeats an item");
        }
    }
}

#[test]
fn the_first_page_gets_a_before_cursor_only_once_something_precedes() {
    let world = filled();
    let list = PageRequest::new().limit(3);
    let first = get(&world.store, "policies", &list).unwrap();
    assert_eq!(first.before, None);
    let second = get(&world.store, "policies", &list.clone().after(first.after.unwrap())).unwrap();
    world.version("newer", PERMIT);
    let back = get(&world.store, "policies", &list.clone().before(second.before.unwrap())).unwrap();
    assert_eq!(back.items, first.items);
    let newest =
        get(&world.store, "policies", &list.before(back.before.expect("something newer precedes now"))).unwrap();
    assert_eq!((newest.items, newest.before), (vec!["newer".to_owned()], None));
    assert!(newest.after.is_some());
}

#[test]
fn a_limit_is_1_to_100_and_50_by_default() {
    let world = filled();
    world.write(|zone| (0..120).try_for_each(|_| zone.create_policy(NewPolicy::named("p")).map(drop))).unwrap();
    for name in LISTS {
        for bad in [0, 101, usize::MAX] {
            let refusal = get(&world.store, name, &PageRequest::new().limit(bad));
            refused(refusal, (Invalid, "invalid_input"), &format!("limit `{bad}`"));
        }
    }
    for name in ["policies", "history"] {
        assert_eq!(get(&world.store, name, &PageRequest::new()).unwrap().items.len(), 50);
        assert_eq!(get(&world.store, name, &PageRequest::new().limit(100)).unwrap().items.len(), 100);
    }
}

/// A cursor after the first page of a list.
fn cursor(store: &PolicyStore, name: &str, order: Order) -> String {
    get(store, name, &PageRequest::new().limit(2).order(order)).unwrap().after.unwrap()
}

#[track_caller]
fn refuses(world: &World, name: &str, cursor: &str, code: &str) {
    let kind = if code == "too_large" { TooLarge } else { Invalid };
    for list in [PageRequest::new().after(cursor), PageRequest::new().before(cursor)] {
        refused(get(&world.store, name, &list), (kind, code), "cursor");
    }
}

#[test]
fn after_and_before_exclude_each_other() {
    let world = filled();
    for name in LISTS {
        let cursor = cursor(&world.store, name, Order::Descending);
        refused(
            get(&world.store, name, &PageRequest::new().after(&cursor).before(&cursor)),
            (Invalid, "invalid_cursor"),
            "before",
        );
    }
}

#[test]
fn a_forged_or_truncated_cursor_is_refused() {
    let world = filled();
    for name in LISTS {
        let good = cursor(&world.store, name, Order::Descending);
        assert!(good.len() <= limits::CURSOR_CHARS && good.is_ascii());
        get(&world.store, name, &PageRequest::new().before(&good)).unwrap();
        for at in 0..good.len() {
            let other = if good.as_bytes()[at] == b'0' { "1" } else { "0" };
            let forged = format!("{}{other}{}", &good[..at], &good[at + 1..]);
            let refusal = get(&world.store, name, &PageRequest::new().after(forged));
            refused(refusal, (Invalid, "invalid_cursor"), "cursor");
        }
        for wrong in [&good[..good.len() - 1], &good[..good.len() - 2], &good[2..], "", "é", &format!("{good}00")] {
            refuses(&world, name, wrong, "invalid_cursor");
        }
        refuses(&world, name, &"0".repeat(256), "too_large");
        refuses(&world, name, &"0".repeat(255), "invalid_cursor");
    }
}

#[test]
fn a_cursor_is_bound_to_its_list_and_order() {
    let world = filled();
    for name in LISTS {
        refuses(&world, name, &cursor(&world.store, name, Order::Ascending), "invalid_cursor");
        for other in LISTS.into_iter().filter(|other| *other != name) {
            refuses(&world, name, &cursor(&world.store, other, Order::Descending), "invalid_cursor");
        }
    }
}

#[test]
fn a_cursor_is_bound_to_its_parent_and_its_zone() {
    let world = filled();
    let zone = world.zone();
    let list = PageRequest::new().limit(1);
    world.version("p1", PERMIT);
    let of_p0 = zone.policy_versions("p0", Include::Neither, &list).unwrap().after_cursor.unwrap();
    let at_p1 = zone.policy_versions("p1", Include::Neither, &PageRequest::new().after(of_p0));
    refused(at_p1, (Invalid, "invalid_cursor"), "cursor");
    let of_acme = zone.policies(&PolicyFilter::new(), &list).unwrap().after_cursor.unwrap();
    let in_other =
        world.store.zone("other").unwrap().policies(&PolicyFilter::new(), &PageRequest::new().after(of_acme));
    refused(in_other, (Invalid, "invalid_cursor"), "cursor");
}

#[test]
fn a_cursor_of_another_store_is_refused() {
    let world = filled();
    let clock = Clock::new();
    let other = World::with(clock.builder().id_seed(8).in_memory().unwrap(), clock);
    fill(&other);
    for name in LISTS {
        refuses(&world, name, &cursor(&other.store, name, Order::Descending), "invalid_cursor");
    }
}

#[test]
fn a_cursor_outlives_the_handle_and_a_rebuild() {
    let world = World::in_file();
    fill(&world);
    let list = PageRequest::new().limit(3);
    let first = get(&world.store, "policies", &list).unwrap();
    let list = list.after(first.after.unwrap());
    let second = get(&world.store, "policies", &list).unwrap();
    let world = world.reopened();
    world.store.rebuild_indexes().unwrap();
    assert_eq!(get(&world.store, "policies", &list).unwrap(), second);
}

#[test]
fn archived_items_are_listed() {
    let world = filled();
    let before: Vec<_> =
        LISTS[..7].iter().map(|name| get(&world.store, name, &PageRequest::new()).unwrap().items).collect();
    world
        .write_store(|w| {
            w.set_schema_status("v0", SchemaStatus::Deprecated)?;
            w.set_schema_status("v0", SchemaStatus::Archived)?;
            let mut zone = w.zone("acme")?;
            zone.archive_policy("p0")?;
            zone.archive_policy_set("p0")?;
            for number in 1..=7 {
                let version = world.zone().policy_version_numbered("p0", number, Include::Neither)?.id.clone();
                zone.archive_policy_version(version)?;
                let version = world.zone().policy_set_version_numbered("p0", number)?.id;
                zone.archive_policy_set_version(version)?;
            }
            Ok(())
        })
        .unwrap();
    let after: Vec<_> =
        LISTS[..7].iter().map(|name| get(&world.store, name, &PageRequest::new()).unwrap().items).collect();
    assert_eq!(after, before);
    assert!(
        world
            .zone()
            .policies(&PolicyFilter::new(), &PageRequest::new())
            .unwrap()
            .items
            .iter()
            .any(|policy| policy.archived_at.is_some())
    );
}

#[test]
fn items_are_what_a_read_by_id_returns() {
    let world = filled();
    let (zone, list) = (world.zone(), PageRequest::new());
    for policy in zone.policies(&PolicyFilter::new(), &list).unwrap().items {
        assert_eq!(policy, zone.policy(&policy.id).unwrap());
    }
    for version in zone.policy_versions("p0", Include::Both, &list).unwrap().items {
        assert_eq!(version, zone.policy_version(&version.id, Include::Both).unwrap());
    }
    for version in zone.policy_set_versions("p1", &list).unwrap().items {
        assert_eq!(version, zone.policy_set_version(&version.id).unwrap());
    }
    for schema in world.store.schemas(Include::Both, &list).unwrap().items {
        assert_eq!(schema, world.store.schema(&schema.version, Include::Both).unwrap());
    }
    for info in world.store.zones(&list).unwrap().items {
        assert_eq!(info, world.store.zone(&info.id).unwrap().info().unwrap());
    }
}

#[test]
fn a_list_of_what_is_empty_is_empty_and_of_what_does_not_exist_an_error() {
    let world = World::new();
    world.write(|zone| zone.create_policy(NewPolicy::named("p").id("p"))).unwrap();
    let page = world.zone().policy_versions("p", Include::Both, &PageRequest::new()).unwrap();
    assert_eq!((page.items.len(), page.after_cursor, page.before_cursor), (0, None, None));
    let unknown = world.zone().policy_versions("q", Include::Both, &PageRequest::new());
    refused(unknown, (NotFound, "not_found"), "policy `q`");
}
