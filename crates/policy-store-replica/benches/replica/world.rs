//! The store to publish: the zone `z` with many versions and an active set of 20 policies. Its changes, and decisions by them.

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;

use policy_store::attestation::Ed25519Signer;
use policy_store::cedar_policy::Decision;
use policy_store::note::NoteKey;
use policy_store::{
    Actor, NewPolicy, NewPolicySet, NewPolicySetVersion, NewPolicyVersion, NewSchema, PolicyStore, PolicyVersion,
    PreparedPolicyVersion, Replica, Target,
};
use policy_store_replica::object_store::ObjectStore;
use policy_store_replica::{Bucket, Follower, PublicationTrust, Publisher, PublisherBuilder};
use tempfile::TempDir;

const SCHEMA_VERSION: &str = "2026-02-24";
const SCHEMA: &str = "entity Team; entity User in [Team] { level: Long, mail: String };
    entity Folder; entity Doc in [Folder] { owner: User, public: Bool, labels: Set<String> };
    action view, edit, share appliesTo { principal: User, resource: Doc, context: { mfa: Bool, hour: Long } };";
/// Policies in the active set.
const PINS: usize = 20;
/// Entries, or zones, in one write.
const WRITE: usize = 10_000;

pub struct World {
    pub store: PolicyStore,
    /// None if the store is in memory.
    folder: Option<TempDir>,
    pins: Vec<PolicyVersion>,
    /// The number of the last change.
    changes: Cell<usize>,
}

pub fn actor() -> Actor {
    Actor::platform("bench").unwrap()
}

fn signer() -> Ed25519Signer {
    Ed25519Signer::new("k", &[7; 32]).unwrap()
}

fn key() -> NoteKey {
    NoteKey::ed25519("example.com/policies", signer().jwk().as_bytes()).unwrap()
}

/// The text of the `n`th policy: about 330 bytes.
fn text(n: usize) -> String {
    format!(
        "// Rule {n}: who is in the team, or owns the document, during the day.\n\
         permit (principal in Team::\"t{n}\", action in [Action::\"view\", Action::\"edit\"], resource in Folder::\"f{n}\")\n\
         when {{ principal.level >= {} || resource.owner == principal }}\n\
         unless {{ context.hour > 20 && !context.mfa || resource.labels.contains(\"sealed-{n}\") }};\n",
        n % 7
    )
}

/// The text of the policy that changes. It permits in this hour only.
fn changed(n: usize) -> String {
    format!(
        "// Change {n}: who shares a document, in an hour that no other version of the rule has.\n\
         permit (principal, action == Action::\"share\", resource)\n\
         when {{ context.hour == {n} }};\n"
    )
}

impl World {
    /// A zone with this many versions, each with a text of its own. Its file is in the target folder, so on a disk.
    pub fn new(versions: usize) -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let store = PolicyStore::builder().open(folder.path().join("store")).unwrap();
        Self::with(store, Some(folder), versions, |n| n)
    }

    /// In memory, and most versions have one text, which is validated once: for counts, and for tests without optimization.
    pub fn in_memory(versions: usize) -> Self {
        Self::with(PolicyStore::builder().in_memory().unwrap(), None, versions, |_| 0)
    }

    fn with(store: PolicyStore, folder: Option<TempDir>, versions: usize, text_of: fn(usize) -> usize) -> Self {
        let made = store.write(&actor(), |w| {
            w.publish_schema(NewSchema::cedar(SCHEMA_VERSION, SCHEMA))?;
            w.create_zone("z")?;
            let mut zone = w.zone("z")?;
            zone.create_policy_set(NewPolicySet::named("s").id("s"))?;
            let pin = |n: usize| {
                let policy = zone.create_policy(NewPolicy::named(format!("p{n}")).id(format!("p{n}")))?;
                let text = if n == 0 { changed(0) } else { text(n) };
                zone.create_policy_version(&policy.id, NewPolicyVersion::cedar(SCHEMA_VERSION, text))
            };
            (0..PINS).map(pin).collect::<Result<Vec<_>, _>>()
        });
        let world = Self { store, folder, pins: made.unwrap(), changes: Cell::new(0) };
        world.past(versions.saturating_sub(PINS), text_of);
        world.change();
        world
    }

    /// Adds versions of a policy that is not in the set.
    fn past(&self, versions: usize, text_of: fn(usize) -> usize) {
        self.store.write(&actor(), |w| w.zone("z")?.create_policy(NewPolicy::named("past").id("past"))).unwrap();
        let mut last: Option<(usize, PreparedPolicyVersion)> = None;
        let mut prepared = |n: usize| match &last {
            Some((of, prepared)) if *of == n => prepared.clone(),
            _ => {
                let new = NewPolicyVersion::cedar(SCHEMA_VERSION, text(PINS + n));
                last.insert((n, self.store.prepare_policy_version(new).unwrap())).1.clone()
            }
        };
        for start in (0..versions).step_by(WRITE) {
            let end = versions.min(start + WRITE);
            let made = self.store.write(&actor(), |w| {
                let mut zone = w.zone("z")?;
                (start..end).try_for_each(|n| zone.create_policy_version("past", prepared(text_of(n))).map(drop))
            });
            made.unwrap();
        }
    }

    /// Adds zones with a policy each.
    pub fn with_zones(self, zones: usize) -> Self {
        let prepared = self.store.prepare_policy_version(NewPolicyVersion::cedar(SCHEMA_VERSION, text(0))).unwrap();
        for start in (0..zones).step_by(WRITE) {
            let made = self.store.write(&actor(), |w| {
                (start..zones.min(start + WRITE)).try_for_each(|n| {
                    let id = format!("zone-{n}");
                    w.create_zone(&id)?;
                    let mut zone = w.zone(&id)?;
                    zone.create_policy(NewPolicy::named("p").id("p"))?;
                    zone.create_policy_version("p", prepared.clone()).map(drop)
                })
            });
            made.unwrap();
        }
        self
    }

    /// Changes one policy, and takes it into the active set: a version of the policy, one of the set, a binding.
    pub fn change(&self) -> usize {
        let n = self.changes.get() + 1;
        self.changes.set(n);
        let made = self.store.write(&actor(), |w| {
            let mut zone = w.zone("z")?;
            let version = zone.create_policy_version("p0", NewPolicyVersion::cedar(SCHEMA_VERSION, changed(n)))?;
            let manifest = NewPolicySetVersion::new(SCHEMA_VERSION).pin(&version);
            let manifest = self.pins.iter().skip(1).fold(manifest, |manifest, pin| manifest.pin(pin));
            let set = zone.create_policy_set_version("s", manifest)?;
            zone.activate(&set.id).map(drop)
        });
        made.unwrap();
        n
    }

    pub fn publisher(&self, objects: Arc<dyn ObjectStore>) -> PublisherBuilder {
        Publisher::builder(&self.store, Bucket::new(objects), key(), Arc::new(signer()), actor())
    }

    fn path(&self) -> &Path {
        self.folder.as_ref().unwrap().path()
    }

    /// An empty file for a follower beside the store.
    pub fn replica(&self, name: &str) -> Replica {
        PolicyStore::builder().open_replica(self.path().join(name)).unwrap()
    }

    /// An empty store beside the store.
    pub fn other(&self, name: &str) -> PolicyStore {
        PolicyStore::builder().open(self.path().join(name)).unwrap()
    }

    /// Removes a file beside the store, if it is there.
    pub fn remove(&self, name: &str) {
        drop(std::fs::remove_file(self.path().join(name)));
    }
}

pub fn follower(objects: Arc<dyn ObjectStore>, replica: Replica) -> Follower {
    Follower::new(Bucket::new(objects), PublicationTrust::new(key()).unwrap(), replica)
}

/// Whether a store decides by the rules of a change.
pub fn decides_by(store: &PolicyStore, change: usize) -> bool {
    let authorizer = store.zone("z").unwrap().authorizer(Target::Zone).unwrap();
    let context = format!("{{\"mfa\": true, \"hour\": {change}}}");
    let request = authorizer.request("User::\"u\"", "Action::\"share\"", "Doc::\"d\"", &context).unwrap();
    let entities = authorizer.entities("[]").unwrap();
    authorizer.is_authorized(&request, &entities).unwrap().decision() == Decision::Allow
}
