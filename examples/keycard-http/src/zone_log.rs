//! `/zones/{zone_id}/log`: which log is the zone's. A verifier of attestations compares with it, so that a zone is not taken
//! for one of the same id in another store. A route of this server's own: Keycard's API has none for it.

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
