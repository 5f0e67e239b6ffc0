//! Deciding: as Cedar does, with the determining statements, by an authorizer that never changes.

use std::sync::atomic::{AtomicU64, Ordering};

use cedar_policy::{Context, Decision, Entities, PolicyId, PolicySet, Request, Schema};
use policy_store::ErrorKind::{Invalid, NotFound};
use policy_store::{
    Authorizer, NewPolicy, NewPolicySet, NewPolicySetVersion, NewPolicyVersion, NewSchema, PolicySetVersion,
    StatementRef, Target,
};

use super::support::{ENTITIES, FORBID, PERMIT, SCHEMA, World, asked, decide, refused};

/// A statement that overflows for `bob`, whose level is the largest number.
const OVERFLOW: &str = "(principal, action, resource) when { principal.level + 1 > 0 && resource.secret };";

fn authorizer(world: &World) -> Authorizer {
    world.zone().authorizer(Target::Zone).unwrap()
}

/// Three policies of one to three statements.
fn texts() -> [String; 3] {
    [
        format!("{PERMIT}\n{FORBID}"),
        "permit(principal == User::\"ann\", action == Action::\"read\", resource);\
         permit(principal in Group::\"staff\", action, resource) when { resource.owner == principal };\
         forbid(principal, action == Action::\"write\", resource) unless { context has mfa && context.mfa };"
            .to_owned(),
        format!("permit{OVERFLOW}\nforbid{OVERFLOW}"),
    ]
}

/// The same texts in plain Cedar, with other policy ids.
fn plain(live: &PolicySetVersion, texts: &[(&str, &str)]) -> PolicySet {
    let mut all = PolicySet::new();
    for (policy, text) in texts {
        let version = live.manifest.entries.iter().find(|entry| entry.policy_id == *policy).unwrap();
        let parsed: PolicySet = text.parse().unwrap();
        for n in 0..parsed.policies().count() {
            let statement = parsed.policy(&PolicyId::new(format!("policy{n}"))).unwrap();
            let id = PolicyId::new(format!("{} {} {n}", version.policy_id, version.policy_version_id));
            all.add(statement.new_id(id)).unwrap();
        }
    }
    all
}

fn named(statement: &StatementRef) -> String {
    format!("{} {} {}", statement.policy_id, statement.policy_version_id, statement.statement)
}

#[test]
fn it_decides_as_cedar_does_and_names_the_statements_that_cedar_names() {
    let world = World::new();
    let texts = texts();
    // The order of the ids as text is not the order of creation.
    let ids = ["zeta", "alpha", "mid"];
    let named_texts: Vec<(&str, &str)> = ids.into_iter().zip(texts.iter().map(String::as_str)).collect();
    let versions: Vec<_> = named_texts.iter().map(|(id, text)| world.version(id, text)).collect();
    let schema = Schema::from_cedarschema_str(SCHEMA).unwrap().0;
    let entities = Entities::from_json_str(ENTITIES, Some(&schema)).unwrap();
    let mut decisions = [0, 0];
    for chosen in 0..8_usize {
        let pick = |n: &usize| chosen >> n & 1 == 1;
        let pins: Vec<_> = (0..3).filter(pick).map(|n| &versions[n]).collect();
        let live = world.live("s", &pins);
        let plain = plain(&live, &(0..3).filter(pick).map(|n| named_texts[n]).collect::<Vec<_>>());
        let authorizer = authorizer(&world);
        let given = authorizer.entities(ENTITIES).unwrap();
        for (who, act, doc, context) in (0..24).map(|n| {
            (["ann", "bob", "eve"][n % 3], ["read", "write"][n / 3 % 2], ["open", "shut"][n / 6 % 2], n / 12 == 1)
        }) {
            let uid = |kind: &str, id: &str| format!("{kind}::\"{id}\"");
            let (who, act, doc) = (uid("User", who), uid("Action", act), uid("Doc", doc));
            let context = if context { r#"{"mfa": true}"# } else { "{}" };
            let answer =
                authorizer.is_authorized(&authorizer.request(&who, &act, &doc, context).unwrap(), &given).unwrap();
            let action = act.parse().unwrap();
            let context = Context::from_json_str(context, Some((&schema, &action))).unwrap();
            let request =
                Request::new(who.parse().unwrap(), action, doc.parse().unwrap(), context, Some(&schema)).unwrap();
            let expected = cedar_policy::Authorizer::new().is_authorized(&request, &plain, &entities);
            assert_eq!(answer.decision(), expected.decision(), "{chosen} {who} {act} {doc}");
            let mut reasons: Vec<_> = expected.diagnostics().reason().map(ToString::to_string).collect();
            reasons.sort();
            assert_eq!(answer.determining().iter().map(named).collect::<Vec<_>>(), reasons);
            let mut errors: Vec<_> = expected.diagnostics().errors().map(ToString::to_string).collect();
            errors.sort();
            assert_eq!(answer.errors().len(), errors.len());
            for error in answer.errors() {
                assert!(errors.iter().any(|text| text.contains(&named(&error.statement))), "{errors:?}");
                assert!(errors.iter().any(|text| text.ends_with(&error.message)), "{error:?} {errors:?}");
            }
            decisions[usize::from(answer.decision() == Decision::Allow)] += 1;
        }
    }
    assert!(decisions.iter().all(|count| *count > 20), "the requests are one-sided: {decisions:?}");
}

#[test]
fn determining_statements_are_sorted_and_lead_back_to_version_and_number() {
    let world = World::new();
    let never = "permit(principal, action, resource) when { principal.level == 77 };";
    let (b, a) = (world.version("b", &format!("{never}{PERMIT}{PERMIT}")), world.version("a", PERMIT));
    world.live("s", &[&b, &a]);
    let authorizer = authorizer(&world);
    let (request, entities) = asked(&authorizer, "ann", "read", "open");
    let answer = authorizer.is_authorized(&request, &entities).unwrap();
    let found: Vec<_> =
        answer.determining().iter().map(|it| (it.policy_id.as_str(), &it.policy_version_id, it.statement)).collect();
    assert_eq!(found, [("a", &a.id, 0), ("b", &b.id, 1), ("b", &b.id, 2)]);
}

#[test]
fn statements_past_the_tenth_are_sorted_by_number() {
    let world = World::new();
    let version = world.version("p", &PERMIT.repeat(12));
    world.live("s", &[&version]);
    let authorizer = authorizer(&world);
    let (request, entities) = asked(&authorizer, "ann", "read", "open");
    let answer = authorizer.is_authorized(&request, &entities).unwrap();
    assert_eq!(answer.determining().iter().map(|it| it.statement).collect::<Vec<_>>(), (0..12).collect::<Vec<_>>());
}

#[test]
fn equal_texts_of_two_policies_stay_two() {
    let world = World::new();
    let (a, b) = (world.version("a", PERMIT), world.version("b", PERMIT));
    assert_eq!(a.sha, b.sha);
    world.live("s", &[&a, &b]);
    let authorizer = authorizer(&world);
    let (request, entities) = asked(&authorizer, "ann", "read", "open");
    let answer = authorizer.is_authorized(&request, &entities).unwrap();
    assert_eq!(answer.determining().iter().map(|it| it.policy_id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn a_denial_without_a_forbid_has_no_determining_statement() {
    let world = World::new();
    world.live("s", &[&world.version("p", "permit(principal == User::\"ann\", action, resource);")]);
    let authorizer = authorizer(&world);
    let (request, entities) = asked(&authorizer, "bob", "read", "open");
    let answer = authorizer.is_authorized(&request, &entities).unwrap();
    assert_eq!((answer.decision(), answer.determining(), answer.errors()), (Decision::Deny, &[][..], &[][..]));
    assert!(!answer.denied_by_error());
}

#[test]
fn a_failing_statement_is_named_and_told_whether_it_forbids() {
    let world = World::new();
    let version = world.version("p", &format!("{PERMIT}permit{OVERFLOW}forbid{OVERFLOW}"));
    world.live("s", &[&version]);
    let authorizer = authorizer(&world);
    let (request, entities) = asked(&authorizer, "bob", "read", "shut");
    let answer = authorizer.is_authorized(&request, &entities).unwrap();
    assert_eq!((answer.decision(), answer.denied_by_error()), (Decision::Allow, false), "as Cedar does by itself");
    let errors: Vec<_> = answer.errors().iter().map(|error| (error.statement.statement, error.forbid)).collect();
    assert_eq!(errors, [(1, false), (2, true)]);
    assert_eq!(answer.errors()[0].statement.policy_version_id, version.id);
}

#[test]
fn a_forbid_that_fails_denies_if_that_was_asked_for() {
    let world = World::new();
    world.live("s", &[&world.version("p", &format!("{PERMIT}permit{OVERFLOW}forbid{OVERFLOW}"))]);
    let strict = authorizer(&world).deny_on_forbid_error();
    let answer = |who, doc| {
        let (request, entities) = asked(&strict, who, "read", doc);
        strict.is_authorized(&request, &entities).unwrap()
    };
    let denied = answer("bob", "shut");
    assert_eq!((denied.decision(), denied.denied_by_error()), (Decision::Deny, true));
    assert_eq!(denied.determining().iter().map(|it| it.statement).collect::<Vec<_>>(), [2]);
    assert_eq!(denied.errors().len(), 2);
    // It makes no difference without evaluation errors, or for a denied request.
    assert_eq!((answer("ann", "open").decision(), answer("ann", "open").denied_by_error()), (Decision::Allow, false));
    assert_eq!((answer("ann", "shut").decision(), answer("ann", "shut").denied_by_error()), (Decision::Deny, false));
    // The setting applies to this authorizer only.
    assert_eq!(decide(&authorizer(&world), "bob", "read", "shut"), Decision::Allow);
}

#[test]
fn a_permit_that_fails_does_not_deny() {
    let world = World::new();
    world.live("s", &[&world.version("p", &format!("{PERMIT}permit{OVERFLOW}"))]);
    let strict = authorizer(&world).deny_on_forbid_error();
    assert_eq!(decide(&strict, "bob", "read", "shut"), Decision::Allow);
}

#[test]
fn an_authorizer_is_a_snapshot() {
    let world = World::new();
    let version = world.version("p", PERMIT);
    let live = world.live("s", &[&version]);
    let old = authorizer(&world);
    let bound = old.binding().cloned();
    assert_eq!(bound.as_ref().unwrap().policy_set_version_id, live.id);
    world.live("s", &[]);
    assert_eq!((decide(&old, "ann", "read", "open"), old.binding().cloned()), (Decision::Allow, bound));
    assert_eq!(decide(&authorizer(&world), "ann", "read", "open"), Decision::Deny, "a new one is up to date");
    world.write(|zone| zone.unbind(Target::Zone)).unwrap();
    assert_eq!(decide(&old, "ann", "read", "open"), Decision::Allow);
    drop(world);
    assert_eq!(decide(&old, "ann", "read", "open"), Decision::Allow, "with the store closed");
}

#[test]
fn an_authorizer_is_up_to_date_though_no_compiled_set_is_kept() {
    let clock = super::support::Clock::new();
    let store = clock.builder().compiled_cache_bytes(0).record_cache_bytes(0).in_memory().unwrap();
    let world = World::with(store, clock);
    let version = world.version("p", PERMIT);
    for pins in [[].as_slice(), &[&version], &[], &[&version]] {
        world.live("s", pins);
        let expected = if pins.is_empty() { Decision::Deny } else { Decision::Allow };
        for _ in 0..2 {
            assert_eq!(decide(&authorizer(&world), "ann", "read", "open"), expected);
        }
    }
}

#[test]
fn a_version_that_is_not_bound_decides_too() {
    let world = World::new();
    let allow = world.set_version("s", &[&world.version("p", PERMIT)]);
    world.live("s", &[]);
    let unbound = world.zone().authorizer_of_version(&allow.id).unwrap();
    assert_eq!((decide(&unbound, "ann", "read", "open"), unbound.binding()), (Decision::Allow, None));
    refused(world.zone().authorizer_of_version("none"), (NotFound, "not_found"), "policy set version `none`");
    refused(
        world.store.zone("other").unwrap().authorizer_of_version(&allow.id),
        (NotFound, "not_found"),
        allow.id.as_str(),
    );
}

#[test]
fn requests_and_entities_must_fit_the_pinned_schema() {
    let world = World::new();
    world.live("s", &[]);
    let authorizer = authorizer(&world);
    let (who, act, doc) = ("User::\"ann\"", "Action::\"read\"", "Doc::\"open\"");
    let expected = (Invalid, "request");
    refused(authorizer.request("ann", act, doc, "{}"), expected, "principal");
    refused(authorizer.request(doc, act, doc, "{}"), expected, "request");
    refused(authorizer.request(who, "Action::\"fly\"", doc, "{}"), expected, "action");
    refused(authorizer.request(who, act, doc, r#"{"mfa": 1}"#), expected, "context");
    refused(authorizer.request(who, act, doc, r#"{"more": 1}"#), expected, "context");
    refused(
        authorizer.entities(r#"[{"uid": {"type": "User", "id": "x"}, "attrs": {}, "parents": []}]"#),
        expected,
        "level",
    );
    refused(authorizer.entities("{}"), expected, "entities");
    refused(authorizer.request(who, act, doc, r#"{"mfa": true, "mfa": false}"#), (Invalid, "json"), "context");
}

#[test]
fn many_threads_take_authorizers_and_decide_alike() {
    let world = World::new();
    world.live("s", &[&world.version("p", &format!("{PERMIT}{FORBID}"))]);
    let zone = &world.zone();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(move || {
                for _ in 0..5 {
                    let authorizer = zone.authorizer(Target::Zone).unwrap();
                    assert_eq!(decide(&authorizer, "ann", "read", "open"), Decision::Allow);
                    assert_eq!(decide(&authorizer, "ann", "read", "shut"), Decision::Deny);
                }
            });
        }
    });
}

#[test]
fn entities_as_given_need_not_fit_the_schema_and_still_know_its_actions() {
    let world = World::new();
    let source = SCHEMA.replace("action read, write", "action any;\naction read, write in [any]");
    world.write_store(|w| w.publish_schema(NewSchema::cedar("groups", source))).unwrap();
    let text = "permit(principal, action in Action::\"any\", resource);";
    let live = world.write(|zone| {
        zone.create_policy(NewPolicy::named("p").id("p"))?;
        let version = zone.create_policy_version("p", NewPolicyVersion::cedar("groups", text))?;
        zone.create_policy_set(NewPolicySet::named("s").id("s"))?;
        zone.create_policy_set_version("s", NewPolicySetVersion::new("groups").pin(&version))
    });
    let authorizer = world.zone().authorizer_of_version(&live.unwrap().id).unwrap();
    let stranger = r#"[{"uid": {"type": "User", "id": "x"}, "attrs": {"shoe": 43}, "parents": []}]"#;
    refused(authorizer.entities(stranger), (Invalid, "request"), "entities");
    let entities = authorizer.entities_as_given(stranger).unwrap();
    let request = authorizer.request("User::\"x\"", "Action::\"read\"", "Doc::\"open\"", "{}").unwrap();
    assert_eq!(authorizer.is_authorized(&request, &entities).unwrap().decision(), Decision::Allow);
    let twice = r#"[{"uid": {"type": "User", "id": "x"}, "attrs": {"a": 1, "a": 2}, "parents": []}]"#;
    refused(authorizer.entities_as_given(twice), (Invalid, "json"), "entities");
}

/// If the schema has an entity type, the short form is a reference; otherwise a `forbid` that compares it would not
/// apply. If the schema has no type, the form is refused.
#[test]
fn entities_as_given_take_a_reference_where_the_schema_has_one_and_refuse_what_could_be_a_record_elsewhere() {
    let world = World::new();
    let owners = "forbid(principal, action, resource) when { resource.owner == principal };";
    world.live("s", &[&world.version("p", &format!("{PERMIT}{owners}"))]);
    let authorizer = world.zone().authorizer(Target::Zone).unwrap();
    let request = authorizer.request("User::\"x\"", "Action::\"read\"", "Doc::\"d\"", "{}").unwrap();
    let entities = |place: &str, owner: &str| {
        format!(
            r#"[{{"uid": {{"type": "Doc", "id": "d"}}, "parents": [], {place}: {{"owner": {owner}, "secret": false}}}}]"#
        )
    };
    let short = r#"{"type": "User", "id": "x"}"#;
    let explicit = format!(r#"{{"__entity": {short}}}"#);
    for owner in [short, &explicit] {
        let given = entities(r#""attrs""#, owner);
        let checked = authorizer.entities(&given).unwrap();
        let as_given = authorizer.entities_as_given(&given).unwrap();
        assert_eq!(checked, as_given);
        assert_eq!(authorizer.is_authorized(&request, &as_given).unwrap().decision(), Decision::Deny);
    }
    for (place, value) in [
        (r#""attrs""#, format!("[[{short}]]")),
        (r#""attrs""#, format!(r#"{{"deep": {short}}}"#)),
        (r#""attrs": {}, "tags""#, short.to_owned()),
        (r#""attrs": {}, "tags""#, format!("[[{short}]]")),
    ] {
        let error = authorizer.entities_as_given(&entities(place, &value)).unwrap_err();
        assert!(error.to_string().contains("owner") && error.to_string().contains("Doc::\"d\""), "{error}");
        refused::<(), _>(Err(error), (Invalid, "request"), "entities");
    }
}

#[test]
fn an_authorizer_taken_once_a_write_has_returned_decides_by_it_on_every_thread() {
    let world = World::new();
    let allow = world.version("p", PERMIT);
    let versions = [world.set_version("s", &[]), world.set_version("s", &[&allow])];
    world.write(|zone| zone.activate(&versions[0].id)).unwrap();
    let newest = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let zone = world.zone();
                while newest.load(Ordering::SeqCst) != u64::MAX {
                    let before = newest.load(Ordering::SeqCst);
                    let position = zone.authorizer(Target::Zone).unwrap().binding().unwrap().position;
                    assert!(before == u64::MAX || position >= before, "{position} is older than {before}");
                }
            });
        }
        for n in 0..200 {
            let bound = world.write(|zone| zone.activate(&versions[(n + 1) % 2].id)).unwrap();
            newest.store(bound.binding.position, Ordering::SeqCst);
        }
        newest.store(u64::MAX, Ordering::SeqCst);
    });
}

#[test]
fn an_authorizer_that_is_kept_does_not_keep_the_file() {
    let world = World::in_file();
    world.live("s", &[&world.version("p", PERMIT)]);
    let kept = authorizer(&world);
    let world = world.reopened();
    assert_eq!(decide(&kept, "ann", "read", "open"), decide(&authorizer(&world), "ann", "read", "open"));
}
