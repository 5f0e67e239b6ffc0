//! The canonical form of requests and entities, against an independent computation from the JSON, against hashes that
//! another program computed, and against Cedar's own equality.
//!
//! The applications are in `../shared/cedar-cases`, next to the workspace. Without that folder, their test reports it and
//! does nothing.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::path::Path;

use cedar_policy::{Context, Entities, EntityUid, Request, Schema};
use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::form::{entities_form, entities_sha, request_form, request_sha};
use super::value_tests::datetime_form;

pub(super) fn uid(text: &str) -> EntityUid {
    text.parse().unwrap()
}

pub(super) fn request_of(context: Context) -> Request {
    Request::new(uid("U::\"u\""), uid("Action::\"a\""), uid("D::\"d\""), context, None).unwrap()
}

pub(super) fn request(context: &Value) -> Request {
    request_of(Context::from_json_value(context.clone(), None).unwrap())
}

/// The form of one value, in a context of its own.
pub(super) fn form_of(value: &Value) -> String {
    let form = request_form(&request(&json!({"v": value}))).unwrap();
    let end = form.strip_prefix(r#"{"action":{"id":"a","type":"Action"},"context":{"v":"#).unwrap();
    end.strip_suffix(r#"},"principal":{"id":"u","type":"U"},"resource":{"id":"d","type":"D"}}"#).unwrap().to_owned()
}

pub(super) fn entities(document: &Value) -> Entities {
    Entities::from_json_value(document.clone(), None).unwrap()
}

pub(super) fn extn(function: &str, argument: &str) -> Value {
    json!({"__extn": {"fn": function, "arg": argument}})
}

pub(super) fn reference(id: &str) -> Value {
    json!({"__entity": {"type": "U", "id": id}})
}

pub(super) fn canonical(value: &Value) -> String {
    serde_json_canonicalizer::to_string(value).unwrap()
}

fn sha(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

fn hex(sha: [u8; 32]) -> String {
    sha.map(|byte| format!("{byte:02x}")).concat()
}

/// The form of a value by its JSON, without Cedar: for integers below 2^53, and for extension values in their form.
fn by_json(value: &Value) -> Value {
    match value {
        Value::Array(members) => {
            let sorted: BTreeMap<String, Value> =
                members.iter().map(by_json).map(|member| (canonical(&member), member)).collect();
            sorted.into_values().collect()
        }
        // Their arguments are a list, and not a set.
        Value::Object(escape) if escape.keys().eq(["__extn"]) => value.clone(),
        Value::Object(members) => members.iter().map(|(key, member)| (key.clone(), by_json(member))).collect(),
        other => other.clone(),
    }
}

fn request_by_json(principal: &Value, action: &Value, resource: &Value, context: &Value) -> String {
    let context: serde_json::Map<_, _> =
        context.as_object().unwrap().iter().map(|(key, value)| (key.clone(), by_json(value))).collect();
    canonical(&json!({"principal": principal, "action": action, "resource": resource, "context": context}))
}

pub(super) fn name(uid: &Value) -> (String, String) {
    let uid = uid.get("__entity").unwrap_or(uid);
    let part = |part: &str| uid[part].as_str().unwrap().to_owned();
    (part("type"), part("id"))
}

fn entities_by_json(document: &Value) -> String {
    let parents: BTreeMap<_, BTreeSet<_>> = document
        .as_array()
        .unwrap()
        .iter()
        .map(|entity| (name(&entity["uid"]), entity["parents"].as_array().unwrap().iter().map(name).collect()))
        .collect();
    let own = |(type_name, id): &(String, String)| json!({"type": type_name, "id": id});
    let all: BTreeMap<_, _> = document
        .as_array()
        .unwrap()
        .iter()
        .map(|entity| {
            let name = name(&entity["uid"]);
            let mut ancestors = BTreeSet::new();
            let mut open: Vec<_> = parents[&name].iter().collect();
            while let Some(parent) = open.pop() {
                if ancestors.insert(parent.clone()) {
                    open.extend(parents.get(parent).into_iter().flatten());
                }
            }
            let members = |part: &str| match entity.get(part) {
                Some(Value::Object(members)) => {
                    members.iter().map(|(key, value)| (key.clone(), by_json(value))).collect()
                }
                _ => serde_json::Map::new(),
            };
            let ancestors: Vec<_> = ancestors.iter().map(own).collect();
            let form = json!({
                "uid": own(&name), "ancestors": ancestors, "attrs": members("attrs"), "tags": members("tags"),
            });
            (name, form)
        })
        .collect();
    canonical(&all.into_values().collect())
}

/// Entities, each with the parents that it has in the document.
fn team() -> Value {
    json!([
        {"uid": {"type": "U", "id": "ann"}, "attrs": {"level": 3, "manager": reference("bob"), "teams": ["x", "y"]},
            "parents": [{"type": "G", "id": "staff"}], "tags": {"team": "red"}},
        {"uid": {"type": "U", "id": "bob"}, "attrs": {}, "parents": []},
        {"uid": {"type": "G", "id": "staff"}, "attrs": {}, "parents": [{"type": "N::Org", "id": "north"}]},
        {"uid": {"type": "N::Org", "id": "north"}, "attrs": {}, "parents": [{"type": "N::Org", "id": "elsewhere"}]},
    ])
}

#[test]
fn the_forms_are_these_texts() {
    let given =
        request(&json!({"mfa": true, "at": extn("datetime", "2026-02-24"), "who": [reference("x"), 2, 10, "2"]}));
    let form = concat!(
        r#"{"action":{"id":"a","type":"Action"},"context":{"at":{"__extn":{"args":["#,
        r#"{"__extn":{"arg":"1970-01-01","fn":"datetime"}},{"__extn":{"arg":"1771891200000ms","fn":"duration"}}],"#,
        r#""fn":"offset"}},"mfa":true,"who":["2",10,2,{"__entity":{"id":"x","type":"U"}}]},"#,
        r#""principal":{"id":"u","type":"U"},"resource":{"id":"d","type":"D"}}"#,
    );
    assert_eq!(request_form(&given).unwrap(), form);
    assert_eq!(request_sha(&given).unwrap(), sha(form));
    let empty = r#"{"action":{"id":"a","type":"Action"},"context":{},"principal":{"id":"u","type":"U"},"resource":{"id":"d","type":"D"}}"#;
    assert_eq!(request_form(&request_of(Context::empty())).unwrap(), empty);
    assert_eq!(
        hex(request_sha(&request_of(Context::empty())).unwrap()),
        "97f8f9a968699aa591c695ddd71d770cd0e09d7abf6715b2e1a922987afbc3d4"
    );

    let form = concat!(
        r#"[{"ancestors":[{"id":"elsewhere","type":"N::Org"},{"id":"north","type":"N::Org"}],"attrs":{},"tags":{},"#,
        r#""uid":{"id":"staff","type":"G"}},"#,
        r#"{"ancestors":[{"id":"elsewhere","type":"N::Org"}],"attrs":{},"tags":{},"uid":{"id":"north","type":"N::Org"}},"#,
        r#"{"ancestors":[{"id":"staff","type":"G"},{"id":"elsewhere","type":"N::Org"},{"id":"north","type":"N::Org"}],"#,
        r#""attrs":{"level":3,"manager":{"__entity":{"id":"bob","type":"U"}},"teams":["x","y"]},"tags":{"team":"red"},"#,
        r#""uid":{"id":"ann","type":"U"}},"#,
        r#"{"ancestors":[],"attrs":{},"tags":{},"uid":{"id":"bob","type":"U"}}]"#,
    );
    assert_eq!(entities_form(&entities(&team())).unwrap(), form);
    assert_eq!(entities_sha(&entities(&team())).unwrap(), sha(form));
    assert_eq!(entities_form(&Entities::empty()).unwrap(), "[]");
    assert_eq!(
        hex(entities_sha(&Entities::empty()).unwrap()),
        "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"
    );
}

/// A Python program computed the hashes in the file from the JSON in it, by the rules in `docs/format.md`.
#[test]
fn another_program_computes_the_same_hashes() {
    let pin: Value = serde_json::from_str(include_str!("pin.json")).unwrap();
    let part = |part: &str| EntityUid::from_json(pin["request"][part].clone()).unwrap();
    let context = Context::from_json_value(pin["request"]["context"].clone(), None).unwrap();
    let request = Request::new(part("principal"), part("action"), part("resource"), context, None).unwrap();
    assert_eq!(hex(request_sha(&request).unwrap()), pin["request_sha"], "{}", request_form(&request).unwrap());
    let entities = entities(&pin["entities"]);
    assert_eq!(hex(entities_sha(&entities).unwrap()), pin["entities_sha"], "{}", entities_form(&entities).unwrap());
}

#[test]
fn the_order_and_the_white_space_of_json_and_the_way_to_write_the_hierarchy_are_not_in_the_form() {
    let base = entities_sha(&entities(&team())).unwrap();
    let mut other = team();
    other.as_array_mut().unwrap().reverse();
    other[3]["attrs"] = json!({"teams": ["y", "x", "y"], "manager": reference("bob"), "level": 3});
    let text = serde_json::to_string_pretty(&other).unwrap();
    assert_eq!(entities_sha(&Entities::from_json_str(&text, None).unwrap()).unwrap(), base);
    // All ancestors as parents, and explicit references.
    other[3]["parents"] = json!([
        {"__entity": {"type": "N::Org", "id": "elsewhere"}}, {"type": "N::Org", "id": "north"}, {"type": "G", "id": "staff"},
    ]);
    assert_eq!(entities_sha(&entities(&other)).unwrap(), base);
    // Entities that are added later.
    let (one, rest) = (json!([team()[0]]), json!([team()[1], team()[2], team()[3]]));
    let added = entities(&one).add_entities(entities(&rest), None).unwrap();
    assert_eq!(entities_sha(&added).unwrap(), base);

    let one = r#"{"a": [1, {"x": 1, "y": [true, "é"]}, 2], "b": "\u0041"}"#;
    let other = "{ \"b\":\"A\",\n\"a\":[2,1,2,{\"y\":[\"\\u00e9\",true],\"x\":1}] }";
    let [one, other] = [one, other].map(|text| request_sha(&request_of(Context::from_json_str(text, None).unwrap())));
    assert_eq!(one, other);
}

#[test]
fn each_change_of_an_entity_changes_the_hash() {
    let change = |pointer: &str, to: Value| {
        let mut changed = team();
        *changed.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = to;
        changed
    };
    let mut missing = team();
    missing.as_array_mut().unwrap().remove(1);
    let mut more = team();
    more.as_array_mut().unwrap().push(json!({"uid": {"type": "U", "id": "cem"}, "attrs": {}, "parents": []}));
    let all = [
        team(),
        missing,
        more,
        json!([]),
        change("/1/uid/id", json!("Bob")),
        change("/1/uid/type", json!("N::U")),
        change("/0/attrs/level", json!(4)),
        change("/0/attrs/level", json!("3")),
        change("/0/attrs/level", json!([3])),
        change("/0/attrs/manager", reference("ann")),
        change("/0/attrs/manager", json!({"type": "U", "id": "bob"})),
        change("/0/attrs/manager", json!("U::\"bob\"")),
        change("/0/attrs/teams", json!(["x"])),
        change("/0/attrs/teams", json!(["x,y"])),
        change("/0/attrs/teams", json!(["x\",\"y"])),
        change("/0/attrs/teams", json!({"x": "y"})),
        change("/0/attrs", json!({})),
        change("/0/attrs", json!({"level": 3, "manager": reference("bob"), "teams": ["x", "y"], "more": false})),
        change("/1/attrs", json!({"level": 3})),
        change("/1/attrs", json!({"level": {}})),
        change("/0/tags", json!({})),
        change("/0/tags", json!({"Team": "red"})),
        change("/0/tags", json!({"team": "blue"})),
        change("/0/parents", json!([])),
        change("/0/parents", json!([{"type": "N::Org", "id": "north"}])),
        change("/2/parents", json!([])),
        change("/3/parents/0/id", json!("Elsewhere")),
        change("/3/parents/0/type", json!("N::O")),
    ];
    let forms: HashSet<_> = all.iter().map(|document| entities_sha(&entities(document)).unwrap()).collect();
    assert_eq!(forms.len(), all.len());
    for document in all {
        assert_eq!(entities_form(&entities(&document)).unwrap(), entities_by_json(&document));
    }
}

#[test]
fn each_change_of_a_request_changes_the_hash() {
    let context = |value: Value| Context::from_json_value(value, None).unwrap();
    let of = |principal: &str, action: &str, resource: &str| {
        Request::new(uid(principal), uid(action), uid(resource), context(json!({"mfa": true})), None).unwrap()
    };
    let (u, a, d) = ("U::\"u\"", "Action::\"a\"", "D::\"d\"");
    let mut all = vec![
        of(u, a, d),
        of("U::\"U\"", a, d),
        of("N::U::\"u\"", a, d),
        of(d, a, d),
        of(d, a, u),
        of(u, "Action::\"b\"", d),
        of(u, "N::Action::\"a\"", d),
        of(u, a, "D::\"\""),
        of(u, a, u),
    ];
    let values = [
        json!({}),
        json!({"mfa": false}),
        json!({"mfa": "true"}),
        json!({"mfa": [true]}),
        json!({"mfa": {"mfa": true}}),
        json!({"mfa": true, "": 0}),
        json!({"mfa ": true}),
        json!({"mfa": true, "at": extn("datetime", "2026-02-24")}),
        json!({"mfa": true, "at": extn("duration", "1d")}),
        json!({"mfa": true, "at": extn("ip", "10.0.0.0")}),
        json!({"mfa": true, "at": extn("ip", "10.0.0.0/8")}),
        json!({"mfa": true, "at": "10.0.0.0"}),
    ];
    all.extend(values.into_iter().map(|value| request(&value)));
    let forms: HashSet<_> = all.iter().map(|request| request_sha(request).unwrap()).collect();
    assert_eq!(forms.len(), all.len());
}

#[test]
fn ids_are_in_the_order_of_their_bytes_and_after_the_types() {
    let ids = ["\u{10000}", "\u{ffff}", "b", "B", "", "a\"", "aa"];
    let types = ["A1", "A::B", "A", "B"];
    let document: Vec<_> = types
        .iter()
        .flat_map(|type_name| ids.map(|id| json!({"uid": {"type": type_name, "id": id}, "attrs": {}, "parents": []})))
        .collect();
    let form: Value = serde_json::from_str(&entities_form(&entities(&document.into())).unwrap()).unwrap();
    let order: Vec<_> = form.as_array().unwrap().iter().map(|entity| name(&entity["uid"])).collect();
    let mut sorted = order.clone();
    sorted.sort();
    assert_eq!(order, sorted);
    assert_eq!(order.len(), 28);
    assert_eq!(order[7], ("A1".to_owned(), String::new()));
    assert_eq!(order[14], ("A::B".to_owned(), String::new()));
}

#[test]
fn unknowns_have_no_form() {
    let unknown = extn("unknown", "x");
    for part in ["attrs", "tags"] {
        let mut document = json!([{"uid": {"type": "U", "id": "u"}, "attrs": {}, "parents": []}]);
        document[0][part] = json!({"v": unknown});
        let error = entities_form(&entities(&document)).unwrap_err();
        assert!(error.starts_with(r#"entity `U::"u"`: `v`: value contains a residual"#), "{error}");
    }
    let schema = "entity U, D; action a appliesTo { principal: U, resource: D, context: { v: Long } };";
    let schema = Schema::from_cedarschema_str(schema).unwrap().0;
    let context = Context::from_json_value(json!({"v": unknown}), Some((&schema, &uid("Action::\"a\"")))).unwrap();
    let error = request_form(&request_of(context)).unwrap_err();
    assert!(error.starts_with("context: "), "{error}");
}

/// As Cedar reads entities with a schema: its actions are there too, each with all its groups.
#[test]
fn actions_of_the_schema_are_entities() {
    let schema =
        "entity U, D; action read; action view in read; action list in view appliesTo { principal: U, resource: D };
        namespace N { action other; } entity Colour enum [\"red\"];";
    let schema = Schema::from_cedarschema_str(schema).unwrap().0;
    let action = |type_name: &str, id: &str, parents: Value| json!({"uid": {"type": type_name, "id": id}, "attrs": {}, "parents": parents});
    let group = |id: &str| json!({"type": "Action", "id": id});
    let document = json!([{"uid": {"type": "U", "id": "u"}, "attrs": {}, "parents": []}]);
    let mut whole = document.clone();
    whole.as_array_mut().unwrap().extend([
        action("Action", "read", json!([])),
        action("Action", "view", json!([group("read")])),
        action("Action", "list", json!([group("view")])),
        action("N::Action", "other", json!([])),
    ]);
    let read = Entities::from_json_value(document, Some(&schema)).unwrap();
    assert_eq!(entities_form(&read).unwrap(), entities_by_json(&whole));
}

/// Values of Cedar's JSON with explicit escapes, as [`by_json`] reads them.
fn any_value() -> impl Strategy<Value = Value> {
    let text = prop_oneof!["[a-c\"\\\\/ ]{0,3}", "\\PC{0,2}", any::<String>()];
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        (-(1_i64 << 53)..=1 << 53).prop_map(Value::from),
        (-9_i64..20).prop_map(Value::from),
        text.clone().prop_map(Value::from),
        text.clone().prop_map(|id| reference(&id)),
        any::<i64>().prop_map(datetime_form),
        any::<i64>().prop_map(|number| extn("duration", &format!("{number}ms"))),
    ];
    leaf.prop_recursive(4, 40, 6, move |within| {
        prop_oneof![
            prop::collection::vec(within.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(text.clone(), within, 0..6).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn the_form_is_that_of_the_json(value in any_value()) {
        prop_assert_eq!(form_of(&value), canonical(&by_json(&value)));
    }

    /// The form of a value is Cedar's JSON of an equal value, so two values with one form are equal.
    #[test]
    fn cedar_reads_the_form_as_an_equal_value(value in any_value()) {
        let again: Value = serde_json::from_str(&form_of(&value)).unwrap();
        let [value, again] = [value, again].map(|value| request(&json!({"v": value})));
        prop_assert_eq!(value.context().unwrap(), again.context().unwrap());
    }

    #[test]
    fn the_form_of_entities_is_that_of_the_json(
        own in prop::collection::btree_map("[a-e]", (any_value(), prop::collection::btree_set("[f-k]", 0..3)), 0..4),
        above in prop::collection::btree_map("[f-h]", prop::collection::btree_set("[i-m]", 0..3), 0..3),
    ) {
        let above = above.into_iter().map(|(id, parents)| (id, (json!(1), parents)));
        let document: Value = own.into_iter().chain(above).map(|(id, (value, parents))| {
            let parents: Vec<_> = parents.iter().map(|id| json!({"type": "U", "id": id})).collect();
            json!({"uid": {"type": "U", "id": id}, "attrs": {"v": value}, "tags": {"t": value}, "parents": parents})
        }).collect();
        prop_assert_eq!(entities_form(&entities(&document)).unwrap(), entities_by_json(&document));
        prop_assert_eq!(entities_sha(&entities(&document)).unwrap(), sha(&entities_by_json(&document)));
    }
}

/// The JSON in `allow` or `deny` of an application.
fn requests(folder: &Path, kind: &str) -> Vec<Value> {
    let files =
        fs::read_dir(folder.join(kind)).unwrap().map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap());
    files.map(|text| serde_json::from_str(&text).unwrap()).collect()
}

/// The extension values of JSON that Cedar wrote, in their form.
fn spelled(value: &mut Value) {
    match value {
        Value::Object(escape) if escape.keys().eq(["__extn"]) => {
            *value = serde_json::from_str(&form_of(value)).unwrap()
        }
        Value::Object(members) => members.values_mut().for_each(spelled),
        Value::Array(members) => members.iter_mut().for_each(spelled),
        _ => {}
    }
}

#[test]
fn applications_have_the_form_of_the_json_that_cedar_writes() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/cedar-cases"));
    let Ok(entries) = fs::read_dir(folder) else {
        println!("skipped: there are no applications in {}", folder.display());
        return;
    };
    let mut decisions = 0;
    for folder in entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        let schema = Schema::from_cedarschema_str(&read("policies.cedarschema")).unwrap().0;
        // One application's entities do not conform to its own schema.
        let conforming = Entities::from_json_str(&read("entities.json"), Some(&schema));
        let given = conforming.unwrap_or_else(|_| Entities::from_json_str(&read("entities.json"), None).unwrap());
        let mut written = given.to_json_value().unwrap();
        spelled(&mut written);
        assert_eq!(entities_form(&given).unwrap(), entities_by_json(&written), "{}", folder.display());
        assert_eq!(entities_sha(&entities(&written)), entities_sha(&given));
        let mut shas = HashSet::new();
        let all = [requests(&folder, "allow"), requests(&folder, "deny")].concat();
        for request in &all {
            let part = |part: &str| uid(request[part].as_str().unwrap());
            let (principal, action, resource) = (part("principal"), part("action"), part("resource"));
            let context = Context::from_json_value(request["context"].clone(), Some((&schema, &action))).unwrap();
            let mut written = context.to_json_value().unwrap();
            spelled(&mut written);
            let [p, a, r] = [&principal, &action, &resource]
                .map(|uid| json!({"type": uid.type_name().to_string(), "id": uid.id().unescaped()}));
            let form = request_by_json(&p, &a, &r, &written);
            let request = Request::new(principal, action, resource, context, Some(&schema)).unwrap();
            assert_eq!(request_form(&request).unwrap(), form, "{}", folder.display());
            shas.insert(request_sha(&request).unwrap());
        }
        assert_eq!(shas.len(), all.len(), "{}: requests differ", folder.display());
        decisions += all.len();
    }
    assert!(decisions > 40, "{decisions}");
}
