//! Zones, schemas, policies, policy sets, their versions and bindings, read from a snapshot.
//!
//! Knows no rules about who may write, no caches and no pages.

pub(crate) mod as_of;
pub(crate) mod binding;
pub(crate) mod contents;
pub(crate) mod history;
pub(crate) mod not_found;
pub(crate) mod policy;
pub(crate) mod policy_set;
pub(crate) mod policy_set_version;
pub(crate) mod policy_version;
pub(crate) mod schema;
pub(crate) mod test_suite;
pub(crate) mod version;
pub(crate) mod zone;
