//! Creates, opens, locks and closes the file, and defines its format.

pub(in crate::storage) mod create;
pub(in crate::storage) mod database;
pub(in crate::storage) mod format;
pub(in crate::storage) mod handle;
pub(in crate::storage) mod loose;
pub(in crate::storage) mod open;
pub(in crate::storage) mod opening;
