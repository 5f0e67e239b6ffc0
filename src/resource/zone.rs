//! Zones: where one is kept, what a store keeps of it itself, and how that is read. What can be read in one is not known here.

use std::ops::Deref;

use super::schema::{self, SchemaRecord};
use crate::record::{Body, DefaultSchemaChanged};
use crate::storage::key::{LogNumber, RowKind, STORE_LOG};
use crate::storage::{Snapshot, ZoneRow, ZoneStateRow, key, wrong_row};
use crate::types::actor::{Actor, as_id};
use crate::types::error::{ErrorDetail, Resource, Result};
use crate::types::id::{LogId, SchemaName, ZoneId};
use crate::types::schema::SchemaStatus;
use crate::types::time::Timestamp;

/// Where a zone is kept.
#[derive(Clone, Debug)]
pub(crate) struct ZoneRef {
    pub id: ZoneId,
    pub log: LogNumber,
    pub log_id: LogId,
}

/// A zone at one moment: a snapshot of the store, and the zone's place in it. Its reads are in the files of this folder and
/// of those above.
#[derive(Clone, Copy)]
pub(crate) struct ZoneReader<'a> {
    snapshot: &'a Snapshot<'a>,
    pub id: &'a ZoneId,
    pub log: LogNumber,
    pub log_id: LogId,
}

impl<'a> ZoneReader<'a> {
    pub(crate) fn new(snapshot: &'a Snapshot<'a>, zone: &'a ZoneRef) -> Self {
        Self { snapshot, id: &zone.id, log: zone.log, log_id: zone.log_id }
    }

    /// The zone's place, for a later snapshot.
    pub(crate) fn zone(&self) -> ZoneRef {
        ZoneRef { id: self.id.clone(), log: self.log, log_id: self.log_id }
    }
}

impl<'a> Deref for ZoneReader<'a> {
    type Target = Snapshot<'a>;

    fn deref(&self) -> &Self::Target {
        self.snapshot
    }
}

/// What a store keeps of a zone itself.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ZoneInfo {
    /// Its id.
    pub id: ZoneId,
    /// What tells its log from every other log, in this store or another.
    pub log_id: LogId,
    /// When it was created.
    pub created_at: Timestamp,
    /// By whom.
    #[serde(serialize_with = "as_id")]
    pub created_by: Actor,
    /// Whether it takes no writes.
    pub suspended: bool,
    /// The schema version that clients are advised to write policies against, unless it was archived.
    pub default_schema: Option<SchemaName>,
    /// The position, in the zone's log, of the last entry that bound or unbound anything; 0 if none did.
    pub bindings_revision: u64,
}

/// Looks up a zone.
pub(crate) fn find(snapshot: &Snapshot<'_>, id: &str) -> Result<ZoneRef> {
    let row: Option<ZoneRow> = snapshot.witnessed(&key::by_id(STORE_LOG, RowKind::Zone, id))?;
    let row = row.ok_or_else(|| ErrorDetail::not_found(Resource::Zone, id))?;
    match &snapshot.entry(STORE_LOG, row.created)?.body {
        Body::ZoneCreated(body) if body.zone_id == id && snapshot.head(row.log)?.log_id == body.log_id => {
            Ok(ZoneRef { id: body.zone_id.clone(), log: row.log, log_id: body.log_id })
        }
        _ => Err(wrong_row(RowKind::Zone, id)),
    }
}

impl ZoneReader<'_> {
    /// Refuses a zone that is not there any more: it was erased, or its log has another's place after a recovery.
    pub(crate) fn check_exists(self) -> Result<()> {
        if self.has_zone(self.id.as_str(), self.log, self.log_id)? {
            return Ok(());
        }
        Err(ErrorDetail::not_found(Resource::Zone, self.id.as_str()).into())
    }

    /// Reads what the store keeps of a zone that was found.
    pub(crate) fn info(self) -> Result<ZoneInfo> {
        let opened = self.entry(self.log, 0)?;
        if opened.envelope.log_id != self.log_id
            || !matches!(&opened.body, Body::ZoneOpened(body) if body.zone_id == *self.id)
        {
            return Err(wrong_row(RowKind::Zone, self.id.as_str()));
        }
        let state = self.state()?;
        Ok(ZoneInfo {
            default_schema: self.default_schema()?,
            id: self.id.clone(),
            log_id: self.log_id,
            created_at: opened.envelope.created_at,
            created_by: opened.envelope.actor.clone(),
            suspended: state.suspended.is_some(),
            bindings_revision: state.bindings.unwrap_or(0),
        })
    }

    /// What is known of the zone as a whole.
    pub(crate) fn state(self) -> Result<ZoneStateRow> {
        self.zone_state(self.log)?.ok_or_else(|| wrong_row(RowKind::State, self.id.as_str()))
    }

    /// Refuses to write in a zone that is suspended.
    pub(crate) fn check_open(self) -> Result<()> {
        match self.state()?.suspended {
            None => Ok(()),
            Some(_) => Err(ErrorDetail::Suspended { zone_id: self.id.to_string() }.into()),
        }
    }

    /// The same, as the zone's own log tells it: whether the schema that was chosen has been archived is left aside.
    pub(crate) fn info_as_logged(self) -> Result<ZoneInfo> {
        let chosen = self.chosen_schema()?.map(|schema| schema.published.version);
        Ok(ZoneInfo { default_schema: chosen, ..self.info()? })
    }

    /// The zone's default schema: never an archived one.
    pub(crate) fn default_schema(self) -> Result<Option<SchemaName>> {
        let chosen = self.chosen_schema()?.filter(|schema| schema.status != SchemaStatus::Archived);
        Ok(chosen.map(|schema| schema.published.version))
    }

    /// The schema that was chosen as the zone's default, whatever its status.
    fn chosen_schema(self) -> Result<Option<SchemaRecord>> {
        let Some(position) = self.state()?.default_schema else { return Ok(None) };
        let entry = self.entry(self.log, position)?;
        let Body::DefaultSchemaChanged(DefaultSchemaChanged { schema: Some(schema) }) = &entry.body else {
            return Err(wrong_row(RowKind::State, self.id.as_str()));
        };
        schema::find(&self, schema.version.as_str()).map(Some)
    }
}

/// Reads what the store keeps of a zone itself.
pub(crate) fn info(snapshot: &Snapshot<'_>, id: &str) -> Result<ZoneInfo> {
    ZoneReader::new(snapshot, &find(snapshot, id)?).info()
}
