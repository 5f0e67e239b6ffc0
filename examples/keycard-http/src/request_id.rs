//! Request ids: maps the `X-Client-Request-ID` header to an idempotency key of the store. A client's id is any short
//! text, unique for one actor and operation; the store needs a UUID that is unique in the zone.

use axum::http::{HeaderMap, Method};
use policy_store::{Actor, IdempotencyKey, OwnerType};
use sha2::{Digest, Sha256};

use crate::failure::Failure;

/// The header.
const HEADER: &str = "x-client-request-id";
/// Limit on its characters.
const CHARS: std::ops::RangeInclusive<usize> = 1..=255;

/// The client's request id, if it sent one.
pub fn given(headers: &HeaderMap) -> Result<Option<&str>, Failure> {
    let mut given = headers.get_all(HEADER).iter();
    let Some(id) = given.next() else { return Ok(None) };
    let id = id.to_str().ok().filter(|id| id.bytes().all(|byte| byte.is_ascii_graphic()) && CHARS.contains(&id.len()));
    if given.next().is_some() || id.is_none() {
        return Err(Failure::invalid_header(format!("`{HEADER}` must be one id of 1 to 255 visible ASCII characters")));
    }
    Ok(id)
}

/// The idempotency key for an actor, a method, and a route with its ids in decoded form: a UUID of version 8 made from
/// a hash of all of these.
pub fn of(id: &str, actor: &Actor, method: &Method, route: &str, ids: &[(String, String)]) -> IdempotencyKey {
    let mut hash = Sha256::new();
    let owner = match actor.owner_type() {
        OwnerType::Platform => "platform",
        OwnerType::Customer => "customer",
    };
    // A route has a fixed number of ids.
    let ids = ids.iter().map(|(_, id)| id.as_str());
    for part in [owner, actor.id(), method.as_str(), route, id].into_iter().chain(ids) {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    let mut bytes: [u8; 16] = hash.finalize().first_chunk().copied().unwrap_or_default();
    let [_, _, _, _, _, _, version, _, variant, ..] = &mut bytes;
    *version = 0x80 | (*version & 0x0f);
    *variant = 0x80 | (*variant & 0x3f);
    bytes.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(actor: &Actor, method: &Method, zone: &str, id: &str) -> IdempotencyKey {
        of(id, actor, method, "/zones/{zone_id}/policies", &[("zone_id".to_owned(), zone.to_owned())])
    }

    #[test]
    fn each_actor_and_operation_has_ids_of_its_own() {
        let (alice, root) = (Actor::customer("alice").unwrap(), Actor::platform("alice").unwrap());
        let one = id(&alice, &Method::POST, "a", "1");
        assert_eq!(one, id(&alice, &Method::POST, "a", "1"));
        for other in [
            id(&root, &Method::POST, "a", "1"),
            id(&alice, &Method::PATCH, "a", "1"),
            id(&alice, &Method::POST, "b", "1"),
            id(&alice, &Method::POST, "a", "2"),
            of("1", &alice, &Method::POST, "/zones/{zone_id}/policy-sets", &[("zone_id".to_owned(), "a".to_owned())]),
        ] {
            assert_ne!(one, other);
        }
        let text = one.to_string();
        assert_eq!(text.as_bytes()[14], b'8', "{text}");
        assert!(b"89ab".contains(&text.as_bytes()[19]), "{text}");
    }
}
