//! The limit on validation: statements times types of request, in one policy and in one write.
//!
//! Defends against a small policy that keeps a thread, or all writers, busy for minutes.

use policy_store::ErrorKind::TooLarge;
use policy_store::{
    ErrorDetail, IdempotencyKey, Include, NewPolicy, NewPolicySet, NewPolicySetVersion, NewPolicyVersion, NewSchema,
    PolicyStore, Result,
};

use super::support::{Clock, PERMIT, V1, World, refused};

const COSTLY: (policy_store::ErrorKind, &str) = (TooLarge, "validation_too_costly");

/// A schema with the square of `types` types of request; an entity type has the attributes `n` and `s`.
fn schema(types: usize) -> String {
    let names: Vec<_> = (0..types).map(|n| format!("E{n}")).collect();
    let names = names.join(", ");
    format!(
        "entity {names} = {{ n: Long, s: String }};
        action a appliesTo {{ principal: [{names}], resource: [{names}] }};"
    )
}

fn published(store: PolicyStore, clock: Clock, types: &[usize]) -> World {
    let world = World::with(store, clock);
    world
        .write_store(|w| {
            types
                .iter()
                .try_for_each(|types| w.publish_schema(NewSchema::cedar(types.to_string(), schema(*types))).map(drop))
        })
        .unwrap();
    world.write(|zone| zone.create_policy(NewPolicy::named("p").id("p"))).unwrap();
    world
}

fn limited(limit: usize, types: &[usize]) -> World {
    let clock = Clock::new();
    published(clock.builder().validation_limit(limit).in_memory().unwrap(), clock, types)
}

fn statements(count: usize) -> String {
    "permit(principal, action, resource) when { principal.n == resource.n || principal.s == resource.s };\n"
        .repeat(count)
}

#[test]
fn a_policy_over_the_limit_is_refused_with_both_numbers_before_it_is_validated() {
    let world = published(Clock::new().builder().in_memory().unwrap(), Clock::new(), &[128]);
    // It does not validate either, which would be found.
    let new = || NewPolicyVersion::cedar("128", statements(20).replace("principal.n", "principal.q"));
    let numbers = "20 statements × 16384 request types = 327680, limit 250000";
    world.refuses(COSTLY, numbers, |zone| zone.create_policy_version("p", new()));
    refused(world.store.prepare_policy_version(new()), COSTLY, numbers);
    let json =
        world.version("q", &statements(20).replace("principal.n == resource.n || principal.s == resource.s", "true"));
    let json = NewPolicyVersion::json("128", json.cedar_json.unwrap().as_ref());
    world.refuses(COSTLY, numbers, |zone| zone.create_policy_version("p", json.clone()));
}

#[test]
fn the_limit_is_exact_and_set_when_the_store_is_opened() {
    let world = limited(12 * 9, &[3]);
    let create = |count: usize| {
        world.write(|zone| zone.create_policy_version("p", NewPolicyVersion::cedar("3", PERMIT.repeat(count))))
    };
    create(12).unwrap();
    let error = create(13).unwrap_err();
    let ErrorDetail::ValidationTooCostly { statements, counted, request_types, limit, .. } = error.detail() else {
        panic!("{error}")
    };
    assert_eq!((*statements, *counted, *request_types, *limit), (13, 13, 9, 108));
}

#[test]
fn one_long_statement_counts_as_many() {
    let world = limited(12 * 9, &[3]);
    let long = |terms: usize| {
        format!("permit(principal, action, resource) when {{ {} }};", vec!["(1 == 1)"; terms].join(" && "))
    };
    world.write(|zone| zone.create_policy_version("p", NewPolicyVersion::cedar("3", long(40)))).unwrap();
    let longer = format!("permit(principal, action, resource) when {{ [{}].contains(1) }};", vec!["1"; 400].join(","));
    world.refuses(COSTLY, "1 statement counted as 13 for its length × 9 request types", |zone| {
        zone.create_policy_version("p", NewPolicyVersion::cedar("3", longer.as_str()))
    });
}

/// Ten policies of ten statements, each valid with a schema of one type of request and with a schema of nine.
fn pinned(world: &World) -> Vec<policy_store::PolicyVersion> {
    let versions = world.write(|zone| {
        zone.create_policy_set(NewPolicySet::named("s").id("s"))?;
        let make = |n: usize| {
            let id = format!("pinned{n}");
            zone.create_policy(NewPolicy::named(&*id).id(&*id))?;
            // Different texts, because a text is validated once.
            zone.create_policy_version(&id, NewPolicyVersion::cedar("1", format!("{}// {n}", PERMIT.repeat(10))))
        };
        (0..10).map(make).collect::<Result<Vec<_>>>()
    });
    versions.unwrap()
}

fn pinning(schema: &str, versions: &[policy_store::PolicyVersion]) -> NewPolicySetVersion {
    versions.iter().fold(NewPolicySetVersion::new(schema), NewPolicySetVersion::pin)
}

#[test]
fn all_that_one_write_validates_together_has_the_limit_too_unless_it_was_prepared() {
    let world = limited(500, &[1, 3]);
    let versions = pinned(&world);
    let few = pinning("3", &versions[..5]);
    world.write(|zone| zone.create_policy_set_version("s", few)).unwrap();
    let more = || pinning("3", &versions);
    let world_again = limited(500, &[1, 3]);
    let fresh = pinned(&world_again);
    world_again.refuses(COSTLY, "100 statements × 9 request types = 900, limit 500: prepare", |zone| {
        zone.create_policy_set_version("s", pinning("3", &fresh))
    });
    let prepared = world.zone().prepare_policy_set_version(more()).unwrap();
    let version = world.write(|zone| zone.create_policy_set_version("s", prepared)).unwrap();
    assert_eq!((version.manifest.entries.len(), version.schema_version.as_str()), (10, "3"));
    // Under their own schema nothing is validated.
    world_again.write(|zone| zone.create_policy_set_version("s", pinning("1", &fresh))).unwrap();
}

#[test]
fn what_was_prepared_needs_no_cache_and_is_the_same_request() {
    let clock = Clock::new();
    let store = clock.builder().validation_limit(500).compiled_cache_bytes(0).in_memory().unwrap();
    let world = published(store, clock, &[1, 3]);
    let versions = pinned(&world);
    let new = || pinning("3", &versions);
    let prepared = world.zone().prepare_policy_set_version(new()).unwrap();
    let id = IdempotencyKey::from([7; 16]);
    let create = |input: policy_store::PolicySetVersionInput| {
        world.write(|zone| zone.idempotency_key(id).create_policy_set_version("s", input))
    };
    let first = create(prepared.clone().into()).unwrap();
    assert_eq!(create(new().into()).unwrap(), first);
    assert_eq!(create(prepared.into()).unwrap(), first);
    assert_eq!(world.zone().policy_set("s").unwrap().latest_version, Some(1));
}

#[test]
fn preparing_refuses_what_the_write_would_and_the_write_checks_what_changed() {
    let world = limited(500, &[1, 3]);
    let versions = pinned(&world);
    let wrong = world.write(|zone| {
        zone.create_policy_version("p", NewPolicyVersion::cedar("1", "permit(principal is E0, action, resource);"))
    });
    let wrong = wrong.unwrap();
    world
        .write_store(|w| {
            w.publish_schema(NewSchema::cedar("other", "entity X; action a appliesTo { principal: X, resource: X };"))
        })
        .unwrap();
    let prepare = |new| world.zone().prepare_policy_set_version(new);
    let invalid = (policy_store::ErrorKind::Invalid, "policy_validation");
    refused(prepare(pinning("other", &[wrong])), invalid, "E0");
    let missing = (policy_store::ErrorKind::NotFound, "not_found");
    refused(prepare(pinning("none", &versions)), missing, "schema `none`");
    let prepared = prepare(pinning("3", &versions)).unwrap();
    world.write(|zone| zone.archive_policy(&versions[3].policy_id)).unwrap();
    world.refuses((policy_store::ErrorKind::Archived, "archived"), "pinned3", |zone| {
        zone.create_policy_set_version("s", prepared.clone())
    });
    world.write_store(|w| w.zone("acme")?.suspend()).unwrap();
    refused(prepare(pinning("3", &versions)), (policy_store::ErrorKind::Conflict, "suspended"), "acme");
}

#[test]
fn a_preflight_tells_of_a_policy_over_the_limit_and_goes_on() {
    let world = limited(100, &[1, 4]);
    world.write(|zone| zone.create_policy_version("p", NewPolicyVersion::cedar("1", PERMIT.repeat(7)))).unwrap();
    world.version("q", PERMIT);
    world
        .write(|zone| {
            zone.create_policy(NewPolicy::named("r").id("r"))?;
            zone.create_policy_version("r", NewPolicyVersion::cedar("1", PERMIT))
        })
        .unwrap();
    for checked in
        [world.zone().preflight("4").unwrap(), world.zone().preflight(NewSchema::cedar("new", schema(4))).unwrap()]
    {
        let failing: Vec<_> = checked.failing().map(|version| version.policy_id.as_str()).collect();
        assert_eq!(failing, ["p"]);
        let finding = checked.failing().next().unwrap().findings[0].to_string();
        assert!(finding.contains("7 statements × 16 request types = 112, limit 100"), "{finding}");
        assert_eq!(checked.policy_versions.len(), 3);
    }
}

#[test]
fn each_finding_is_told_once_with_its_count_and_an_error_is_small() {
    let world = limited(usize::MAX, &[12]);
    let wrong = "permit(principal, action, resource) when { principal.q == resource.r };\n".repeat(5);
    let error = world.store.prepare_policy_version(NewPolicyVersion::cedar("12", wrong)).unwrap_err();
    let ErrorDetail::PolicyValidation { diagnostics, .. } = error.detail() else { panic!("{error}") };
    let told: Vec<_> =
        diagnostics.iter().map(|found| (found.statement, found.place.unwrap().line, found.count)).collect();
    let expected: Vec<_> = (0..5).flat_map(|n| [(Some(n), n + 1, 12); 2]).collect();
    assert_eq!(told, expected, "{error}");
    assert!(error.to_string().len() < 2_000, "{}", error.to_string().len());
    assert!(
        error
            .to_string()
            .contains("attribute `q` on entity type `E0` not found (did you mean `n`?) (and 11 more like it)"),
        "{error}"
    );
    // As many as there are places.
    let many =
        format!("permit(principal, action, resource) when {{ {} }};\n", vec!["(principal.q == 1)"; 20].join(" && "));
    let error = world.store.prepare_policy_version(NewPolicyVersion::cedar("12", many.repeat(8))).unwrap_err();
    assert!(error.to_string().len() < 40_000, "{}", error.to_string().len());
    let garbage = "permit(principal); ".repeat(3_000);
    let error = world.store.prepare_policy_version(NewPolicyVersion::cedar(V1, garbage)).unwrap_err();
    assert!(error.code() == "syntax" && error.to_string().len() < 40_000, "{}", error.to_string().len());
}

#[test]
fn warnings_that_are_kept_are_few_and_without_counts() {
    let world = limited(usize::MAX, &[8]);
    let text = "forbid(principal, action, resource) when { principal == resource && false };\n".repeat(300);
    let prepared = world.store.prepare_policy_version(NewPolicyVersion::cedar("8", text)).unwrap();
    assert!((2..=101).contains(&prepared.warnings().len()), "{}", prepared.warnings().len());
    let left_out = prepared.warnings().last().unwrap().to_string();
    assert!(left_out.starts_with("… and "), "{left_out}");
    let version = world.write(|zone| zone.create_policy_version("p", prepared)).unwrap();
    assert_eq!(version.warnings.last().unwrap().to_string(), left_out);
    assert_eq!(*world.zone().policy_version(&version.id, Include::Both).unwrap(), version);
    assert!(version.warnings.iter().all(|warning| warning.count == 1));
}
