//! `/zones/{zone_id}/policy-sets`

use policy_store::{NewPolicySet, PolicySet, PolicySetFilter, PolicySetUpdate, Precondition, Sort, TargetType};
use serde::{Deserialize, Serialize};

use crate::body::present;
use crate::call::{App, Call};
use crate::failure::Failure;
use crate::query::OWNER_TYPES;
use crate::reply::Reply;

#[derive(Deserialize)]
struct Create {
    name: String,
    #[serde(default, deserialize_with = "present")]
    target_type: Option<TargetType>,
    /// Deprecated; only the zone.
    #[serde(default, deserialize_with = "present")]
    scope_type: Option<TargetType>,
}

#[derive(Deserialize)]
struct Update {
    #[serde(default, deserialize_with = "present")]
    name: Option<String>,
}

/// A policy set with the deprecated names of its target.
#[derive(Serialize)]
struct Printed<'a> {
    #[serde(flatten)]
    set: &'a PolicySet,
    scope_type: TargetType,
    /// Present only while it is bound.
    scope_target_id: Option<&'a str>,
}

pub fn list(app: &App, call: &Call) -> Result<Reply, Failure> {
    let sort = call.query.choice("sort", &[("created_at", Sort::CreatedAt), ("status", Sort::Status)])?;
    let list = call.query.list()?.sort(sort.unwrap_or_default());
    let page = app.zone(call)?.policy_sets(&filter(call)?, &list)?;
    Reply::page(&page, printed)
}

/// Without a target, the sets for the zone.
fn filter(call: &Call) -> Result<PolicySetFilter, Failure> {
    let (query, mut filter) = (&call.query, PolicySetFilter::new());
    if let Some(active) = query.flag("filter[active]", "active")? {
        filter = filter.active(active);
    }
    for owner_type in query.choices("filter[owner_type]", &OWNER_TYPES)? {
        filter = filter.owner_type(owner_type);
    }
    query.choices("filter[scope_type]", &[("zone", TargetType::Zone)])?;
    query.choices("filter[target_type]", &[("zone", TargetType::Zone), ("user", TargetType::User)])?;
    for target_type in query.twins("filter[target_type]", "filter[scope_type]")? {
        filter = filter.target_type(if target_type == "user" { TargetType::User } else { TargetType::Zone });
    }
    filter = query.twins("query[]", "query")?.into_iter().fold(filter, PolicySetFilter::any);
    Ok(query.all("query[name]").fold(filter, PolicySetFilter::name))
}

pub fn create(app: &App, call: &Call) -> Result<Reply, Failure> {
    call.no_if_match()?;
    let Create { name, target_type, scope_type } = call.body.json()?;
    let target_type = match (target_type, scope_type) {
        (target, None) => target.unwrap_or(TargetType::Zone),
        (None | Some(TargetType::Zone), Some(TargetType::Zone)) => TargetType::Zone,
        (_, Some(TargetType::User)) => return Err(Failure::invalid_body("`scope_type` can only be `zone`")),
        (Some(TargetType::User), Some(_)) => {
            return Err(Failure::invalid_body("`target_type` and `scope_type` disagree"));
        }
    };
    let set = app.write(call, |zone| zone.create_policy_set(NewPolicySet::named(name).target_type(target_type)))?;
    Ok(print(&set)?.created())
}

pub fn get(app: &App, call: &Call) -> Result<Reply, Failure> {
    call.query.expand()?;
    print(&app.zone(call)?.policy_set(call.id("policy_set_id"))?)
}

pub fn update(app: &App, call: &Call) -> Result<Reply, Failure> {
    let Update { name } = call.body.json()?;
    let mut update = PolicySetUpdate::new();
    if let Some(name) = name {
        update = update.name(name);
    }
    let set = app.write_if(call.id("zone_id"), call, expected(call)?, |zone| {
        zone.update_policy_set(call.id("policy_set_id"), update)
    })?;
    print(&set)
}

pub fn archive(app: &App, call: &Call) -> Result<Reply, Failure> {
    let set = app.write_if(call.id("zone_id"), call, expected(call)?, |zone| {
        zone.archive_policy_set(call.id("policy_set_id"))
    })?;
    print(&set)
}

/// The revision in `If-Match`.
fn expected(call: &Call) -> Result<Option<Precondition>, Failure> {
    call.revision(|revision| Precondition::policy_set_revision(call.id("policy_set_id"), revision))
}

fn printed(set: &PolicySet) -> Printed<'_> {
    Printed { set, scope_type: set.target_type, scope_target_id: set.target_id.as_deref().filter(|_| set.active) }
}

fn print(set: &PolicySet) -> Result<Reply, Failure> {
    Ok(Reply::json(&printed(set))?.tagged(set.revision))
}
