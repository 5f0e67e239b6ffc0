//! Plans of policy sets: what they announce, that applying takes exactly these steps, and what refuses them.

use policy_store::cedar_policy::Decision;
use policy_store::{
    Actor, AppliedPlan, BindingMode, Change, DesiredPolicy, DesiredPolicySet, ErrorKind, Include, NewPolicy, NewSchema,
    PlannedStep, PolicySetPlan, PolicyUpdate, Result, SchemaStatus, StatementChange, Target, TestSuite,
};

use super::support::{ENTITIES, FORBID, PERMIT, SCHEMA, V1, World, asked, customer, decide, platform, refused};

/// A set `production` of policies by name.
pub fn desired(policies: &[(&str, &str)]) -> DesiredPolicySet {
    let set = DesiredPolicySet::new(V1).cedar_schema(SCHEMA).named("production");
    policies.iter().fold(set, |set, (name, text)| set.policy(DesiredPolicy::new(*name, *text)))
}

#[track_caller]
pub fn plan(world: &World, desired: DesiredPolicySet) -> PolicySetPlan {
    world.zone().plan(&customer("alice"), Target::Zone, BindingMode::Active, desired).unwrap()
}

pub fn apply(world: &World, plan: &PolicySetPlan) -> Result<AppliedPlan> {
    world.write(|zone| zone.apply_plan(plan))
}

/// Plans and applies.
#[track_caller]
fn put(world: &World, wanted: DesiredPolicySet) -> AppliedPlan {
    apply(world, &plan(world, wanted)).unwrap()
}

/// The step for each policy, by name.
fn steps(plan: &PolicySetPlan) -> Vec<(&str, PlannedStep)> {
    plan.policies().iter().map(|policy| (policy.change.name.as_str(), policy.step)).collect()
}

/// The names and texts in force for the zone.
fn in_force(world: &World) -> Vec<(String, String)> {
    let zone = world.zone();
    let version = zone.in_force(Target::Zone).unwrap().policy_set_version_id;
    let pinned = zone.pinned_policy_versions_iter(version.as_str(), Include::Cedar, &Default::default());
    let mut found: Vec<_> = pinned
        .map(|version| {
            let version = version.unwrap();
            (zone.policy(&version.policy_id).unwrap().name, version.cedar_raw.as_deref().unwrap().to_owned())
        })
        .collect();
    found.sort();
    found
}

/// The kinds of the entries from a position on.
fn kinds(world: &World, from: usize) -> Vec<&'static str> {
    let kind = |change: &Change| match change {
        Change::PolicyCreated { .. } => "policy",
        Change::PolicyUpdated { .. } => "rename",
        Change::PolicyVersionCreated { .. } => "version",
        Change::PolicySetCreated { .. } => "set",
        Change::PolicySetUpdated { .. } => "set rename",
        Change::PolicySetVersionCreated { .. } => "set version",
        Change::Bound { .. } => "bound",
        Change::TestsKept { .. } => "tests",
        Change::Unchanged => "unchanged",
        _ => "other",
    };
    world.history()[from..].iter().map(|entry| kind(&entry.change)).collect()
}

#[test]
fn the_first_plan_creates_everything_and_the_same_again_nothing() {
    let world = World::new();
    let before = (world.extent(), world.store.history(&Default::default(), &Default::default()).unwrap());
    let wanted = DesiredPolicySet::new("next").cedar_schema(SCHEMA).named("production");
    let wanted = wanted.policy(DesiredPolicy::new("b", FORBID)).policy(DesiredPolicy::new("a", PERMIT));
    let first = plan(&world, wanted.clone());
    assert_eq!(world.extent(), before.0, "a plan writes nothing");
    assert_eq!(steps(&first), [("a", PlannedStep::Create), ("b", PlannedStep::Create)]);
    assert!(first.schema().publish && first.policy_set().create && first.binds() && !first.is_empty());
    assert_eq!((first.policy_set().name.as_str(), first.policy_set().version), ("production", 1));
    assert_eq!((first.base(), first.replaces()), (None, None));
    assert!(
        matches!(first.policies()[0].change.statements.as_slice(), [StatementChange::Added { to }] if to.text == PERMIT)
    );

    let from = world.history().len();
    let applied = apply(&world, &first).unwrap();
    assert!(applied.changed && applied.policy_set_version.version == 1);
    assert_eq!(kinds(&world, from), ["policy", "version", "policy", "version", "set", "set version", "bound"]);
    assert_eq!(world.store.schema("next", Include::Cedar).unwrap().cedar_schema.as_deref(), Some(SCHEMA));
    assert_eq!(in_force(&world), [("a".to_owned(), PERMIT.to_owned()), ("b".to_owned(), FORBID.to_owned())]);

    let extent = world.extent();
    let again = plan(&world, wanted);
    assert!(again.is_empty() && again.policies().iter().all(|policy| policy.step == PlannedStep::Keep));
    let second = apply(&world, &again).unwrap();
    assert_eq!((second.changed, second.binding), (false, applied.binding));
    assert_eq!(world.extent(), extent);
    // The first plan is outdated now, and says by which difference.
    world.refuses((ErrorKind::PreconditionFailed, "plan_outdated"), "version in force", |zone| zone.apply_plan(&first));
}

#[test]
fn each_kind_of_step_is_announced_and_taken() {
    let world = World::new();
    put(&world, desired(&[("keep", PERMIT), ("edit", PERMIT), ("drop", FORBID)]));
    let edited = format!("{PERMIT}\n{FORBID}");
    let wanted = desired(&[("edit", &edited), ("keep", PERMIT), ("new", FORBID)]);
    let next = plan(&world, wanted);
    let expected = [
        ("drop", PlannedStep::Unpin),
        ("edit", PlannedStep::Update),
        ("keep", PlannedStep::Keep),
        ("new", PlannedStep::Create),
    ];
    assert_eq!(steps(&next), expected);
    let [unpinned, edited_step, kept, created] = next.policies() else { panic!("{next:?}") };
    assert!(
        matches!(unpinned.change.statements.as_slice(), [StatementChange::Removed { from }] if from.text == FORBID)
    );
    assert!(matches!(edited_step.change.statements.as_slice(), [StatementChange::Added { to }] if to.statement == 1));
    assert!(kept.change.statements.is_empty() && kept.change.from == kept.change.to);
    let numbers = |policy: &policy_store::PlannedPolicy| {
        let number = |side: &Option<policy_store::ChangedVersion>| side.as_ref().map(|side| side.version);
        (number(&policy.change.from), number(&policy.change.to))
    };
    assert_eq!(
        [unpinned, edited_step, kept, created].map(numbers),
        [(Some(1), None), (Some(1), Some(2)), (Some(1), Some(1)), (None, Some(1))]
    );
    assert_eq!((next.policy_set().version, next.replaces().map(|version| version.version)), (2, Some(1)));
    let from = world.history().len();
    apply(&world, &next).unwrap();
    assert_eq!(kinds(&world, from), ["version", "policy", "version", "set version", "bound"]);

    // A policy that was unpinned is found again by its name, and its version is pinned again.
    let back = plan(&world, desired(&[("drop", FORBID), ("edit", &edited), ("keep", PERMIT), ("new", FORBID)]));
    assert_eq!(steps(&back)[0], ("drop", PlannedStep::Pin));
    let from = world.history().len();
    apply(&world, &back).unwrap();
    assert_eq!(kinds(&world, from), ["set version", "bound"]);
}

#[test]
fn a_plan_is_refused_after_any_change_that_concerns_it_and_only_then() {
    let wanted = |schema: &str| {
        let set = DesiredPolicySet::new(schema).cedar_schema(SCHEMA).named("production");
        set.policy(DesiredPolicy::new("a", FORBID)).policy(DesiredPolicy::new("c", PERMIT))
    };
    type Concerns = fn(&World);
    let concerning: [(&str, Concerns); 7] = [
        ("version in force", |world| {
            put(world, desired(&[("a", PERMIT)]));
        }),
        ("policy `a`", |world| {
            world
                .write(|zone| zone.create_policy_version("a", policy_store::NewPolicyVersion::cedar(V1, PERMIT)))
                .unwrap();
        }),
        ("policy set", |world| {
            world
                .write(|zone| zone.create_policy_set_version("s", policy_store::NewPolicySetVersion::new(V1)))
                .unwrap();
        }),
        ("policy `bb`", |world| {
            world.write(|zone| zone.update_policy("b", PolicyUpdate::new().name("bb"))).unwrap();
        }),
        // A policy of the name that the plan would create.
        ("policy `c`", |world| {
            world.write(|zone| zone.create_policy(NewPolicy::named("c").id("other"))).unwrap();
        }),
        ("schema version", |world| {
            world.write_store(|w| w.publish_schema(NewSchema::cedar("later", SCHEMA))).unwrap();
        }),
        ("policy set", |world| {
            world
                .write(|zone| zone.update_policy_set("s", policy_store::PolicySetUpdate::new().name("staging")))
                .unwrap();
        }),
    ];
    let made = |schema: &str| {
        let world = World::new();
        let (a, b) = (world.version("a", PERMIT), world.version("b", FORBID));
        world.live("s", &[&a, &b]);
        world
            .write(|zone| zone.update_policy_set("s", policy_store::PolicySetUpdate::new().name("production")))
            .unwrap();
        let plan = plan(&world, wanted(schema));
        (world, plan)
    };
    for (number, (field, change)) in concerning.into_iter().enumerate() {
        let (world, plan) = made(if number == 5 { "later" } else { V1 });
        change(&world);
        world.refuses((ErrorKind::PreconditionFailed, "plan_outdated"), field, |zone| zone.apply_plan(&plan));
    }
    let unrelated: [Concerns; 3] = [
        |world| {
            world.version("z", PERMIT);
        },
        |world| {
            world.write_store(|w| w.set_schema_status(V1, SchemaStatus::Deprecated)).unwrap();
        },
        |world| {
            world.write(|zone| zone.create_policy_set(policy_store::NewPolicySet::named("other"))).unwrap();
        },
    ];
    for change in unrelated {
        let (world, plan) = made(V1);
        change(&world);
        assert!(apply(&world, &plan).unwrap().changed);
    }
}

#[test]
fn findings_are_a_part_of_the_plan_with_their_places_and_prevent_applying() {
    let world = World::new();
    let typo = "permit(principal, action, resource)\n  when { resource.nope };";
    let wanted = desired(&[("bad syntax", "permit(principal, action"), ("fine", PERMIT), ("wrong type", typo)]);
    let plan = plan(&world, wanted);
    let found: Vec<_> = plan
        .findings()
        .iter()
        .map(|finding| {
            (finding.policy.as_str(), finding.code.as_str(), finding.diagnostic.place.map(|place| place.line))
        })
        .collect();
    assert_eq!(found, [("bad syntax", "syntax", Some(1)), ("wrong type", "policy_validation", Some(2))]);
    assert!(plan.findings().iter().all(|finding| finding.error) && !plan.is_empty());
    assert_eq!(steps(&plan).len(), 3);
    let error = world.refuses((ErrorKind::Invalid, "plan_findings"), "`bad syntax`", |zone| zone.apply_plan(&plan));
    assert!(error.to_string().contains("1 more"), "{error}");
    refused(world.zone().authorizer_of_plan(&plan), (ErrorKind::Invalid, "plan_findings"), "`bad syntax`");
}

#[test]
fn a_warning_does_not_prevent_applying() {
    let world = World::new();
    let never = "permit(principal, action, resource) when { false };";
    let plan = plan(&world, desired(&[("never", never)]));
    assert!(plan.findings().iter().all(|finding| !finding.error && finding.code == "warning"), "{:?}", plan.findings());
    assert_eq!(plan.findings().len(), 1);
    assert!(apply(&world, &plan).unwrap().changed);
}

#[test]
fn a_policy_that_is_kept_is_validated_against_the_new_schema() {
    let world = World::new();
    put(&world, desired(&[("a", PERMIT), ("secret", FORBID)]));
    let schema = SCHEMA.replace(", secret: Bool", "");
    let wanted = |schema: &str, name: &str| {
        let set = DesiredPolicySet::new(name).cedar_schema(schema).named("production");
        set.policy(DesiredPolicy::new("a", PERMIT)).policy(DesiredPolicy::new("secret", FORBID))
    };
    let broken = plan(&world, wanted(&schema, "without"));
    let [finding] = broken.findings() else { panic!("{:?}", broken.findings()) };
    assert_eq!((finding.policy.as_str(), finding.code.as_str()), ("secret", "policy_validation"));
    world.refuses((ErrorKind::Invalid, "plan_findings"), "`secret`", |zone| zone.apply_plan(&broken));
    refused(world.store.schema("without", Include::Neither), (ErrorKind::NotFound, "not_found"), "without");

    let fine = plan(&world, wanted(&format!("{SCHEMA}entity More;\n"), "more"));
    assert_eq!(steps(&fine), [("a", PlannedStep::Keep), ("secret", PlannedStep::Keep)]);
    assert_eq!((fine.is_empty(), fine.policy_set().version), (false, 2));
    let applied = apply(&world, &fine).unwrap();
    assert_eq!(applied.policy_set_version.schema_version, "more");
}

#[test]
fn a_plan_can_be_saved_and_applied_later() {
    let world = World::new();
    let made = plan(&world, desired(&[("a", PERMIT)]));
    let json = serde_json::to_string(&made).unwrap();
    let read = PolicySetPlan::from_json(&json).unwrap();
    assert_eq!(read, made);
    let code = |json: &str| PolicySetPlan::from_json(json).unwrap_err().code();
    assert_eq!(code(&json.replacen("\"v\":1", "\"v\":2", 1)), "newer_format");
    assert_eq!(code(&json.replacen("\"v\":1", "\"v\":1,\"more\":0", 1)), "json");
    assert_eq!(code(&json.replacen("\"v\":1", "\"v\":1,\"v\":1", 1)), "json");
    assert_eq!(code(&json[..json.len() - 1]), "json");
    assert_eq!(code(&json.replacen("\"name\":\"a\",\"cedar_raw\"", "\"name\":\"\",\"cedar_raw\"", 1)), "invalid_input");
    assert!(apply(&world, &read).unwrap().changed);
    assert_eq!(in_force(&world), [("a".to_owned(), PERMIT.to_owned())]);
}

/// Whoever changes a saved plan does not get other steps than it shows.
#[test]
fn a_saved_plan_that_shows_other_steps_is_refused() {
    let world = World::new();
    put(&world, desired(&[("a", PERMIT), ("b", FORBID)]));
    let json = serde_json::to_string(&plan(&world, desired(&[("a", PERMIT)]))).unwrap();
    let shown = json.replacen("\"step\":\"unpin\"", "\"step\":\"keep\"", 1);
    assert_ne!(json, shown);
    let shown = PolicySetPlan::from_json(&shown).unwrap();
    let outdated = (ErrorKind::PreconditionFailed, "plan_outdated");
    world.refuses(outdated, "policy `b`", |zone| zone.apply_plan(&shown));
    let removed = json.replacen("\"text\":\"forbid", "\"text\":\"permit", 1);
    assert_ne!(json, removed);
    let shown = PolicySetPlan::from_json(&removed).unwrap();
    let error = world.refuses(outdated, "statement of policy `b`", |zone| zone.apply_plan(&shown));
    assert!(error.to_string().contains("removed, statement 0: permit"), "{error}");
    let shown = PolicySetPlan::from_json(&json.replacen("\"binds\":true", "\"binds\":false", 1)).unwrap();
    world.refuses(outdated, "binding is `made`, planned with `unchanged`", |zone| zone.apply_plan(&shown));
}

#[test]
fn a_shadow_is_tried_and_then_promoted_without_a_new_version() {
    let world = World::new();
    let live = put(&world, desired(&[("a", PERMIT)]));
    let wanted = || desired(&[("a", PERMIT), ("b", FORBID)]);
    let shadow = world.zone().plan(&customer("alice"), Target::Zone, BindingMode::Shadow, wanted()).unwrap();
    assert_eq!(shadow.base().map(|base| base.version), Some(1));
    let tried = apply(&world, &shadow).unwrap();
    assert_eq!((tried.binding.mode, tried.binding.version), (BindingMode::Shadow, 2));
    assert_eq!(world.zone().in_force(Target::Zone).unwrap(), live.binding);
    let again = world.zone().plan(&customer("alice"), Target::Zone, BindingMode::Shadow, wanted()).unwrap();
    assert!(!again.binds() && again.policy_set().policy_set_version_id.is_some());

    let promote = plan(&world, wanted());
    assert_eq!(promote.policy_set().policy_set_version_id.as_ref(), Some(&tried.policy_set_version.id));
    assert_eq!(steps(&promote), [("a", PlannedStep::Keep), ("b", PlannedStep::Pin)]);
    let from = world.history().len();
    apply(&world, &promote).unwrap();
    assert_eq!(kinds(&world, from), ["bound"]);
}

#[test]
fn ids_names_and_descriptions_follow_the_desired_content() {
    let world = World::new();
    let set = |policies: Vec<DesiredPolicy>| {
        let set = DesiredPolicySet::new(V1).named("production").id("s1");
        policies.into_iter().fold(set, DesiredPolicySet::policy)
    };
    put(&world, set(vec![DesiredPolicy::new("staff", PERMIT).id("p1").description("All employees")]));
    let policy = world.zone().policy("p1").unwrap();
    assert_eq!((policy.name.as_str(), policy.description.as_deref()), ("staff", Some("All employees")));
    assert_eq!(world.zone().policy_set("s1").unwrap().name, "production");

    // Without a description it stays; another name by the same id renames.
    let renamed = plan(&world, set(vec![DesiredPolicy::new("employees", PERMIT).id("p1")]));
    let [step] = renamed.policies() else { panic!("{renamed:?}") };
    assert_eq!((step.step, step.renamed_from.as_deref()), (PlannedStep::Keep, Some("staff")));
    assert!(!renamed.is_empty() && !renamed.binds());
    let from = world.history().len();
    apply(&world, &renamed).unwrap();
    assert_eq!(kinds(&world, from), ["rename"]);
    let policy = world.zone().policy("p1").unwrap();
    assert_eq!((policy.name.as_str(), policy.description.as_deref()), ("employees", Some("All employees")));

    let described = set(vec![DesiredPolicy::new("employees", PERMIT).description("Staff")]);
    put(&world, described.named("live"));
    assert_eq!(world.zone().policy("p1").unwrap().description.as_deref(), Some("Staff"));
    assert_eq!(world.zone().policy_set("s1").unwrap().name, "live");
}

#[test]
fn a_name_must_name_one_policy_and_one_set() {
    let world = World::new();
    let plan = |wanted| world.zone().plan(&customer("alice"), Target::Zone, BindingMode::Active, wanted);
    for id in ["x1", "x2"] {
        world.write(|zone| zone.create_policy(NewPolicy::named("twin").id(id))).unwrap();
        world.set_version(id, &[]);
        world.write(|zone| zone.update_policy_set(id, policy_store::PolicySetUpdate::new().name("twins"))).unwrap();
    }
    let error = refused(plan(desired(&[("twin", PERMIT)])), (ErrorKind::Invalid, "ambiguous_name"), "`x1`, `x2`");
    assert!(error.to_string().contains("`twin`"));
    refused(plan(desired(&[]).named("twins")), (ErrorKind::Invalid, "ambiguous_name"), "`x1`, `x2`");
    refused(plan(desired(&[("n", PERMIT), ("n", FORBID)])), (ErrorKind::Invalid, "invalid_input"), "`n`");
    let twice = desired(&[("n", PERMIT)]).policy(DesiredPolicy::new("m", PERMIT).id("x1"));
    refused(plan(twice.policy(DesiredPolicy::new("o", PERMIT).id("x1"))), (ErrorKind::Invalid, "invalid_input"), "`o`");
    refused(plan(DesiredPolicySet::new(V1)), (ErrorKind::Invalid, "invalid_input"), "needs a name");
    // Archived ones do not count.
    world.write(|zone| zone.archive_policy("x2")).unwrap();
    world.write(|zone| zone.archive_policy_set("x2")).unwrap();
    let one = plan(desired(&[("twin", PERMIT)]).named("twins")).unwrap();
    assert_eq!(one.policies()[0].change.policy_id.as_ref().map(|id| id.as_str()), Some("x1"));
    assert_eq!(one.policy_set().policy_set_id.as_ref().map(|id| id.as_str()), Some("x1"));
}

#[test]
fn a_customer_does_not_change_what_the_platform_owns() {
    let world = World::new();
    let wanted = || desired(&[("a", PERMIT)]);
    let plan_as = |actor: &Actor, wanted| world.zone().plan(actor, Target::Zone, BindingMode::Active, wanted);
    let made = plan_as(&platform(), wanted()).unwrap();
    world.write_as(&platform(), |zone| zone.apply_plan(&made)).unwrap();
    let edit = || desired(&[("a", FORBID)]);
    refused(plan_as(&customer("alice"), edit()), (ErrorKind::Forbidden, "platform_owned"), "policy `a`");
    let add = desired(&[("a", PERMIT), ("b", FORBID)]);
    refused(plan_as(&customer("alice"), add), (ErrorKind::Forbidden, "platform_owned"), "policy set");
    // A plan of the platform is no permission.
    let edit = plan_as(&platform(), edit()).unwrap();
    world.refuses((ErrorKind::Forbidden, "platform_owned"), "policy `a`", |zone| zone.apply_plan(&edit));
    assert!(plan_as(&customer("alice"), wanted()).unwrap().is_empty());
}

#[test]
fn a_repeated_call_gives_the_first_answer() {
    let world = World::new();
    let made = plan(&world, desired(&[("a", PERMIT)]));
    let key = policy_store::IdempotencyKey([7; 16]);
    let call = |plan: &PolicySetPlan| world.write(|zone| zone.idempotency_key(key).apply_plan(plan));
    let first = call(&made).unwrap();
    put(&world, desired(&[("a", FORBID)]));
    let extent = world.extent();
    assert_eq!(call(&made).unwrap().binding, first.binding);
    assert_eq!(world.extent(), extent);
    let other = plan(&world, desired(&[("b", FORBID)]));
    refused(call(&other), (ErrorKind::Conflict, "request_conflict"), &key.to_string());
}

#[test]
fn what_is_archived_stays_in_force_and_is_not_pinned_anew() {
    let world = World::new();
    put(&world, desired(&[("a", PERMIT), ("b", FORBID)]));
    let id = world.zone().policies(&Default::default(), &Default::default()).unwrap().items;
    let id = id.into_iter().find(|policy| policy.name == "a").unwrap().id;
    world.write(|zone| zone.archive_policy(&id)).unwrap();
    assert!(plan(&world, desired(&[("a", PERMIT), ("b", FORBID)])).is_empty());
    let plan = |wanted| world.zone().plan(&customer("alice"), Target::Zone, BindingMode::Active, wanted);
    refused(plan(desired(&[("a", PERMIT)])), (ErrorKind::Archived, "archived"), id.as_str());
    refused(plan(desired(&[("a", FORBID), ("b", FORBID)])), (ErrorKind::Archived, "archived"), "policy `a`");
}

#[test]
fn an_archived_version_of_the_set_is_not_bound_again() {
    let world = World::new();
    put(&world, desired(&[("a", PERMIT)]));
    let second = put(&world, desired(&[("a", FORBID)])).policy_set_version;
    put(&world, desired(&[("a", PERMIT)]));
    let third = world.zone().in_force(Target::Zone).unwrap();
    // The newest version has these pins, but the one before is the newest that differs.
    assert_eq!((second.version, third.version), (2, 3));
    world.write(|zone| zone.unbind(Target::Zone)).unwrap();
    world.write(|zone| zone.archive_policy_set_version(&third.policy_set_version_id)).unwrap();
    let next = plan(&world, desired(&[("a", PERMIT)]));
    assert_eq!((next.policy_set().version, next.policy_set().policy_set_version_id.as_ref()), (4, None));
    assert!(apply(&world, &next).unwrap().changed);
}

#[test]
fn a_schema_name_has_one_source_for_ever() {
    let world = World::new();
    let plan = |wanted| world.zone().plan(&customer("alice"), Target::Zone, BindingMode::Active, wanted);
    let other = desired(&[]).cedar_schema(format!("{SCHEMA}\n"));
    refused(plan(other), (ErrorKind::Conflict, "schema_taken"), V1);
    refused(plan(DesiredPolicySet::new("none").named("s")), (ErrorKind::NotFound, "not_found"), "none");
    refused(
        plan(DesiredPolicySet::new("x").cedar_schema("entity").named("s")),
        (ErrorKind::Invalid, "syntax"),
        "schema",
    );
    for status in [SchemaStatus::Deprecated, SchemaStatus::Archived] {
        world.write_store(|w| w.set_schema_status(V1, status)).unwrap();
    }
    refused(plan(desired(&[])), (ErrorKind::Archived, "archived"), V1);
}

#[test]
fn a_plan_decides_before_it_is_applied_and_alike_after() {
    let world = World::new();
    put(&world, desired(&[("a", PERMIT)]));
    let schema = format!("{SCHEMA}entity More;\n");
    let wanted = DesiredPolicySet::new("more").cedar_schema(&schema).named("production");
    let wanted = wanted.policy(DesiredPolicy::new("a", PERMIT)).policy(DesiredPolicy::new("b", FORBID));
    for json in [false, true] {
        let mut made = plan(&world, wanted.clone());
        if json {
            made = PolicySetPlan::from_json(&serde_json::to_string(&made).unwrap()).unwrap();
        }
        let authorizer = world.zone().authorizer_of_plan(&made).unwrap();
        assert_eq!(decide(&authorizer, "ann", "read", "open"), Decision::Allow);
        let (request, entities) = asked(&authorizer, "ann", "read", "shut");
        let answer = authorizer.is_authorized(&request, &entities).unwrap();
        assert_eq!(answer.decision(), Decision::Deny);
        let [because] = answer.determining() else { panic!("{answer:?}") };
        assert_eq!(made.policy_of(because).map(|policy| policy.change.name.as_str()), Some("b"));
        assert_eq!(answer.statement(because).unwrap().text, FORBID);
        refused(answer.receipt(&entities), (ErrorKind::Invalid, "invalid_input"), "apply the plan");
    }
    put(&world, wanted);
    let authorizer = world.zone().authorizer(Target::Zone).unwrap();
    assert_eq!(decide(&authorizer, "ann", "read", "open"), Decision::Allow);
    assert_eq!(decide(&authorizer, "ann", "read", "shut"), Decision::Deny);
}

#[test]
fn the_guardrail_takes_part_and_must_fit_the_schema() {
    let world = World::new();
    let forbid = world.version("rail", FORBID);
    let rail = world.set_version("rails", &[&forbid]);
    world.write_as(&platform(), |zone| zone.bind_guardrail(&rail.id)).unwrap();
    let made = plan(&world, desired(&[("a", PERMIT)]));
    let authorizer = world.zone().authorizer_of_plan(&made).unwrap();
    assert_eq!(decide(&authorizer, "ann", "read", "shut"), Decision::Deny);
    let (request, entities) = asked(&authorizer, "ann", "read", "shut");
    let answer = authorizer.is_authorized(&request, &entities).unwrap();
    assert_eq!(made.policy_of(&answer.determining()[0]), None);
    let unfit = DesiredPolicySet::new("without").cedar_schema(SCHEMA.replace(", secret: Bool", "")).named("production");
    let planned = world.zone().plan(&customer("alice"), Target::Zone, BindingMode::Active, unfit);
    refused(planned, (ErrorKind::Conflict, "guardrail_schema"), "without");
    let mode = world.zone().plan(&customer("alice"), Target::Zone, BindingMode::Guardrail, desired(&[]));
    refused(mode, (ErrorKind::Invalid, "invalid_input"), "guardrail");
}

#[test]
fn a_user_gets_a_set_of_its_own_kind() {
    let world = World::new();
    put(&world, desired(&[("a", PERMIT)]));
    let ann = || Target::user("ann");
    let plan = |target, wanted| world.zone().plan(&customer("alice"), target, BindingMode::Active, wanted);
    // The zone's set of the same name is not for users.
    let made = plan(ann(), desired(&[("a", PERMIT)])).unwrap();
    assert!(made.policy_set().create);
    apply(&world, &made).unwrap();
    assert!(plan(ann(), desired(&[("a", PERMIT)])).unwrap().is_empty());
    let id = world.zone().in_force(ann()).unwrap().policy_set_id;
    let other = plan(Target::user("bob"), desired(&[("a", PERMIT)]).id(id.as_str()));
    refused(other, (ErrorKind::Conflict, "wrong_target"), "bob");
    refused(plan(Target::user(""), desired(&[])), (ErrorKind::Invalid, "invalid_input"), "target id");
}

#[test]
fn a_suspended_zone_has_no_plans() {
    let world = World::new();
    let made = plan(&world, desired(&[("a", PERMIT)]));
    world.write(|zone| zone.suspend()).unwrap();
    world.refuses((ErrorKind::Conflict, "suspended"), "acme", |zone| zone.apply_plan(&made));
    let planned = world.zone().plan(&customer("alice"), Target::Zone, BindingMode::Active, desired(&[]));
    refused(planned, (ErrorKind::Conflict, "suspended"), "acme");
}

#[test]
fn a_plan_for_one_zone_is_not_applied_to_another() {
    let world = World::new();
    let made = plan(&world, desired(&[("a", PERMIT)]));
    let other = world.write_store(|w| w.zone("other")?.apply_plan(&made));
    refused(other, (ErrorKind::PreconditionFailed, "plan_outdated"), "zone is `other`");
}

/// A suite with one case: whether `ann` may read a document.
fn suite(document: &str, decision: &str) -> TestSuite {
    let json = format!(
        r#"[{{"request": {{"principal": "User::\"ann\"", "action": "Action::\"read\"", "resource": "Doc::\"{document}\""}},
            "entities": {ENTITIES}, "decision": "{decision}", "reason": [], "num_errors": 0}}]"#
    );
    TestSuite::from_json(json).unwrap()
}

#[test]
fn a_suite_is_kept_with_the_version_and_kept_once() {
    let world = World::new();
    let wanted = || desired(&[("a", PERMIT)]).tests(suite("open", "allow"));
    let made = plan(&world, wanted());
    assert_eq!(made.tests().map(|tests| (tests.cases, tests.keep)), Some((1, true)));
    let read = PolicySetPlan::from_json(&serde_json::to_string(&made).unwrap()).unwrap();
    let version = apply(&world, &read).unwrap().policy_set_version;
    assert_eq!(version.tests_sha, Some(suite("open", "allow").sha()));
    assert!(plan(&world, wanted()).is_empty() && plan(&world, desired(&[("a", PERMIT)])).is_empty());

    // Another suite alone is a change, which keeps version and binding.
    let other = plan(&world, desired(&[("a", PERMIT)]).tests(suite("shut", "allow")));
    assert_eq!((other.is_empty(), other.binds(), other.policy_set().version), (false, false, 1));
    let from = world.history().len();
    assert!(apply(&world, &other).unwrap().changed);
    assert_eq!(kinds(&world, from), ["tests"]);
    let outdated = plan(&world, desired(&[("a", PERMIT)]).tests(suite("open", "allow")));
    world.write(|zone| zone.keep_tests(&version.id, &suite("open", "allow"))).unwrap();
    world.refuses((ErrorKind::PreconditionFailed, "plan_outdated"), "test suite", |zone| zone.apply_plan(&outdated));
    let empty = desired(&[]).tests(TestSuite::from_json("[]").unwrap());
    let empty = world.zone().plan(&customer("alice"), Target::Zone, BindingMode::Active, empty);
    refused(empty, (ErrorKind::Invalid, "invalid_input"), "test suite");
}

#[test]
fn a_demand_for_tests_is_met_before_any_step_is_taken() {
    let world = World::new();
    world.write(|zone| zone.require_tests(true)).unwrap();
    let without = plan(&world, desired(&[("a", PERMIT)]));
    world.refuses((ErrorKind::Conflict, "tests_missing"), "acme", |zone| zone.apply_plan(&without));
    // The schema is new, too: the tests run before it is published.
    let wanted = |text: &str, tests: TestSuite| {
        let set = DesiredPolicySet::new("next").cedar_schema(SCHEMA).named("production");
        set.policy(DesiredPolicy::new("a", text)).policy(DesiredPolicy::new("b", FORBID).id("b")).tests(tests)
    };
    let failing = plan(&world, wanted(PERMIT, suite("shut", "allow")));
    world.refuses((ErrorKind::Conflict, "tests_failed"), "planned", |zone| zone.apply_plan(&failing));
    put(&world, wanted(PERMIT, suite("open", "allow")));

    // Without a suite of its own, a new version gets that of the version in force.
    let next = |a: &str| DesiredPolicySet::new("next").named("production").policy(DesiredPolicy::new("a", a));
    let denies = plan(&world, next(&PERMIT.replace("permit", "forbid")));
    assert_eq!(denies.tests().map(|tests| tests.keep), Some(true));
    world.refuses((ErrorKind::Conflict, "tests_failed"), "allow", |zone| zone.apply_plan(&denies));
    let version = put(&world, next(PERMIT)).policy_set_version;
    assert_eq!(version.tests_sha, Some(suite("open", "allow").sha()));

    // A shadow is tried without tests; promoting it is checked.
    let bad = || next(&PERMIT.replace("permit", "forbid"));
    let shadow = world.zone().plan(&customer("alice"), Target::Zone, BindingMode::Shadow, bad()).unwrap();
    assert_eq!(shadow.tests(), None);
    apply(&world, &shadow).unwrap();
    let promote = plan(&world, bad());
    assert!(promote.policy_set().policy_set_version_id.is_some());
    world.refuses((ErrorKind::Conflict, "tests_missing"), "acme", |zone| zone.apply_plan(&promote));
    let promote = plan(&world, bad().tests(suite("open", "allow")));
    world.refuses((ErrorKind::Conflict, "tests_failed"), "allow", |zone| zone.apply_plan(&promote));
    put(&world, bad().tests(suite("open", "deny")));
}

#[test]
fn statements_are_numbered_for_tests_as_in_the_version() {
    let world = World::new();
    world.write(|zone| zone.require_tests(true)).unwrap();
    // `z` comes last by its id, whatever the generated ids of the others are.
    let json = suite("shut", "deny").as_json().replace("\"reason\": []", "\"reason\": [\"policy2\", \"zz\"]");
    let set = desired(&[("a", PERMIT), ("b", PERMIT)]).policy(DesiredPolicy::new("z", FORBID).id("zz"));
    let version = put(&world, set.tests(TestSuite::from_json(json).unwrap())).policy_set_version;
    assert!(world.zone().run_tests(&version.id).unwrap().unwrap().is_passed());
}

#[test]
fn a_name_that_a_renamed_policy_leaves_is_free_in_the_same_plan() {
    let world = World::new();
    put(&world, desired(&[("old", PERMIT)]));
    let id = world.zone().policies(&Default::default(), &Default::default()).unwrap().items.remove(0).id;
    let wanted = desired(&[("old", FORBID)]).policy(DesiredPolicy::new("new", PERMIT).id(id.as_str()));
    let made = plan(&world, wanted);
    assert_eq!(steps(&made), [("new", PlannedStep::Keep), ("old", PlannedStep::Create)]);
    apply(&world, &made).unwrap();
    assert_eq!(world.zone().policy(&id).unwrap().name, "new");
}

#[test]
fn a_saved_plan_that_is_costly_to_validate_is_prepared_before_its_write() {
    let clock = super::support::Clock::new();
    // One statement, two types of request.
    let store = clock.builder().validation_limit(2).in_memory().unwrap();
    let world = World::with(store, clock);
    let made = plan(&world, desired(&[("a", PERMIT), ("b", FORBID)]));
    let read = PolicySetPlan::from_json(&serde_json::to_string(&made).unwrap()).unwrap();
    world.refuses((ErrorKind::TooLarge, "validation_too_costly"), "ahead of the write", |zone| zone.apply_plan(&read));
    let prepared = world.zone().prepare_plan(&customer("alice"), &read).unwrap();
    assert_eq!(prepared, made);
    assert!(apply(&world, &prepared).unwrap().changed);
    let outdated = world.zone().prepare_plan(&customer("alice"), &read);
    refused(outdated, (ErrorKind::PreconditionFailed, "plan_outdated"), "version in force");
}

#[test]
fn a_plan_decides_in_its_own_zone_by_its_own_schema_only() {
    let world = World::new();
    let wanted = DesiredPolicySet::new("next").cedar_schema(SCHEMA).named("s").policy(DesiredPolicy::new("a", PERMIT));
    let made = plan(&world, wanted);
    let outdated = (ErrorKind::PreconditionFailed, "plan_outdated");
    refused(world.store.zone("other").unwrap().authorizer_of_plan(&made), outdated, "zone is `other`");
    let read = PolicySetPlan::from_json(&serde_json::to_string(&made).unwrap()).unwrap();
    world.write_store(|w| w.publish_schema(NewSchema::cedar("next", format!("{SCHEMA}\n")))).unwrap();
    refused(world.zone().authorizer_of_plan(&read), outdated, "SHA-256 of the schema");
}
