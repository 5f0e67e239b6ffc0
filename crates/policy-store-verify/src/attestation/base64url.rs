//! Strict base64url (RFC 4648 section 5): no padding, no white space, all unused bits zero. So each byte string has one
//! text. It runs in constant time, because it decodes secret keys.

use base64ct::{Base64UrlUnpadded, Encoding};

pub(super) fn encode(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    Base64UrlUnpadded::decode_vec(text).ok()
}

/// Decodes exactly `bytes.len()` bytes. After a failure, the content of `bytes` is unspecified.
pub(super) fn decode_into(text: &str, bytes: &mut [u8]) -> Option<()> {
    let wanted = bytes.len();
    let got = Base64UrlUnpadded::decode(text, bytes).ok()?.len();
    (got == wanted).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_string_has_one_text() {
        for (bytes, text) in [(&b""[..], ""), (b"\xfb", "-w"), (b"\xff\xef", "_-8"), (b"abc", "YWJj")] {
            assert_eq!(encode(bytes), text);
            assert_eq!(decode(text).unwrap(), bytes);
        }
        for wrong in ["-w==", "-x", "_-9", "+w", "/-8", " -w", "-w\n", "-w ", "-", "YWJjZ", "é"] {
            assert_eq!(decode(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn what_has_another_length_is_refused() {
        let mut bytes = [0; 3];
        assert!(decode_into("YWJj", &mut bytes).is_some());
        assert_eq!(&bytes, b"abc");
        for wrong in ["", "YWI", "YWJjZA", "YWJj "] {
            assert!(decode_into(wrong, &mut bytes).is_none(), "{wrong:?}");
        }
    }
}
