//! Returned representations are accepted as input: the JSON of every text, and the text of every JSON, repeatedly. Runs
//! on generated policies of many shapes and on some of the largest. `POLICY_STORE_SWEEP` multiplies the number of
//! cases.
//!
//! Failures tested: a representation that is over a limit of input, or that reads as another policy.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::parse::statements;
use super::render::{check_size, given_text, json_from_statements, text_from_json};
use super::*;
use crate::types::error::{ErrorDetail, Result};
use crate::types::limits;

/// The JSON of a given text.
fn derived(text: &str) -> Result<String> {
    in_one_go("test", || {
        gate::policy_text(given_text(text)?)?;
        json_from_statements(text, &statements(text)?)
    })?
}

/// The text of given JSON, and the JSON of that text.
fn given(json: &str) -> Result<(String, String)> {
    in_one_go("test", || {
        let text = text_from_json(json)?;
        let derived = derived(&text)?;
        check_size(json, &derived)?;
        Ok((text, derived))
    })?
}

/// Converts there and back until nothing changes. Each step must be accepted.
fn closed(text: &str) -> Result<()> {
    let mut json = derived(text)?;
    let mut last = text.to_owned();
    for round in 0..6 {
        let (printed, again) = given(&json).unwrap_or_else(|error| panic!("round {round}: {error}\n{text}\n{json}"));
        let of_text = derived(&printed).unwrap_or_else(|error| panic!("round {round}: {error}\n{text}\n{printed}"));
        assert_eq!(of_text, again);
        if (&printed, &again) == (&last, &json) {
            return Ok(());
        }
        (last, json) = (printed, again);
    }
    panic!("it goes on changing: {text}\n{last}");
}

const STRINGS: [&str; 14] = [
    "",
    "a",
    "a b",
    "if",
    "has",
    "__entity",
    "policy0",
    r#"\"q\""#,
    r"\\",
    r"\n\t\r",
    r"\u{1}",
    "\u{e9}\u{1f600}",
    r"\0\'",
    "type",
];
const NAMES: [&str; 6] = ["a", "in_", "permit", "principal", "__extn", "_x9"];

fn string() -> impl Strategy<Value = String> {
    prop::sample::select(&STRINGS[..]).prop_map(|text| format!("\"{text}\""))
}

fn uid() -> impl Strategy<Value = String> {
    (prop::sample::select(&["U", "N::G", "Action"][..]), string()).prop_map(|(of, id)| format!("{of}::{id}"))
}

fn pattern() -> impl Strategy<Value = String> {
    let parts = prop::sample::select(&["*", r"\*", "a", "**", r"\u{e9}", r#"\""#, r"\\", " "][..]);
    prop::collection::vec(parts, 0..5).prop_map(|parts| format!("\"{}\"", parts.concat()))
}

fn leaf() -> impl Strategy<Value = String> {
    let word = |words: &'static [&'static str]| prop::sample::select(words).prop_map(str::to_owned);
    prop_oneof![
        3 => word(&["principal", "action", "resource", "context"]),
        2 => word(&["true", "false", "0", "1", "9223372036854775807", "-9223372036854775808", "-1", "- 7", "[]", "{}"]),
        2 => string(),
        2 => uid(),
        1 => word(&[r#"ip("::1")"#, r#"decimal("1.5")"#, r#"datetime("2026-02-24")"#, r#"duration("1h")"#]),
    ]
}

/// Expressions with every operator, of any types.
fn expression() -> impl Strategy<Value = String> {
    leaf().prop_recursive(5, 40, 4, |inner| {
        let two = (inner.clone(), inner.clone());
        let binary =
            ["==", "!=", "<", "<=", ">", ">=", "&&", "||", "+", "-", "*", "in"].map(|operator| format!(" {operator} "));
        let methods = ["contains", "containsAll", "containsAny", "getTag", "hasTag", "isInRange", "lessThan", "offset"];
        let plain = ["isEmpty", "isIpv4", "isLoopback", "toDate", "toTime", "toDays"];
        let key = || prop_oneof![string(), prop::sample::select(&NAMES[..]).prop_map(str::to_owned)];
        let name = || prop::sample::select(&NAMES[..]);
        let records = prop::collection::btree_map(key(), inner.clone(), 0..3).prop_filter("a key twice", |record| {
            // A name and a string may spell the same key.
            let plain: std::collections::BTreeSet<_> = record.keys().map(|key| key.trim_matches('"')).collect();
            plain.len() == record.len()
        });
        prop_oneof![
            6 => (two.clone(), prop::sample::select(binary.to_vec())).prop_map(|((a, b), o)| format!("({a}){o}({b})")),
            2 => (two.clone(), prop::sample::select(binary.to_vec())).prop_map(|((a, b), o)| format!("{a}{o}{b}")),
            2 => (inner.clone(), 1..4_usize).prop_map(|(a, n)| format!("{}({a})", "!".repeat(n))),
            2 => (inner.clone(), 1..4_usize).prop_map(|(a, n)| format!("{}({a})", "-".repeat(n))),
            2 => (two.clone(), inner.clone()).prop_map(|((a, b), c)| format!("(if {a} then {b} else {c})")),
            2 => prop::collection::vec(inner.clone(), 0..4).prop_map(|all| format!("[{}]", all.join(", "))),
            2 => records.prop_map(|all| {
                format!("{{{}}}", all.iter().map(|(key, value)| format!("{key}: {value}")).collect::<Vec<_>>().join(", "))
            }),
            2 => (inner.clone(), name()).prop_map(|(a, n)| format!("({a}).{n}")),
            2 => (inner.clone(), string()).prop_map(|(a, s)| format!("({a})[{s}]")),
            2 => (inner.clone(), key()).prop_map(|(a, k)| format!("(({a}) has {k})")),
            1 => (inner.clone(), name(), name()).prop_map(|(a, n, m)| format!("(({a}) has {n}.{m}.a)")),
            2 => (inner.clone(), pattern()).prop_map(|(a, p)| format!("(({a}) like {p})")),
            1 => inner.clone().prop_map(|a| format!("(({a}) is N::G)")),
            1 => two.clone().prop_map(|(a, b)| format!("(({a}) is U in ({b}))")),
            2 => (two, prop::sample::select(methods.to_vec())).prop_map(|((a, b), m)| format!("({a}).{m}({b})")),
            1 => (inner, prop::sample::select(plain.to_vec())).prop_map(|(a, m)| format!("({a}).{m}()")),
        ]
    })
}

fn statement() -> impl Strategy<Value = String> {
    let annotation = prop_oneof![
        Just(String::new()),
        string().prop_map(|id| format!("@id({id}) ")),
        Just("@note @if(\"\") @in(\"x\") ".to_owned()),
    ];
    let scope = |variable: &'static str| {
        prop_oneof![
            3 => Just(variable.to_owned()),
            1 => uid().prop_map(move |uid| format!("{variable} == {uid}")),
            1 => uid().prop_map(move |uid| format!("{variable} in {uid}")),
            1 => Just(format!("{variable} is N::G")),
            1 => uid().prop_map(move |uid| format!("{variable} is U in {uid}")),
        ]
    };
    let action = prop_oneof![
        Just("action".to_owned()),
        string().prop_map(|id| format!("action == Action::{id}")),
        string().prop_map(|id| format!("action in Action::{id}")),
        prop::collection::vec(string(), 0..3).prop_map(|ids| {
            format!("action in [{}]", ids.iter().map(|id| format!("N::Action::{id}")).collect::<Vec<_>>().join(", "))
        }),
    ];
    let clauses = prop::collection::vec((prop::bool::ANY, expression()), 0..3).prop_map(|clauses| {
        let clause = |(when, of): &(bool, String)| format!(" {} {{ {of} }}", if *when { "when" } else { "unless" });
        clauses.iter().map(clause).collect::<String>()
    });
    (annotation, prop::bool::ANY, scope("principal"), action, scope("resource"), clauses).prop_map(
        |(annotation, permit, principal, action, resource, clauses)| {
            let effect = if permit { "permit" } else { "forbid" };
            format!("{annotation}{effect}({principal}, {action}, {resource}){clauses}; // c\n")
        },
    )
}

#[test]
fn every_form_of_a_generated_policy_is_taken_when_it_is_given() {
    let sweep: u32 = std::env::var("POLICY_STORE_SWEEP").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    let cases = if cfg!(debug_assertions) { 300 } else { 2_000 } * sweep;
    let mut runner = TestRunner::new(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) });
    let (taken, refused) = (Cell::new(0_u32), Cell::new(0_u32));
    let outcome = runner.run(&prop::collection::vec(statement(), 1..4), |statements| {
        match closed(&statements.concat()) {
            Ok(()) => taken.set(taken.get() + 1),
            Err(error) => {
                refused.set(refused.get() + 1);
                // A generated tree may be too deep, and calls with some numbers of arguments do not parse.
                assert!(["too_deep", "syntax"].contains(&error.code()), "{error}\n{}", statements.concat());
            }
        }
        Ok(())
    });
    outcome.unwrap();
    assert!(taken.get() > 4 * refused.get(), "{taken:?} {refused:?}");
}

fn when(expression: &str) -> String {
    format!("permit(principal, action, resource) when {{ {expression} }};")
}

#[test]
fn the_largest_texts_of_each_kind_come_back_or_are_refused() {
    // Debug builds take seconds for a megabyte of JSON.
    let part = if cfg!(debug_assertions) { 8 } else { 1 };
    let mut codes = Vec::new();
    for (name, text) in [
        ("wildcards", when(&format!("\"\" like \"{}\"", "a*".repeat(10_000 / part)))),
        ("characters", when(&format!("\"\" like \"{}\"", "a".repeat(65_000 / part)))),
        ("control characters", when(&format!("\"\" like \"{}\"", "\u{1}".repeat(12_000 / part)))),
        ("more of them", when(&format!("\"\" like \"{}\"", "\u{1}".repeat(14_000)))),
        ("dense", "permit(principal,action,resource)when{1==1&&2==2||3==3};".repeat(1_000 / part)),
        ("a string of them", when(&format!("\"\" == \"{}\"", "\u{1}".repeat(12_000)))),
        ("a set", when(&format!("[{}] == []", vec!["1"; 12_000 / part].join(",")))),
        ("empty sets", when(&format!("[{}] == []", vec!["[]"; 9_000 / part].join(",")))),
        ("statements", "permit(principal,action,resource);".repeat(1_000)),
        (
            "annotations",
            (0..6_000 / part).map(|n| format!("@a{n} ")).collect::<String>() + "permit(principal,action,resource);",
        ),
        ("blanks", " ".repeat(limits::POLICY_TEXT_BYTES - 34) + "permit(principal,action,resource);"),
    ] {
        codes.push((name, closed(&text).map_or_else(|error| error.code(), |()| "ok")));
    }
    let refused: Vec<_> = codes.iter().filter(|(_, code)| *code != "ok").collect();
    assert_eq!(refused, [&("more of them", "too_large")]);
}

#[test]
fn a_text_that_cedar_prints_too_large_is_refused_with_its_statement() {
    // A control character is one byte in a text, and five bytes when printed.
    let text = format!("{}\n{}", when("true"), when(&format!("\"\" like \"{}\"", "\u{1}".repeat(14_000))));
    let error = derived(&text).unwrap_err();
    let ErrorDetail::PrintedTooLarge { statement, place, limit, actual } = error.detail() else { panic!("{error}") };
    assert_eq!((*statement, place.unwrap().line, *limit), (1, 2, limits::POLICY_TEXT_BYTES));
    assert!(*actual > 70_000 && error.code() == "too_large", "{error}");
}

/// Only a text that the store may have rendered can be over the limit of given texts.
#[test]
fn a_text_over_the_limit_is_taken_if_it_is_as_cedar_prints_it() {
    let dense = "permit(principal,action,resource)when{1==1&&2==2||3==3};".repeat(900);
    let (printed, _) = given(&derived(&dense).unwrap()).unwrap();
    assert!(dense.len() < limits::POLICY_TEXT_BYTES && printed.len() > limits::POLICY_TEXT_BYTES);
    derived(&printed).unwrap();
    for other in [printed.clone() + " ", format!("// note\n{printed}"), printed.replace("permit(", "permit (")] {
        let error = derived(&other).unwrap_err();
        let ErrorDetail::TooLarge { limit, actual, .. } = error.detail() else { panic!("{error}") };
        assert_eq!((*limit, *actual), (limits::POLICY_TEXT_BYTES, other.len()));
    }
}

#[test]
fn a_chain_that_is_too_long_for_json_is_told_in_terms_of_the_text() {
    let chain = |terms: usize| (0..terms).map(|n| format!("principal == U::\"u{n}\"")).collect::<Vec<_>>().join(" || ");
    let text = |terms| format!("{}\n  {}", when("true"), when(&chain(terms)));
    closed(&text(56)).unwrap();
    for terms in [57, 60, 100, 500] {
        let error = derived(&text(terms)).unwrap_err();
        let ErrorDetail::ExpressionTooDeep { statement, place, what, actual, limit, advice } = error.detail() else {
            panic!("{error}")
        };
        let place = place.unwrap();
        assert_eq!((*statement, place.line, place.column), (1, 2, 46), "{error}");
        assert_eq!((*what, error.code()), ("alternatives joined by `||`", "too_deep"));
        // The gate stops counting at the limit.
        assert!(*actual == terms && (55..=57).contains(limit) && advice.contains(" in ["), "{error}");
    }
    // As the error advises.
    closed(&when(&(0..4).map(|_| format!("({})", chain(50))).collect::<Vec<_>>().join(" || "))).unwrap();
    let uids = (0..1_000).map(|n| format!("U::\"u{n}\"")).collect::<Vec<_>>().join(", ");
    closed(&when(&format!("principal in [{uids}]"))).unwrap();
}

#[test]
fn nested_has_is_refused_before_cedar_reads_it_again_and_again() {
    let nested = |n: usize| {
        let (open, close) = ("{a: ".repeat(n), "} has a.b".repeat(n));
        when(&format!("{open}principal{close}"))
    };
    closed(&nested(limits::JSON_REREAD_DEPTH)).unwrap();
    for n in [limits::JSON_REREAD_DEPTH + 1, 24] {
        let error = derived(&nested(n)).unwrap_err();
        assert!(error.code() == "too_deep" && error.to_string().contains("statement 0 at 1:1"), "{error}");
    }
    // A name of the author's choice is not an operator.
    for key in ["has", "__extn", "Value", "left"] {
        let record = format!("{}1{} == {{}}", format!("{{\"{key}\": ").repeat(10), "}".repeat(10));
        closed(&when(&record)).unwrap();
    }
}

#[test]
fn what_is_there_twice_is_refused_in_text() {
    for text in [
        "@a(\"1\") @a(\"2\") permit(principal, action, resource);".to_owned(),
        "@a @a permit(principal, action, resource);".to_owned(),
        when("{a: 1, a: 2} == {}"),
        when("{a: 1, \"a\": 2} == {}"),
        when("{a: 1, \"\\u{61}\": 2} == {}"),
        "permit(principal, principal, resource);".to_owned(),
        "permit(principal == U::\"a\" == U::\"b\", action, resource);".to_owned(),
    ] {
        assert_eq!(derived(&text).unwrap_err().code(), "syntax", "{text}");
    }
}
