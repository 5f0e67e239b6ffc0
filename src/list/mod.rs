//! Lists: page requests, pages, cursors, filters, row scans, and one file for each list.
//!
//! Knows no rules about who may write the items.

pub(crate) mod bindings;
pub(crate) mod changes;
pub(crate) mod cursor;
pub(crate) mod filter;
pub(crate) mod history;
pub(crate) mod items;
pub(crate) mod order;
pub(crate) mod page;
pub(crate) mod place;
pub(crate) mod policies;
pub(crate) mod policy_sets;
pub(crate) mod scan;
pub(crate) mod schemas;
pub(crate) mod timeline;
pub(crate) mod versions;
pub(crate) mod zones;
