//! A store with a small application, and runs of the binary on it.

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use assert_cmd::assert::Assert;
use policy_store::{
    Actor, NewPolicy, NewPolicySet, NewPolicySetVersion, NewPolicyVersion, NewSchema, PolicyStore, Rationale,
};
use serde_json::Value;
use tempfile::TempDir;

pub const SCHEMA: &str = r#"
entity Team;
entity User in [Team];
entity Document { owner: User };
action view, edit appliesTo { principal: User, resource: Document, context: { mfa: Bool } };
"#;
pub const MEMBERS: &str = "@id(\"staff\")\npermit (principal in Team::\"staff\", action == Action::\"view\", resource);\n\
                           permit (principal, action, resource) when { resource.owner == principal };\n";
pub const MFA_1: &str = "forbid (principal, action == Action::\"edit\", resource) unless { context.mfa };\n";
pub const MFA_2: &str = "forbid (principal, action, resource) unless { context.mfa };\n";
pub const ENTITIES: &str = r#"[
    { "uid": { "type": "User", "id": "alice" }, "attrs": {}, "parents": [{ "type": "Team", "id": "staff" }] },
    { "uid": { "type": "Document", "id": "plan" },
      "attrs": { "owner": { "__entity": { "type": "User", "id": "alice" } } }, "parents": [] }
]"#;

/// A folder with a store in it.
pub struct World {
    pub folder: TempDir,
}

impl World {
    /// A folder without a store.
    pub fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A store with the zone `acme`: version 1 of the set `live` is in force, version 2 pins a newer `mfa`.
    pub fn new() -> Self {
        let world = Self::empty();
        let store = PolicyStore::open(world.store()).unwrap();
        let ann = Actor::customer("ann").unwrap();
        let why = Rationale::new().with_reason("First version").unwrap().with_reference("TICKET-1").unwrap();
        let pins = store
            .write(&ann, |w| {
                w.rationale(why)?;
                w.publish_schema(NewSchema::cedar("2026-02-24", SCHEMA))?;
                let mut zone = w.create_zone("acme")?;
                let mut pins = NewPolicySetVersion::new("2026-02-24");
                for (name, text) in [("members", MEMBERS), ("mfa", MFA_1)] {
                    let policy = zone.create_policy(NewPolicy::named(name).id(name).description("A policy"))?;
                    let version =
                        zone.create_policy_version(&policy.id, NewPolicyVersion::cedar("2026-02-24", text))?;
                    pins = pins.pin(&version);
                }
                let set = zone.create_policy_set(NewPolicySet::named("live").id("set-1"))?;
                let version = zone.create_policy_set_version(&set.id, pins)?;
                zone.activate(&version.id)?;
                Ok(NewPolicySetVersion::from(&version))
            })
            .unwrap();
        store
            .write(&Actor::customer("bob").unwrap(), |w| {
                let mut zone = w.zone("acme")?;
                let version = zone.create_policy_version("mfa", NewPolicyVersion::cedar("2026-02-24", MFA_2))?;
                zone.create_policy_set_version("set-1", pins.pin(&version)).map(drop)
            })
            .unwrap();
        world.write("entities.json", ENTITIES);
        world
    }

    pub fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    pub fn store(&self) -> PathBuf {
        self.path("policies.redb")
    }

    pub fn write(&self, file: &str, text: &str) -> PathBuf {
        let path = self.path(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    pub fn read(&self, file: impl AsRef<Path>) -> String {
        std::fs::read_to_string(self.folder.path().join(file)).unwrap()
    }

    /// The command in the world's folder, without the settings of the machine.
    pub fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pstore"));
        command.current_dir(self.folder.path()).args(split(arguments));
        for variable in ["PSTORE_STORE", "PSTORE_ACTOR", "NO_COLOR", "CLICOLOR_FORCE", "CLICOLOR"] {
            command.env_remove(variable);
        }
        command.env("USER", "tester").env("TZ", "Asia/Tokyo");
        command
    }

    /// Runs the command.
    pub fn run(&self, arguments: &str) -> Assert {
        self.command(arguments).assert()
    }

    /// The output of a command that ends with this code.
    pub fn text(&self, code: i32, arguments: &str) -> String {
        let run = self.run(arguments).code(code);
        String::from_utf8(run.get_output().stdout.clone()).unwrap()
    }

    /// The JSON of a command that ends with this code.
    pub fn json(&self, code: i32, arguments: &str) -> Value {
        serde_json::from_str(&self.text(code, &format!("{arguments} --json"))).unwrap()
    }

    /// The text and the JSON of a command's error. Nothing is on standard output.
    pub fn error(&self, arguments: &str) -> (String, Value) {
        let printed = |arguments: &str| {
            let run = self.run(arguments).code(1);
            assert_eq!(run.get_output().stdout, b"", "{arguments}");
            String::from_utf8(run.get_output().stderr.clone()).unwrap()
        };
        let json: Value = serde_json::from_str(&printed(&format!("{arguments} --json"))).unwrap();
        (printed(arguments), json["error"].clone())
    }
}

/// Words separated by blanks. A word in `'` has blanks.
fn split(arguments: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in arguments.split('\'').enumerate() {
        if index % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

/// The exit code of a process that ends by itself; none if it still runs after a minute.
#[cfg(unix)]
pub fn code_of(child: &mut std::process::Child) -> Option<i32> {
    for _ in 0..600 {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    None
}
