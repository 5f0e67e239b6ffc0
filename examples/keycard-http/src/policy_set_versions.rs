//! `/zones/{zone_id}/policy-sets/{policy_set_id}/versions`, and the policy versions that a version pins

use policy_store::attestation::{Attestation, Statement};
use policy_store::{
    ErrorDetail, Include, NewPolicySetVersion, Pin, PolicySetVersion, Resource, Result as StoreResult, Sha256, Target,
    TargetType,
};
use serde::{Deserialize, Serialize};

use crate::body::Object;
use crate::call::{App, Call};
use crate::failure::Failure;
use crate::reply::Reply;

#[derive(Deserialize)]
struct Create {
    schema_version: String,
    manifest: Object<Manifest>,
}

#[derive(Deserialize)]
struct Manifest {
    entries: Vec<Object<Entry>>,
}

#[derive(Deserialize)]
struct Entry {
    policy_id: String,
    policy_version_id: String,
    sha: Option<Sha256>,
}

#[derive(Deserialize)]
struct Activate {
    active: bool,
}

pub fn list(app: &App, call: &Call) -> Result<Reply, Failure> {
    call.query.choice("sort", &[("created_at", ())])?;
    let page = app.zone(call)?.policy_set_versions(call.id("policy_set_id"), &call.query.list()?)?;
    Reply::page(&page, Printed::new)
}

pub fn create(app: &App, call: &Call) -> Result<Reply, Failure> {
    call.no_if_match()?;
    let Create { schema_version, manifest: Object(manifest) } = call.body.json()?;
    let pins = manifest.entries.into_iter().map(|Object(Entry { policy_id, policy_version_id, sha })| Pin {
        policy_id,
        policy_version_id,
        sha,
    });
    let new = NewPolicySetVersion::from_pins(schema_version, pins);
    let (zone, set) = (call.id("zone_id"), call.id("policy_set_id"));
    if app.is_answered(zone, call)? {
        // The first answer, without validation or signature.
        let version = app.write(call, |zone| zone.create_policy_set_version(set, new))?;
        return Ok(print(&version)?.created());
    }
    // Validate before the write, so that other writes do not wait.
    let prepared = app.store.zone(zone)?.prepare_policy_set_version(new)?;
    let version = match &app.signing {
        None => app.write(call, |zone| zone.create_policy_set_version(set, prepared))?,
        Some(signing) => signing.write(
            |signer| app.store.zone(zone)?.prepare_attested_version(&call.actor, set, prepared.clone(), signer),
            |attested| app.write(call, |zone| zone.create_attested_version(attested)),
        )?,
    };
    Ok(print(&version)?.created())
}

pub fn get(app: &App, call: &Call) -> Result<Reply, Failure> {
    call.query.expand()?;
    let version = app.zone(call)?.policy_set_version(call.id("version_id"))?;
    check_parent(&version, call)?;
    print(&version)
}

/// Activates the version: for the zone, or for the user of its set's first activation.
pub fn activate(app: &App, call: &Call) -> Result<Reply, Failure> {
    call.no_if_match()?;
    let Activate { active } = call.body.json()?;
    if !active {
        return Err(Failure::invalid_body("`active` must be true"));
    }
    let version = app.write(call, |zone| {
        let id = call.id("version_id");
        let version = zone.policy_set_version(id)?;
        check_parent(&version, call)?;
        let set = zone.policy_set(&version.policy_set_id)?;
        let target = match (set.target_type, set.target_id) {
            (TargetType::User, Some(user)) => Target::User(user),
            // The store refuses this for a user set without a user.
            _ => Target::Zone,
        };
        zone.bind(id, target)?;
        zone.policy_set_version(id)
    })?;
    print(&version)
}

pub fn archive(app: &App, call: &Call) -> Result<Reply, Failure> {
    call.no_if_match()?;
    let version = app.write(call, |zone| {
        let id = call.id("version_id");
        check_parent(&zone.policy_set_version(id)?, call)?;
        zone.archive_policy_set_version(id)
    })?;
    print(&version)
}

pub fn list_policies(app: &App, call: &Call) -> Result<Reply, Failure> {
    call.query.choice("sort", &[("created_at", ())])?;
    let include = call.query.include(Include::Both)?;
    let (zone, id) = (app.zone(call)?, call.id("version_id"));
    check_parent(&zone.policy_set_version(id)?, call)?;
    let page = zone.pinned_policy_versions(id, include, &call.query.list()?)?;
    Reply::page(&page, |version| version)
}

/// A version of another policy set is not found here.
fn check_parent(version: &PolicySetVersion, call: &Call) -> StoreResult<()> {
    if version.policy_set_id == *call.id("policy_set_id") {
        return Ok(());
    }
    Err(ErrorDetail::NotFound { what: Resource::PolicySetVersion, id: version.id.to_string(), actual: None }.into())
}

/// A version with the content of its newest attestation, which is not verified here.
#[derive(Serialize)]
struct Printed<'a> {
    #[serde(flatten)]
    version: &'a PolicySetVersion,
    attestation: Option<Statement>,
}

impl<'a> Printed<'a> {
    fn new(version: &'a PolicySetVersion) -> Self {
        let newest = version.attestations.last().and_then(|jws| Attestation::parse_unverified(jws).ok());
        Self { version, attestation: newest.map(|attestation| attestation.statement().clone()) }
    }
}

fn print(version: &PolicySetVersion) -> Result<Reply, Failure> {
    Ok(Reply::json(&Printed::new(version))?.hashed())
}
