//! Zones, schemas, policies, policy sets, their versions, and bindings: what each is, read from a snapshot.
//!
//! Knows no rule of who may write what, no cache and no page.

pub(crate) mod binding;
pub(crate) mod history;
pub(crate) mod not_found;
pub(crate) mod policy;
pub(crate) mod policy_set;
pub(crate) mod policy_set_version;
pub(crate) mod policy_version;
pub(crate) mod schema;
pub(crate) mod version;
pub(crate) mod zone;
