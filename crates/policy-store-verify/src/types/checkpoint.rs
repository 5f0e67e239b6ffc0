//! Checkpoints: the size and the root of a log at one moment, to keep outside the store.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::error::{Error, Result};
use super::hash::RootHash;
use super::id::LogId;

/// A log at one moment: its id, its size, and the root of the tree over its entries.
///
/// Entries never change, so every later state of the log has the same root at this size. A checkpoint that is kept outside
/// the store shows that the store was put back to an older state, or that its history was rewritten: `Builder::not_before`
/// and `PolicyStore::verify_since` of the store compare it.
///
/// Its text is one line: the log's id, the size, and the root.
///
/// ```
/// use policy_store_verify::Checkpoint;
/// let text = format!("{} 70000 {}", "01".repeat(16), "ab".repeat(32));
/// let checkpoint: Checkpoint = text.parse()?;
/// assert_eq!((checkpoint.size, checkpoint.to_string()), (70_000, text));
/// # Ok::<(), policy_store_verify::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The id of the log.
    pub log_id: LogId,
    /// The number of its entries.
    pub size: u64,
    /// The root of the tree over these entries.
    pub root: RootHash,
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.log_id, self.size, self.root)
    }
}

impl FromStr for Checkpoint {
    type Err = Error;

    /// Reads a log id, a size and a root with one space between them.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::Error::InvalidInput) for any other text.
    fn from_str(text: &str) -> Result<Self> {
        let invalid = || Error::invalid("checkpoint", text, "expected a log id, a size and a root hash");
        let mut parts = text.split(' ');
        let (Some(log_id), Some(size), Some(root), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(invalid());
        };
        let size: u64 = size.parse().ok().filter(|number: &u64| number.to_string() == size).ok_or_else(invalid)?;
        Ok(Self { log_id: log_id.parse()?, size, root: root.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_is_one_line_of_text_and_json() {
        let checkpoint = Checkpoint { log_id: LogId([1; 16]), size: 70_000, root: RootHash([0xab; 32]) };
        let text = format!("{} 70000 {}", "01".repeat(16), "ab".repeat(32));
        assert_eq!((checkpoint.to_string(), text.parse().unwrap()), (text.clone(), checkpoint));
        let json = serde_json::to_string(&checkpoint).unwrap();
        assert_eq!(serde_json::from_str::<Checkpoint>(&json).unwrap(), checkpoint);
        for wrong in
            ["", "1", &text[1..], &format!("{text} "), &text.replace("70000", "070000"), &text.replace(' ', "  ")]
        {
            assert_eq!(wrong.parse::<Checkpoint>().unwrap_err().code(), "invalid_input", "{wrong}");
        }
    }
}
