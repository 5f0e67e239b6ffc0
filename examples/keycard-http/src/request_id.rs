//! Request ids: what a client sends is unique for one actor and operation only, and may be any short text; the store wants a
//! UUID that is unique in the zone.

use axum::http::{HeaderMap, Method};
use policy_store::{Actor, OwnerType, RequestId};
use sha2::{Digest, Sha256};

use crate::failure::Failure;

/// The header.
const HEADER: &str = "x-client-request-id";
/// Its characters.
const CHARS: std::ops::RangeInclusive<usize> = 1..=255;

/// The id of a request by an actor on a method and path, if its client gave it one: a UUID of version 8, made of a hash of
/// all four.
pub fn of(headers: &HeaderMap, actor: &Actor, method: &Method, path: &str) -> Result<Option<RequestId>, Failure> {
    let mut given = headers.get_all(HEADER).iter();
    let Some(id) = given.next() else { return Ok(None) };
    let visible = id.as_bytes().iter().all(u8::is_ascii_graphic);
    if given.next().is_some() || !visible || !CHARS.contains(&id.len()) {
        return Err(Failure::invalid_header(format!("`{HEADER}` is not one id of 1 to 255 visible ASCII characters")));
    }
    let mut hash = Sha256::new();
    let owner = match actor.owner_type() {
        OwnerType::Platform => b"platform".as_slice(),
        OwnerType::Customer => b"customer",
    };
    for part in [owner, actor.id().as_bytes(), method.as_str().as_bytes(), path.as_bytes(), id.as_bytes()] {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    let mut bytes: [u8; 16] = hash.finalize().first_chunk().copied().unwrap_or_default();
    let [_, _, _, _, _, _, version, _, variant, ..] = &mut bytes;
    *version = 0x80 | (*version & 0x0f);
    *variant = 0x80 | (*variant & 0x3f);
    Ok(Some(bytes.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn id(actor: &Actor, method: &Method, path: &str, value: &'static str) -> Option<RequestId> {
        let headers = [(HEADER.parse().unwrap(), HeaderValue::from_static(value))].into_iter().collect();
        of(&headers, actor, method, path).unwrap()
    }

    #[test]
    fn each_actor_and_operation_has_ids_of_its_own() {
        let (alice, root) = (Actor::customer("alice").unwrap(), Actor::platform("alice").unwrap());
        let one = id(&alice, &Method::POST, "/zones/a/policies", "1");
        assert_eq!(one, id(&alice, &Method::POST, "/zones/a/policies", "1"));
        for other in [
            id(&root, &Method::POST, "/zones/a/policies", "1"),
            id(&alice, &Method::PATCH, "/zones/a/policies", "1"),
            id(&alice, &Method::POST, "/zones/b/policies", "1"),
            id(&alice, &Method::POST, "/zones/a/policies", "2"),
        ] {
            assert_ne!(one, other);
        }
        let text = one.unwrap().to_string();
        assert_eq!(text.as_bytes()[14], b'8', "{text}");
        assert!(b"89ab".contains(&text.as_bytes()[19]), "{text}");
    }
}
