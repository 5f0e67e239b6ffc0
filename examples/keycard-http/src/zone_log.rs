//! `/zones/{zone_id}/log`: the zone's log id. A verifier of attestations compares it, to distinguish the zone from one
//! with the same id in another store. This route is not part of Keycard's API.

use policy_store::{LogId, ZoneId};
use serde::Serialize;

use crate::call::{App, Call};
use crate::failure::Failure;
use crate::reply::Reply;

#[derive(Serialize)]
struct Printed {
    zone_id: ZoneId,
    log_id: LogId,
}

pub fn get(app: &App, call: &Call) -> Result<Reply, Failure> {
    let info = app.zone(call)?.info()?;
    Ok(Reply::json(&Printed { zone_id: info.id, log_id: info.log_id })?.hashed())
}
