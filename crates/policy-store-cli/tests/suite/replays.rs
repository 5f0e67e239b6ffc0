//! Recorded decisions and their replays.

use super::support::{MFA_2, SCHEMA, World};

/// A world with three recorded decisions: alice views without a second factor, edits with one, edits without.
fn recorded() -> World {
    let world = World::new();
    for (action, mfa) in [("view", false), ("edit", true), ("edit", false)] {
        let ask =
            format!("--principal User::alice --action {action} --resource Document::plan --entities entities.json");
        world.text(0, &format!("check acme {ask} --context {{\"mfa\":{mfa}}} --record decisions.jsonl"));
    }
    assert_eq!(world.read("decisions.jsonl").lines().count(), 3);
    world
}

#[test]
fn decisions_agree_with_their_receipts() {
    let world = recorded();
    let text = world.text(0, "replay decisions.jsonl");
    assert!(text.contains("3 decisions by their own rules: 3 the same") && text.contains("no flips"), "{text}");
    // Also after another version is in force.
    world.text(0, "rollback acme --to 2");
    assert_eq!(world.json(0, "replay decisions.jsonl")["agrees"], true);
    let lines = world.read("decisions.jsonl");
    let forged = lines.replacen("\"decision\":\"allow\"", "\"decision\":\"deny\"", 1);
    world.write("forged.jsonl", &format!("{forged}no record\n"));
    let json = world.json(2, "replay forged.jsonl");
    assert_eq!((json["flips"].as_u64(), json["left_out_lines"][0]["line"].as_u64()), (Some(1), Some(4)));
    assert!(world.text(2, "replay forged.jsonl").contains("line 4"));
}

#[test]
fn flips_are_grouped_by_statement() {
    let world = recorded();
    let text = world.text(2, "replay decisions.jsonl --with live@2");
    assert!(text.contains("1 flip") && text.contains("allow → deny") && text.contains("mfa@2 statement 0"), "{text}");
    let json = world.json(2, "replay decisions.jsonl --with live@2 --zone acme");
    assert_eq!((json["decisions"].as_u64(), json["same"].as_u64()), (Some(3), Some(2)));
    assert_eq!(
        (json["statements"][0]["policy"].as_str(), json["flips_by_statement"][0]["count"].as_u64()),
        (Some("mfa"), Some(1))
    );
    assert_eq!(json["statements"][0]["text"], MFA_2.trim_end());
    assert_eq!(world.json(0, "replay decisions.jsonl --with live@1")["flips"], 0);
    // The same decision by another version of the statement is no flip.
    let last = world.read("decisions.jsonl").lines().last().unwrap().to_owned();
    world.write("last.jsonl", &format!("{last}\n"));
    let json = world.json(0, "replay last.jsonl --with live@2");
    assert_eq!((json["flips"].as_u64(), json["reasons_differ"].as_u64()), (Some(0), Some(1)));
    world.text(0, "init beta");
    assert!(world.error("replay decisions.jsonl --with live@2").0.contains("--zone"));
    let decisions = world.read("decisions.jsonl");
    let run = world.command("replay - --with live@2 --zone acme").write_stdin(decisions).assert().code(2);
    assert!(String::from_utf8(run.get_output().stdout.clone()).unwrap().contains("1 flip"));
}

#[test]
fn a_plan_and_a_shadow_tell_what_they_would_flip() {
    let world = recorded();
    world.text(0, "export acme out");
    assert!(world.text(0, "plan out --decisions decisions.jsonl").contains("no flips"));
    world.write("out/policies/mfa.cedar", &format!("//! id: mfa\n{}", MFA_2.replace("forbid", "@id(\"new\")\nforbid")));
    let text = world.text(2, "plan out --decisions decisions.jsonl");
    assert!(text.contains("mfa@3 statement 0 `new`"), "{text}");
    let json = world.json(2, "plan out --decisions decisions.jsonl");
    assert_eq!(json["replay"]["flips"], 1);
    assert_eq!(world.json(2, "replay decisions.jsonl --with ./out")["flips"], 1);
    world.text(0, "shadow acme 2");
    assert!(world.text(2, "compare acme").contains("~ mfa v1 → v2"));
    let json = world.json(2, "compare acme --decisions decisions.jsonl");
    assert_eq!((json["replay"]["flips"].as_u64(), json["replay"]["with"].as_str()), (Some(1), Some("live@2")));
    world.text(0, "shadow acme 1");
    assert!(world.text(0, "compare acme").contains("no difference"));
    // A plan with another schema reads the requests anew.
    world.write("out/schema.cedarschema", &format!("{SCHEMA}entity Guest;\n"));
    world.write("out/pstore.toml", "zone = \"acme\"\npolicy_set_id = \"set-1\"\nschema_version = \"v2\"\n");
    assert_eq!(world.json(2, "plan out --decisions decisions.jsonl")["replay"]["decisions"], 3);
}

#[test]
fn a_recorded_decision_is_explained() {
    let world = recorded();
    let text = world.text(0, "why acme decisions.jsonl --line 3");
    for part in ["deny", "mfa@1 statement 0", "decided again, with the same answer"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(world.json(0, "why acme decisions.jsonl")["decision"], "allow");
    assert!(world.error("why acme decisions.jsonl --line 9").0.contains("no line 9"));
}

#[test]
fn a_decision_is_explained_with_the_entities_of_an_earlier_line() {
    let world = recorded();
    let mut shared = String::new();
    for line in world.read("decisions.jsonl").lines() {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        let sha = record["receipt"]["entities_sha"].as_str().unwrap();
        // The entities are the last member of the line.
        let (decision, entities) = line.rsplit_once(",\"entities\":").unwrap();
        shared += &format!("{{\"v\":1,\"entities_sha\":\"{sha}\",\"entities\":{entities}\n");
        let decision = decision.strip_prefix("{\"v\":1,").unwrap();
        shared += &format!("{{\"v\":1,\"entities_sha\":\"{sha}\",{decision}}}\n");
    }
    world.write("shared.jsonl", &shared);
    assert_eq!(world.json(0, "replay shared.jsonl")["same"], 3);
    for (line, decision) in [(4, "allow"), (6, "deny")] {
        let explained = world.json(0, &format!("why acme shared.jsonl --line {line}"));
        assert_eq!((explained["decision"].as_str(), explained["replayed"].as_bool()), (Some(decision), Some(true)));
    }
    assert!(world.error("why acme shared.jsonl --line 1").0.contains("a line of entities is no decision"));
    let alone = shared.lines().nth(1).unwrap();
    world.write("alone.jsonl", alone);
    assert!(world.error("why acme alone.jsonl --line 1").0.contains("on no earlier line"));
}

#[cfg(unix)]
#[test]
fn an_interruption_ends_a_replay_whose_input_does_not_come() {
    use std::process::{Command, Stdio};

    let world = recorded();
    assert!(Command::new("mkfifo").arg(world.path("pipe")).status().unwrap().success());
    for file in ["pipe", "-"] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_pstore"))
            .current_dir(world.folder.path())
            .args(["replay", file])
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // It opens when the command reads.
        let writer = (file != "-").then(|| std::fs::OpenOptions::new().write(true).open(world.path("pipe")).unwrap());
        // Let the command read its standard input: a signal before that ends it, too.
        std::thread::sleep(std::time::Duration::from_millis(300));
        assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
        let code = super::support::code_of(&mut child);
        drop(writer);
        drop(child.wait());
        assert_eq!(code, Some(130), "{file}");
    }
}
