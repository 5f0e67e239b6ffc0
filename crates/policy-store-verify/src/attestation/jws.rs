//! A JWS in flattened JSON (RFC 7515 section 7.2.2), without an unprotected header. A JWS has one text: members in
//! canonical order, without white space. Does not know the content of header and payload.

use super::base64url;
use super::error::{FormError, Part, VerificationError};
use super::members::Members;
use crate::types::limits;

const MEMBERS: [&str; 3] = ["payload", "protected", "signature"];

/// The parts of a JWS, decoded.
pub(crate) struct Jws {
    /// The protected header.
    pub header: String,
    /// The payload.
    pub payload: String,
    /// The signature.
    pub signature: Vec<u8>,
}

impl Jws {
    /// Reads the text of [`encode`](Self::encode) and refuses any other.
    pub(crate) fn decode(text: &str) -> Result<Self, VerificationError> {
        if text.len() > limits::ATTESTATION_BYTES {
            return Err(VerificationError::TooLarge { limit: limits::ATTESTATION_BYTES, actual: text.len() });
        }
        let whole = VerificationError::of(Part::Jws);
        let members = Members::read(text).map_err(&whole)?;
        members.exactly(&MEMBERS).map_err(&whole)?;
        let member = |name| members.get::<String>(name).map_err(&whole);
        let jws = Self {
            header: text_of(Part::Header, &member("protected")?)?,
            payload: text_of(Part::Payload, &member("payload")?)?,
            signature: bytes_of(Part::Signature, &member("signature")?)?,
        };
        // base64url is strict, so the texts can differ only in white space, the order of members, or escapes.
        if jws.encode() == text { Ok(jws) } else { Err(whole(FormError::NotCanonical)) }
    }

    /// The text.
    pub(crate) fn encode(&self) -> String {
        let [payload, protected] = [&self.payload, &self.header].map(|part| base64url::encode(part.as_bytes()));
        let signature = base64url::encode(&self.signature);
        format!(r#"{{"payload":"{payload}","protected":"{protected}","signature":"{signature}"}}"#)
    }
}

/// The signed bytes: header and payload in base64url, with a dot between them.
pub(crate) fn signing_input(header: &str, payload: &str) -> String {
    format!("{}.{}", base64url::encode(header.as_bytes()), base64url::encode(payload.as_bytes()))
}

fn bytes_of(part: Part, text: &str) -> Result<Vec<u8>, VerificationError> {
    base64url::decode(text).ok_or(VerificationError::Malformed { part, problem: FormError::Base64url })
}

fn text_of(part: Part, text: &str) -> Result<String, VerificationError> {
    let bytes = bytes_of(part, text)?;
    String::from_utf8(bytes).map_err(|_| VerificationError::Malformed { part, problem: FormError::Utf8 })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7515 appendix A.7, without its unprotected header.
    const A7: &str = concat!(
        r#"{"payload":"eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ","#,
        r#""protected":"eyJhbGciOiJFUzI1NiJ9","#,
        r#""signature":"DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"}"#
    );

    fn problem(text: &str) -> (Part, FormError) {
        match Jws::decode(text).err() {
            Some(VerificationError::Malformed { part, problem }) => (part, problem),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn the_example_of_rfc_7515_is_read_and_written() {
        let jws = Jws::decode(A7).unwrap();
        assert_eq!(jws.header, r#"{"alg":"ES256"}"#);
        let claims = concat!(r#"{"iss":"joe","#, "\r\n", r#" "exp":1300819380,"#, "\r\n");
        assert!(jws.payload.starts_with(claims) && jws.payload.ends_with(r#" "http://example.com/is_root":true}"#));
        assert_eq!(jws.signature.len(), 64);
        assert_eq!(jws.encode(), A7);
        let input = signing_input(&jws.header, &jws.payload);
        assert!(input.starts_with("eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJle") && input.ends_with("cnVlfQ"));
    }

    #[test]
    fn an_unprotected_header_and_the_general_form_are_refused() {
        let header =
            A7.replace("\"signature\"", r#""header":{"kid":"e9bc097a-ce51-4036-9562-d2ade882db0d"},"signature""#);
        assert_eq!(problem(&header), (Part::Jws, FormError::UnknownMember { name: "header".to_owned() }));
        let general = A7.replace(r#","protected""#, r#","signatures":[{}],"protected""#);
        assert_eq!(problem(&general), (Part::Jws, FormError::UnknownMember { name: "signatures".to_owned() }));
        assert!(matches!(problem("eyJhbGciOiJFUzI1NiJ9.e30.AAAA"), (Part::Jws, FormError::Json { .. })));
    }

    #[test]
    fn there_is_one_text() {
        let reordered = r#"{"protected":"e30","payload":"e30","signature":"AAAA"}"#;
        let escaped = r#"{"payload":"e3\u0030","protected":"e30","signature":"AAAA"}"#;
        let spaced = r#"{"payload":"e30","protected":"e30", "signature":"AAAA"}"#;
        for text in [reordered, escaped, spaced] {
            assert_eq!(problem(text), (Part::Jws, FormError::NotCanonical), "{text}");
        }
        let parts = |payload: &str, protected: &str, signature: &str| {
            problem(&format!(r#"{{"payload":"{payload}","protected":"{protected}","signature":"{signature}"}}"#))
        };
        assert_eq!(parts("e30=", "e30", "AAAA"), (Part::Payload, FormError::Base64url));
        assert_eq!(parts("e30", "e31", "AAAA"), (Part::Header, FormError::Base64url));
        assert_eq!(parts("e30", "e30", "AA+A"), (Part::Signature, FormError::Base64url));
        assert_eq!(parts("_w", "e30", "AAAA"), (Part::Payload, FormError::Utf8));
    }

    #[test]
    fn length_is_checked_before_anything_is_read() {
        let padded = format!("{A7}{}", " ".repeat(limits::ATTESTATION_BYTES - A7.len()));
        assert_eq!(problem(&padded), (Part::Jws, FormError::NotCanonical));
        let error = Jws::decode(&format!("{padded} ")).err();
        assert_eq!(error, Some(VerificationError::TooLarge { limit: 16 << 10, actual: (16 << 10) + 1 }));
    }
}
