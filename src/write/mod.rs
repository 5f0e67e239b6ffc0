//! The write transaction: creates zones and publishes schema versions. Writes in one zone are in `zone_transaction`.

pub(crate) mod zone_transaction;

use std::sync::Arc;

use crate::cedar;
use crate::engine::Engine;
use crate::record::fingerprint::Fingerprint;
use crate::record::{Content, ContentKind, Idempotency, SchemaPublished, SchemaStatusChanged, ZoneCreated, ZoneOpened};
use crate::resource::schema::{self, PreparedSchema, SchemaInput, SchemaVersion};
use crate::resource::zone::{self, ZoneReader, ZoneRef};
use crate::rules::ownership::check_owner;
use crate::storage::key::{RowKind, STORE_LOG};
use crate::storage::{LogWriter, Snapshot, ZoneRow, key};
use crate::types::error::{ErrorDetail, Resource, Result};
use crate::types::hash::Sha256;
use crate::types::id::{IdempotencyKey, LogId, ZoneId};
use crate::types::rationale::Rationale;
use crate::types::schema::SchemaStatus;
use crate::types::syntax::{Include, Syntax};
use crate::write::zone_transaction::ZoneTransaction;

/// A write under way: [`PolicyStore::write`](crate::PolicyStore::write) passes it to its closure.
///
/// A call that returns an error has changed nothing, so the closure may continue with other calls. Reads see the
/// changes of the write so far; a [`Zone`](crate::Zone) of the store still sees the state before the write.
///
/// ```
/// # fn main() -> policy_store::Result<()> {
/// use policy_store::{Actor, NewPolicy, NewSchema, PolicyStore};
/// let store = PolicyStore::builder().in_memory()?;
/// let policy = store.write(&Actor::customer("ann")?, |w| {
///     w.publish_schema(NewSchema::cedar("2026-02-24", "entity User;"))?;
///     w.create_zone("acme")?.create_policy(NewPolicy::named("staff"))
/// })?;
/// assert_eq!(store.zone("acme")?.policy(&policy.id)?.name, "staff");
/// # Ok(())
/// # }
/// ```
pub struct WriteTransaction<'w, 'txn> {
    pub(crate) writer: &'w mut LogWriter<'txn>,
    pub(crate) engine: &'w Arc<Engine>,
    idempotency_key: Option<IdempotencyKey>,
}

impl std::fmt::Debug for WriteTransaction<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WriteTransaction").finish_non_exhaustive()
    }
}

impl<'w, 'txn> WriteTransaction<'w, 'txn> {
    pub(crate) fn new(writer: &'w mut LogWriter<'txn>, engine: &'w Arc<Engine>) -> Self {
        Self { writer, engine, idempotency_key: None }
    }

    /// Carries the next call out at most once under this key, if the call creates a zone, publishes a schema version or
    /// changes one. If a call was carried out under the key before, the next one does nothing and returns the first
    /// result, before any other check. [`zone`](Self::zone) drops the key: for calls in a zone use
    /// [`ZoneTransaction::idempotency_key`].
    ///
    /// # Errors
    ///
    /// The call returns [`Conflict`](crate::ErrorKind::Conflict) if the key was used for another call: one that differs
    /// in operation, input, rationale or actor.
    pub fn idempotency_key(&mut self, key: IdempotencyKey) -> &mut Self {
        self.idempotency_key = Some(key);
        self
    }

    /// States why the write is made: a reason, a reference, or both. They stand on all entries of the write. State them
    /// before the first change. They are part of what an idempotency key covers.
    ///
    /// ```
    /// # fn main() -> policy_store::Result<()> {
    /// use policy_store::{Actor, HistoryFilter, PageRequest, PolicyStore, Rationale};
    /// let store = PolicyStore::builder().in_memory()?;
    /// store.write(&Actor::customer("ann")?, |w| {
    ///     w.rationale(Rationale::new().with_reason("New tenant")?.with_reference("TICKET-17")?)?;
    ///     w.create_zone("acme").map(drop)
    /// })?;
    /// let first = store.zone("acme")?.history(&HistoryFilter::new(), &PageRequest::new())?.items.remove(0);
    /// assert_eq!(first.rationale.as_ref().and_then(Rationale::reference), Some("TICKET-17"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) after the first change of the write.
    pub fn rationale(&mut self, rationale: Rationale) -> Result<&mut Self> {
        self.writer.state_rationale(rationale)?;
        Ok(self)
    }

    fn fingerprint(&self, call: Fingerprint) -> [u8; 32] {
        call.rationale(self.writer.rationale()).by(self.writer.actor())
    }

    /// Carries a call out once. For a repeated call, `again` reads the first result from the store's log as the call
    /// left it.
    fn once<T>(
        &mut self,
        fingerprint: Fingerprint,
        write: impl FnOnce(&mut Self) -> Result<T>,
        again: impl FnOnce(&Snapshot<'_>) -> Result<T>,
    ) -> Result<T> {
        let Some(id) = self.idempotency_key.take() else { return write(self) };
        let idempotency = Idempotency { key: id, fingerprint: self.fingerprint(fingerprint) };
        if let Some((answer, _)) = self.writer.answered(STORE_LOG, &idempotency, |snapshot, _| again(snapshot))? {
            return Ok(answer);
        }
        self.writer.begin_keyed(STORE_LOG, idempotency)?;
        let result = write(self);
        self.writer.end_keyed(result)
    }

    /// Creates the zone `id`.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) for a malformed id; [`Conflict`](crate::ErrorKind::Conflict) if the id is
    /// taken; [`NotFound`](crate::ErrorKind::NotFound) for a repeated call if the zone was erased since.
    pub fn create_zone(&mut self, id: impl Into<String>) -> Result<ZoneTransaction<'_, 'txn>> {
        let id = id.into();
        let fingerprint = Fingerprint::of("create_zone").text(&id);
        let zone = self.once(fingerprint, |write| write.add_zone(&id), |snapshot| zone::find(snapshot, &id))?;
        // The zone of a repeated call may have been erased since.
        self.writer.read(|snapshot| ZoneReader::new(snapshot, &zone).check_exists())?;
        Ok(ZoneTransaction::new(self.writer, self.engine, zone))
    }

    fn add_zone(&mut self, id: &str) -> Result<ZoneRef> {
        let zone_id = ZoneId::new(id)?;
        let row_key = key::by_id(STORE_LOG, RowKind::Zone, zone_id.as_str());
        let taken = self.writer.read(|snapshot| Ok(snapshot.witnessed::<ZoneRow>(&row_key)?.is_some()))?;
        if taken {
            return Err(ErrorDetail::AlreadyExists { what: Resource::Zone, id: zone_id.to_string() }.into());
        }
        self.writer.room_for(2)?;
        let (store_log, position, created_at) = self.writer.next(STORE_LOG)?;
        let random = self.engine.environment.random(&[store_log.0.as_slice(), &position.to_be_bytes()].concat());
        let log_id = LogId(random.first_chunk().copied().unwrap_or_default());
        // An imported zone starts at its own time, even if that is before the end of the store's log.
        let opened = self.writer.author().imported.as_ref().map_or(created_at, |imported| imported.at);
        let log = self.writer.create_log(log_id, opened)?;
        self.writer.append(STORE_LOG, ZoneCreated { zone_id: zone_id.clone(), log_id })?;
        self.writer.append(log, ZoneOpened { zone_id: zone_id.clone() })?;
        Ok(ZoneRef { id: zone_id, log, log_id })
    }

    /// The zone `id`, for writing.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) for an unknown zone.
    pub fn zone(&mut self, id: impl AsRef<str>) -> Result<ZoneTransaction<'_, 'txn>> {
        self.idempotency_key = None;
        let zone = self.writer.read(|snapshot| zone::find(snapshot, id.as_ref()))?;
        event!(DEBUG, "the write goes to a zone", zone = zone.id, log = zone.log_id);
        Ok(ZoneTransaction::new(self.writer, self.engine, zone))
    }

    /// Publishes a schema version for all zones, from a new schema or a prepared one. The store keeps the source bytes
    /// verbatim and derives the other representation once.
    ///
    /// Other writes wait while a new schema is parsed and converted. A [prepared](crate::PolicyStore::prepare_schema)
    /// schema was parsed and converted before the write.
    ///
    /// # Errors
    ///
    /// [`Conflict`](crate::ErrorKind::Conflict) if the name is taken; otherwise as
    /// [`prepare_schema`](crate::PolicyStore::prepare_schema).
    pub fn publish_schema(&mut self, input: impl Into<SchemaInput>) -> Result<SchemaVersion> {
        let input = input.into();
        let version = input.given().version.clone();
        self.once(
            input.fingerprint(),
            |write| add_schema(write.writer, input),
            |snapshot| schema::load(snapshot, &version, Include::Both),
        )
    }

    /// Changes the status of a schema version. Active and deprecated change into each other, deprecated changes to
    /// archived, and archived is final. Does nothing if the status is unchanged.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) for an unknown version; [`Conflict`](crate::ErrorKind::Conflict) for
    /// any other change of status; [`Forbidden`](crate::ErrorKind::Forbidden) if a customer changes a schema version of
    /// a platform actor.
    pub fn set_schema_status(&mut self, version: impl AsRef<str>, status: SchemaStatus) -> Result<SchemaVersion> {
        let version = version.as_ref();
        self.once(
            Fingerprint::of("set_schema_status").text(version).status(status),
            |write| write.change_status(version, status),
            |snapshot| schema::load(snapshot, version, Include::Both),
        )
    }

    fn change_status(&mut self, version: &str, status: SchemaStatus) -> Result<SchemaVersion> {
        use SchemaStatus::{Active, Archived, Deprecated};
        let found = self.writer.read(|snapshot| schema::find(snapshot, version))?;
        let name = found.published.version;
        check_owner(self.writer.actor(), Resource::Schema, name.as_str(), found.owner)?;
        match (found.status, status) {
            (from, to) if from == to => {}
            (Active, Deprecated) | (Deprecated, Active | Archived) => {
                self.writer.append(STORE_LOG, SchemaStatusChanged { version: name, status })?;
            }
            (from, to) => {
                return Err(ErrorDetail::SchemaTransition { version: name.to_string(), from, to }.into());
            }
        }
        self.writer.read(|snapshot| schema::load(snapshot, version, Include::Both))
    }

    /// The schema version `version`, with the changes of this write so far. `include` selects the representations that
    /// are read.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) for an unknown version.
    pub fn schema(&self, version: impl AsRef<str>, include: Include) -> Result<SchemaVersion> {
        self.writer.read(|snapshot| schema::load(snapshot, version.as_ref(), include))
    }
}

/// Publishes a schema version.
fn add_schema(writer: &mut LogWriter<'_>, input: SchemaInput) -> Result<SchemaVersion> {
    let version = writer.read(|snapshot| schema::free_name(snapshot, &input.given().version))?;
    let PreparedSchema { new, converted } = input.prepared()?;
    writer.next(STORE_LOG)?;
    let body = SchemaPublished {
        syntax: new.syntax,
        sha: put_form(writer, new.syntax, &new.source)?,
        converted: put_form(writer, new.syntax.other(), &converted)?,
        cedar: cedar::version(),
        version: version.clone(),
    };
    writer.append(STORE_LOG, body)?;
    writer.read(|snapshot| schema::load(snapshot, version.as_str(), Include::Both))
}

/// Stores one form of a schema.
fn put_form(writer: &mut LogWriter<'_>, syntax: Syntax, form: &str) -> Result<Sha256> {
    let content = Content::one(ContentKind::of_schema(syntax), form).pack();
    Ok(writer.put_content(&content)?.sha)
}
