//! The spans of the feature `tracing`: ids of what is read and written, and nothing of the texts.

use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;

use policy_store::{NewPolicyVersion, Target};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::support::{V1, World, decide};

/// Notes each span and event of one thread with its fields. It is for the whole process: a subscriber of one thread may miss
/// what another thread without one came across first.
#[derive(Clone)]
struct Notes {
    thread: ThreadId,
    lines: Arc<Mutex<Vec<String>>>,
    spans: Arc<AtomicU64>,
}

impl Notes {
    fn note(&self, name: &str, record: impl FnOnce(&mut Line)) {
        if std::thread::current().id() == self.thread {
            let mut line = Line(name.to_owned());
            record(&mut line);
            self.lines.lock().unwrap().push(line.0);
        }
    }
}

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
        self.note(attributes.metadata().name(), |line| attributes.record(line));
        Id::from_u64(self.spans.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn event(&self, event: &Event<'_>) {
        self.note("event", |line| event.record(line));
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn spans_name_the_ids_of_the_work_and_no_text() {
    let thread = std::thread::current().id();
    let notes = Notes { thread, lines: Arc::default(), spans: Arc::default() };
    tracing::subscriber::set_global_default(notes.clone()).unwrap();
    let (world, live) = {
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
        (world, live)
    };
    let lines = notes.lines.lock().unwrap().clone();
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
    has("decision_set", &[&format!("zone={zone}"), &format!("policy_set_version={}", live.id), "entries=1"]);
    for name in ["verify", "rebuild", "backup", "compact", "recover"] {
        has(name, &[&path]);
    }
    assert!(!lines.iter().any(|line| line.contains("secret") || line.contains("permit")), "{lines:#?}");
}
