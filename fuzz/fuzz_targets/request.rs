//! Text as entities, as a context and as an entity uid: a request that is decided, or an error.
#![no_main]

use std::sync::LazyLock;

use policy_store::{
    Actor, Authorizer, NewPolicy, NewPolicySet, NewPolicySetVersion, NewPolicyVersion, NewSchema, PolicyStore, Target,
};

const SCHEMA: &str = "entity G; entity U in [G] { b?: Bool, v?: Set<Set<Long>>, u?: U };
    action a appliesTo { principal: U, resource: U, context: { b?: Bool, v?: Set<Set<Long>>, i?: ipaddr } };";
const POLICY: &str =
    "permit(principal, action, resource) when { principal has v && context has v && principal.v == context.v };
    forbid(principal in G::\"g\", action, resource) when { context has i && context.i.isLoopback() };";

static AUTHORIZER: LazyLock<Authorizer> = LazyLock::new(|| {
    let store = PolicyStore::builder().in_memory().unwrap();
    let actor = Actor::customer("fuzz").unwrap();
    store
        .write(&actor, |w| {
            w.publish_schema(NewSchema::cedar("s", SCHEMA))?;
            let mut zone = w.create_zone("z")?;
            zone.create_policy(NewPolicy::named("p").id("p"))?;
            let version = zone.create_policy_version("p", NewPolicyVersion::cedar("s", POLICY))?;
            zone.create_policy_set(NewPolicySet::named("s").id("s"))?;
            let set = zone.create_policy_set_version("s", NewPolicySetVersion::new("s").pin(&version))?;
            zone.activate(&set.id)
        })
        .unwrap();
    store.zone("z").unwrap().authorizer(Target::Zone).unwrap()
});

libfuzzer_sys::fuzz_target!(|text: &str| {
    const UID: &str = "U::\"u\"";
    const ACTION: &str = "Action::\"a\"";
    let entities = AUTHORIZER.entities(text).or_else(|_| AUTHORIZER.entities_as_given(text));
    let entities = entities.unwrap_or_else(|_| AUTHORIZER.entities("[]").unwrap());
    for (principal, context) in [(UID, text), (text, "{}")] {
        if let Ok(request) = AUTHORIZER.request(principal, ACTION, UID, context) {
            AUTHORIZER.is_authorized(&request, &entities).unwrap();
        }
    }
});
