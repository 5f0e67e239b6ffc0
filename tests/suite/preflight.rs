//! Preflights: the versions that would validate with another schema, before anything is written.

use policy_store::ErrorKind::{Conflict, Invalid, NotFound, TooLarge};
use policy_store::{
    Candidate, ErrorDetail, Include, NewPolicy, NewPolicySet, NewPolicyVersion, NewSchema, PolicySetVersionCheck,
    PolicyVersion, PolicyVersionCheck, SchemaStatus, Target, TargetType, ZonePreflight, limits,
};

use super::support::{FORBID, PERMIT, SCHEMA, V1, World, pinning, refused};

const NICK: &str = "permit(principal, action, resource) when { principal has nick && principal.nick == \"x\" };";
const LEVEL: &str = "permit(principal, action, resource)\n  when { principal.level > 2 };";
const WRITE: &str = "permit(principal, action == Action::\"write\", resource);";
const MFA: &str = "forbid(principal, action, resource) unless { context has mfa && context.mfa };";

fn ann() -> Target {
    Target::User("ann".to_owned())
}

/// The schema of the world with a change, as a candidate.
fn changed(from: &str, to: &str) -> NewSchema {
    assert!(SCHEMA.contains(from));
    NewSchema::cedar("next", SCHEMA.replace(from, to))
}

#[track_caller]
fn flown(world: &World, candidate: impl Into<Candidate>) -> ZonePreflight {
    let before = (world.extent(), world.history());
    let flown = world.zone().preflight(candidate).unwrap();
    assert_eq!((world.extent(), world.history()), before, "a preflight left a trace");
    flown
}

/// The check of a policy version.
#[track_caller]
fn of<'a>(flown: &'a ZonePreflight, version: &PolicyVersion) -> &'a PolicyVersionCheck {
    let mut checks = flown.policy_versions.iter().filter(|check| check.id == version.id);
    let check = checks.next().unwrap_or_else(|| panic!("{} is not checked", version.id));
    assert!(checks.next().is_none(), "{} is checked twice", version.id);
    check
}

#[track_caller]
fn of_set<'a>(flown: &'a ZonePreflight, id: &str, version: u32) -> &'a PolicySetVersionCheck {
    let mut checks = flown.policy_set_versions.iter();
    let check = checks.find(|check| check.policy_set_id == *id && check.version == version);
    check.unwrap_or_else(|| panic!("{version} of {id} is not checked"))
}

#[test]
fn each_change_of_a_schema_fails_what_depends_on_it_and_nothing_else() {
    let world = World::new();
    let texts = [PERMIT, FORBID, NICK, LEVEL, WRITE, MFA];
    let versions: Vec<_> = texts.iter().enumerate().map(|(n, text)| world.version(&format!("p{n}"), text)).collect();
    for (candidate, failing) in [
        (changed("entity Group", "entity Group"), [].as_slice()),
        (changed("secret: Bool", "secret: Bool, more: Long"), &[]),
        // Removed, renamed, retyped, required no more.
        (changed("level: Long, ", ""), &[LEVEL]),
        // `has` says of what cannot be there that it is not.
        (changed(", nick?: String", ""), &[]),
        (changed(", secret: Bool", ""), &[FORBID]),
        (changed("secret: Bool", "hidden: Bool"), &[FORBID]),
        (changed("level: Long", "level: String"), &[LEVEL]),
        (changed("nick?: String", "nick?: Long"), &[NICK]),
        (changed("level: Long", "level?: Long"), &[LEVEL]),
        // An action is removed, or takes less context.
        (changed("action read, write", "action read"), &[WRITE]),
        (changed("{ mfa?: Bool }", "{ mfa?: Long }"), &[MFA]),
        // An action applies to others.
        (changed("principal: User", "principal: [User, Group]"), &[LEVEL]),
        (changed("principal: User", "principal: Group"), &[LEVEL]),
        (changed("resource: Doc", "resource: Group"), &[FORBID]),
    ] {
        let flown = flown(&world, candidate.clone());
        let found: Vec<_> = flown.failing().map(|check| check.id.clone()).collect();
        let expected = versions.iter().filter(|version| failing.contains(&version.cedar_raw.as_deref().unwrap()));
        assert_eq!(found, expected.map(|version| version.id.clone()).collect::<Vec<_>>(), "{candidate:?}");
        assert_eq!((flown.is_clean(), flown.policy_versions.len()), (failing.is_empty(), texts.len()));
        assert_eq!((flown.schema_version.as_str(), flown.zone_id.as_str()), ("next", "acme"));
        assert_eq!(flown.entries, 13);
        for check in &flown.policy_versions {
            assert_eq!((check.valid, check.latest), (check.findings.is_empty(), true));
            assert_eq!((check.version, &check.schema_version), (1, &versions[0].schema_version));
        }
    }
}

/// More texts than are in memory at a time.
#[test]
fn many_texts_are_each_checked_and_told_with_what_pins_them() {
    let world = World::new();
    let versions = world.write(|zone| {
        let mut versions = Vec::new();
        for n in 0..150_usize {
            let text = match n % 7 {
                0 => format!("permit(principal, action, resource) when {{ principal.level > {n} }};"),
                _ => format!("permit(principal, action, resource) when {{ {n} > 0 }};"),
            };
            let policy = zone.create_policy(NewPolicy::named("p").id(format!("p{n}")))?;
            versions.push(zone.create_policy_version(policy.id, NewPolicyVersion::cedar(V1, text))?);
        }
        Ok(versions)
    });
    let versions = versions.unwrap();
    world.set_version("s", &versions.iter().collect::<Vec<_>>());
    let flown = flown(&world, changed("level: Long, ", ""));
    let ids = |wanted: fn(usize) -> bool| {
        let some = versions.iter().enumerate().filter(move |(n, _)| wanted(*n));
        some.map(|(_, version)| version.id.clone()).collect::<Vec<_>>()
    };
    assert_eq!(flown.policy_versions.iter().map(|check| check.id.clone()).collect::<Vec<_>>(), ids(|_| true));
    assert_eq!(flown.failing().map(|check| check.id.clone()).collect::<Vec<_>>(), ids(|n| n % 7 == 0));
    let mut failing = ids(|n| n % 7 == 0);
    failing.sort_by_key(|id| versions.iter().find(|version| version.id == *id).unwrap().policy_id.clone());
    assert_eq!(of_set(&flown, "s", 1).failing, failing);
}

#[test]
fn findings_are_those_of_strict_validation_each_with_its_place() {
    let world = World::new();
    let text = format!("{PERMIT}\n{LEVEL}\npermit(principal, action, resource) when {{ resource.secret == true }};");
    let version = world.version("p", &text);
    let flown = flown(&world, changed("level: Long", "grade: Long"));
    let check = of(&flown, &version);
    assert_eq!(check.findings.len(), 1, "{check:?}");
    let (finding, place) = (&check.findings[0], check.findings[0].place.unwrap());
    assert_eq!((finding.statement, place.line), (Some(1), 3));
    assert!(text[place.offset as usize..][..place.length as usize].ends_with("level"), "{place:?}");
    // Every finding is reported, also those of strict validation only.
    let strict = self::flown(&world, changed("level: Long", "level: String").clone());
    assert!(!of(&strict, &version).valid);
    let both =
        NewSchema::cedar("next", SCHEMA.replace("level: Long", "l: Long").replace("secret: Bool", "secret: Long"));
    let both = self::flown(&world, both);
    let places: Vec<_> = of(&both, &version).findings.iter().map(|finding| finding.statement).collect();
    assert_eq!(places, [Some(1), Some(2)], "{both:?}");
    let json = serde_json::to_value(&both).unwrap();
    assert_eq!(json["policy_versions"][0]["findings"][0]["place"]["line"], 3);
    assert_eq!((&json["zone_id"], &json["policy_versions"][0]["valid"]), (&"acme".into(), &false.into()));
}

#[test]
fn warnings_are_told_of_what_validates() {
    let world = World::new();
    let version = world.version("p", "permit(principal, action, resource) when { false };");
    let flown = flown(&world, changed("secret", "hidden"));
    let check = of(&flown, &version);
    assert_eq!((check.valid, check.warnings.len(), &*check.warnings), (true, 1, version.warnings.as_slice()));
    assert!(flown.is_clean());
}

#[test]
fn what_is_in_force_and_what_is_newest_are_told_apart() {
    let world = World::new();
    let (old, new) = (world.version("p", FORBID), world.version("p", PERMIT));
    let live = world.live("s", &[&old]);
    let next = world.set_version("s", &[&new]);
    world.set_version("s", &[&old, &world.version("q", LEVEL)]);
    // The older version, which is in force, fails; the newest does not.
    let flown = flown(&world, changed("secret", "hidden"));
    assert_eq!((of(&flown, &old).valid, of(&flown, &old).latest), (false, false));
    assert_eq!((of(&flown, &new).valid, of(&flown, &new).latest), (true, true));
    let (first, third) = (of_set(&flown, "s", 1), of_set(&flown, "s", 3));
    assert_eq!((&first.id, &first.active, &first.shadow, first.latest), (&live.id, &Some(Target::Zone), &None, false));
    assert_eq!((first.valid, &first.failing, first.schema_version.as_str()), (false, &vec![old.id.clone()], V1));
    assert_eq!((&third.active, third.latest, third.valid), (&None, true, false));
    assert_eq!(flown.policy_set_versions.len(), 2, "what is neither is not checked: {}", next.id);
    assert_eq!(flown.failing_sets().count(), 2);
    // And the other way round.
    let world = World::new();
    let (old, new) = (world.version("p", PERMIT), world.version("p", FORBID));
    world.live("s", &[&old]);
    let flown = self::flown(&world, changed("secret", "hidden"));
    assert_eq!((of(&flown, &old).valid, of(&flown, &new).valid, flown.is_clean()), (true, false, false));
    let set = of_set(&flown, "s", 1);
    assert_eq!((set.valid, set.latest, &set.active), (true, true, &Some(Target::Zone)));
    assert_eq!(flown.failing_sets().count(), 0);
}

#[test]
fn what_is_bound_to_users_and_what_is_observed_is_checked() {
    let world = World::new();
    let (allow, level, forbid) = (world.version("p", PERMIT), world.version("p", LEVEL), world.version("p", FORBID));
    let own = world
        .write(|zone| {
            zone.create_policy_set(NewPolicySet::named("u").id("u").target_type(TargetType::User))?;
            let own = zone.create_policy_set_version("u", pinning(&[&level]))?;
            zone.create_policy_set_version("u", pinning(&[&allow]))?;
            zone.bind(&own.id, ann())?;
            Ok(own)
        })
        .unwrap();
    let observed = world.set_version("s", &[&forbid]);
    world.set_version("s", &[]);
    world.write(|zone| zone.bind_shadow(&observed.id, Target::Zone)).unwrap();
    let flown = flown(&world, changed("secret: Bool", "hidden: Bool"));
    assert_eq!(flown.policy_versions.len(), 3);
    let (theirs, shadow) = (of_set(&flown, "u", 1), of_set(&flown, "s", 1));
    assert_eq!((&theirs.id, &theirs.active, &theirs.shadow, theirs.valid), (&own.id, &Some(ann()), &None, true));
    assert_eq!((&shadow.active, &shadow.shadow, shadow.valid), (&None, &Some(Target::Zone), false));
    // The same version in both modes is reported once.
    world.write(|zone| zone.bind_shadow(&own.id, ann())).unwrap();
    let again = self::flown(&world, changed("level: Long", "level: String"));
    let theirs = of_set(&again, "u", 1);
    assert_eq!((&theirs.active, &theirs.shadow, theirs.valid), (&Some(ann()), &Some(ann()), false));
    assert_eq!(again.policy_set_versions.len(), 4);
}

#[test]
fn what_is_archived_is_checked_only_where_it_is_bound() {
    let world = World::new();
    let pinned = world.version("p", FORBID);
    let (unused, gone) = (world.version("q", FORBID), world.version("r", FORBID));
    let live = world.live("s", &[&pinned]);
    let (e1, e2) = (world.set_version("e", &[&gone]), world.set_version("f", &[&gone]));
    world
        .write(|zone| {
            zone.archive_policy("p")?;
            zone.archive_policy_version(&unused.id)?;
            zone.archive_policy("r")?;
            zone.archive_policy_set("e")?;
            zone.archive_policy_set_version(&e2.id)
        })
        .unwrap();
    let flown = flown(&world, changed("secret", "hidden"));
    let checked: Vec<_> = flown.policy_versions.iter().map(|check| check.id.clone()).collect();
    assert_eq!(checked, std::slice::from_ref(&pinned.id));
    assert!(of(&flown, &pinned).latest && !of(&flown, &pinned).valid);
    let sets: Vec<_> = flown.policy_set_versions.iter().map(|check| check.id.clone()).collect();
    assert_eq!(sets, [live.id], "and neither {} nor {}", e1.id, e2.id);
    // An archived version that the newest set version pins is checked with it.
    let world = World::new();
    let pinned = world.version("p", FORBID);
    world.set_version("s", &[&pinned]);
    world.write(|zone| zone.archive_policy_version(&pinned.id)).unwrap();
    assert!(!of(&self::flown(&world, changed("secret", "hidden")), &pinned).valid);
}

#[test]
fn all_zones_are_checked_and_a_shared_text_is_the_same_everywhere() {
    let world = World::new();
    world.live("s", &[&world.version("p", FORBID)]);
    world
        .write_store(|w| {
            let mut zone = w.zone("other")?;
            zone.create_policy(NewPolicy::named("p").id("p"))?;
            zone.create_policy_version("p", NewPolicyVersion::cedar(V1, FORBID))?;
            zone.create_policy(NewPolicy::named("q").id("q"))?;
            zone.create_policy_version("q", NewPolicyVersion::cedar(V1, FORBID))?;
            w.create_zone("empty")?;
            let mut zone = w.create_zone("good")?;
            zone.create_policy(NewPolicy::named("p").id("p"))?;
            zone.create_policy_version("p", NewPolicyVersion::cedar(V1, PERMIT)).map(drop)
        })
        .unwrap();
    let before = world.extent();
    let all = world.store.preflight(changed("secret", "hidden")).unwrap();
    assert_eq!(world.extent(), before);
    let zones: Vec<_> = all.zones.iter().map(|zone| (zone.zone_id.as_str(), zone.policy_versions.len())).collect();
    assert_eq!(zones, [("acme", 1), ("other", 2), ("empty", 0), ("good", 1)]);
    let failing: Vec<_> = all.failing().map(|zone| zone.zone_id.as_str()).collect();
    assert_eq!((failing, all.is_clean(), all.schema_version.as_str()), (vec!["acme", "other"], false, "next"));
    let findings: Vec<_> = all.failing().flat_map(|zone| zone.failing()).map(|check| &check.findings).collect();
    assert_eq!(findings.len(), 3);
    assert!(findings.iter().all(|found| std::sync::Arc::ptr_eq(found, findings[0])), "validated more than once");
    // The preflight of each zone alone gives the same result.
    for zone in &all.zones {
        let alone = world.store.zone(&zone.zone_id).unwrap().preflight(changed("secret", "hidden")).unwrap();
        assert_eq!(alone, *zone);
    }
    assert!(world.store.preflight(V1).unwrap().is_clean());
    let none =
        super::support::Clock::new().builder().in_memory().unwrap().preflight(NewSchema::cedar("s", SCHEMA)).unwrap();
    assert!(none.is_clean() && none.zones.is_empty());
}

#[test]
fn a_published_schema_of_any_status_can_be_tried() {
    let world = World::new();
    let version = world.version("p", FORBID);
    world.write_store(|w| w.publish_schema(changed("secret", "hidden"))).unwrap();
    for status in [SchemaStatus::Active, SchemaStatus::Deprecated, SchemaStatus::Archived] {
        world.write_store(|w| w.set_schema_status("next", status)).unwrap();
        let flown = flown(&world, "next");
        assert_eq!((flown.schema_version.as_str(), of(&flown, &version).valid), ("next", false));
    }
    assert!(flown(&world, V1.to_owned()).is_clean());
    // And one in JSON.
    let json = world.store.schema("next", Include::Json).unwrap().cedar_schema_json.unwrap();
    let flown = flown(&world, NewSchema::json("json", &*json));
    assert_eq!((flown.schema_version.as_str(), of(&flown, &version).valid), ("json", false));
}

#[test]
fn a_candidate_that_could_not_be_published_is_refused_with_the_same_error() {
    let world = World::new();
    world.version("p", PERMIT);
    let long = format!("{SCHEMA}//{}", "x".repeat(limits::SCHEMA_BYTES));
    for (new, expected) in [
        (NewSchema::cedar(V1, SCHEMA), (Conflict, "already_exists")),
        (NewSchema::cedar("-", SCHEMA), (Invalid, "invalid_input")),
        (NewSchema::cedar("next", "entity"), (Invalid, "syntax")),
        (NewSchema::cedar("next", "action a appliesTo { principal: U, resource: U };"), (Invalid, "syntax")),
        (NewSchema::json("next", "{"), (Invalid, "json")),
        (
            NewSchema::json(
                "next",
                r#"{"": {"entityTypes": {}, "actions": {}, "commonTypes": {"if": {"type": "Long"}}}}"#,
            ),
            (Invalid, "json"),
        ),
        (NewSchema::cedar("next", long), (TooLarge, "too_large")),
    ] {
        let published = world.write_store(|w| w.publish_schema(new.clone())).unwrap_err();
        let error = refused(world.zone().preflight(new.clone()), expected, "");
        assert_eq!(error.to_string(), published.to_string());
        let error = refused(world.store.preflight(new), expected, "");
        assert_eq!(error.to_string(), published.to_string());
    }
    for name in ["none", "", "no name at all"] {
        refused(world.zone().preflight(name), (NotFound, "not_found"), "schema");
        refused(world.store.preflight(name), (NotFound, "not_found"), "schema");
    }
}

#[test]
fn a_suspended_zone_is_checked_too_and_so_is_a_store_that_is_written_to() {
    let world = World::new();
    let version = world.version("p", FORBID);
    world.write(|zone| zone.suspend()).unwrap();
    assert!(!of(&flown(&world, changed("secret", "hidden")), &version).valid);
    world
        .write_store(|w| {
            w.zone("acme")?.resume()?;
            let other = w.zone("acme")?.create_policy_version("p", NewPolicyVersion::cedar(V1, LEVEL))?;
            // A preflight does not wait for a write, and does not see it.
            let flown = world.zone().preflight(changed("secret", "hidden"))?;
            assert!(of(&flown, &version).latest && flown.policy_versions.iter().all(|check| check.id != other.id));
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_preflight_says_what_making_a_set_version_says_once_the_schema_is_published() {
    let texts = [
        PERMIT,
        FORBID,
        NICK,
        LEVEL,
        WRITE,
        MFA,
        "permit(principal in Group::\"staff\", action in [Action::\"read\", Action::\"write\"], resource);",
        "permit(principal, action, resource) when { resource.owner == principal && principal.level < 3 };\n\n\
         forbid(principal, action, resource is Doc) when { resource.secret && principal.nope };",
        "permit(principal is User, action, resource) when { if resource.secret then true else principal.level == 1 };",
        "permit(principal, action, resource) when { principal.level == \"x\" };",
    ];
    let schemas = [
        SCHEMA.to_owned(),
        SCHEMA.replace("secret", "nope"),
        SCHEMA.replace("level: Long", "level: String, nope: Bool"),
        SCHEMA.replace("level: Long, nick?: String", "nope: Bool"),
        SCHEMA.replace("action read, write", "action read"),
        SCHEMA.replace("in [Group]", ""),
        SCHEMA.replace("principal: User", "principal: Group"),
        SCHEMA.replace("context: { mfa?: Bool }", "context: {}"),
        SCHEMA.replace("level: Long", "nope: Bool").replace("secret", "hidden"),
    ];
    let world = World::new();
    // Versions of every schema, made with whichever takes them.
    let mut versions = Vec::new();
    for (n, schema) in schemas.iter().enumerate() {
        let name = format!("s{n}");
        world.write_store(|w| w.publish_schema(NewSchema::cedar(&name, schema))).unwrap();
        for (m, text) in texts.iter().enumerate() {
            let id = format!("p{n}-{m}");
            world.write(|zone| zone.create_policy(NewPolicy::named("p").id(&id))).unwrap();
            versions.extend(world.write(|zone| zone.create_policy_version(&id, NewPolicyVersion::cedar(&name, *text))));
        }
    }
    assert!(versions.len() > 30, "{}", versions.len());
    world.live("s", &[&world.version("pinned", FORBID)]);
    let pinned = world.zone().policy_set_version_numbered("s", 1).unwrap();
    let mut sets = 0;
    for (n, schema) in schemas.iter().enumerate() {
        let flown = world.zone().preflight(NewSchema::cedar("next", schema)).unwrap();
        assert_eq!(world.zone().preflight(format!("s{n}")).unwrap().policy_versions, flown.policy_versions);
        assert_eq!(flown.policy_versions.len(), versions.len() + 1);
        let name = format!("again{n}");
        world.write_store(|w| w.publish_schema(NewSchema::cedar(&name, format!("{schema}// {n}")))).unwrap();
        world.write(|zone| zone.create_policy_set(NewPolicySet::named("x").id(&name))).unwrap();
        for version in &versions {
            let made =
                world.write(|zone| zone.create_policy_set_version(&name, pinning(&[version]).schema_version(&name)));
            let check = of(&flown, version);
            match made {
                Ok(_) => assert!(check.valid, "{check:?}"),
                Err(error) => {
                    let ErrorDetail::PolicyValidation { diagnostics, .. } = error.detail() else { panic!("{error}") };
                    assert_eq!((check.valid, &*check.findings), (false, diagnostics.as_slice()), "{check:?}");
                }
            }
        }
        let next = policy_store::NewPolicySetVersion::from(&pinned).schema_version(&name);
        let made = world.write(|zone| zone.create_policy_set_version("s", next));
        let set = of_set(&flown, "s", 1);
        assert_eq!((set.valid, &set.active), (made.is_ok(), &Some(Target::Zone)));
        sets += usize::from(set.valid);
    }
    assert!(0 < sets && sets < schemas.len(), "{sets}");
}
