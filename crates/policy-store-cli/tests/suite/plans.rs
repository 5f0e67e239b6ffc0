//! Plan, apply, diff: from a folder to the store and back.

use policy_store::Sha256;

use super::support::{ENTITIES, MEMBERS, MFA_1, MFA_2, SCHEMA, World};

/// A folder `acme` with two policies, for a zone that is there and has nothing yet.
fn new_folder() -> World {
    let world = World::empty();
    world.text(0, "init acme");
    world.write("acme/schema.cedarschema", SCHEMA);
    world.write("acme/policies/members.cedar", MEMBERS);
    world.write("acme/policies/mfa.cedar", &format!("//! description: A second factor\n{MFA_1}"));
    world.write("acme/pstore.toml", "zone = \"acme\"\npolicy_set = \"live\"\nschema_version = \"v1\"\n");
    world
}

#[test]
fn a_folder_is_planned_applied_and_then_there_are_no_changes() {
    let world = new_folder();
    let plan = world.text(2, "plan ./acme");
    for part in ["+ schema v1", "+ policy set live", "+ members v1", "+ mfa v1", "live@1 (new) in force"] {
        assert!(plan.contains(part), "{part}: {plan}");
    }
    assert!(world.text(0, "status acme").contains("nothing is in force"));
    let applied = world.text(0, "apply ./acme --reason 'first rules' --reference T-1");
    assert!(
        applied.contains("live@1 in force for the zone since") && applied.contains("first rules [T-1]"),
        "{applied}"
    );
    assert_eq!(world.text(0, "show acme mfa --raw"), MFA_1);
    assert_eq!(world.json(0, "show acme mfa")["policy"]["policy"]["description"], "A second factor");
    assert!(world.text(0, "plan ./acme").contains("no changes: live@1 is in force"));
    let before = world.text(0, "log acme --json");
    let again = world.json(0, "apply ./acme");
    assert_eq!((again["changed"].as_bool(), again["empty"].as_bool()), (Some(false), Some(true)));
    assert_eq!(world.text(0, "log acme --json"), before);
}

#[test]
fn an_export_has_no_changes_and_the_bytes_of_the_versions() {
    let world = World::new();
    world.text(0, "export acme out");
    assert!(world.text(0, "plan out").contains("no changes"));
    let sha = world.json(0, "show acme mfa@1")["policy"]["version"]["sha"].as_str().unwrap().to_owned();
    let file = world.read("out/policies/mfa.cedar");
    let text = file.split_once("A policy\n").unwrap().1;
    assert_eq!(Sha256::of(text.as_bytes()).to_string(), sha);
    // Lines of another system stay as they are.
    world.write("out/policies/windows.cedar", "//! id: windows\r\npermit (\r\nprincipal, action, resource);\r\n");
    world.text(0, "apply out");
    assert_eq!(world.text(0, "show acme windows --raw"), "permit (\r\nprincipal, action, resource);\r\n");
    world.text(0, "export acme out");
    assert!(world.read("out/policies/windows.cedar").ends_with("permit (\r\nprincipal, action, resource);\r\n"));
    assert!(world.text(0, "plan out").contains("no changes"));
}

#[test]
fn a_plan_shows_steps_and_statements() {
    let world = World::new();
    world.text(0, "export acme out");
    world.write(
        "out/policies/mfa.cedar",
        &format!("//! id: mfa\n//! name: factor\n{MFA_2}permit (principal, action, resource) when {{ false }};\n"),
    );
    std::fs::remove_file(world.path("out/policies/members.cedar")).unwrap();
    world.write("out/policies/guests.cedar", "@id(\"none\")\nforbid (principal, action, resource);\n");
    let plan = world.text(2, "plan out");
    for part in [
        "+ guests v1 (created)",
        "+ forbid (principal, action, resource);",
        "~ factor v1 → v3 (renamed from mfa)",
        "statement 0",
        "- members v1 (unpinned)",
        "live@3 (new) in force in place of live@1",
    ] {
        assert!(plan.contains(part), "{part}: {plan}");
    }
    let json = world.json(2, "plan out");
    assert_eq!((json["empty"].as_bool(), json["applicable"].as_bool()), (Some(false), Some(true)));
    world.text(0, "apply out");
    assert_eq!(world.json(0, "status acme")["policies"].as_array().map(Vec::len), Some(2));
}

#[test]
fn findings_name_file_and_line_and_nothing_is_applied() {
    let world = new_folder();
    world.write(
        "acme/policies/mfa.cedar",
        "//! id: mfa\n//! description: d\nforbid (principal, action, resource)\nunless { context.mfaa };\n",
    );
    let plan = world.text(1, "plan ./acme");
    assert!(plan.contains("error policies/mfa.cedar:4:") && plan.contains("mfaa"), "{plan}");
    assert!(world.text(1, "apply ./acme").contains("error policies/mfa.cedar"));
    assert!(world.text(0, "status acme").contains("nothing is in force"));
    assert_eq!(world.json(1, "plan ./acme")["applicable"], false);
}

#[test]
fn a_saved_plan_is_applied_exactly_or_refused() {
    let world = new_folder();
    world.text(2, "plan ./acme --out plan.json");
    world.text(0, "apply plan.json");
    assert!(world.text(0, "status acme").contains("live@1"));
    world.write("acme/policies/mfa.cedar", MFA_2);
    world.text(2, "plan ./acme --out plan.json");
    world.write("acme/policies/mfa.cedar", &format!("{MFA_2}// another\n"));
    world.text(0, "apply ./acme");
    let (text, json) = world.error("apply plan.json");
    assert!(text.contains("version in force") && text.contains("pstore plan"), "{text}");
    assert_eq!((json["code"].as_str(), json["kind"].as_str()), (Some("plan_outdated"), Some("precondition_failed")));
    assert!(world.error("apply plan.json --shadow").0.contains("takes no options"));
    world.write("broken.json", "{}");
    assert_eq!(world.error("apply broken.json").1["code"], "json");
}

#[test]
fn options_override_the_file_and_a_shadow_is_planned() {
    let world = new_folder();
    world.text(0, "init beta");
    world.text(0, "apply ./acme");
    world.text(0, "apply ./acme --zone beta --policy-set other");
    assert!(world.text(0, "status beta").contains("other@1"));
    // A set that is named on the command line is not the one whose id is in the file.
    world.text(0, "export acme out");
    assert!(world.text(2, "plan out --policy-set second").contains("+ policy set second (created)"));
    std::fs::remove_dir_all(world.path("out")).unwrap();
    world.write("acme/policies/mfa.cedar", MFA_2);
    assert!(world.text(2, "plan ./acme --shadow").contains("under observation"));
    world.text(0, "apply ./acme --shadow");
    let status = world.json(0, "status acme");
    assert_eq!(
        (status["bindings"][0]["version"].as_u64(), status["bindings"][1]["version"].as_u64()),
        (Some(1), Some(2))
    );
    assert_eq!(status["bindings"][1]["mode"], "shadow");
}

#[test]
fn a_schema_is_found_by_its_source_or_needs_a_name() {
    let world = new_folder();
    world.write("acme/pstore.toml", "zone = \"acme\"\npolicy_set = \"live\"\n");
    assert!(world.error("plan ./acme").0.contains("schema_version"));
    world.text(0, "apply ./acme --schema-version v1");
    assert!(world.text(0, "plan ./acme").contains("no changes"));
    world.write("acme/schema.cedarschema", &format!("{SCHEMA}entity Guest;\n"));
    assert!(world.error("plan ./acme").0.contains("not published yet"));
    let (text, json) = world.error("plan ./acme --schema-version v1");
    assert!(text.contains("another source") && text.contains("a name of its own"), "{text}");
    assert_eq!(json["code"], "schema_taken");
    assert!(world.text(2, "plan ./acme --schema-version v2").contains("+ schema v2"));
}

#[test]
fn a_folder_that_names_no_zone_says_so() {
    let world = new_folder();
    world.write("acme/pstore.toml", "policy_set = \"live\"\n");
    assert!(world.error("plan ./acme").0.contains("--zone"));
    world.write("acme/pstore.toml", "zone = \"acme\"\ncolour = \"red\"\n");
    let (text, _) = world.error("plan ./acme");
    assert!(text.contains("colour") && text.contains("pstore.toml"), "{text}");
    assert!(world.error("plan ./none").0.contains("no folder"));
    assert!(world.error("plan ./acme --zone acmee").0.contains("colour"));
    world.write("acme/pstore.toml", "");
    assert!(world.error("plan ./acme --zone acmee").0.contains("did you mean `acme`?"));
}

#[test]
fn a_difference_is_2_and_none_is_0() {
    let world = World::new();
    let text = world.text(2, "diff acme live@1 live@2");
    for part in [
        "live@1 → live@2",
        "~ mfa v1 → v2",
        "- forbid (principal, action == Action::\"edit\"",
        "+ forbid (principal, action, resource)",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(world.text(0, "diff acme live@1 1").contains("no difference"));
    let json = world.json(2, "diff acme 1 2");
    assert_eq!((json["differs"].as_bool(), json["policies"][0]["name"].as_str()), (Some(true), Some("mfa")));
    world.text(0, "rollback acme --to 2");
    // Without versions: the one before and the one in force.
    assert!(world.text(2, "diff acme").contains("live@1 → live@2"));
}

#[test]
fn blame_names_versions_authors_and_bindings() {
    let world = World::new();
    world.text(0, "rollback acme --to 2 --reason tighter --actor customer:bob");
    let text = world.text(0, "blame acme");
    for part in
        ["members@1", "`staff`", "since v1", "by customer:ann", "mfa@2", "since v2", "in force since", "tighter"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    let json = world.json(0, "blame acme live@1");
    assert_eq!(json["statements"].as_array().map(Vec::len), Some(3));
    assert!(world.text(0, "blame acme --guardrail").contains("no statements"));
}

/// A case in the form of `cedar run-tests`.
fn case(name: &str, action: &str, mfa: bool, decision: &str, entities: &str) -> String {
    format!(
        r#"{{"name": "{name}", "request": {{"principal": "User::\"alice\"", "action": "Action::\"{action}\"", "resource": "Document::\"plan\"",
        "context": {{"mfa": {mfa}}}}}, "entities": {entities}, "decision": "{decision}", "reason": [], "num_errors": 0}}"#
    )
}

#[test]
fn tests_run_against_a_folder_a_plan_and_a_version() {
    let world = new_folder();
    world.write("acme/entities.json", ENTITIES);
    let by_file = "\"../entities.json\"";
    world.write("acme/tests/edit.json", &format!("[{}]", case("without a factor", "edit", false, "deny", by_file)));
    world.write("acme/tests/view.json", &format!("[{}]", case("view", "view", false, "allow", ENTITIES)));
    assert!(world.text(0, "test ./acme").contains("2 cases passed"));
    world.text(2, "plan ./acme --out plan.json");
    assert_eq!(world.json(0, "test plan.json --tests acme/tests/view.json")["cases"], 1);
    assert_eq!(world.json(0, "test plan.json")["cases"], 2);
    let applied = world.json(0, "apply ./acme");
    assert_eq!((applied["tests_passed"].as_u64(), applied["plan"]["tests"]["cases"].as_u64()), (Some(2), Some(2)));
    assert!(world.text(0, "test acme --tests acme").contains("against live@1"));
    // A change that breaks a test is not applied.
    world.write("acme/policies/mfa.cedar", MFA_2);
    let text = world.text(2, "test ./acme");
    assert!(text.contains("tests/view.json") && text.contains("(`view`): decision is deny, expected allow"), "{text}");
    let (text, json) = world.error("apply ./acme");
    assert!(text.contains("1 of 2 tests fail: tests/view.json: case 0 (`view`)"), "{text}");
    assert_eq!(json["code"], "tests_failed");
    assert!(world.text(0, "status acme").contains("live@1"));
    world.text(2, "plan ./acme --out bad.json");
    assert_eq!(world.error("apply bad.json").1["code"], "tests_failed");
    world.text(0, "apply ./acme --no-tests");
    assert_eq!(world.json(2, "test acme --tests acme/tests/view.json")["failed"], 1);
    assert_eq!(
        world.json(0, "test acme --with live@1 --tests acme/tests/view.json acme/tests/edit.json")["passed"],
        true
    );
    assert!(world.text(2, "test acme --with live@2").contains("kept suite"));
    assert!(world.text(0, "test acme --with live@1").contains("2 cases passed"));
    world.write("acme/tests/broken.json", "[{}]");
    assert!(world.error("test ./acme").0.contains("tests/broken.json"));
}

#[test]
fn a_folder_decides_before_it_is_applied() {
    let world = new_folder();
    world.write("entities.json", ENTITIES);
    let ask = "--principal User::alice --action view --resource Document::plan --entities entities.json --context {\"mfa\":false}";
    let planned = world.json(0, &format!("check acme {ask} --with ./acme"));
    assert_eq!((planned["decision"].as_str(), planned["with"].as_str()), (Some("allow"), Some("./acme")));
    assert_eq!((planned["statements"][0]["policy"].as_str(), planned["receipt"].is_null()), (Some("members"), true));
    assert!(world.error(&format!("check acme {ask} --with ./acme --receipt r.json")).0.contains("not stored"));
    assert_eq!(world.error(&format!("check acme {ask}")).1["code"], "not_bound");
}

#[test]
fn tests_are_kept_with_the_version_and_exported() {
    let world = new_folder();
    world.write("acme/tests/view.json", &format!("[{}]", case("view", "view", false, "allow", ENTITIES)));
    let applied = world.text(0, "apply ./acme");
    assert!(applied.contains("~ 1 test kept with the version") && applied.contains("1 test passed"), "{applied}");
    assert!(world.text(0, "plan ./acme").contains("no changes"));
    assert!(world.text(0, "test acme").contains("1 case passed"));
    let status = world.json(0, "status acme");
    assert_eq!((status["tests"].as_u64(), status["zone"]["tests_required"].as_bool()), (Some(1), Some(false)));
    assert!(world.text(0, "log acme --kind tests_kept").contains("1 test kept with live@1"));
    world.text(0, "export acme out");
    assert_eq!(world.read("out/tests/suite.json"), world.read("acme/tests/view.json"));
    assert!(world.text(0, "plan out").contains("no changes"));
    // Other tests alone are a change, without a new version.
    world.write("acme/tests/edit.json", &format!("[{}]", case("edit", "edit", true, "allow", ENTITIES)));
    let plan = world.text(2, "plan ./acme");
    assert!(plan.contains("~ 2 tests kept with the version"), "{plan}");
    let applied = world.json(0, "apply ./acme");
    assert_eq!((applied["changed"].as_bool(), applied["binding"]["version"].as_u64()), (Some(true), Some(1)));
    assert_eq!(world.json(0, "test acme")["cases"], 2);
}

#[test]
fn a_zone_demands_tests() {
    let world = World::new();
    assert!(world.text(0, "require-tests acme").contains("zone acme demands tests"));
    assert!(world.text(0, "require-tests acme").contains("nothing changed"));
    assert!(world.text(0, "status acme").contains("tests are demanded"));
    assert_eq!(world.error("rollback acme --to 2").1["code"], "tests_missing");
    world.text(0, "shadow acme 2");
    // A folder brings its tests along.
    world.text(0, "export acme out");
    world.write("out/policies/mfa.cedar", &format!("//! id: mfa\n{MFA_1}// again\n"));
    assert_eq!(world.error("apply out").1["code"], "tests_missing");
    world.write("out/tests/view.json", &format!("[{}]", case("view", "view", true, "allow", ENTITIES)));
    assert!(world.text(0, "apply out").contains("live@3 in force"));
    assert_eq!(world.json(0, "require-tests acme --off")["zone"]["tests_required"], false);
    world.text(0, "rollback acme --to 2");
    world.text(0, "require-tests acme --actor platform:ops");
    assert_eq!(world.error("require-tests acme --off").1["code"], "tests_reserved");
}
