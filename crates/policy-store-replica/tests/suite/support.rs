//! A store to publish, a clock that the test moves, and publishers of the store.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use policy_store::attestation::Ed25519Signer;
use policy_store::note::NoteKey;
use policy_store::{Actor, LogId, NewPolicy, NewPolicyVersion, NewSchema, PolicyStore, Timestamp};
use policy_store_replica::object_store::ObjectStore;
use policy_store_replica::object_store::memory::InMemory;
use policy_store_replica::{Bucket, Publisher, PublisherBuilder};

pub const NAME: &str = "example.com/policies";
pub const V1: &str = "v1";

pub fn signer(secret: u8) -> Ed25519Signer {
    Ed25519Signer::new("k", &[secret; 32]).unwrap()
}

pub fn key(secret: u8) -> NoteKey {
    NoteKey::ed25519(NAME, signer(secret).jwk().as_bytes()).unwrap()
}

pub fn ops() -> Actor {
    Actor::platform("ops").unwrap()
}

/// A store with its bucket and clock.
pub struct World {
    pub store: PolicyStore,
    pub objects: Arc<dyn ObjectStore>,
    seconds: Arc<AtomicI64>,
}

impl World {
    pub fn new() -> Self {
        Self::of(PolicyStore::builder().in_memory().unwrap())
    }

    /// With the schema, unless the store has one.
    pub fn of(store: PolicyStore) -> Self {
        if store.checkpoint().unwrap().size == 0 {
            store
                .write(&ops(), |w| {
                    w.publish_schema(NewSchema::cedar(
                        V1,
                        "entity User; entity Doc; action view appliesTo { principal: User, resource: Doc };",
                    ))
                    .map(drop)
                })
                .unwrap();
        }
        Self { store, objects: Arc::new(InMemory::new()), seconds: Arc::new(AtomicI64::new(1_700_000_000)) }
    }

    pub fn zone(&self, id: &str) -> LogId {
        self.store.write(&ops(), |w| w.create_zone(id).map(drop)).unwrap();
        self.log(id)
    }

    pub fn log(&self, zone: &str) -> LogId {
        self.store.zone(zone).unwrap().checkpoint().unwrap().log_id
    }

    /// Adds a policy and a version: two entries, with content.
    pub fn change(&self, zone: &str, name: &str) {
        let text = format!("// {name}\npermit (principal, action, resource);");
        let made = self.store.write(&ops(), |w| {
            let mut zone = w.zone(zone)?;
            let policy = zone.create_policy(NewPolicy::named(name))?;
            zone.create_policy_version(&policy.id, NewPolicyVersion::cedar(V1, &text)).map(drop)
        });
        made.unwrap();
    }

    /// Adds a schema whose packed text is over 64 KiB.
    pub fn large_schema(&self, name: &str) {
        let mut state = name.bytes().fold(7_u64, |state, byte| state * 31 + u64::from(byte));
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state
        };
        let schema: String = (0..3_000).map(|_| format!("entity E{:016x}{:016x};\n", next(), next())).collect();
        self.store.write(&ops(), |w| w.publish_schema(NewSchema::cedar(name, &schema)).map(drop)).unwrap();
    }

    pub fn pass(&self, seconds: i64) {
        self.seconds.fetch_add(seconds, Ordering::SeqCst);
    }

    pub fn now(&self) -> i64 {
        self.seconds.load(Ordering::SeqCst)
    }

    pub fn clock(&self) -> impl Fn() -> Timestamp + Send + Sync + 'static {
        let seconds = self.seconds.clone();
        move || Timestamp::from_micros(seconds.load(Ordering::SeqCst) * 1_000_000)
    }

    pub fn builder(&self, objects: Arc<dyn ObjectStore>) -> PublisherBuilder {
        Publisher::builder(&self.store, Bucket::new(objects), key(1), Arc::new(signer(1)), ops())
            .clock(self.clock())
            .repeat_after(Duration::from_secs(60))
    }

    pub fn publisher(&self) -> Publisher {
        self.builder(self.objects.clone()).build().unwrap()
    }
}
