//! Reads: zones, status, log, show.

use policy_store::Sha256;

use super::support::{MFA_1, MFA_2, SCHEMA, World};

#[test]
fn zones_are_listed_with_the_version_in_force() {
    let world = World::new();
    let text = world.text(0, "zones");
    assert!(text.contains("acme") && text.contains("live@1") && text.contains("customer:ann"), "{text}");
    let json = world.json(0, "zones");
    assert_eq!(json["zones"][0]["id"], "acme");
    assert_eq!(json["zones"][0]["in_force"]["policy_set"], "live");
    assert_eq!(json["zones"][0]["in_force"]["version"], 1);
}

#[test]
fn status_tells_what_is_in_force_since_when_by_whom_and_why() {
    let world = World::new();
    let text = world.text(0, "status acme");
    for part in
        ["live@1 (newest: 2)", "customer:ann", "First version [TICKET-1]", "2 policies in force", "members", "mfa"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    let json = world.json(0, "status acme");
    assert_eq!(json["bindings"][0]["rationale"]["reference"], "TICKET-1");
    assert_eq!((json["newest_version"].as_u64(), json["schema_version"].as_str()), (Some(2), Some("2026-02-24")));
    let mfa = &json["policies"][1];
    assert_eq!(
        (mfa["name"].as_str(), mfa["version"].as_u64(), mfa["newest_version"].as_u64()),
        (Some("mfa"), Some(1), Some(2))
    );
    assert_eq!(mfa["sha"], Sha256::of(MFA_1.as_bytes()).to_string());
}

#[test]
fn status_of_an_earlier_time_is_that_of_then() {
    let world = World::new();
    let before = world.json(0, "log acme -n 1")["created_at"].as_str().unwrap().to_owned();
    world.text(0, "rollback acme --to 2");
    assert_eq!(world.json(0, "status acme")["bindings"][0]["version"], 2);
    assert_eq!(world.json(0, &format!("status acme --at {before}"))["bindings"][0]["version"], 1);
}

#[test]
fn a_zone_without_a_binding_says_so() {
    let world = World::empty();
    world.text(0, "init acme");
    assert!(world.text(0, "status acme").contains("nothing is in force for the zone"));
    assert_eq!(world.json(0, "status acme")["policies"].as_array().map(Vec::len), Some(0));
}

#[test]
fn the_log_names_policies_and_tells_why() {
    let world = World::new();
    let text = world.text(0, "log acme");
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].contains("set version live@2 created, with schema 2026-02-24"), "{text}");
    assert!(lines[0].contains("customer:bob"), "{text}");
    assert!(text.contains("live@1 in force for the zone"), "{text}");
    assert_eq!(text.matches("First version [TICKET-1]").count(), 1, "{text}");
    // Also if the last entry of the write does not pass the filter.
    assert!(world.text(0, "log acme --kind policy_created").contains("First version [TICKET-1]"));
    assert!(world.text(0, "log acme -n 1 --reverse").contains("zone acme created"));
    assert!(world.text(0, "log").contains("schema 2026-02-24 published"));
    let lines = world.text(0, "log acme --json");
    let kinds: Vec<String> = lines
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["change"]["kind"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!((kinds.len(), kinds[0].as_str()), (10, "policy_set_version_created"));
}

#[test]
fn a_version_is_shown_by_its_name_and_number() {
    let world = World::new();
    let text = world.text(0, "show acme mfa@1");
    assert!(text.contains("policy mfa@1") && text.contains(MFA_1.trim_end()), "{text}");
    assert_eq!(world.text(0, "show acme mfa --raw"), MFA_2);
    assert_eq!(world.text(0, "show acme 2026-02-24 --schema --raw"), SCHEMA);
    assert_eq!(world.json(0, "show acme mfa@1")["policy"]["version"]["version"], 1);
    let set = world.text(0, "show acme live@2");
    assert!(set.contains("policy set live@2") && set.contains("members"), "{set}");
    assert_eq!(world.json(0, "show acme @2")["policy_set"]["policies"][1]["version"], 2);
    assert_eq!(world.json(0, "show acme set-1@1")["policy_set"]["version"]["active"], true);
}

#[test]
fn times_are_local_on_request_and_json_stays_in_utc() {
    let world = World::new();
    assert!(world.text(0, "log acme -n 1 --local").contains("+09:00"));
    let utc = world.text(0, "log acme -n 1");
    let time = utc.split_whitespace().nth(1).unwrap();
    assert!(time.ends_with('Z') && time.len() == "2026-02-24T13:20:05.000000Z".len(), "{time}");
    let json = world.json(0, "log acme -n 1 --local");
    assert!(json["created_at"].as_str().unwrap().ends_with('Z'), "{json}");
}

#[test]
fn the_log_is_filtered() {
    let world = World::new();
    let before = world.json(0, "log acme -n 1")["created_at"].as_str().unwrap().to_owned();
    world.text(0, "rollback acme --to 2 --actor platform:ops");
    let lines = |arguments: &str| world.text(0, &format!("log acme {arguments} --json")).lines().count();
    assert_eq!((lines("--by platform:ops"), lines("--by customer:ops")), (1, 0));
    assert_eq!((lines("--kind bound --actor customer:x"), lines("--kind bound --kind zone_created")), (2, 3));
    assert_eq!((lines("--policy mfa"), lines("--policy mfa --kind policy_version_created")), (3, 2));
    assert_eq!(lines("--set live --kind policy_set_version_created"), 2);
    assert_eq!((lines("--target zone"), lines("--target user:ann")), (2, 0));
    // A time is the start of one filter and the end of another.
    assert_eq!(lines(&format!("--since {before}")) + lines(&format!("--until {before}")), lines(""));
    assert!(world.error("log acme --policy mffa").0.contains("did you mean `mfa`?"));
    assert!(world.error("log acme --kind bund").0.contains("bound"));
    assert!(world.error("log --policy mfa").0.contains("ZONE"));
}

#[test]
fn all_logs_are_one_timeline() {
    let world = World::new();
    world.text(0, "init beta --actor platform:ops");
    let text = world.text(0, "log --all --reverse");
    let acme = text.lines().position(|line| line.starts_with("acme") && line.contains("live@2 created"));
    let beta = text.lines().position(|line| line.starts_with("beta") && line.contains("zone beta created"));
    assert!(acme.is_some() && acme < beta, "{text}");
    assert!(text.lines().any(|line| line.starts_with('-') && line.contains("schema 2026-02-24 published")), "{text}");
    let line = world.text(0, "log --all --json -n 1");
    let entry: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        (entry["created_by"]["id"].as_str(), entry["change"]["kind"].as_str()),
        (Some("ops"), Some("zone_created"))
    );
}

#[test]
fn a_copied_time_means_its_binding() {
    let world = World::new();
    world.text(0, "rollback acme --to 2");
    let status = world.text(0, "status acme");
    let time = status.split_whitespace().find(|word| word.contains("T") && word.ends_with('Z')).unwrap();
    assert_eq!(world.json(0, &format!("export acme out --at {time}"))["version"], "live@2", "{status}");
}
