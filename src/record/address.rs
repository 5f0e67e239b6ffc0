//! The whole address of a piece of content: as format.md defines it, before it is cut for the file.

use std::fmt;

use policy_store_verify::record::ContentId;

use super::content::Plain;
use crate::types::error::{ErrorDetail, Result};
use crate::types::hash::Sha256;

/// The address of a piece of content: its kind and a SHA-256. Its `Display` is the kind in two hex digits, a hyphen, and the
/// hash in hex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentAddress {
    kind: u8,
    hash: Sha256,
}

impl ContentAddress {
    /// The address of content in the form of the table `content` (docs/format.md).
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) for other bytes.
    pub fn of_value(value: &[u8]) -> Result<Self> {
        match Plain::unpack(value) {
            Ok(plain) => Ok(Self::of(&plain.id())),
            Err(problem) => Err(ErrorDetail::Json { what: "content", message: problem }.into()),
        }
    }

    pub(crate) fn of(id: &ContentId) -> Self {
        Self { kind: id.kind, hash: id.address() }
    }
}

impl fmt::Display for ContentAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x}-{}", self.kind, self.hash)
    }
}

#[cfg(test)]
mod tests {
    use policy_store_verify::record::ContentKind;

    use super::*;
    use crate::record::Content;

    #[test]
    fn an_address_is_that_of_the_format() {
        let manifest = Content::one(ContentKind::Manifest, "{}").pack();
        let address = ContentAddress::of_value(&manifest.value).unwrap();
        assert_eq!(address.to_string(), format!("02-{}", Sha256::of(b"{}")));
        let forms = Content::forms("a", "b").pack();
        let both = [Sha256::of(b"a").0, Sha256::of(b"b").0].concat();
        let address = ContentAddress::of_value(&forms.value).unwrap();
        assert_eq!(address.to_string(), format!("01-{}", Sha256::of(&both)));
        assert_eq!(forms.id.key()[1..], Sha256::of(&both).0[..16]);
        assert_eq!(ContentAddress::of_value(b"nothing").unwrap_err().code(), "json");
    }
}
