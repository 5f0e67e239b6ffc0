//! The store: how it is opened, written, checked and recovered, and where its zones and schemas are found.

mod all;
pub(crate) mod builder;
pub(crate) mod copy;
pub(crate) mod erase;
mod prepare;
#[cfg(feature = "attestation")]
mod prepare_attested;
#[cfg(all(feature = "attestation", feature = "bundle"))]
mod prepare_attested_bundle;
#[cfg(feature = "bundle")]
mod prepare_bundle;
pub(crate) mod snapshot;

use std::sync::Arc;

use cedar_policy::{Entities, Request};

use crate::cedar::with_room;
use crate::decide::answer::Answer;
use crate::decide::authorizer::Authorizer;
use crate::decide::receipt::Receipt;
use crate::engine::Engine;
use crate::list;
use crate::list::page::{Page, PageRequest};
use crate::preflight::{self, Candidate, Preflight};
use crate::read::zone::Zone;
use crate::resource::history::HistoryEntry;
use crate::resource::policy_version::{NewPolicyVersion, PreparedPolicyVersion};
use crate::resource::schema::{self, NewSchema, PreparedSchema, SchemaVersion};
use crate::resource::zone::{self, ZoneInfo};
use crate::storage::key::STORE_LOG;
use crate::storage::{Imported, Report};
use crate::store::snapshot::StoreSnapshot;
use crate::types::actor::Actor;
use crate::types::error::{ErrorDetail, Result};
use crate::types::syntax::Include;
use crate::types::time::Timestamp;
use crate::write::WriteTransaction;

/// An open policy store.
///
/// Cheap to clone, and to be shared between threads. Reads run side by side, each on a snapshot of its own; writes
/// wait for one another. The file stays locked until the last clone, zone and authorizer-making handle is dropped.
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
    /// Writes: everything that `f` does becomes durable in one commit, or nothing does.
    ///
    /// Each call in `f` sees the earlier ones. If `f` returns an error or panics, nothing is left behind. Other
    /// writes wait meanwhile, so that what costs time is better
    /// [prepared](PolicyStore::prepare_policy_version) before. A closure that waits for another thread which writes to the
    /// same store waits for ever. The closure runs on a stack with room for Cedar: 18 MiB, made for the call if the
    /// thread has less.
    ///
    /// # Errors
    ///
    /// What `f` returns; [`Corrupt`](crate::ErrorKind::Corrupt) with the code `writes_stopped` if this handle has found damage,
    /// so that no write makes it permanent; [`Unavailable`](crate::ErrorKind::Unavailable) with the code `file_replaced` if the
    /// store's file was deleted, or another put in its place, which is noticed on Unix;
    /// [`Conflict`](crate::ErrorKind::Conflict) if it is called inside the closure of another write of this store; [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown) if the disk failed while the commit
    /// was made durable: call [`recover`](PolicyStore::recover), then look whether it happened.
    pub fn write<T>(&self, actor: &Actor, f: impl FnOnce(&mut WriteTransaction<'_, '_>) -> Result<T>) -> Result<T> {
        self.write_by(actor, None, f)
    }

    /// Writes earlier history of another system: as [`write`](PolicyStore::write), but as what `author` did at the time
    /// `at`, and marked as imported by `importer` now. Ids can be given to everything that is created. Times never repeat
    /// in a log: what would have the time of the entry before is moved by a microsecond. A zone is as old as it is said to be;
    /// in the store's own log, zones and schema versions stand at their times as far as the order allows, else a microsecond
    /// after what is there.
    ///
    /// # Errors
    ///
    /// As [`write`](PolicyStore::write); and [`Invalid`](crate::ErrorKind::Invalid) if `at` lies in the future, or before
    /// what a zone that is written to already has. Entries that follow one another by single microseconds may have been given
    /// the time of the first of them, so it is that one that counts.
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
        with_room(|| engine.storage.write(author, |writer| f(&mut WriteTransaction::new(writer, engine))))
    }

    /// Parses and validates a policy version ahead of its write, on any thread and without holding up writes. The
    /// write checks again that its schema version still stands.
    ///
    /// Cedar needs a large stack for the worst of policies, so each call makes one of 17 MiB, which takes about a tenth of
    /// its time. A thread that prepares many is better started with a stack of 32 MiB.
    ///
    /// A request that was answered before need not be prepared again: see [`Zone::answered`].
    pub fn prepare_policy_version(&self, new: NewPolicyVersion) -> Result<PreparedPolicyVersion> {
        let (reference, parsed) = self.engine.storage.read(|snapshot| {
            let reference = schema::usable(snapshot, &new.schema_version)?;
            let parsed = self.engine.compiler.schema(snapshot, &reference)?;
            Ok((reference, parsed))
        })?;
        PreparedPolicyVersion::new(new, reference, &parsed)
    }

    /// Parses, converts and checks a schema ahead of its write, on any thread and without holding up writes. The write checks
    /// whether its name is free, since that may change meanwhile.
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
    /// [`Invalid`](crate::ErrorKind::Invalid) if the version's name is none, the schema does not parse or does not stand
    /// alone, its text declares an attribute twice in one record, or it cannot be written in its other form without a change;
    /// [`TooLarge`](crate::ErrorKind::TooLarge) if it or its other form is over a [limit](crate::limits).
    pub fn prepare_schema(&self, new: NewSchema) -> Result<PreparedSchema> {
        PreparedSchema::new(new)
    }

    /// The zone `id`, for reading.
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
        self.engine.storage.read(|snapshot| list::zones::page(snapshot, page_request))
    }

    /// Holds the newest committed state for several reads of one moment.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](crate::ErrorKind::Unavailable) if the store has to be [recovered](Self::recover) first.
    pub fn snapshot(&self) -> Result<StoreSnapshot> {
        StoreSnapshot::new(&self.engine)
    }

    /// The schema version `version`, with the forms asked for.
    pub fn schema(&self, version: impl AsRef<str>, include: Include) -> Result<SchemaVersion> {
        self.engine.storage.read(|snapshot| schema::load(snapshot, version.as_ref(), include))
    }

    /// The schema versions of the store, with the forms asked for.
    pub fn schemas(&self, include: Include, list: &PageRequest) -> Result<Page<SchemaVersion>> {
        self.engine.storage.read(|snapshot| list::schemas::page(snapshot, include, list))
    }

    /// A [preflight](Zone::preflight) of all zones. Each zone is seen as it was at one moment, one after the other; a text that
    /// several of them share is parsed and validated once. Takes time in proportion to the texts, on the caller's thread, and
    /// nothing waits for it. A zone that is erased meanwhile is left out.
    ///
    /// # Errors
    ///
    /// As [`Zone::preflight`].
    pub fn preflight(&self, candidate: impl Into<Candidate>) -> Result<Preflight> {
        preflight::of_store(&self.engine, candidate.into())
    }

    /// Decides again by exactly the rules that a receipt names, after checking that they are what the receipt says.
    /// Given the same request and the same entities, the answer is the same: [`Answer::agrees_with`] tells.
    ///
    /// # Errors
    ///
    /// [`Conflict`](crate::ErrorKind::Conflict) if the receipt and the store disagree;
    /// [`NotFound`](crate::ErrorKind::NotFound) if the store has no such zone or version.
    pub fn replay(&self, receipt: &Receipt, request: &Request, entities: &Entities) -> Result<Answer> {
        self.authorizer_of_receipt(receipt)?.is_authorized(request, entities)
    }

    /// The authorizer that a receipt names, after the same checks as [`replay`](PolicyStore::replay): for reading
    /// requests and entities with the schema that was in use.
    pub fn authorizer_of_receipt(&self, receipt: &Receipt) -> Result<Authorizer> {
        Authorizer::of_receipt(&self.engine, receipt)
    }

    /// What happened in the store itself: zones created and erased, schema versions published, and their statuses.
    pub fn history(&self, list: &PageRequest) -> Result<Page<HistoryEntry>> {
        self.engine.storage.read(|snapshot| list::history::page(snapshot, STORE_LOG, list))
    }

    /// Checks the whole store against its logs: hashes every entry and all content, follows every chain to its head,
    /// compares every derived row with what the logs say, and looks every row up by its key. Writes nothing. Takes time and
    /// memory in proportion to the store, and sees the store as it was when it started. If it finds anything, this store
    /// makes no write until [`recover`](PolicyStore::recover), or until the index was
    /// [rebuilt](PolicyStore::rebuild_indexes).
    pub fn verify(&self) -> Result<Report> {
        self.engine.storage.verify()
    }

    /// Drops everything that is derived from the logs and derives it again, in one write. Refuses a damaged log. It is made
    /// where damage was found, too, and allows writes again: content is not looked at.
    pub fn rebuild_indexes(&self) -> Result<()> {
        self.engine.storage.rebuild_indexes()
    }

    /// Opens the store again in its place after a failure of the disk, and allows writes again where damage has stopped
    /// them: run [`verify`](PolicyStore::verify) first. Handles stay valid, and authorizers go on deciding meanwhile. It never makes a new store, and refuses another one that has taken the file's place.
    pub fn recover(&self) -> Result<()> {
        let Engine { storage, compiler, versions, environment, .. } = &*self.engine;
        storage.recover(environment, || {
            compiler.clear();
            versions.clear();
        })
    }
}
