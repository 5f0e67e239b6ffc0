//! Errors about schemas: the place of the mistake and the expected value, in the words of the format.

use policy_store::Syntax;

use super::schema_forms::{message, prepare};

#[test]
fn errors_about_json_say_where_and_what_is_expected_in_words_of_the_format() {
    let wrapped = |namespace: &str| format!(r#"{{"":{{{namespace}}}}}"#);
    let cases = [
        ("[]".to_owned(), "expected an object, found a list"),
        (r#"{"entityTypes":{},"actions":{}}"#.to_owned(), "expected namespaces by name"),
        (wrapped(r#""entityTypes":[],"actions":{}"#), "at `//entityTypes`: expected an object, found a list"),
        (wrapped(r#""actions":{}"#), "missing field `entityTypes`"),
        (
            wrapped(r#""entityTypes":{"E":{"shape":3}},"actions":{}"#),
            "at `//entityTypes/E/shape`: expected an object, found a number",
        ),
        (
            wrapped(r#""entityTypes":{"E":{"shapes":{}}},"actions":{}"#),
            "unknown field `shapes`, expected `memberOfTypes`, `shape`",
        ),
        (wrapped(r#""entityTypes":{"E":{"enum":[]}},"actions":{}"#), "expected at least one value"),
        (wrapped(r#""entityTypes":{"E":{"tags":{"type":"Set"}}},"actions":{}"#), "missing field `element`"),
        (wrapped(r#""entityTypes":{"E":{"tags":{"name":"Set"}}},"actions":{}"#), "missing field `type`"),
        (wrapped(r#""entityTypes":{"E":{"annotations":{"a":1}}},"actions":{}"#), "expected text, found a number"),
        (
            wrapped(r#""entityTypes":{},"actions":{"a":{"appliesTo":[]}}"#),
            "at `//actions/a/appliesTo`: expected an object",
        ),
        (wrapped(r#""entityTypes":{},"actions":{"a":{"memberOf":{"id":"b"}}}"#), "expected a list, found an object"),
        (wrapped(r#""entityTypes":{},"actions":{"a":{"attributes":{}}}"#), "an action must have no attributes"),
        (wrapped(r#""entityTypes":{" E":{}},"actions":{}"#), "a name needs to be normalized"),
        ("\u{feff}{}".to_owned(), "byte order mark"),
    ];
    for (json, expected) in cases {
        let (code, message) = message(Syntax::Json, &json);
        assert!(code == "json" && message.contains(expected), "{json}: {message}");
        assert_has_words_only(&message);
    }
    let (code, message) = message(Syntax::Cedar, "\u{feff}entity A;");
    assert!(code == "syntax" && message.contains("1:1: ") && message.contains("byte order mark"), "{message}");
}

#[test]
fn an_error_about_text_says_what_is_expected() {
    let (_, message) = message(Syntax::Cedar, "entity A { a Long };");
    assert!(message.contains("1:14: ") && message.contains("expected ") && message.contains("`:`"), "{message}");
    let cases = [
        ("entity A", "expected `,`, `;`, `=`, `{`, `enum`, `in`, or `tags`"),
        ("type T = Set<Long", "expected `::` or `>`"),
        ("entity A { in: Long };", "1:12: error parsing schema: `in` is a reserved identifier"),
        ("entity A; entity A;", "`A` is declared twice"),
        ("entity A in [B];", "1:14: failed to resolve type: B (`B` has not been declared as an entity type)"),
    ];
    for (text, expected) in cases {
        let (_, message) = self::message(Syntax::Cedar, text);
        assert!(message.contains(expected), "{message}");
    }
}

/// No names of Rust types, and nothing that only a Rust programmer understands.
fn assert_has_words_only(message: &str) {
    for word in ["struct", "enum ", "variant", "sequence", " map", "newtype", "untagged", "Everything", "AnyId", "`Id`"]
    {
        assert!(!message.contains(word), "{message}");
    }
}

/// Replaces each value of a schema with each kind of value, or removes it.
#[test]
fn no_mistake_in_json_is_told_in_rusts_words() {
    let json = r#"{"N":{"annotations":{"a":"b"},"commonTypes":{"T":{"type":"Record","attributes":{
        "a":{"type":"Set","element":{"type":"Entity","name":"E"},"required":false,"annotations":{"c":null}}}}},
        "entityTypes":{"E":{"memberOfTypes":["E"],"shape":{"type":"T"},"tags":{"type":"EntityOrCommon","name":"T"}},
        "F":{"enum":["x"]},"G":{"external":true}},"actions":{"a":{"memberOf":[{"id":"b","type":"N::Action"}],
        "appliesTo":{"principalTypes":["E"],"resourceTypes":["E"],"context":{"type":"T"}}},"b":{"external":false}}}}"#;
    assert!(prepare(Syntax::Json, json).is_ok());
    let schema: serde_json::Value = serde_json::from_str(json).unwrap();
    let others = [r#"null"#, "true", "7", r#""x""#, "[]", r#"[[]]"#, "{}", r#"{"x":{}}"#, r#"["x"]"#];
    let mut refused = 0;
    for path in paths(&schema, String::new()) {
        for other in others {
            let mut changed = schema.clone();
            *changed.pointer_mut(&path).unwrap() = serde_json::from_str(other).unwrap();
            if let Err(error) = prepare(Syntax::Json, &changed.to_string()) {
                refused += 1;
                assert_has_words_only(&error.to_string());
            }
        }
    }
    assert!(refused > 200, "{refused}");
}

fn paths(value: &serde_json::Value, path: String) -> Vec<String> {
    let mut all = vec![path.clone()];
    for (key, member) in value.as_object().into_iter().flatten() {
        all.extend(paths(member, format!("{path}/{key}")));
    }
    for (number, item) in value.as_array().into_iter().flatten().enumerate() {
        all.extend(paths(item, format!("{path}/{number}")));
    }
    all
}
