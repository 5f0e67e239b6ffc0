//! Copying zones into another store: their whole history as it is, and the schema versions that it uses.
//!
//! What goes along with a zone, and what is refused, is decided here; how entries get from file to file is not known.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::PolicyStore;
use crate::record::{Body, LogEntry, Object, SchemaPublished};
use crate::resource::zone::ZoneReader;
use crate::resource::{schema, zone};
use crate::rules::guardrail;
use crate::storage::key::{RowKind, STORE_LOG};
use crate::storage::{LogWriter, Snapshot, ZoneRow, key};
use crate::types::actor::Actor;
use crate::types::error::{Error, ErrorDetail, ErrorKind, Resource, Result};
use crate::types::hash::EntryHash;
use crate::types::id::{LogId, SchemaName, ZoneId};
use crate::types::schema::SchemaRef;

/// What was copied into another store.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CopiedZones {
    /// The zones, in the order in which they were named.
    pub zones: Vec<CopiedZone>,
    /// The schema versions that they use and the other store did not have, in the order of their publication.
    pub schemas: Vec<SchemaName>,
}

/// A zone that was copied into another store.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CopiedZone {
    /// The zone's id.
    pub zone_id: ZoneId,
    /// Its log, which has the same id in both stores.
    pub log_id: LogId,
    /// How many entries the log has.
    pub length: u64,
    /// The hash of the last of them.
    pub last: EntryHash,
}

impl PolicyStore {
    /// Copies whole zones into another open store, in one write there: every entry of their logs byte for byte, under the
    /// same log id and with the same hashes, and the content that they name. So receipts of a zone replay there, its history
    /// and its requests are known there, and one that is suspended stays so. For a new file, make it with
    /// [`PolicyStore::open`] first. This store is only read, as it is when the write begins, and keeps its zones.
    ///
    /// The schema versions that the zones use go along, with the changes of their status. One that the other store has
    /// already must have the same form and source; its status stays what it is there. In the other store's own history
    /// zones and schema versions are what their authors made, at their times as far as the order of that history
    /// allows and else a microsecond after what is there, imported by `actor` now. Lists of zones and schemas are in that
    /// order.
    ///
    /// Copied entries do not count against the limit of a write. What is held in memory is not the zones, but their
    /// names and those of their schema versions.
    ///
    /// It takes no request id, and needs none: either all of the zones get there or none, and the same copy again is refused, as
    /// the other store has them, or knows that they were erased there.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) if this store has no such zone; [`Forbidden`](crate::ErrorKind::Forbidden) for
    /// a customer, if a zone has a guardrail; [`Invalid`](crate::ErrorKind::Invalid) if one
    /// is named twice; [`Conflict`](crate::ErrorKind::Conflict) if the other store has a zone of that id, knows its log, even
    /// as one that was erased, or has a schema version of the same name with another form or source;
    /// [`Corrupt`](crate::ErrorKind::Corrupt) if what is copied is damaged; otherwise as [`PolicyStore::write`] of the other
    /// store. Into itself a store copies nothing, as it has every zone already.
    pub fn copy_zones(&self, actor: &Actor, zone_ids: &[impl AsRef<str>], into: &PolicyStore) -> Result<CopiedZones> {
        let (from, to) = (&self.engine.storage, &into.engine);
        to.storage.write(
            || to.author(actor, None),
            |writer| {
                // What fails in the other store must not pass for a failure of this one, under whose guard it happens.
                let mut failed = None;
                let copied = from.read(|snapshot| {
                    let (schemas, copied) = (BTreeMap::new(), CopiedZones::default());
                    Copy { from: snapshot, into: writer, actor, failed: &mut failed, schemas, copied }.run(zone_ids)
                });
                match failed {
                    Some(error) => Err(error),
                    None => copied,
                }
            },
        )
    }
}

/// A copy under way.
struct Copy<'a, 'snapshot, 'txn> {
    from: &'a Snapshot<'snapshot>,
    into: &'a mut LogWriter<'txn>,
    actor: &'a Actor,
    /// What failed in the store that is written to.
    failed: &'a mut Option<Error>,
    /// The schema versions that the zones name.
    schemas: BTreeMap<SchemaName, SchemaRef>,
    copied: CopiedZones,
}

impl Copy<'_, '_, '_> {
    fn run(mut self, zone_ids: &[impl AsRef<str>]) -> Result<CopiedZones> {
        let mut named = BTreeSet::new();
        let known = self.there(|writer| writer.read(|snapshot| snapshot.log_ids()))?;
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

    /// Does something in the store that is written to.
    fn there<T>(&mut self, f: impl FnOnce(&mut LogWriter<'_>) -> Result<T>) -> Result<T> {
        f(self.into).map_err(|error| {
            self.failed.get_or_insert(error);
            ErrorDetail::failed("copy", "writing to the destination store failed").into()
        })
    }

    /// Copies a zone's log, which must be none of those that the other store knows, and the content that it names.
    fn zone(&mut self, id: &str, known: &BTreeSet<LogId>) -> Result<()> {
        let from = self.from;
        let zone = zone::find(from, id)?;
        let reader = ZoneReader::new(from, &zone);
        // The log is that of this zone.
        reader.info()?;
        guardrail::check_actor(reader, self.actor, "copy")?;
        let mut copy = self.there(|writer| {
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
            self.uses(recorded)?;
            self.content(recorded)?;
            self.there(|writer| writer.copy_entry(&mut copy, recorded))
        })?;
        self.there(|writer| writer.end_copy(&copy))?;
        let (length, last) = copy.end();
        self.copied.zones.push(CopiedZone { zone_id: zone.id, log_id: zone.log_id, length, last });
        Ok(())
    }

    /// Copies the content that an entry names.
    fn content(&mut self, recorded: &LogEntry) -> Result<()> {
        for content in recorded.body.content() {
            let text = self.from.content(content)?;
            self.there(|writer| writer.put_object(Object::new(content.kind, &text)))?;
        }
        Ok(())
    }

    /// Notes the schema version that an entry names.
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

    /// Copies what the store's log says of the zones and of their schema versions, in its order.
    fn store_log(&mut self) -> Result<()> {
        let mut lacking = self.lacking_schemas()?;
        let logs: BTreeSet<LogId> = self.copied.zones.iter().map(|zone| zone.log_id).collect();
        let from = self.from;
        from.walk(STORE_LOG, &mut |recorded| {
            let copied = match &recorded.body {
                Body::ZoneCreated(body) => logs.contains(&body.log_id),
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
            self.there(|writer| writer.import_entry(recorded))
        })?;
        match lacking.values().find(|(_, published)| !published) {
            None => Ok(()),
            Some((schema, _)) => {
                let place = format_args!("schema `{}`", schema.version);
                Err(ErrorDetail::corrupt(place, "the source that a zone names is not published").into())
            }
        }
    }

    /// The schema versions that the other store does not have, none of them published there yet. One that it has must be
    /// the very same.
    fn lacking_schemas(&mut self) -> Result<BTreeMap<SchemaName, (SchemaRef, bool)>> {
        let mut lacking = BTreeMap::new();
        for (name, schema) in std::mem::take(&mut self.schemas) {
            let known = self.there(|writer| match writer.read(|snapshot| schema::find(snapshot, name.as_str())) {
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

/// Whether what was published under its name is the source that versions name.
fn is_source_of(published: &SchemaPublished, schema: &SchemaRef) -> bool {
    (published.syntax, published.source) == (schema.syntax, schema.source)
}
