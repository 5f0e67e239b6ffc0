//! `/zones/{zone_id}/policies/{policy_id}/versions`

use policy_store::{
    ErrorDetail, Include, NewPolicyVersion, PolicyVersion, PolicyVersionInput, Resource, Result as StoreResult,
};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::call::{App, Call};
use crate::failure::Failure;
use crate::reply::Reply;

#[derive(Deserialize)]
struct Create<'a> {
    schema_version: String,
    cedar_raw: Option<String>,
    /// The client's exact bytes, so that the store sees duplicate keys and the order of keys.
    #[serde(borrow)]
    cedar_json: Option<&'a RawValue>,
}

pub fn list(app: &App, call: &Call) -> Result<Reply, Failure> {
    call.query.choice("sort", &[("created_at", ())])?;
    let include = call.query.include(Include::Both)?;
    let page = app.zone(call)?.policy_versions(call.id("policy_id"), include, &call.query.list()?)?;
    Reply::page(&page, |version| version)
}

pub fn create(app: &App, call: &Call) -> Result<Reply, Failure> {
    call.no_if_match()?;
    let Create { schema_version, cedar_raw, cedar_json } = call.body.json()?;
    let cedar_json = cedar_json.map(|json| json.get().to_owned());
    let new = NewPolicyVersion::either(schema_version, cedar_raw, cedar_json)?;
    // Parse and validate before the write, so that other writes do not wait. A repeated request needs neither, and
    // could now be refused.
    let input: PolicyVersionInput = match app.is_answered(call.id("zone_id"), call)? {
        false => app.store.prepare_policy_version(new)?.into(),
        true => new.into(),
    };
    let version = app.write(call, |zone| zone.create_policy_version(call.id("policy_id"), input))?;
    Ok(print(&version)?.created())
}

pub fn get(app: &App, call: &Call) -> Result<Reply, Failure> {
    call.query.expand()?;
    let include = call.query.include(Include::Both)?;
    let version = app.zone(call)?.policy_version(call.id("version_id"), include)?;
    check_parent(&version, call)?;
    print(&version)
}

pub fn archive(app: &App, call: &Call) -> Result<Reply, Failure> {
    call.no_if_match()?;
    let version = app.write(call, |zone| {
        let id = call.id("version_id");
        let version = zone.policy_version(id, Include::Neither)?;
        check_parent(&version, call)?;
        zone.archive_policy_version(id)
    })?;
    print(&version)
}

/// A version of another policy is not found here.
fn check_parent(version: &PolicyVersion, call: &Call) -> StoreResult<()> {
    if version.policy_id == *call.id("policy_id") {
        return Ok(());
    }
    Err(ErrorDetail::NotFound { what: Resource::PolicyVersion, id: version.id.to_string(), actual: None }.into())
}

fn print(version: &PolicyVersion) -> Result<Reply, Failure> {
    Ok(Reply::json(version)?.hashed())
}
