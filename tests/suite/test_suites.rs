//! Test suites: their form, and their run over the statements of a version.
//!
//! Defends against a suite that is not read as Cedar reads it, and against results that change without a change of the
//! version or the suite.

use policy_store::ErrorKind::{Invalid, TooLarge};
use policy_store::limits;
use policy_store::{Target, TestProblem, TestReport, TestSuite};
use serde_json::{Value, json};

use super::support::{ENTITIES, FORBID, PERMIT, World, pinning, platform, refused};

/// A case that asks whether `who` may read `doc`.
pub fn case(who: &str, doc: &str, decision: &str) -> Value {
    json!({
        "request": {
            "principal": format!("User::\"{who}\""),
            "action": "Action::\"read\"",
            "resource": format!("Doc::\"{doc}\""),
            "context": {},
        },
        "entities": serde_json::from_str::<Value>(ENTITIES).unwrap(),
        "decision": decision,
        "reason": [],
        "num_errors": 0,
    })
}

/// The same with another member, or without it.
pub fn with(mut case: Value, member: &str, value: impl Into<Option<Value>>) -> Value {
    match (member.split_once('/'), value.into()) {
        (Some((object, member)), value) => case[object] = with(case[object].take(), member, value),
        (None, Some(value)) => case[member] = value,
        (None, None) => drop(case.as_object_mut().unwrap().remove(member)),
    }
    case
}

pub fn suite(cases: &[Value]) -> TestSuite {
    TestSuite::from_json(Value::from(cases.to_vec()).to_string()).unwrap()
}

/// A world with two policies in force: `a` permits all, and has a second statement; `b` forbids secret documents.
fn world() -> World {
    let world = World::new();
    let fails = "@id(\"fails\") forbid(principal, action, resource) when { principal.level + 1 == 0 };";
    let a = world.version("a", &format!("{PERMIT} {fails}"));
    let b = world.version("b", &format!("@id(\"secret\") {FORBID}"));
    world.live("s", &[&a, &b]);
    world
}

fn run(world: &World, cases: &[Value]) -> TestReport {
    world.zone().authorizer(Target::Zone).unwrap().run_tests(&suite(cases)).unwrap()
}

/// The problem of a case that fails.
#[track_caller]
fn problem(world: &World, case: Value) -> TestProblem {
    let report = run(world, &[case]);
    assert_eq!((report.cases, report.failed(), report.is_passed()), (1, 1, false), "{report:?}");
    assert_eq!(report.failures[0].problems.len(), 1, "{report:?}");
    report.failures[0].problems[0].clone()
}

#[test]
fn a_suite_keeps_its_text_and_tells_its_cases() {
    let text =
        format!(" [ {},\n{} ]\n", with(case("ann", "open", "allow"), "name", json!("é")), case("a", "b", "deny"));
    let suite = TestSuite::from_json(text.as_str()).unwrap();
    assert_eq!((suite.as_json(), suite.len(), suite.is_empty()), (text.as_str(), 2, false));
    assert_eq!(suite.sha(), policy_store::Sha256::of(text.as_bytes()));
    let [first, second] = suite.cases() else { panic!("{suite:?}") };
    assert_eq!((first.name(), second.name()), (Some("é"), None));
    assert_eq!((first.decision().as_str(), second.decision().as_str()), ("allow", "deny"));
    assert_eq!((first.num_errors(), first.context_json()), (0, "{}"));
    let entities: Value = serde_json::from_str(first.entities_json()).unwrap();
    assert_eq!(entities, serde_json::from_str::<Value>(ENTITIES).unwrap());
    assert!(TestSuite::from_json("[]").unwrap().is_empty());
}

#[test]
fn a_suite_of_another_form_is_refused_with_the_index_and_name_of_the_case() {
    let good = || case("ann", "open", "allow");
    let named = || with(good(), "name", json!("mine"));
    for (wrong, says) in [
        (json!([]), "case 1: `case`: expected an object"),
        (with(good(), "name", json!(7)), "case 1: `name`: expected a string"),
        (with(good(), "request", None), "case 1: `request` is missing"),
        (with(good(), "request", json!([])), "case 1: `request`: expected an object"),
        (with(good(), "request/principal", None), "case 1: `principal` is missing"),
        (with(good(), "request/action", None), "case 1: `action` is missing"),
        (with(good(), "request/resource", json!(7)), "case 1: `resource`: expected an entity uid"),
        (with(good(), "request/resource", json!({"type": "Doc"})), "case 1: `resource`: expected an entity uid"),
        (
            with(good(), "request/resource", json!({"type": "Doc", "id": 1})),
            "case 1: `resource`: expected an entity uid",
        ),
        (
            with(good(), "request/resource", json!({"type": "Doc", "id": "d", "x": 1})),
            "case 1: `resource`: expected an entity uid",
        ),
        (with(good(), "entities", None), "case 1: `entities` is missing"),
        (with(good(), "entities", json!({})), "case 1: `entities`: expected an array"),
        (with(named(), "entities", json!("entities.json")), "case 1 (`mine`): `entities` is the name of a file: put"),
        (with(good(), "decision", None), "case 1: `decision` is missing"),
        (with(good(), "decision", json!("Allow")), "case 1: `decision`: expected `allow` or `deny`"),
        (with(named(), "reason", None), "case 1 (`mine`): `reason` is missing"),
        (with(good(), "reason", json!("policy0")), "case 1: `reason`: expected an array"),
        (with(good(), "reason", json!([0])), "case 1: `reason`: expected an array"),
        (with(good(), "num_errors", None), "case 1: `num_errors` is missing"),
        (with(good(), "num_errors", json!(-1)), "case 1: `num_errors`: expected the number"),
    ] {
        let text = Value::from(vec![good(), wrong]).to_string();
        let error = refused(TestSuite::from_json(text), (Invalid, "json"), says);
        assert!(error.to_string().starts_with("invalid test suite: ") && error.to_string().len() < 300, "{error}");
    }
    for (text, says) in [("{}", "expected an array of cases"), ("\"x\"", "expected an array of cases"), ("", "EOF")] {
        refused(TestSuite::from_json(text), (Invalid, "json"), says);
    }
}

#[test]
fn further_members_are_ignored_and_a_context_may_be_absent_as_may_a_name() {
    let world = world();
    let ann = || case("ann", "open", "allow");
    let further = with(with(ann(), "comment", json!({"x": 1})), "request/comment", json!("y"));
    assert!(
        run(&world, &[further, with(ann(), "request/context", None), with(ann(), "name", json!(null))]).is_passed()
    );
}

#[test]
fn a_uid_may_be_an_object() {
    let world = world();
    let plain = with(case("ann", "open", "allow"), "request/principal", json!({"type": "User", "id": "ann"}));
    let escaped = json!({"__entity": {"type": "Doc", "id": "open"}});
    assert!(run(&world, &[plain.clone(), with(plain, "request/resource", escaped)]).is_passed());
}

#[test]
fn hostile_suites_are_refused_on_a_small_stack() {
    let good = case("ann", "open", "allow").to_string();
    let many = format!("[{}]", vec!["{}"; limits::SUITE_CASES + 1].join(","));
    let deep = format!("[{}", "[".repeat(200_000));
    let objects = format!("[{}", "{\"a\":".repeat(200_000));
    let spaced = format!("[{good}]{}", " ".repeat(limits::SUITE_BYTES));
    let twice = format!("[{}]", good.replacen("\"reason\"", "\"decision\":\"deny\",\"reason\"", 1));
    let within = format!("[{}]", good.replacen("\"context\":{}", "\"context\":{\"mfa\":true,\"\\u006dfa\":false}", 1));
    let cases = [
        (many, (TooLarge, "too_large"), "10001 cases, limit 10000"),
        (deep, (TooLarge, "too_deep"), "test suite"),
        (objects, (TooLarge, "too_deep"), "test suite"),
        (spaced, (TooLarge, "too_large"), "limit 1048576"),
        (twice, (Invalid, "json"), "duplicate key `decision`"),
        (within, (Invalid, "json"), "duplicate key `mfa`"),
        (format!("[{good}] x"), (Invalid, "json"), "trailing"),
        (format!("\u{feff}[{good}]"), (Invalid, "json"), "byte order mark"),
        (format!("[{}]", good.replace("\"num_errors\":0", "\"num_errors\":1e2")), (Invalid, "json"), "64-bit integer"),
    ];
    let check = move || cases.map(|(text, expected, names)| refused(TestSuite::from_json(text), expected, names));
    let small = std::thread::Builder::new().stack_size(256 * 1024).spawn(check).unwrap();
    small.join().unwrap();
}

#[test]
fn a_case_fails_by_its_decision_its_reasons_or_the_number_of_errors() {
    let world = world();
    // `secret` is the determining `forbid`; the `permit` is not among the reasons of a denial.
    let shut = || case("ann", "shut", "deny");
    assert!(
        run(&world, &[case("ann", "open", "allow"), shut(), with(shut(), "reason", json!(["secret"]))]).is_passed()
    );
    let decision = problem(&world, case("ann", "shut", "allow"));
    assert_eq!(decision.to_string(), "decision is deny, expected allow");
    let missing = problem(&world, with(shut(), "reason", json!(["secret", "policy0"])));
    assert_eq!(serde_json::to_value(&missing).unwrap(), json!({"kind": "missing_reason", "reason": "policy0"}));
    assert_eq!(missing.to_string(), "`policy0` is not a determining statement");
    let unknown = problem(&world, with(shut(), "reason", json!(["policy9", "secret"])));
    assert_eq!(unknown.to_string(), "no statement has the name `policy9`");
    // `bob` has the largest level, so `fails` overflows.
    let errors = problem(&world, case("bob", "open", "allow"));
    assert_eq!(errors.to_string(), "1 statements failed, expected 0");
    assert!(run(&world, &[with(case("bob", "open", "allow"), "num_errors", json!(1))]).is_passed());
    // Another decision hides the reasons, but not a name that no statement has.
    let both = with(with(case("bob", "shut", "allow"), "reason", json!(["policy0", "none"])), "num_errors", json!(3));
    let report = run(&world, &[case("ann", "open", "allow"), with(both, "name", json!("both"))]);
    let [failure] = report.failures.as_slice() else { panic!("{report:?}") };
    let says = "case 1 (`both`): decision is deny, expected allow; no statement has the name `none`";
    assert_eq!(failure.to_string(), says);
    let found = failure.found.as_ref().unwrap();
    assert_eq!(
        (found.decision.as_str(), found.reason.as_slice(), found.num_errors),
        ("deny", &["secret".to_owned()][..], 1)
    );
    assert!(found.errors[0].starts_with("`fails`: ") && found.errors[0].contains("overflow"), "{:?}", found.errors);
}

#[test]
fn reasons_name_statements_by_annotation_number_policy_and_number_in_it() {
    let world = world();
    let names = ["policy0", "a", "a.0"];
    for name in names {
        assert!(run(&world, &[with(case("ann", "open", "allow"), "reason", json!([name]))]).is_passed(), "{name}");
    }
    for name in ["secret", "policy2", "b", "b.0"] {
        assert!(run(&world, &[with(case("ann", "shut", "deny"), "reason", json!([name]))]).is_passed(), "{name}");
    }
    // A policy's name changes, so it names nothing.
    world.write(|zone| zone.update_policy("a", policy_store::PolicyUpdate::new().name("staff"))).unwrap();
    let unknown = problem(&world, with(case("ann", "open", "allow"), "reason", json!(["staff"])));
    assert_eq!(unknown.to_string(), "no statement has the name `staff`");
}

#[test]
fn input_that_does_not_fit_the_schema_fails_its_case_alone() {
    let world = world();
    let ann = || case("ann", "open", "allow");
    let unknown = json!([{"uid": {"type": "Nobody", "id": "n"}, "attrs": {}, "parents": []}]);
    let report = run(
        &world,
        &[
            with(ann(), "request/principal", json!("User::ann")),
            with(ann(), "request/action", json!("Action::\"burn\"")),
            with(ann(), "request/context", json!({"mfa": 1})),
            with(ann(), "request/context", json!([])),
            with(ann(), "entities", unknown),
            ann(),
            with(ann(), "entities", json!([])),
        ],
    );
    let told: Vec<_> = report.failures.iter().map(|failure| (failure.index, failure.to_string())).collect();
    assert_eq!(told.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 6], "{told:?}");
    for (says, (_, told)) in ["principal", "Action::\"burn\"", "mfa", "context", "Nobody"].iter().zip(&told) {
        assert!(told.contains(says), "{told} does not name {says}");
    }
    assert!(report.failures[..5].iter().all(|failure| failure.found.is_none()));
}

#[test]
fn a_guardrail_and_the_choice_of_an_authorizer_have_no_effect_on_a_run() {
    let world = world();
    let cases = [case("ann", "open", "allow"), with(case("bob", "open", "allow"), "num_errors", json!(1))];
    let before = run(&world, &cases);
    assert!(before.is_passed());
    let nothing = world.version("guard", "forbid(principal, action, resource);");
    world
        .write_as(&platform(), |zone| {
            let set = zone.create_policy_set(policy_store::NewPolicySet::named("g"))?;
            let version = zone.create_policy_set_version(&set.id, pinning(&[&nothing]))?;
            zone.bind_guardrail(&version.id)
        })
        .unwrap();
    let authorizer = world.zone().authorizer(Target::Zone).unwrap();
    assert!(authorizer.guardrail().is_some());
    assert_eq!(authorizer.deny_on_forbid_error().run_tests(&suite(&cases)).unwrap(), before);
}

#[test]
fn a_report_is_bounded_and_counts_the_rest() {
    let world = World::new();
    let long = "x".repeat(60);
    let text: String = (0..500).map(|n| format!("@id(\"{n}{long}\") {PERMIT}")).collect();
    let version = world.version("p", &text);
    world.live("s", &[&version]);
    let mut cases = vec![case("ann", "open", "deny"); 300];
    cases.push(case("ann", "open", "allow"));
    cases.iter_mut().for_each(|case| case["entities"] = json!([]));
    let report = run(&world, &cases);
    assert_eq!((report.cases, report.failed(), report.is_passed()), (301, 300, false));
    assert!(report.omitted > 0 && report.failures.len() > 10, "{}", report.omitted);
    assert_eq!(report.failures[0].found.as_ref().unwrap().reason.len(), limits::FINDINGS);
    let bytes = serde_json::to_string(&report).unwrap().len();
    assert!(bytes < 2 * limits::TEST_FAILURES_BYTES, "{bytes}");
}

#[test]
fn suites_are_merged_in_the_order_given() {
    let named = |name: &str| with(case("ann", "open", "allow"), "name", json!(name));
    let (one, two) = (suite(&[named("a"), named("b")]), suite(&[named("c")]));
    let empty = TestSuite::from_json(" [ ] ").unwrap();
    let merged = TestSuite::merged([&one, &empty, &two]).unwrap();
    let names: Vec<_> = merged.cases().iter().map(|case| case.name().unwrap()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    assert_eq!(merged, TestSuite::merged(&[one.clone(), empty.clone(), two.clone()]).unwrap());
    assert_ne!(merged, TestSuite::merged([&two, &empty, &one]).unwrap());
    assert_eq!(TestSuite::merged([&empty]).unwrap().as_json(), " [ ] ");
    assert_eq!(TestSuite::merged([]).unwrap().as_json(), "[]");
    let large =
        TestSuite::from_json(format!("[{}]", vec![named(&"x".repeat(900)).to_string(); 400].join(","))).unwrap();
    refused(TestSuite::merged([&large, &large]), (TooLarge, "too_large"), "limit 1048576");
}
