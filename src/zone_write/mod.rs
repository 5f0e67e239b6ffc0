//! Writing in a zone: the handle, its reads, and the rules that all of its calls share. What can be written is in the
//! files beside this one.
//!
//! Every call checks all of its rules before it writes anything, so that a refused call leaves no trace.

mod bindings;
mod policies;
mod policy_sets;

use crate::binding::{self, At, Binding};
use crate::error::{ErrorDetail, Resource, Result};
use crate::id::{OwnerType, ZoneId};
use crate::model::Target;
use crate::policy::{self, Policy};
use crate::policy_set::{self, PolicySet};
use crate::policy_set_version::{self, PolicySetVersion};
use crate::policy_version::{self, Forms, PolicyVersion};
use crate::storage::Append;
use crate::storage::key::{self, Tag};
use crate::store::Inner;
use crate::version::Found;
use crate::write::check_owner;
use crate::zone::{self, ZoneInfo, ZoneRef};

/// One zone in a write that is under way. Its reads see what the write has done so far.
///
/// # Errors
///
/// Every call that names something returns [`NotFound`](crate::ErrorKind::NotFound) for an id that the zone does not have,
/// [`Archived`](crate::ErrorKind::Archived) where it would change or newly use what is archived, and
/// [`Forbidden`](crate::ErrorKind::Forbidden) where a customer would change what belongs to the platform. Every call that
/// creates something returns [`Conflict`](crate::ErrorKind::Conflict) for an id that is taken,
/// [`Invalid`](crate::ErrorKind::Invalid) for input that breaks a rule and [`TooLarge`](crate::ErrorKind::TooLarge) for input
/// over a limit. Any call may return [`Corrupt`](crate::ErrorKind::Corrupt) or
/// [`Unavailable`](crate::ErrorKind::Unavailable).
pub struct ZoneWrite<'w, 'txn> {
    append: &'w mut Append<'txn>,
    store: &'w Inner,
    zone: ZoneRef,
}

impl std::fmt::Debug for ZoneWrite<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ZoneWrite").field("zone", &self.zone.id).finish_non_exhaustive()
    }
}

impl<'w, 'txn> ZoneWrite<'w, 'txn> {
    pub(crate) fn new(append: &'w mut Append<'txn>, store: &'w Inner, zone: ZoneRef) -> Self {
        Self { append, store, zone }
    }
}

/// Reads, as the write has left the zone so far.
impl ZoneWrite<'_, '_> {
    /// The zone's id.
    pub fn id(&self) -> &ZoneId {
        &self.zone.id
    }

    /// What the store keeps of the zone itself.
    pub fn info(&self) -> Result<ZoneInfo> {
        self.append.view(|view| zone::info(view, self.zone.id.as_str()))
    }

    /// The policy `id`.
    pub fn policy(&self, id: impl AsRef<str>) -> Result<Policy> {
        self.append.view(|view| policy::load(view, &self.zone, id.as_ref()))
    }

    /// The policy version `id`, with the Cedar representations asked for.
    pub fn policy_version(&self, id: impl AsRef<str>, forms: Forms) -> Result<PolicyVersion> {
        self.append
            .view(|view| policy_version::load(view, &self.zone, &Found::by_id(view, &self.zone, id.as_ref())?, forms))
    }

    /// The policy set `id`.
    pub fn policy_set(&self, id: impl AsRef<str>) -> Result<PolicySet> {
        self.append.view(|view| policy_set::load(view, &self.zone, id.as_ref()))
    }

    /// The policy set version `id`.
    pub fn policy_set_version(&self, id: impl AsRef<str>) -> Result<PolicySetVersion> {
        self.append
            .view(|view| policy_set_version::load(view, &self.zone, &Found::by_id(view, &self.zone, id.as_ref())?))
    }

    /// What is in force for `target`.
    pub fn in_force(&self, target: Target) -> Result<Binding> {
        self.append.view(|view| binding::in_force(view, &self.zone, &target, At::Now))
    }
}

/// Rules that several calls share.
impl ZoneWrite<'_, '_> {
    /// The id that a new thing gets: the given one if it is free, or a generated one.
    pub(super) fn free_id(&mut self, tag: Tag, what: Resource, given: Option<String>) -> Result<String> {
        let (log_id, position, created_at) = self.append.next(self.zone.log)?;
        let Some(id) = given else { return Ok(self.store.sources.uuid(created_at, log_id, position)) };
        if self.append.view(|view| view.has_row(&key::by_id(self.zone.log, tag, &id)))? {
            return Err(ErrorDetail::AlreadyExists { what, id }.into());
        }
        Ok(id)
    }

    /// What is archived does not change either.
    pub(super) fn may_change(&self, what: Resource, id: &str, owner: OwnerType, archived: bool) -> Result<()> {
        check_owner(self.append, what, id, owner)?;
        if archived {
            return Err(ErrorDetail::Archived { what, id: id.to_owned() }.into());
        }
        Ok(())
    }
}

/// The number of the next version.
fn next_version(latest: Option<u32>) -> Result<u32> {
    let next = latest.unwrap_or(0).checked_add(1);
    next.ok_or_else(|| {
        let limit = u32::MAX as usize;
        ErrorDetail::TooLarge { what: "the number of versions", limit, actual: limit }.into()
    })
}
