//! Policy versions from JSON: a whole Cedar policy set, rendered once, with nothing silently lost.

use cedar_policy::PolicySet;
use policy_store::ErrorKind::Invalid;
use policy_store::{NewPolicy, NewPolicyVersion, PolicyVersion, Result, Sha256, Syntax, limits};

use super::support::{FORBID, PERMIT, V1, World, reread};

const ALL: &str = r#""principal":{"op":"All"},"action":{"op":"All"},"resource":{"op":"All"}"#;

fn member(key: &str, effect: &str, level: i64) -> String {
    let body = format!(
        r#"{{"==":{{"left":{{".":{{"left":{{"Var":"principal"}},"attr":"level"}}}},"right":{{"Value":{level}}}}}}}"#
    );
    format!(r#""{key}":{{"effect":"{effect}",{ALL},"conditions":[{{"kind":"when","body":{body}}}]}}"#)
}

fn set(members: &[String]) -> String {
    format!(r#"{{"staticPolicies":{{{}}},"templates":{{}},"templateLinks":[]}}"#, members.join(","))
}

fn create(world: &World, json: &str) -> Result<PolicyVersion> {
    world.write(|zone| {
        let policy = zone.create_policy(NewPolicy::named("p"))?;
        zone.create_policy_version(&policy.id, NewPolicyVersion::json(V1, json))
    })
}

/// Expects the JSON to be refused without a trace.
#[track_caller]
fn refuses(code: &str, names: &str, json: &str) {
    let world = World::new();
    world.write(|zone| zone.create_policy(NewPolicy::named("p").id("p"))).unwrap();
    world.refuses((Invalid, code), names, |zone| zone.create_policy_version("p", NewPolicyVersion::json(V1, json)));
}

#[test]
fn json_is_rendered_in_its_own_order_with_a_blank_line_between() {
    let world = World::in_file();
    // Neither the order of the keys as text, nor the order of their numbers.
    let json = set(&[member("policy1", "forbid", 1), member("policy10", "permit", 2), member("policy0", "permit", 3)]);
    let version = create(&world, &json).unwrap();
    let text = version.cedar_raw.clone().unwrap();
    let parts: Vec<&str> = text.split("\n\n").collect();
    let given = PolicySet::from_json_str(&json).unwrap();
    for (part, key) in parts.iter().zip(["policy1", "policy10", "policy0"]) {
        assert_eq!(*part, given.policy(&key.parse().unwrap()).unwrap().to_string());
    }
    assert_eq!((parts.len(), version.syntax, version.statements), (3, Syntax::Json, 3));
    assert_eq!(version.sha, Sha256::of(text.as_bytes()));
    let world = world.reopened();
    assert_eq!(reread(&world, &version), version);
}

#[test]
fn the_derived_json_numbers_the_statements_in_source_order() {
    let json = set(&[member("policy7", "forbid", 1), member("mine", "permit", 2)]);
    let derived = create(&World::new(), &json).unwrap().cedar_json.unwrap();
    let value: serde_json::Value = serde_json::from_str(&derived).unwrap();
    let policies = value["staticPolicies"].as_object().unwrap();
    assert_eq!(policies.keys().collect::<Vec<_>>(), ["policy0", "policy1"]);
    assert_eq!((&policies["policy0"]["effect"], &policies["policy1"]["effect"]), (&"forbid".into(), &"permit".into()));
}

#[test]
fn a_key_of_ones_own_is_kept_as_an_id_annotation() {
    let version =
        create(&World::new(), &set(&[member("mine \\\"too\\\"", "permit", 1), member("policy4", "permit", 2)]));
    let text = version.unwrap().cedar_raw.unwrap();
    let parsed: PolicySet = text.parse().unwrap();
    let annotation = |id: &str| parsed.policy(&id.parse().unwrap()).unwrap().annotation("id").map(str::to_owned);
    assert_eq!((annotation("policy0"), annotation("policy1")), (Some("mine \"too\"".to_owned()), None), "{text}");
}

#[test]
fn a_key_that_only_resembles_a_number_of_cedars_is_kept_too() {
    let world = World::new();
    for key in ["policy", "policy00", "policy01", "policy+1", "policy1 ", "Policy1", ""] {
        let text = create(&world, &set(&[member(key, "permit", 1)])).unwrap().cedar_raw.unwrap();
        assert!(text.starts_with(&format!("@id(\"{key}\")")), "{key}: {text}");
    }
    for key in ["policy0", "policy9", "policy10", "policy4294967296"] {
        let text = create(&world, &set(&[member(key, "permit", 1)])).unwrap().cedar_raw.unwrap();
        assert!(!text.contains('@'), "{key}: {text}");
    }
}

#[test]
fn a_conflicting_id_annotation_is_refused() {
    let with_id = |key: &str, id: &str| {
        let annotated = format!(r#""annotations":{{"id":"{id}"}},"effect""#);
        set(&[member(key, "permit", 1).replace(r#""effect""#, &annotated)])
    };
    refuses(
        "conflicting_id",
        "`@id` annotation of statement `mine` is `yours`, expected `mine`",
        &with_id("mine", "yours"),
    );
    for (key, id) in [("mine", "mine"), ("policy0", "anything")] {
        let text = create(&World::new(), &with_id(key, id)).unwrap().cedar_raw.unwrap();
        assert_eq!(text.matches("@id").count(), 1, "{text}");
        assert!(text.contains(&format!("@id(\"{id}\")")), "{text}");
    }
}

#[test]
fn all_three_keys_are_required() {
    let whole: serde_json::Value = serde_json::from_str(&set(&[member("policy0", "permit", 1)])).unwrap();
    for key in ["staticPolicies", "templates", "templateLinks"] {
        let mut part = whole.clone();
        part.as_object_mut().unwrap().remove(key);
        refuses("json", key, &part.to_string());
    }
    let mut more = whole.clone();
    more["more"] = serde_json::json!({});
    refuses("json", "more", &more.to_string());
}

#[test]
fn what_is_no_policy_set_in_json_is_refused() {
    refuses("json", "policy", "");
    refuses("json", "policy", PERMIT);
    refuses("json", "policy", "[]");
    refuses("json", "policy", &format!("{} x", set(&[member("policy0", "permit", 1)])));
    refuses("json", "policy", &set(&[r#""policy0":{"effect":"allow"}"#.to_owned()]));
    refuses("policy_validation", "age", &set(&[member("policy0", "permit", 1).replace("level", "age")]));
}

#[test]
fn templates_links_and_empty_sets_are_refused_each_with_an_error_of_its_own() {
    let member = member("policy0", "permit", 1);
    let template = format!(r#"{{"effect":"forbid",{ALL},"conditions":[]}}"#);
    // A `forbid` without slots: Cedar alone would drop it silently.
    let json = format!(r#"{{"staticPolicies":{{{member}}},"templates":{{"t":{template}}},"templateLinks":[]}}"#);
    assert!(PolicySet::from_json_str(&json).is_ok_and(|set| set.policies().count() == 1), "Cedar is stricter now");
    refuses("template", "`t`", &json);
    let slot = template.replacen(r#"{"op":"All"}"#, r#"{"op":"==","slot":"?principal"}"#, 1);
    refuses("template", "`t`", &format!(r#"{{"staticPolicies":{{}},"templates":{{"t":{slot}}},"templateLinks":[]}}"#));
    let link = r#"{"templateId":"t","newId":"l","values":{}}"#;
    refuses(
        "template_links",
        "1",
        &format!(r#"{{"staticPolicies":{{{member}}},"templates":{{}},"templateLinks":[{link}]}}"#),
    );
    refuses("empty_policy", "no statement", &set(&[]));
}

#[test]
fn duplicate_keys_are_refused_wherever_they_are() {
    // The last one would win if this were parsed as a `serde_json::Value`.
    refuses("json", "policy0", &set(&[member("policy0", "forbid", 1), member("policy0", "permit", 1)]));
    let twice =
        member("policy0", "forbid", 1).replace(r#""effect":"forbid""#, r#""effect":"forbid","effect":"permit""#);
    refuses("json", "effect", &set(&[twice]));
    let deep = member("policy0", "permit", 1).replace(r#""attr":"level""#, r#""attr":"level","attr":"nick""#);
    refuses("json", "attr", &set(&[deep]));
    let doubled = format!(r#"{{"staticPolicies":{{}},{}"#, &set(&[member("policy0", "permit", 1)])[1..]);
    refuses("json", "staticPolicies", &doubled);
}

#[test]
fn the_json_of_any_text_gives_equal_statements_when_it_is_given_again() {
    let world = World::new();
    let text = format!(
        "@id(\"x\") {PERMIT}\n{FORBID}\npermit(principal in Group::\"staff\", action in \
        [Action::\"read\", Action::\"write\"], resource is Doc) when {{ context has mfa && context.mfa }} unless \
        {{ if principal has nick then principal.nick like \"a*\\*\" else resource.owner != principal }};"
    );
    let first = world.version("p", &text);
    let second = create(&world, first.cedar_json.as_deref().unwrap()).unwrap();
    assert_eq!(second.cedar_json, first.cedar_json);
    let (a, b): (PolicySet, PolicySet) = (text.parse().unwrap(), second.cedar_raw.unwrap().parse().unwrap());
    assert_eq!(a, b);
}

#[test]
fn one_policy_is_taken_as_a_set_of_one_and_given_back_as_a_set() {
    let world = World::new();
    let one =
        r#"{"effect":"permit","principal":{"op":"All"},"action":{"op":"All"},"resource":{"op":"All"},"conditions":[]}"#;
    let version = create(&world, one).unwrap();
    assert_eq!(version.cedar_raw.as_deref(), Some(PERMIT));
    let json = version.cedar_json.unwrap();
    assert_eq!(create(&world, &json).unwrap().cedar_json.as_deref(), Some(&*json));
    refuses("json", "effect", &one.replace("\"effect\"", "\"effect\":\"forbid\",\"effect\""));
    refuses("json", "statement `policy0` at `effect` is `allow`", &one.replace("permit", "allow"));
    refuses("json", "expected a policy with `effect`, or a policy set", "\"permit(principal, action, resource);\"");
}

/// A pattern takes 27 times as many bytes in JSON.
#[test]
fn json_that_is_returned_is_taken_however_large_it_is() {
    let world = World::new();
    let text = format!(
        "permit(principal, action, resource) when {{ principal has nick && principal.nick like \"{}\" }};",
        "a*".repeat(10_000)
    );
    let first = world.version("p", &text);
    let json = first.cedar_json.unwrap();
    assert!(json.len() > limits::POLICY_JSON_BYTES);
    let second = create(&world, &json).unwrap();
    assert_eq!(second.cedar_json.as_deref(), Some(&*json));
    let laid_out = json.replace(":", ": ").replace(",", ", ");
    assert_eq!(create(&world, &laid_out).unwrap().cedar_json.as_deref(), Some(&*json));
    assert_eq!(world.version("p", &second.cedar_raw.unwrap()).cedar_json.as_deref(), Some(&*json));
}
