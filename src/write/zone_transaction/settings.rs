//! Writing what is known of the zone as a whole: whether it takes writes, and its default schema.

use super::ZoneTransaction;
use crate::record::fingerprint::Fingerprint;
use crate::record::{DefaultSchemaChanged, ZoneSuspended};
use crate::resource::schema;
use crate::resource::zone::ZoneInfo;
use crate::rules::guardrail;
use crate::types::error::Result;
use crate::types::id::SchemaName;

/// The zone itself.
impl ZoneTransaction<'_, '_> {
    /// Suspends the zone: it takes no writes until it is [resumed](Self::resume). Reads and decisions go on. A zone that is
    /// suspended already stays so. A default schema that was archived is taken back in the zone's history, too.
    ///
    /// # Errors
    ///
    /// [`Forbidden`](crate::ErrorKind::Forbidden) for a customer, if the zone has a guardrail.
    pub fn suspend(&mut self) -> Result<ZoneInfo> {
        self.set_suspended(Fingerprint::of("suspend"), true)
    }

    /// Lets the zone take writes again. A default schema that was archived is taken back in its history, too.
    pub fn resume(&mut self) -> Result<ZoneInfo> {
        self.set_suspended(Fingerprint::of("resume"), false)
    }

    /// Chooses the schema version that clients are advised to write policies against, or none. It has no effect on
    /// decisions. The one that is chosen already changes nothing.
    ///
    /// # Errors
    ///
    /// [`Archived`](crate::ErrorKind::Archived) if the schema version is. One that is archived later is no longer the
    /// default of any zone.
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
            // It was not archived then, or it would have been refused.
            |reader, _| Ok(ZoneInfo { default_schema: chosen(version)?, ..reader.info()? }),
        )
    }

    fn set_suspended(&mut self, fingerprint: Fingerprint, suspended: bool) -> Result<ZoneInfo> {
        self.answer(
            fingerprint,
            |zone| {
                // Nothing orders the entries of two logs, so that an answer is told by the zone's own log alone: a default that
                // was archived is taken back there.
                if suspended {
                    zone.read(|reader| guardrail::check_actor(reader, zone.actor(), "suspend"))?;
                }
                let before = zone.info()?;
                let logged = zone.read(|reader| reader.info_as_logged())?;
                let changes = before.suspended != suspended;
                // What changes nothing writes nothing, but for a request.
                let is_taken_back =
                    before.default_schema != logged.default_schema && (changes || zone.writer().is_keyed());
                zone.writer().room_for(usize::from(is_taken_back) + usize::from(changes))?;
                if is_taken_back {
                    zone.append(DefaultSchemaChanged { schema: None })?;
                }
                if changes {
                    zone.append(ZoneSuspended { suspended })?;
                }
                zone.info()
            },
            |reader, _| reader.info_as_logged(),
        )
    }
}

fn chosen(version: Option<&str>) -> Result<Option<SchemaName>> {
    version.map(SchemaName::new).transpose()
}
