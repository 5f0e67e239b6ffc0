//! The encoding of records: bincode's standard format (varint integers, little endian), with wincode as encoder and
//! decoder.
//!
//! Decoding checks each length against the limit before it allocates, and refuses trailing bytes. It refuses a value
//! that does not encode to the same bytes, since varint integers have overlong encodings. Does not know the meaning of
//! records.

use wincode::config::{Configuration, Deserialize, Serialize, deserialize_exact};
use wincode::int_encoding::{LittleEndian, VarInt};
use wincode::len::UseIntLen;

use crate::types::limits;

/// bincode's standard configuration, with the length of an entry as the limit of all lengths.
pub(crate) type Format =
    Configuration<true, { limits::ENTRY_BYTES }, UseIntLen<u64>, LittleEndian, VarInt, u32, { limits::ENTRY_BYTES }>;

const FORMAT: Format = Configuration::new();

/// The canonical bytes of `value`.
pub(crate) fn encode<T>(value: &T) -> Result<Vec<u8>, String>
where
    T: Serialize<Format, Src = T> + ?Sized,
{
    T::serialize(value, FORMAT).map_err(|error| error.to_string())
}

/// The value with the canonical bytes `bytes`.
pub(crate) fn decode<'de, T>(bytes: &'de [u8]) -> Result<T, String>
where
    T: Deserialize<'de, Format, Dst = T> + Serialize<Format, Src = T>,
{
    if bytes.len() > limits::ENTRY_BYTES {
        return Err(format!("too large: {} bytes, limit {}", bytes.len(), limits::ENTRY_BYTES));
    }
    let value: T = deserialize_exact(bytes, FORMAT).map_err(|error| error.to_string())?;
    if encode(&value)? != bytes {
        return Err("bytes are not in canonical form".to_owned());
    }
    Ok(value)
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
