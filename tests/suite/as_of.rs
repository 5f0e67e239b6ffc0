//! A zone as of an earlier point: every read answers as it did then, whatever was written since.

use std::fmt::Debug;

use cedar_policy::Decision;
use policy_store::ErrorKind::{Invalid, NotBound, NotFound, Unavailable};
use policy_store::{
    Actor, At, BindingFilter, BindingMode, Builder, Committed, IdempotencyKey, Include, NewPolicy, NewPolicySet,
    NewPolicyVersion, NewSchema, Order, OwnerType, PageRequest, PolicyFilter, PolicySetFilter, PolicySetUpdate,
    PolicyUpdate, Precondition, Restore, Result, SchemaFilter, SchemaStatus, Sort, Target, TargetType, Timestamp, Zone,
    ZoneAsOf,
};

use super::support::{Clock, FORBID, PERMIT, SCHEMA, SECOND, START, V1, World, decide, pinning, platform, refused};

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
    told.push(pages(oldest, |page| zone.history(page)));
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
        let last = zone.history(&PageRequest::new().limit(1)).unwrap().items[0].position;
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
    let last = zone.history(&PageRequest::new().limit(1)).unwrap().items.remove(0);
    let of_store = world.store.history(&PageRequest::new().limit(1)).unwrap().items.remove(0).created_at;
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

/// A time has the schema versions of that time, also between the writes of the zone.
#[test]
fn a_time_between_the_writes_of_the_zone_has_the_schemas_of_that_time() {
    let world = World::new();
    world.write(|zone| zone.set_default_schema(Some(V1))).unwrap();
    let position = world.history().last().unwrap().position;
    let status = |status| world.write_store(|w| w.set_schema_status(V1, status)).unwrap().updated_at;
    let times = [SchemaStatus::Deprecated, SchemaStatus::Active, SchemaStatus::Deprecated, SchemaStatus::Archived];
    let times = times.map(|it| (it, status(it)));
    let read = |at: At| world.zone().as_of(at).unwrap();
    let before = Timestamp::from_micros(times[0].1.as_micros() - 1);
    for (at, expected) in [
        (At::Position(position), SchemaStatus::Active),
        (At::Time(before), SchemaStatus::Active),
        (At::Time(times[0].1), times[0].0),
        (At::Time(times[1].1), times[1].0),
        (At::Time(times[2].1), times[2].0),
        (At::Time(times[3].1), times[3].0),
    ] {
        let schema = read(at).schema(V1, Include::Neither).unwrap();
        assert_eq!((schema.schema.status, schema.is_default), (expected, expected != SchemaStatus::Archived), "{at:?}");
        let archived = (expected == SchemaStatus::Archived).then_some(times[3].1);
        assert_eq!(schema.schema.archived_at, archived, "{at:?}");
        let changed = schema.schema.updated_at;
        let deprecated = match expected {
            SchemaStatus::Deprecated => Some(changed),
            SchemaStatus::Archived => Some(times[2].1),
            _ => None,
        };
        assert_eq!(schema.schema.deprecated_at, deprecated, "{at:?}");
        let default = read(at).info().unwrap().default_schema;
        assert_eq!(default.is_some(), expected != SchemaStatus::Archived, "{at:?}");
        assert_eq!(read(at).default_schema().unwrap(), default);
    }
}

#[test]
fn a_point_between_the_entries_of_a_write_is_after_or_before_all_of_it() {
    let world = World::new();
    let before = world.history().len() as u64;
    world.clock.stop();
    world.clock.set(START + 50 * SECOND);
    let write = world.write(|zone| {
        zone.create_policy(NewPolicy::named("one").id("p"))?;
        zone.update_policy("p", PolicyUpdate::new().name("two"))?;
        zone.update_policy("p", PolicyUpdate::new().name("three"))
    });
    assert_eq!(write.unwrap().revision, before + 2);
    world.clock.set(START + 60 * SECOND);
    world.write(|zone| zone.archive_policy("p")).unwrap();
    let name = |at: At| world.zone().as_of(at).unwrap().policy("p").map(|policy| (policy.name, policy.archived_at));
    let at = |micros| At::Time(Timestamp::from_micros(START + 50 * SECOND + micros));
    for place in 0..3 {
        assert_eq!(name(At::Position(before + place)).unwrap(), ("three".to_owned(), None));
        assert_eq!(name(at(place as i64)).unwrap(), ("three".to_owned(), None));
        refused(name(At::Before(before + place)), (NotFound, "not_found"), "policy `p`");
    }
    refused(name(at(-1)), (NotFound, "not_found"), "policy `p`");
    assert_eq!(name(At::Before(before + 3)).unwrap().1, None);
    assert!(name(At::Position(before + 3)).unwrap().1.is_some());
}

#[test]
fn points_beyond_the_log_and_before_the_zone_are_refused() {
    let world = World::new();
    world.version("p", PERMIT);
    let length = world.history().len() as u64;
    let (zone, created) = (world.zone(), world.zone().info().unwrap().created_at);
    for position in [length, length + 1, u64::MAX] {
        for at in [At::Position(position), At::Before(position)] {
            refused(zone.as_of(at), (Invalid, "invalid_input"), &format!("position `{position}`"));
        }
    }
    for at in [At::Before(0), At::Time(Timestamp::EPOCH), At::Time(Timestamp::from_micros(created.as_micros() - 1))] {
        let error = refused(zone.as_of(at), (NotFound, "before_zone"), "zone `acme`");
        assert!(error.to_string().contains(&created.to_string()), "{error}");
        refused(zone.snapshot().unwrap().as_of(at), (NotFound, "before_zone"), "acme");
    }
    assert_eq!(zone.as_of(created).unwrap().info().unwrap().created_at, created);
    // A zone of the past has no later points.
    let then = zone.as_of(At::Position(0)).unwrap();
    refused(then.as_of(At::Position(1)), (Invalid, "invalid_input"), "position `1`");
    refused(then.in_force_at(ZONE, At::Position(1)), (Invalid, "invalid_input"), "position `1`");
    refused(then.policy("p"), (NotFound, "not_found"), "p");
    assert_eq!(then.as_of(Timestamp::MAX).unwrap().history(&PageRequest::new()).unwrap().items.len(), 1);
    assert_eq!(then.as_of(At::Now).unwrap().history(&PageRequest::new()).unwrap().items.len(), 1);
}

/// After more changes than a search goes back, the log is read from its start.
#[test]
fn a_point_long_ago_is_found_again() {
    let world = World::new();
    world.version("p", PERMIT);
    world.version("q", FORBID);
    world.write(|zone| zone.update_policy("p", PolicyUpdate::new().name("first"))).unwrap();
    let rename = |id: &str, count: usize| {
        world.write(|zone| {
            (0..count).try_for_each(|n| zone.update_policy(id, PolicyUpdate::new().name(format!("n{n}"))).map(drop))
        })
    };
    rename("q", 400).unwrap();
    let mut noted = Vec::new();
    note_short(&world, &mut noted);
    rename("p", 2_500).unwrap();
    note_short(&world, &mut noted);
    world.live("s", &[]);
    world.write(|zone| zone.suspend()).unwrap();
    let zone = world.zone();
    for (position, expected) in &noted {
        let then = zone.as_of(At::Position(*position)).unwrap();
        assert_eq!(short(&then), *expected);
        // On several threads at once.
        let again = zone.as_of(At::Position(*position)).unwrap();
        std::thread::scope(|scope| {
            for thread in [0; 3].map(|_| scope.spawn(|| short(&again.clone()))) {
                assert_eq!(thread.join().unwrap(), *expected);
            }
        });
    }
}

fn short<M: Committed>(zone: &Zone<M>) -> String {
    let list = PageRequest::new().total_count();
    format!(
        "{:?} {:?} {:?} {:?}",
        zone.info().unwrap(),
        zone.policies(&PolicyFilter::new().name("n"), &list).unwrap(),
        zone.policy_sets(&PolicySetFilter::new(), &list).unwrap(),
        zone.checkpoint().unwrap()
    )
}

fn note_short(world: &World, noted: &mut Vec<(u64, String)>) {
    noted.push((world.zone().checkpoint().unwrap().size - 1, short(&world.zone())));
}

#[test]
fn a_checkpoint_of_then_is_the_one_that_was_kept() {
    let world = World::new();
    let mut kept = vec![world.zone().checkpoint().unwrap()];
    for n in 0..270 {
        world.write(|zone| zone.create_policy(NewPolicy::named(n.to_string()))).unwrap();
        kept.push(world.zone().checkpoint().unwrap());
    }
    for checkpoint in &kept {
        let then = world.zone().as_of(At::Position(checkpoint.size - 1)).unwrap();
        assert_eq!(then.checkpoint().unwrap(), *checkpoint);
    }
    assert!(world.store.verify_since(&kept[200..=200]).unwrap().is_clean());
}

#[test]
fn a_zone_of_the_past_is_held_until_a_recovery_closes_it() {
    fn can_be_sent<T: Clone + Send + Sync + 'static>(value: T) -> T {
        value
    }
    let world = World::in_file();
    let version = world.version("p", PERMIT);
    let then = can_be_sent(world.zone().as_of(At::Position(version_position(&world))).unwrap());
    world.version("p", FORBID);
    let items = then.policies_iter(&PolicyFilter::new(), &PageRequest::new());
    world.store.erase_zone(&platform(), "acme").unwrap();
    assert_eq!(std::thread::spawn(move || items.count()).join().unwrap(), 1);
    assert_eq!(then.policy_versions("p", Include::Both, &PageRequest::new()).unwrap().items, [version.into()]);
    world.store.recover().unwrap();
    refused(then.policy("p"), (Unavailable, "snapshot_closed"), "");
    refused(then.as_of(At::Position(0)), (Unavailable, "snapshot_closed"), "");
}

fn version_position(world: &World) -> u64 {
    world.history().last().unwrap().position
}

/// The cache of versions holds a version before and after its archiving. Neither is an answer for the other.
#[test]
fn an_archived_version_and_the_one_of_before_are_not_mixed_up_by_the_cache() {
    let world = World::new();
    let version = world.version("p", PERMIT);
    let position = version_position(&world);
    world.write(|zone| zone.archive_policy_version(&version.id)).unwrap();
    for _ in 0..2 {
        let (now, then) = (world.zone(), world.zone().as_of(At::Position(position)).unwrap());
        let archived = |read: std::sync::Arc<policy_store::PolicyVersion>| read.archived_at.is_some();
        assert!(!archived(then.policy_version(&version.id, Include::Both).unwrap()));
        assert!(archived(now.policy_version(&version.id, Include::Both).unwrap()));
        assert!(!archived(then.policy_version_numbered("p", 1, Include::Both).unwrap()));
        assert!(archived(now.policy_version_numbered("p", 1, Include::Both).unwrap()));
        let list = PageRequest::new();
        assert!(!archived(then.policy_versions("p", Include::Both, &list).unwrap().items.remove(0)));
        assert!(archived(now.policy_versions("p", Include::Both, &list).unwrap().items.remove(0)));
    }
}

#[test]
fn authorizers_of_the_past_decide_by_the_rules_and_the_guardrail_of_then() {
    let world = World::new();
    let (allow, deny) = (world.version("p", PERMIT), world.version("g", FORBID));
    let live = world.live("s", &[&allow]);
    let guard = world.set_version("g", &[&deny]);
    let free = version_position(&world);
    world.write_as(&platform(), |zone| zone.bind_guardrail(&guard.id)).unwrap();
    let guarded = version_position(&world);
    world.write_as(&platform(), |zone| zone.unbind_guardrail()).unwrap();
    world.write(|zone| zone.unbind(ZONE)).unwrap();
    let then = |position| world.zone().as_of(At::Position(position)).unwrap();
    for (position, decision) in [(free, Decision::Allow), (guarded, Decision::Deny)] {
        let zone = then(position);
        for authorizer in [zone.authorizer(ZONE), zone.authorizer_of_version(&live.id), zone.authorizer(ZONE)] {
            assert_eq!(decide(&authorizer.unwrap(), "ann", "read", "shut"), decision);
        }
    }
    assert_eq!(
        decide(&then(guarded).authorizer_at(ZONE, At::Position(free)).unwrap(), "ann", "read", "shut"),
        Decision::Allow
    );
    refused(then(free).authorizer_at(ZONE, At::Position(guarded)), (Invalid, "invalid_input"), "position");
    refused(world.zone().authorizer(ZONE), (NotBound, "not_bound"), "acme");
    // Its receipt replays in the present.
    let authorizer = then(guarded).authorizer(ZONE).unwrap();
    let (request, entities) = super::support::asked(&authorizer, "ann", "read", "shut");
    let receipt = authorizer.is_authorized(&request, &entities).unwrap().receipt();
    assert_eq!(decide(&world.store.authorizer_of_receipt(&receipt).unwrap(), "ann", "read", "shut"), Decision::Deny);
}

#[cfg(feature = "attestation")]
#[test]
fn attestations_are_those_of_then() {
    use super::attesting::signer;
    let world = World::new();
    let version = world.set_version("s", &[]);
    let positions: Vec<u64> = (0..3)
        .map(|n| {
            let signed = world.zone().prepare_attestation(&platform(), &version.id, &signer(&format!("k{n}"))).unwrap();
            let position = version_position(&world);
            world.write_as(&platform(), |zone| zone.attest(signed)).unwrap();
            position
        })
        .collect();
    let all = world.zone().policy_set_version(&version.id).unwrap().attestations;
    for (n, position) in positions.into_iter().enumerate() {
        let then = world.zone().as_of(At::Position(position)).unwrap();
        assert_eq!(then.policy_set_version(&version.id).unwrap().attestations, all[..n]);
        assert_eq!(then.policy_set_versions("s", &PageRequest::new()).unwrap().items[0].attestations, all[..n]);
    }
}

/// Schema versions of a copied zone: points before the copy have them as the copy left them.
#[test]
fn a_copied_zone_reads_as_in_its_original_but_for_the_schemas() {
    let world = World::new();
    world.write_store(|w| w.publish_schema(NewSchema::cedar("s2", "entity A;")).map(drop)).unwrap();
    world.version("p", PERMIT);
    world.write(|zone| zone.set_default_schema(Some("s2"))).unwrap();
    let position = version_position(&world);
    world.write(|zone| zone.archive_policy("p")).unwrap();
    let clock = Clock::new();
    clock.set(START + 1_000 * SECOND);
    let there = World::resumed(clock.builder().id_seed(8).in_memory().unwrap(), clock);
    there.write_store(|w| w.publish_schema(NewSchema::cedar("there", "entity A;")).map(drop)).unwrap();
    world.store.copy_zones(&platform(), &["acme"], &there.store).unwrap();
    let copied = version_position(&there);
    there.write_store(|w| w.publish_schema(NewSchema::cedar("s9", "entity B;")).map(drop)).unwrap();
    there.write(|zone| zone.suspend()).unwrap();
    for at in [At::Position(position), At::Time(world.history()[position as usize].created_at)] {
        let [here, there] = [&world, &there].map(|world| world.zone().as_of(at).unwrap());
        assert_eq!(here.info().unwrap(), there.info().unwrap());
        assert_eq!(here.policy("p").unwrap(), there.policy("p").unwrap());
        assert_eq!(here.checkpoint().unwrap(), there.checkpoint().unwrap());
        assert_eq!(names(&there), ["there", V1, "s2"]);
        assert!(there.schema("s2", Include::Both).unwrap().is_default);
    }
    assert_eq!(names(&there.zone().as_of(At::Position(copied)).unwrap()), ["there", V1, "s2"]);
    assert_eq!(names(&there.zone().as_of(At::Position(copied + 1)).unwrap()), ["there", V1, "s2", "s9"]);
}

fn names(zone: &ZoneAsOf) -> Vec<String> {
    let oldest = PageRequest::new().order(Order::Ascending);
    let page = zone.schemas(&SchemaFilter::new(), Include::Neither, &oldest.total_count()).unwrap();
    assert_eq!(page.total_count, Some(page.items.len() as u64));
    page.items.into_iter().map(|item| item.schema.version.to_string()).collect()
}

/// Imported entries are older than the schema versions that were there when they were imported.
#[test]
fn imported_history_has_the_schemas_of_the_time_of_its_import() {
    let clock = Clock::new();
    let world = World::resumed(clock.builder().in_memory().unwrap(), clock);
    world.write_store(|w| w.publish_schema(NewSchema::cedar(V1, SCHEMA)).map(drop)).unwrap();
    let import = |micros, schema: Option<&str>| {
        let by = Actor::customer("ann").unwrap();
        let at = Timestamp::from_micros(micros);
        world.store.import(&platform(), &by, at, |w| match w.zone("acme") {
            Ok(mut zone) => zone.set_default_schema(schema).map(drop),
            Err(_) => w.create_zone("acme").map(drop),
        })
    };
    import(1_000, None).unwrap();
    import(2_000, Some(V1)).unwrap();
    world.write_store(|w| w.publish_schema(NewSchema::cedar("s2", "entity A;")).map(drop)).unwrap();
    import(3_000, Some("s2")).unwrap();
    world.write_store(|w| w.publish_schema(NewSchema::cedar("s3", "entity A;")).map(drop)).unwrap();
    import(4_000, None).unwrap();
    let expected: [(u64, Option<&str>, &[&str]); 4] =
        [(0, None, &[V1]), (1, Some(V1), &[V1]), (2, Some("s2"), &[V1, "s2"]), (3, None, &[V1, "s2", "s3"])];
    for (position, default, schemas) in expected {
        for at in [At::Position(position), At::Time(Timestamp::from_micros(1_000 * (position as i64 + 1)))] {
            let then = world.zone().as_of(at).unwrap();
            assert_eq!(then.default_schema().unwrap().as_ref().map(|it| it.as_str()), default, "{at:?}");
            assert_eq!(names(&then), schemas, "{at:?}");
        }
    }
}

/// The clock went back, so the zone's write seems to be before the publication of its default schema.
#[test]
fn the_default_schema_is_there_although_the_clock_went_back() {
    let world = World::new();
    world.clock.set(START + 100 * SECOND);
    world.write_store(|w| w.publish_schema(NewSchema::cedar("s2", "entity A;")).map(drop)).unwrap();
    world.clock.set(START + 50 * SECOND);
    world.write(|zone| zone.set_default_schema(Some("s2"))).unwrap();
    let position = version_position(&world);
    world.clock.set(START + 200 * SECOND);
    world.write_store(|w| w.publish_schema(NewSchema::cedar("s3", "entity A;")).map(drop)).unwrap();
    world.write(|zone| zone.set_default_schema(Some("s3"))).unwrap();
    let then = world.zone().as_of(At::Position(position)).unwrap();
    assert_eq!(then.info().unwrap().default_schema.unwrap(), "s2");
    assert_eq!(names(&then), [V1, "s2"]);
    assert_eq!(names(&then.as_of(Timestamp::MAX).unwrap()), [V1, "s2"], "no later moment of the store's log either");
}

/// Entries of before a fork have the former id of their log.
#[test]
fn a_fork_reads_the_history_of_before_without_a_cache_too() {
    let world = World::in_file();
    let first = world.write(|zone| zone.create_policy(NewPolicy::named("old").id("k"))).unwrap();
    let position = version_position(&world);
    world.version("p", PERMIT);
    world.write(|zone| zone.update_policy("k", PolicyUpdate::new().name("renamed"))).unwrap();
    let path = world.path().with_file_name("fork.redb");
    world.store.backup(&path).unwrap();
    let builder = world.clock.builder().id_seed(99).record_cache_bytes(0).compiled_cache_bytes(0);
    let store = builder.restore(Restore::Fork(platform())).open(&path).unwrap();
    let fork = World::resumed(store, world.clock.clone());
    let then = fork.zone().as_of(At::Position(position)).unwrap();
    assert_eq!(then.policy("k").unwrap(), first);
    let history = then.history(&PageRequest::new().order(Order::Ascending)).unwrap().items;
    assert_eq!(history, world.history()[..history.len()]);
    let (checkpoint, original) = (then.checkpoint().unwrap(), world.zone().as_of(At::Position(position)).unwrap());
    assert_eq!((checkpoint.size, checkpoint.root), (position + 1, original.checkpoint().unwrap().root));
    // The log has its present id, which the receipts, cursors and checks of this store name.
    assert_eq!(then.info().unwrap().log_id, fork.zone().info().unwrap().log_id);
    assert!(fork.store.verify_since(&[checkpoint]).unwrap().is_clean());
}
