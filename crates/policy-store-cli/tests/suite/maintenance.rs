//! Verify, backup, compact, stats, preflight, completions, manual pages.

use super::support::{SCHEMA, World};

#[test]
fn a_clean_store_is_verified_and_its_checkpoints_are_kept() {
    let world = World::new();
    assert!(world.text(0, "verify --checkpoints kept.txt").ends_with("clean\n"));
    let all = world.json(0, "verify")["entries"].as_u64();
    world.text(0, "rollback acme --to 2");
    let since = world.json(0, "verify --since kept.txt");
    assert_eq!(since["clean"].as_bool(), Some(true));
    assert!(since["entries"].as_u64() < all, "{since}");
    world.write("wrong.txt", "not a checkpoint\n");
    assert!(world.error("verify --since wrong.txt").0.contains("wrong.txt"));
}

#[test]
fn a_damaged_store_fails() {
    let world = World::new();
    let mut bytes = std::fs::read(world.store()).unwrap();
    let at = bytes.windows(13).position(|window| window == b"First version").unwrap();
    bytes[at] ^= 1;
    std::fs::write(world.store(), bytes).unwrap();
    let run = world.run("verify").code(1);
    let output = run.get_output();
    let all = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    assert!(String::from_utf8(all).unwrap().contains("damaged"));
}

#[test]
fn a_backup_is_made_once_and_read() {
    let world = World::new();
    let backup = world.json(0, "backup copy.redb");
    assert_eq!(backup["report"]["findings"].as_array().map(Vec::len), Some(0));
    assert!(world.text(0, "status acme --store copy.redb").contains("live@1"));
    assert_eq!(world.error("backup copy.redb").1["code"], "file_exists");
    let (text, json) = world.error("rollback acme --to 2 --store copy.redb");
    assert!(text.contains("copy.redb"), "{text}");
    assert_eq!(json["code"], "is_backup");
}

#[test]
fn the_size_is_told_and_given_back() {
    let world = World::new();
    assert!(world.text(0, "stats").contains("schema versions"));
    assert!(world.text(0, "stats --space").contains("bytes are unused"));
    assert_eq!(world.json(0, "stats")["zones"], 1);
    assert!(world.json(0, "stats --space")["space"]["file_bytes"].as_u64() > Some(0));
    let compacted = world.json(0, "compact");
    assert!(compacted["after"].as_u64() <= compacted["before"].as_u64());
    assert!(world.text(0, "compact").contains("bytes"));
}

#[test]
fn a_preflight_with_findings_is_2() {
    let world = World::new();
    world.write("same.cedarschema", SCHEMA);
    world.write("other.cedarschema", &SCHEMA.replace("mfa: Bool", "second_factor: Bool"));
    assert!(world.text(0, "preflight same.cedarschema").contains("clean"));
    let text = world.text(2, "preflight other.cedarschema");
    assert!(
        text.contains("fails mfa@1") && text.contains("fails mfa@2") && text.contains("in force for the zone"),
        "{text}"
    );
    let json = world.json(2, "preflight other.cedarschema --zone acme --current");
    assert_eq!((json["clean"].as_bool(), json["zones"][0]["zone_id"].as_str()), (Some(false), Some("acme")));
    assert_eq!(world.json(0, "preflight --version 2026-02-24")["clean"], true);
    world.write("broken.cedarschema", "entity;");
    assert_eq!(world.error("preflight broken.cedarschema").1["code"], "syntax");
}

#[test]
fn completions_and_manual_pages_are_generated() {
    let world = World::empty();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(world.text(0, &format!("completions {shell}")).contains("rollback"), "{shell}");
    }
    assert!(world.text(0, "man").contains(".TH pstore"));
    std::fs::create_dir(world.path("pages")).unwrap();
    world.text(0, "man pages");
    assert!(world.read("pages/pstore-rollback.1").contains("rollback"));
    assert_eq!(world.error("man none").1["code"], "file");
}
