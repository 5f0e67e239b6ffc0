//! The rules of the story: who opens the doors of two buildings. And the key that signs the publication.

use std::path::Path;

use policy_store::attestation::{Ed25519Signer, Jwk};
use policy_store::note::NoteKey;
use policy_store::{
    Actor, Authorizer, NewPolicy, NewPolicySet, NewPolicySetVersion, NewPolicyVersion, NewSchema, PolicyStore, Target,
};
use policy_store_replica::Bucket;

use crate::Result;

pub const BERLIN: &str = "berlin";
pub const LISBON: &str = "lisbon";

const SCHEMA: &str = "entity User, Door; action open appliesTo { principal: User, resource: Door };";
/// The versions of the rules.
const RULES: [&str; 3] = [
    r#"permit (principal == User::"ana", action, resource);"#,
    r#"permit (principal, action, resource) when { [User::"ana", User::"bruno"].contains(principal) };"#,
    r#"permit (principal, action, resource) unless { principal == User::"bruno" };"#,
];

pub fn bucket(folder: &Path) -> Result<Bucket> {
    Ok(Bucket::folder(folder)?)
}

/// A real key comes from 32 random bytes, or from a key service.
pub fn signer() -> Result<Ed25519Signer> {
    Ok(Ed25519Signer::new("2026-a", &[7; 32])?)
}

/// The public key: all that a follower needs.
pub fn key(public: &Jwk) -> Result<NoteKey> {
    Ok(NoteKey::ed25519("example.com/doors", public.as_bytes())?)
}

/// Publishes the schema and creates both zones, each with its rules in force.
pub fn set_up(store: &PolicyStore) -> Result<()> {
    store.write(&Actor::platform("setup")?, |w| w.publish_schema(NewSchema::cedar("v1", SCHEMA)).map(drop))?;
    for id in [BERLIN, LISBON] {
        store.write(&Actor::customer("amara")?, |w| {
            let mut zone = w.create_zone(id)?;
            zone.create_policy(NewPolicy::named("doors").id("doors"))?;
            zone.create_policy_set(NewPolicySet::named("live").id("live")).map(drop)
        })?;
    }
    put_in_force(store, LISBON, 1)
}

/// Puts a version of the rules in force.
pub fn put_in_force(store: &PolicyStore, zone: &str, version: usize) -> Result<()> {
    let text = version.checked_sub(1).and_then(|index| RULES.get(index)).ok_or("no such version")?;
    store.write(&Actor::customer("amara")?, |w| {
        let mut zone = w.zone(zone)?;
        let policy = zone.create_policy_version("doors", NewPolicyVersion::cedar("v1", *text))?;
        let set = zone.create_policy_set_version("live", NewPolicySetVersion::new("v1").pin(&policy))?;
        zone.activate(&set.id).map(drop)
    })?;
    Ok(())
}

/// A decision: Bruno opens the door of the laboratory. With its receipt.
pub fn decide(store: &PolicyStore, zone: &str) -> policy_store::Result<(String, String)> {
    let authorizer = store.zone(zone)?.authorizer(Target::Zone)?;
    let (request, entities) = question(&authorizer)?;
    let answer = authorizer.is_authorized(&request, &entities)?;
    let receipt = serde_json::to_string(&answer.receipt(&entities)?).unwrap_or_default();
    Ok((format!("{:?}", answer.decision()).to_lowercase(), receipt))
}

/// Decides again as the receipt says, by the rules of then.
pub fn replay(store: &PolicyStore, receipt: &str) -> Result<String> {
    let authorizer = store.zone(BERLIN)?.authorizer(Target::Zone)?;
    let (request, entities) = question(&authorizer)?;
    let answer = store.replay(&serde_json::from_str(receipt)?, &request, &entities)?;
    Ok(format!("{:?}", answer.decision()).to_lowercase())
}

fn question(
    authorizer: &Authorizer,
) -> policy_store::Result<(policy_store::cedar_policy::Request, policy_store::cedar_policy::Entities)> {
    let entities = authorizer.entities("[]")?;
    let request = authorizer.request(r#"User::"bruno""#, r#"Action::"open""#, r#"Door::"laboratory""#, "{}")?;
    Ok((request, entities))
}
