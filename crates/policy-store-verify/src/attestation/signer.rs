//! The built-in signer, with an Ed25519 secret key in memory. Does not know what it signs.

use std::error::Error as StdError;
use std::fmt;

use ed25519_dalek::{Signer as _, SigningKey};
use zeroize::Zeroizing;

use super::jwk::{ALGORITHM, Jwk, malformed, operations};
use super::members::Members;
use super::{Signer, base64url};
use crate::types::error::{Error, Result, at_most};
use crate::types::limits;

/// A signer with an Ed25519 secret key (`EdDSA`). Dropping it wipes the key from memory.
///
/// ```
/// use policy_store_verify::attestation::{Ed25519Signer, Signer as _};
/// let signer = Ed25519Signer::new("2026-a", &[7; 32])?; // use 32 random bytes
/// assert_eq!((signer.key_id(), signer.algorithm()), ("2026-a", "EdDSA"));
/// # Ok::<(), policy_store_verify::Error>(())
/// ```
pub struct Ed25519Signer {
    secret: SigningKey,
    public: Jwk,
}

impl Ed25519Signer {
    /// The signer with these 32 secret bytes (RFC 8032). They must come from a secure source of randomness. `key_id`: 1
    /// to 256 bytes of UTF-8 without control characters.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::Error::InvalidInput) or [`TooLarge`](crate::Error::TooLarge) for another key id.
    pub fn new(key_id: impl Into<String>, secret: &[u8; 32]) -> Result<Self> {
        let secret = SigningKey::from_bytes(secret);
        let public = Jwk::new(key_id, secret.verifying_key().as_bytes())?;
        Ok(Self { secret, public })
    }

    /// Reads a private JWK (RFC 8037): a public JWK with the secret key in `d`. `key_ops`, if present, must contain
    /// `sign`. Without `kid`, the thumbprint is the key's id. No error contains the secret.
    ///
    /// # Errors
    ///
    /// As [`Jwk::parse`], and [`InvalidInput`](crate::Error::InvalidInput) for a `d` that is missing, malformed or not the
    /// secret key of `x`.
    pub fn from_jwk(json: &str) -> Result<Self> {
        at_most("JWK", json.len(), limits::JWKS_BYTES)?;
        let public = Jwk::parse(json)?;
        let members = Members::read(json).map_err(malformed)?;
        let refused = |reason| Error::invalid("secret key", public.key_id(), reason);
        if operations(&members)?.is_some_and(|operations| !operations.contains("sign")) {
            return Err(refused("`key_ops` must contain `sign`"));
        }
        // Borrowed, so that no copy of the secret stays in memory. base64url needs no escapes.
        let d: Option<&str> = members.find("d").map_err(|_| refused("`d` must be a string without escapes"))?;
        let d = d.ok_or_else(|| refused("`d` is missing"))?;
        let mut bytes = Zeroizing::new([0; 32]);
        base64url::decode_into(d, bytes.as_mut()).ok_or_else(|| refused("`d` must be 32 bytes in base64url"))?;
        let secret = SigningKey::from_bytes(&bytes);
        if secret.verifying_key().as_bytes() != public.as_bytes() {
            return Err(refused("`x` must be the public key of `d`"));
        }
        Ok(Self { secret, public })
    }

    /// The public key.
    #[must_use]
    pub fn jwk(&self) -> &Jwk {
        &self.public
    }
}

impl Signer for Ed25519Signer {
    fn key_id(&self) -> &str {
        self.public.key_id()
    }

    fn algorithm(&self) -> &str {
        ALGORITHM
    }

    fn sign(&self, input: &[u8]) -> Result<Vec<u8>, Box<dyn StdError + Send + Sync>> {
        Ok(self.secret.try_sign(input)?.to_bytes().to_vec())
    }
}

impl fmt::Debug for Ed25519Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ed25519Signer({:?})", self.public)
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{SECRET, X};
    use super::*;

    #[test]
    fn a_secret_key_that_is_not_one_is_refused_and_never_repeated() {
        let d = base64url::encode(&SECRET);
        let private = |d: &str| format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{X}","kid":"k","d":{d}}}"#);
        let read = Ed25519Signer::from_jwk(&private(&format!("\"{d}\""))).unwrap();
        assert_eq!((read.key_id(), read.algorithm()), ("k", "EdDSA"));
        assert_eq!(read.secret.to_bytes(), SECRET);
        let other = base64url::encode(&[7; 32]);
        for (wrong, reason) in [
            (format!("\"{other}\""), "`x` must be the public key of `d`"),
            (format!("\"{d}=\""), "must be 32 bytes in base64url"),
            (format!("\"{}\"", &d[1..]), "must be 32 bytes in base64url"),
            (format!("\"{}\\u0041\"", &d[..42]), "must be a string without escapes"),
            (format!("[\"{d}\"]"), "must be a string without escapes"),
        ] {
            let error = Ed25519Signer::from_jwk(&private(&wrong)).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(shown.contains(reason) && shown.contains("`k`"), "{shown}");
            assert!(!shown.contains(&d[5..15]) && !shown.contains(&other[5..15]), "{shown}");
        }
        // `key_ops` of the key restrict its use.
        let uses = |operations: &str| private(&format!("\"{d}\",\"key_ops\":[{operations}]"));
        assert!(Ed25519Signer::from_jwk(&uses("\"verify\",\"sign\"")).is_ok());
        let error = Ed25519Signer::from_jwk(&uses("\"verify\"")).unwrap_err();
        assert!(error.to_string().contains("`key_ops` must contain `sign`"), "{error}");
        // Public and secret key exchanged.
        let swapped = private(&format!("\"{X}\"")).replace(&format!("\"x\":\"{X}\""), &format!("\"x\":\"{d}\""));
        assert!(swapped.contains(&format!("\"x\":\"{d}\"")));
        let shown = format!("{:?}", Ed25519Signer::from_jwk(&swapped).unwrap_err());
        assert!(!shown.contains(&d[5..15]), "{shown}");
        let public = Ed25519Signer::from_jwk(&private("null").replace(r#","d":null"#, "")).unwrap_err();
        assert!(public.to_string().contains("`d` is missing"), "{public}");
    }
}
