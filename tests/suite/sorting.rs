//! Policy sets by status: active ones first, then by `created_at`; forward only.

use policy_store::ErrorKind::Invalid;
use policy_store::{
    HistoryFilter, Include, NewPolicySet, Order, PageRequest, PolicyFilter, PolicySetFilter, Result, SchemaFilter,
    Sort, Target, TargetType,
};

use super::support::{PERMIT, World, pinning, refused};

/// Sets `s0` to `s6` for users; the 2nd, 3rd and 6th are active.
fn world() -> World {
    let world = World::new();
    let version = world.version("p", PERMIT);
    world
        .write(|zone| {
            for n in 0..7 {
                let id = format!("s{n}");
                zone.create_policy_set(NewPolicySet::named("s").id(&id).target_type(TargetType::User))?;
                zone.create_policy_set_version(&id, pinning(&[&version]).id(format!("{id}v")))?;
            }
            for n in [5, 1, 2] {
                zone.bind(format!("s{n}v"), Target::User(format!("u{n}")))?;
            }
            Ok(())
        })
        .unwrap();
    world
}

fn by_status() -> PageRequest {
    PageRequest::new().sort(Sort::Status)
}

/// The numbers of the sets on a page, and its cursors.
fn page(
    world: &World,
    filter: &PolicySetFilter,
    list: &PageRequest,
) -> Result<(String, Option<String>, Option<String>)> {
    let page = world.zone().policy_sets(filter, list)?;
    let items = page.items.iter().map(|set| &set.id.as_str()[1..]).collect();
    Ok((items, page.before_cursor, page.after_cursor))
}

fn any() -> PolicySetFilter {
    PolicySetFilter::new().any_target()
}

#[test]
fn active_sets_come_first_and_each_group_by_created_at() {
    let world = world();
    let items = |filter| page(&world, &filter, &by_status()).unwrap().0;
    assert_eq!(items(any()), "5216430");
    assert_eq!(items(any().active(true)), "521");
    assert_eq!(items(any().active(false)), "6430");
    assert_eq!(items(PolicySetFilter::new()), "");
    assert_eq!(page(&world, &any(), &PageRequest::new()).unwrap().0, "6543210");
}

#[test]
fn pages_by_status_lead_forward_through_all() {
    let world = world();
    for limit in 1..9 {
        let (mut list, mut seen) = (by_status().limit(limit).total_count(), String::new());
        loop {
            assert_eq!(world.zone().policy_sets(&any(), &list).unwrap().total_count, Some(7));
            let (items, before, after) = page(&world, &any(), &list).unwrap();
            assert_eq!((items.len(), before), (limit.min(7 - seen.len()), None));
            seen.push_str(&items);
            assert_eq!(after.is_some(), seen.len() < 7, "limit {limit}");
            let Some(after) = after else { break };
            list = list.after(after);
        }
        assert_eq!(seen, "5216430", "limit {limit}");
    }
}

#[test]
fn state_is_as_of_reading() {
    let world = world();
    let list = by_status().limit(2);
    let (first, _, after) = page(&world, &any(), &list).unwrap();
    assert_eq!(first, "52");
    // After the cursor's place, 1 is no longer active, and 0 is now; 6 is active before it.
    world
        .write(|zone| {
            zone.unbind(Target::User("u1".to_owned()))?;
            zone.bind("s0v", Target::User("u0".to_owned()))?;
            zone.bind("s6v", Target::User("u6".to_owned()))
        })
        .unwrap();
    let rest = page(&world, &any(), &by_status().after(after.unwrap())).unwrap();
    assert_eq!(rest, ("0431".to_owned(), None, None));
}

#[test]
fn by_status_is_descending_and_forward_only() {
    let world = world();
    let ascending = page(&world, &any(), &by_status().order(Order::Ascending));
    refused(ascending, (Invalid, "invalid_input"), "order `ascending`");
    let after = page(&world, &any(), &by_status().limit(2)).unwrap().2.unwrap();
    refused(page(&world, &any(), &by_status().before(&after)), (Invalid, "invalid_cursor"), "can only be read forward");
    refused(page(&world, &any(), &by_status().after(&after).before(&after)), (Invalid, "invalid_cursor"), "exclude");
}

#[test]
fn a_cursor_is_bound_to_what_its_list_is_sorted_by() {
    let world = world();
    let by_status_cursor = page(&world, &any(), &by_status().limit(4)).unwrap().2.unwrap();
    let by_created_at = page(&world, &any(), &PageRequest::new().limit(4)).unwrap().2.unwrap();
    let refuses = |list: PageRequest| refused(page(&world, &any(), &list), (Invalid, "invalid_cursor"), "cursor");
    for order in [Order::Ascending, Order::Descending] {
        refuses(PageRequest::new().order(order).after(&by_status_cursor));
        refuses(PageRequest::new().order(order).before(&by_status_cursor));
    }
    refuses(by_status().after(by_created_at));
    let other = page(&world, &any().active(false), &by_status().after(by_status_cursor));
    refused(other, (Invalid, "invalid_cursor"), "cursor");
}

#[test]
fn only_policy_sets_are_sorted_by_status() {
    let world = world();
    let (zone, store, list) = (world.zone(), &world.store, by_status());
    let other: [Result<()>; 9] = [
        store.zones(&list).map(drop),
        store.schemas(Include::Neither, &list).map(drop),
        store.history(&HistoryFilter::new(), &list).map(drop),
        zone.policies(&PolicyFilter::new(), &list).map(drop),
        zone.policies(&PolicyFilter::new().id("p"), &list).map(drop),
        zone.schemas(&SchemaFilter::new(), Include::Neither, &list).map(drop),
        zone.policy_versions("p", Include::Neither, &list).map(drop),
        zone.policy_set_versions("s0", &list).map(drop),
        zone.pinned_policy_versions("s0v", Include::Neither, &list).map(drop),
    ];
    for refusal in other {
        refused(refusal, (Invalid, "invalid_input"), "sort `status`");
    }
    refused(zone.history(&HistoryFilter::new(), &list), (Invalid, "invalid_input"), "sort `status`");
}
