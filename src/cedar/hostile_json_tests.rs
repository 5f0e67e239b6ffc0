//! Hostile schemas, JSON, requests and entities, each in a process of its own. For any input, the process ends
//! normally, and the result is the same on a small stack and on a large one.
//!
//! Failures tested: an abort where Cedar or serde recurses, and a decision that depends on the thread.

use std::sync::Arc;

use super::hostile_tests::{KIB, Kind, SCHEMA, boundary, child_input, exercise, in_child, on_thread, policy, wrap};
use super::policy::content_of;
use super::schema::convert_schema;
use super::*;
use crate::types::limits;
use crate::types::syntax::Syntax;

pub(super) fn schema_outcome(text: &str) -> String {
    let parsed = ParsedSchema::parse(Syntax::Cedar, text).map_or_else(|error| error.code(), |_| "ok");
    let converted = convert_schema(Syntax::Cedar, text);
    if let Ok(json) = &converted {
        assert!(ParsedSchema::parse(Syntax::Json, json).is_ok());
        assert!(convert_schema(Syntax::Json, json).is_ok_and(|back| !back.is_empty() || json == "{}"), "{json}");
    }
    format!("{parsed} {}", converted.map_or_else(|error| error.code(), |_| "ok"))
}

#[test]
fn the_largest_accepted_schema_of_each_kind_works_on_every_thread() {
    const SCHEMAS: &[Kind] = &[
        ("sets", |n| format!("entity E {{ a: {} }};", wrap("Set<", "Long", ">", n))),
        ("records", |n| format!("entity E {{ a: {} }};", wrap("{a: ", "Long", "}", n))),
        ("mixed", |n| format!("entity E {{ a: {} }};", wrap("Set<{a: ", "Long", "}>", n))),
        ("references", |n| {
            let links: String = (1..=n).map(|n| format!("type T{n} = {{a: T{}}};", n - 1)).collect();
            format!("type T0 = Long; {links} entity E {{ a: T{n} }};")
        }),
        ("setreferences", |n| {
            let links: String = (1..=n).map(|n| format!("type T{n} = Set<T{}>;", n - 1)).collect();
            format!("type T0 = Long; {links} entity E {{ a: T{n} }};")
        }),
        ("names", |n| format!("namespace {}N {{ entity E; }}", "N::".repeat(n))),
        ("entitychain", |n| {
            let links: String = (1..=n).map(|n| format!("entity E{n} in E{};", n - 1)).collect();
            format!("entity E0; {links}")
        }),
        ("actionchain", |n| {
            let links: String = (1..=n).map(|n| format!("action E{n} in E{};", n - 1)).collect();
            format!("action E0; {links}")
        }),
        ("attributes", |n| format!("entity E {{ {} }};", (0..n).map(|n| format!("a{n}: Long,")).collect::<String>())),
        ("annotations", |n| format!("{} entity E;", (0..n).map(|n| format!("@a{n}(\"é\") ")).collect::<String>())),
    ];
    let Some(input) = child_input() else {
        for (name, _) in SCHEMAS {
            in_child(module_path!(), "the_largest_accepted_schema_of_each_kind_works_on_every_thread", name);
        }
        return;
    };
    let (_, make) = SCHEMAS.iter().find(|(name, _)| *name == input).unwrap();
    let accepted = boundary(110, |n| ParsedSchema::parse(Syntax::Cedar, &make(n)).is_ok());
    let large: &[usize] = if cfg!(debug_assertions) { &[150] } else { &[500, 2_100, 4_000] };
    for n in [1, accepted, accepted + 1].iter().chain(large).copied() {
        let text = make(n);
        let outcomes = [256 * KIB, 2048 * KIB, 64 * 1024 * KIB].map(|stack| {
            let text = text.clone();
            on_thread(stack, move || schema_outcome(&text))
        });
        println!("{input}: accepted {accepted}, at {n}: {outcomes:?}");
        assert!(outcomes.iter().all(|outcome| *outcome == schema_outcome(&text)), "{outcomes:?}");
    }
}

#[test]
fn hostile_json_ends_normally_on_a_small_thread() {
    const KINDS: &[Kind] = &[
        ("arrays", |n| wrap("[", "1", "]", n)),
        ("objects", |n| wrap(r#"{"a":"#, "1", "}", n)),
        ("extensions", |n| wrap(r#"{"__extn":{"fn":"ip","arg":"#, "1", "}}", n)),
        ("wrongextensions", |n| wrap(r#"{"__extn":{"arg":"#, "1", r#","fn":1}}"#, n)),
        ("manyextensions", |n| wrap(r#"{"__extn":{"fn":"ip","args":["#, "1", "]}}", n)),
        ("entities", |n| wrap(r#"{"__entity":"#, "1", "}", n)),
        ("expressions", |n| wrap(r#"{"__expr":"#, "1", "}", n)),
        ("or", |n| wrap(r#"{"||":{"left":"#, r#"{"Value":true}"#, r#","right":{"Value":true}}}"#, n)),
        ("has", |n| wrap(r#"{"has":{"left":"#, r#"{"Var":"context"}"#, r#","attr":["a","b"]}}"#, n)),
        ("sets", |n| wrap(r#"{"Set":["#, r#"{"Value":1}"#, "]}", n)),
        ("values", |n| format!(r#"{{"Value":{}}}"#, wrap("[", "1", "]", n))),
        ("records", |n| wrap(r#"{"Record":{"a":"#, r#"{"Value":1}"#, "}}", n)),
        ("not", |n| wrap(r#"{"!":{"arg":"#, r#"{"Value":true}"#, "}}", n)),
        ("if", |n| {
            wrap(r#"{"if-then-else":{"then":{"Value":true},"else":{"Value":true},"if":"#, r#"{"Value":true}"#, "}}", n)
        }),
        ("calls", |n| wrap(r#"{"ip":["#, r#"{"Value":"::1"}"#, "]}", n)),
        ("settypes", |n| wrap(r#"{"type":"Set","element":"#, r#"{"type":"Long"}"#, "}", n)),
        ("recordtypes", |n| wrap(r#"{"type":"Record","attributes":{"a":"#, r#"{"type":"Long"}"#, "}}", n)),
        ("strings", |n| format!("\"{}", "\\u0000".repeat(n))),
        ("unended", |n| "[{\"a\":".repeat(n)),
        ("odd", |n| format!("\u{feff}{}\0é", "[]".repeat(n))),
    ];
    let Some(input) = child_input() else {
        for (name, _) in KINDS {
            in_child(module_path!(), "hostile_json_ends_normally_on_a_small_thread", name);
        }
        return;
    };
    let (_, make) = KINDS.iter().find(|(name, _)| *name == input).unwrap();
    let step = if cfg!(debug_assertions) { 9 } else { 1 };
    for n in (1..64).step_by(step).chain([100, 110, 119, 120, 121, 1_000, 20_000]) {
        let json = make(n);
        let outcomes = [256 * KIB, 64 * 1024 * KIB].map(|stack| {
            let json = json.clone();
            on_thread(stack, move || json_outcomes(&json))
        });
        assert_eq!(outcomes[0], outcomes[1]);
    }
}

/// Uses a value in every input that takes JSON.
fn json_outcomes(value: &str) -> Vec<String> {
    let schema = ParsedSchema::parse(Syntax::Cedar, SCHEMA).unwrap();
    let code = |error: crate::types::error::Error| error.code().to_owned();
    let policy = format!(
        r#"{{"staticPolicies":{{"policy0":{{"effect":"forbid","principal":{{"op":"All"}},"action":{{"op":"All"}},
        "resource":{{"op":"All"}},"conditions":[{{"kind":"when","body":{value}}}]}}}},"templates":{{}},"templateLinks":[]}}"#
    );
    let policy = content_of(Syntax::Json, &policy, &schema, "s").map(|content| exercise(&content.text));
    let context = schema.request("U::\"x\"", "Action::\"a\"", "U::\"x\"", format!(r#"{{"b":true,"v":{value}}}"#));
    let entities =
        format!(r#"[{{"uid":{{"type":"U","id":"x"}},"parents":[],"attrs":{{"g":{value}}},"tags":{{"a":{value}}}}}]"#);
    let types = format!(r#"{{"":{{"entityTypes":{{"E":{{"tags":{value}}}}},"actions":{{}}}}}}"#);
    let converted = convert_schema(Syntax::Json, &types).map(|text| schema_outcome(&text));
    vec![
        policy.unwrap_or_else(code),
        context.map_or_else(code, |_| "ok".to_owned()),
        schema.entities(&entities).map_or_else(code, |_| "ok".to_owned()),
        schema.entities(value).map_or_else(code, |_| "ok".to_owned()),
        schema.entities_as_given(&entities).map_or_else(code, |_| "ok".to_owned()),
        schema.entities_as_given(value).map_or_else(code, |_| "ok".to_owned()),
        converted.unwrap_or_else(code),
    ]
}

#[test]
fn requests_of_every_depth_are_read_on_a_small_thread() {
    if child_input().is_none() {
        return in_child(module_path!(), "requests_of_every_depth_are_read_on_a_small_thread", "deep");
    }
    // Cedar takes at least quadratic time to print a deep record type.
    for (open, close, value, end, most) in [("Set<", ">", "[", "]", 60), ("{a: ", "}", r#"{"a":"#, "}", 8)] {
        for depth in [1, 2, 4, 8, 20, 40, 60].into_iter().filter(|depth| *depth <= most) {
            let of_type = wrap(open, "Long", close, depth);
            let schema = format!(
                "entity U in [U] {{ d?: {of_type} }};
                action a appliesTo {{ principal: U, resource: U, context: {{ d?: {of_type} }} }};"
            );
            let schema = Arc::new(ParsedSchema::parse(Syntax::Cedar, &schema).unwrap());
            let (fits, does_not) = (wrap(value, "1", end, depth), wrap(value, "true", end, depth));
            let parents = 256.min(depth * 4);
            on_thread(256 * KIB, move || {
                for (value, expected) in [(fits, "ok"), (does_not, "request")] {
                    let code = |error: crate::types::error::Error| error.code();
                    let request =
                        schema.request("U::\"x\"", "Action::\"a\"", "U::\"x\"", format!(r#"{{"d":{value}}}"#));
                    assert_eq!(request.map_or_else(code, |_| "ok"), expected);
                    let entity = |n| {
                        format!(r#"{{"uid":{{"type":"U","id":"{n}"}},"parents":[{{"type":"U","id":"{}"}}],"#, n + 1)
                    };
                    let entities: Vec<_> =
                        (0..parents).map(|n| format!(r#"{}"attrs":{{"d":{value}}}}}"#, entity(n))).collect();
                    let entities = format!("[{}]", entities.join(","));
                    assert_eq!(schema.entities(&entities).map_or_else(code, |_| "ok"), expected);
                    schema.entities_as_given(&entities).unwrap();
                }
            });
        }
    }
}

#[test]
fn deep_values_are_compared_alike_on_every_thread() {
    if child_input().is_none() {
        return in_child(module_path!(), "deep_values_are_compared_alike_on_every_thread", "deep");
    }
    let depth = limits::SCHEMA_DEPTH - 60;
    let schema = format!(
        "entity U {{ d: {} }}; action a appliesTo {{ principal: U, resource: U, context: {{ d: {} }} }};",
        wrap("Set<", "Long", ">", depth),
        wrap("Set<", "Long", ">", depth)
    );
    let decide = move || {
        let schema = ParsedSchema::parse(Syntax::Cedar, &schema).unwrap();
        let value = wrap("[", "1", "]", depth);
        let text = policy("context.d == principal.d && principal.d == resource.d && [context.d].contains(principal.d)");
        let parsed = ParsedPolicy::parse(text.as_str()).unwrap();
        parsed.validate(&schema, "p", "s").unwrap();
        let set = CompiledSet::assemble(vec![Arc::new(parsed)]);
        let entities = format!(r#"[{{"uid":{{"type":"U","id":"x"}},"attrs":{{"d":{value}}},"parents":[]}}]"#);
        let request = schema.request("U::\"x\"", "Action::\"a\"", "U::\"x\"", format!(r#"{{"d":{value}}}"#)).unwrap();
        format!("{:?}", set.evaluate(&request, &schema.entities(&entities).unwrap()).unwrap())
    };
    let expected = on_thread(64 * 1024 * KIB, decide.clone());
    assert!(expected.contains("Deny") && expected.contains("errors: []"), "{expected}");
    assert_eq!(on_thread(256 * KIB, decide), expected);
}

#[test]
fn an_entity_hierarchy_as_deep_as_allowed_works_on_a_small_thread() {
    if child_input().is_none() {
        return in_child(module_path!(), "an_entity_hierarchy_as_deep_as_allowed_works_on_a_small_thread", "chain");
    }
    let chain = |n: usize| {
        let uid = |n: usize| format!(r#"{{"type":"T","id":"{n}"}}"#);
        let node = |n: usize| format!(r#"{{"uid":{},"attrs":{{}},"parents":[{}]}}"#, uid(n), uid(n + 1));
        format!("[{}]", (0..n).map(node).collect::<Vec<_>>().join(","))
    };
    on_thread(256 * KIB, move || {
        let schema = ParsedSchema::parse(Syntax::Cedar, "entity T in [T];").unwrap();
        assert_eq!(schema.entities(&chain(limits::ENTITY_DEPTH)).unwrap().iter().count(), limits::ENTITY_DEPTH);
        assert_eq!(schema.entities(&chain(100_000)).unwrap_err().code(), "too_large");
    });
}
