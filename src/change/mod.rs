//! Differences between policy set versions, by policies and by statements. Does not know plans or bindings.

pub(crate) mod difference;
pub(crate) mod policy;
pub(crate) mod statement;
