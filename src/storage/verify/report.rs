//! What a check of the store reports: how much was checked, and each finding with its place.

use std::fmt;

use serde::Serialize;

use crate::types::hash::Address;

/// What [`verify`](crate::PolicyStore::verify) found: how much was checked, and everything that is not as it should
/// be.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Logs that were walked: the store's own and one for each zone.
    pub logs: u64,
    /// Entries that were hashed and chained.
    pub entries: u64,
    /// Pieces of content that were hashed.
    pub objects: u64,
    /// Index rows that were compared with what the logs say.
    pub index_rows: u64,
    /// What is wrong. Empty if all is well.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }
}

/// One thing that is not as it should be.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Where.
    pub place: Place,
    /// What is wrong there.
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
    /// The rows that cannot be derived: ids and the heads of the logs.
    Meta,
    /// A log as a whole.
    Log {
        /// Which log.
        log: String,
    },
    /// An entry.
    Entry {
        /// Which log.
        log: String,
        /// Its position there.
        position: u64,
    },
    /// A piece of content.
    Object {
        /// Its address.
        address: Address,
    },
    /// A row of the index.
    Index {
        /// The log that it is derived from.
        log: String,
        /// Its key, in hex; docs/format.md tells how to read it.
        key: String,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Meta => f.write_str("meta rows"),
            Self::Log { log } => write!(f, "log `{log}`"),
            Self::Entry { log, position } => write!(f, "entry {position} of log `{log}`"),
            Self::Object { address } => write!(f, "content {address}"),
            Self::Index { log, key } => write!(f, "index row {key} of log `{log}`"),
        }
    }
}
