//! Decisions: check, why, compare.

use super::support::{MFA_1, World};

const ASK: &str = "--principal User::alice --action edit --resource Document::plan --entities entities.json";

#[test]
fn a_decision_has_its_statements_and_the_binding() {
    let world = World::new();
    let allow = format!("check acme {ASK} --context {{\"mfa\":true}}");
    let text = world.text(0, &allow);
    assert!(text.starts_with("allow\n"), "{text}");
    assert!(text.contains("members@1 statement 1") && text.contains("resource.owner == principal"), "{text}");
    assert!(
        text.contains("by live@1 in force for the zone since") && text.contains("First version [TICKET-1]"),
        "{text}"
    );
    let deny = world.json(0, &format!("check acme {ASK} --context {{\"mfa\":false}}"));
    assert_eq!((deny["decision"].as_str(), deny["statements"][0]["policy"].as_str()), (Some("deny"), Some("mfa")));
    assert_eq!(deny["statements"][0]["text"], MFA_1.trim_end());
    assert_eq!(deny["receipt"]["policy_set_version"], 1);
}

#[test]
fn uids_are_cedars_or_without_quotes() {
    let world = World::new();
    world.write("context.json", "{ \"mfa\": true }");
    let cedar = r#"check acme --principal 'User::"alice"' --action 'Action::"view"' --resource 'Document::"plan"'"#;
    assert!(world.text(0, &format!("{cedar} --context @context.json --entities entities.json")).starts_with("allow\n"));
    let (text, _) = world.error(&format!("{cedar} --context @none.json"));
    assert!(text.contains("none.json"), "{text}");
    let (text, json) = world.error("check acme --principal User::a --action fly --resource Document::plan");
    assert!(text.contains("fly"), "{text}");
    assert_eq!(json["kind"], "invalid");
}

#[test]
fn a_decision_by_another_version_or_at_another_time() {
    let world = World::new();
    let view = ASK.replace("edit", "view") + " --context {\"mfa\":false}";
    assert!(world.text(0, &format!("check acme {view}")).starts_with("allow\n"));
    assert!(world.text(0, &format!("check acme {view} --with live@2")).starts_with("deny\n"));
    let before = world.json(0, "log acme -n 1")["created_at"].as_str().unwrap().to_owned();
    world.text(0, "rollback acme --to 2");
    assert!(world.text(0, &format!("check acme {view}")).starts_with("deny\n"));
    assert!(world.text(0, &format!("check acme {view} --at {before}")).starts_with("allow\n"));
}

#[test]
fn a_receipt_is_explained_and_compared_with_the_store() {
    let world = World::new();
    world.text(0, &format!("check acme {ASK} --context {{\"mfa\":false}} --receipt receipt.json"));
    world.text(0, "rollback acme --to 2");
    let text = world.text(0, "why acme receipt.json");
    for part in
        ["deny", "mfa@1 statement 0", "by live@1", "TICKET-1", "another version is in force now", MFA_1.trim_end()]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(world.json(0, "why acme receipt.json")["in_force_now"], false);
    let receipt = world.read("receipt.json");
    world.write("forged.json", &receipt.replace("\"policy_set_version\": 1", "\"policy_set_version\": 2"));
    assert_eq!(world.error("why acme forged.json").1["code"], "receipt_mismatch");
    assert_eq!(world.error("why acme entities.json").1["code"], "json");
    // A receipt never replaces a file.
    assert_eq!(
        world.error(&format!("check acme {ASK} --context {{\"mfa\":false}} --receipt receipt.json")).1["code"],
        "file"
    );
}

#[test]
fn the_shadow_is_compared_and_a_difference_is_2() {
    let world = World::new();
    world.text(0, "shadow acme 2");
    let view = ASK.replace("edit", "view");
    let text = world.text(2, &format!("compare acme {view} --context {{\"mfa\":false}}"));
    assert!(text.contains("allow → deny"), "{text}");
    let same = world.json(0, &format!("compare acme {view} --context {{\"mfa\":true}}"));
    assert_eq!(
        (same["differs"].as_bool(), same["answers"]["shadow"]["decision"].as_str()),
        (Some(false), Some("allow"))
    );
}

#[test]
fn a_default_deny_shows_the_permits_that_nearly_applied() {
    let world = World::new();
    let ask = "--principal User::bob --action edit --resource Document::plan --entities entities.json";
    let context = "--context {\"mfa\":true}";
    let text = world.text(0, &format!("check acme {ask} {context}"));
    for part in [
        "deny",
        "no statement applies",
        "permit did not apply members@1 statement 1",
        "does not hold: when { resource.owner == principal }",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let json = world.json(0, &format!("check acme {ask} {context}"));
    assert_eq!(
        (json["default_deny"].as_bool(), json["statements"][0]["role"].as_str()),
        (Some(true), Some("not_applied"))
    );
    assert_eq!(json["statements"][0]["conditions"][0]["holds"], false);
}

#[test]
fn a_receipt_is_decided_again_with_its_request() {
    let world = World::new();
    let no_factor = format!("{ASK} --context {{\"mfa\":false}}");
    world.text(0, &format!("check acme {no_factor} --receipt receipt.json"));
    world.text(0, "rollback acme --to 2");
    let text = world.text(0, &format!("why acme receipt.json {no_factor}"));
    assert!(text.contains("decided again, with the same answer") && text.contains("mfa@1"), "{text}");
    assert_eq!(world.json(0, &format!("why acme receipt.json {no_factor}"))["replayed"], true);
    let other = format!("why acme receipt.json {ASK} --context {{\"mfa\":true}}");
    assert_eq!(world.error(&other).1["code"], "receipt_mismatch");
    let forged = world.read("receipt.json").replacen("\"decision\": \"deny\"", "\"decision\": \"allow\"", 1);
    world.write("forged.json", &forged);
    assert_eq!(world.error(&format!("why acme forged.json {no_factor}")).1["code"], "receipt_mismatch");
    assert!(world.error("why acme receipt.json --principal User::alice").0.contains("--action"));
}
