//! The store that is measured: one zone, policies of ordinary size, one set that pins them.

use policy_store::{
    Actor, NewPolicy, NewPolicySet, NewPolicySetVersion, NewPolicyVersion, NewSchema, PolicySetVersion, PolicyStore,
};

pub const SCHEMA_VERSION: &str = "2026-02-24";
pub const SCHEMA: &str = "entity Team; entity User in [Team] { level: Long, mail: String };
    entity Folder; entity Doc in [Folder] { owner: User, public: Bool, labels: Set<String> };
    action view, edit, share appliesTo { principal: User, resource: Doc, context: { mfa: Bool, hour: Long } };";
pub const ENTITIES: &str = r#"[
    { "uid": { "type": "User", "id": "ann" }, "attrs": { "level": 3, "mail": "ann@example.com" },
      "parents": [{ "type": "Team", "id": "t1" }] },
    { "uid": { "type": "Doc", "id": "plan" }, "parents": [{ "type": "Folder", "id": "f1" }],
      "attrs": { "owner": { "__entity": { "type": "User", "id": "bob" } }, "public": false, "labels": ["a", "b"] } }
]"#;
pub const REQUEST: (&str, &str, &str, &str) =
    (r#"User::"ann""#, r#"Action::"view""#, r#"Doc::"plan""#, r#"{ "mfa": true, "hour": 9 }"#);

/// The text of the `n`th policy: about 300 bytes, no two alike.
pub fn text(n: usize) -> String {
    let effect = if n % 10 == 9 { "forbid" } else { "permit" };
    format!(
        "// Rule {n}: who is in the team, or owns the document, during the day.\n\
         {effect} (principal in Team::\"t{n}\", action in [Action::\"view\", Action::\"edit\"], resource in Folder::\"f{n}\")\n\
         when {{ principal.level >= {} || resource.owner == principal }}\n\
         unless {{ context.hour > 20 && !context.mfa || resource.labels.contains(\"sealed-{n}\") }};\n",
        n % 7
    )
}

pub fn actor() -> Actor {
    Actor::customer("bench").unwrap()
}

/// A zone `z` with the policy `p`.
pub fn empty(store: &PolicyStore) {
    store
        .write(&actor(), |w| {
            w.publish_schema(NewSchema::cedar(SCHEMA_VERSION, SCHEMA))?;
            w.create_zone("z")?.create_policy(NewPolicy::named("p").id("p"))
        })
        .unwrap();
}

/// A zone `z` with `versions` versions of the policy `p`.
pub fn versions(store: &PolicyStore, versions: usize) {
    empty(store);
    store
        .write(&actor(), |w| {
            let mut zone = w.zone("z")?;
            for n in 0..versions {
                zone.create_policy_version("p", NewPolicyVersion::cedar(SCHEMA_VERSION, text(n)))?;
            }
            Ok(())
        })
        .unwrap();
}

/// A zone `z` with a set of `policies` policies in force.
pub fn in_force(store: &PolicyStore, policies: usize) -> PolicySetVersion {
    empty(store);
    store
        .write(&actor(), |w| {
            let mut zone = w.zone("z")?;
            let mut manifest = NewPolicySetVersion::new(SCHEMA_VERSION);
            for n in 0..policies {
                let policy = zone.create_policy(NewPolicy::named(format!("policy {n}")))?;
                let version = NewPolicyVersion::cedar(SCHEMA_VERSION, text(n));
                manifest = manifest.pin(&zone.create_policy_version(&policy.id, version)?);
            }
            let set = zone.create_policy_set(NewPolicySet::named("s"))?;
            let version = zone.create_policy_set_version(&set.id, manifest)?;
            zone.activate(&version.id)?;
            Ok(version)
        })
        .unwrap()
}
