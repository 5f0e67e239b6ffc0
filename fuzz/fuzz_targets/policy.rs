//! Text as a policy, in Cedar's syntax and as JSON: accepted or refused, and what is accepted can be read again.
#![no_main]

use std::sync::LazyLock;

use policy_store::{Actor, NewPolicyVersion, NewSchema, PolicyStore};

const SCHEMA: &str = "entity G; entity U in [G] { b: Bool, n: Long, s: String, u: U, o?: Set<Long> };
    action a, c appliesTo { principal: U, resource: [U, G], context: { b: Bool } };";

static STORE: LazyLock<PolicyStore> = LazyLock::new(|| {
    let store = PolicyStore::builder().in_memory().unwrap();
    let actor = Actor::customer("fuzz").unwrap();
    store.write(&actor, |w| w.publish_schema(NewSchema::cedar("s", SCHEMA))).unwrap();
    store
});

libfuzzer_sys::fuzz_target!(|text: &str| {
    let _ = STORE.prepare_policy_version(NewPolicyVersion::cedar("s", text));
    let _ = STORE.prepare_policy_version(NewPolicyVersion::json("s", text));
});
