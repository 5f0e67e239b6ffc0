//! The entries of a log, from their bytes. Does not know where a log is stored.

mod change;
mod change_kind;
mod entry;

pub use change::{BoundTo, Change, Seal};
pub use change_kind::ChangeKind;
pub use entry::Entry;
#[cfg(feature = "signatures")]
pub(crate) use entry::read;
