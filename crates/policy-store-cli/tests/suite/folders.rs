//! Export and import.

use super::support::{MEMBERS, MFA_1, MFA_2, SCHEMA, World};

#[test]
fn a_version_is_exported_as_a_folder() {
    let world = World::new();
    let text = world.text(0, "export acme out");
    assert!(text.contains("live@1") && text.contains("policies/mfa.cedar"), "{text}");
    assert_eq!(world.read("out/schema.cedarschema"), SCHEMA);
    assert_eq!(world.read("out/policies/mfa.cedar"), format!("//! id: mfa\n//! description: A policy\n{MFA_1}"));
    assert_eq!(
        world.read("out/pstore.toml"),
        "zone = \"acme\"\npolicy_set = \"live\"\npolicy_set_id = \"set-1\"\nschema_version = \"2026-02-24\"\n"
    );
    let again = world.json(0, "export acme out --version 2");
    assert_eq!(again["version"], "live@2");
    assert!(world.read("out/policies/mfa.cedar").ends_with(MFA_2));
    world.write("out/policies/stale.cedar", MEMBERS);
    let (text, json) = world.error("export acme out");
    assert!(text.contains("stale.cedar") && text.contains("--replace"), "{text}");
    assert_eq!(json["code"], "file_exists");
    world.text(0, "export acme out --replace");
    assert!(!world.path("out/policies/stale.cedar").exists());
}

#[test]
fn a_bundle_goes_out_and_comes_in() {
    let world = World::new();
    world.text(0, "export acme --bundle live.tar.gz");
    assert!(world.text(0, "import acme --bundle live.tar.gz --plan").contains("no changes"));
    world.text(0, "rollback acme --to 2");
    let planned = world.text(2, "import acme --bundle live.tar.gz --plan");
    assert!(planned.contains("mfa"), "{planned}");
    assert_eq!(world.json(0, "status acme")["bindings"][0]["version"], 2);
    let applied = world.json(0, "import acme --bundle live.tar.gz --reason back");
    assert_eq!(
        (applied["applied"]["changed"].as_bool(), applied["applied"]["replaced"].as_str()),
        (Some(true), Some("live@2"))
    );
    assert!(world.text(0, "import acme --bundle live.tar.gz").contains("nothing changed"));
    assert_eq!(world.error("export acme --bundle live.tar.gz").1["code"], "file");
    world.write("broken.tar.gz", "no archive");
    assert_eq!(world.error("import acme --bundle broken.tar.gz").1["code"], "bundle_invalid");
}

#[test]
fn a_folder_without_policies_is_not_put_in_force() {
    let world = World::new();
    world.text(0, "export acme out");
    std::fs::rename(world.path("out/policies"), world.path("out/polices")).unwrap();
    for command in ["plan out", "apply out"] {
        let (text, json) = world.error(command);
        assert!(json["code"] == "not_found" && text.contains("policies"), "{text}");
    }
    assert_eq!(world.json(0, "status acme")["bindings"][0]["version"], 1);
}
