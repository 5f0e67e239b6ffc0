//! The stores to measure: one zone `z`, with versions of one policy, or with an active set.

use policy_store::{
    Actor, NewPolicy, NewPolicySet, NewPolicySetVersion, NewPolicyVersion, NewSchema, PolicySetVersion, PolicyStore,
    PreparedPolicyVersion,
};

use crate::sample::{SCHEMA, SCHEMA_VERSION, text};

pub fn actor() -> Actor {
    Actor::customer("bench").unwrap()
}

/// The input of the `n`th policy of the sample.
pub fn new_version(n: usize) -> NewPolicyVersion {
    NewPolicyVersion::cedar(SCHEMA_VERSION, text(n))
}

/// Creates the zone `z` with the policy `p`.
pub fn empty(store: &PolicyStore) {
    with_schema(store, SCHEMA);
    store.write(&actor(), |w| w.zone("z")?.create_policy(NewPolicy::named("p").id("p"))).unwrap();
}

/// Creates the empty zone `z`.
pub fn with_schema(store: &PolicyStore, schema: &str) {
    store
        .write(&actor(), |w| {
            w.publish_schema(NewSchema::cedar(SCHEMA_VERSION, schema))?;
            w.create_zone("z").map(|_| ())
        })
        .unwrap();
}

/// Prepares the policies `numbers` of the sample on two threads, in order.
pub fn prepare_on_two_threads(store: &PolicyStore, numbers: std::ops::Range<usize>) -> Vec<PreparedPolicyVersion> {
    let prepare = |numbers: std::ops::Range<usize>| -> Vec<_> {
        numbers.map(|n| store.prepare_policy_version(new_version(n)).unwrap()).collect()
    };
    let middle = numbers.start + numbers.len() / 2;
    std::thread::scope(|scope| {
        // A large stack for Cedar, so that a call does not make a stack of its own.
        let thread = || std::thread::Builder::new().stack_size(32 << 20);
        let first = thread().spawn_scoped(scope, || prepare(numbers.start..middle)).unwrap();
        let second = thread().spawn_scoped(scope, || prepare(middle..numbers.end)).unwrap();
        [first, second].into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

/// Activates a set in the zone `z`, with one policy version for each text.
pub fn in_force(store: &PolicyStore, texts: impl IntoIterator<Item = String>) -> PolicySetVersion {
    store
        .write(&actor(), |w| {
            let mut zone = w.zone("z")?;
            let mut manifest = NewPolicySetVersion::new(SCHEMA_VERSION);
            for (n, text) in texts.into_iter().enumerate() {
                let policy = zone.create_policy(NewPolicy::named("p").id(format!("p{n}")))?;
                let version = NewPolicyVersion::cedar(SCHEMA_VERSION, text);
                manifest = manifest.pin(&zone.create_policy_version(&policy.id, version)?);
            }
            zone.create_policy_set(NewPolicySet::named("s").id("s"))?;
            let version = zone.create_policy_set_version("s", manifest)?;
            zone.activate(&version.id)?;
            Ok(version)
        })
        .unwrap()
}
