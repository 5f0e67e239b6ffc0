//! The timeline: the entries of all logs of a store, in the order of their times.

use policy_store::ErrorKind::Invalid;
use policy_store::{
    ChangeKind, HistoryEntry, HistoryFilter, NewPolicy, Order, PageRequest, PolicyStore, Restore, Result,
    TimelineEntry, Timestamp,
};
use proptest::collection::vec;
use proptest::prelude::*;

use super::support::{Clock, HOUR, START, World, customer, platform, refused};

fn all() -> HistoryFilter {
    HistoryFilter::new()
}

/// An entry as log and position.
fn place(item: &TimelineEntry) -> (String, u64) {
    (item.zone_id.as_ref().map(ToString::to_string).unwrap_or_default(), item.entry.position)
}

fn read(store: &PolicyStore, filter: &HistoryFilter, list: &PageRequest) -> Vec<TimelineEntry> {
    store.timeline_iter(filter, list).collect::<Result<_>>().unwrap()
}

/// All logs in the order of their creation, each with its entries, oldest first.
fn logs(store: &PolicyStore, zones: &[&str]) -> Vec<(String, Vec<HistoryEntry>)> {
    let list = PageRequest::new().order(Order::Ascending);
    let own = store.history_iter(&all(), &list).collect::<Result<Vec<_>>>().unwrap();
    let of_zone = |id: &&str| {
        let entries = store.zone(id).unwrap().history_iter(&all(), &list).collect::<Result<Vec<_>>>();
        ((*id).to_owned(), entries.unwrap())
    };
    [(String::new(), own)].into_iter().chain(zones.iter().map(of_zone)).collect()
}

#[test]
fn the_logs_are_merged_by_time_and_then_in_their_order() {
    let world = World::new();
    world.clock.stop();
    let create = |zone: &'static str| {
        world.write_store(|w| w.zone(zone)?.create_policy(NewPolicy::named("p"))).unwrap();
    };
    // Entries of one time: those of one log are a microsecond apart.
    ["other", "acme", "acme", "other"].into_iter().for_each(create);
    world.clock.set(START + HOUR);
    create("other");
    let items = read(&world.store, &all(), &PageRequest::new().order(Order::Ascending));
    let expected = [
        ("", 0),
        ("", 1),
        ("acme", 0),
        ("", 2),
        ("other", 0),
        ("acme", 1),
        ("other", 1),
        ("acme", 2),
        ("other", 2),
        ("other", 3),
    ];
    let times: Vec<_> = items.iter().map(|item| item.entry.created_at).collect();
    assert!(times.is_sorted());
    assert_eq!(times[5], times[6], "one time in two logs");
    assert_eq!(items.iter().map(place).collect::<Vec<_>>(), expected.map(|(zone, at)| (zone.to_owned(), at)));
    // Each is the entry of its log.
    for (log, entries) in logs(&world.store, &["acme", "other"]) {
        let of_log: Vec<_> = items.iter().filter(|item| place(item).0 == log).map(|item| item.entry.clone()).collect();
        assert_eq!(of_log, entries);
    }
    let printed = serde_json::to_value(&items[5]).unwrap();
    assert_eq!((&printed["zone_id"], &printed["change"]["kind"]), (&"acme".into(), &"policy_created".into()));
    assert!(serde_json::to_value(&items[0]).unwrap()["zone_id"].is_null());
    // A snapshot has its own end.
    let held = world.store.snapshot().unwrap();
    create("acme");
    assert_eq!(held.timeline(&all(), &PageRequest::new().order(Order::Ascending)).unwrap().items, items);
    assert_eq!(held.timeline_iter(&all(), &PageRequest::new()).count(), items.len());
    assert_eq!(read(&world.store, &all(), &PageRequest::new()).len(), items.len() + 1);
}

#[test]
fn zones_of_the_filter_are_their_logs_and_the_stores_entries_about_them() {
    let world = World::new();
    for zone in ["acme", "other"] {
        world.write_store(|w| w.zone(zone)?.create_policy(NewPolicy::named("p").id("p"))).unwrap();
    }
    let of = |filter: HistoryFilter| {
        let page = world.store.timeline(&filter, &PageRequest::new().total_count()).unwrap();
        assert_eq!(page.total_count, Some(page.items.len() as u64));
        page.items.iter().map(place).map(|(zone, position)| format!("{zone}{position}")).collect::<Vec<_>>()
    };
    assert_eq!(of(all().zone("acme")), ["acme1", "acme0", "1"]);
    assert_eq!(of(all().zone("other").zone("nope").zone("no id")), ["other1", "other0", "2"]);
    assert_eq!(of(all().zone("nope")), [""; 0]);
    assert_eq!(of(all().policy("p")), ["other1", "acme1"]);
    assert_eq!(of(all().kind(ChangeKind::ZoneCreated)), ["other0", "2", "acme0", "1"]);
    let since = world.history()[1].created_at;
    assert_eq!(of(all().since(since)), ["other1", "acme1"]);
    assert_eq!(of(all().until(since).kind(ChangeKind::SchemaPublished)), ["0"]);
}

#[test]
fn a_cursor_of_an_erased_zone_goes_on_from_its_place() {
    let world = World::new();
    for zone in ["other", "acme", "other", "acme"] {
        world.write_store(|w| w.zone(zone)?.create_policy(NewPolicy::named("p"))).unwrap();
    }
    let list = PageRequest::new().order(Order::Ascending).limit(1);
    let mut page = world.store.timeline(&all(), &list).unwrap();
    while place(&page.items[0]) != ("other".to_owned(), 1) {
        page = world.store.timeline(&all(), &list.clone().after(page.after_cursor.unwrap())).unwrap();
    }
    world.store.erase_zone(&platform(), "other").unwrap();
    let (after, before) = (page.after_cursor.unwrap(), page.before_cursor.unwrap());
    let next = world.store.timeline(&all(), &list.clone().after(&after)).unwrap();
    assert_eq!(place(&next.items[0]), ("acme".to_owned(), 1));
    let back = world.store.timeline(&all(), &list.before(&before)).unwrap();
    assert_eq!(place(&back.items[0]), (String::new(), 2), "the creation of the erased zone is in the store's log");
    let rest = read(&world.store, &all(), &PageRequest::new().order(Order::Ascending).after(after));
    let expected = [("acme", 1), ("acme", 2), ("", 3)].map(|(zone, at)| (zone.to_owned(), at));
    assert_eq!(rest.iter().map(place).collect::<Vec<_>>(), expected);
}

#[test]
fn cursors_are_those_of_the_timeline_under_its_filter() {
    let world = World::new();
    let list = PageRequest::new().limit(2);
    let cursor = world.store.timeline(&all(), &list).unwrap().after_cursor.unwrap();
    assert!(cursor.len() <= 255);
    let history = world.store.history(&all(), &list).unwrap().after_cursor.unwrap();
    let bad = (Invalid, "invalid_cursor");
    refused(world.store.timeline(&all(), &list.clone().after(&history)), bad, &history[..20]);
    refused(world.store.history(&all(), &list.clone().after(&cursor)), bad, &cursor[..20]);
    refused(world.store.timeline(&all().zone("acme"), &list.clone().after(&cursor)), bad, &cursor[..20]);
    refused(world.store.timeline(&all(), &list.clone().after(&cursor).order(Order::Ascending)), bad, &cursor[..20]);
    let another = Clock::new().builder().id_seed(8).in_memory().unwrap();
    refused(another.timeline(&all(), &list.clone().after(&cursor)), bad, &cursor[..20]);
    for at in 0..cursor.len() {
        let changed = if &cursor[at..=at] == "0" { "1" } else { "0" };
        let forged = [&cursor[..at], changed, &cursor[at + 1..]].concat();
        refused(world.store.timeline(&all(), &list.clone().after(&forged)), bad, &forged[..20]);
        refused(world.store.timeline(&all(), &list.clone().after(&cursor[..at])), bad, "cursor");
    }
    assert_eq!(world.store.timeline(&all(), &list.after(cursor)).unwrap().items.len(), 2);
}

/// A fork is another store, whose logs have other ids.
#[test]
fn a_fork_refuses_the_cursors_of_its_original() {
    let world = World::in_file();
    let cursor = world.store.timeline(&all(), &PageRequest::new().limit(2)).unwrap().after_cursor.unwrap();
    let path = world.path().with_file_name("fork.redb");
    world.store.backup(&path).unwrap();
    let fork = world.clock.builder().id_seed(99).restore(Restore::Fork(platform())).open(&path).unwrap();
    refused(fork.timeline(&all(), &PageRequest::new().after(&cursor)), (Invalid, "invalid_cursor"), &cursor[..20]);
    let forks = HistoryFilter::new().kind(ChangeKind::LogForked);
    assert_eq!(fork.timeline(&forks, &PageRequest::new()).unwrap().items.len(), 3, "one in each log");
}

/// The entries of a store with these writes: a zone for each, and the ticks of the clock before it.
fn written(writes: &[(usize, i64)]) -> PolicyStore {
    const ZONES: [&str; 3] = ["z0", "z1", "z2"];
    let clock = Clock::new();
    clock.stop();
    let store = clock.builder().in_memory().unwrap();
    let mut now = START;
    let actors = [customer("ann"), customer("bea"), platform()];
    store.write(&actors[0], |w| ZONES.iter().try_for_each(|id| w.create_zone(*id).map(drop))).unwrap();
    for (n, (zone, tick)) in writes.iter().enumerate() {
        now = (now + tick).max(START);
        clock.set(now);
        let create =
            |w: &mut policy_store::WriteTransaction<'_, '_>| w.zone(ZONES[*zone])?.create_policy(NewPolicy::named("p"));
        store.write(&actors[n % 3], create).unwrap();
    }
    store
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Pages of any size, in both orders and directions and under filters, are parts of all entries sorted by time and log.
    #[test]
    fn pages_are_parts_of_the_sorted_entries(
        writes in vec((0..3_usize, -2..3_i64), 0..24),
        limit in 1..8_usize,
        ascending: bool,
        (since, until) in (-1..30_i64, -1..30_i64),
        by_time: bool,
        by_author: bool,
    ) {
        let store = written(&writes);
        let (since, until) = (START + since.min(until), START + since.max(until));
        let mut filter = all();
        if by_time {
            filter = filter.since(Timestamp::from_micros(since)).until(Timestamp::from_micros(until));
        }
        if by_author {
            filter = filter.by(customer("bea"));
        }
        let mut expected = Vec::new();
        for (number, (log, entries)) in logs(&store, &["z0", "z1", "z2"]).into_iter().enumerate() {
            for entry in entries {
                let time = entry.created_at.as_micros();
                let in_time = !by_time || (since..until).contains(&time);
                if in_time && (!by_author || entry.created_by == customer("bea")) {
                    expected.push((time, number, log.clone(), entry.position));
                }
            }
        }
        expected.sort();
        let order = if ascending { Order::Ascending } else { Order::Descending };
        if !ascending {
            expected.reverse();
        }
        let expected: Vec<_> = expected.into_iter().map(|(_, _, log, position)| (log, position)).collect();
        let list = PageRequest::new().order(order).limit(limit).total_count();
        let mut pages = vec![store.timeline(&filter, &list).unwrap()];
        while let Some(cursor) = &pages.last().unwrap().after_cursor {
            pages.push(store.timeline(&filter, &list.clone().after(cursor)).unwrap());
        }
        for (n, page) in pages.iter().enumerate() {
            prop_assert_eq!(page.total_count, Some(expected.len() as u64));
            let start = (n * limit).min(expected.len());
            let end = (start + limit).min(expected.len());
            prop_assert_eq!(page.items.iter().map(place).collect::<Vec<_>>(), &expected[start..end]);
            prop_assert_eq!(page.before_cursor.is_some(), n > 0);
            if let Some(cursor) = &page.before_cursor {
                let back = store.timeline(&filter, &list.clone().before(cursor)).unwrap();
                prop_assert_eq!(&back.items, &pages[n - 1].items);
                prop_assert!(back.after_cursor.is_some());
            }
        }
    }
}
