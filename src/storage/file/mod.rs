//! The file: how it is created, opened, locked and closed, and the format that it is in.

pub(in crate::storage) mod create;
pub(in crate::storage) mod format;
pub(in crate::storage) mod handle;
pub(in crate::storage) mod loose;
pub(in crate::storage) mod open;
