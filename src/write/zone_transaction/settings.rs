//! Writes the settings of a zone: whether it is suspended, and its default schema.

use super::ZoneTransaction;
use crate::record::fingerprint::Fingerprint;
use crate::record::{DefaultSchemaChanged, ZoneSuspended};
use crate::resource::schema;
use crate::resource::zone::ZoneInfo;
use crate::rules::guardrail;
use crate::types::error::Result;
use crate::types::id::SchemaName;

/// Settings of the zone.
impl ZoneTransaction<'_, '_> {
    /// Suspends the zone: it refuses writes until it is [resumed](Self::resume). Reads and decisions go on. Does
    /// nothing if the zone is already suspended. If the default schema was archived, the zone's log gets an entry that
    /// removes the default.
    ///
    /// # Errors
    ///
    /// [`Forbidden`](crate::ErrorKind::Forbidden) for a customer, if the zone has a guardrail; otherwise as any call:
    /// see [`ZoneTransaction`](Self#errors).
    pub fn suspend(&mut self) -> Result<ZoneInfo> {
        self.set_suspended(Fingerprint::of("suspend"), true)
    }

    /// Lets a suspended zone accept writes again. Does nothing if the zone is not suspended. If the default schema was
    /// archived, the zone's log gets an entry that removes the default.
    ///
    /// # Errors
    ///
    /// As any call: see [`ZoneTransaction`](Self#errors).
    pub fn resume(&mut self) -> Result<ZoneInfo> {
        self.set_suspended(Fingerprint::of("resume"), false)
    }

    /// Sets the zone's default schema, or removes it with `None`: a hint for clients, without effect on decisions. Does
    /// nothing if the default is unchanged. A schema version that is archived later is no longer the default of any
    /// zone.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) for an unknown schema version; [`Archived`](crate::ErrorKind::Archived)
    /// if it is archived; otherwise as any call: see [`ZoneTransaction`](Self#errors).
    pub fn set_default_schema(&mut self, version: Option<&str>) -> Result<ZoneInfo> {
        self.once(
            Fingerprint::of("set_default_schema").option(version),
            |zone| {
                let schema = zone.read(|reader| {
                    let found = version.map(|version| schema::find(&reader, version)).transpose()?;
                    found.as_ref().map_or(Ok(()), schema::SchemaRecord::check_usable)?;
                    Ok(found.map(|found| found.reference()))
                })?;
                let before = zone.info()?;
                if before.default_schema.as_ref() != schema.as_ref().map(|schema| &schema.version) {
                    zone.append(DefaultSchemaChanged { schema })?;
                }
                zone.info()
            },
            // The first call would have refused an archived schema version.
            |reader, _| Ok(ZoneInfo { default_schema: chosen(version)?, ..reader.info()? }),
        )
    }

    fn set_suspended(&mut self, fingerprint: Fingerprint, suspended: bool) -> Result<ZoneInfo> {
        self.answer(
            fingerprint,
            |zone| {
                // No order exists between the entries of two logs, so a repeated call reads the zone's own log only. An
                // archived default is therefore removed there.
                if suspended {
                    zone.read(|reader| guardrail::check_actor(reader, zone.actor(), "suspend"))?;
                }
                let before = zone.info()?;
                let logged = zone.read(|reader| reader.info_as_logged())?;
                let changes = before.suspended != suspended;
                // A call without changes writes an entry only under an idempotency key.
                let is_taken_back =
                    before.default_schema != logged.default_schema && (changes || zone.writer().is_keyed());
                zone.writer().room_for(usize::from(is_taken_back) + usize::from(changes))?;
                if is_taken_back {
                    zone.append(DefaultSchemaChanged { schema: None })?;
                }
                if changes {
                    zone.append(ZoneSuspended { suspended })?;
                    zone.known.open = false;
                }
                zone.info()
            },
            |reader, _| reader.info_as_logged(),
        )
    }
}

fn chosen(version: Option<&str>) -> Result<Option<SchemaName>> {
    Ok(version.map(SchemaName::new).transpose()?)
}
