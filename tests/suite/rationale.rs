//! Why a write was made: shown by history, by what is in force and by receipts; covered by the entries' hashes and by
//! idempotency keys.

use policy_store::ErrorKind::{Conflict, Invalid};
use policy_store::{
    At, BindingFilter, HistoryFilter, IdempotencyKey, NewPolicy, PageRequest, Rationale, Receipt, Result, Target,
    WriteTransaction,
};

use super::support::{PERMIT, World, asked, customer, refused};

fn why(reason: &str) -> Rationale {
    Rationale::new().with_reason(reason).unwrap().with_reference("https://example.com/t/17").unwrap()
}

/// Writes with the rationale `why(reason)`.
fn because<T>(world: &World, reason: &str, f: impl FnOnce(&mut WriteTransaction<'_, '_>) -> Result<T>) -> Result<T> {
    world.write_store(|w| f(w.rationale(why(reason))?))
}

#[test]
fn it_stands_on_every_entry_of_its_write_in_every_log_and_on_no_other() {
    let world = World::new();
    let before = world.history().len();
    because(&world, "first\nsecond line", |w| {
        w.create_zone("new")?;
        let mut zone = w.zone("acme")?;
        zone.create_policy(NewPolicy::named("a").id("a"))?;
        // Within the write, too.
        let entries = zone.history(&HistoryFilter::new(), &PageRequest::new())?.items;
        assert_eq!(entries[0].rationale, Some(why("first\nsecond line")));
        zone.create_policy(NewPolicy::named("b").id("b")).map(drop)
    })
    .unwrap();
    world.write(|zone| zone.create_policy(NewPolicy::named("c").id("c"))).unwrap();
    let told = |entries: Vec<policy_store::HistoryEntry>| entries.into_iter().map(|entry| entry.rationale);
    let (some, none) = (Some(why("first\nsecond line")), None);
    assert_eq!(told(world.history()).skip(before).collect::<Vec<_>>(), [some.clone(), some.clone(), none]);
    let newest = |page: policy_store::Page<policy_store::HistoryEntry>| told(page.items).next().unwrap();
    assert_eq!(newest(world.store.history(&HistoryFilter::new(), &PageRequest::new()).unwrap()), some);
    assert_eq!(
        newest(world.store.zone("new").unwrap().history(&HistoryFilter::new(), &PageRequest::new()).unwrap()),
        some
    );
    assert!(world.store.verify().unwrap().is_clean());
}

#[test]
fn bindings_their_ends_and_receipts_tell_it() {
    let world = World::new();
    let version = world.version("a", PERMIT);
    let set = world.set_version("s", &[&version]);
    let bound = because(&world, "ready", |w| w.zone("acme")?.activate(&set.id)).unwrap().binding;
    assert_eq!(bound.rationale, Some(why("ready")));
    let zone = world.zone();
    assert_eq!(zone.in_force(Target::Zone).unwrap(), bound);

    let authorizer = zone.authorizer(Target::Zone).unwrap();
    let (request, entities) = asked(&authorizer, "ann", "read", "open");
    let receipt = authorizer.is_authorized(&request, &entities).unwrap().receipt(&entities).unwrap();
    assert_eq!(receipt.binding.as_ref().unwrap().rationale, Some(why("ready")));
    let mut json = serde_json::to_value(&receipt).unwrap();
    assert_eq!(json["binding"]["rationale"]["reason"], "ready");
    let read: Receipt = serde_json::from_value(json.clone()).unwrap();
    world.store.replay(&read, &request, &entities).unwrap();
    // Another reason is another receipt.
    json["binding"]["rationale"]["reason"] = "not ready".into();
    let doctored: Receipt = serde_json::from_value(json).unwrap();
    refused(world.store.replay(&doctored, &request, &entities), (Conflict, "receipt_mismatch"), "binding");

    because(&world, "withdrawn", |w| w.zone("acme")?.unbind(Target::Zone)).unwrap();
    let record = zone.bindings(&BindingFilter::new(), &PageRequest::new()).unwrap().items.remove(0);
    assert_eq!(
        (record.binding.rationale, record.ended.clone().unwrap().rationale),
        (Some(why("ready")), Some(why("withdrawn")))
    );
    assert_eq!(zone.in_force_at(Target::Zone, At::Position(bound.position)).unwrap(), bound);
    let world = World::resumed(world.store, world.clock);
    assert_eq!(world.zone().in_force_at(Target::Zone, At::Before(record.ended.unwrap().position)).unwrap(), bound);
}

#[test]
fn it_is_stated_before_the_first_change() {
    let world = World::new();
    let late = world.write_store(|w| {
        w.zone("acme")?.create_policy(NewPolicy::named("a"))?;
        refused(w.rationale(why("late")).map(drop), (Invalid, "invalid_input"), "late");
        Ok(())
    });
    late.unwrap();
    // Later statements replace earlier ones; an empty one is none.
    let entry = |write: &dyn Fn(&mut WriteTransaction<'_, '_>) -> Result<()>| {
        world
            .write_store(|w| {
                write(w)?;
                w.zone("acme")?.create_policy(NewPolicy::named("b")).map(drop)
            })
            .unwrap();
        world.history().pop().unwrap()
    };
    assert_eq!(entry(&|w| w.rationale(why("one"))?.rationale(why("two")).map(drop)).rationale, Some(why("two")));
    let none = entry(&|w| w.rationale(why("one"))?.rationale(Rationale::new()).map(drop));
    assert_eq!(none.rationale, None);
    assert!(!serde_json::to_string(&none).unwrap().contains("rationale"));
}

#[test]
fn an_idempotency_key_covers_it() {
    let world = World::new();
    let key: IdempotencyKey = "182bd5e5-6e1a-4fe4-a799-aa6d9a6ab26e".parse().unwrap();
    let create = |rationale: Option<Rationale>| {
        world.store.write(&customer("alice"), |w| {
            w.rationale(rationale.unwrap_or_default())?;
            w.zone("acme")?.idempotency_key(key).create_policy(NewPolicy::named("a"))
        })
    };
    let first = create(Some(why("one"))).unwrap();
    let before = world.extent();
    assert_eq!(create(Some(why("one"))).unwrap(), first);
    let conflict = (Conflict, "request_conflict");
    refused(create(Some(why("two"))), conflict, &key.to_string());
    refused(create(None), conflict, &key.to_string());
    let only_reason = Rationale::new().with_reason("one").unwrap();
    refused(create(Some(only_reason)), conflict, &key.to_string());
    assert_eq!(world.extent(), before);
    // Likewise for a call in the store's log.
    let zone = |reason: &str| {
        because(&world, reason, |w| w.idempotency_key(key).create_zone("new").map(|zone| zone.id().clone()))
    };
    assert_eq!(zone("one").unwrap(), zone("one").unwrap());
    refused(zone("two"), conflict, &key.to_string());
}
