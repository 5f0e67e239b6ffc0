//! The encoding of records: bincode's standard format (varint integers, little endian), with wincode as encoder and
//! decoder.
//!
//! Decoding checks each length against the limit before it allocates, and refuses trailing bytes. It refuses a value
//! that would not encode to the same bytes, since varint integers have overlong encodings. Does not know the meaning of
//! records.

use wincode::config::{Configuration, Serialize, deserialize_exact};

use super::wire::{Format, Wire};
use crate::types::limits;

const FORMAT: Format = Configuration::new();

/// The canonical bytes of `value`.
pub fn encode<T: Wire>(value: &T) -> Result<Vec<u8>, String> {
    let form = value.to_form();
    T::Form::serialize(&form, FORMAT).map_err(|error| error.to_string())
}

/// The value with the canonical bytes `bytes`.
pub fn decode<T: Wire>(bytes: &[u8]) -> Result<T, String> {
    if bytes.len() > limits::ENTRY_BYTES {
        return Err(format!("too large: {} bytes, limit {}", bytes.len(), limits::ENTRY_BYTES));
    }
    let form: T::Form = deserialize_exact(bytes, FORMAT).map_err(|error| error.to_string())?;
    // Only integers have several encodings, and the others are longer. So a value has its canonical form if no shorter
    // one exists.
    let shortest = T::Form::serialized_size(&form, FORMAT).map_err(|error| error.to_string())?;
    if u64::try_from(bytes.len()) != Ok(shortest) {
        return Err("bytes are not in canonical form".to_owned());
    }
    T::from_form(form)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_one_form_only() {
        assert_eq!(encode(&250_u64).unwrap(), [250]);
        assert_eq!(decode::<u64>(&[250]).unwrap(), 250);
        // 251 announces two bytes; 250 fits in one.
        assert!(decode::<u64>(&[251, 250, 0]).unwrap_err().contains("canonical"));
        assert!(decode::<u64>(&[250, 0]).is_err(), "trailing byte");
        assert!(decode::<u64>(&[]).is_err());
        assert!(decode::<Option<u8>>(&[2, 0]).is_err());
    }

    #[test]
    fn a_length_is_checked_before_it_is_allocated() {
        let huge = [253, 255, 255, 255, 255, 255, 255, 255, 127];
        assert!(decode::<Vec<u8>>(&huge).is_err());
        assert!(decode::<String>(&huge).is_err());
        let over = [[251, 1].as_slice(), &vec![0; limits::ENTRY_BYTES]].concat();
        assert!(decode::<Vec<u8>>(&over).is_err());
    }
}
