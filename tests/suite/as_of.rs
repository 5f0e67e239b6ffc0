//! A zone as of an earlier point: every read answers as it did then, whatever was written since.

use std::fmt::Debug;

use policy_store::{
    At, BindingFilter, BindingMode, Builder, Committed, HistoryFilter, IdempotencyKey, Include, NewPolicy,
    NewPolicySet, NewPolicyVersion, NewSchema, Order, OwnerType, PageRequest, PolicyFilter, PolicySetFilter,
    PolicySetUpdate, PolicyUpdate, Precondition, Result, SchemaFilter, SchemaStatus, Sort, Target, TargetType,
    Timestamp, Zone,
};

use super::support::{Clock, FORBID, PERMIT, V1, World, decide, pinning, platform};

const ZONE: Target = Target::Zone;

fn user() -> Target {
    Target::User("u".to_owned())
}

fn key(step: u8) -> IdempotencyKey {
    IdempotencyKey::from([step; 16])
}

/// A list, page by page, with counts and cursors.
fn pages<T: Debug>(page_request: PageRequest, list: impl Fn(&PageRequest) -> Result<policy_store::Page<T>>) -> String {
    let (mut told, mut cursor) = (String::new(), None);
    for _ in 0..50 {
        let request = page_request.clone().limit(2).total_count();
        let page = list(&match &cursor {
            Some(cursor) => request.after(cursor),
            None => request,
        });
        told += &match &page {
            Ok(page) => format!("{page:?}\n"),
            Err(error) => error.code().to_owned(),
        };
        match page.ok().and_then(|page| page.after_cursor) {
            Some(after) => cursor = Some(after),
            None => return told,
        }
    }
    panic!("a list without an end: {told}");
}

/// The lists of a zone.
fn lists<M: Committed>(zone: &Zone<M>) -> Vec<String> {
    let (new, oldest) = (PageRequest::new(), PageRequest::new().order(Order::Ascending));
    let mut told = Vec::new();
    for filter in [
        PolicyFilter::new(),
        PolicyFilter::new().name("renamed"),
        PolicyFilter::new().owner_type(OwnerType::Platform),
        PolicyFilter::new().description("2"),
    ] {
        told.push(pages(new.clone(), |page| zone.policies(&filter, page)));
        told.push(pages(oldest.clone(), |page| zone.policies(&filter, page)));
    }
    for filter in [
        PolicySetFilter::new(),
        PolicySetFilter::new().any_target().active(true),
        PolicySetFilter::new().target_type(TargetType::User),
        PolicySetFilter::new().name("renamed"),
    ] {
        told.push(pages(oldest.clone(), |page| zone.policy_sets(&filter, page)));
        told.push(pages(new.clone().sort(Sort::Status), |page| zone.policy_sets(&filter, page)));
    }
    for filter in
        [BindingFilter::new(), BindingFilter::new().ended(true), BindingFilter::new().mode(BindingMode::Shadow)]
    {
        told.push(pages(new.clone(), |page| zone.bindings(&filter, page)));
    }
    for filter in [SchemaFilter::new(), SchemaFilter::new().is_default(true), SchemaFilter::new().is_default(false)] {
        told.push(pages(oldest.clone(), |page| zone.schemas(&filter, Include::Both, page)));
    }
    for id in ["p", "q"] {
        told.push(pages(oldest.clone(), |page| zone.policy_versions(id, Include::Both, page)));
    }
    for id in ["s", "t", "u"] {
        told.push(pages(new.clone(), |page| zone.policy_set_versions(id, page)));
    }
    told.push(pages(new.clone(), |page| zone.pinned_policy_versions("s.2", Include::Both, page)));
    told.push(pages(oldest, |page| zone.history(&HistoryFilter::new(), page)));
    told
}

/// Every read of a zone.
fn seen<M: Committed>(zone: &Zone<M>) -> Vec<String> {
    fn told(value: Result<impl Debug>) -> String {
        value.map_or_else(|error| format!("{} {error}", error.code()), |value| format!("{value:?}"))
    }
    let mut all = vec![told(zone.info()), told(zone.default_schema()), told(zone.checkpoint())];
    for id in ["p", "q"] {
        all.push(told(zone.policy(id)));
        for number in 1..4 {
            all.push(told(zone.policy_version(format!("{id}.{number}"), Include::Both)));
            all.push(told(zone.policy_version_numbered(id, number, Include::Neither)));
        }
    }
    for id in ["s", "t", "u"] {
        all.push(told(zone.policy_set(id)));
        for number in 1..4 {
            all.push(told(zone.policy_set_version(format!("{id}.{number}"))));
            all.push(told(zone.policy_set_version_numbered(id, number)));
            all.push(told(zone.authorizer_of_version(format!("{id}.{number}")).map(|it| it.guardrail().cloned())));
        }
    }
    for schema in [V1, "s2", "s3"] {
        all.push(told(zone.schema(schema, Include::Both)));
    }
    for target in [ZONE, user()] {
        all.push(told(zone.in_force(target.clone())));
        all.push(told(zone.observed(target.clone())));
        let active = zone.authorizer(target.clone());
        let shadow = zone.shadow_authorizer(target.clone());
        for authorizer in [active, shadow] {
            let decisions = authorizer.map(|it| {
                let decisions = ["open", "shut"].map(|doc| decide(&it, "ann", "read", doc));
                (decisions, it.binding().cloned(), it.guardrail().cloned())
            });
            all.push(told(decisions));
        }
        #[cfg(feature = "bundle")]
        all.push(told(zone.bundle(target.clone()).map(|bundle| (bundle.digest(), bundle))));
        let last = zone.history(&HistoryFilter::new(), &PageRequest::new().limit(1)).unwrap().items[0].position;
        for position in 0..=last + 2 {
            all.push(told(zone.in_force_at(target.clone(), At::Position(position))));
            all.push(told(zone.observed_at(target.clone(), At::Before(position))));
            all.push(told(zone.guardrail_at(At::Position(position))));
        }
        all.push(told(zone.in_force_at(target, Timestamp::MAX)));
    }
    #[cfg(feature = "bundle")]
    all.push(told(zone.effective_bundle("u").map(|bundle| bundle.digest())));
    all.push(told(zone.guardrail()));
    for step in 0..30 {
        all.push(told(zone.entry_for_key(key(step))));
    }
    all.push(told(zone.check(&Precondition::policy_revision("p", 3))));
    all.push(told(zone.check(&Precondition::bindings_revision(0))));
    all.push(told(zone.policies_iter(&PolicyFilter::new(), &PageRequest::new().limit(1)).collect::<Result<Vec<_>>>()));
    all.push(told(zone.bindings_iter(&BindingFilter::new(), &PageRequest::new()).collect::<Result<Vec<_>>>()));
    all.extend(lists(zone));
    all
}

/// A world in which each write is later than everything before.
fn world_of(builder: impl FnOnce(Builder) -> Builder) -> World {
    let clock = Clock::new();
    World::with(builder(clock.builder()).in_memory().unwrap(), clock)
}

/// The reads after a write, and the point.
struct Then {
    position: u64,
    time: Timestamp,
    seen: Vec<String>,
}

fn note(world: &World, noted: &mut Vec<Then>) {
    let zone = world.zone().snapshot().unwrap();
    let last = zone.history(&HistoryFilter::new(), &PageRequest::new().limit(1)).unwrap().items.remove(0);
    let of_store =
        world.store.history(&HistoryFilter::new(), &PageRequest::new().limit(1)).unwrap().items.remove(0).created_at;
    let (position, time) = (last.position, last.created_at.max(of_store));
    noted.push(Then { position, time, seen: seen(&zone) });
}

/// A change of anything in a zone.
type Step = fn(&World) -> Result<()>;

fn version(world: &World, policy: &str, text: &str) -> Result<()> {
    world.write(|zone| {
        if zone.policy(policy).is_err() {
            zone.create_policy(NewPolicy::named(policy).id(policy).description("text 2"))?;
        }
        let next = zone.policy(policy)?.latest_version.unwrap_or(0) + 1;
        zone.create_policy_version(policy, NewPolicyVersion::cedar(V1, text).id(format!("{policy}.{next}"))).map(drop)
    })
}

fn set_version(world: &World, set: &str, pins: &[&str]) -> Result<()> {
    world.write(|zone| {
        if zone.policy_set(set).is_err() {
            let target_type = if set == "u" { TargetType::User } else { TargetType::Zone };
            zone.create_policy_set(NewPolicySet::named(set).id(set).target_type(target_type))?;
        }
        let next = zone.policy_set(set)?.latest_version.unwrap_or(0) + 1;
        let pinned = pins.iter().map(|id| zone.policy_version(id, Include::Neither)).collect::<Result<Vec<_>>>()?;
        let pinned: Vec<_> = pinned.iter().map(|version| &**version).collect();
        zone.create_policy_set_version(set, pinning(&pinned).id(format!("{set}.{next}"))).map(drop)
    })
}

/// Every kind of change, in the zone and in the store's log.
const STEPS: &[Step] = &[
    |world| version(world, "p", PERMIT),
    |world| version(world, "p", FORBID),
    |world| set_version(world, "s", &["p.1"]),
    |world| set_version(world, "s", &["p.2"]),
    |world| world.write(|zone| zone.activate("s.1").map(drop)),
    |world| world.write_store(|w| w.publish_schema(NewSchema::cedar("s2", "entity A;")).map(drop)),
    |world| world.write(|zone| zone.idempotency_key(key(1)).set_default_schema(Some("s2")).map(drop)),
    |world| world.write(|zone| zone.update_policy("p", PolicyUpdate::new().name("renamed")).map(drop)),
    |world| world.store.write(&platform(), |w| w.zone("acme")?.create_policy(NewPolicy::named("q").id("q")).map(drop)),
    |world| set_version(world, "t", &["p.2"]),
    |world| world.write(|zone| zone.activate("t.1").map(drop)),
    |world| world.write_store(|w| w.set_schema_status("s2", SchemaStatus::Deprecated).map(drop)),
    |world| world.write(|zone| zone.bind_shadow("s.1", ZONE).map(drop)),
    |world| {
        world
            .write_as(&platform(), |zone| zone.update_policy_set("s", PolicySetUpdate::new().name("renamed")).map(drop))
    },
    |world| world.write_as(&platform(), |zone| zone.bind_guardrail("s.2").map(drop)),
    |world| set_version(world, "u", &["p.1"]),
    |world| world.write(|zone| zone.bind("u.1", user()).map(drop)),
    |world| world.write_store(|w| w.set_schema_status("s2", SchemaStatus::Archived).map(drop)),
    |world| {
        world.write(|zone| {
            zone.unbind(ZONE)?;
            zone.activate("s.1")?;
            zone.unbind_shadow(ZONE)?;
            zone.archive_policy_version("p.2").map(drop)
        })
    },
    |world| world.write_as(&platform(), |zone| zone.unbind_guardrail().map(drop)),
    |world| world.write_store(|w| w.publish_schema(NewSchema::cedar("s3", "entity B;")).map(drop)),
    |world| world.write(|zone| zone.bind_shadow("u.1", user()).map(drop)),
    |world| world.write(|zone| zone.update_policy("p", PolicyUpdate::new().name("again").no_description()).map(drop)),
    |world| world.write(|zone| zone.unbind(user()).map(drop)),
    |world| world.write_as(&platform(), |zone| zone.archive_policy_set_version("t.1").map(drop)),
    |world| world.write_as(&platform(), |zone| zone.archive_policy("q").map(drop)),
    |world| world.write(|zone| zone.suspend().map(drop)),
    |world| world.write(|zone| zone.resume().map(drop)),
    |world| world.write_as(&platform(), |zone| zone.archive_policy_set("t").map(drop)),
    |world| world.write(|zone| zone.idempotency_key(key(2)).archive_policy("p").map(drop)),
];

#[track_caller]
fn same(told: &[String], expected: &[String], what: impl Debug) {
    assert_eq!(told.len(), expected.len(), "{what:?}");
    for (told, expected) in told.iter().zip(expected) {
        assert_eq!(told, expected, "{what:?}");
    }
}

/// Runs all steps, and notes what is read after each.
fn everything(world: &World) -> Vec<Then> {
    let mut noted = Vec::new();
    note(world, &mut noted);
    for (n, step) in STEPS.iter().enumerate() {
        step(world).unwrap_or_else(|error| panic!("step {n}: {error}"));
        note(world, &mut noted);
    }
    noted
}

#[test]
fn every_read_as_of_a_point_answers_as_it_did_then() {
    for world in
        [world_of(|builder| builder), world_of(|builder| builder.record_cache_bytes(0).compiled_cache_bytes(0))]
    {
        let noted = everything(&world);
        let (zone, snapshot) = (world.zone(), world.zone().snapshot().unwrap());
        let mut last = None;
        for (n, then) in noted.iter().enumerate() {
            same(&seen(&snapshot.as_of(then.time).unwrap()), &then.seen, then.time);
            // After a write of the store's log alone, only a time tells the moment.
            let of_zone = noted.iter().position(|other| other.position == then.position) == Some(n);
            if of_zone {
                let at = At::Position(then.position);
                same(&seen(&zone.as_of(at).unwrap()), &then.seen, at);
            }
            if of_zone && n % 4 == 0 {
                let at = At::Position(then.position);
                let later = zone.as_of(noted.last().unwrap().time).unwrap();
                same(&seen(&later.as_of(at).unwrap()), &then.seen, "narrowed");
            }
            last = Some(&then.seen);
        }
        for at in [At::Now, At::Time(Timestamp::MAX)] {
            same(&seen(&zone.as_of(at).unwrap()), last.unwrap(), at);
        }
        // What was read of the past is no answer for the present.
        same(&seen(&world.zone()), last.unwrap(), "now");
        same(&seen(&snapshot), last.unwrap(), "the snapshot");
    }
}
