//! Writing in a zone: the handle, its reads, and the rules that all of its calls share. What can be written is in the
//! files beside this one.
//!
//! Every call checks all of its rules before it writes anything, so that a refused call leaves no trace.

#[cfg(feature = "attestation")]
mod attestations;
#[cfg(all(feature = "attestation", feature = "bundle"))]
mod attested_bundles;
mod bindings;
#[cfg(feature = "bundle")]
mod bundles;
mod policies;
mod policy_sets;
mod settings;

use crate::engine::Engine;
use crate::record::fingerprint::Fingerprint;
use crate::record::{Idempotency, LogEntry};
use crate::resource::binding::{self, At, Binding};
use crate::resource::policy::{self, Policy};
use crate::resource::policy_set::{self, PolicySet};
use crate::resource::policy_set_version::{self, PolicySetVersion};
use crate::resource::policy_version::{self, PolicyVersion};
use crate::resource::version::VersionRecord;
use crate::resource::zone::{ZoneInfo, ZoneRef};
use crate::rules::ownership::check_changeable;
use crate::rules::precondition::Precondition;
use crate::storage::key::RowKind;
use crate::storage::{LogWriter, Snapshot, key, wrong_row};
use crate::types::actor::OwnerType;
use crate::types::error::{ErrorDetail, Resource, Result};
use crate::types::id::{IdempotencyKey, ZoneId};
use crate::types::syntax::Include;
use crate::types::target::{BindingMode, Target};

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
pub struct ZoneTransaction<'w, 'txn> {
    writer: &'w mut LogWriter<'txn>,
    store: &'w Engine,
    zone: ZoneRef,
    idempotency_key: Option<IdempotencyKey>,
    preconditions: Vec<Precondition>,
    /// Where the log ended when the request of the last call was carried out, if it was so before that call.
    then: Option<u64>,
}

impl std::fmt::Debug for ZoneTransaction<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ZoneWrite").field("zone", &self.zone.id).finish_non_exhaustive()
    }
}

impl<'w, 'txn> ZoneTransaction<'w, 'txn> {
    pub(crate) fn new(writer: &'w mut LogWriter<'txn>, store: &'w Engine, zone: ZoneRef) -> Self {
        Self { writer, store, zone, idempotency_key: None, preconditions: Vec::new(), then: None }
    }

    /// The next call answers this request: if it was answered before, the call does nothing and returns what it
    /// returned then, before any other check. Until the next call that writes, what is read here is then the zone as that
    /// request had left it, so that an answer made of a call and of reads after it is the same too; whether a schema version was
    /// archived by then is left aside, since that is told by another log.
    ///
    /// An id is for one call. Further calls in the same write need ids of their own, or are carried out again.
    ///
    /// A version or a bundle need not be prepared again for that: [`Zone::answered`](crate::Zone::answered) tells before.
    ///
    /// # Errors
    ///
    /// The call returns [`Conflict`](crate::ErrorKind::Conflict) if the zone knows the id of another request: one that
    /// differs in call, input, demands or actor.
    pub fn idempotency_key(&mut self, key: IdempotencyKey) -> &mut Self {
        self.idempotency_key = Some(key);
        self
    }

    /// The next call is only carried out if this holds. Can be said more than once.
    ///
    /// # Errors
    ///
    /// The call returns [`PreconditionFailed`](crate::ErrorKind::PreconditionFailed) if it does not hold.
    pub fn precondition(&mut self, precondition: Precondition) -> &mut Self {
        self.preconditions.push(precondition);
        self
    }
}

/// Reads, as the write has left the zone so far, or as [`ZoneTransaction::request`] says.
impl ZoneTransaction<'_, '_> {
    /// The zone's id.
    pub fn id(&self) -> &ZoneId {
        &self.zone.id
    }

    /// What the store keeps of the zone itself.
    pub fn info(&self) -> Result<ZoneInfo> {
        let told =
            if self.then.is_some() { crate::resource::zone::info_as_logged } else { crate::resource::zone::info_of };
        self.read(|snapshot| told(snapshot, &self.zone))
    }

    /// The policy `id`.
    pub fn policy(&self, id: impl AsRef<str>) -> Result<Policy> {
        self.read(|snapshot| policy::load(snapshot, &self.zone, id.as_ref()))
    }

    /// The policy version `id`, with the Cedar representations asked for.
    pub fn policy_version(&self, id: impl AsRef<str>, include: Include) -> Result<PolicyVersion> {
        self.read(|snapshot| {
            policy_version::load(
                snapshot,
                &self.zone,
                &VersionRecord::by_id(snapshot, &self.zone, id.as_ref())?,
                include,
            )
        })
    }

    /// The policy set `id`.
    pub fn policy_set(&self, id: impl AsRef<str>) -> Result<PolicySet> {
        self.read(|snapshot| policy_set::load(snapshot, &self.zone, id.as_ref()))
    }

    /// The policy set version `id`.
    pub fn policy_set_version(&self, id: impl AsRef<str>) -> Result<PolicySetVersion> {
        self.read(|snapshot| {
            policy_set_version::load(snapshot, &self.zone, &VersionRecord::by_id(snapshot, &self.zone, id.as_ref())?)
        })
    }

    /// What is under observation for `target`.
    pub fn observed(&self, target: Target) -> Result<Binding> {
        self.read(|snapshot| binding::bound(snapshot, &self.zone, &target, BindingMode::Shadow, At::Now))
    }

    /// The zone's guardrail, if it has one.
    pub fn guardrail(&self) -> Result<Option<Binding>> {
        self.read(|snapshot| binding::guardrail(snapshot, &self.zone, At::Now))
    }

    /// What is in force for `target`.
    pub fn in_force(&self, target: Target) -> Result<Binding> {
        self.read(|snapshot| binding::bound(snapshot, &self.zone, &target, BindingMode::Active, At::Now))
    }

    pub(super) fn read<T>(&self, f: impl FnOnce(&Snapshot<'_>) -> Result<T>) -> Result<T> {
        match self.then {
            None => self.writer.read(f),
            Some(end) => self.writer.read_as_of(self.zone.log, end, f),
        }
    }
}

/// Rules that several calls share.
impl ZoneTransaction<'_, '_> {
    /// A call that changes the zone: not while it is suspended.
    fn once<T>(
        &mut self,
        fingerprint: Fingerprint,
        write: impl FnOnce(&mut Self) -> Result<T>,
        again: impl FnOnce(&Snapshot<'_>, &ZoneRef, &LogEntry) -> Result<T>,
    ) -> Result<T> {
        self.answer(
            fingerprint,
            |zone| {
                zone.writer.read(|snapshot| crate::resource::zone::check_open(snapshot, &zone.zone))?;
                write(zone)
            },
            again,
        )
    }

    /// Carries a call out once: under the id of a request that was answered, `again` tells the answer, from the zone as it
    /// was then and the request's first entry.
    fn answer<T>(
        &mut self,
        fingerprint: Fingerprint,
        write: impl FnOnce(&mut Self) -> Result<T>,
        again: impl FnOnce(&Snapshot<'_>, &ZoneRef, &LogEntry) -> Result<T>,
    ) -> Result<T> {
        let preconditions = std::mem::take(&mut self.preconditions);
        self.then = None;
        let idempotency = self.idempotency_key.take().map(|id| {
            let fingerprint =
                preconditions.iter().fold(fingerprint, |fingerprint, precondition| precondition.add_to(fingerprint));
            Idempotency { key: id, fingerprint: fingerprint.by(self.writer.actor()) }
        });
        if let Some(idempotency) = &idempotency {
            let answered = self
                .writer
                .answered(self.zone.log, idempotency, |snapshot, entry| again(snapshot, &self.zone, entry))?;
            if let Some((answer, end)) = answered {
                self.then = Some(end);
                return Ok(answer);
            }
        }
        self.writer.read(|snapshot| {
            preconditions.iter().try_for_each(|precondition| precondition.check(snapshot, &self.zone))
        })?;
        let before = self.writer.next_position(self.zone.log)?;
        if let Some(idempotency) = idempotency {
            self.writer.begin_keyed(self.zone.log, idempotency)?;
        }
        let result = write(self);
        if let Err(error) = &result {
            self.writer.refused_at(self.zone.log, before, error)?;
        }
        if idempotency.is_some() { self.writer.end_keyed(result) } else { result }
    }

    /// The id that a new thing gets: the given one if it is free, or a generated one.
    pub(super) fn free_id(&mut self, tag: RowKind, what: Resource, given: Option<String>) -> Result<String> {
        let (log_id, position, created_at) = self.writer.next(self.zone.log)?;
        let Some(id) = given else { return Ok(self.store.environment.uuid(created_at, log_id, position)) };
        if self.writer.read(|snapshot| snapshot.has_row(&key::by_id(self.zone.log, tag, &id)))? {
            return Err(ErrorDetail::AlreadyExists { what, id }.into());
        }
        Ok(id)
    }

    /// Whether the writer may change something: see [`check_changeable`].
    pub(super) fn may_change(&self, what: Resource, id: &str, owner: OwnerType, archived: bool) -> Result<()> {
        check_changeable(self.writer.actor(), what, id, owner, archived)
    }
}

/// The id of what an entry created.
fn created(entry: &LogEntry) -> Result<&str> {
    entry.body.created_id().ok_or_else(|| wrong_row(RowKind::IdempotencyKey, &entry.envelope.position.to_string()))
}
