//! A store with decisions, for the target of recorded decisions and its seeds.

use policy_store::{
    Answer, NewPolicy, NewPolicySet, NewPolicySetVersion, NewPolicyVersion, NewSchema, PolicyStore, Target,
    cedar_policy::Entities,
};

use crate::actor;

const SCHEMA: &str =
    "entity G; entity U in [G] { n: Long, i?: ipaddr, d?: datetime, u?: U, r?: { type: String, id: String } };
    action a, b appliesTo { principal: U, resource: U, context: { b?: Bool, s?: Set<U> } };";
const POLICY: &str = "permit(principal in G::\"g\", action, resource) when { principal.n + 1 > 0 };
    permit(principal, action == Action::\"b\", resource) unless { context has b && context.b };
    forbid(principal, action, resource) when { principal has u && principal.u == resource };";
const ENTITIES: &str = r#"[{"uid":{"type":"U","id":"u"},"attrs":{"n":1,"i":"::1","d":"2026-02-24","r":{"type":"U","id":"x"}},"parents":[{"type":"G","id":"g"}]},
    {"uid":{"type":"U","id":"v\"\n"},"attrs":{"n":9223372036854775807,"u":{"type":"U","id":"u"}},"parents":[{"type":"G","id":"g"}]}]"#;

/// A store, the same each time, with its answers and their entities.
pub fn store() -> (PolicyStore, Vec<Answer>, Entities) {
    let store = crate::store();
    let write = store.write(&actor(), |w| {
        w.publish_schema(NewSchema::cedar("s", SCHEMA))?;
        let mut zone = w.create_zone("z")?;
        zone.create_policy(NewPolicy::named("p").id("p"))?;
        let version = zone.create_policy_version("p", NewPolicyVersion::cedar("s", POLICY))?;
        zone.create_policy_set(NewPolicySet::named("s").id("s"))?;
        let set = zone.create_policy_set_version("s", NewPolicySetVersion::new("s").pin(&version))?;
        zone.activate(&set.id)
    });
    write.unwrap();
    let authorizer = store.zone("z").unwrap().authorizer(Target::Zone).unwrap();
    let entities = authorizer.entities(ENTITIES).unwrap();
    let context = r#"{"b": true, "s": [{"type": "U", "id": "u"}]}"#;
    let asked = [("u", "a", "{}"), ("u", "b", context), ("v\"\n", "a", "{}"), ("w", "b", "{}")];
    let answers = asked.map(|(who, action, context)| {
        let request = authorizer.request(("U", who), ("Action", action), ("U", "u"), context).unwrap();
        authorizer.is_authorized(&request, &entities).unwrap()
    });
    (store, answers.into(), entities)
}
