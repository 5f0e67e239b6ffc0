//! Verifies a store: walks the logs from their first entry, and compares everything else in the file with them.
//!
//! Collects findings with their places and continues after each.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use super::careful::Careful;
use super::checkpoints::Checkpoints;
use super::contents::Contents;
use super::kept::Kept;
use super::report::{Finding, Place, Report, VerifiedLog};
use super::seals::Seals;
use crate::record::{Body, LogEntry, Manifest, PolicySetVersionCreated, ZoneErased};
use crate::storage::failure::contained;
use crate::storage::index::key::{self, LogNumber, STORE_LOG};
use crate::storage::index::replay::{Replay, log_numbers};
use crate::storage::index::row::{
    FEATURE_ABSENT_LOGS, FormatRow, Head, IndexRow, LogsRow, NextContentRow, Row, StoreRow,
};
use crate::storage::past::Past;
use crate::storage::snapshot::Snapshot;
use crate::storage::tables::{Direction, Table, TableReader};
use crate::storage::walk::{Step, Walk};
use crate::storage::zones::{self, Zones};
use crate::types::error::{ErrorDetail, ErrorKind, Result};
use crate::types::hash::Sha256;
use crate::types::id::{LogId, PolicyId, PolicySetId, PolicyVersionId, SchemaName, ZoneId};
use crate::types::progress::Steps;
use crate::types::schema::SchemaRef;

/// A check under way.
pub(in crate::storage) struct Check<'a> {
    pub(in crate::storage) source: &'a Careful<'a>,
    pub(in crate::storage) heads: BTreeMap<LogNumber, Head>,
    pub(in crate::storage) numbers: BTreeMap<LogId, LogNumber>,
    /// The same, with the ids that logs had before a fork.
    every_number: BTreeMap<LogId, LogNumber>,
    /// Reads through `source`.
    pub(in crate::storage) snapshot: &'a Snapshot<'a>,
    pub(in crate::storage) kept: Kept,
    pub(in crate::storage) report: Report,
    contents: Contents,
    /// From the store's log: the zones, and the hash of each schema version's source.
    zones: Zones,
    seals: Seals,
    checkpoints: Checkpoints,
    schemas: HashMap<SchemaName, Sha256>,
    /// From the present log: the policy versions that manifests can pin.
    pub(in crate::storage) versions: HashMap<PolicyVersionId, (PolicyId, Sha256)>,
    /// From the present log: the newest attestation of each policy set.
    attested: HashMap<PolicySetId, Sha256>,
    /// The present log up to a checkpoint, if it is walked from there.
    pub(in crate::storage) earlier: Option<Past<'a>>,
    /// The feature bits of the file; all if they are damaged.
    features: u64,
    steps: &'a Steps<'a>,
}

impl<'a> Check<'a> {
    pub(super) fn new(source: &'a Careful<'a>, snapshot: &'a Snapshot<'a>, steps: &'a Steps<'a>, kept: Kept) -> Self {
        Self {
            source,
            snapshot,
            steps,
            kept,
            earlier: None,
            numbers: BTreeMap::new(),
            every_number: BTreeMap::new(),
            heads: BTreeMap::new(),
            report: Report::default(),
            contents: Contents::default(),
            zones: Zones::default(),
            seals: Seals::default(),
            checkpoints: Checkpoints::default(),
            schemas: HashMap::new(),
            versions: HashMap::new(),
            attested: HashMap::new(),
            features: u64::MAX,
        }
    }

    /// Checks the `whole` file, or what the logs have after the checkpoints.
    pub(super) fn run(&mut self, whole: bool) -> Result<()> {
        self.meta(whole)?;
        self.missing_logs();
        self.misplaced();
        let contents = contained(|| self.contents(whole));
        self.note(contents, Place::Meta)?;
        self.misplaced();
        for (log, head) in self.heads.clone() {
            self.log(log, &head)?;
            self.misplaced();
        }
        self.zones_have_logs();
        let seals = std::mem::take(&mut self.seals);
        self.sealed_zones(&seals)?;
        let checkpoints = std::mem::take(&mut self.checkpoints);
        self.kept_checkpoints(&checkpoints)?;
        if whole {
            self.unnamed_content();
        } else {
            self.report.content = self.contents.count();
        }
        let strays = contained(|| self.strays());
        self.note(strays, Place::Meta)?;
        self.misplaced();
        Ok(())
    }

    pub(in crate::storage) fn find(&mut self, place: Place, problem: impl fmt::Display) {
        self.report.findings.push(Finding { place, problem: problem.to_string() });
    }

    /// Whether the file may lack the logs of zones.
    pub(in crate::storage) fn may_lack_logs(&self) -> bool {
        self.features & FEATURE_ABSENT_LOGS != 0
    }

    /// The name of a log in findings.
    pub(in crate::storage) fn name(&self, log: LogNumber) -> String {
        if log == STORE_LOG {
            return "store".to_owned();
        }
        let zone = self.heads.get(&log).and_then(|head| self.zones.get(head.log_id));
        zone.map_or_else(|| format!("number {log}"), |zone| zone.id.to_string())
    }

    /// Checks the meta rows.
    fn meta(&mut self, whole: bool) -> Result<()> {
        let snapshot = self.snapshot;
        let format = self.meta_row("the format", snapshot.meta::<FormatRow>(key::META_FORMAT))?;
        self.features = format.map_or(u64::MAX, |format| format.features);
        self.meta_row("the store's id", snapshot.meta::<StoreRow>(key::META_STORE))?;
        self.meta_row("the generation of the index", snapshot.meta::<IndexRow>(key::META_INDEX))?;
        self.meta_row("the number of commits", snapshot.check_commits().map(Some))?;
        let logs = self.meta_row("the number of logs", snapshot.meta::<LogsRow>(key::META_LOGS))?;
        let range = key::heads();
        let range = range.start.as_slice()..range.end.as_slice();
        let mut heads = Vec::new();
        self.source.scan(Table::Meta, range, Direction::Ascending, &mut |row_key, value| {
            heads.push((key::head_log(row_key), Head::from_value(row_key, value)));
            Ok(true)
        })?;
        for (log, head) in heads {
            match (log, head) {
                (Some(log), Ok(head)) => {
                    if logs.as_ref().is_some_and(|logs| log >= logs.next) {
                        self.find(Place::Meta, format_args!("log {log} is not below the number of logs"));
                    }
                    if let Some(other) = self.numbers.insert(head.log_id, log) {
                        self.find(Place::Meta, format_args!("logs {other} and {log} have the same id"));
                    }
                    self.heads.insert(log, head);
                }
                (Some(log), Err(problem)) => self.find(Place::Meta, format_args!("head of log {log}: {problem}")),
                // `unknown_meta_rows` reports it by its key.
                (None, _) => {}
            }
        }
        self.every_number = log_numbers(self.source, &self.heads)?;
        if whole {
            self.unknown_meta_rows()?;
        }
        if !self.heads.contains_key(&STORE_LOG) {
            self.find(Place::Meta, "the store's log has no head");
        }
        Ok(())
    }

    /// Hashes all content, if the whole file is checked.
    fn contents(&mut self, whole: bool) -> Result<()> {
        if !whole {
            return Ok(());
        }
        let snapshot = self.snapshot;
        let mut contents = Contents::of(self.source, self.steps)?;
        self.report.content = contents.count();
        for (number, problem) in std::mem::take(&mut contents.problems) {
            self.find(Place::Content { number }, problem);
        }
        for problem in std::mem::take(&mut contents.row_problems) {
            self.find(Place::Meta, problem);
        }
        let next =
            self.meta_row("the number of the next content", snapshot.meta::<NextContentRow>(key::META_CONTENT))?;
        if next.is_some_and(|row| contents.last.is_some_and(|last| row.next <= last)) {
            self.find(Place::Meta, "the number of the next content is taken");
        }
        self.contents = contents;
        Ok(())
    }

    /// Reports content that no entry names.
    fn unnamed_content(&mut self) {
        for number in self.contents.unnamed() {
            self.find(Place::Content { number }, "not named by any entry");
        }
    }

    /// Every meta row must be known to this build: no read uses any other row.
    fn unknown_meta_rows(&mut self) -> Result<()> {
        let mut unknown = Vec::new();
        self.source.scan(Table::Meta, key::ALL_META, Direction::Ascending, &mut |row_key, _| {
            // A witness belongs to a log.
            let strays = key::witness_log(row_key).is_some_and(|log| !self.heads.contains_key(&log));
            if strays || !key::is_meta(row_key) {
                unknown.push(format!("unknown meta row `{}`", row_key.escape_ascii()));
            }
            Ok(true)
        })?;
        unknown.into_iter().for_each(|problem| self.find(Place::Meta, problem));
        Ok(())
    }

    fn meta_row<R>(&mut self, what: &str, row: Result<Option<R>>) -> Result<Option<R>> {
        let row = row.and_then(|row| row.ok_or_else(|| ErrorDetail::corrupt(what, "missing").into()));
        match row {
            Ok(row) => Ok(Some(row)),
            Err(error) => self.note(Err(error), Place::Meta).map(|()| None),
        }
    }

    /// Walks one log and compares its index and witness rows.
    fn log(&mut self, log: LogNumber, head: &Head) -> Result<()> {
        let name = self.name(log);
        if let Some(erased) = self.zones.erased(head.log_id).cloned() {
            self.erased_against_kept(head, &name);
            return self.erased_log(log, head, &name, &erased);
        }
        self.report.logs += 1;
        self.versions.clear();
        self.attested.clear();
        if log != STORE_LOG && self.zones.get(head.log_id).is_none() {
            self.find(Place::Log { log: name.clone() }, "not named in the store's log");
        }
        let verified = self.against_kept(log, head, &name)?.filter(|_| log != STORE_LOG);
        let from = verified.as_ref().map_or(0, |verified| verified.size);
        self.report.verified.push(VerifiedLog { log: name.clone(), from, checkpoint: head.checkpoint() });
        if let Some(verified) = verified {
            return self.rest(log, head, &name, verified);
        }
        let mut replay = Replay::new(self.every_number.clone());
        let source = self.source;
        let walked =
            contained(|| source.walk(Walk::new(log, head), &mut |step| self.step(log, &name, step, &mut replay)));
        self.note(walked, Place::Log { log: name.clone() })?;
        let compared = contained(|| {
            self.compare_rows(log, &name, replay.rows)?;
            self.compare_witnesses(log, &name, replay.witnesses)
        });
        self.note(compared, Place::Log { log: name })
    }

    /// Takes a step of a walk.
    pub(in crate::storage) fn step(
        &mut self,
        log: LogNumber,
        name: &str,
        step: Step<'_>,
        replay: &mut Replay,
    ) -> Result<()> {
        match step {
            Step::Entry(recorded) => self.entry(log, name, recorded, replay)?,
            Step::BadEntry(position, problem) => self.find(Place::Entry { log: name.to_owned(), position }, problem),
            Step::BadLog(problem) => self.find(Place::Log { log: name.to_owned() }, problem),
        }
        Ok(())
    }

    /// Checks that only the head of an erased zone is left.
    fn erased_log(&mut self, log: LogNumber, head: &Head, name: &str, erased: &ZoneErased) -> Result<()> {
        let place = || Place::Log { log: name.to_owned() };
        let (source, may_lack) = (self.source, self.may_lack_logs());
        let checked = contained(|| {
            for problem in zones::erased_problems(source, (log, head), erased, may_lack)? {
                self.find(place(), problem);
            }
            self.compare_rows(log, name, BTreeMap::new())?;
            self.compare_witnesses(log, name, BTreeMap::new())
        });
        self.note(checked, place())
    }

    /// Turns damage into a finding. Data of a newer build and an unreadable disk end the whole check.
    pub(in crate::storage) fn note(&mut self, result: Result<()>, place: Place) -> Result<()> {
        match result {
            Err(error) if error.kind() == ErrorKind::Corrupt => {
                self.find(place, error);
                Ok(())
            }
            result => result,
        }
    }

    fn entry(&mut self, log: LogNumber, name: &str, recorded: &LogEntry, replay: &mut Replay) -> Result<()> {
        self.report.entries += 1;
        self.steps.add(1)?;
        let place = || Place::Entry { log: name.to_owned(), position: recorded.envelope.position };
        for id in recorded.body.content() {
            if !self.contents.name(self.source, &id)? {
                self.find(place(), format_args!("content {} is missing or damaged", id.sha));
            }
        }
        if recorded.body.feature().is_some_and(|feature| self.features & feature == 0) {
            self.find(place(), "the file is not marked for entries of this kind: an older build would open it");
        }
        let forms = match &recorded.body {
            Body::PolicyVersionCreated(body) => self.contents.forms(self.source, log, body)?,
            _ => None,
        };
        if let Err(error) = replay.entry(self.earlier, log, recorded, forms) {
            self.find(place(), error);
        }
        if let Err(problem) = self.meaning(log, recorded)? {
            self.find(place(), problem);
        }
        Ok(())
    }

    /// Checks an entry against earlier entries and its content.
    fn meaning(&mut self, log: LogNumber, recorded: &LogEntry) -> Result<Result<(), String>> {
        match &recorded.body {
            body @ (Body::ZoneCreated(_) | Body::ZoneErased(_) | Body::ZoneForked(_)) => {
                let position = recorded.envelope.position;
                let (sealed, kept) = (self.seals.note(position, body), self.checkpoints.note(position, body));
                Ok(self.zones.note(body).and(sealed).and(kept))
            }
            body @ Body::ZonesSealed(_) => Ok(self.seals.note(recorded.envelope.position, body)),
            body @ Body::CheckpointKept(_) => Ok(self.checkpoints.note(recorded.envelope.position, body)),
            Body::SchemaPublished(body) => {
                self.schemas.insert(body.version.clone(), body.sha);
                Ok(Ok(()))
            }
            Body::ZoneOpened(body) => {
                let named = self.heads.get(&log).and_then(|head| self.zones.get(head.log_id));
                if named.is_some_and(|zone| zone.id != body.zone_id) {
                    return Ok(Err("the store's log names a different zone for this log".to_owned()));
                }
                Ok(Ok(()))
            }
            Body::PolicyVersionCreated(body) => {
                self.versions.insert(body.version_id.clone(), (body.policy_id.clone(), body.sha));
                Ok(self.schema(&body.schema))
            }
            Body::PolicySetVersionCreated(body) => match self.schema(&body.schema) {
                Ok(()) => self.manifest(body),
                problem => Ok(problem),
            },
            Body::DefaultSchemaChanged(body) => Ok(body.schema.as_ref().map_or(Ok(()), |schema| self.schema(schema))),
            Body::Attested(body) => {
                let before = match self.attested.insert(body.policy_set_id.clone(), body.sha) {
                    Some(before) => Some(before),
                    None => self.attested_before(&body.policy_set_id)?,
                };
                let follows = before == body.previous;
                Ok(if follows {
                    Ok(())
                } else {
                    Err("attestation does not follow the last one of the policy set".to_owned())
                })
            }
            _ => Ok(Ok(())),
        }
    }

    fn schema(&self, schema: &SchemaRef) -> Result<(), String> {
        match self.schemas.get(&schema.version) {
            Some(sha) if *sha == schema.sha => Ok(()),
            Some(_) => Err(format!("source of schema `{}` does not match the published one", schema.version)),
            None => Err(format!("schema `{}` is not published", schema.version)),
        }
    }

    fn manifest(&self, body: &PolicySetVersionCreated) -> Result<Result<(), String>> {
        // `entry` has already reported a missing manifest.
        match self.contents.manifest(self.source, body)? {
            None => Ok(Ok(())),
            Some(Err(problem)) => Ok(Err(problem)),
            Some(Ok(manifest)) => self.pins(&manifest, body),
        }
    }

    fn pins(&self, manifest: &Manifest, body: &PolicySetVersionCreated) -> Result<Result<(), String>> {
        if manifest.entries().len() != body.entries as usize {
            return Ok(Err(format!("manifest has {} entries, expected {}", manifest.entries().len(), body.entries)));
        }
        for entry in manifest.entries() {
            let id = &entry.policy_version_id;
            match self.version(id)? {
                Some((policy_id, sha)) if policy_id == entry.policy_id && sha == entry.sha => {}
                Some(_) => return Ok(Err(format!("manifest entry does not match policy version `{id}`"))),
                None => return Ok(Err(format!("manifest pins `{id}`, which does not exist"))),
            }
        }
        Ok(Ok(()))
    }

    /// Every zone in the store's log must have a log, or a head if it was erased.
    fn zones_have_logs(&mut self) {
        let missing: Vec<ZoneId> = self
            .zones
            .iter()
            .filter(|(log_id, _)| !self.numbers.contains_key(log_id))
            .map(|(_, zone)| zone.id.clone())
            .collect();
        for zone in missing {
            self.find(Place::Log { log: zone.to_string() }, "the zone's log is missing");
        }
    }
}
