//! Cursors: every valid cursor continues from its place, and a changed one is refused.
#![no_main]

use std::sync::LazyLock;

use policy_store::{
    HistoryFilter, Include, LogId, NewPolicy, NewPolicySet, NewPolicySetVersion, NewPolicyVersion, NewSchema, Order,
    Page, PageRequest, PolicyFilter, PolicySetFilter, PolicyStore, Result, fuzzing,
};
use policy_store_fuzz::{actor, store};

/// A store with lists of several lengths, and the id of its zone's log.
static WORLD: LazyLock<(PolicyStore, LogId)> = LazyLock::new(|| {
    let store = store();
    let write = store.write(&actor(), |w| {
        w.publish_schema(NewSchema::cedar("s", "entity U; action a appliesTo { principal: U, resource: U };"))?;
        w.create_zone("y")?;
        let mut zone = w.create_zone("z")?;
        for n in 0..5 {
            zone.create_policy(NewPolicy::named("p").id(format!("p{n}")))?;
        }
        zone.create_policy_set(NewPolicySet::named("s").id("s"))?;
        let mut pins = NewPolicySetVersion::new("s");
        for n in 0..4 {
            let text = NewPolicyVersion::cedar("s", "permit(principal, action, resource);").id(format!("v{n}"));
            let version = zone.create_policy_version(format!("p{}", n % 3), text)?;
            pins = if n > 0 { pins.pin(&version) } else { pins };
            zone.create_policy_set_version("s", pins.clone().id(format!("s{n}")))?;
        }
        Ok(())
    });
    write.unwrap();
    let log_id = store.zone("z").unwrap().info().unwrap().log_id;
    (store, log_id)
});

/// The lists, with their parents.
const LISTS: [(&str, &str); 10] = [
    ("zones", ""),
    ("schemas", ""),
    ("history", "the store's"),
    ("policies", ""),
    ("policy_sets", ""),
    ("policy_versions", "p0"),
    ("policy_set_versions", "s"),
    ("pinned", "s3"),
    ("history", ""),
    ("timeline", ""),
];

/// A page of any list, each item as text.
#[derive(Debug)]
struct Shown {
    items: Vec<String>,
    after_cursor: Option<String>,
    before_cursor: Option<String>,
}

/// A page of the `which`th list.
fn page(which: usize, list: &PageRequest) -> Result<Shown> {
    let store = &WORLD.0;
    let zone = store.zone("z")?;
    match which {
        0 => store.zones(list).map(text),
        1 => store.schemas(Include::Neither, list).map(text),
        2 => store.history(&HistoryFilter::new(), list).map(text),
        3 => zone.policies(&PolicyFilter::new(), list).map(text),
        4 => zone.policy_sets(&PolicySetFilter::new().any_target(), list).map(text),
        5 => zone.policy_versions("p0", Include::Neither, list).map(text),
        6 => zone.policy_set_versions("s", list).map(text),
        7 => zone.pinned_policy_versions("s3", Include::Neither, list).map(text),
        8 => zone.history(&HistoryFilter::new(), list).map(text),
        _ => store.timeline(&HistoryFilter::new(), list).map(text),
    }
}

fn text<T: std::fmt::Debug>(page: Page<T>) -> Shown {
    let items = page.items.iter().map(|item| format!("{item:?}")).collect();
    Shown { items, after_cursor: page.after_cursor, before_cursor: page.before_cursor }
}

libfuzzer_sys::fuzz_target!(|input: (u8, bool, bool, u8, u64, Vec<(u8, u8)>)| {
    let (which, ascending, before, limit, place, edits) = input;
    let which = usize::from(which) % LISTS.len();
    let order = if ascending { Order::Ascending } else { Order::Descending };
    let (name, parent) = LISTS[which];
    let (log_id, parent) = if which < 3 { (None, "") } else { (Some(WORLD.1), parent) };
    let cursor = match name {
        // The store's clock stands, so its entries are a microsecond apart.
        "timeline" => fuzzing::timeline_cursor(&WORLD.0, order, (1_771_939_200_000_000 + place % 64, place >> 61)),
        _ => fuzzing::cursor(&WORLD.0, log_id, name, parent, order, place),
    };
    let list = PageRequest::new().order(order).limit(usize::from(limit) % 9 + 1);
    let from = |list: PageRequest, cursor: &str| if before { list.before(cursor) } else { list.after(cursor) };

    // Page by page to the end, the items are one side of the list, complete and in order.
    let all = page(which, &PageRequest::new().order(order).limit(100)).unwrap().items;
    let (mut found, mut next) = (Vec::new(), Some(cursor.clone()));
    while let Some(cursor) = next {
        let page = page(which, &from(list.clone(), &cursor)).unwrap();
        next = if before { page.before_cursor } else { page.after_cursor };
        if before {
            found.splice(..0, page.items);
        } else {
            found.extend(page.items);
        }
        assert!(found.len() <= all.len());
    }
    assert!(if before { all.starts_with(&found) } else { all.ends_with(&found) });

    // A changed cursor is refused.
    let mut changed = cursor.clone().into_bytes();
    for (at, byte) in edits {
        match usize::from(at) {
            at if at < changed.len() => changed[at] = byte,
            _ => changed.push(byte),
        }
    }
    if let Ok(changed) = String::from_utf8(changed)
        && changed != cursor
    {
        let refused = page(which, &from(list, &changed)).unwrap_err();
        assert!(["invalid_cursor", "too_large"].contains(&refused.code()), "{refused}");
    }
});
