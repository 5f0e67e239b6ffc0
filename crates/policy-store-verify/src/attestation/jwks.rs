//! JWK sets (RFC 7517 section 5): the public keys of a verifier.

use serde::Serialize;
use serde_json::value::RawValue;

use super::jwk::{Jwk, LeftOut, malformed};
use super::members::Members;
use crate::types::error::{Error, Result, at_most};
use crate::types::limits;

/// Ed25519 public keys with distinct ids. It serializes as a JWK set.
///
/// Equality compares the keys and ignores keys that were left out. The [module](super) has an example.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Jwks {
    keys: Vec<Jwk>,
    #[serde(skip)]
    left_out: Vec<LeftOut>,
}

impl PartialEq for Jwks {
    fn eq(&self, other: &Self) -> bool {
        self.keys == other.keys
    }
}

impl Eq for Jwks {}

impl Jwks {
    /// A set of these keys.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::Error::InvalidInput) for two keys with one id: a header could mean either.
    pub fn new(keys: impl IntoIterator<Item = Jwk>) -> Result<Self> {
        let keys: Vec<Jwk> = keys.into_iter().collect();
        let mut ids: Vec<&str> = keys.iter().map(Jwk::key_id).collect();
        ids.sort_unstable();
        match ids.iter().zip(ids.iter().skip(1)).find(|(a, b)| a == b) {
            Some((twice, _)) => Err(Error::invalid("key id", twice, "used by two keys of the set")),
            None => Ok(Self { keys, left_out: Vec::new() }),
        }
    }

    /// Reads a JWK set of at most 256 KiB.
    ///
    /// As RFC 7517 requires, keys of other types, curves, uses and algorithms are left out.
    /// [`left_out`](Self::left_out) lists them, and a verifier names the reason when an attestation has the id of such
    /// a key. To use one, implement [`VerificationKey`](super::VerificationKey).
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::Error::InvalidInput) for text that is not a JWK set, for an invalid Ed25519 key, and for two
    /// keys with one id; [`TooLarge`](crate::Error::TooLarge) for a longer text.
    pub fn parse(json: &str) -> Result<Self> {
        at_most("JWK set", json.len(), limits::JWKS_BYTES)?;
        let set: Vec<&RawValue> = Members::read(json).and_then(|members| members.get("keys")).map_err(malformed)?;
        let (mut keys, mut left_out) = (Vec::new(), Vec::new());
        for key in set {
            match Members::read(key.get()).map_err(malformed).and_then(|members| Jwk::of(&members))? {
                Ok(key) => keys.push(key),
                Err(unfit) => left_out.push(unfit),
            }
        }
        Ok(Self { left_out, ..Self::new(keys)? })
    }

    /// The keys that [`parse`](Self::parse) left out, with the reasons.
    #[must_use]
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    pub(super) fn into_parts(self) -> (Vec<Jwk>, Vec<LeftOut>) {
        (self.keys, self.left_out)
    }

    /// The keys.
    #[must_use]
    pub fn keys(&self) -> &[Jwk] {
        &self.keys
    }
}

impl IntoIterator for Jwks {
    type Item = Jwk;
    type IntoIter = std::vec::IntoIter<Jwk>;

    fn into_iter(self) -> Self::IntoIter {
        self.keys.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{KEY_ID, X, signer};
    use super::*;

    /// RFC 7517 appendix A.1.
    const A1: &str = r#"{"keys":
       [
         {"kty":"EC",
          "crv":"P-256",
          "x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
          "y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
          "use":"enc",
          "kid":"1"},

         {"kty":"RSA",
          "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
          "e":"AQAB",
          "alg":"RS256",
          "kid":"2011-04-29"}
       ]
     }"#;

    fn own(kid: &str) -> String {
        format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{X}","kid":"{kid}"}}"#)
    }

    #[test]
    fn keys_of_other_kinds_are_skipped_whatever_their_ids() {
        assert_eq!(Jwks::parse(A1).unwrap(), Jwks::default());
        let mixed = A1.replacen("[", &format!("[{},", own("1")), 1);
        let set = Jwks::parse(&mixed).unwrap();
        assert_eq!(set.keys().iter().map(Jwk::key_id).collect::<Vec<_>>(), ["1"]);
        let untyped = r#"{"more":0,"keys":[{},{"kty":"oct","k":"AAAA"},{"kty":"OKP","crv":"Ed448","x":"AAAA"}]}"#;
        assert_eq!(Jwks::parse(untyped).unwrap(), Jwks::default());
    }

    #[test]
    fn a_set_is_written_and_read_back() {
        let set = Jwks::new([signer().jwk().clone()]).unwrap();
        let json = serde_json::to_string(&set).unwrap();
        let key = format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{X}","kid":"{KEY_ID}","alg":"EdDSA","use":"sig"}}"#);
        assert_eq!(json, format!(r#"{{"keys":[{key}]}}"#));
        assert_eq!(Jwks::parse(&json).unwrap(), set);
    }

    #[test]
    fn two_keys_with_one_id_and_bad_keys_are_refused() {
        let of = |keys: &str| Jwks::parse(&format!(r#"{{"keys":[{keys}]}}"#));
        let twice = of(&[own("a"), own("b"), own("a")].join(",")).unwrap_err();
        assert_eq!(twice.code(), "invalid_input");
        assert!(twice.to_string().contains("`a`"), "{twice}");
        assert_eq!(of(&[own("a"), own("b")].join(",")).unwrap().keys().len(), 2);
        assert_eq!(of(&own("a").replace(X, "AAAA")).unwrap_err().code(), "invalid_input");
        assert_eq!(of(&own("a").replace("\"kid\"", "\"crv\"")).unwrap_err().code(), "json");
        for no_set in ["", "{}", r#"{"keys":{}}"#, r#"{"keys":[1]}"#, r#"{"keys":[],"keys":[]}"#, &own("a")] {
            assert_eq!(Jwks::parse(no_set).unwrap_err().code(), "json", "{no_set}");
        }
        let padded = format!(r#"{{"keys":[]}}{}"#, " ".repeat(limits::JWKS_BYTES - 11));
        assert_eq!(Jwks::parse(&padded).unwrap(), Jwks::default());
        assert_eq!(Jwks::parse(&format!("{padded} ")).unwrap_err().code(), "too_large");
    }

    #[test]
    fn a_key_that_is_left_out_is_told_with_the_reason() {
        let key = |kid: &str, more: &str| own(kid).replace('}', &format!("{more}}}"));
        let keys = [
            key("new", r#","alg":"Ed25519","use":"sig","key_ops":["verify"]"#),
            key("old", r#","alg":"EdDSA""#),
            key("other", r#","alg":"ES256""#),
            key("box", r#","use":"enc""#),
            key("ops", r#","key_ops":["sign"]"#),
            r#"{"kty":"RSA","use":5,"kid":"rsa"}"#.to_owned(),
            r#"{"kid":7}"#.to_owned(),
        ];
        let set = Jwks::parse(&format!(r#"{{"keys":[{}]}}"#, keys.join(","))).unwrap();
        assert_eq!(set.keys().iter().map(Jwk::key_id).collect::<Vec<_>>(), ["new", "old"]);
        let told: Vec<_> = set.left_out().iter().map(|key| (key.key_id.as_deref(), key.reason.as_str())).collect();
        let expected = [
            (Some("other"), "`alg` is `ES256`, expected `EdDSA` or `Ed25519`"),
            (Some("box"), "`use` is `enc`, expected `sig`"),
            (Some("ops"), "`key_ops` must contain `verify`"),
            (Some("rsa"), "`kty` is `RSA`, expected `OKP`"),
            (None, "`kty` is missing"),
        ];
        assert_eq!(told, expected);
    }
}
