//! `/policy/bundle`: the policies in force for the calling user, as one archive

use policy_store::{Bundle, Precondition, PreparedBundle, Sha256, Target};

use crate::call::{App, Call};
use crate::condition::Tags;
use crate::failure::Failure;
use crate::reply::Reply;

/// Its route.
pub const PATH: &str = "/policy/bundle";
/// The media type of the archive, and the one that the client sends.
const MEDIA_TYPES: [&str; 2] = [Bundle::MEDIA_TYPE, "application/octet-stream"];

/// The user's bundle, or else the zone's. Writes nothing.
pub fn get(app: &App, call: &Call) -> Result<Reply, Failure> {
    print(&app.store.zone(&app.bundle_zone)?.effective_bundle(call.actor.id())?)
}

pub fn put(app: &App, call: &Call) -> Result<Reply, Failure> {
    let (bundle, zone) = (Bundle::from_bytes(call.body.bytes(&MEDIA_TYPES)?)?, &app.bundle_zone);
    let precondition = expected(call)?;
    let apply = |bundle: PreparedBundle| {
        app.write_if(zone, call, precondition.clone(), |zone| {
            zone.apply_bundle(user(call), bundle)?;
            zone.bundle(user(call))
        })
    };
    if app.is_answered(zone, call)? {
        return print(&apply(bundle.into())?);
    }
    // Parse and validate before the write, so that other writes do not wait; but not for a repeated request.
    let prepared = {
        let zone = app.store.zone(zone)?;
        precondition.iter().try_for_each(|precondition| zone.check(precondition))?;
        zone.prepare_bundle(&call.actor, user(call), bundle)?
    };
    let Some(signing) = &app.signing else { return print(&apply(prepared)?) };
    let applied = signing.write(
        |signer| {
            let zone = app.store.zone(zone)?;
            precondition.iter().try_for_each(|precondition| zone.check(precondition))?;
            zone.prepare_attested_bundle(&call.actor, user(call), prepared.clone(), signer)
        },
        |attested| {
            app.write_if(zone, call, precondition.clone(), |zone| {
                zone.apply_attested_bundle(user(call), attested)?;
                zone.bundle(user(call))
            })
        },
    )?;
    print(&applied)
}

/// Unbinds the user's active version and archives its set. Without an active version, nothing changes.
pub fn reset(app: &App, call: &Call) -> Result<Reply, Failure> {
    call.no_if_match()?;
    app.write_if(&app.bundle_zone, call, None, |zone| zone.reset_bundle(call.actor.id()))?;
    Ok(Reply::empty())
}

fn user(call: &Call) -> Target {
    Target::User(call.actor.id().to_owned())
}

/// The digest in `If-Match`. `*` matches any bundle.
fn expected(call: &Call) -> Result<Option<Precondition>, Failure> {
    if call.if_match == Some(Tags::Any) {
        return Ok(Some(Precondition::some_bundle(user(call))));
    }
    call.expected(|text| text.parse::<Sha256>().ok(), |digest| Precondition::bundle_digest(user(call), Some(digest)))
}

fn print(bundle: &Bundle) -> Result<Reply, Failure> {
    Ok(Reply::bytes(Bundle::MEDIA_TYPE, bundle.to_bytes()).tagged(bundle.digest()))
}
