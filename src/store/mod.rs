//! The store handle: opens, writes, verifies and recovers a store, and reads its zones, schema versions and log.

mod all;
pub(crate) mod backup;
pub(crate) mod builder;
mod changes;
pub(crate) mod copy;
pub(crate) mod erase;
mod prepare;
#[cfg(feature = "attestation")]
mod prepare_attested;
#[cfg(all(feature = "attestation", feature = "bundle"))]
mod prepare_attested_bundle;
#[cfg(feature = "bundle")]
mod prepare_bundle;
mod prepare_plan;
pub(crate) mod proofs;
mod replays;
pub(crate) mod replica;
pub(crate) mod snapshot;
pub(crate) mod stats;
pub(crate) mod watched;

use std::sync::Arc;

use crate::engine::Engine;
use crate::list::filter::HistoryFilter;
use crate::list::history::{self, LogOf};
use crate::list::page::{Page, PageRequest};
use crate::list::{schemas, timeline, zones};
use crate::preflight::{self, Candidate, Preflight};
use crate::read::zone::Zone;
use crate::resource::history::{HistoryEntry, TimelineEntry};
use crate::resource::policy_version::{NewPolicyVersion, PreparedPolicyVersion};
use crate::resource::schema::{self, NewSchema, PreparedSchema, SchemaVersion};
use crate::resource::zone::{self, ZoneInfo};
use crate::storage::key::STORE_LOG;
use crate::storage::{Imported, Report};
use crate::store::snapshot::StoreSnapshot;
use crate::types::actor::Actor;
use crate::types::checkpoint::Checkpoint;
use crate::types::error::{ErrorDetail, Result};
use crate::types::progress::Watch;
use crate::types::syntax::Include;
use crate::types::time::Timestamp;
use crate::write::WriteTransaction;

/// An open policy store.
///
/// A handle is cheap to clone and can be shared between threads. Reads run in parallel, each at one moment. The closures
/// of writes run one at a time, and writes that come during a commit share the next one. The file stays locked until the
/// last clone and the last [`Zone`] are dropped.
///
/// ```
/// # fn main() -> policy_store::Result<()> {
/// use policy_store::{Actor, PageRequest, PolicyStore};
/// let store = PolicyStore::builder().in_memory()?;
/// store.write(&Actor::customer("ann")?, |w| w.create_zone("acme").map(drop))?;
/// assert_eq!(store.zones(&PageRequest::new())?.items[0].id, "acme");
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// Every call can return [`Corrupt`](crate::ErrorKind::Corrupt) for damaged data and
/// [`Unavailable`](crate::ErrorKind::Unavailable) after a failure, until [`recover`](Self::recover).
#[derive(Clone)]
pub struct PolicyStore {
    pub(crate) engine: Arc<Engine>,
}

impl std::fmt::Debug for PolicyStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PolicyStore({})", self.engine.storage.place())
    }
}

impl PolicyStore {
    /// Writes: all changes of `f` become durable in one commit, or none.
    ///
    /// Writes of several threads can share a commit. Each call in `f` sees the earlier ones, and earlier writes that are
    /// not durable yet: `write` returns when they are, even if `f` wrote nothing or returned an error. If `f` returns an
    /// error or panics, nothing of it is written. Other writes wait for `f`, so
    /// [prepare](PolicyStore::prepare_policy_version) expensive input before. If `f` waits for another thread that writes
    /// to the same store, both wait for ever.
    ///
    /// # Errors
    ///
    /// The error of `f`; [`Corrupt`](crate::ErrorKind::Corrupt) with the code `writes_stopped` if this handle has found
    /// damage, so that no write makes it permanent; [`Unavailable`](crate::ErrorKind::Unavailable) with the code
    /// `file_replaced` if the store's file was deleted or replaced, which is detected on Unix;
    /// [`Conflict`](crate::ErrorKind::Conflict) inside the closure of another write of this store;
    /// [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown) if the disk failed during the commit: call
    /// [`recover`](PolicyStore::recover), then read whether the write happened.
    pub fn write<T>(&self, actor: &Actor, f: impl FnOnce(&mut WriteTransaction<'_, '_>) -> Result<T>) -> Result<T> {
        self.write_by(actor, None, f)
    }

    /// Writes earlier history of another system: as [`write`](PolicyStore::write), but authored by `author` at the time
    /// `at`, and marked as imported by `importer` now. Every new resource can be given its original id.
    ///
    /// Times never repeat in a log: an entry with the time of the entry before it is moved by a microsecond. An
    /// imported zone is created at `at`. In the store's own log, zones and schema versions have their original times
    /// where the order of the log allows, otherwise one microsecond after the entry before.
    ///
    /// # Errors
    ///
    /// As [`write`](PolicyStore::write); [`Invalid`](crate::ErrorKind::Invalid) if `at` is in the future, or before the
    /// end of the log of a zone that is written to. In a run of entries that are one microsecond apart, the time of the
    /// first one counts, as the others may have been moved.
    pub fn import<T>(
        &self,
        importer: &Actor,
        author: &Actor,
        at: Timestamp,
        f: impl FnOnce(&mut WriteTransaction<'_, '_>) -> Result<T>,
    ) -> Result<T> {
        let imported = Imported { by: importer.clone(), at };
        self.write_by(author, Some(imported), |write| {
            let clock = write.writer.author().clock;
            if at > clock {
                let reason = format!("must not be later than the clock, at {clock}");
                return Err(ErrorDetail::ImportedOutOfOrder { zone_id: None, at, reason }.into());
            }
            f(write)
        })
    }

    fn write_by<T>(
        &self,
        actor: &Actor,
        imported: Option<Imported>,
        f: impl FnOnce(&mut WriteTransaction<'_, '_>) -> Result<T>,
    ) -> Result<T> {
        let engine = &self.engine;
        let author = || engine.author(actor, imported);
        engine.storage.write(author, |writer| f(&mut WriteTransaction::new(writer, engine)))
    }

    /// Parses and validates a policy version ahead of its write, on any thread, while writes go on. The write checks
    /// again that the schema version is usable and the same.
    ///
    /// Cedar needs a large stack in the worst case, so each call allocates one of 17 MiB, which takes about a tenth of
    /// its time. If a thread prepares many versions, start it with a stack of 32 MiB.
    ///
    /// A version need not be prepared for a repeated call: check with [`Zone::entry_for_key`] first.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) for an unknown schema version; [`Archived`](crate::ErrorKind::Archived)
    /// if it is archived; [`Invalid`](crate::ErrorKind::Invalid) if the text does not parse or validate;
    /// [`TooLarge`](crate::ErrorKind::TooLarge) over a [limit](crate::limits).
    pub fn prepare_policy_version(&self, new: NewPolicyVersion) -> Result<PreparedPolicyVersion> {
        let (reference, parsed) = self.engine.storage.read(|snapshot| {
            let reference = schema::usable(snapshot, &new.schema_version)?;
            let parsed = self.engine.compiler.schema(snapshot, &reference)?;
            Ok((reference, parsed))
        })?;
        self.engine.compiler.prepare(new, reference, &parsed)
    }

    /// Parses, converts and checks a schema ahead of its write, on any thread, while writes go on. The write checks
    /// whether the name is free, since that may change meanwhile.
    ///
    /// ```
    /// # fn main() -> policy_store::Result<()> {
    /// use policy_store::{Actor, NewSchema, PolicyStore};
    /// let store = PolicyStore::builder().in_memory()?;
    /// let prepared = store.prepare_schema(NewSchema::cedar("2026-02-24", "entity User;"))?;
    /// let schema = store.write(&Actor::platform("ops")?, |w| w.publish_schema(prepared))?;
    /// # assert_eq!(schema.version, "2026-02-24");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) if the name is malformed, the schema does not parse or uses names that it
    /// does not declare, its text declares an attribute twice in one record, or it cannot be converted into the other
    /// syntax unchanged; [`TooLarge`](crate::ErrorKind::TooLarge) if either representation is over a
    /// [limit](crate::limits).
    pub fn prepare_schema(&self, new: NewSchema) -> Result<PreparedSchema> {
        PreparedSchema::new(new)
    }

    /// The zone `id`, for reading.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) for an unknown zone.
    pub fn zone(&self, id: impl AsRef<str>) -> Result<Zone> {
        let zone = self.engine.storage.read(|snapshot| zone::find(snapshot, id.as_ref()))?;
        Ok(Zone::new(self.engine.clone(), zone))
    }

    /// A page of the store's zones.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) for a limit or cursor that breaks a rule.
    pub fn zones(&self, page_request: &PageRequest) -> Result<Page<ZoneInfo>> {
        self.engine.storage.read(|snapshot| zones::page(snapshot, page_request))
    }

    /// Holds the newest committed state for several reads of one moment.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](crate::ErrorKind::Unavailable) if the store has to be [recovered](Self::recover) first.
    pub fn snapshot(&self) -> Result<StoreSnapshot> {
        StoreSnapshot::new(&self.engine)
    }

    /// The schema version `version`. `include` selects the representations that are read.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) for an unknown version.
    pub fn schema(&self, version: impl AsRef<str>, include: Include) -> Result<SchemaVersion> {
        self.engine.storage.read(|snapshot| schema::load(snapshot, version.as_ref(), include))
    }

    /// A page of the schema versions of the store. `include` selects the representations that are read.
    ///
    /// # Errors
    ///
    /// As [`zones`](Self::zones).
    pub fn schemas(&self, include: Include, page_request: &PageRequest) -> Result<Page<SchemaVersion>> {
        self.engine.storage.read(|snapshot| schemas::page(snapshot, include, page_request))
    }

    /// A [preflight](Zone::preflight) of all zones, one after the other, each at one moment. A text that several zones
    /// share is parsed and validated once. Takes time in proportion to the texts, on the caller's thread, while writes
    /// go on. A zone that is erased meanwhile is left out.
    ///
    /// # Errors
    ///
    /// As [`Zone::preflight`].
    pub fn preflight(&self, candidate: impl Into<Candidate>) -> Result<Preflight> {
        preflight::of_store(&self.engine, candidate.into(), Watch::NONE)
    }

    /// A page of the entries of the store's own log that pass `filter`: zones created and erased, schema versions published, and
    /// changes of their status.
    ///
    /// # Errors
    ///
    /// As [`Zone::history`].
    pub fn history(&self, filter: &HistoryFilter, page_request: &PageRequest) -> Result<Page<HistoryEntry>> {
        let filter = filter.check()?;
        self.engine.storage.read(|snapshot| history::page(snapshot, LogOf::STORE, &filter, page_request))
    }

    /// A page of the entries of all logs that pass `filter`: one timeline of the store's own log and of the zones' logs, by
    /// [`created_at`](HistoryEntry::created_at). Entries of one time come in the order of their logs: the store's, then the zones' in the
    /// order of their creation in this file.
    ///
    /// A page looks up its place in the log of each zone, which takes a few reads for each, so name [zones](HistoryFilter::zone) if
    /// only some are wanted. Entries of erased zones are gone, and a cursor to one of them goes on from its place.
    ///
    /// Pages repeat nothing, and skip nothing that was there when the first of them was read. What is written meanwhile may
    /// have a time before the cursor: imported history, copied zones, and entries of a clock that went back. To follow
    /// the changes as they come, use [`changes`](Self::changes) and [`Zone::changes`].
    ///
    /// ```
    /// # fn main() -> policy_store::Result<()> {
    /// use policy_store::{Actor, ChangeKind, HistoryFilter, PageRequest, PolicyStore};
    /// let (store, ann) = (PolicyStore::builder().in_memory()?, Actor::customer("ann")?);
    /// store.write(&ann, |w| ["acme", "other"].iter().try_for_each(|id| w.create_zone(*id)?.suspend().map(drop)))?;
    ///
    /// let by_ann = HistoryFilter::new().by(ann).kind(ChangeKind::ZoneSuspended);
    /// let page = store.timeline(&by_ann, &PageRequest::new())?;
    /// let zones: Vec<_> = page.items.iter().filter_map(|item| item.zone_id.as_ref().map(|id| id.as_str())).collect();
    /// assert_eq!(zones, ["other", "acme"]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Zone::history`].
    pub fn timeline(&self, filter: &HistoryFilter, page_request: &PageRequest) -> Result<Page<TimelineEntry>> {
        let filter = filter.check()?;
        self.engine.storage.read(|snapshot| timeline::page(snapshot, &filter, page_request))
    }

    /// Compares the whole store with its logs: hashes every entry and all content, follows every chain to its head,
    /// compares every derived row with the logs, and looks up every row by its key. Writes nothing. Takes time and
    /// memory in proportion to the store, on up to four threads, and reads the store as it was at the start. After a
    /// finding, this store refuses writes until [`recover`](PolicyStore::recover) or [`rebuild_indexes`](PolicyStore::rebuild_indexes).
    ///
    /// # Errors
    ///
    /// [`Unavailable`](crate::ErrorKind::Unavailable) if the file cannot be read. Damage is a finding of the report,
    /// not an error.
    pub fn verify(&self) -> Result<Report> {
        self.verify_watched(Watch::NONE)
    }

    /// Verifies what was added after checkpoints that were kept, in time and memory in proportion to it: a nightly check
    /// costs what the day added. [`Report::checkpoints`] gives the checkpoints to keep for the next one.
    ///
    /// Each log must have its checkpoints, which its tree shows without reading the entries before. From there on every
    /// entry is hashed and follows its chain to the head; the content that it names is hashed; and the rows that it
    /// changes are derived again from the rows of the entries before, and compared. A store that was put back to an older
    /// state, or whose history was rewritten, is found by its tree. Logs without a checkpoint are verified from their
    /// start, and so is the store's own log, which names the zones.
    ///
    /// Only [`verify`](Self::verify) reads everything again: the entries before the checkpoints, the content that only
    /// they name, the rows that later entries do not change, and rows and content that no entry names. After a finding,
    /// this store refuses writes, as after `verify`.
    ///
    /// ```
    /// # fn main() -> policy_store::Result<()> {
    /// use policy_store::{Actor, PolicyStore};
    /// let (store, ann) = (PolicyStore::builder().in_memory()?, Actor::customer("ann")?);
    /// store.write(&ann, |w| w.create_zone("acme").map(drop))?;
    /// let kept = store.verify()?.checkpoints();
    ///
    /// store.write(&ann, |w| w.zone("acme")?.suspend().map(drop))?;
    /// let report = store.verify_since(&kept)?;
    /// assert!(report.is_clean());
    /// let acme = &report.verified[1];
    /// assert_eq!((acme.from, acme.checkpoint.size), (1, 2));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify).
    pub fn verify_since(&self, kept: &[Checkpoint]) -> Result<Report> {
        self.verify_since_watched(kept, Watch::NONE)
    }

    /// The size and root of the store's own log, to keep outside the store: see [`Checkpoint`]. A zone's log has one of
    /// its own ([`Zone::checkpoint`]).
    ///
    /// # Errors
    ///
    /// As any read.
    pub fn checkpoint(&self) -> Result<Checkpoint> {
        self.engine.storage.read(|snapshot| snapshot.checkpoint(STORE_LOG))
    }

    /// Drops all derived rows and derives them again from the logs, in one write. Works after damage was found too, and
    /// allows writes again. Does not check content.
    ///
    /// # Errors
    ///
    /// [`Corrupt`](crate::ErrorKind::Corrupt) if a log is damaged; otherwise as [`write`](Self::write).
    pub fn rebuild_indexes(&self) -> Result<()> {
        self.engine.storage.rebuild_indexes(Watch::NONE)
    }

    /// Opens the store again in place after a failure of the disk, and allows writes again after damage: run
    /// [`verify`](PolicyStore::verify) first. Handles stay valid, and authorizers go on deciding meanwhile. Never
    /// creates a store.
    ///
    /// # Errors
    ///
    /// [`Corrupt`](crate::ErrorKind::Corrupt) if another store has replaced the file; otherwise as
    /// [`open`](Self::open).
    pub fn recover(&self) -> Result<()> {
        self.engine.storage.recover(&self.engine.environment)
    }
}
