//! `/zones/{zone_id}/policy-schemas`

use policy_store::{Include, SchemaFilter, ZoneSchema};

use crate::call::{App, Call};
use crate::failure::Failure;
use crate::reply::Reply;

pub fn list(app: &App, call: &Call) -> Result<Reply, Failure> {
    call.query.choice("sort", &[("created_at", ())])?;
    let mut filter = SchemaFilter::new();
    if let Some(is_default) = call.query.flag("filter[default]", "is_default")? {
        filter = filter.is_default(is_default);
    }
    let page = app.zone(call)?.schemas(&filter, call.query.include(Include::Json)?, &call.query.list()?)?;
    Reply::page(&page, |schema| schema)
}

pub fn get(app: &App, call: &Call) -> Result<Reply, Failure> {
    print(&app.zone(call)?.schema(call.id("version"), call.query.include(Include::Json)?)?)
}

pub fn set_default(app: &App, call: &Call) -> Result<Reply, Failure> {
    call.no_if_match()?;
    call.body.unused()?;
    let version = call.id("version");
    let chosen = app.write(call, |zone| zone.set_default_schema(Some(version)))?.default_schema;
    let mut schema = app.zone(call)?.schema(version, Include::Json)?;
    // The zone as of the write; another write may have changed the default since.
    schema.is_default = chosen.as_ref() == Some(&schema.schema.version);
    print(&schema)
}

fn print(schema: &ZoneSchema) -> Result<Reply, Failure> {
    Ok(Reply::json(schema)?.hashed())
}
