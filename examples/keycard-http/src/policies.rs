//! `/zones/{zone_id}/policies`

use policy_store::limits::FILTER_VALUES;
use policy_store::{NewPolicy, Policy, PolicyFilter, PolicyUpdate, Precondition};
use serde::Deserialize;

use crate::body::present;
use crate::call::{App, Call};
use crate::failure::Failure;
use crate::query::OWNER_TYPES;
use crate::reply::Reply;

#[derive(Deserialize)]
struct Create {
    name: String,
    description: Option<String>,
}

#[derive(Deserialize)]
struct Update {
    #[serde(default, deserialize_with = "present")]
    name: Option<String>,
    /// Null removes it.
    #[serde(default, deserialize_with = "present")]
    description: Option<Option<String>>,
}

pub fn list(app: &App, call: &Call) -> Result<Reply, Failure> {
    call.query.choice("sort", &[("created_at", ())])?;
    let page = app.zone(call)?.policies(&filter(call)?, &call.query.list()?)?;
    Reply::page(&page, |policy| policy)
}

fn filter(call: &Call) -> Result<PolicyFilter, Failure> {
    let query = &call.query;
    let ids: Vec<_> = query.all("filter[id]").collect();
    if ids.len() > FILTER_VALUES {
        return Err(Failure::invalid_query(format!("`filter[id]` is given more than {FILTER_VALUES} times")));
    }
    let mut filter = PolicyFilter::new().ids(ids);
    for owner_type in query.choices("filter[owner_type]", &OWNER_TYPES)? {
        filter = filter.owner_type(owner_type);
    }
    filter = query.twins("query[]", "query")?.into_iter().fold(filter, PolicyFilter::any);
    filter = query.all("query[name]").fold(filter, PolicyFilter::name);
    Ok(query.all("query[description]").fold(filter, PolicyFilter::description))
}

pub fn create(app: &App, call: &Call) -> Result<Reply, Failure> {
    call.no_if_match()?;
    let Create { name, description } = call.body.json()?;
    let mut new = NewPolicy::named(name);
    if let Some(description) = description {
        new = new.description(description);
    }
    let policy = app.write(call, |zone| zone.create_policy(new))?;
    Ok(print(&policy)?.created())
}

pub fn get(app: &App, call: &Call) -> Result<Reply, Failure> {
    call.query.expand()?;
    print(&app.zone(call)?.policy(call.id("policy_id"))?)
}

pub fn update(app: &App, call: &Call) -> Result<Reply, Failure> {
    let Update { name, description } = call.body.json()?;
    let mut update = PolicyUpdate::new();
    if let Some(name) = name {
        update = update.name(name);
    }
    update = match description {
        None => update,
        Some(None) => update.no_description(),
        Some(Some(description)) => update.description(description),
    };
    let policy = app
        .write_if(call.id("zone_id"), call, expected(call)?, |zone| zone.update_policy(call.id("policy_id"), update))?;
    print(&policy)
}

pub fn archive(app: &App, call: &Call) -> Result<Reply, Failure> {
    let policy =
        app.write_if(call.id("zone_id"), call, expected(call)?, |zone| zone.archive_policy(call.id("policy_id")))?;
    print(&policy)
}

/// The revision in `If-Match`.
fn expected(call: &Call) -> Result<Option<Precondition>, Failure> {
    call.revision(|revision| Precondition::policy_revision(call.id("policy_id"), revision))
}

fn print(policy: &Policy) -> Result<Reply, Failure> {
    Ok(Reply::json(policy)?.tagged(policy.revision))
}
