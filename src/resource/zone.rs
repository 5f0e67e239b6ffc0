//! Zones: lookup by id, the zone's settings, and the reader that the reads of a zone share. Does not know the resources
//! of a zone.

use std::ops::Deref;

use super::schema::{self, SchemaRecord};
use crate::record::{Body, DefaultSchemaChanged};
use crate::storage::key::{LogNumber, RowKind, STORE_LOG};
use crate::storage::{Snapshot, ZoneRow, ZoneStateRow, key, wrong_row};
use crate::types::actor::{Actor, as_id};
use crate::types::error::{Error, ErrorDetail, Resource, Result};
use crate::types::id::{LogId, SchemaName, ZoneId};
use crate::types::schema::SchemaStatus;
use crate::types::time::Timestamp;

/// The place of a zone in the store.
#[derive(Clone, Debug)]
pub(crate) struct ZoneRef {
    pub id: ZoneId,
    pub log: LogNumber,
    pub log_id: LogId,
}

/// A zone at one moment: a snapshot of the store, and the zone's place in it. The files of this folder and of its
/// callers add the reads.
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
}

impl<'a> Deref for ZoneReader<'a> {
    type Target = Snapshot<'a>;

    fn deref(&self) -> &Self::Target {
        self.snapshot
    }
}

/// The settings of a zone.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ZoneInfo {
    /// Its id.
    pub id: ZoneId,
    /// The id of its log, which is different from that of every other log in any store.
    pub log_id: LogId,
    /// The time of its creation.
    pub created_at: Timestamp,
    /// The actor that created it.
    #[serde(serialize_with = "as_id")]
    pub created_by: Actor,
    /// Whether it is suspended: it refuses writes.
    pub suspended: bool,
    /// Whether a version is put in force only if it passes its [test suite](crate::ZoneTransaction::keep_tests).
    pub tests_required: bool,
    /// Its default schema: a hint for clients, without effect on decisions. None if none was chosen, or if it was
    /// archived.
    pub default_schema: Option<SchemaName>,
    /// The position, in the zone's log, of the last entry that bound or unbound a version; 0 if none did.
    pub bindings_revision: u64,
}

/// Looks up a zone.
pub(crate) fn find(snapshot: &Snapshot<'_>, id: &str) -> Result<ZoneRef> {
    let row: Option<ZoneRow> = snapshot.witnessed(&key::by_id(STORE_LOG, RowKind::Zone, id))?;
    let row = row.ok_or_else(|| ErrorDetail::not_found(Resource::Zone, id))?;
    let head = snapshot.head(row.log)?;
    if head.length == 0 && snapshot.may_lack_logs()? {
        return Err(ErrorDetail::ZoneNotHeld { zone_id: id.to_owned() }.into());
    }
    match &snapshot.entry(STORE_LOG, row.created)?.body {
        Body::ZoneCreated(body) if body.zone_id == id && snapshot.length_under(row.log, body.log_id)?.is_some() => {
            // A fork gives the log another id.
            Ok(ZoneRef { id: body.zone_id.clone(), log: row.log, log_id: head.log_id })
        }
        _ => Err(wrong_row(RowKind::Zone, id)),
    }
}

/// Whether this file has the log of the zone `id`, which exists.
pub(crate) fn is_held(snapshot: &Snapshot<'_>, id: &str) -> Result<bool> {
    match find(snapshot, id) {
        Err(error) if is_not_held(&error) => Ok(false),
        found => found.map(|_| true),
    }
}

fn is_not_held(error: &Error) -> bool {
    matches!(error.detail(), ErrorDetail::ZoneNotHeld { .. })
}

/// The zones that this file has, in the order of their creation.
pub(crate) fn all(snapshot: &Snapshot<'_>) -> Result<Vec<ZoneRef>> {
    let found = snapshot.zone_ids()?.into_iter().map(|id| find(snapshot, &id));
    found.filter(|found| !found.as_ref().is_err_and(is_not_held)).collect()
}

impl ZoneReader<'_> {
    /// Refuses a zone that no longer exists: it was erased, or a recovery gave its log number to another log.
    pub(crate) fn check_exists(self) -> Result<()> {
        if self.has_zone(self.id.as_str(), self.log, self.log_id)? {
            return Ok(());
        }
        Err(ErrorDetail::not_found(Resource::Zone, self.id.as_str()).into())
    }

    /// Reads the settings of the zone.
    pub(crate) fn info(self) -> Result<ZoneInfo> {
        let opened = self.entry(self.log, 0)?;
        if !matches!(&opened.body, Body::ZoneOpened(body) if body.zone_id == *self.id) {
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
            tests_required: self.tests_demanded_by()?.is_some(),
            bindings_revision: state.bindings.unwrap_or(0),
        })
    }

    /// The zone's state row.
    pub(crate) fn state(self) -> Result<ZoneStateRow> {
        self.zone_state(self.log)?.ok_or_else(|| wrong_row(RowKind::State, self.id.as_str()))
    }

    /// Refuses a suspended zone.
    pub(crate) fn check_open(self) -> Result<()> {
        match self.state()?.suspended {
            None => Ok(()),
            Some(_) => Err(ErrorDetail::Suspended { zone_id: self.id.to_string() }.into()),
        }
    }

    /// The settings by the zone's own log: the default schema even if it was archived since.
    pub(crate) fn info_as_logged(self) -> Result<ZoneInfo> {
        let chosen = self.chosen_schema()?.map(|schema| schema.published.version);
        Ok(ZoneInfo { default_schema: chosen, ..self.info()? })
    }

    /// The zone's default schema: never an archived one.
    pub(crate) fn default_schema(self) -> Result<Option<SchemaName>> {
        let chosen = self.chosen_schema()?.filter(|schema| schema.status != SchemaStatus::Archived);
        Ok(chosen.map(|schema| schema.published.version))
    }

    /// The schema version that was chosen as the default, whatever its status.
    fn chosen_schema(self) -> Result<Option<SchemaRecord>> {
        let Some(position) = self.state()?.default_schema else { return Ok(None) };
        let entry = self.entry(self.log, position)?;
        let Body::DefaultSchemaChanged(DefaultSchemaChanged { schema: Some(schema) }) = &entry.body else {
            return Err(wrong_row(RowKind::State, self.id.as_str()));
        };
        schema::find(&self, schema.version.as_str()).map(Some)
    }
}

/// Reads the settings of the zone `id`.
pub(crate) fn info(snapshot: &Snapshot<'_>, id: &str) -> Result<ZoneInfo> {
    ZoneReader::new(snapshot, &find(snapshot, id)?).info()
}
