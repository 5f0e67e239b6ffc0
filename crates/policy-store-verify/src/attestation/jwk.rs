//! JWKs (RFC 7517) of Ed25519 public keys (RFC 8037). Reads no secret keys: `signer` does.

use std::collections::BTreeSet;
use std::fmt;

use ed25519_dalek::{Signature, VerifyingKey};
use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::algorithm::VerificationKey;
use super::base64url;
use super::error::FormError;
use super::members::Members;
use crate::types::error::{Error, Result, at_most, cut};
use crate::types::hash::Sha256;
use crate::types::id::check_text;
use crate::types::limits;

/// The name of the algorithm in a header (RFC 8037 section 3.1).
pub(super) const ALGORITHM: &str = "EdDSA";
/// The name in RFC 9864, which includes the curve. For an Ed25519 key it is the same algorithm.
const FULLY_SPECIFIED: &str = "Ed25519";

/// An Ed25519 public key with its id. It serializes as a JWK: `kty`, `crv`, `x`, `kid`, `alg`, `use`.
///
/// ```
/// use policy_store_verify::attestation::Jwk;
/// // The public key of RFC 8037, appendix A.
/// let json = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
/// let key = Jwk::parse(json)?;
/// assert_eq!(key.key_id(), key.thumbprint());
/// assert_eq!(key.thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
/// # Ok::<(), policy_store_verify::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Jwk {
    key_id: String,
    key: VerifyingKey,
}

impl Jwk {
    /// The key with these 32 bytes (RFC 8032). `key_id`: 1 to 256 bytes of UTF-8 without control characters.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::Error::InvalidInput) for bytes that are not a point of the curve, a point of small order
    /// (anybody could sign for it) or not the canonical encoding of the point; [`InvalidInput`](crate::Error::InvalidInput)
    /// or [`TooLarge`](crate::Error::TooLarge) for a key id that breaks a rule.
    pub fn new(key_id: impl Into<String>, bytes: &[u8; 32]) -> Result<Self> {
        let key_id = key_id.into();
        check_text("key id", &key_id, limits::KEY_ID_BYTES)?;
        // The error has the key's id and not its bytes: a caller could pass a secret key by mistake.
        let refused = |reason| Error::invalid("Ed25519 public key", &key_id, reason);
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| refused("must be a point of the curve"))?;
        if key.is_weak() {
            return Err(refused("must not be a point of small order"));
        }
        if key.to_edwards().compress().as_bytes() != bytes {
            return Err(refused("must be the canonical encoding of its point"));
        }
        Ok(Self { key_id, key })
    }

    /// Reads a JWK of at most 256 KiB with `kty` `OKP` and `crv` `Ed25519`.
    ///
    /// Three members are optional and must fit if present: `use` is `sig`, `alg` is `EdDSA` or `Ed25519` (RFC 9864),
    /// and `key_ops` contains `verify`. A private key, with `d`, may have `sign` in place of `verify`. Without `kid`,
    /// the [thumbprint](Self::thumbprint) is the key's id. Other members are skipped, and so is the secret `d`.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::Error::InvalidInput), with the name of the unsuitable member;
    /// [`TooLarge`](crate::Error::TooLarge) for a longer text.
    pub fn parse(json: &str) -> Result<Self> {
        at_most("JWK", json.len(), limits::JWKS_BYTES)?;
        let members = Members::read(json).map_err(malformed)?;
        Self::of(&members)?.map_err(|unfit| {
            let message = format!("not an Ed25519 signature key: {}", unfit.reason);
            Error::Json { what: "JWK", message }
        })
    }

    /// The key, or the reason that it is not an Ed25519 signature key.
    pub(super) fn of(members: &Members<'_>) -> Result<Result<Self, LeftOut>> {
        if let Some(reason) = unfit(members)? {
            let key_id = members.find::<String>("kid").ok().flatten();
            return Ok(Err(LeftOut { key_id, reason }));
        }
        let text = |name| members.find::<String>(name).map_err(malformed);
        let (x, key_id): (String, Option<String>) = (members.get("x").map_err(malformed)?, text("kid")?);
        let mut bytes = [0; 32];
        if base64url::decode_into(&x, &mut bytes).is_none() {
            let key_id = key_id.unwrap_or_default();
            return Err(Error::invalid("Ed25519 public key", &key_id, "`x` must be 32 bytes in base64url"));
        }
        let key_id = key_id.unwrap_or_else(|| thumbprint(&bytes));
        Self::new(key_id, &bytes).map(Ok)
    }

    /// The key's id, the `kid` of a header.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The key's 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// The key's thumbprint: base64url of the SHA-256 of the required members (RFC 7638, RFC 8037 section 2).
    #[must_use]
    pub fn thumbprint(&self) -> String {
        thumbprint(self.as_bytes())
    }
}

/// A key of a JWK set that [`Jwks::parse`](super::Jwks::parse) leaves out: it is of another type or for another use.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The key's `kid`, if it has one.
    pub key_id: Option<String>,
    /// The key's unsuitable member and its value.
    pub reason: String,
}

/// The reason that a key is not an Ed25519 signature key, if there is one.
fn unfit(members: &Members<'_>) -> Result<Option<String>> {
    let text = |name| members.find::<String>(name).map_err(malformed);
    for (name, expected) in [("kty", "OKP"), ("crv", "Ed25519")] {
        match text(name)? {
            Some(found) if found == expected => {}
            Some(found) => return Ok(Some(format!("`{name}` is `{}`, expected `{expected}`", cut(&found)))),
            None => return Ok(Some(format!("`{name}` is missing"))),
        }
    }
    let optional: [(&'static str, &[&str]); 2] = [("use", &["sig"]), ("alg", &[ALGORITHM, FULLY_SPECIFIED])];
    for (name, expected) in optional {
        if let Some(found) = text(name)?.filter(|found| !expected.contains(&found.as_str())) {
            let expected: Vec<_> = expected.iter().map(|expected| format!("`{expected}`")).collect();
            return Ok(Some(format!("`{name}` is `{}`, expected {}", cut(&found), expected.join(" or "))));
        }
    }
    let Some(operations) = operations(members)? else { return Ok(None) };
    // `key_ops` of a private key describe its holder, who signs. The public half verifies.
    let signs = members.has("d") && operations.contains("sign");
    let verifies = signs || operations.contains("verify");
    Ok((!verifies).then(|| "`key_ops` must contain `verify`".to_owned()))
}

/// The value of `key_ops`, if present (RFC 7517 section 4.3).
pub(super) fn operations(members: &Members<'_>) -> Result<Option<BTreeSet<String>>> {
    let Some(all) = members.find::<Vec<String>>("key_ops").map_err(malformed)? else { return Ok(None) };
    let mut operations = BTreeSet::new();
    for operation in all {
        if let Some(twice) = operations.replace(operation) {
            let message = format!("duplicate value `{}`", cut(&twice));
            return Err(malformed(FormError::InvalidMember { name: "key_ops", message }));
        }
    }
    Ok(Some(operations))
}

impl VerificationKey for Jwk {
    fn key_id(&self) -> &str {
        &self.key_id
    }

    fn algorithm(&self) -> &str {
        ALGORITHM
    }

    fn is_for(&self, algorithm: &str) -> bool {
        [ALGORITHM, FULLY_SPECIFIED].contains(&algorithm)
    }

    fn verify(&self, input: &[u8], signature: &[u8]) -> bool {
        // Strict: a signature has one encoding, and no key or signature of small order passes.
        Signature::from_slice(signature).is_ok_and(|signature| self.key.verify_strict(input, &signature).is_ok())
    }
}

impl Serialize for Jwk {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_struct("Jwk", 6)?;
        members.serialize_field("kty", "OKP")?;
        members.serialize_field("crv", "Ed25519")?;
        members.serialize_field("x", &base64url::encode(self.as_bytes()))?;
        members.serialize_field("kid", &self.key_id)?;
        members.serialize_field("alg", ALGORITHM)?;
        members.serialize_field("use", "sig")?;
        members.end()
    }
}

impl fmt::Debug for Jwk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Jwk({}: {})", self.key_id, base64url::encode(self.as_bytes()))
    }
}

pub(super) fn malformed(problem: FormError) -> Error {
    Error::Json { what: "JWK", message: problem.to_string() }
}

fn thumbprint(bytes: &[u8; 32]) -> String {
    let required = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, base64url::encode(bytes));
    base64url::encode(Sha256::of(required.as_bytes()).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::super::samples::{KEY_ID, SECRET, X, signer};
    use super::super::{Ed25519Signer, Signer};
    use super::*;

    fn jwk(x: &str) -> Result<Jwk> {
        Jwk::parse(&format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}","kid":"k"}}"#))
    }

    fn x_of(hex: &str) -> String {
        base64url::encode(&crate::types::hash::hex::decode::<32>(hex).unwrap())
    }

    /// RFC 8037 appendices A.1 to A.5: the public and the private JWK, the thumbprint, a signature and its verification.
    #[test]
    fn the_examples_of_rfc_8037_hold() {
        let private =
            format!(r#"{{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"{X}"}}"#);
        let signer = Ed25519Signer::from_jwk(&private).unwrap();
        let public = Jwk::parse(&format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{X}"}}"#)).unwrap();
        assert_eq!(&public, signer.jwk());
        assert_eq!(public.thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        assert_eq!(public.key_id(), public.thumbprint());
        let input = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
        let signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
        assert_eq!(base64url::encode(&signer.sign(input).unwrap()), signature);
        let signature = base64url::decode(signature).unwrap();
        assert!(public.verify(input, &signature));
        assert!(!public.verify(b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmd", &signature));
        // A signature of the secret key with a first half of small order. OpenSSL accepts it.
        let small = "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAARSB3Qh0XXPsHns-7iMllhXfpnzaMxcXb5RwiiIijrCw";
        assert!(!public.verify(input, &base64url::decode(small).unwrap()));
    }

    #[test]
    fn a_key_is_written_without_its_secret_and_read_back() {
        let signer = signer();
        let json = serde_json::to_string(signer.jwk()).unwrap();
        let expected =
            format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{X}","kid":"{KEY_ID}","alg":"EdDSA","use":"sig"}}"#);
        assert_eq!(json, expected);
        assert_eq!(&Jwk::parse(&json).unwrap(), signer.jwk());
        let d = base64url::encode(&SECRET);
        let private = json.replace("\"x\"", &format!("\"d\":\"{d}\",\"x\""));
        let read = Jwk::parse(&private).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), expected);
        for shown in [format!("{signer:?}"), format!("{read:?}"), format!("{signer:#?}")] {
            assert!(shown.contains(X) && !shown.contains(&d) && !shown.contains("157, 97"), "{shown}");
        }
    }

    /// The eight points of small order, then points in non-canonical encodings, then bytes that are not points.
    #[test]
    fn bad_points_are_refused() {
        let (small, other, none) =
            ("must not be a point of small order", "must be the canonical", "must be a point of the curve");
        for (hex, reason) in [
            ("0100000000000000000000000000000000000000000000000000000000000000", small),
            ("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", small),
            ("0000000000000000000000000000000000000000000000000000000000000000", small),
            ("0000000000000000000000000000000000000000000000000000000000000080", small),
            ("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", small),
            ("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85", small),
            ("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", small),
            ("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa", small),
            ("f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", other),
            ("f1ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", other),
            ("0200000000000000000000000000000000000000000000000000000000000000", none),
        ] {
            let error = jwk(&x_of(hex)).unwrap_err();
            assert_eq!(error.code(), "invalid_input", "{hex}");
            assert!(error.to_string().contains(reason), "{hex}: {error}");
        }
        jwk(&x_of("0300000000000000000000000000000000000000000000000000000000000000")).unwrap();
    }

    #[test]
    fn what_is_no_key_for_signatures_is_refused() {
        for x in [
            "",
            &X[1..],
            &format!("{X}A"),
            &format!("{X}="),
            &X.replace('_', "/"),
            "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURp",
        ] {
            assert_eq!(jwk(x).unwrap_err().code(), "invalid_input", "{x}");
        }
        let json = serde_json::to_string(signer().jwk()).unwrap();
        for (from, to) in [
            ("OKP", "EC"),
            ("Ed25519", "X25519"),
            ("EdDSA", "ES256"),
            ("\"sig\"", "\"enc\""),
            ("\"sig\"", "5"),
            ("\"x\"", "\"y\""),
            ("\"sig\"", "\"sig\",\"key_ops\":[\"sign\"]"),
            ("\"sig\"", "\"sig\",\"key_ops\":[]"),
            ("\"sig\"", "\"sig\",\"key_ops\":\"verify\""),
            ("\"sig\"", "\"sig\",\"key_ops\":[\"verify\",\"verify\"]"),
            ("\"kid\"", "\"x\""),
            ("{", "[{"),
        ] {
            assert_eq!(Jwk::parse(&json.replace(from, to)).unwrap_err().code(), "json", "{to}");
        }
        assert_eq!(Jwk::parse(&json.replace(KEY_ID, "")).unwrap_err().code(), "invalid_input");
        assert_eq!(Jwk::parse(&json.replace(KEY_ID, &"k".repeat(257))).unwrap_err().code(), "too_large");
    }

    #[test]
    fn members_that_a_verifier_heeds_are_heeded() {
        let of = |more: &str| Jwk::parse(&format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{X}"{more}}}"#));
        let plain = of("").unwrap();
        for fits in [
            r#","alg":"EdDSA""#,
            r#","alg":"Ed25519""#,
            r#","use":"sig","alg":"Ed25519","key_ops":["verify"]"#,
            r#","key_ops":["deriveKey","verify"],"x5t":5"#,
            r#","d":"AA","key_ops":["sign"]"#,
        ] {
            assert_eq!(of(fits).unwrap(), plain, "{fits}");
        }
        for (wrong, reason) in [
            (r#","alg":"Ed448""#, "`alg` is `Ed448`, expected `EdDSA` or `Ed25519`"),
            (r#","alg":"eddsa""#, "`alg` is `eddsa`"),
            (r#","use":"enc""#, "`use` is `enc`, expected `sig`"),
            (r#","key_ops":["sign"]"#, "`key_ops` must contain `verify`"),
            (r#","use":"sig","key_ops":["encrypt"]"#, "`key_ops` must contain `verify`"),
            (r#","key_ops":["verify","sign","verify"]"#, "duplicate value `verify`"),
            (r#","key_ops":null"#, "`key_ops`"),
        ] {
            let error = of(wrong).unwrap_err();
            assert!(error.to_string().contains(reason), "{wrong}: {error}");
        }
    }
}
