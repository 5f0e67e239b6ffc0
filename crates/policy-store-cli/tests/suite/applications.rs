//! Real applications of Cedar, through the binary: allowed requests are allowed, denied ones are denied.
//!
//! They are in `../shared/cedar-cases`, next to the repository. Without that folder, these tests report it and do nothing.

use std::fs;
use std::path::{Path, PathBuf};

use policy_store::{Actor, NewPolicy, NewPolicySet, NewPolicySetVersion, NewPolicyVersion, NewSchema, PolicyStore};

use super::support::World;

fn applications() -> Vec<PathBuf> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/cedar-cases"));
    let Ok(entries) = fs::read_dir(folder) else {
        println!("skipped: there are no applications in {}", folder.display());
        return Vec::new();
    };
    let folders = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let folders: Vec<PathBuf> = folders.filter(|path| !path.join("links.json").exists()).collect();
    assert!(folders.len() >= 6, "some applications are missing");
    folders
}

/// A uid in Cedar's text.
fn uid(value: &serde_json::Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[test]
fn requests_are_decided_as_they_must_be() {
    for application in applications() {
        let world = World::empty();
        let read = |file: &str| fs::read_to_string(application.join(file)).unwrap();
        let store = PolicyStore::open(world.store()).unwrap();
        store
            .write(&Actor::customer("ann").unwrap(), |w| {
                w.publish_schema(NewSchema::cedar("v1", read("policies.cedarschema")))?;
                let mut zone = w.create_zone("acme")?;
                let policy = zone.create_policy(NewPolicy::named("all"))?;
                let version =
                    zone.create_policy_version(&policy.id, NewPolicyVersion::cedar("v1", read("policies.cedar")))?;
                let set = zone.create_policy_set(NewPolicySet::named("live"))?;
                let version = zone.create_policy_set_version(&set.id, NewPolicySetVersion::new("v1").pin(&version))?;
                zone.activate(&version.id)
            })
            .unwrap();
        drop(store);
        for decision in ["allow", "deny"] {
            for request in fs::read_dir(application.join(decision)).unwrap() {
                let request = request.unwrap().path();
                let json: serde_json::Value = serde_json::from_str(&fs::read_to_string(&request).unwrap()).unwrap();
                let run = world
                    .command("check acme --json --as-given")
                    .args(["--principal", &uid(&json["principal"]), "--action", &uid(&json["action"])])
                    .args(["--resource", &uid(&json["resource"]), "--context", &json["context"].to_string()])
                    .arg("--entities")
                    .arg(application.join("entities.json"))
                    .assert()
                    .code(0);
                let answer: serde_json::Value = serde_json::from_slice(&run.get_output().stdout).unwrap();
                assert_eq!(answer["decision"], decision, "{}", request.display());
            }
        }
        // A whole set in one policy goes out as one file, byte for byte.
        world.text(0, "export acme out");
        assert!(world.read("out/policies/all.cedar").ends_with(&read("policies.cedar")), "{}", application.display());
    }
}
