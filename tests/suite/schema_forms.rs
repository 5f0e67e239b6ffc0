//! The two forms of a schema: the form derived from the other is the same schema, and is accepted as input.
//!
//! Defends against: a user's name that is read as a word of the format; a returned form that is refused as input; a
//! declaration that silently replaces another one.

use std::sync::LazyLock;

use cedar_policy::Schema;
use policy_store::ErrorKind::{Invalid, TooLarge};
use policy_store::{Error, ErrorDetail, NewSchema, PolicyStore, PreparedSchema, Syntax};
use proptest::prelude::*;

use super::schema_samples::Sample;
use super::support::{World, refused};

static STORE: LazyLock<PolicyStore> = LazyLock::new(|| PolicyStore::builder().in_memory().unwrap());

pub fn prepare(syntax: Syntax, source: &str) -> Result<PreparedSchema, Error> {
    match syntax {
        Syntax::Cedar => STORE.prepare_schema(NewSchema::cedar("s", source)),
        Syntax::Json => STORE.prepare_schema(NewSchema::json("s", source)),
    }
}

fn by_cedar(syntax: Syntax, source: &str) -> Schema {
    let parsed = match syntax {
        Syntax::Cedar => {
            Schema::from_cedarschema_str(source).map(|(schema, _)| schema).map_err(|error| error.to_string())
        }
        _ => Schema::from_json_str(source).map_err(|error| error.to_string()),
    };
    parsed.unwrap_or_else(|error| panic!("{error}\n{source}"))
}

/// Checks that both forms and the forms derived from them are accepted, and that Cedar considers them equal. Returns
/// both.
pub fn accepted(syntax: Syntax, source: &str) -> (String, String) {
    let given = prepare(syntax, source).unwrap_or_else(|error| panic!("{error}\n{source}"));
    let (text, json) = (given.cedar_schema(), given.cedar_schema_json());
    assert_eq!(if syntax == Syntax::Cedar { text } else { json }, source);
    assert!(by_cedar(Syntax::Cedar, text).as_ref() == by_cedar(Syntax::Json, json).as_ref(), "{text}\n{json}");
    let of_text = prepare(Syntax::Cedar, text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let of_json = prepare(Syntax::Json, json).unwrap_or_else(|error| panic!("{error}\n{json}"));
    let again = prepare(Syntax::Json, of_text.cedar_schema_json()).unwrap();
    assert_eq!(again.cedar_schema(), of_json.cedar_schema());
    assert!(prepare(Syntax::Cedar, of_json.cedar_schema()).is_ok());
    (text.to_owned(), json.to_owned())
}

pub fn message(syntax: Syntax, source: &str) -> (&'static str, String) {
    let error = prepare(syntax, source).map(|found| panic!("{found:?}")).unwrap_err();
    (error.code(), error.to_string())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_form_of_a_generated_schema_is_accepted(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let sample = Sample::new(&bytes);
        let text = sample.text();
        by_cedar(Syntax::Cedar, &text);
        accepted(Syntax::Cedar, &text);
        let json = sample.json();
        by_cedar(Syntax::Json, &json);
        if sample.is_sayable() {
            let text = derived_text(&json);
            accepted(Syntax::Cedar, &text);
        } else {
            let (code, message) = message(Syntax::Json, &json);
            prop_assert_eq!(code, "unfaithful", "{}", message);
        }
    }
}

/// The text of JSON in which actions may have an empty list of types. It has the same types of request, but Cedar's
/// comparison distinguishes such lists.
fn derived_text(json: &str) -> String {
    let given = prepare(Syntax::Json, json).unwrap_or_else(|error| panic!("{error}\n{json}"));
    let envs = [by_cedar(Syntax::Json, json), by_cedar(Syntax::Cedar, given.cedar_schema())].map(|schema| {
        let mut envs: Vec<_> = schema.request_envs().map(|env| format!("{env:?}")).collect();
        envs.sort();
        envs
    });
    assert_eq!(envs[0], envs[1]);
    given.cedar_schema().to_owned()
}

/// The property's schemas contain each name; these are the reported cases.
#[test]
fn a_users_name_is_never_taken_for_a_word_of_the_format() {
    let attribute = |name: &str| {
        format!(
            r#"{{"":{{"entityTypes":{{"E":{{"shape":{{"type":"Record","attributes":{{"{name}":{{"type":"String"}}}}}}}}}},"actions":{{}}}}}}"#
        )
    };
    for name in ["annotations", "commonTypes", "type", "attributes", "element", "name", "shape", "required", "__extn"] {
        let (text, _) = accepted(Syntax::Json, &attribute(name));
        assert!(text.replace('"', "").contains(&format!("{name}: String")), "{text}");
        accepted(Syntax::Json, &format!(r#"{{"N":{{"entityTypes":{{"{name}":{{}}}},"actions":{{"{name}":{{}}}}}}}}"#));
    }
    // As deep as any name may nest, and as an attribute any word.
    let deep = (0..7).fold("Long".to_owned(), |kind, _| format!(r#"{{ "has": {{ __extn: {kind} }} }}"#));
    accepted(Syntax::Cedar, &format!("entity E {{ in_: {deep} }};"));
}

#[test]
fn annotations_are_compared_by_what_they_mean() {
    for value in ["null", "\"\""] {
        let json = format!(r#"{{"":{{"entityTypes":{{"E":{{"annotations":{{"doc":{value}}}}}}},"actions":{{}}}}}}"#);
        assert_eq!(accepted(Syntax::Json, &json).0, "@doc\nentity E;\n");
    }
}

#[test]
fn spelling_does_not_matter() {
    let (text, _) = accepted(
        Syntax::Json,
        r#"{"N":{"commonTypes":{"T":{"type":"Set","element":{"type":"Entity","name":"N::E"}}},
            "entityTypes":{"E":{"memberOfTypes":[],"shape":{"type":"Record","additionalAttributes":false,"attributes":{
                "b":{"type":"String","required":true},"a":{"type":"EntityOrCommon","name":"String","required":false},
                "t":{"type":"T"},"u":{"type":"EntityOrCommon","name":"N::T"},"e":{"type":"Entity","name":"E"},
                "i":{"type":"Extension","name":"ipaddr"},"l":{"type":"EntityOrCommon","name":"__cedar::Long"}}}}},
            "actions":{"a":{"memberOf":[]},"b":{"memberOf":[{"id":"a"},{"id":"a","type":"N::Action"}],"appliesTo":null}}}}"#,
    );
    let expected = "namespace N {
  type T = Set<E>;
  entity E = {
    a?: String,
    b: String,
    e: E,
    i: ipaddr,
    l: Long,
    t: T,
    u: T
  };
  action a;
  action b in [a, a];
}
";
    assert_eq!(text, expected);
}

#[test]
fn an_action_that_no_request_can_have_is_published_as_one() {
    for (principals, resources) in [("", r#""E""#), (r#""E""#, ""), ("", "")] {
        let json = format!(
            r#"{{"":{{"entityTypes":{{"E":{{}}}},"actions":{{"a":{{"appliesTo":{{"principalTypes":[{principals}],
                "resourceTypes":[{resources}],"context":{{"type":"Record","attributes":{{"c":{{"type":"Long"}}}}}}}}}}}}}}}}"#
        );
        assert_eq!(by_cedar(Syntax::Json, &json).request_envs().count(), 0);
        let text = derived_text(&json);
        assert_eq!(text, "entity E;\naction a;\n");
        accepted(Syntax::Cedar, &text);
    }
}

#[test]
fn a_common_type_may_have_the_name_of_an_entity_type() {
    let (_, json) = accepted(Syntax::Cedar, "namespace N { entity T; type T = { a: Long }; entity E in T { x: T }; }");
    assert!(prepare(Syntax::Json, &json).unwrap().cedar_schema().contains("x: T"));
    // JSON can name things that Cedar's syntax cannot.
    let other = json.replace(r#"{"name":"T","type":"EntityOrCommon"}"#, r#"{"name":"T","type":"Entity"}"#);
    let (code, message) = message(Syntax::Json, &other);
    assert_eq!(code, "unfaithful");
    assert!(message.contains("cannot refer to the entity type `N::T`"), "{message}");
    accepted(
        Syntax::Cedar,
        "type EntityOrCommon = { a: Long }; entity E; \
        action a appliesTo { principal: E, resource: E, context: EntityOrCommon };",
    );
    accepted(
        Syntax::Cedar,
        "entity String { a: __cedar::String, b: String }; namespace N { entity Long { c: __cedar::Long }; }",
    );
}

#[test]
fn a_shape_that_is_a_common_type_is_written_out() {
    let (text, _) = accepted(
        Syntax::Json,
        r#"{"":{"commonTypes":{"S":{"type":"T"}, "T":{"type":"Record","attributes":{"a":{"type":"Long","annotations":{"b":"c"}}}}},
            "entityTypes":{"E":{"shape":{"type":"S"}}},"actions":{}}}"#,
    );
    assert!(text.ends_with("entity E = {\n  @b(\"c\")\n  a: Long\n};\n"), "{text}");
}

#[test]
fn an_attribute_that_is_declared_twice_in_one_record_is_refused() {
    let cases = [
        ("entity A { a: Long, a: String };", "a", "1:21", "1:12"),
        ("entity A { \"a\": Long, \"\\u{61}\"?: String };", "a", "1:23", "1:12"),
        ("entity A {\n  x?: { b: Long,\n  c: Set<{ @n(\"a:b\") d: A, // d: A\n \"d\": A }> } };", "d", "4:2", "3:22"),
        ("type T = { a: { a: Long }, b: { a: Long, a: Long } };", "a", "1:42", "1:33"),
        ("namespace N { type T = Set<{ in_: Long, in_?: Long }>; }", "in_", "1:41", "1:30"),
        ("entity A; action a appliesTo { principal: A, resource: A, context: { a: A, a?: A } };", "a", "1:76", "1:70"),
        ("entity A tags { \"a b\": A, \"a b\": A };", "a b", "1:27", "1:17"),
    ];
    for (text, name, place, before) in cases {
        let error = prepare(Syntax::Cedar, text).map(|found| panic!("{found:?}")).unwrap_err();
        assert_eq!((error.kind(), error.code()), (Invalid, "syntax"), "{error}");
        let expected = format!("{place}: duplicate attribute `{name}`: already declared at {before}");
        assert!(error.to_string().contains(&expected), "{error}, expected {expected}");
        let ErrorDetail::Syntax { diagnostics, .. } = error.detail() else { panic!("{error}") };
        assert_eq!(diagnostics.len(), 1);
        let at = diagnostics[0].place.unwrap();
        let spelled = &text[at.offset as usize..(at.offset + at.length) as usize];
        assert!(spelled.trim_matches('"') == name || spelled.contains("u{61}"), "{spelled}");
    }
    // The same name in another record, or of something else, is a different one.
    accepted(
        Syntax::Cedar,
        "entity a { a: { a: Set<{ a: Long }> }, b: { a: Long } } tags { a: Long }; type b = { a: Long };",
    );
    let world = World::new();
    let before = world.extent();
    let twice = world.write_store(|w| w.publish_schema(NewSchema::cedar("twice", cases[0].0)));
    refused(twice, (Invalid, "syntax"), "attribute `a`");
    assert_eq!(world.extent(), before);
}

/// Cedar itself refuses each of these, and a set with duplicates is the same set.
#[test]
fn nothing_else_that_is_declared_twice_is_lost() {
    let lost = [
        "entity A, A;",
        "entity A; entity A { a: Long };",
        "type T = Long; type T = String;",
        "action a, \"a\";",
        "action a; action \"\\u{61}\";",
        "namespace N { entity A; } namespace N { entity B; }",
        "@a(\"1\") @a(\"2\") entity A;",
        "entity A { @a @a b: Long };",
        "@a @a namespace N {}",
        "entity A; action a appliesTo { principal: A, principal: A, resource: A };",
        "entity A; action a appliesTo { principal: A, resource: A, resource: A };",
        "entity A; action a appliesTo { principal: A, resource: A, context: {}, context: {} };",
    ];
    for text in lost {
        assert_eq!(message(Syntax::Cedar, text).0, "syntax", "{text}");
    }
    let wrapped = |namespace: &str| format!(r#"{{"N":{{{namespace}}}}}"#);
    let lost = [
        r#"{"N":{"entityTypes":{},"actions":{}},"\u004e":{"entityTypes":{},"actions":{}}}"#.to_owned(),
        wrapped(r#""entityTypes":{"A":{},"\u0041":{}},"actions":{}"#),
        wrapped(r#""entityTypes":{},"actions":{"a":{},"a":{}}"#),
        wrapped(r#""entityTypes":{},"entityTypes":{},"actions":{}"#),
        wrapped(r#""entityTypes":{},"actions":{},"annotations":{"a":"1","a":"2"}"#),
        wrapped(r#""entityTypes":{"A":{"enum":["a"],"enum":["b"]}},"actions":{}"#),
        wrapped(
            r#""entityTypes":{"A":{"shape":{"type":"Record","attributes":{"a":{"type":"Long"},"a":{"type":"Long"}}}}},"actions":{}"#,
        ),
        wrapped(r#""entityTypes":{"A":{"tags":{"type":"Long","t\u0079pe":"String"}}},"actions":{}"#),
        wrapped(
            r#""entityTypes":{},"actions":{"a":{"appliesTo":{"principalTypes":[],"principalTypes":[],"resourceTypes":[]}}}"#,
        ),
        wrapped(r#""entityTypes":{},"actions":{"a":{},"b":{"memberOf":[{"id":"b","id":"a"}]}}"#),
        wrapped(r#""entityTypes":{" A":{}},"actions":{}"#),
    ];
    for json in lost {
        assert_eq!(message(Syntax::Json, &json).0, "json", "{json}");
    }
    accepted(
        Syntax::Cedar,
        "entity B; entity A in [B, B]; entity C enum [\"x\", \"x\"]; action a; \
         action b in [a, a] appliesTo { principal: [A, A], resource: [A, A] };",
    );
}

#[test]
fn an_external_declaration_is_kept() {
    let text = "external entity A in [B]; entity B; external action x; action y in x;";
    let (_, json) = accepted(Syntax::Cedar, text);
    let expected = "external entity A in [B];\nentity B;\nexternal action x;\naction y in [x];\n";
    assert_eq!(prepare(Syntax::Json, &json).unwrap().cedar_schema(), expected);
}

#[test]
fn a_schema_whose_other_form_is_too_large_is_refused_with_both_numbers() {
    let names = |n: usize| (0..n).map(|n| format!("E{n}")).collect::<Vec<_>>();
    let attributes = |n: usize| (0..n).map(|n| format!("a{n}: Long,")).collect::<String>();
    let text = format!("entity {} {{ {} }};", names(1_000).join(", "), attributes(30));
    let error = prepare(Syntax::Cedar, &text).map(|found| panic!("{found:?}")).unwrap_err();
    assert_eq!((error.kind(), error.code()), (TooLarge, "too_large"));
    assert!(error.to_string().contains("written in JSON") && error.to_string().contains("1048576"), "{error}");

    // Cedar's syntax expands the shapes, and the JSON of that text is larger than either.
    let shaped = |attributes: usize| {
        let attributes: Vec<_> = (0..attributes).map(|n| format!(r#""a{n}":{{"type":"Long"}}"#)).collect();
        let entities: Vec<_> =
            names(400).iter().map(|name| format!(r#""{name}":{{"shape":{{"type":"T"}}}}"#)).collect();
        let (attributes, entities) = (attributes.join(","), entities.join(","));
        format!(
            r#"{{"":{{"commonTypes":{{"T":{{"type":"Record","attributes":{{{attributes}}}}}}},"entityTypes":{{{entities}}},"actions":{{}}}}}}"#
        )
    };
    for (attributes, named) in [(250, "written in Cedar's syntax"), (60, "written in JSON")] {
        let error = prepare(Syntax::Json, &shaped(attributes)).map(|found| panic!("{found:?}")).unwrap_err();
        assert_eq!(error.kind(), TooLarge, "{error}");
        assert!(error.to_string().contains(named) && error.to_string().contains("1048576"), "{error}");
    }
}
