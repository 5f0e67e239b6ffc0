//! Exit codes, errors, colours, pipes, locked files, unknown names.

use policy_store::{Concurrency, PolicyStore};

use super::support::World;

#[test]
fn an_error_of_usage_is_1_and_help_is_0() {
    let world = World::empty();
    world.run("--help").code(0);
    world.run("check --help").code(0);
    world.run("--version").code(0);
    world.run("").code(1);
    let (text, json) = world.error("stauts");
    assert!(text.contains("status"), "{text}");
    assert_eq!((json["code"].as_str(), json["kind"].as_str()), (Some("usage"), Some("invalid")));
}

#[test]
fn a_missing_store_says_how_to_make_one() {
    let world = World::empty();
    for command in ["zones", "status acme", "rollback acme", "verify"] {
        let (text, json) = world.error(command);
        assert!(text.contains("policies.redb") && text.contains("pstore init"), "{text}");
        assert_eq!(json["code"], "not_found");
    }
    assert!(!world.store().exists());
}

#[test]
fn init_creates_once() {
    let world = World::empty();
    let first = world.json(0, "init acme beta");
    assert_eq!((first["created"].as_bool(), first["zones"][1]["created"].as_bool()), (Some(true), Some(true)));
    let again = world.json(0, "init acme gamma");
    assert_eq!(again["created"], false);
    assert_eq!(
        (again["zones"][0]["created"].as_bool(), again["zones"][1]["created"].as_bool()),
        (Some(false), Some(true))
    );
    assert!(world.text(0, "init acme").contains("is there already"));
    assert_eq!(world.json(0, "log -n 1")["created_by"], serde_json::json!({"owner_type": "customer", "id": "tester"}));
}

#[test]
fn an_unknown_name_is_answered_with_the_nearest() {
    let world = World::new();
    for (command, near) in [
        ("status acmee", "acme"),
        ("show acme mfa2", "mfa"),
        ("show acme memmbers@1", "members"),
        ("show acme lvie@1", "live"),
        ("rollback acme --to liev@1", "live"),
    ] {
        let (text, json) = world.error(command);
        assert!(text.contains(&format!("did you mean `{near}`?")), "{command}: {text}");
        assert_eq!(json["code"], "not_found");
    }
    let (text, _) = world.error("show acme mfa@7");
    assert!(text.contains("has no version 7") && text.contains("newest version is 2"), "{text}");
}

#[test]
fn a_locked_file_is_read_and_a_write_says_what_to_do() {
    let world = World::new();
    let service = PolicyStore::open(world.store()).unwrap();
    world.run("status acme").code(0);
    let (text, json) = world.error("rollback acme --to 2");
    assert!(text.contains("policies.redb") && text.contains("stop that process"), "{text}");
    assert_eq!(json["code"], "already_open");
    drop(service);
    let alone = PolicyStore::builder().concurrency(Concurrency::Exclusive).open(world.store()).unwrap();
    assert_eq!(world.error("status acme").1["code"], "already_open");
    drop(alone);
    world.run("rollback acme --to 2").code(0);
}

#[test]
fn a_file_that_a_killed_writer_left_is_read() {
    let world = World::new();
    let bytes = {
        let _writer = PolicyStore::open(world.store()).unwrap();
        std::fs::read(world.store()).unwrap()
    };
    std::fs::write(world.store(), bytes).unwrap();
    let reader = PolicyStore::builder().read_only().open(world.store());
    assert_eq!(reader.unwrap_err().code(), "needs_writer");
    assert!(world.text(0, "status acme").contains("live@1"));
}

#[test]
fn colour_is_for_terminals_or_on_request() {
    let world = World::new();
    let escape = "\u{1b}[";
    assert!(!world.text(0, "status acme").contains(escape));
    assert!(world.text(0, "status acme --color always").contains(escape));
    assert!(!world.text(0, "status acme --color never").contains(escape));
    let set = |variable: &str| {
        let run = world.command("status acme").env(variable, "1").assert().code(0);
        String::from_utf8(run.get_output().stdout.clone()).unwrap()
    };
    assert!(set("CLICOLOR_FORCE").contains(escape));
    assert!(!set("NO_COLOR").contains(escape));
    let both = world.command("status acme").env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1").assert().code(0);
    let both = String::from_utf8(both.get_output().stdout.clone()).unwrap();
    assert!(!both.contains(escape), "{both}");
    assert!(!world.text(0, "status acme --json --color always").contains(escape));
}

#[cfg(unix)]
#[test]
fn a_closed_pipe_ends_quietly() {
    let world = World::new();
    // Its reader is gone before it begins.
    let script = format!("{} log acme --reverse | true; echo ${{PIPESTATUS[0]}}", env!("CARGO_BIN_EXE_pstore"));
    let run = assert_cmd::Command::new("bash").current_dir(world.folder.path()).args(["-c", &script]).assert().code(0);
    let output = run.get_output();
    assert_eq!((output.stdout.as_slice(), output.stderr.as_slice()), (&b"0\n"[..], &b""[..]));
}

#[test]
fn a_wrong_actor_is_refused_by_name() {
    let world = World::new();
    let (text, _) = world.error("rollback acme --to 2 --actor ann");
    assert!(text.contains("`ann`") && text.contains("customer:ID"), "{text}");
    let run = world.command("init").env_remove("USER").env_remove("LOGNAME").env_remove("USERNAME").assert().code(1);
    let text = String::from_utf8(run.get_output().stderr.clone()).unwrap();
    assert!(text.contains("PSTORE_ACTOR"), "{text}");
}

#[test]
fn the_page_names_every_command() {
    let page = include_str!("../../../../docs/pstore.md");
    let help = World::empty().text(0, "--help");
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // Further lines of a description are indented deeper.
    let names: Vec<&str> = commands
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(names.len() > 20, "{names:?}");
    for name in names {
        let is_named = page.contains(&format!("`pstore {name}"))
            || page.contains(&format!("`{name} "))
            || page.contains(&format!("`{name}`"));
        assert!(is_named, "{name}");
    }
}

#[cfg(unix)]
#[test]
fn an_interruption_is_130() {
    let world = World::new();
    let pipe = world.path("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let arguments = ["check", "acme", "--principal", "User::a", "--action", "view", "--resource", "Document::b"];
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_pstore"))
        .current_dir(world.folder.path())
        .args(arguments)
        .args(["--context", "@pipe"])
        .spawn()
        .unwrap();
    // It opens when the command reads, so the command waits now.
    let writer = std::fs::OpenOptions::new().write(true).open(&pipe).unwrap();
    let killed = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let code = super::support::code_of(&mut child);
    // A command that is not interrupted reads on.
    drop(writer);
    drop(child.wait());
    assert_eq!(code, Some(130));
}

#[test]
fn an_output_is_never_the_file_of_the_store() {
    let world = World::new();
    world.text(0, "export acme out");
    let before = std::fs::read(world.store()).unwrap();
    let mut names = vec!["policies.redb", "./out/../policies.redb"];
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("policies.redb", world.path("link")).unwrap();
        std::fs::hard_link(world.store(), world.path("hard")).unwrap();
        names.extend(["link", "hard"]);
    }
    let ask = "--principal User::alice --action view --resource Document::plan --entities entities.json \
               --context '{\"mfa\": true}'";
    for name in names {
        for command in [format!("plan out -o {name}"), format!("check acme {ask} --record {name}")] {
            let (text, json) = world.error(&command);
            assert!(json["code"] == "invalid_input" && text.contains("the store's file"), "{command}: {text}");
            assert!(std::fs::read(world.store()).unwrap() == before, "{command}");
        }
    }
}

#[test]
fn nothing_under_observation_or_before_is_said() {
    let world = World::new();
    let ask = "--principal User::alice --action view --resource Document::plan --context '{\"mfa\": true}'";
    for command in [
        "compare acme".to_owned(),
        format!("compare acme {ask}"),
        "promote acme".to_owned(),
        "shadow acme --end".to_owned(),
        format!("check acme {ask} --shadow"),
    ] {
        let (text, json) = world.error(&command);
        assert!(text.contains("under observation") && text.contains("`pstore shadow acme N`"), "{command}: {text}");
        assert!(json["code"] == "not_bound" && !text.contains("in force"), "{command}: {text}");
    }
    let (text, _) = world.error("diff acme");
    assert!(text.contains("no earlier version was in force") && !text.contains("pstore apply"), "{text}");
}

#[test]
fn reads_of_a_folder_need_no_login_name() {
    let world = World::new();
    world.text(0, "export acme out");
    let ask = "--principal User::alice --action view --resource Document::plan --entities entities.json \
               --context '{\"mfa\": true}'";
    world.write("none.json", "[]");
    for command in ["test ./out --tests none.json", &format!("check acme {ask} --with ./out")] {
        let mut run = world.command(command);
        for name in ["USER", "LOGNAME", "USERNAME"] {
            run.env_remove(name);
        }
        let run = run.assert();
        let text = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
        assert!(!text.contains("login name"), "{command}: {text}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn standard_error_that_cannot_be_written_is_no_panic() {
    let world = World::empty();
    for arguments in [["status", "acme", "--json"], ["status", "acme", "--local"], ["stauts", "acme", "--json"]] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_pstore"));
        let status = command.current_dir(world.folder.path()).args(arguments).stderr(full).status().unwrap();
        assert_eq!(status.code(), Some(1), "{arguments:?}");
    }
}

#[test]
fn a_folder_in_place_of_a_zone_is_named() {
    let world = World::new();
    world.text(0, "export acme out");
    let (text, json) = world.error("test out");
    assert!(json["code"] == "not_found" && text.contains("did you mean the folder `./out`?"), "{text}");
}

#[cfg(unix)]
#[test]
fn a_file_without_an_end_is_too_large() {
    let world = World::new();
    let ask = "--principal User::alice --action view --resource Document::plan";
    for command in [
        format!("check acme {ask} --context @/dev/zero"),
        "verify --since /dev/zero".to_owned(),
        "import acme --bundle /dev/zero".to_owned(),
    ] {
        assert_eq!(world.error(&command).1["code"], "too_large", "{command}");
    }
}
