//! Explanations: the statements behind an answer, with the value of each condition as Cedar gives it.

use cedar_policy::{Decision, Effect, Entities, EvalResult, Expression, Request, eval_expression};
use policy_store::ErrorKind::Invalid;
use policy_store::StatementRole::{Determining, Failed, NotApplied};
use policy_store::{
    Answer, ConditionKind, ExplainedCondition, Explanation, Layer, NewPolicy, NewPolicySet, NewPolicyVersion,
    StatementRole, Target, limits,
};
use proptest::prelude::*;

use super::support::{ENTITIES, FORBID, PERMIT, V1, World, asked, pinning, platform, refused};

/// The answer to a question, and its explanation.
fn explained(world: &World, who: &str, doc: &str) -> (Answer, Explanation) {
    let authorizer = world.zone().authorizer(Target::Zone).unwrap();
    let (request, entities) = asked(&authorizer, who, "read", doc);
    let answer = authorizer.is_authorized(&request, &entities).unwrap();
    let explanation = answer.explain(&entities).unwrap();
    (answer, explanation)
}

/// A world in which one policy of this text is in force, and the explanation of an answer.
fn of(text: &str, who: &str, doc: &str) -> Explanation {
    let world = World::new();
    world.live("s", &[&world.version("p", text)]);
    explained(&world, who, doc).1
}

/// Role, number and the values of the conditions of each statement.
fn outline(explanation: &Explanation) -> Vec<(StatementRole, u32, Vec<Option<bool>>)> {
    let statements = explanation.statements.iter();
    statements
        .map(|it| (it.role, it.statement.reference.statement, it.conditions.iter().map(|c| c.value).collect()))
        .collect()
}

/// The only condition of the only statement.
fn only(explanation: &Explanation) -> &ExplainedCondition {
    assert_eq!(explanation.statements.len(), 1, "{explanation:?}");
    assert_eq!(explanation.statements[0].conditions.len(), 1, "{explanation:?}");
    &explanation.statements[0].conditions[0]
}

#[test]
fn an_allowed_request_has_the_permits_that_allowed_it_and_no_other() {
    let text = "@id(\"own\") permit(principal, action, resource) when { resource.owner == principal } unless { resource.secret };
        permit(principal, action, resource) when { resource.secret };
        forbid(principal, action, resource) when { resource.secret };
        permit(principal in Group::\"staff\", action, resource);";
    let told = of(text, "ann", "open");
    assert_eq!((told.decision, told.default_deny, told.denied_by_error), (Decision::Allow, false, false));
    assert_eq!(outline(&told), [(Determining, 0, vec![Some(true), Some(false)]), (Determining, 3, vec![])]);
    let own = &told.statements[0];
    assert_eq!((own.statement.id(), own.statement.effect, own.obstacle()), (Some("own"), Effect::Permit, None));
    assert!(own.conditions.iter().all(|condition| condition.holds && condition.because.is_none()));
    assert_eq!(own.conditions[0].text, "resource.owner == principal");
    assert_eq!((own.conditions[1].kind, own.conditions[1].text.as_str()), (ConditionKind::Unless, "resource.secret"));
}

#[test]
fn a_denied_request_has_the_forbids_that_denied_it() {
    let told = of(&format!("{PERMIT}{FORBID}"), "ann", "shut");
    assert_eq!((told.decision, told.default_deny), (Decision::Deny, false));
    assert_eq!(outline(&told), [(Determining, 1, vec![Some(true)])]);
}

#[test]
fn a_default_deny_has_the_permits_in_scope_and_the_condition_that_did_not_hold() {
    let text = "permit(principal == User::\"eve\", action, resource);
        permit(principal, action == Action::\"write\", resource);
        @id(\"staff\") permit(principal in Group::\"staff\", action == Action::\"read\", resource is Doc)
            when { principal.level > 1 && (resource.secret && // so that
            context has mfa) && context.mfa } unless { resource.secret };
        permit(principal in Group::\"staff\", action, resource) unless { principal.level == 9 || resource.owner == principal };
        forbid(principal, action, resource) when { resource.secret };";
    let told = of(text, "ann", "open");
    assert_eq!((told.decision, told.default_deny, told.omitted), (Decision::Deny, true, 0));
    assert_eq!(outline(&told), [(NotApplied, 2, vec![Some(false), None]), (NotApplied, 3, vec![Some(true)])]);
    let because = |n: usize| told.statements[n].obstacle().unwrap().because.clone().unwrap();
    assert_eq!((because(0).text.as_str(), because(0).value), ("resource.secret", Some(false)));
    assert_eq!((because(1).text.as_str(), because(1).value), ("resource.owner == principal", Some(true)));
    let second = &told.statements[0].conditions[1];
    assert_eq!((second.value, second.holds, &second.error, &second.because), (None, false, &None, &None));
}

#[test]
fn a_chain_names_its_first_term_that_decided_and_no_term_if_all_did() {
    let because = |condition: &str, who: &str| {
        let told = of(&format!("permit(principal, action, resource) {condition};"), who, "open");
        let condition = only(&told).clone();
        assert!(!condition.holds);
        condition.because.map(|term| (term.text, term.value, term.error.is_some()))
    };
    let level = "principal.level + 1 > 0";
    let failed = Some((level.to_owned(), None, true));
    assert_eq!(because("when { resource.secret }", "ann"), None);
    assert_eq!(because("when { resource.secret || principal.level == 7 }", "ann"), None);
    assert_eq!(because("unless { principal.level == 3 && !resource.secret }", "ann"), None);
    assert_eq!(
        because("when { true && (resource.secret || principal.level == 7) }", "ann").unwrap().0,
        "(resource.secret || principal.level == 7)"
    );
    assert_eq!(because(&format!("when {{ !resource.secret && {level} && resource.secret }}"), "bob"), failed);
    assert_eq!(because(&format!("when {{ resource.secret || {level} || !resource.secret }}"), "bob"), failed);
    assert_eq!(because(&format!("unless {{ resource.secret || ({level} || !resource.secret) }}"), "bob"), failed);
    assert_eq!(because(&format!("unless {{ !resource.secret && {level} }}"), "bob"), failed);
    assert_eq!(because(&format!("when {{ {level} }}"), "bob"), None);
}

#[test]
fn a_failed_statement_has_its_error_and_the_condition_that_failed() {
    let text = format!(
        "{PERMIT}forbid(principal, action, resource) when {{ principal.level > 5 }} when {{ principal.level + 1 > 0 }} when {{ resource.secret }};"
    );
    let told = of(&text, "bob", "open");
    assert_eq!(outline(&told), [(Determining, 0, vec![]), (Failed, 1, vec![Some(true), None, None])]);
    let failed = &told.statements[1];
    assert!(failed.error.as_ref().unwrap().contains("overflow"), "{failed:?}");
    let obstacle = failed.obstacle().unwrap();
    assert_eq!((obstacle.text.as_str(), &obstacle.error), ("principal.level + 1 > 0", &failed.error));
    assert_eq!(failed.conditions[2].error, None);
}

#[test]
fn a_failed_permit_is_not_repeated_among_those_that_did_not_apply() {
    let text = "permit(principal, action, resource) when { principal.level + 1 > 0 };
        permit(principal, action, resource) when { resource.secret };";
    let told = of(text, "bob", "open");
    assert!(told.default_deny);
    assert_eq!(outline(&told), [(Failed, 0, vec![None]), (NotApplied, 1, vec![Some(false)])]);
}

#[test]
fn an_answer_that_an_error_denied_has_the_forbid_that_failed() {
    let world = World::new();
    let text = format!("{PERMIT}forbid(principal, action, resource) when {{ principal.level + 1 > 0 }};");
    world.live("s", &[&world.version("p", &text)]);
    let authorizer = world.zone().authorizer(Target::Zone).unwrap().deny_on_forbid_error();
    let (request, entities) = asked(&authorizer, "bob", "read", "open");
    let told = authorizer.is_authorized(&request, &entities).unwrap().explain(&entities).unwrap();
    assert_eq!((told.decision, told.denied_by_error, told.default_deny), (Decision::Deny, true, false));
    assert_eq!(outline(&told), [(Failed, 1, vec![None])]);
}

#[test]
fn a_guardrail_is_explained_in_its_layer_and_an_answer_of_a_shadow_and_a_replayed_one_too() {
    let world = World::new();
    let (allow, shadow) = (
        world.version("p", PERMIT),
        world.version("q", "permit(principal, action, resource) when { resource.secret };"),
    );
    world.live("s", &[&allow]);
    let observed = world.set_version("t", &[&shadow]);
    world.write(|zone| zone.bind_shadow(&observed.id, Target::Zone)).unwrap();
    let guard = world.write_as(&platform(), |zone| {
        zone.create_policy(NewPolicy::named("g").id("g"))?;
        let version = zone.create_policy_version("g", NewPolicyVersion::cedar(V1, FORBID))?;
        zone.create_policy_set(NewPolicySet::named("g").id("g"))?;
        let version = zone.create_policy_set_version("g", pinning(&[&version]))?;
        zone.bind_guardrail(&version.id)
    });
    guard.unwrap();
    let (answer, told) = explained(&world, "ann", "shut");
    let (statement, condition) = (&told.statements[0].statement, only(&told));
    assert_eq!((statement.reference.layer, statement.reference.policy_id.as_str()), (Layer::Guardrail, "g"));
    assert_eq!((condition.text.as_str(), condition.value), ("resource.secret", Some(true)));

    let authorizer = world.zone().authorizer(Target::Zone).unwrap();
    let (request, entities) = asked(&authorizer, "ann", "read", "shut");
    let receipt = answer.receipt(&entities).unwrap();
    world.live("s", &[]);
    let replayed = world.store.replay(&receipt, &request, &entities).unwrap();
    assert_eq!(replayed.explain(&entities).unwrap(), told);

    let shadow = world.zone().shadow_authorizer(Target::Zone).unwrap();
    let (request, entities) = asked(&shadow, "ann", "read", "open");
    let told = shadow.is_authorized(&request, &entities).unwrap().explain(&entities).unwrap();
    assert_eq!((told.default_deny, outline(&told)), (true, vec![(NotApplied, 0, vec![Some(false)])]));
}

#[test]
fn statements_over_the_limit_are_counted() {
    let most = limits::EXPLAINED_STATEMENTS;
    let many = "permit(principal, action, resource) when { resource.secret };".repeat(most + 7);
    let others = format!("permit(principal == User::\"eve\", action, resource);{FORBID}");
    let told = of(&format!("{many}{others}"), "ann", "open");
    assert_eq!((told.statements.len(), told.omitted), (most, 7));
    let told = of(&PERMIT.repeat(most + 3), "ann", "open");
    assert_eq!((told.statements.len(), told.omitted), (most, 3));
    // Failed ones come first.
    let failing = "permit(principal, action, resource) when { principal.level + 1 > 0 };".repeat(most - 1);
    let told = of(&format!("{many}{failing}"), "bob", "open");
    assert_eq!((told.statements.len(), told.omitted), (most, most + 6));
    assert!(told.statements.iter().all(|it| (it.role == Failed) != (it.statement.reference.statement == 0)));
}

#[test]
fn entities_of_another_answer_are_refused() {
    let world = World::new();
    world.live("s", &[&world.version("p", "permit(principal, action, resource) when { resource.secret };")]);
    let (answer, _) = explained(&world, "ann", "open");
    let authorizer = world.zone().authorizer(Target::Zone).unwrap();
    let other = authorizer.entities(&ENTITIES.replace(r#""secret": false"#, r#""secret": true"#)).unwrap();
    refused(answer.explain(&other), (Invalid, "request"), "decided with other entities");
}

/// Conditions as deep and as many as a policy may have, on a thread with little stack.
#[test]
fn the_largest_statements_are_explained_on_a_small_thread() {
    let brackets = format!("{}resource.secret{}", "(".repeat(60), ")".repeat(60));
    let chain = vec!["!resource.secret"; 50].join(" && ");
    let clauses = "when { !resource.secret } ".repeat(50);
    let texts = [
        format!("permit(principal, action, resource) when {{ {brackets} }};"),
        format!("permit(principal, action, resource) when {{ {chain} && resource.secret }};"),
        format!("permit(principal, action, resource) {clauses} when {{ resource.secret }};"),
    ];
    let world = World::new();
    world.live("s", &[&world.version("p", &texts.concat())]);
    let authorizer = world.zone().authorizer(Target::Zone).unwrap();
    let (request, entities) = asked(&authorizer, "ann", "read", "open");
    let answer = authorizer.is_authorized(&request, &entities).unwrap();
    let explain = move || answer.explain(&entities).unwrap();
    let told = std::thread::Builder::new().stack_size(256 * 1024).spawn(explain).unwrap().join().unwrap();
    assert_eq!(told.statements.iter().map(|it| it.conditions.len()).collect::<Vec<_>>(), [1, 1, 51]);
    assert!(told.statements.iter().all(|it| it.conditions.last().unwrap().value == Some(false)));
    let because = told.statements[1].conditions[0].because.as_ref().unwrap();
    assert_eq!(because.text, "resource.secret");
}

/// A boolean expression of the world's schema: true, false or failing, by the request.
fn expression() -> impl Strategy<Value = String> {
    let atom = prop::sample::select(
        &[
            "resource.secret",
            "!resource.secret",
            "principal.level + 1 > 0",
            "principal == resource.owner",
            "principal in Group::\"staff\"",
            "(principal has nick && principal.nick == \"a && b\")",
            "// a comment && more\n resource.secret == false",
        ][..],
    );
    atom.prop_map(str::to_owned).prop_recursive(4, 12, 4, |inner| {
        let chain = |operator: &'static str| {
            prop::collection::vec(inner.clone(), 2..4).prop_map(move |terms| format!("({})", terms.join(operator)))
        };
        prop_oneof![
            3 => chain(" && "),
            3 => chain(" || "),
            1 => inner.clone().prop_map(|inner| format!("!({inner})")),
            1 => (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("(if {a} then {b} else {c} )")),
            1 => (inner.clone(), inner).prop_map(|(a, b)| format!("({a}) && {b}")),
        ]
    })
}

/// A statement: its effect, its scope, the scope as an expression, and its conditions.
type Generated = (&'static str, (&'static str, &'static str), Vec<(&'static str, String)>);

fn statement() -> impl Strategy<Value = Generated> {
    let scope = prop::sample::select(
        &[
            ("principal, action, resource", "true"),
            ("principal == User::\"ann\", action, resource", "principal == User::\"ann\""),
            ("principal in Group::\"staff\", action, resource", "principal in Group::\"staff\""),
            ("principal, action == Action::\"write\", resource", "action == Action::\"write\""),
            (
                "principal is User, action in [Action::\"read\"], resource == Doc::\"open\"",
                "principal is User && action in [Action::\"read\"] && resource == Doc::\"open\"",
            ),
        ][..],
    );
    let condition = (prop::sample::select(&["when", "unless"][..]), expression());
    let effect = prop_oneof![4 => Just("permit"), 1 => Just("forbid")];
    (effect, scope, prop::collection::vec(condition, 0..4))
}

/// The value that Cedar gives to an expression by itself.
fn value(text: &str, request: &Request, entities: &Entities) -> Option<bool> {
    let parsed: Expression = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
    match eval_expression(request, entities, &parsed) {
        Ok(EvalResult::Bool(value)) => Some(value),
        Ok(other) => panic!("{text}: {other:?}"),
        Err(_) => None,
    }
}

/// Compares conditions with the generated ones and with Cedar's values.
fn check_conditions(
    told: &[ExplainedCondition],
    generated: &[(&str, String)],
    request: &Request,
    entities: &Entities,
) -> bool {
    assert_eq!(told.len(), generated.len());
    let mut all_hold = true;
    for (condition, (kind, text)) in told.iter().zip(generated) {
        assert_eq!(condition.kind.as_str(), *kind);
        assert!(text.ends_with(&condition.text), "{text}: {condition:?}");
        let expected = value(text, request, entities).filter(|_| all_hold);
        let failed = all_hold && expected.is_none();
        assert_eq!((condition.value, condition.error.is_some()), (expected, failed), "{condition:?}");
        assert_eq!(condition.holds, expected == Some(*kind == "when"));
        if let Some(term) = &condition.because {
            assert!(!condition.holds && condition.text.contains(&term.text), "{condition:?}");
            // It gave the chain its value, or its error.
            assert_eq!(term.value, expected, "{condition:?}");
            assert_eq!((value(&term.text, request, entities), term.error.is_some()), (term.value, failed));
        }
        all_hold &= condition.holds;
    }
    all_hold
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn every_value_is_the_one_that_cedar_gives(statements in prop::collection::vec(statement(), 1..24)) {
        let world = World::new();
        let text: String = statements.iter().map(|(effect, (scope, _), conditions)| {
            let conditions = conditions.iter().map(|(kind, text)| format!(" {kind} {{ {text} }}"));
            format!("{effect}({scope}){};\n", conditions.collect::<String>())
        }).collect();
        world.live("s", &[&world.version("p", &text)]);
        let authorizer = world.zone().authorizer(Target::Zone).unwrap();
        for (who, act, doc) in (0..12).map(|n| (["ann", "bob", "eve"][n % 3], ["read", "write"][n / 3 % 2], ["open", "shut"][n / 6])) {
            let (request, entities) = asked(&authorizer, who, act, doc);
            let answer = authorizer.is_authorized(&request, &entities).unwrap();
            let told = answer.explain(&entities).unwrap();
            let of_role = |role| told.statements.iter().filter(move |it| it.role == role);
            let numbers = |role| of_role(role).map(|it| it.statement.reference.statement as usize).collect::<Vec<_>>();
            prop_assert!(of_role(Determining).map(|it| &it.statement.reference).eq(answer.determining()));
            prop_assert!(of_role(Failed).map(|it| &it.statement.reference).eq(answer.errors().iter().map(|e| &e.statement)));
            let failed = numbers(Failed);
            let permits = (0..statements.len()).filter(|n| {
                let (effect, (_, scope), _) = &statements[*n];
                *effect == "permit" && value(scope, &request, &entities) == Some(true) && !failed.contains(n)
            });
            let expected: Vec<_> = permits.filter(|_| told.default_deny).collect();
            prop_assert_eq!(numbers(NotApplied), expected);
            for it in &told.statements {
                let generated = &statements[it.statement.reference.statement as usize].2;
                let all_hold = check_conditions(&it.conditions, generated, &request, &entities);
                prop_assert_eq!(all_hold, it.role == Determining, "{:?}", it);
                let obstacle = it.obstacle().map(|condition| condition.error.is_some());
                prop_assert_eq!(obstacle.unwrap_or_default(), it.role == Failed, "{:?}", it);
                prop_assert_eq!(it.error.is_some(), it.role == Failed);
            }
        }
    }
}
