//! Policy JSON with one change: it is refused in the words of the format, with the name of the statement, or all of it
//! has an effect.
//!
//! Failures tested: messages in terms of Cedar's source, and members that are silently dropped.

use serde_json::{Value, json};

use super::render::text_from_json;
use crate::types::error::Error;

fn refused(source: &str) -> Error {
    text_from_json(source).expect_err(source)
}

/// A policy set with every part of the format.
fn rich() -> Value {
    let var = |name: &str| json!({ "Var": name });
    let value = |value: Value| json!({ "Value": value });
    let binary = |operator: &str, left: Value, right: Value| json!({ operator: { "left": left, "right": right } });
    let entity = json!({ "__entity": { "type": "U", "id": "x" } });
    let bodies = [
        binary("==", var("principal"), value(entity.clone())),
        binary("in", var("action"), json!({ "Set": [value(json!({"__entity": {"type": "Action", "id": "a"}}))] })),
        binary("&&", json!({ "!": { "arg": value(json!(true)) } }), json!({ "neg": { "arg": value(json!(1)) } })),
        json!({ "has": { "left": var("context"), "attr": ["a", "b"] } }),
        json!({ "has": { "left": var("context"), "attr": "a b" } }),
        json!({ ".": { "left": var("context"), "attr": "a" } }),
        json!({ "like": { "left": value(json!("x")), "pattern": ["Wildcard", { "Literal": "a" }] } }),
        json!({ "is": { "left": var("resource"), "entity_type": "N::T", "in": value(entity.clone()) } }),
        json!({ "if-then-else": { "if": value(json!(true)), "then": value(json!([1])), "else": value(json!({"k": 1})) } }),
        json!({ "Record": { "k": value(json!({ "__extn": { "fn": "ip", "arg": "::1" } })) } }),
        json!({ "isInRange": [{ "ip": [value(json!("::1"))] }, { "ip": [value(json!("::1"))] }] }),
    ];
    let conditions: Vec<_> = bodies.into_iter().map(|body| json!({ "kind": "when", "body": body })).collect();
    let policy = json!({
        "effect": "permit",
        "principal": { "op": "is", "entity_type": "U", "in": { "entity": { "type": "U", "id": "x" } } },
        "action": { "op": "in", "entities": [{ "type": "Action", "id": "a" }] },
        "resource": { "op": "==", "entity": entity },
        "conditions": conditions,
        "annotations": { "a": "1", "b": null },
    });
    json!({ "staticPolicies": { "mine": policy }, "templates": {}, "templateLinks": [] })
}

/// The JSON Pointers of all places in a value.
fn places(value: &Value, at: &str, all: &mut Vec<String>) {
    all.push(at.to_owned());
    match value {
        Value::Object(members) => {
            let escaped = |key: &str| key.replace('~', "~0").replace('/', "~1");
            members.iter().for_each(|(key, value)| places(value, &format!("{at}/{}", escaped(key)), all));
        }
        Value::Array(items) => items.iter().enumerate().for_each(|(n, item)| places(item, &format!("{at}/{n}"), all)),
        _ => {}
    }
}

/// Asserts that a message has no word of a JSON reader's source.
fn in_words_of_the_format(message: &str) {
    const OF_THE_SOURCE: [&str; 17] = [
        "struct",
        "variant",
        "untagged",
        "newtype",
        "tuple",
        "enum",
        " map",
        "expected a sequence",
        "integer `",
        "serializ",
        "Expr",
        "Clause",
        "Uid",
        "Repr",
        "Vec",
        "Option",
        "unit value",
    ];
    let found = OF_THE_SOURCE.iter().find(|word| message.contains(**word));
    assert!(found.is_none(), "{found:?}: {message}");
}

/// Whether the members at a place have names of the author's choice.
fn holds_names(pointer: &str) -> bool {
    ["annotations", "Record", "staticPolicies", "templates"].iter().any(|end| pointer.ends_with(end))
        || pointer.contains("/Value")
}

#[test]
fn whatever_is_changed_is_refused_in_words_or_means_what_it_says() {
    let original = rich();
    text_from_json(&original.to_string()).unwrap();
    let mut all = Vec::new();
    places(&original, "", &mut all);
    let others = [
        json!(null),
        json!(true),
        json!(7),
        json!("x"),
        json!("a b"),
        json!(""),
        json!("?principal"),
        json!([]),
        json!({}),
        json!([1]),
        json!({ "x": 1 }),
        json!({ "Var": "principal" }),
        json!(["permit"]),
        json!({ "permit": null }),
    ];
    let mut changes = Vec::new();
    for place in &all {
        for other in &others {
            let mut changed = original.clone();
            *changed.pointer_mut(place).unwrap() = other.clone();
            changes.push((place, changed, false));
        }
        let Some(members) = original.pointer(place).and_then(Value::as_object) else { continue };
        for extra in ["more", "slot", "entity", "args"] {
            let mut changed = original.clone();
            let added = changed.pointer_mut(place).and_then(Value::as_object_mut).unwrap();
            if added.insert(extra.to_owned(), json!("x")).is_none() {
                changes.push((place, changed, !holds_names(place)));
            }
        }
        for key in members.keys() {
            let mut changed = original.clone();
            let value =
                changed.pointer_mut(place).and_then(Value::as_object_mut).and_then(|all| all.remove(key)).unwrap();
            changes.push((place, changed.clone(), false));
            changed.pointer_mut(place).and_then(Value::as_object_mut).unwrap().insert(format!("{key}x"), value);
            changes.push((place, changed, !holds_names(place)));
        }
    }
    let mut refusals = 0;
    for (place, changed, must_be_refused) in changes {
        let source = changed.to_string();
        match text_from_json(&source) {
            Ok(_) => assert!(!must_be_refused, "something is dropped at {place}: {source}"),
            Err(error) => {
                refusals += 1;
                let message = error.to_string();
                in_words_of_the_format(&message);
                let inside = place.starts_with("/staticPolicies/mine/");
                assert!(!inside || error.code() == "template" || message.contains("`mine`"), "{message}");
            }
        }
    }
    assert!(refusals > 1_000, "{refusals}");
}

#[test]
fn json_that_ends_anywhere_is_refused_in_words() {
    let source = rich().to_string();
    for end in (0..source.len()).filter(|end| source.is_char_boundary(*end)) {
        in_words_of_the_format(&refused(&source[..end]).to_string());
    }
}

#[test]
fn the_commonest_mistakes_are_named() {
    let set = |policies: &str| format!(r#"{{"staticPolicies":{policies},"templates":{{}},"templateLinks":[]}}"#);
    let all = r#""principal":{"op":"All"},"action":{"op":"All"},"resource":{"op":"All"}"#;
    let one = format!(r#"{{"effect":"permit",{all},"conditions":[]}}"#);
    let body = |body: &str| one.replace("[]", &format!(r#"[{{"kind":"when","body":{body}}}]"#));
    for (source, said) in [
        (
            set(r#"{"p":"permit(principal,action,resource);"}"#),
            "statement `p` is a string, expected an object with `effect`",
        ),
        (set(r#"{"p":"permit(principal,action,resource);"}"#), "`cedar_raw`"),
        (set(r#"{"p":["permit"]}"#), "statement `p` is an array, expected an object with `effect`"),
        (set(r#"{"p":7}"#), "statement `p` is `7`, expected an object"),
        (set("[]"), "`staticPolicies` is an array, expected an object"),
        (
            Value::String(set(&format!(r#"{{"p":{one}}}"#))).to_string(),
            "found a string, expected a policy with `effect`",
        ),
        ("\"permit(principal, action, resource);\"".to_owned(), "`cedar_raw`"),
        ("[]".to_owned(), "found an array, expected a policy with `effect`, or a policy set with `staticPolicies`"),
        ("{}".to_owned(), "`staticPolicies` is missing"),
        (format!("\u{feff}{one}"), "byte order mark"),
        (one.replace("permit", "allow"), "at `effect` is `allow`, expected `permit` or `forbid`"),
        (one.replace("conditions", "condition"), "lacks `conditions`"),
        (one.replace(r#""effect""#, r#""effects":1,"effect""#), "has `effects`"),
        (one.replacen("All", "Any", 1), "at `principal/op` is `Any`, expected `All` or `==` or `in` or `is`"),
        (
            one.replacen(r#"{"op":"All"}"#, r#"{"op":"All","entity":{"type":"U","id":"x"}}"#, 1),
            "at `principal` has `entity`",
        ),
        (body(r#"{"Value":true,"Var":"principal"}"#), "at `conditions/0/body` must have exactly one member"),
        (body(r#"{"Var":"user"}"#), "at `conditions/0/body/Var` is `user`, expected `principal` or `action`"),
        (
            body(r#"{"==":[{"Value":1},{"Value":1}]}"#),
            "at `conditions/0/body/==` is an array, expected an object with `left`, `right`",
        ),
        (body(r#"{"===":{}}"#), "has the unknown operator `===`"),
        (body(r#"{"foo":[]}"#), "unknown operator or function `foo`"),
        (body(r#"{"Value":null}"#), "is null, which Cedar does not support"),
        (body(r#"{"Value":1.5}"#), "number 1.5 is not supported"),
        (
            body(r#"{"is":{"left":{"Var":"principal"},"entity_type":"a b"}}"#),
            "statement `policy0`: invalid entity type",
        ),
        (
            one.replace("\"conditions\"", "\"annotations\":{\"a b\":\"1\"},\"conditions\""),
            "statement `policy0`: invalid name `a b`",
        ),
    ] {
        let error = refused(&source).to_string();
        assert!(error.contains(said), "{source}\n{error}\n{said}");
        in_words_of_the_format(&error);
    }
}

#[test]
fn one_policy_is_a_set_of_one() {
    let one =
        r#"{"effect":"forbid","principal":{"op":"All"},"action":{"op":"All"},"resource":{"op":"All"},"conditions":[]}"#;
    assert_eq!(text_from_json(one).unwrap(), "forbid(principal, action, resource);");
    let with_id = one.replace("\"conditions\"", "\"annotations\":{\"id\":\"mine\"},\"conditions\"");
    assert_eq!(text_from_json(&with_id).unwrap(), "@id(\"mine\")\nforbid(principal, action, resource);");
    assert!(refused(&one.replace("\"effect\"", "\"effect\":\"permit\",\"effect\"")).to_string().contains("`effect`"));
    let slot = one.replacen(r#"{"op":"All"}"#, r#"{"op":"==","slot":"?principal"}"#, 1);
    assert_eq!(refused(&slot).code(), "template");
    let both = one.replacen('{', r#"{"staticPolicies":{},"templates":{},"templateLinks":[],"#, 1);
    assert!(refused(&both).to_string().contains("unknown member `effect`"), "{}", refused(&both));
    // The maximum depth of a policy in a set.
    let nested = |n: usize| {
        let (open, close) = (r#"{"!":{"arg":"#.repeat(n), "}}".repeat(n));
        one.replace("[]", &format!(r#"[{{"kind":"when","body":{open}{{"Value":true}}{close}}}]"#))
    };
    assert!(text_from_json(&nested(57)).is_ok());
    assert_eq!(refused(&nested(58)).code(), "too_deep");
}
