//! Copies zones into another store: their whole logs, unchanged, and the schema versions that they use.
//!
//! Decides what belongs to a zone and what is refused. Does not know how entries are written.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::PolicyStore;
use crate::record::{Body, LogEntry, SchemaPublished, ZoneCreated};
use crate::resource::zone::ZoneReader;
use crate::resource::{schema, zone};
use crate::rules::guardrail;
use crate::storage::key::{RowKind, STORE_LOG};
use crate::storage::{LogWriter, Snapshot, ZoneRow, key};
use crate::types::actor::Actor;
use crate::types::error::{Error, ErrorDetail, ErrorKind, Resource, Result};
use crate::types::hash::EntryHash;
use crate::types::id::{LogId, SchemaName, ZoneId};
use crate::types::progress::{Steps, Watch, Work};
use crate::types::schema::SchemaRef;

/// The zones and schema versions that were copied into another store.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CopiedZones {
    /// The zones, in the order of the call.
    pub zones: Vec<CopiedZone>,
    /// The schema versions that the zones use and that the destination did not have, in the order of their publication.
    pub schemas: Vec<SchemaName>,
}

/// A zone that was copied into another store.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CopiedZone {
    /// The zone's id.
    pub zone_id: ZoneId,
    /// The id of its log, the same in both stores.
    pub log_id: LogId,
    /// The number of entries in its log.
    pub length: u64,
    /// The hash of the log's last entry.
    pub last: EntryHash,
}

impl PolicyStore {
    /// Copies whole zones into another open store, in one write there. Every entry of their logs is copied byte for
    /// byte, with the same log id and hashes, and with the content that it names. Receipts of a zone therefore replay
    /// in the destination, and its history, idempotency keys and suspension are the same there. To copy into a new
    /// file, create it with [`PolicyStore::open`] first. This store is only read, at the moment when the write begins,
    /// and keeps its zones.
    ///
    /// The schema versions that the zones use are copied too, with their changes of status. If the destination already
    /// has one, its syntax and source must be the same, and its status there is kept. The destination's own log records
    /// the zones and schema versions under their original authors, imported by `actor` now. Their times there are the
    /// original times where the order of that log allows, otherwise one microsecond after the entry before. Lists of
    /// zones and schema versions have that order.
    ///
    /// Copied entries do not count toward the entry limit of a write. Memory holds the names of the zones and of their
    /// schema versions, and the hashes of their content, not the zones.
    ///
    /// The call takes no idempotency key and needs none. Either all of the zones are copied or none, and a repeated
    /// copy is refused: the destination already has the zones, or knows that they were erased there.
    ///
    /// ```
    /// # fn main() -> policy_store::Result<()> {
    /// use policy_store::{Actor, PolicyStore};
    /// let (from, into) = (PolicyStore::builder().in_memory()?, PolicyStore::builder().in_memory()?);
    /// let ops = Actor::platform("ops")?;
    /// from.write(&ops, |w| w.create_zone("acme").map(drop))?;
    /// let copied = from.copy_zones(&ops, &["acme"], &into)?;
    /// assert_eq!(into.zone("acme")?.info()?.log_id, copied.zones[0].log_id);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) if this store does not have a zone;
    /// [`Forbidden`](crate::ErrorKind::Forbidden) for a customer, if a zone has a guardrail;
    /// [`Invalid`](crate::ErrorKind::Invalid) if a zone is named twice; [`Conflict`](crate::ErrorKind::Conflict) if the
    /// destination has a zone with the same id, knows its log, even as that of an erased zone, or has a schema version
    /// of the same name with another syntax or source; [`Corrupt`](crate::ErrorKind::Corrupt) if a zone is damaged;
    /// otherwise as [`PolicyStore::write`] of the destination. A copy into the same store is always refused, because it
    /// already has every zone.
    pub fn copy_zones(&self, actor: &Actor, zone_ids: &[impl AsRef<str>], into: &PolicyStore) -> Result<CopiedZones> {
        self.copy_watched(actor, zone_ids, into, Watch::NONE)
    }

    pub(super) fn copy_watched(
        &self,
        actor: &Actor,
        zone_ids: &[impl AsRef<str>],
        into: &PolicyStore,
        watch: Watch<'_>,
    ) -> Result<CopiedZones> {
        let (from, to) = (&self.engine.storage, &into.engine);
        to.storage.write_alone(
            || to.author(actor, None),
            |writer| {
                // A failure of the destination must not count as a failure of this store, whose guard the closure runs
                // under.
                let mut failed = None;
                let copied = from.read(|snapshot| {
                    let steps = &watch.begin(Work::Copy, entries(snapshot, zone_ids)?)?;
                    let (schemas, copied) = (BTreeMap::new(), CopiedZones::default());
                    let copy = Copy {
                        from: snapshot,
                        into: writer,
                        actor,
                        steps,
                        failed: &mut failed,
                        schemas,
                        copied,
                        created: BTreeMap::new(),
                    };
                    let copied = copy.run(zone_ids)?;
                    steps.end()?;
                    Ok(copied)
                });
                match failed {
                    Some(error) => Err(error),
                    None => copied,
                }
            },
        )
    }
}

/// The entries of the store's log and of these zones' logs.
fn entries(snapshot: &Snapshot<'_>, zone_ids: &[impl AsRef<str>]) -> Result<u64> {
    let logs = zone_ids.iter().map(|id| Ok(zone::find(snapshot, id.as_ref())?.log));
    let logs = logs.collect::<Result<Vec<_>>>()?;
    logs.into_iter().chain([STORE_LOG]).try_fold(0, |sum: u64, log| Ok(sum.saturating_add(snapshot.head(log)?.length)))
}

/// A copy under way.
struct Copy<'a, 'snapshot, 'txn> {
    from: &'a Snapshot<'snapshot>,
    into: &'a mut LogWriter<'txn>,
    actor: &'a Actor,
    steps: &'a Steps<'a>,
    /// The first error of the destination store.
    failed: &'a mut Option<Error>,
    /// The schema versions that the zones use.
    schemas: BTreeMap<SchemaName, SchemaRef>,
    copied: CopiedZones,
    /// The ids that the logs of the copied zones began with, and their present ones.
    created: BTreeMap<LogId, LogId>,
}

impl Copy<'_, '_, '_> {
    fn run(mut self, zone_ids: &[impl AsRef<str>]) -> Result<CopiedZones> {
        let mut named = BTreeSet::new();
        let known = self.in_destination(|writer| writer.read(|snapshot| snapshot.log_ids()))?;
        for id in zone_ids {
            let id = id.as_ref();
            if !named.insert(id) {
                return Err(ErrorDetail::invalid("list of zones to copy", id, "named twice").into());
            }
            self.zone(id, &known)?;
        }
        self.store_log()?;
        Ok(self.copied)
    }

    /// Runs `f` in the destination store, and keeps its error.
    fn in_destination<T>(&mut self, f: impl FnOnce(&mut LogWriter<'_>) -> Result<T>) -> Result<T> {
        f(self.into).map_err(|error| {
            self.failed.get_or_insert(error);
            ErrorDetail::failed("copy", "writing to the destination store failed").into()
        })
    }

    /// Copies a zone's log and content. The destination must not know the log.
    fn zone(&mut self, id: &str, known: &BTreeSet<LogId>) -> Result<()> {
        let from = self.from;
        let zone = zone::find(from, id)?;
        let reader = ZoneReader::new(from, &zone);
        // Checks that the log belongs to this zone.
        reader.info()?;
        guardrail::check_actor(reader, self.actor, "copy")?;
        let mut copy = self.in_destination(|writer| {
            let taken = |what, id| Err(ErrorDetail::AlreadyExists { what, id }.into());
            let row_key = key::by_id(STORE_LOG, RowKind::Zone, id);
            if writer.read(|snapshot| snapshot.witnessed::<ZoneRow>(&row_key))?.is_some() {
                return taken(Resource::Zone, id.to_owned());
            }
            if known.contains(&zone.log_id) {
                return taken(Resource::Log, zone.log_id.to_string());
            }
            writer.begin_copy(zone.log_id)
        })?;
        from.walk(zone.log, &mut |recorded| {
            self.steps.add(1)?;
            if let Body::LogForked(body) = &recorded.body
                && known.contains(&body.from)
            {
                let (what, id) = (Resource::Log, body.from.to_string());
                return self.in_destination(|_| Err(ErrorDetail::AlreadyExists { what, id }.into()));
            }
            self.uses(recorded)?;
            self.content(recorded)?;
            self.in_destination(|writer| writer.copy_entry(&mut copy, recorded))
        })?;
        self.in_destination(|writer| writer.end_copy(&copy))?;
        self.created.insert(from.entry(zone.log, 0)?.envelope.log_id, zone.log_id);
        let (length, last) = copy.end();
        self.copied.zones.push(CopiedZone { zone_id: zone.id, log_id: zone.log_id, length, last });
        Ok(())
    }

    /// Copies the content that an entry names.
    fn content(&mut self, recorded: &LogEntry) -> Result<()> {
        for content in recorded.body.content() {
            if self.into.has_put(&content) {
                continue;
            }
            let packed = self.from.packed(&content)?;
            self.in_destination(|writer| writer.put_content(&packed))?;
        }
        Ok(())
    }

    /// Collects the schema version that an entry names.
    fn uses(&mut self, recorded: &LogEntry) -> Result<()> {
        let schema = match &recorded.body {
            Body::PolicyVersionCreated(body) => Some(&body.schema),
            Body::PolicySetVersionCreated(body) => Some(&body.schema),
            Body::DefaultSchemaChanged(body) => body.schema.as_ref(),
            _ => None,
        };
        match schema {
            Some(schema)
                if *self.schemas.entry(schema.version.clone()).or_insert_with(|| schema.clone()) != *schema =>
            {
                Err(ErrorDetail::corrupt(format_args!("schema `{}`", schema.version), "found two different sources")
                    .into())
            }
            _ => Ok(()),
        }
    }

    /// Copies the entries of the store's log about the zones and their schema versions, in order.
    fn store_log(&mut self) -> Result<()> {
        let mut lacking = self.lacking_schemas()?;
        let mut created = std::mem::take(&mut self.created);
        let from = self.from;
        from.walk(STORE_LOG, &mut |recorded| {
            self.steps.add(1)?;
            let copied = match &recorded.body {
                Body::ZoneCreated(body) => {
                    // A fork gave the log another id since.
                    let Some(log_id) = created.remove(&body.log_id) else { return Ok(()) };
                    let body = ZoneCreated { zone_id: body.zone_id.clone(), log_id };
                    let recorded = LogEntry { body: body.into(), ..recorded.clone() };
                    return self.in_destination(|writer| writer.import_entry(&recorded));
                }
                Body::SchemaPublished(body) => match lacking.get_mut(&body.version) {
                    Some((schema, published)) if is_source_of(body, schema) => {
                        *published = true;
                        self.copied.schemas.push(body.version.clone());
                        true
                    }
                    _ => false,
                },
                Body::SchemaStatusChanged(body) => lacking.contains_key(&body.version),
                _ => false,
            };
            if !copied {
                return Ok(());
            }
            self.content(recorded)?;
            self.in_destination(|writer| writer.import_entry(recorded))
        })?;
        if let Some(log_id) = created.keys().next() {
            let problem = format_args!("does not name the zone of log {log_id}");
            return Err(ErrorDetail::corrupt("the store's log", problem).into());
        }
        match lacking.values().find(|(_, published)| !published) {
            None => Ok(()),
            Some((schema, _)) => {
                let place = format_args!("schema `{}`", schema.version);
                Err(ErrorDetail::corrupt(place, "the source that a zone names is not published").into())
            }
        }
    }

    /// The schema versions that the destination does not have, none of them marked as published yet. If the destination
    /// has one, it must be the same.
    fn lacking_schemas(&mut self) -> Result<BTreeMap<SchemaName, (SchemaRef, bool)>> {
        let mut lacking = BTreeMap::new();
        for (name, schema) in std::mem::take(&mut self.schemas) {
            let known =
                self.in_destination(|writer| match writer.read(|snapshot| schema::find(snapshot, name.as_str())) {
                    Ok(found) if is_source_of(&found.published, &schema) => Ok(true),
                    Ok(_) => Err(ErrorDetail::SchemaDiffers { version: name.to_string() }.into()),
                    Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
                    Err(error) => Err(error),
                })?;
            if !known {
                lacking.insert(name, (schema, false));
            }
        }
        Ok(lacking)
    }
}

/// Whether a published schema has the source that versions refer to.
fn is_source_of(published: &SchemaPublished, schema: &SchemaRef) -> bool {
    (published.syntax, published.sha) == (schema.syntax, schema.sha)
}
