//! `/.well-known/jwks.json`: the public keys for verifying attestations, in a file next to the store. A key stays after
//! a key rotation, because its attestations must still be verified. Does not know the attestations.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::{IF_MATCH, IF_NONE_MATCH};
use axum::response::{IntoResponse, Response};
use policy_store::attestation::{Jwk, Jwks};
use serde_json::{Value, json};

use crate::call::App;
use crate::condition::Tags;
use crate::failure::Failure;
use crate::files::{self, Readers};
use crate::incoming::Incoming;
use crate::reply::Reply;

/// Its route.
pub const PATH: &str = "/.well-known/jwks.json";
/// RFC 7517, section 8.5.2.
const MEDIA_TYPE: &str = "application/jwk-set+json";

/// Reads the keys in a file, and adds the signing key if it is missing.
pub fn open(path: &Path, signing: Option<&Jwk>) -> Result<Jwks, Box<dyn Error + Send + Sync>> {
    let named =
        |error: Box<dyn Error + Send + Sync>| format!("cannot use the public keys `{}`: {error}", path.display());
    let text = files::read(path).map_err(named)?.map(|found| found.text);
    let known = text.as_ref().map(|text| Jwks::parse(text)).transpose().map_err(|error| named(error.into()))?;
    let known = known.unwrap_or_default();
    match signing.filter(|key| !known.keys().contains(key)) {
        None => Ok(known),
        Some(key) => add(path, text.as_deref().map(String::as_str), key).map_err(|error| named(error).into()),
    }
}

/// Keep members and keys of other origin.
fn add(path: &Path, text: Option<&str>, key: &Jwk) -> Result<Jwks, Box<dyn Error + Send + Sync>> {
    let mut set: Value = text.map(serde_json::from_str).transpose()?.unwrap_or_else(|| json!({ "keys": [] }));
    if let Some(keys) = set.get_mut("keys").and_then(Value::as_array_mut) {
        keys.push(serde_json::to_value(key)?);
    }
    let text = format!("{}\n", serde_json::to_string_pretty(&set)?);
    // Parse it as the next start will: two keys with one id are an error.
    let keys = Jwks::parse(&text)?;
    files::replace(path, &text, Readers::Everybody)?;
    Ok(keys)
}

/// The keys are public.
pub async fn get(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, stream) = request.into_parts();
    let answer = answer(&app.public_keys, &parts.headers).unwrap_or_else(Failure::into_response);
    Incoming::new(stream, &parts.headers).answered(answer).await
}

fn answer(keys: &Jwks, headers: &HeaderMap) -> Result<Response, Failure> {
    if headers.contains_key(IF_MATCH) {
        return Err(Failure::invalid_header("`If-Match` is not supported on this route"));
    }
    let if_none_match = Tags::of(headers, &IF_NONE_MATCH)?;
    let body = serde_json::to_vec(keys).map_err(Failure::internal)?;
    Ok(Reply::bytes(MEDIA_TYPE, body).hashed().into_response(if_none_match.as_ref()))
}

#[cfg(test)]
mod tests {
    use policy_store::attestation::Ed25519Signer;

    use super::*;

    fn key(id: &str, secret: u8) -> Jwk {
        Ed25519Signer::new(id, &[secret; 32]).unwrap().jwk().clone()
    }

    #[test]
    fn a_key_is_added_once_and_the_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        let ids = |keys: &Jwks| keys.keys().iter().map(|key| key.key_id().to_owned()).collect::<Vec<_>>();
        assert_eq!(ids(&open(&path, None).unwrap()), [""; 0]);
        assert!(!path.exists(), "nothing is written where nothing signs");
        assert_eq!(ids(&open(&path, Some(&key("a", 1))).unwrap()), ["a"]);
        let first = std::fs::read_to_string(&path).unwrap();
        assert_eq!(ids(&open(&path, Some(&key("a", 1))).unwrap()), ["a"]);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), first);
        let own = first.replacen("[", "[{\"kty\":\"oct\",\"k\":\"AAAA\"},", 1);
        std::fs::write(&path, own).unwrap();
        assert_eq!(ids(&open(&path, Some(&key("b", 2))).unwrap()), ["a", "b"]);
        assert_eq!(ids(&open(&path, None).unwrap()), ["a", "b"]);
        assert!(std::fs::read_to_string(&path).unwrap().contains("AAAA"), "a key of another kind stays");
        let before = std::fs::read_to_string(&path).unwrap();
        let error = open(&path, Some(&key("a", 3))).unwrap_err().to_string();
        assert!(error.contains("keys.json") && error.contains("`a`"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), before);
    }

    #[test]
    fn a_file_that_is_no_set_of_keys_is_refused_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        for wrong in ["", "{}", "[]", r#"{"keys":{}}"#, r#"{"keys":[],"keys":[]}"#] {
            std::fs::write(&path, wrong).unwrap();
            assert!(open(&path, Some(&key("a", 1))).is_err(), "{wrong}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), wrong);
        }
    }
}
