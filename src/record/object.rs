//! Objects: pieces of content, each stored once under its address.
//!
//! An address is the BLAKE3 of the kind's byte and the plain bytes, so equal bytes of two kinds are two objects. The
//! stored value is an encoding byte and a payload, so a later version can add compression. Does not know which entries
//! name an object.

use crate::types::hash::Address;
use crate::types::limits;
use crate::types::syntax::Syntax;

/// The kinds of content. The number is part of the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum ObjectKind {
    /// A policy version's Cedar text.
    PolicyText = 1,
    /// A policy version's JSON.
    PolicyJson = 2,
    /// A policy set version's manifest, as canonical JSON (RFC 8785).
    Manifest = 3,
    /// A schema in Cedar's syntax.
    SchemaText = 4,
    /// A schema in JSON.
    SchemaJson = 5,
    /// Cedar's warnings about a policy version, as a JSON array.
    Warnings = 6,
    /// An attestation of a policy set version: a JWS in flattened JSON.
    Attestation = 7,
}

impl ObjectKind {
    /// Every kind.
    #[cfg(any(test, fuzzing))]
    pub(crate) const ALL: [Self; 7] = [
        Self::PolicyText,
        Self::PolicyJson,
        Self::Manifest,
        Self::SchemaText,
        Self::SchemaJson,
        Self::Warnings,
        Self::Attestation,
    ];

    /// The kind of a schema in `syntax`.
    pub(crate) fn of_schema(syntax: Syntax) -> Self {
        match syntax {
            Syntax::Cedar => Self::SchemaText,
            Syntax::Json => Self::SchemaJson,
        }
    }
}

/// The payload is the plain bytes.
const PLAIN: u8 = 0;

/// A piece of content. All content is UTF-8.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Object<'a> {
    pub kind: ObjectKind,
    pub text: &'a str,
}

impl<'a> Object<'a> {
    pub(crate) fn new(kind: ObjectKind, text: &'a str) -> Self {
        Self { kind, text }
    }

    /// The object's address.
    pub(crate) fn address(&self) -> Address {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&[self.kind as u8]);
        hasher.update(self.text.as_bytes());
        Address(*hasher.finalize().as_bytes())
    }

    /// The value to store.
    pub(crate) fn encode(&self) -> Vec<u8> {
        [&[PLAIN], self.text.as_bytes()].concat()
    }

    /// Decodes a stored `value`, and checks it against its address.
    pub(crate) fn decode(kind: ObjectKind, address: Address, value: &'a [u8]) -> Result<Self, String> {
        let payload = match value.split_first() {
            Some((&PLAIN, payload)) => payload,
            Some((encoding, _)) => return Err(format!("unknown encoding {encoding}")),
            None => return Err("empty value".to_owned()),
        };
        if payload.len() > limits::OBJECT_BYTES {
            return Err(format!("too large: {} bytes, limit {}", payload.len(), limits::OBJECT_BYTES));
        }
        let text = std::str::from_utf8(payload).map_err(|error| error.to_string())?;
        let object = Self { kind, text };
        if object.address() != address {
            return Err("content does not match its address".to_owned());
        }
        Ok(object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_bytes_are_read_back() {
        let object = Object::new(ObjectKind::Manifest, "{}");
        let (address, value) = (object.address(), object.encode());
        let read = |value: &[u8]| Object::decode(ObjectKind::Manifest, address, value).map(|o| o.text.to_owned());
        assert_eq!(read(&value).unwrap(), "{}");
        assert!(read(b"").is_err());
        assert!(read(b"\x01{}").is_err());
        assert!(read(b"\0{} ").is_err());
        assert!(read(b"\0\xff").is_err());
        assert!(Object::decode(ObjectKind::PolicyText, address, &value).is_err());
    }
}
