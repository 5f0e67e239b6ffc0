//! Entities read with and without validation. In both cases, the schema decides the meaning of the JSON.

use cedar_policy::{Entities, Schema};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{prepare_schema, *};
use crate::types::error::ErrorDetail;
use crate::types::syntax::Syntax;

fn schema(text: &str) -> ParsedSchema {
    ParsedSchema::parse(Syntax::Cedar, text).unwrap()
}

fn refusal(read: crate::types::error::Result<Entities>) -> String {
    let error = read.unwrap_err();
    match error.detail() {
        ErrorDetail::Request { what: "entities", message } => message.clone(),
        _ => panic!("{error}"),
    }
}

/// One entity `U::"a"` with these attributes.
fn u(attributes: &str) -> String {
    format!(r#"[{{"uid":{{"type":"U","id":"a"}},"attrs":{attributes},"parents":[]}}]"#)
}

const WHO: &str = r#"{"type":"U","id":"x"}"#;

#[test]
fn a_record_of_the_schema_stays_one_whatever_its_members_are_called() {
    for (attributes, value) in [
        ("r: { type: Long, id: Long }", r#"{"type":1,"id":2}"#),
        ("r: { type: String, id: String }", WHO),
        ("r: { type: U, id: String }", r#"{"type":{"type":"U","id":"x"},"id":"y"}"#),
        ("r: Set<{ type: String, id: String }>", r#"[{"type":"U","id":"x"}]"#),
        ("r: T", WHO),
        ("r: { \"in\": T }", r#"{"in":{"type":"U","id":"x"}}"#),
    ] {
        let schema = schema(&format!("type T = {{ type: String, id: String }}; entity U {{ {attributes} }};"));
        let document = u(&format!(r#"{{"r":{value}}}"#));
        let checked = schema.entities(&document).unwrap();
        assert_eq!(schema.entities_as_given(&document).unwrap(), checked, "{attributes}");
    }
}

#[test]
fn what_the_schema_says_of_one_attribute_is_not_taken_for_another() {
    let schema = schema(
        "namespace N { type T = U; entity U { type: U, attributes: Set<T>, element?: { type: String, id: String },
            shape?: ipaddr, name?: X } tags T; entity ipaddr; type X = { a: ipaddr, b: __cedar::ipaddr }; }
        type Y = Set<{ who: N::U, at: datetime }>; entity V { y: Y };",
    );
    let who = json!({"type": "N::U", "id": "x"});
    let document = json!([
        {"uid": {"type": "N::U", "id": "a"}, "parents": [], "tags": {"attributes": who}, "attrs": {
            "type": who, "attributes": [who], "element": {"type": "N::U", "id": "x"},
            "shape": {"type": "N::ipaddr", "id": "1"}, "name": {"a": {"type": "N::ipaddr", "id": "1"}, "b": "::1"}}},
        {"uid": {"type": "V", "id": "a"}, "parents": [], "attrs": {"y": [{"who": who, "at": "2026-01-01"}]}},
    ])
    .to_string();
    let checked = schema.entities(&document).unwrap();
    assert_eq!(schema.entities_as_given(&document).unwrap(), checked);
    assert!(checked.to_json_value().unwrap().to_string().contains("__extn"));
}

#[test]
fn schemas_in_json_decide_alike() {
    let text = "namespace N { type T = { who: U, at?: ipaddr }; entity U { t: T, s: Set<T> } tags T; }";
    let json = prepare_schema(Syntax::Cedar, text).unwrap().1;
    let by_hand = r#"{"N":{"commonTypes":{"T":{"type":"Record","attributes":{"who":{"type":"Entity","name":"U"},
        "at":{"type":"Extension","name":"ipaddr","required":false}}}},"actions":{},"entityTypes":{"U":{
        "tags":{"type":"T"},"shape":{"type":"Record","attributes":{"t":{"type":"T"},
        "s":{"type":"Set","element":{"type":"N::T"}}}}}}}}"#;
    let document = r#"[{"uid":{"type":"N::U","id":"a"},"parents":[],"tags":{"x":{"who":{"type":"N::U","id":"b"}}},
        "attrs":{"t":{"who":{"type":"N::U","id":"b"},"at":"::1"},"s":[{"who":{"type":"N::U","id":"b"}}]}}]"#;
    let expected = schema(text).entities(document).unwrap();
    for source in [json.as_str(), by_hand] {
        let schema = ParsedSchema::parse(Syntax::Json, source).unwrap();
        assert_eq!(schema.entities_as_given(document).unwrap(), expected);
    }
}

#[test]
fn what_the_schema_does_not_describe_is_refused_only_if_it_could_be_either() {
    let schema = schema("entity U { known?: U, n?: Long, r?: { a?: Long }, s?: Set<Long>, ip?: ipaddr };");
    for (attributes, place) in [
        (r#"{"shoe":VALUE}"#, "attribute `shoe`"),
        (r#"{"n":VALUE}"#, "attribute `n`"),
        (r#"{"ip":VALUE}"#, "attribute `ip`"),
        (r#"{"s":[1,VALUE]}"#, "attribute `s[1]`"),
        (r#"{"s":VALUE}"#, "attribute `s`"),
        (r#"{"r":{"b":[[VALUE]]}}"#, "attribute `r.b[0][0]`"),
        (r#"{"known":{"type":"U","id":"x","more":VALUE}}"#, "attribute `known.more`"),
        (r#"{}, "tags": {"t": {"deep": VALUE}}"#, "tag `t.deep`"),
    ] {
        let message = refusal(schema.entities_as_given(&u(&attributes.replace("VALUE", WHO))));
        assert!(message.starts_with(&format!("{place} of `U::\"a\"`: ")), "{message}");
        assert!(message.contains("is ambiguous, a reference or a record"), "{message}");
        for clear in [r#"{"type":1,"id":2}"#, r#"{"type":"U"}"#, r#"{"type":"U","id":"x","n":1}"#, "[]", "\"U\""] {
            if place != "attribute `ip`" || !clear.starts_with('"') {
                schema.entities_as_given(&u(&attributes.replace("VALUE", clear))).unwrap();
            }
        }
        schema.entities_as_given(&u(&attributes.replace("VALUE", &format!(r#"{{"__entity":{WHO}}}"#)))).unwrap();
    }
    let stranger =
        u(&format!(r#"{{"a":{WHO}}}"#)).replace(r#""type":"U","id":"a""#, r#""type":"Stranger","id":"a\"'\n""#);
    let message = refusal(schema.entities_as_given(&stranger));
    assert!(message.contains(r#"attribute `a` of `Stranger::"a\"\'\n"`"#), "{message}");
}

#[test]
fn an_action_is_given_as_the_schema_has_it_or_refused_by_name() {
    let schema = schema(
        "entity U; action h, free; action g in [h]; action a in [g] appliesTo { principal: U, resource: U };
        namespace N { action c in [\"b\"]; action b; }",
    );
    let given = |uid: &str, parents: &str| {
        format!(r#"[{{"uid":{{"type":"Action","id":"{uid}"}},"attrs":{{}},"parents":[{parents}]}}]"#)
    };
    let parent = |id: &str| format!(r#"{{"type":"Action","id":"{id}"}}"#);
    let actions = schema.entities("[]").unwrap();
    for fits in [
        given("a", &parent("g")),
        given("a", &[parent("g"), parent("h")].join(",")),
        given("free", ""),
        given("c", &parent("b")).replace("\"Action", "\"N::Action"),
        r#"[{"uid":{"__entity":{"type":"Action","id":"free"}},"attrs":{},"parents":[],"tags":{}}]"#.to_owned(),
    ] {
        assert_eq!(schema.entities(&fits).unwrap(), actions, "{fits}");
        assert_eq!(schema.entities_as_given(&fits).unwrap(), actions, "{fits}");
    }
    for (differs, uid, expected) in [
        (given("a", ""), "Action::\"a\"", "are none, expected `Action::\"g\"`, `Action::\"h\"`"),
        (given("a", &parent("h")), "Action::\"a\"", "are `Action::\"h\"`, expected `Action::\"g\"`"),
        (given("free", &parent("h")), "Action::\"free\"", "are `Action::\"h\"`, expected none"),
        (given("a", &format!("{},{}", parent("g"), parent("x"))), "Action::\"a\"", "`Action::\"x\"`"),
        (given("free", "").replace("{}", r#"{"n":1}"#), "Action", "no attributes and no tags"),
    ] {
        for message in [refusal(schema.entities(&differs)), refusal(schema.entities_as_given(&differs))] {
            assert!(message.contains("does not match the schema"), "{message}");
            assert!(message.contains(uid) && message.contains(expected), "{message}");
        }
    }
    // An action that the schema does not have stays as given, or is refused by name.
    let own = given("own", "");
    assert_eq!(schema.entities_as_given(&own).unwrap().iter().count(), actions.iter().count() + 1);
    assert!(refusal(schema.entities(&own)).contains("own"));
}

#[test]
fn errors_of_entities_name_the_entity() {
    let schema = schema("entity U { ip: ipaddr };");
    let two = |first: &str, second: &str| {
        format!(r#"[{{"uid":{{"type":"U","id":"a"}},{first}}},{{"uid":{{"type":"U","id":"b"}},{second}}}]"#)
    };
    let fits = r#""parents":[],"attrs":{"ip":"::1"}"#;
    schema.entities_as_given(&two(fits, fits)).unwrap();
    for wrong in [r#""parents":[]"#, r#""parents":[],"attrs":{"ip":"one"}"#, r#""parents":[],"attrs":{"x":null}"#] {
        let message = refusal(schema.entities_as_given(&two(fits, wrong)));
        assert!(message.contains("U::\"b\"") && !message.contains("U::\"a\""), "{message}");
    }
    for read in [ParsedSchema::entities, ParsedSchema::entities_as_given] {
        let message = refusal(read(&schema, &two(fits, fits).replace("\"b\"", "\"a\"").replacen("::1", "::2", 1)));
        assert!(message.contains("U::\"a\""), "{message}");
        assert!(refusal(read(&schema, r#"[{"uid":"U::\"a\"","attrs":{},"parents":[]}]"#)).contains("entity 0"));
    }
}

#[test]
fn values_of_extensions_are_read_as_the_schema_says_and_calls_nest_only_a_little() {
    let schema = schema("entity U { at?: datetime, d?: decimal, t?: duration, ips?: Set<ipaddr> };");
    let nested = |n: usize| {
        let open = r#"{"fn":"offset","args":["#.repeat(n);
        u(&format!(r#"{{"at":{open}"2026-01-01"{}}}"#, r#","1h"]}"#.repeat(n)))
    };
    for document in [
        u(
            r#"{"at":"2026-01-01","d":"1.5","t":"1h","ips":["::1",{"fn":"ip","arg":"::2"},{"__extn":{"fn":"ip","arg":"::3"}}]}"#,
        ),
        u(r#"{"t":{"fn":"durationSince","args":["2026-01-02",{"fn":"datetime","arg":"2026-01-01"}]}}"#),
        u(r#"{"at":{"__extn":{"fn":"toDate","args":["2026-01-02"]}},"t":{"fn":"toTime","arg":"2026-01-01"}}"#),
        nested(3),
    ] {
        let checked = schema.entities(&document).unwrap();
        assert_eq!(schema.entities_as_given(&document).unwrap(), checked, "{document}");
    }
    assert!(refusal(schema.entities_as_given(&nested(30))).contains("nest deeper than 4"));
    // Without a declaration in the schema, a string is a string.
    let plain = schema.entities_as_given(&u(r#"{"x":"::1"}"#)).unwrap();
    assert!(!plain.to_json_value().unwrap().to_string().contains("__extn"));
}

/// A type in Cedar's syntax, and its values in all notations that a schema allows.
fn typed() -> impl Strategy<Value = (String, BoxedStrategy<Value>)> {
    let leaf = prop_oneof![
        Just(("Long".to_owned(), (0..9_i64).prop_map(|n| json!(n)).boxed())),
        Just(("String".to_owned(), "[a-z:]{0,3}".prop_map(|text| json!(text)).boxed())),
        Just((
            "U".to_owned(),
            ("[a-z\"]{1,2}", any::<bool>())
                .prop_map(|(id, short)| {
                    let uid = json!({"type": "U", "id": id});
                    if short { uid } else { json!({"__entity": uid}) }
                })
                .boxed()
        )),
        Just((
            "ipaddr".to_owned(),
            (0..9, 0..3_u8)
                .prop_map(|(n, spelling)| {
                    let (text, call) = (format!("::{n}"), json!({"fn": "ip", "arg": format!("::{n}")}));
                    let spellings: [Value; 3] = [json!(text), call.clone(), json!({"__extn": call})];
                    spellings[spelling as usize].clone()
                })
                .boxed()
        )),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        let name = prop::sample::select(vec!["type", "id", "element", "attributes", "fn", "arg", "a b"]);
        prop_oneof![
            inner.clone().prop_map(|(of, values)| (
                format!("Set<{of}>"),
                prop::collection::vec(values, 0..3).prop_map(Value::Array).boxed()
            )),
            prop::collection::btree_map(name, inner, 0..3).prop_map(|members| {
                let types: String = members.iter().map(|(name, (of, _))| format!("{name:?}: {of}, ")).collect();
                let values = members.into_iter().map(|(name, (_, values))| values.prop_map(move |v| (name, v)));
                let values = values.collect::<Vec<_>>();
                (
                    format!("{{ {types} }}"),
                    values.prop_map(|all| json!(std::collections::BTreeMap::from_iter(all))).boxed(),
                )
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 96 } else { 512 }))]
    #[test]
    fn a_document_that_the_schema_describes_means_the_same_in_both_ways(
        (types, attributes) in prop::collection::vec(typed(), 1..4).prop_flat_map(|all| {
            let (types, values): (Vec<_>, Vec<_>) = all.into_iter().unzip();
            (Just(types), values)
        }),
        named: bool,
    ) {
        let (mut common, mut shape) = (String::new(), String::new());
        for (n, of) in types.iter().enumerate() {
            if named {
                common.push_str(&format!("type T{n} = {of}; "));
            }
            shape.push_str(&format!("a{n}: {}, ", if named { format!("T{n}") } else { of.clone() }));
        }
        let text = format!("{common} entity U {{ {shape} }} tags {};", types[0]);
        let schema = schema(&text);
        let members: serde_json::Map<_, _> =
            (0..).zip(&attributes).map(|(n, value)| (format!("a{n}"), value.clone())).collect();
        let document = json!([{"uid": {"type": "U", "id": "a"}, "parents": [], "attrs": members, "tags": {"t": attributes[0]}}]);
        let by_cedar = Entities::from_json_str(&document.to_string(), Some(&Schema::from_cedarschema_str(&text).unwrap().0));
        // Like Cedar, reads a record with the two members of a call as a record only where no extension is expected.
        let by_cedar = by_cedar.unwrap();
        prop_assert_eq!(&schema.entities(&document.to_string()).unwrap(), &by_cedar);
        prop_assert_eq!(&schema.entities_as_given(&document.to_string()).unwrap(), &by_cedar);
    }
}
