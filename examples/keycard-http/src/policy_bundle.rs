//! `/policy/bundle`: what is in force for the calling user, as one archive

use policy_store::{Bundle, ErrorDetail, ErrorKind, PolicySetId, Result as StoreResult, Sha256, Target, ZoneWrite};

use crate::call::{App, Call};
use crate::condition::Tags;
use crate::failure::Failure;
use crate::reply::Reply;

/// Its route.
pub const PATH: &str = "/policy/bundle";
/// The archive by its own name, and as the client sends it.
const MEDIA_TYPES: [&str; 2] = [Bundle::MEDIA_TYPE, "application/octet-stream"];

/// The user's bundle, or else the zone's. Nothing is written.
pub fn get(app: &App, call: &Call) -> Result<Reply, Failure> {
    print(&app.store.zone(&app.bundle_zone)?.effective_bundle(call.actor.id())?)
}

pub fn put(app: &App, call: &Call) -> Result<Reply, Failure> {
    let bundle = Bundle::from_bytes(call.body.bytes(&MEDIA_TYPES)?)?;
    let applied = app.write_in(&app.bundle_zone, call, |zone| {
        let expected = expected(call, zone)?;
        zone.apply_bundle(user(call), &bundle, expected)?;
        zone.bundle(user(call))
    })?;
    print(&applied)
}

/// Unbinds what is in force for the user and archives its set. What was never bound stays so.
pub fn reset(app: &App, call: &Call) -> Result<Reply, Failure> {
    call.no_if_match()?;
    app.write_in(&app.bundle_zone, call, |zone| {
        let unbound = match zone.unbind(user(call)) {
            Err(error) if error.kind() == ErrorKind::NotBound => return Ok(()),
            unbound => unbound?,
        };
        end_observation(zone, call, &unbound.policy_set_id)?;
        zone.archive_policy_set(&unbound.policy_set_id).map(drop)
    })?;
    Ok(Reply::empty())
}

/// A set that is observed cannot be archived either.
fn end_observation(zone: &mut ZoneWrite<'_, '_>, call: &Call, set: &PolicySetId) -> StoreResult<()> {
    match zone.observed(user(call)) {
        Ok(observed) if observed.policy_set_id == *set => zone.unbind_shadow(user(call)).map(drop),
        Err(error) if error.kind() != ErrorKind::NotBound => Err(error),
        _ => Ok(()),
    }
}

fn user(call: &Call) -> Target {
    Target::User(call.actor.id().to_owned())
}

/// The digest that `If-Match` demands, if it demands one. Where nothing is in force, nothing matches.
fn expected(call: &Call, zone: &ZoneWrite<'_, '_>) -> StoreResult<Option<Sha256>> {
    let current = || {
        let effective = zone.effective_bundle(call.actor.id());
        effective.map(|bundle| bundle.digest()).map_err(|error| match error.kind() {
            ErrorKind::NotBound => {
                let (demanded, actual) = ("one that is there".to_owned(), "none".to_owned());
                ErrorDetail::PreconditionFailed { what: "the policy bundle".to_owned(), demanded, actual }.into()
            }
            _ => error,
        })
    };
    if call.if_match == Some(Tags::Any) {
        return current().map(|_| None);
    }
    call.demanded(|text| text.parse().ok(), current)
}

fn print(bundle: &Bundle) -> Result<Reply, Failure> {
    Ok(Reply::bytes(Bundle::MEDIA_TYPE, bundle.to_bytes()).tagged(bundle.digest()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy_store::{Actor, NewPolicySet, NewPolicySetVersion, NewSchema, PolicyStore, TargetType};

    #[test]
    fn a_set_that_is_observed_too_is_reset() {
        let store = PolicyStore::builder().in_memory().unwrap();
        let alice = Actor::customer("alice").unwrap();
        let set = store
            .write(&alice, |w| {
                w.publish_schema(NewSchema::cedar("s", "entity User;"))?;
                let mut zone = w.create_zone("acme")?;
                let set = zone.create_policy_set(NewPolicySet::named("set").target_type(TargetType::User))?.id;
                let version = zone.create_policy_set_version(&set, NewPolicySetVersion::new("s"))?.id;
                zone.bind(&version, Target::User("alice".to_owned()))?;
                zone.bind_shadow(&version, Target::User("alice".to_owned()))?;
                Ok(set)
            })
            .unwrap();
        let app = App {
            store,
            platform_tokens: Vec::new(),
            bundle_zone: "acme".to_owned(),
            writers: tokio::sync::Semaphore::new(1),
        };
        reset(&app, &Call::by(alice)).unwrap();
        let set = app.store.zone("acme").unwrap().policy_set(set).unwrap();
        assert!(set.archived_at.is_some() && set.mode.is_none());
    }
}
