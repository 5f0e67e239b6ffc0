//! Real applications of Cedar, through the binary: allowed requests are allowed, denied ones are denied.
//!
//! They are in `../shared/cedar-cases`, next to the repository. Without that folder, these tests report it and do nothing.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::json;

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

/// The requests in `allow` or in `deny`, with their files.
fn requests(application: &Path, decision: &str) -> Vec<(PathBuf, serde_json::Value)> {
    let files = fs::read_dir(application.join(decision)).unwrap().map(|entry| entry.unwrap().path());
    files.map(|path| (path.clone(), serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap())).collect()
}

/// A folder of the application: its schema, all policies in one file, its requests as tests.
fn write_folder(world: &World, application: &Path) {
    let read = |file: &str| fs::read_to_string(application.join(file)).unwrap();
    world.write("app/schema.cedarschema", &read("policies.cedarschema"));
    world.write("app/policies/all.cedar", &read("policies.cedar"));
    world.write("app/entities.json", &read("entities.json"));
    world.write("app/pstore.toml", "zone = \"acme\"\npolicy_set = \"live\"\nschema_version = \"v1\"\n");
    for decision in ["allow", "deny"] {
        let cases: Vec<_> = requests(application, decision)
            .into_iter()
            .map(|(path, request)| {
                json!({
                    "name": path.file_stem().unwrap().to_string_lossy(), "request": request,
                    "entities": "../entities.json", "decision": decision, "reason": [], "num_errors": 0,
                })
            })
            .collect();
        world.write(&format!("app/tests/{decision}.json"), &json!(cases).to_string());
    }
}

/// The decision of a request.
fn command(world: &World, request: &serde_json::Value, options: &[&str]) -> Command {
    let mut command = world.command("check acme --entities app/entities.json");
    command.args(["--principal", &uid(&request["principal"]), "--action", &uid(&request["action"])]);
    command.args(["--resource", &uid(&request["resource"]), "--context", &request["context"].to_string()]);
    command.args(options);
    command
}

#[test]
fn an_application_goes_in_is_tested_decides_and_comes_out() {
    let mut conforming = 0;
    let applications = applications();
    for application in &applications {
        let world = World::empty();
        write_folder(&world, application);
        world.text(0, "init acme");
        world.text(2, "plan ./app");
        let cases = ["allow", "deny"].map(|decision| requests(application, decision).len()).iter().sum::<usize>();
        // Decisions can take entities that do not conform to the schema. Tests do not.
        let conforms = command(&world, &requests(application, "allow")[0].1, &["--with", "./app"]).output().unwrap();
        let conforms = conforms.status.success();
        conforming += usize::from(conforms);
        if conforms {
            assert_eq!(world.json(0, "apply ./app")["tests_passed"], cases, "{}", application.display());
        } else {
            assert!(world.error("apply ./app").0.contains("invalid entities"), "{}", application.display());
            world.text(0, "apply ./app --no-tests");
        }
        assert!(world.text(0, "plan ./app").contains("no changes"));
        assert_eq!(world.json(if conforms { 0 } else { 2 }, "test acme")["passed"], conforms);
        for decision in ["allow", "deny"] {
            for (path, request) in requests(application, decision) {
                let options = ["--json", "--as-given", "--record", "decisions.jsonl"];
                let run = command(&world, &request, &options).assert().code(0);
                let answer: serde_json::Value = serde_json::from_slice(&run.get_output().stdout).unwrap();
                assert_eq!(answer["decision"], decision, "{}", path.display());
            }
        }
        assert_eq!(world.json(0, "replay decisions.jsonl")["decisions"], cases);
        // All policies in one file, byte for byte.
        world.text(0, "export acme out");
        let policies = fs::read_to_string(application.join("policies.cedar")).unwrap();
        assert!(world.read("out/policies/all.cedar").ends_with(&policies), "{}", application.display());
        assert!(world.text(0, "plan out").contains("no changes"));
    }
    assert!(applications.is_empty() || conforming >= 3, "{conforming}");
}
