//! Guardrails: the platform's `forbid` statements take part in every decision of a zone, and only platform actors can
//! change them.

use cedar_policy::{Authorizer as PlainAuthorizer, Decision, PolicySet};
use policy_store::ErrorKind::{Conflict, Forbidden, Invalid, NotBound, NotFound};
use policy_store::{
    Answer, At, BindingMode, Change, ErrorKind, IdempotencyKey, Layer, NewPolicy, NewPolicySet, NewPolicySetVersion,
    NewPolicyVersion, NewSchema, PolicySetVersion, Receipt, StatementRef, Target, TargetType,
};

use super::support::{
    ENTITIES, FORBID, PERMIT, V1, World, asked, customer, decide, pinning, platform, receipt_of, refused,
};

const RESERVED: (ErrorKind, &str) = (Forbidden, "guardrail_reserved");
const NOT_SECRET: &str = "forbid(principal, action, resource) when { resource.secret };";

fn user(id: &str) -> Target {
    Target::User(id.to_owned())
}

/// A zone that permits everything except for the platform's guardrail.
fn guarded(world: World) -> (World, PolicySetVersion) {
    let permit = world.version("p", PERMIT);
    world.live("s", &[&permit]);
    let guardrail = guardrail(&world, "guard", NOT_SECRET);
    world.write_as(&platform(), |zone| zone.bind_guardrail(&guardrail.id)).unwrap();
    (world, guardrail)
}

/// A policy set of the platform with one policy.
fn guardrail(world: &World, id: &str, text: &str) -> PolicySetVersion {
    let made = world.write_as(&platform(), |zone| {
        zone.create_policy(NewPolicy::named(id).id(id))?;
        let version = zone.create_policy_version(id, NewPolicyVersion::cedar(V1, text))?;
        zone.create_policy_set(NewPolicySet::named(id).id(id))?;
        zone.create_policy_set_version(id, pinning(&[&version]))
    });
    made.unwrap()
}

fn answer(world: &World, doc: &str) -> Answer {
    let authorizer = world.zone().authorizer(Target::Zone).unwrap();
    let (request, entities) = asked(&authorizer, "ann", "read", doc);
    authorizer.is_authorized(&request, &entities).unwrap()
}

#[test]
fn a_guardrail_takes_away_from_every_target_and_gives_nothing() {
    let (world, guardrail) = guarded(World::new());
    let users = world.write(|zone| {
        zone.create_policy_set(NewPolicySet::named("u").id("u").target_type(TargetType::User))?;
        let permit =
            zone.policy_version(zone.policy("p")?.latest_version_id.unwrap(), policy_store::Include::Neither)?;
        let version = zone.create_policy_set_version("u", pinning(&[&permit]))?;
        zone.bind(&version.id, user("ann"))
    });
    users.unwrap();
    for target in [Target::Zone, user("ann")] {
        let authorizer = world.zone().authorizer(target).unwrap();
        assert_eq!(authorizer.guardrail().unwrap().policy_set_version_id, guardrail.id);
        assert_eq!(decide(&authorizer, "ann", "read", "shut"), Decision::Deny);
        assert_eq!(decide(&authorizer, "ann", "read", "open"), Decision::Allow);
    }
    // The guardrail is not a binding of the zone: without an active binding, nothing is in force.
    world.write(|zone| zone.unbind(Target::Zone)).unwrap();
    refused(world.zone().authorizer(Target::Zone), (NotBound, "not_bound"), "acme");
    refused(world.zone().authorizer(user("bob")), (NotBound, "not_bound"), "bob");
    world.extent();
}

#[test]
fn an_answer_names_the_layer_of_each_statement() {
    let (world, guardrail) = guarded(World::new());
    let denied = answer(&world, "shut");
    assert_eq!(denied.determining().len(), 1, "the permit determines nothing any more");
    assert_eq!(
        (denied.determining()[0].layer, denied.determining()[0].policy_id.as_str()),
        (Layer::Guardrail, "guard")
    );
    assert_eq!(denied.statement(&denied.determining()[0]).unwrap().text, NOT_SECRET);
    let strayed = StatementRef { layer: Layer::Target, ..denied.determining()[0].clone() };
    assert!(denied.statement(&strayed).is_none());
    let allowed = answer(&world, "open");
    assert_eq!((allowed.determining()[0].layer, allowed.determining()[0].policy_id.as_str()), (Layer::Target, "p"));
    // The same version in both layers is distinguished.
    let version = guardrail.manifest.entries[0].policy_version_id.clone();
    let pinned = world.zone().policy_version(&version, policy_store::Include::Neither).unwrap();
    world.live("s", &[&pinned]);
    let layers: Vec<_> = answer(&world, "shut").determining().iter().map(|statement| statement.layer).collect();
    assert_eq!(layers, [Layer::Target, Layer::Guardrail]);
    let printed: Vec<_> = answer(&world, "shut").determining().iter().map(ToString::to_string).collect();
    assert!(!printed[0].contains("guardrail") && printed[1].ends_with("in the guardrail"), "{printed:?}");
}

/// Both layers together decide as Cedar does with all their statements.
#[test]
fn both_layers_decide_as_cedar_on_all_their_statements() {
    let overflows = "forbid(principal, action, resource) when { principal.level + 1 == 0 };";
    let own = [
        PERMIT.to_owned(),
        FORBID.to_owned(),
        format!("{PERMIT} {overflows}"),
        format!("{PERMIT} {FORBID}"),
        "permit(principal == User::\"bob\", action, resource);".to_owned(),
    ];
    let forbids = [
        NOT_SECRET.to_owned(),
        overflows.to_owned(),
        format!("{NOT_SECRET} {overflows}"),
        "forbid(principal == User::\"ann\", action == Action::\"write\", resource);".to_owned(),
        "forbid(principal, action, resource) when { false };".to_owned(),
    ];
    let world = World::new();
    for (n, (own, forbids)) in own.iter().flat_map(|own| forbids.iter().map(move |it| (own, it))).enumerate() {
        let version = world.version("p", own);
        world.live("s", &[&version]);
        let guardrail = guardrail(&world, &format!("g{n}"), forbids);
        world.write_as(&platform(), |zone| zone.bind_guardrail(&guardrail.id)).unwrap();
        let authorizer = world.zone().authorizer(Target::Zone).unwrap();
        let all: PolicySet = format!("{own}\n{forbids}").parse().unwrap();
        for (who, act, doc) in ["ann", "bob"].into_iter().flat_map(|who| {
            ["read", "write"].into_iter().flat_map(move |act| ["open", "shut"].map(|doc| (who, act, doc)))
        }) {
            let (request, entities) = asked(&authorizer, who, act, doc);
            let told = authorizer.is_authorized(&request, &entities).unwrap();
            let plain = PlainAuthorizer::new().is_authorized(&request, &all, &entities);
            assert_eq!(told.decision(), plain.decision(), "{own} / {forbids}: {who} {act} {doc}");
            assert_eq!(told.determining().len(), plain.diagnostics().reason().count(), "{own} / {forbids}");
            assert_eq!(told.errors().len(), plain.diagnostics().errors().count(), "{own} / {forbids}");
            let strict = authorizer.clone().deny_on_forbid_error().is_authorized(&request, &entities).unwrap();
            let fails = told.errors().iter().any(|error| error.forbid);
            assert_eq!(strict.denied_by_error(), fails && told.decision() == Decision::Allow);
        }
    }
}

#[test]
fn only_the_platform_binds_and_unbinds_it() {
    let (world, guardrail) = guarded(World::new());
    world.refuses(RESERVED, "acme", |zone| zone.bind_guardrail(&guardrail.id));
    world.refuses(RESERVED, "acme", |zone| zone.unbind_guardrail());
    world.refuses(RESERVED, "suspend zone `acme`", |zone| zone.suspend());
    refused(world.store.erase_zone(&customer("alice"), "acme"), RESERVED, "erase zone `acme`");
    let into = world.clock.builder().in_memory().unwrap();
    refused(world.store.copy_zones(&customer("alice"), &["acme"], &into), RESERVED, "copy zone `acme`");
    assert!(into.verify().unwrap().is_clean());
    // Without a guardrail, customers may change the zone.
    world.store.copy_zones(&customer("alice"), &["other"], &into).unwrap();
    world.store.erase_zone(&customer("alice"), "other").unwrap();
    // A customer may still change what is in force, and resume.
    world.live("s", &[]);
    world.write_as(&platform(), |zone| zone.suspend()).unwrap();
    world.write(|zone| zone.resume()).unwrap();
    let unbound = world.write_as(&platform(), |zone| zone.unbind_guardrail()).unwrap();
    assert_eq!((unbound.policy_set_version_id, unbound.mode), (guardrail.id, BindingMode::Guardrail));
    assert_eq!(world.zone().guardrail().unwrap(), None);
    refused(world.write_as(&platform(), |zone| zone.unbind_guardrail()), (NotBound, "not_bound"), "acme");
    world.write(|zone| zone.suspend()).unwrap();
    world.store.erase_zone(&customer("alice"), "acme").unwrap();
}

#[test]
fn what_is_no_guardrail_is_refused_when_it_is_bound() {
    let world = World::new();
    let bind = |id: &str| world.write_as(&platform(), |zone| zone.bind_guardrail(id));
    let mixed = guardrail(&world, "mixed", &format!("{NOT_SECRET}\n{PERMIT}"));
    let error = refused(bind(mixed.id.as_str()), (Invalid, "guardrail_permits"), mixed.id.as_str());
    let pinned = mixed.manifest.entries[0].policy_version_id.as_str();
    assert!(error.to_string().contains(&format!("statement 1 of policy version `{pinned}`")), "{error}");
    refused(world.zone().prepare_guardrail(&mixed.id), (Invalid, "guardrail_permits"), mixed.id.as_str());
    refused(bind("none"), (NotFound, "not_found"), "none");
    let for_users = world.write_as(&platform(), |zone| {
        zone.create_policy_set(NewPolicySet::named("u").id("u").target_type(TargetType::User))?;
        zone.create_policy_set_version("u", pinning(&[]))
    });
    refused(bind(for_users.unwrap().id.as_str()), (Conflict, "wrong_target"), "policy set `u`");
    let good = guardrail(&world, "good", NOT_SECRET);
    world.zone().prepare_guardrail(&good.id).unwrap();
    let outcome = bind(good.id.as_str()).unwrap();
    assert!(outcome.changed && outcome.replaced.is_none());
    let again = bind(good.id.as_str()).unwrap();
    assert_eq!((again.changed, again.binding), (false, outcome.binding));
    // Neither a bound version nor its set can be archived.
    let archived = world.write_as(&platform(), |zone| zone.archive_policy_set_version(&good.id));
    refused(archived, (Conflict, "in_force"), good.id.as_str());
    refused(world.write_as(&platform(), |zone| zone.archive_policy_set("good")), (Conflict, "in_force"), "good");
}

/// Every evaluated version was validated against the schema of its evaluation, for every order of bindings.
#[test]
fn a_guardrail_fits_the_schema_of_all_that_is_bound() {
    let misfit = (Conflict, "guardrail_schema");
    let other = "entity User; entity Doc; action read appliesTo { principal: User, resource: Doc };";
    let (world, guardrail) = guarded(World::new());
    world.write_store(|w| w.publish_schema(NewSchema::cedar("other", other))).unwrap();
    let strange = world.write(|zone| zone.create_policy_set_version("s", NewPolicySetVersion::new("other"))).unwrap();
    let error = world.refuses(misfit, "schema `other`", |zone| zone.activate(&strange.id));
    assert!(error.to_string().contains("`secret`"), "the finding is told: {error}");
    world.refuses(misfit, "schema `other`", |zone| zone.bind_shadow(&strange.id, Target::Zone));
    refused(world.zone().authorizer_of_version(&strange.id), misfit, "schema `other`");
    world.write_as(&platform(), |zone| zone.unbind_guardrail()).unwrap();
    world.write(|zone| zone.bind_shadow(&strange.id, Target::Zone)).unwrap();
    let bound = world.write_as(&platform(), |zone| zone.bind_guardrail(&guardrail.id));
    refused(bound, misfit, "schema `other`");
    refused(world.zone().prepare_guardrail(&guardrail.id), misfit, "schema `other`");
    world.write(|zone| zone.unbind_shadow(Target::Zone)).unwrap();
    world.write_as(&platform(), |zone| zone.bind_guardrail(&guardrail.id)).unwrap();
    world.extent();
}

#[test]
fn history_and_earlier_times_know_it() {
    let (world, guardrail) = guarded(World::new());
    let bound = world.zone().guardrail().unwrap().unwrap();
    assert_eq!((bound.by.id(), &bound.target, &bound.policy_set_version_id), ("ops", &Target::Zone, &guardrail.id));
    let entry = world.history().pop().unwrap();
    assert_eq!((entry.position, entry.created_at), (bound.position, bound.since));
    assert!(matches!(entry.change, Change::Bound { mode: BindingMode::Guardrail, .. }), "{entry:?}");
    let set = world.zone().policy_set("guard").unwrap();
    assert_eq!((set.mode, set.active, set.guardrail_version), (Some(BindingMode::Guardrail), false, Some(1)));
    assert_eq!((set.guardrail_version_id, set.revision), (Some(guardrail.id.clone()), bound.position));
    assert_eq!(world.zone().guardrail_at(At::Before(bound.position)).unwrap(), None);
    let before = world.zone().authorizer_at(Target::Zone, At::Before(bound.position)).unwrap();
    assert_eq!((before.guardrail(), decide(&before, "ann", "read", "shut")), (None, Decision::Allow));
    world.write_as(&platform(), |zone| zone.unbind_guardrail()).unwrap();
    let then = world.zone().authorizer_at(Target::Zone, At::Position(bound.position)).unwrap();
    assert_eq!((then.guardrail(), decide(&then, "ann", "read", "shut")), (Some(&bound), Decision::Deny));
    let set = world.zone().policy_set("guard").unwrap();
    assert_eq!((set.mode, set.guardrail_version, set.guardrail_version_id), (None, None, None));
    // The write sees its own changes.
    let seen = world.write_as(&platform(), |zone| {
        zone.bind_guardrail(&guardrail.id)?;
        let bound = zone.guardrail()?;
        zone.unbind_guardrail()?;
        Ok((bound.is_some(), zone.guardrail()?.is_some()))
    });
    assert_eq!(seen.unwrap(), (true, false));
}

#[test]
fn an_authorizer_follows_the_guardrail_and_a_kept_one_does_not() {
    let (world, guardrail) = guarded(World::new());
    let kept = world.zone().authorizer(Target::Zone).unwrap();
    world.write_as(&platform(), |zone| zone.unbind_guardrail()).unwrap();
    for _ in 0..2 {
        assert_eq!(answer(&world, "shut").decision(), Decision::Allow);
    }
    assert_eq!(decide(&kept, "ann", "read", "shut"), Decision::Deny);
    world.write_as(&platform(), |zone| zone.bind_guardrail(&guardrail.id)).unwrap();
    for _ in 0..2 {
        assert_eq!(answer(&world, "shut").decision(), Decision::Deny);
    }
}

#[test]
fn a_receipt_names_the_guardrail_and_replays_under_it() {
    let (world, _) = guarded(World::in_file());
    let receipt = receipt_of(&world, &answer(&world, "shut"));
    assert_eq!((receipt.v, receipt.decision), (3, policy_store::receipt::Decision::Deny));
    assert_eq!(receipt.guardrail.as_ref().unwrap().binding, world.zone().guardrail().unwrap().unwrap());
    let kept = serde_json::to_string(&receipt).unwrap();
    // Neither another guardrail nor none changes the replay.
    world.write_as(&platform(), |zone| zone.unbind_guardrail()).unwrap();
    let harmless = guardrail(&world, "harmless", "forbid(principal, action, resource) when { false };");
    world.write_as(&platform(), |zone| zone.bind_guardrail(&harmless.id)).unwrap();
    assert_eq!(answer(&world, "shut").decision(), Decision::Allow);
    let world = world.reopened();
    let receipt: Receipt = serde_json::from_str(&kept).unwrap();
    let authorizer = world.store.authorizer_of_receipt(&receipt).unwrap();
    let (request, entities) = asked(&authorizer, "ann", "read", "shut");
    let again = world.store.replay(&receipt, &request, &entities).unwrap();
    again.agrees_with(&receipt).unwrap();
    assert_eq!(again.receipt(&entities).unwrap(), receipt);
    // The receipt of a version chosen by its id has it too.
    let version = world.zone().in_force(Target::Zone).unwrap().policy_set_version_id;
    let authorizer = world.zone().authorizer_of_version(&version).unwrap();
    let (request, entities) = asked(&authorizer, "ann", "read", "shut");
    let receipt = authorizer.is_authorized(&request, &entities).unwrap().receipt(&entities).unwrap();
    assert!(receipt.binding.is_none() && receipt.guardrail.is_some());
    world.store.replay(&receipt, &request, &entities).unwrap().agrees_with(&receipt).unwrap();
}

#[test]
fn a_doctored_guardrail_in_a_receipt_is_refused() {
    let (world, _) = guarded(World::new());
    let receipt = receipt_of(&world, &answer(&world, "shut"));
    let harmless = guardrail(&world, "harmless", "forbid(principal, action, resource) when { false };");
    let mismatch = (Conflict, "receipt_mismatch");
    let sha = "0".repeat(64);
    for (pointer, value, expected) in [
        ("/guardrail/binding/by/id", "mallory".into(), mismatch),
        ("/guardrail/binding/position", 1.into(), mismatch),
        ("/guardrail/binding/position", 1_000.into(), mismatch),
        ("/guardrail/binding/mode", "active".into(), mismatch),
        ("/guardrail/binding/policy_set_version_id", harmless.id.as_str().into(), mismatch),
        ("/guardrail/manifest_sha", sha.clone().into(), mismatch),
        ("/guardrail/schema_sha", sha.clone().into(), mismatch),
        ("/guardrail/policy_set_version_entry", sha.clone().into(), mismatch),
        ("/guardrail", serde_json::Value::Null, mismatch),
        ("/guardrail/binding_entry", sha.clone().into(), mismatch),
        ("/guardrail/binding_entry", serde_json::Value::Null, (Invalid, "invalid_input")),
        ("/v", 1.into(), (Invalid, "invalid_input")),
    ] {
        let mut json = serde_json::to_value(&receipt).unwrap();
        *json.pointer_mut(pointer).unwrap() = value;
        let doctored: Receipt = serde_json::from_value(json).unwrap();
        refused(world.store.authorizer_of_receipt(&doctored), expected, "");
    }
    // Without its guardrail, and in the other form, the receipt contradicts itself.
    let mut json = serde_json::to_value(&receipt).unwrap();
    json["v"] = 1.into();
    for later in ["guardrail", "log_end", "request_sha", "entities_sha", "binding_entry"] {
        json.as_object_mut().unwrap().remove(later).unwrap();
    }
    let doctored: Receipt = serde_json::from_value(json).unwrap();
    let authorizer = world.store.authorizer_of_receipt(&doctored).unwrap();
    let (request, entities) = asked(&authorizer, "ann", "read", "shut");
    let replayed = world.store.replay(&doctored, &request, &entities).unwrap();
    refused(replayed.agrees_with(&doctored), mismatch, "decision");
}

#[test]
fn shadows_and_preflights_know_it() {
    let (world, guardrail) = guarded(World::new());
    let permit = world.zone().policy("p").unwrap().latest_version_id.unwrap();
    let permit = world.zone().policy_version(&permit, policy_store::Include::Neither).unwrap();
    let next = world.set_version("t", &[&permit]);
    world.write(|zone| zone.bind_shadow(&next.id, Target::Zone)).unwrap();
    let shadow = world.zone().shadow_authorizer(Target::Zone).unwrap();
    assert_eq!(decide(&shadow, "ann", "read", "shut"), Decision::Deny, "it would be denied by the guardrail, too");
    let (request, entities) = asked(&shadow, "ann", "read", "shut");
    let shadows = shadow.is_authorized(&request, &entities).unwrap();
    assert!(answer(&world, "shut").difference(&shadows).is_none());
    let flown = world.zone().preflight(V1.to_owned()).unwrap();
    let guards: Vec<_> = flown.policy_set_versions.iter().filter(|it| it.guardrail).map(|it| &it.id).collect();
    assert_eq!(guards, [&guardrail.id]);
}

#[test]
fn a_copied_zone_keeps_its_guardrail() {
    let (world, guardrail) = guarded(World::new());
    let receipt = receipt_of(&world, &answer(&world, "shut"));
    let into = world.clock.builder().in_memory().unwrap();
    world.store.copy_zones(&platform(), &["acme"], &into).unwrap();
    let copy = World::resumed(into, world.clock.clone());
    assert_eq!(copy.zone().guardrail().unwrap().unwrap().policy_set_version_id, guardrail.id);
    let of_copy = receipt_of(&copy, &answer(&copy, "shut"));
    assert_eq!(of_copy, receipt);
    copy.extent();
}

#[test]
fn a_request_that_comes_again_is_answered_as_it_was() {
    let (world, guardrail) = guarded(World::new());
    let id = |n: u8| IdempotencyKey::from([n; 16]);
    let unbind = || world.write_as(&platform(), |zone| zone.idempotency_key(id(1)).unbind_guardrail()).unwrap();
    let bind =
        || world.write_as(&platform(), |zone| zone.idempotency_key(id(2)).bind_guardrail(&guardrail.id)).unwrap();
    let first = (unbind(), bind());
    assert!(first.1.changed);
    world.write_as(&platform(), |zone| zone.unbind_guardrail()).unwrap();
    let length = world.history().len();
    assert_eq!((unbind(), bind()), first);
    assert_eq!(world.history().len(), length);
    let conflict = world.write_as(&platform(), |zone| zone.idempotency_key(id(2)).bind_guardrail("none"));
    refused(conflict, (Conflict, "request_conflict"), &id(2).to_string());
}

/// Entities are read with the schema of the target's version, with a guardrail too.
#[test]
fn the_guardrail_is_evaluated_with_the_targets_schema() {
    let (world, _) = guarded(World::new());
    let wider = super::support::SCHEMA.replace("secret: Bool", "secret: Bool, title?: String");
    world.write_store(|w| w.publish_schema(NewSchema::cedar("wider", wider))).unwrap();
    let permit = world.zone().policy("p").unwrap().latest_version_id.unwrap();
    let permit = world.zone().policy_version(&permit, policy_store::Include::Neither).unwrap();
    let live = world
        .write(|zone| {
            let version = zone.create_policy_set_version("s", NewPolicySetVersion::new("wider").pin(&permit))?;
            zone.activate(&version.id)
        })
        .unwrap();
    assert!(live.changed);
    let authorizer = world.zone().authorizer(Target::Zone).unwrap();
    let titled = ENTITIES.replace(r#""secret": true"#, r#""secret": true, "title": "plan""#);
    let entities = authorizer.entities(&titled).unwrap();
    let (request, _) = asked(&authorizer, "ann", "read", "shut");
    let answer = authorizer.is_authorized(&request, &entities).unwrap();
    assert_eq!((answer.decision(), answer.determining()[0].layer), (Decision::Deny, Layer::Guardrail));
    let receipt = answer.receipt(&entities).unwrap();
    assert_eq!(receipt.schema_version.as_str(), "wider");
    assert_eq!(receipt.guardrail.unwrap().schema_version.as_str(), V1);
}

#[cfg(feature = "bundle")]
#[test]
fn a_bundle_names_the_guardrail_and_cannot_get_around_it() {
    use policy_store::{Bundle, BundlePolicy};

    let (world, guardrail) = guarded(World::new());
    let bundle = world.zone().bundle(Target::Zone).unwrap();
    let named = bundle.guardrail().unwrap();
    assert_eq!((named.policy_set_id.as_str(), &named.policy_set_version_id), ("guard", &guardrail.id));
    assert!(bundle.policies().iter().all(|policy| policy.key.as_str() != "guard"), "its statements are no part of it");
    let read = Bundle::from_bytes(&bundle.to_bytes()).unwrap();
    assert_eq!((&read, read.to_bytes()), (&bundle, bundle.to_bytes()));
    assert_eq!(bundle.digest(), bundle.clone().with_guardrail(None).digest());
    // The guardrail in a bundle is ignored when the bundle is applied.
    assert!(!world.write(|zone| zone.apply_bundle(Target::Zone, &bundle)).unwrap().changed);
    let other = "entity User; entity Doc; action read appliesTo { principal: User, resource: Doc };";
    world.write_store(|w| w.publish_schema(NewSchema::cedar("other", other))).unwrap();
    let misfit = Bundle::new("other".parse().unwrap(), vec![BundlePolicy::new("new", PERMIT)]).unwrap();
    let expected = (Conflict, "guardrail_schema");
    world.refuses(expected, "schema `other`", |zone| zone.apply_bundle(Target::Zone, &misfit));
    refused(world.zone().prepare_bundle(&customer("alice"), Target::Zone, &misfit), expected, "schema `other`");
    world.write_as(&platform(), |zone| zone.unbind_guardrail()).unwrap();
    assert_eq!(world.zone().bundle(Target::Zone).unwrap().guardrail(), None);
}
