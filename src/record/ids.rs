//! The check of the ids in a decoded body. An id with other characters could collide with the index keys of other ids.
//!
//! The decoder takes any string for an id. Each type of a body's fields implements [`HoldsIds`], so a new type cannot
//! skip the check. Does not know whether an id exists.

use super::bound::BoundVersion;
use crate::types::error::Result;
use crate::types::hash::{Address, EntryHash, Sha256};
use crate::types::id::{LogId, PolicyId, PolicySetId, PolicySetVersionId, PolicyVersionId, SchemaName, ZoneId};
use crate::types::schema::{CedarVersion, SchemaRef, SchemaStatus};
use crate::types::syntax::Syntax;
use crate::types::target::{BindingMode, Target, TargetType};

/// A field of a body, with zero or more ids.
pub(super) trait HoldsIds {
    /// Refuses an id that breaks the rules of ids.
    fn check_ids(&self) -> Result<()>;
}

macro_rules! ids {
    ($($type:ty),*) => {$(
        impl HoldsIds for $type {
            fn check_ids(&self) -> Result<()> {
                self.check()
            }
        }
    )*};
}

macro_rules! without_ids {
    ($($type:ty),*) => {$(
        impl HoldsIds for $type {
            fn check_ids(&self) -> Result<()> {
                Ok(())
            }
        }
    )*};
}

ids!(ZoneId, SchemaName, PolicyId, PolicyVersionId, PolicySetId, PolicySetVersionId, Target);
without_ids!(bool, u32, u64, String, LogId, EntryHash, Sha256, Address);
without_ids!(Syntax, SchemaStatus, TargetType, BindingMode, CedarVersion);

impl<T: HoldsIds> HoldsIds for Option<T> {
    fn check_ids(&self) -> Result<()> {
        self.as_ref().map_or(Ok(()), HoldsIds::check_ids)
    }
}

impl HoldsIds for SchemaRef {
    fn check_ids(&self) -> Result<()> {
        self.version.check_ids()
    }
}

impl HoldsIds for BoundVersion {
    fn check_ids(&self) -> Result<()> {
        self.policy_set_id.check_ids()?;
        self.version_id.check_ids()
    }
}
