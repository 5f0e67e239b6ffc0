//! The index rows of a zone as of an earlier length of its log, from the present rows and a few entries.
//!
//! Rows are never removed from a zone, and most never change, so the position in a row tells whether it was there. The
//! rows of policies, policy sets and the zone itself change: their earlier values are found again by the rows of versions,
//! bindings and attestations. Does not know the store's own log, which removes rows.

mod bindings;
pub(in crate::storage) mod schemas;

use self::bindings::Bindings;
use crate::record::{Body, TILE};
use crate::storage::index::key::{self, LogNumber, RowKind};
use crate::storage::index::row::{
    IdRow, IdempotencyRow, Latest, NewestBindingRow, PolicyRow, PolicySetRow, PositionRow, Row, VersionRow,
    ZoneStateRow,
};
use crate::storage::snapshot::Snapshot;
use crate::storage::tables::{Direction, Table};
use crate::types::error::{ErrorDetail, Result};
use crate::types::target::{BindingMode, TargetType};

/// Steps back in a log for one row. Beyond them, a replay of the log costs less for all rows together.
const STEPS: u64 = 256;
/// Steps on to the present end, for the settings of a zone: a few milliseconds.
const STEPS_ON: u64 = 2_048;

/// A row as of an earlier length.
pub(in crate::storage) struct Earlier {
    /// Its value; `None` if there was no row.
    pub value: Option<Vec<u8>>,
    /// Whether it is exact. Otherwise it lacks the last update or the revision, which the next change overwrites.
    pub exact: bool,
}

impl Earlier {
    const NOTHING: Self = Self { value: None, exact: true };
    pub(in crate::storage) const UNKNOWN: Self = Self { value: None, exact: false };

    fn kept(kept: bool, value: &[u8]) -> Self {
        if kept { Self { value: Some(value.to_vec()), exact: true } } else { Self::NOTHING }
    }

    fn changed(row_key: &[u8], row: &impl Row, exact: bool) -> Result<Self> {
        let value = row.to_value(row_key).map_err(|problem| ErrorDetail::corrupt("an earlier row", problem))?;
        Ok(Self { value: Some(value), exact })
    }
}

/// A zone's log as of an earlier length.
#[derive(Clone, Copy)]
pub(in crate::storage) struct Past<'a> {
    snapshot: &'a Snapshot<'a>,
    log: LogNumber,
    /// The earlier length.
    end: u64,
    /// Whether earlier values are searched for that the next change overwrites.
    searches: bool,
}

impl<'a> Past<'a> {
    /// All values, for reads.
    pub(in crate::storage) fn to_read(snapshot: &'a Snapshot<'a>, log: LogNumber, end: u64) -> Self {
        Self { snapshot, log, end, searches: true }
    }

    /// The values that later entries rest on, for [`derive`](crate::storage::index::derive::derive).
    pub(in crate::storage) fn to_extend(snapshot: &'a Snapshot<'a>, log: LogNumber, end: u64) -> Self {
        Self { snapshot, log, end, searches: false }
    }

    /// The log.
    pub(in crate::storage) fn log(self) -> LogNumber {
        self.log
    }

    /// The earlier value of the index row under `row_key`, which now has this value.
    pub(in crate::storage) fn row(self, row_key: &[u8], value: &[u8]) -> Result<Earlier> {
        let row_of = |problem: String| ErrorDetail::corrupt(format_args!("an index row of log {}", self.log), problem);
        let before = |position: u64| position < self.end;
        match RowKind::of(row_key) {
            Some(
                RowKind::PolicyOrder
                | RowKind::PolicySetOrder
                | RowKind::BindingOrder
                | RowKind::Binding
                | RowKind::Attestation
                | RowKind::TestsKept
                | RowKind::TestsRequired,
            ) => Ok(Earlier::kept(key::position(row_key).is_some_and(before), value)),
            Some(RowKind::PolicyVersionId | RowKind::PolicySetVersionId | RowKind::FormerId) => {
                let row = PositionRow::from_value(row_key, value).map_err(row_of)?;
                Ok(Earlier::kept(before(row.created), value))
            }
            Some(RowKind::PolicyVersion | RowKind::PolicySetVersion) => {
                let row = VersionRow::from_value(row_key, value).map_err(row_of)?;
                match row.archived {
                    Some(archived) if before(row.created) && !before(archived) => {
                        Earlier::changed(row_key, &VersionRow { archived: None, ..row }, true)
                    }
                    _ => Ok(Earlier::kept(before(row.created), value)),
                }
            }
            Some(RowKind::IdempotencyKey) => {
                let row = IdempotencyRow::from_value(row_key, value).map_err(row_of)?;
                match u32::try_from(self.end.saturating_sub(row.first)) {
                    Ok(entries) if entries < row.entries && entries > 0 => {
                        Earlier::changed(row_key, &IdempotencyRow { entries, ..row }, true)
                    }
                    _ => Ok(Earlier::kept(before(row.first), value)),
                }
            }
            Some(RowKind::Tile) => {
                let place = key::tile_place(row_key);
                let fits = |(level, number): (u8, u64)| {
                    let nodes = self.end.checked_shr(8 * u32::from(level)).unwrap_or(0);
                    number < nodes / TILE
                };
                Ok(Earlier::kept(place.is_some_and(fits), value))
            }
            Some(RowKind::Policy) => {
                self.policy(row_key, value, PolicyRow::from_value(row_key, value).map_err(row_of)?)
            }
            Some(RowKind::PolicySet) => {
                self.policy_set(row_key, value, PolicySetRow::from_value(row_key, value).map_err(row_of)?)
            }
            Some(RowKind::State) => self.state(row_key, ZoneStateRow::from_value(row_key, value).map_err(row_of)?),
            Some(
                RowKind::Zone
                | RowKind::ZoneOrder
                | RowKind::Schema
                | RowKind::SchemaOrder
                | RowKind::Sealed
                | RowKind::KeptCheckpoint
                | RowKind::Seal,
            )
            | None => Ok(Earlier::UNKNOWN),
        }
    }

    /// The earlier value of the index row under `row_key`.
    pub(in crate::storage) fn get(self, row_key: &[u8]) -> Result<Earlier> {
        let mut value = None;
        self.snapshot.source().get(Table::Index, row_key, &mut |bytes| value = Some(bytes.to_vec()))?;
        value.map_or(Ok(Earlier::NOTHING), |value| self.row(row_key, &value))
    }

    /// The earlier value of a witness. It is made from index rows, which are compared with the present witness first.
    pub(in crate::storage) fn witness(self, meta_key: &[u8]) -> Result<Earlier> {
        let Some(row_key) = key::witnessed(meta_key) else { return Ok(Earlier::UNKNOWN) };
        match RowKind::of(row_key) {
            Some(RowKind::State) => {
                let Earlier { value, exact } = self.get(row_key)?;
                let Some(value) = value else { return Ok(Earlier { value, exact }) };
                if self.searches {
                    self.snapshot.zone_state(self.log)?;
                }
                let state = ZoneStateRow::from_value(row_key, &value);
                let state = state.map_err(|problem| ErrorDetail::corrupt("an earlier row", problem))?;
                Earlier::changed(meta_key, &state.witness(), exact)
            }
            Some(RowKind::Binding | RowKind::TestsKept | RowKind::TestsRequired) => {
                let Some(last) = self.end.checked_sub(1) else { return Ok(Earlier::NOTHING) };
                let range = key::up_to(row_key, last);
                let found = self.snapshot.first_binding(&range, Direction::Descending)?;
                if self.searches {
                    let after = key::beyond(row_key, last);
                    self.snapshot.check_binding(meta_key, &range.start, last, found.as_ref(), &after)?;
                }
                let Some((position, row)) = found else { return Ok(Earlier::NOTHING) };
                Earlier::changed(meta_key, &NewestBindingRow { position, bound: row.bound }, true)
            }
            _ => Ok(Earlier::UNKNOWN),
        }
    }

    fn policy(self, row_key: &[u8], value: &[u8], row: PolicyRow) -> Result<Earlier> {
        if row.created >= self.end || row.revision < self.end {
            return Ok(Earlier::kept(row.created < self.end, value));
        }
        let id = key::id(row_key).unwrap_or_default();
        let is_update = |body: &Body| matches!(body, Body::PolicyUpdated(body) if body.policy_id == *id);
        let (updated, exact) = self.updated(row.created, row.updated, &is_update)?;
        let archived = self.before(row.archived);
        let latest = self.latest(RowKind::PolicyVersion, id, row.latest)?;
        let revision = [updated, archived, latest.map(|latest| latest.created)].into_iter().flatten().max();
        let revision = revision.unwrap_or(row.created);
        Earlier::changed(row_key, &PolicyRow { created: row.created, updated, archived, latest, revision }, exact)
    }

    fn policy_set(self, row_key: &[u8], value: &[u8], row: PolicySetRow) -> Result<Earlier> {
        let is_attested_since = row.attested.is_some_and(|position| position >= self.end);
        if row.created >= self.end || row.revision < self.end && !is_attested_since {
            return Ok(Earlier::kept(row.created < self.end, value));
        }
        let id = key::id(row_key).unwrap_or_default();
        let is_update = |body: &Body| matches!(body, Body::PolicySetUpdated(body) if body.policy_set_id == *id);
        let (updated, mut exact) = self.updated(row.created, row.updated, &is_update)?;
        let archived = self.before(row.archived);
        let latest = self.latest(RowKind::PolicySetVersion, id, row.latest)?;
        let mut revisions = vec![updated, archived, latest.map(|latest| latest.created)];
        let mut earlier = PolicySetRow {
            created: row.created,
            updated,
            archived,
            latest,
            active: None,
            shadow: None,
            guardrail: None,
            target: self.before(row.target),
            attested: if is_attested_since { self.attested(id)? } else { row.attested },
            revision: row.created,
        };
        for mode in [BindingMode::Active, BindingMode::Shadow, BindingMode::Guardrail] {
            let found = match row.binding(mode) {
                // A later binding of the set would have replaced it.
                Some(position) if position < self.end => Bindings { bound: Some(position), ended: None, exact: true },
                _ => self.bindings_of_set(id, &row, mode)?,
            };
            *earlier.binding_mut(mode) = found.bound;
            revisions.extend([found.bound, found.ended]);
            exact &= found.exact;
        }
        earlier.revision = revisions.into_iter().flatten().max().unwrap_or(row.created);
        Earlier::changed(row_key, &earlier, exact)
    }

    fn state(self, row_key: &[u8], row: ZoneStateRow) -> Result<Earlier> {
        let Some(last) = self.end.checked_sub(1) else { return Ok(Earlier::NOTHING) };
        let last = self.snapshot.entry(self.log, last)?;
        let bindings = if last.body.is_binding() { Some(last.envelope.position) } else { last.envelope.last_binding };
        let mut earlier = ZoneStateRow {
            suspended: self.before(row.suspended),
            default_schema: self.before(row.default_schema),
            bindings,
            ..row
        };
        let mut exact = earlier.suspended.is_some() && earlier.default_schema.is_some();
        if !exact && self.searches {
            exact = self.settings(&mut earlier)?;
        }
        self.each_since(RowKind::PolicyOrder, &mut |_| {
            earlier.policies = earlier.policies.saturating_sub(1);
            Ok(())
        })?;
        self.each_since(RowKind::PolicySetOrder, &mut |position| {
            let count = match &self.snapshot.entry(self.log, position)?.body {
                Body::PolicySetCreated(body) if body.target_type == TargetType::User => &mut earlier.user_sets,
                _ => &mut earlier.zone_sets,
            };
            *count = count.saturating_sub(1);
            Ok(())
        })?;
        Earlier::changed(row_key, &earlier, exact)
    }

    /// Searches for the last changes of the settings that are not known. Returns `false` if the search was too long.
    fn settings(self, row: &mut ZoneStateRow) -> Result<bool> {
        let (mut suspended, mut default_schema) = (row.suspended.is_some(), row.default_schema.is_some());
        for position in (self.end.saturating_sub(STEPS)..self.end).rev() {
            match &self.snapshot.entry(self.log, position)?.body {
                Body::ZoneSuspended(body) if !suspended => {
                    suspended = true;
                    row.suspended = body.suspended.then_some(position);
                }
                Body::DefaultSchemaChanged(body) if !default_schema => {
                    default_schema = true;
                    row.default_schema = body.schema.as_ref().map(|_| position);
                }
                _ => {}
            }
            if suspended && default_schema {
                return Ok(true);
            }
        }
        if self.end <= STEPS {
            return Ok(true);
        }
        // If nothing has changed them since, they were as they are.
        let length = self.snapshot.head(self.log)?.length;
        if length.saturating_sub(self.end) > STEPS_ON {
            return Ok(false);
        }
        for position in self.end..length {
            match &self.snapshot.entry(self.log, position)?.body {
                Body::ZoneSuspended(_) if !suspended => return Ok(false),
                Body::DefaultSchemaChanged(_) if !default_schema => return Ok(false),
                _ => {}
            }
        }
        Ok(true)
    }

    /// Passes the positions of the rows of an order that came since.
    fn each_since(self, kind: RowKind, f: &mut dyn FnMut(u64) -> Result<()>) -> Result<()> {
        let range = key::positions_from(self.log, kind, self.end);
        self.snapshot.rows::<IdRow>(&range, Direction::Ascending, &mut |row_key, _| {
            key::position(row_key).map_or(Ok(()), &mut *f)?;
            Ok(true)
        })
    }

    fn before(self, position: Option<u64>) -> Option<u64> {
        position.filter(|position| *position < self.end)
    }

    /// The last update of a resource, and whether it is exact.
    fn updated(
        self,
        created: u64,
        updated: Option<u64>,
        is_update: &dyn Fn(&Body) -> bool,
    ) -> Result<(Option<u64>, bool)> {
        match updated {
            Some(position) if position >= self.end => {}
            other => return Ok((other, true)),
        }
        if !self.searches {
            return Ok((None, false));
        }
        let first = created.saturating_add(1).max(self.end.saturating_sub(STEPS));
        for position in (first..self.end).rev() {
            if is_update(&self.snapshot.entry(self.log, position)?.body) {
                return Ok((Some(position), true));
            }
        }
        Ok((None, first == created.saturating_add(1)))
    }

    /// The newest version of a policy or policy set.
    fn latest(self, kind: RowKind, parent: &str, latest: Option<Latest>) -> Result<Option<Latest>> {
        let Some(newest) = latest else { return Ok(None) };
        if newest.created < self.end {
            return Ok(Some(newest));
        }
        // Versions are in the order of their numbers.
        let (mut found, mut low, mut high) = (None, 1, newest.version);
        while low < high {
            let version = low + (high - low) / 2;
            let row: Option<VersionRow> = self.snapshot.row(&key::by_version(self.log, kind, parent, version))?;
            match row {
                Some(row) if row.created < self.end => {
                    found = Some(Latest { version, created: row.created });
                    low = version + 1;
                }
                Some(_) => high = version,
                None => {
                    let place = format_args!("version {version} of `{parent}` in log {}", self.log);
                    return Err(ErrorDetail::corrupt(place, "missing").into());
                }
            }
        }
        Ok(found)
    }

    /// The newest attestation of a policy set.
    pub(in crate::storage) fn attested(self, set: &str) -> Result<Option<u64>> {
        let mut newest = None;
        let range = key::versions(self.log, RowKind::Attestation, set);
        self.snapshot.rows::<PositionRow>(&range, Direction::Ascending, &mut |_, row| {
            newest = newest.max(self.before(Some(row.created)));
            Ok(true)
        })?;
        Ok(newest)
    }
}
