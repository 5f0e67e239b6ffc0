//! Derives index and witness rows from log entries.
//!
//! A write, a rebuild and `verify` use the same function, so they cannot disagree. It reads only rows of earlier
//! entries, and refuses an entry that contradicts them. It does not check whether the actor may write the entry.

use super::key::{self, LogNumber, RowKind, STORE_LOG};
use super::row::{
    BindingOrderRow, BindingRow, IdRow, IdempotencyRow, Latest, NewestBindingRow, PolicyRow, PolicySetRow, PositionRow,
    Row, SchemaRow, SealedRow, StoreStateRow, VersionRow, ZoneRow, ZoneStateRow,
};
use crate::record::{Attested, Body, BoundVersion, LogEntry, SealedZone, TestsKept, ZoneErased, ZonesSealed};
use crate::types::error::{ErrorDetail, Result};
use crate::types::id::{IdempotencyKey, LogId};
use crate::types::schema::SchemaStatus;
use crate::types::target::{BindingMode, Target, TargetType};

/// Increases whenever `derive` makes other rows for the same logs. A file with another generation is rebuilt when it is
/// opened.
pub(in crate::storage) const GENERATION: u32 = 2;

/// The rows that `derive` reads and writes.
pub(in crate::storage) trait Rows {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>>;
    fn put(&mut self, key: Vec<u8>, value: Vec<u8>) -> Result<()>;
    fn remove(&mut self, key: &[u8]) -> Result<()>;
    /// The witness row under a meta key.
    fn witness(&self, key: &[u8]) -> Result<Option<Vec<u8>>>;
    fn put_witness(&mut self, key: Vec<u8>, value: Vec<u8>) -> Result<()>;
    fn remove_witness(&mut self, key: &[u8]) -> Result<()>;
    /// The number of the log `log_id` in this file.
    fn log_number(&self, log_id: LogId) -> Option<LogNumber>;
}

/// Adds the rows of an entry to `rows`. `forms` is the number of the text and JSON of the policy
/// version that it creates, if it is known.
pub(in crate::storage) fn derive(
    rows: &mut dyn Rows,
    log: LogNumber,
    recorded: &LogEntry,
    forms: Option<u64>,
) -> Result<()> {
    let position = recorded.envelope.position;
    let at = Entry { log, position, forms };
    if let Some(idempotency) = &recorded.envelope.idempotency {
        at.idempotency_key(rows, idempotency.key)?;
    }
    match &recorded.body {
        Body::Unchanged(_) => Ok(()),
        Body::LogForked(body) => {
            if body.length != position {
                return Err(at.contradiction("length of the forked log does not match"));
            }
            at.put(rows, key::former_id(log, body.from), &PositionRow { created: position })
        }
        // The zone keeps its rows: they name the number of its log. The next seal has it under its new id.
        Body::ZoneForked(body) => {
            at.in_store_log(true)?;
            at.forget_checkpoints(rows, body.from)
        }
        Body::ZonesSealed(body) => {
            at.in_store_log(true)?;
            at.seal(rows, body)
        }
        Body::CheckpointKept(body) => {
            at.in_store_log(true)?;
            at.put(rows, key::kept_checkpoint(body.log_id), &PositionRow { created: position })
        }
        Body::ZoneCreated(body) => {
            at.in_store_log(true)?;
            let number = rows.log_number(body.log_id).ok_or_else(|| at.contradiction("log of the zone has no head"))?;
            let row = ZoneRow { created: position, log: number };
            at.insert(rows, RowKind::Zone, body.zone_id.as_str(), &row)?;
            at.put_witness(rows, key::witness(&key::by_id(log, RowKind::Zone, body.zone_id.as_str())), &row)?;
            at.order(rows, RowKind::ZoneOrder, body.zone_id.as_str())?;
            at.store(rows, |state| state.zones += 1)
        }
        Body::ZoneErased(body) => {
            at.in_store_log(true)?;
            at.erase(rows, body)
        }
        Body::SchemaPublished(body) => {
            at.in_store_log(true)?;
            let row = SchemaRow { created: position, changed: None, deprecated: None };
            at.insert(rows, RowKind::Schema, body.version.as_str(), &row)?;
            at.put_witness(rows, key::witness(&key::by_id(log, RowKind::Schema, body.version.as_str())), &row)?;
            at.order(rows, RowKind::SchemaOrder, body.version.as_str())?;
            at.store(rows, |state| state.schemas += 1)
        }
        Body::SchemaStatusChanged(body) => {
            at.in_store_log(true)?;
            let row_key = key::by_id(log, RowKind::Schema, body.version.as_str());
            let row = at.update(rows, row_key.clone(), |row: &mut SchemaRow| {
                row.changed = Some(position);
                match body.status {
                    SchemaStatus::Active => row.deprecated = None,
                    SchemaStatus::Deprecated => row.deprecated = Some(position),
                    SchemaStatus::Archived => {}
                }
            })?;
            at.put_witness(rows, key::witness(&row_key), &row)
        }
        body => {
            at.in_store_log(false)?;
            match body {
                Body::Bound(body) => at.bind(rows, &body.target, body.mode, Some(&body.bound), body.replaced.as_ref()),
                Body::Unbound(body) => at.bind(rows, &body.target, body.mode, None, Some(&body.replaced)),
                Body::ZoneOpened(_) if position == 0 => {
                    at.put(rows, key::state(log), &ZoneStateRow::default())?;
                    at.zone_that_decides(rows, |_| ())
                }
                Body::ZoneSuspended(body) => at.zone_that_decides(rows, |state| {
                    state.suspended = body.suspended.then_some(position);
                }),
                Body::DefaultSchemaChanged(body) => at.zone_that_decides(rows, |state| {
                    state.default_schema = body.schema.as_ref().map(|_| position);
                }),
                Body::Attested(body) => at.attest(rows, body),
                Body::TestsKept(body) => at.keep_tests(rows, body),
                Body::TestsRequired(body) => at.link(rows, &key::tests_required(log), body.required),
                body => at.resource(rows, body),
            }
        }
    }
}

/// The entry to derive rows from.
struct Entry {
    log: LogNumber,
    position: u64,
    forms: Option<u64>,
}

impl Entry {
    /// The rows of entries about policies and policy sets, except bindings.
    fn resource(&self, rows: &mut dyn Rows, body: &Body) -> Result<()> {
        let position = self.position;
        match body {
            Body::PolicyCreated(body) => {
                let row =
                    PolicyRow { created: position, updated: None, archived: None, latest: None, revision: position };
                self.insert(rows, RowKind::Policy, body.policy_id.as_str(), &row)?;
                self.order(rows, RowKind::PolicyOrder, body.policy_id.as_str())?;
                self.zone(rows, |state| state.policies += 1)
            }
            Body::PolicyUpdated(body) => self.policy(rows, body.policy_id.as_str(), |row| {
                row.updated = Some(position);
            }),
            Body::PolicyArchived(body) => self.policy(rows, body.policy_id.as_str(), |row| {
                row.archived = Some(position);
            }),
            Body::PolicyVersionCreated(body) => {
                let (parent, id) = (body.policy_id.as_str(), body.version_id.as_str());
                let mut before = None;
                self.policy(rows, parent, |row| {
                    before = row.latest.replace(Latest { version: body.version, created: position });
                })?;
                self.version(
                    rows,
                    (RowKind::PolicyVersion, RowKind::PolicyVersionId),
                    (parent, id),
                    (body.version, before),
                )
            }
            Body::PolicyVersionArchived(body) => {
                let row_key = key::by_version(self.log, RowKind::PolicyVersion, body.policy_id.as_str(), body.version);
                self.update(rows, row_key, |row: &mut VersionRow| row.archived = Some(position)).map(drop)
            }
            Body::PolicySetCreated(body) => {
                let row = PolicySetRow {
                    created: position,
                    updated: None,
                    archived: None,
                    latest: None,
                    active: None,
                    shadow: None,
                    guardrail: None,
                    target: None,
                    attested: None,
                    revision: position,
                };
                self.insert(rows, RowKind::PolicySet, body.policy_set_id.as_str(), &row)?;
                self.order(rows, RowKind::PolicySetOrder, body.policy_set_id.as_str())?;
                self.zone(rows, |state| match body.target_type {
                    TargetType::Zone => state.zone_sets += 1,
                    TargetType::User => state.user_sets += 1,
                })
            }
            Body::PolicySetUpdated(body) => self.policy_set(rows, body.policy_set_id.as_str(), |row| {
                row.updated = Some(position);
            }),
            Body::PolicySetArchived(body) => self.policy_set(rows, body.policy_set_id.as_str(), |row| {
                row.archived = Some(position);
            }),
            Body::PolicySetVersionCreated(body) => {
                let (parent, id) = (body.policy_set_id.as_str(), body.version_id.as_str());
                let mut before = None;
                self.policy_set(rows, parent, |row| {
                    before = row.latest.replace(Latest { version: body.version, created: position });
                })?;
                self.version(
                    rows,
                    (RowKind::PolicySetVersion, RowKind::PolicySetVersionId),
                    (parent, id),
                    (body.version, before),
                )
            }
            Body::PolicySetVersionArchived(body) => {
                let parent = body.policy_set_id.as_str();
                let row_key = key::by_version(self.log, RowKind::PolicySetVersion, parent, body.version);
                self.update(rows, row_key, |row: &mut VersionRow| row.archived = Some(position)).map(drop)
            }
            _ => Err(self.contradiction("entry kind is not allowed in this log")),
        }
    }

    /// The rows of a new version. Its number must follow the previous one.
    fn version(
        &self,
        rows: &mut dyn Rows,
        (by_number, by_id): (RowKind, RowKind),
        (parent, id): (&str, &str),
        (version, before): (u32, Option<Latest>),
    ) -> Result<()> {
        if u64::from(version) != before.map_or(0, |latest| u64::from(latest.version)) + 1 {
            return Err(self.contradiction("version number does not follow the previous one"));
        }
        let row_key = key::by_version(self.log, by_number, parent, version);
        if rows.get(&row_key)?.is_some() {
            return Err(self.contradiction("version number is already used"));
        }
        let row = VersionRow { created: self.position, archived: None, forms: self.forms };
        self.put(rows, row_key, &row)?;
        self.insert(rows, by_id, id, &PositionRow { created: self.position })
    }

    /// The rows of a binding: its own, and those of the bound and the replaced policy set.
    fn bind(
        &self,
        rows: &mut dyn Rows,
        target: &Target,
        mode: BindingMode,
        bound: Option<&BoundVersion>,
        replaced: Option<&BoundVersion>,
    ) -> Result<()> {
        if let Some(replaced) = replaced {
            let mut was_bound = false;
            self.policy_set(rows, replaced.policy_set_id.as_str(), |row| {
                was_bound = row.binding_mut(mode).take().is_some();
            })?;
            if !was_bound {
                return Err(self.contradiction("replaced policy set version is not bound"));
            }
        }
        if let Some(bound) = bound {
            let parent = bound.policy_set_id.as_str();
            if rows.get(&key::by_version(self.log, RowKind::PolicySetVersion, parent, bound.version))?.is_none() {
                return Err(self.contradiction("bound policy set version does not exist"));
            }
            self.policy_set(rows, bound.policy_set_id.as_str(), |row| {
                *row.binding_mut(mode) = Some(self.position);
                if mode == BindingMode::Active {
                    row.target.get_or_insert(self.position);
                }
            })?;
        }
        self.newest_binding(rows, target, mode, bound.is_some())?;
        self.zone_that_decides(rows, |state| state.bindings = Some(self.position))
    }

    /// The row of a binding, and that of the order of all bindings.
    fn newest_binding(&self, rows: &mut dyn Rows, target: &Target, mode: BindingMode, bound: bool) -> Result<()> {
        self.link(rows, &key::target_prefix(self.log, mode, target), bound)?;
        if bound {
            let row_key = key::by_position(self.log, RowKind::BindingOrder, self.position);
            self.put(rows, row_key, &BindingOrderRow { mode, target: target.clone() })?;
        }
        Ok(())
    }

    /// A row that names the previous one with its prefix, and the witness of the newest.
    fn link(&self, rows: &mut dyn Rows, prefix: &[u8], bound: bool) -> Result<()> {
        let meta_key = key::witness(prefix);
        let previous = match rows.witness(&meta_key)? {
            None => None,
            Some(value) => {
                let newest = NewestBindingRow::from_value(&meta_key, &value);
                Some(newest.map_err(|problem| self.contradiction(&problem))?.position)
            }
        };
        self.put(rows, key::linked(prefix, self.position), &BindingRow { bound, previous })?;
        self.put_witness(rows, meta_key, &NewestBindingRow { position: self.position, bound })
    }

    /// The rows of an attestation. It must follow the previous one of its policy set.
    fn attest(&self, rows: &mut dyn Rows, body: &Attested) -> Result<()> {
        let set = body.policy_set_id.as_str();
        if rows.get(&key::by_version(self.log, RowKind::PolicySetVersion, set, body.version))?.is_none() {
            return Err(self.contradiction("attested policy set version does not exist"));
        }
        let mut first = false;
        self.update(rows, key::by_id(self.log, RowKind::PolicySet, set), |row: &mut PolicySetRow| {
            first = row.attested.replace(self.position).is_none();
        })?;
        if first != body.previous.is_none() {
            return Err(self.contradiction("attestation does not follow the last one of the policy set"));
        }
        let row_key = key::attestation(self.log, set, body.version, self.position);
        self.put(rows, row_key, &PositionRow { created: self.position })
    }

    /// The row of a test suite. Its policy set version must exist.
    fn keep_tests(&self, rows: &mut dyn Rows, body: &TestsKept) -> Result<()> {
        let set = body.policy_set_id.as_str();
        if rows.get(&key::by_version(self.log, RowKind::PolicySetVersion, set, body.version))?.is_none() {
            return Err(self.contradiction("policy set version of the tests does not exist"));
        }
        self.link(rows, &key::tests_kept(self.log, set, body.version), true)
    }

    /// Removes the rows of an erased zone, so that its id is free again.
    fn erase(&self, rows: &mut dyn Rows, body: &ZoneErased) -> Result<()> {
        let row_key = key::by_id(self.log, RowKind::Zone, body.zone_id.as_str());
        let value = rows.get(&row_key)?.ok_or_else(|| self.contradiction("erased zone does not exist"))?;
        let row = ZoneRow::from_value(&row_key, &value).map_err(|problem| self.contradiction(&problem))?;
        if rows.log_number(body.log_id) != Some(row.log) {
            return Err(self.contradiction("erased zone has a different log"));
        }
        rows.remove(&row_key)?;
        rows.remove_witness(&key::witness(&row_key))?;
        rows.remove(&key::by_position(self.log, RowKind::ZoneOrder, row.created))?;
        self.forget_checkpoints(rows, body.log_id)?;
        self.store(rows, |state| state.zones = state.zones.saturating_sub(1))
    }

    /// The rows of a seal: the checkpoints of zones, and the seal.
    fn seal(&self, rows: &mut dyn Rows, body: &ZonesSealed) -> Result<()> {
        for SealedZone { log_id, size, root } in &body.zones {
            self.put(rows, key::sealed(*log_id), &SealedRow { size: *size, root: *root })?;
        }
        match body.seal {
            Some(_) => self.put(rows, key::seal(), &PositionRow { created: self.position }),
            None => Ok(()),
        }
    }

    /// Removes the checkpoints of a log that no zone has any more.
    fn forget_checkpoints(&self, rows: &mut dyn Rows, log_id: LogId) -> Result<()> {
        rows.remove(&key::sealed(log_id))?;
        rows.remove(&key::kept_checkpoint(log_id))
    }

    /// The row of an idempotency key. The entries of one call in a log are adjacent.
    fn idempotency_key(&self, rows: &mut dyn Rows, id: IdempotencyKey) -> Result<()> {
        let row_key = key::idempotency_key(self.log, id);
        let mut row = IdempotencyRow { first: self.position, entries: 0 };
        if let Some(value) = rows.get(&row_key)? {
            row = IdempotencyRow::from_value(&row_key, &value).map_err(|problem| self.contradiction(&problem))?;
        }
        if row.first.checked_add(row.entries.into()) != Some(self.position) {
            return Err(self.contradiction("idempotency key is already used"));
        }
        row.entries += 1;
        self.put(rows, row_key, &row)
    }

    fn store(&self, rows: &mut dyn Rows, change: impl FnOnce(&mut StoreStateRow)) -> Result<()> {
        let row_key = key::state(self.log);
        if rows.get(&row_key)?.is_none() {
            self.put(rows, row_key.clone(), &StoreStateRow::default())?;
        }
        self.update(rows, row_key, change).map(drop)
    }

    fn zone(&self, rows: &mut dyn Rows, change: impl FnOnce(&mut ZoneStateRow)) -> Result<()> {
        self.update(rows, key::state(self.log), change).map(drop)
    }

    /// Changes the part of a zone's state that has a witness.
    fn zone_that_decides(&self, rows: &mut dyn Rows, change: impl FnOnce(&mut ZoneStateRow)) -> Result<()> {
        let row_key = key::state(self.log);
        let state = self.update(rows, row_key.clone(), change)?;
        self.put_witness(rows, key::witness(&row_key), &state.witness())
    }

    fn policy(&self, rows: &mut dyn Rows, id: &str, change: impl FnOnce(&mut PolicyRow)) -> Result<()> {
        self.update(rows, key::by_id(self.log, RowKind::Policy, id), |row: &mut PolicyRow| {
            row.revision = self.position;
            change(row);
        })
        .map(drop)
    }

    fn policy_set(&self, rows: &mut dyn Rows, id: &str, change: impl FnOnce(&mut PolicySetRow)) -> Result<()> {
        self.update(rows, key::by_id(self.log, RowKind::PolicySet, id), |row: &mut PolicySetRow| {
            row.revision = self.position;
            change(row);
        })
        .map(drop)
    }

    fn order(&self, rows: &mut dyn Rows, kind: RowKind, id: &str) -> Result<()> {
        self.put(rows, key::by_position(self.log, kind, self.position), &IdRow { id: id.to_owned() })
    }

    /// Inserts a row that must not exist yet.
    fn insert(&self, rows: &mut dyn Rows, kind: RowKind, id: &str, row: &impl Row) -> Result<()> {
        let row_key = key::by_id(self.log, kind, id);
        if rows.get(&row_key)?.is_some() {
            return Err(self.contradiction("id is already used"));
        }
        self.put(rows, row_key, row)
    }

    fn put(&self, rows: &mut dyn Rows, row_key: Vec<u8>, row: &impl Row) -> Result<()> {
        let value = row.to_value(&row_key).map_err(|problem| self.contradiction(&problem))?;
        rows.put(row_key, value)
    }

    fn put_witness(&self, rows: &mut dyn Rows, meta_key: Vec<u8>, row: &impl Row) -> Result<()> {
        let value = row.to_value(&meta_key).map_err(|problem| self.contradiction(&problem))?;
        rows.put_witness(meta_key, value)
    }

    /// Changes an existing row and returns it.
    fn update<R: Row>(&self, rows: &mut dyn Rows, row_key: Vec<u8>, change: impl FnOnce(&mut R)) -> Result<R> {
        let value = rows.get(&row_key)?.ok_or_else(|| self.contradiction("changed resource does not exist"))?;
        let mut row = R::from_value(&row_key, &value).map_err(|problem| self.contradiction(&problem))?;
        change(&mut row);
        self.put(rows, row_key, &row)?;
        Ok(row)
    }

    fn in_store_log(&self, expected: bool) -> Result<()> {
        if (self.log == STORE_LOG) == expected { Ok(()) } else { Err(self.contradiction("entry is in the wrong log")) }
    }

    fn contradiction(&self, problem: &str) -> crate::types::error::Error {
        ErrorDetail::corrupt(format_args!("entry {} of log {}", self.position, self.log), problem).into()
    }
}
