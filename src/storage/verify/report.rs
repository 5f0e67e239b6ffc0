//! The report of `verify`: the amount of data checked, and the findings with their places.

use std::fmt;

use serde::Serialize;

use crate::types::checkpoint::Checkpoint;

/// The result of [`PolicyStore::verify`](crate::PolicyStore::verify): the amount of data checked, and the findings.
///
/// ```
/// # fn main() -> policy_store::Result<()> {
/// use policy_store::{Actor, PolicyStore};
/// let store = PolicyStore::builder().in_memory()?;
/// store.write(&Actor::customer("ann")?, |w| w.create_zone("acme").map(drop))?;
///
/// let report = store.verify()?;
/// assert!(report.is_clean(), "{:?}", report.findings);
/// assert_eq!(report.logs, 2); // the store's log and the zone's
/// # Ok(())
/// # }
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Number of logs checked: the store's log, and one for each zone.
    pub logs: u64,
    /// Number of entries whose hash and chain were checked.
    pub entries: u64,
    /// Number of pieces of content whose hashes were checked.
    pub content: u64,
    /// Number of index rows compared with the logs.
    pub index_rows: u64,
    /// The logs checked, and how far: the store's log first.
    pub verified: Vec<VerifiedLog>,
    /// The contradictions found; empty if there are none.
    pub findings: Vec<Finding>,
}

/// A log that was checked, from one position to its end.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VerifiedLog {
    /// The log: its zone's id, or `store`.
    pub log: String,
    /// The position of the first entry checked: 0, or the size of a checkpoint.
    pub from: u64,
    /// The end of the log.
    pub checkpoint: Checkpoint,
}

impl Report {
    /// Whether there are no findings.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    /// A checkpoint of each log, to keep for [`verify_since`](crate::PolicyStore::verify_since) and
    /// [`not_before`](crate::Builder::not_before). Empty if there are findings: a damaged state is not one to keep.
    #[must_use]
    pub fn checkpoints(&self) -> Vec<Checkpoint> {
        if self.is_clean() { self.verified.iter().map(|log| log.checkpoint).collect() } else { Vec::new() }
    }
}

/// One contradiction in a store.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its place.
    pub place: Place,
    /// The problem, in English; not for comparison.
    pub problem: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.problem)
    }
}

/// A place in a store. A log is named by its zone's id, or `store`.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The meta rows: format, ids, heads of logs, and witnesses; and the addresses of content.
    Meta,
    /// A log as a whole.
    #[non_exhaustive]
    Log {
        /// The log.
        log: String,
    },
    /// An entry.
    #[non_exhaustive]
    Entry {
        /// The log.
        log: String,
        /// The position in the log.
        position: u64,
    },
    /// A piece of content: a policy version's text and JSON, a manifest, or another text that entries name by hash.
    #[non_exhaustive]
    Content {
        /// Its number in the file.
        number: u64,
    },
    /// An index row.
    #[non_exhaustive]
    Index {
        /// The log that the row is derived from.
        log: String,
        /// The key in hex, as docs/format.md describes it.
        key: String,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Meta => f.write_str("meta rows"),
            Self::Log { log } => write!(f, "log `{log}`"),
            Self::Entry { log, position } => write!(f, "entry {position} of log `{log}`"),
            Self::Content { number } => write!(f, "content {number}"),
            Self::Index { log, key } => write!(f, "index row {key} of log `{log}`"),
        }
    }
}
