//! The state of the model: schemas, zones and logs in plain lists, as `docs/architecture.md` and the public docs
//! describe them. Shares no code with the store, except inputs such as `Actor` and `Target`.

use std::collections::BTreeSet;
use std::rc::Rc;

use policy_store::{Actor, BindingMode, IdempotencyKey, Target, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::requests::Answered;
use super::texts::{Content, Vocabulary};

/// Microseconds that a log may be ahead of the clock.
pub const TOLERANCE: i64 = 24 * 3_600 * 1_000_000;

/// The errors of the rules that a call breaks. The store may return any of them.
pub type Broken = BTreeSet<String>;

/// The expected result of a call: a value as JSON, or one of the errors.
pub type Expected = Result<Value, Broken>;

/// Refuses if any of the rules is broken.
pub fn check(broken: Broken) -> Result<(), Broken> {
    if broken.is_empty() { Ok(()) } else { Err(broken) }
}

pub fn one(rule: impl Into<String>) -> Broken {
    Broken::from([rule.into()])
}

pub fn time(micros: i64) -> Value {
    json!(Timestamp::from_micros(micros))
}

pub fn sha(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The time, author and position of a change.
#[derive(Clone, Debug)]
pub struct Mark {
    pub at: i64,
    pub by: Actor,
    pub position: usize,
}

/// One entry of a log. `change` has the form of the history.
#[derive(Clone, Debug)]
pub struct Entry {
    pub at: i64,
    pub clock: i64,
    pub by: Actor,
    pub imported_by: Option<Actor>,
    pub request: Option<IdempotencyKey>,
    pub write: (usize, usize),
    pub change: Value,
}

#[derive(Clone, Debug, Default)]
pub struct Log {
    /// The store's id for it: taken once, and never different.
    pub id: String,
    pub entries: Vec<Entry>,
    /// Its length at the start of the present write.
    pub start: usize,
}

impl Log {
    /// Whether a write under this clock is refused.
    pub fn is_ahead_of(&self, clock: i64) -> bool {
        self.entries[..self.start].last().is_some_and(|last| last.at - clock > TOLERANCE)
    }

    /// The earliest time that the last entry before the write can have been given: an entry with a repeated time is
    /// moved by a microsecond.
    pub fn last_given(&self) -> Option<i64> {
        let mut times = self.entries[..self.start].iter().rev().map(|entry| entry.at);
        let last = times.next()?;
        Some(
            times
                .fold(
                    (last, true),
                    |(first, close), at| if close && at == first - 1 { (at, true) } else { (first, false) },
                )
                .0,
        )
    }

    pub fn append(&mut self, author: &Author, change: Value) -> Mark {
        let last = self.entries.last().map(|last| last.at);
        let at = last.map_or(author.time(), |last| author.time().max(last + 1));
        self.append_at(author, at, change)
    }

    pub fn append_at(&mut self, author: &Author, at: i64, change: Value) -> Mark {
        let (position, by) = (self.entries.len(), author.actor.clone());
        self.entries.push(Entry {
            at,
            clock: author.clock,
            by: by.clone(),
            imported_by: author.import.as_ref().map(|import| import.by.clone()),
            request: None,
            write: (self.start, position),
            change,
        });
        for entry in &mut self.entries[self.start..] {
            entry.write.1 = position;
        }
        Mark { at, by, position }
    }
}

#[derive(Clone, Debug)]
pub struct Author {
    pub actor: Actor,
    pub clock: i64,
    /// Set in an import.
    pub import: Option<Import>,
}

/// An import: its actor, and the original time.
#[derive(Clone, Debug)]
pub struct Import {
    pub by: Actor,
    pub at: i64,
}

impl Author {
    /// The time of the change.
    fn time(&self) -> i64 {
        self.import.as_ref().map_or(self.clock, |import| import.at)
    }
}

#[derive(Clone, Debug)]
pub struct Schema {
    pub version: String,
    pub json: bool,
    pub source: String,
    /// The other form: taken once, and never different.
    pub converted: String,
    pub vocabulary: Vocabulary,
    pub created: Mark,
    /// Every change of its status.
    pub changes: Vec<(&'static str, Mark)>,
}

#[derive(Clone, Debug)]
pub struct Policy {
    pub id: String,
    pub name: String,
    pub description: Option<String>,
    pub created: Mark,
    pub updated: Option<Mark>,
    pub archived: Option<Mark>,
    pub versions: Vec<PolicyVersion>,
    pub revision: usize,
}

#[derive(Clone, Debug)]
pub struct PolicyVersion {
    pub id: String,
    pub schema: String,
    pub from_json: bool,
    pub content: Content,
    /// Cedar's messages: taken once, and never different.
    pub warnings: Value,
    pub created: Mark,
    pub archived: Option<Mark>,
}

#[derive(Clone, Debug)]
pub struct Set {
    pub id: String,
    pub name: String,
    pub for_users: bool,
    /// The user that it was first bound to.
    pub user: Option<String>,
    pub created: Mark,
    pub updated: Option<Mark>,
    pub archived: Option<Mark>,
    pub versions: Vec<SetVersion>,
    pub revision: usize,
}

#[derive(Clone, Debug)]
pub struct SetVersion {
    pub id: String,
    pub schema: String,
    /// Policy id, policy version id and sha, sorted.
    pub entries: Vec<(String, String, String)>,
    /// The number of its newest suite.
    pub tests: Option<u8>,
    pub created: Mark,
    pub archived: Option<Mark>,
}

/// A change of what is bound to a target.
#[derive(Clone, Debug)]
pub struct Binding {
    pub target: Target,
    pub mode: BindingMode,
    /// The indexes of the set and of its version in their lists, or none.
    pub bound: Option<(usize, usize)>,
    pub mark: Mark,
}

#[derive(Clone, Debug)]
pub struct Zone {
    pub id: String,
    /// The position of its creation in the store's log.
    pub created: usize,
    /// The number of its log in the store: higher than that of each log before it.
    pub number: usize,
    pub log: Log,
    pub suspended: bool,
    /// The actor who demands tests.
    pub required_by: Option<Actor>,
    pub default_schema: Option<String>,
    /// The archived default, as long as the zone's log does not show the archiving.
    pub archived_default: Option<String>,
    pub policies: Vec<Policy>,
    pub sets: Vec<Set>,
    pub bindings: Vec<Binding>,
    pub requests: Vec<Answered>,
}

#[derive(Clone, Debug)]
pub struct State {
    pub author: Author,
    pub log: Log,
    pub schemas: Vec<Schema>,
    pub zones: Vec<Zone>,
    /// The logs of zones that were erased.
    pub erased: Vec<String>,
    /// The number of logs so far, without the store's.
    pub logs: usize,
    /// The store's log.
    pub requests: Vec<Answered>,
    /// The number of idempotency keys so far.
    pub chosen: u64,
    /// If the last call of the write was a repeated one: its zone as of the first call.
    pub then: Option<Rc<Zone>>,
}

impl State {
    /// The state of a new store.
    pub fn new(author: Author) -> Self {
        Self {
            author,
            log: Log::default(),
            schemas: Vec::new(),
            zones: Vec::new(),
            erased: Vec::new(),
            logs: 0,
            requests: Vec::new(),
            chosen: 0,
            then: None,
        }
    }

    /// Begins a write: each log notes its length.
    pub fn begin(&mut self, author: Author) {
        self.author = author;
        for log in self.zones.iter_mut().map(|zone| &mut zone.log).chain([&mut self.log]) {
            log.start = log.entries.len();
        }
    }

    pub fn zone(&self, id: &str) -> Result<&Zone, Broken> {
        self.zones.iter().find(|zone| zone.id == id).ok_or_else(|| one("not_found zone"))
    }

    pub fn schema(&self, version: &str) -> Result<&Schema, Broken> {
        self.schemas.iter().find(|schema| schema.version == version).ok_or_else(|| one("not_found schema"))
    }
}

impl Schema {
    pub fn status(&self) -> &'static str {
        self.changes.last().map_or("active", |(status, _)| status)
    }
}

impl Zone {
    pub fn policy(&self, id: &str) -> Result<&Policy, Broken> {
        self.policies.iter().find(|policy| policy.id == id).ok_or_else(|| one("not_found policy"))
    }

    /// A policy version, with its policy and its number.
    pub fn version(&self, id: &str) -> Result<(&Policy, usize, &PolicyVersion), Broken> {
        let numbered = |policy: &Policy| policy.versions.iter().position(|version| version.id == id);
        let found = self.policies.iter().find_map(|policy| numbered(policy).map(|n| (policy, n + 1)));
        let (policy, number) = found.ok_or_else(|| one("not_found policy version"))?;
        Ok((policy, number, &policy.versions[number - 1]))
    }

    pub fn set(&self, id: &str) -> Result<&Set, Broken> {
        self.sets.iter().find(|set| set.id == id).ok_or_else(|| one("not_found policy set"))
    }

    /// The indexes of a set version's set and of the version.
    pub fn set_version(&self, id: &str) -> Result<(usize, usize), Broken> {
        let numbered = |set: &Set| set.versions.iter().position(|version| version.id == id);
        let found = self.sets.iter().enumerate().find_map(|(n, set)| numbered(set).map(|m| (n, m)));
        found.ok_or_else(|| one("not_found policy set version"))
    }

    /// The binding of a target as of `length` entries.
    pub fn bound_at(&self, target: &Target, mode: BindingMode, length: usize) -> Option<&Binding> {
        let own = |it: &&Binding| it.target == *target && it.mode == mode && it.mark.position < length;
        self.bindings.iter().rev().find(own).filter(|it| it.bound.is_some())
    }

    /// The target that a set is bound to, and its version there.
    pub fn bound(&self, set: usize, mode: BindingMode) -> Option<(&Target, usize)> {
        let targets: BTreeSet<&Target> = self.bindings.iter().map(|it| &it.target).collect();
        let mut bound = targets
            .into_iter()
            .filter_map(|target| Some((target, self.bound_at(target, mode, usize::MAX)?.bound?)))
            .filter(|(_, (bound, _))| *bound == set);
        bound.next().map(|(target, (_, version))| (target, version))
    }

    /// The active version of a set, for any target.
    pub fn active(&self, set: usize) -> Option<usize> {
        self.bound(set, BindingMode::Active).map(|(_, version)| version)
    }

    /// The shadow version of a set, for any target.
    pub fn observed(&self, set: usize) -> Option<usize> {
        self.bound(set, BindingMode::Shadow).map(|(_, version)| version)
    }
}

/// The rules that a name or description breaks.
pub fn text_rules(text: &str, limit: usize, may_be_empty: bool) -> Broken {
    let mut broken = Broken::new();
    if text.is_empty() && !may_be_empty || text.chars().any(char::is_control) {
        broken.insert("invalid_input".to_owned());
    }
    if text.len() > limit {
        broken.insert("too_large".to_owned());
    }
    broken
}

/// The rules that a caller's id breaks.
pub fn id_rules(id: &str) -> Broken {
    let good = (1..=64).contains(&id.len())
        && id.chars().all(|c| c.is_ascii_alphanumeric() || ['.', '_', ':', '-'].contains(&c))
        && id.starts_with(|c: char| c.is_ascii_alphanumeric());
    if good { Broken::new() } else { one("invalid_input") }
}

/// A customer may not change resources of the platform.
pub fn owner_rules(owner: &Actor, actor: &Actor, what: &str) -> Broken {
    let platform = |actor: &Actor| actor.owner_type() == policy_store::OwnerType::Platform;
    if platform(owner) && !platform(actor) { one(format!("platform_owned {what}")) } else { Broken::new() }
}
