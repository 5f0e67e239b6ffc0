//! The zone transaction: the handle, its reads, and the rules that all of its calls share. The files of this folder
//! hold the calls.
//!
//! Every call checks all of its rules before it writes anything, so a refused call leaves no trace.

#[cfg(feature = "attestation")]
mod attestations;
#[cfg(all(feature = "attestation", feature = "bundle"))]
mod attested_bundles;
mod bindings;
#[cfg(feature = "bundle")]
mod bundles;
pub(crate) mod plans;
mod policies;
mod policy_sets;
mod settings;
mod steps;
mod suites;

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::engine::Engine;
use crate::read::moment::InWrite;
use crate::read::zone::Zone;
use crate::record::fingerprint::Fingerprint;
use crate::record::{Body, Idempotency, LogEntry, PackedContent};
use crate::resource::zone::{ZoneReader, ZoneRef};
use crate::rules::ownership::check_changeable;
use crate::rules::precondition::Precondition;
use crate::storage::key::RowKind;
use crate::storage::{LogWriter, key, wrong_row};
use crate::types::actor::{Actor, OwnerType};
use crate::types::error::{ErrorDetail, Resource, Result};
use crate::types::hash::Sha256;
use crate::types::id::IdempotencyKey;
use crate::types::schema::SchemaRef;

/// One zone in a write under way. It dereferences to a [`Zone`] that reads the changes of the write so far.
///
/// ```
/// # fn main() -> policy_store::Result<()> {
/// use policy_store::{Actor, NewPolicySet, NewPolicySetVersion, NewSchema, PolicyStore, Target};
/// let store = PolicyStore::builder().in_memory()?;
/// let outcome = store.write(&Actor::customer("ann")?, |w| {
///     w.publish_schema(NewSchema::cedar("1", "entity User;"))?;
///     let mut zone = w.create_zone("acme")?;
///     let set = zone.create_policy_set(NewPolicySet::named("production"))?;
///     let version = zone.create_policy_set_version(&set.id, NewPolicySetVersion::new("1"))?;
///     zone.bind(&version.id, Target::Zone)
/// })?;
/// assert!(outcome.changed);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// Every call that names a resource returns [`NotFound`](crate::ErrorKind::NotFound) for an id that the zone does not
/// have, [`Archived`](crate::ErrorKind::Archived) if it would change or newly use an archived resource, and
/// [`Forbidden`](crate::ErrorKind::Forbidden) if a customer would change a resource of the platform. Every call that
/// creates a resource returns [`Conflict`](crate::ErrorKind::Conflict) for an id that is taken,
/// [`Invalid`](crate::ErrorKind::Invalid) for input that breaks a rule and [`TooLarge`](crate::ErrorKind::TooLarge) for
/// input over a limit. Every call but [`suspend`](Self::suspend) and [`resume`](Self::resume) returns
/// [`Conflict`](crate::ErrorKind::Conflict) if the zone is suspended. Any call can return
/// [`Corrupt`](crate::ErrorKind::Corrupt) or [`Unavailable`](crate::ErrorKind::Unavailable).
pub struct ZoneTransaction<'w, 'txn> {
    zone: Zone<InWrite<'w, 'txn>>,
    idempotency_key: Option<IdempotencyKey>,
    preconditions: Vec<Precondition>,
    known: Known,
}

/// What earlier calls have found. Only calls of this handle can change it while the handle exists.
#[derive(Default)]
struct Known {
    /// Whether the zone is not suspended.
    open: bool,
    /// A schema version that new policy versions may use.
    schema: Option<SchemaRef>,
}

impl fmt::Debug for ZoneTransaction<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ZoneTransaction").field("zone", self.id()).finish_non_exhaustive()
    }
}

/// The reads of a zone, with the changes of the write so far.
impl<'w, 'txn> Deref for ZoneTransaction<'w, 'txn> {
    type Target = Zone<InWrite<'w, 'txn>>;

    fn deref(&self) -> &Self::Target {
        &self.zone
    }
}

impl<'w, 'txn> ZoneTransaction<'w, 'txn> {
    pub(crate) fn new(writer: &'w mut LogWriter<'txn>, engine: &Arc<Engine>, place: ZoneRef) -> Self {
        let zone = Zone { engine: engine.clone(), place, moment: InWrite { writer, end: None } };
        Self { zone, idempotency_key: None, preconditions: Vec::new(), known: Known::default() }
    }

    /// Carries the next call out at most once under this key. If a call was carried out under the key before, the next
    /// one does nothing and returns the first result, before any other check. Until the next writing call, reads then
    /// see the zone as the first call left it, so a result that combines a call and later reads is repeated as a whole.
    /// They ignore whether a schema version was archived by then, because another log records that.
    ///
    /// A key is for one call. Further calls of the same write need keys of their own; without one they are carried out
    /// again.
    ///
    /// Input need not be prepared for a repeated call: check with [`Zone::entry_for_key`] first.
    ///
    /// # Errors
    ///
    /// The call returns [`Conflict`](crate::ErrorKind::Conflict) if the key was used for another call: one that differs
    /// in operation, input, preconditions, rationale or actor.
    pub fn idempotency_key(&mut self, key: IdempotencyKey) -> &mut Self {
        self.idempotency_key = Some(key);
        self
    }

    /// Carries the next call out only if the precondition holds. Several preconditions must all hold.
    ///
    /// # Errors
    ///
    /// The call returns [`PreconditionFailed`](crate::ErrorKind::PreconditionFailed) if one of them does not hold.
    pub fn precondition(&mut self, precondition: Precondition) -> &mut Self {
        self.preconditions.push(precondition);
        self
    }
}

/// The log that the calls append to.
impl<'w, 'txn> ZoneTransaction<'w, 'txn> {
    fn writer(&mut self) -> &mut LogWriter<'txn> {
        self.zone.moment.writer
    }

    fn actor(&self) -> &Actor {
        self.moment.writer.actor()
    }

    fn append(&mut self, body: impl Into<Body>) -> Result<Arc<LogEntry>> {
        let log = self.place.log;
        self.writer().append(log, body)
    }

    fn put_content(&mut self, content: &PackedContent) -> Result<Sha256> {
        Ok(self.writer().put_content(content)?.sha)
    }
}

/// Rules that several calls share.
impl ZoneTransaction<'_, '_> {
    /// Carries a call out once, and refuses it while the zone is suspended.
    fn once<T>(
        &mut self,
        fingerprint: Fingerprint,
        write: impl FnOnce(&mut Self) -> Result<T>,
        again: impl FnOnce(ZoneReader<'_>, &LogEntry) -> Result<T>,
    ) -> Result<T> {
        self.answer(
            fingerprint,
            |zone| {
                if !zone.known.open {
                    zone.read(|reader| reader.check_open())?;
                    zone.known.open = true;
                }
                write(zone)
            },
            again,
        )
    }

    /// Carries a call out once. For a repeated call, `again` reads the first result from the zone as the call left it
    /// and from the call's first entry.
    fn answer<T>(
        &mut self,
        fingerprint: Fingerprint,
        write: impl FnOnce(&mut Self) -> Result<T>,
        again: impl FnOnce(ZoneReader<'_>, &LogEntry) -> Result<T>,
    ) -> Result<T> {
        let preconditions = std::mem::take(&mut self.preconditions);
        let log = self.place.log;
        self.zone.moment.end = None;
        let idempotency = self.idempotency_key.take().map(|key| {
            let fingerprint =
                preconditions.iter().fold(fingerprint, |so_far, precondition| precondition.add_to(so_far));
            let fingerprint = fingerprint.rationale(self.moment.writer.rationale()).by(self.actor());
            Idempotency { key, fingerprint }
        });
        if let Some(idempotency) = &idempotency {
            let Zone { place, moment, .. } = &mut self.zone;
            let first = moment
                .writer
                .answered(log, idempotency, |snapshot, entry| again(ZoneReader::new(snapshot, place), entry))?;
            if let Some((answer, end)) = first {
                moment.end = Some(end);
                return Ok(answer);
            }
        }
        self.read(|reader| preconditions.iter().try_for_each(|precondition| precondition.check(reader)))?;
        let before = self.writer().next_position(log)?;
        if let Some(idempotency) = idempotency {
            self.writer().begin_keyed(log, idempotency)?;
        }
        let result = write(self);
        if let Err(error) = &result {
            self.writer().refused_at(log, before, error)?;
        }
        if idempotency.is_some() { self.writer().end_keyed(result) } else { result }
    }

    /// The id of a new resource: the given one if it is free, or a generated one.
    pub(super) fn free_id(&mut self, kind: RowKind, what: Resource, given: Option<String>) -> Result<String> {
        let log = self.place.log;
        let (log_id, position, created_at) = self.writer().next(log)?;
        let Some(id) = given else { return Ok(self.engine.environment.uuid(created_at, log_id, position)) };
        if self.read(|reader| reader.has_row(&key::by_id(log, kind, &id)))? {
            return Err(ErrorDetail::AlreadyExists { what, id }.into());
        }
        Ok(id)
    }

    /// Refuses a resource that the actor of the write may not change: see [`check_changeable`].
    pub(super) fn may_change(&self, what: Resource, id: &str, owner: OwnerType, archived: bool) -> Result<()> {
        check_changeable(self.actor(), what, id, owner, archived)
    }
}

/// The id of the resource that an entry created.
fn created(entry: &LogEntry) -> Result<&str> {
    entry.body.created_id().ok_or_else(|| wrong_row(RowKind::IdempotencyKey, &entry.envelope.position.to_string()))
}
