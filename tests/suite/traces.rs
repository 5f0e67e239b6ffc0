//! The spans of the feature `tracing`: ids of what is read and written, and nothing of the texts.

use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use policy_store::{NewPolicyVersion, Target};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::support::{V1, World, decide};

/// Notes each span and event with its fields.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>, Arc<AtomicU64>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0 += &format!(" {}={value:?}", field.name());
    }
}

impl Subscriber for Notes {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "policy_store"
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut line = Line(attributes.metadata().name().to_owned());
        attributes.record(&mut line);
        self.0.lock().unwrap().push(line.0);
        Id::from_u64(self.1.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line("event".to_owned());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn spans_name_the_ids_of_the_work_and_no_text() {
    let notes = Notes::default();
    let world = tracing::subscriber::with_default(notes.clone(), || {
        let world = World::in_file();
        let secret = "permit(principal == User::\"secret-name\", action, resource);";
        let version = world
            .write(|zone| {
                zone.create_policy(policy_store::NewPolicy::named("secret-policy").id("p"))?;
                zone.create_policy_version("p", NewPolicyVersion::cedar(V1, secret))
            })
            .unwrap();
        let live = world.live("s", &[&version]);
        let authorizer = world.zone().authorizer(Target::user("secret-user"));
        assert!(authorizer.is_err());
        decide(&world.zone().authorizer(Target::Zone).unwrap(), "ann", "read", "open");
        world.store.verify().unwrap();
        world.store.rebuild_indexes().unwrap();
        world.store.backup(world.path().with_file_name("backup.redb")).unwrap();
        world.store.compact().unwrap();
        world.store.recover().unwrap();
        notes.0.lock().unwrap().push(format!("expected {} {}", live.id, version.id));
        world
    });
    let lines = notes.0.lock().unwrap().clone();
    let (zone, log) = (world.zone().id().to_string(), world.zone().info().unwrap().log_id);
    let has = |name: &str, parts: &[&str]| {
        let found = lines
            .iter()
            .any(|line| line.split(' ').next() == Some(name) && parts.iter().all(|part| line.contains(part)));
        assert!(found, "{name} {parts:?} in {lines:#?}");
    };
    let path = world.path().display().to_string();
    has("open", &[&path]);
    has("write", &[&path]);
    has("commit", &[&path, "commit=2"]);
    has("event", &[&format!("zone={zone}"), &format!("log={log}")]);
    has("read", &[&format!("zone={zone}"), &format!("log={log}")]);
    let expected = lines.iter().find_map(|line| line.strip_prefix("expected ")).unwrap();
    let (live, _) = expected.split_once(' ').unwrap();
    has("decision_set", &[&format!("zone={zone}"), &format!("policy_set_version={live}"), "entries=1"]);
    for name in ["verify", "rebuild", "backup", "compact", "recover"] {
        has(name, &[&path]);
    }
    assert!(!lines.iter().any(|line| line.contains("secret") || line.contains("permit")), "{lines:#?}");
}
