//! The index: its keys and rows, and the one function that derives them from log entries.
//!
//! Knows no table and no transaction.

pub(in crate::storage) mod derive;
pub(crate) mod key;
pub(in crate::storage) mod replay;
pub(in crate::storage) mod row;
