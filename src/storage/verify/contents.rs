//! The content of a file: every piece is hashed once, and entries look up the hashes that they name.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::careful::Careful;
use super::compare::{NOT_DERIVED, compare};
use crate::record::{ContentId, Manifest, Plain, PolicySetVersionCreated, PolicyVersionCreated};
use crate::storage::content;
use crate::storage::index::key::{self, LogNumber, RowKind};
use crate::storage::index::row::{Row, VersionRow};
use crate::storage::tables::{Table, TableReader};
use crate::types::error::{ErrorKind, Result};
use crate::types::hash::hex;
use crate::types::progress::Steps;

/// The content of a file, by its hashes.
#[derive(Default)]
pub(super) struct Contents {
    /// Whether all content was hashed at the start. Otherwise it is looked up and hashed when an entry names it.
    pub whole: bool,
    numbers: HashMap<ContentId, u64>,
    /// The highest number.
    pub last: Option<u64>,
    /// The problems with numbered content.
    pub problems: Vec<(u64, String)>,
    /// The problems with other rows: addresses, and keys that are no numbers.
    pub row_problems: Vec<String>,
    /// The numbers that entries name.
    named: HashSet<u64>,
    /// The content that entries name and that is not there.
    missing: HashSet<ContentId>,
}

impl Contents {
    /// Hashes all content, and compares the addresses with it.
    pub(super) fn of(source: &Careful<'_>, steps: &Steps<'_>) -> Result<Self> {
        let mut contents = Self { whole: true, ..Self::default() };
        let hash = |_: &[u8], value: &[u8]| Plain::unpack(value).map(|plain| plain.id());
        source.scan_with(Table::Content, key::ALL_CONTENT, &hash, &mut |row_key, _, id| {
            contents.add(row_key, id);
            steps.add(1)
        })?;
        let addresses = contents.numbers.iter().map(|(id, number)| (key::address(&id.key(), *number), Vec::new()));
        let all = key::ALL_CONTENT.start.to_vec()..key::ALL_CONTENT.end.to_vec();
        let (_, wrong) = compare(source, Table::Addresses, &all, addresses.collect::<BTreeMap<_, _>>())?;
        for (row_key, problem) in wrong {
            let problem = if problem == NOT_DERIVED { "has no content" } else { problem };
            contents.row_problems.push(format!("address {}: {problem}", hex::encode(&row_key)));
        }
        Ok(contents)
    }

    fn add(&mut self, row_key: &[u8], id: Result<ContentId, String>) {
        let Some(number) = key::content_number(row_key) else {
            self.row_problems.push(format!("content under {}: not a number", hex::encode(row_key)));
            return;
        };
        self.last = Some(number);
        match id {
            Err(problem) => self.problems.push((number, problem)),
            Ok(id) => match self.numbers.get(&id) {
                Some(first) => self.problems.push((number, format!("is content {first} again"))),
                None => drop(self.numbers.insert(id, number)),
            },
        }
    }

    /// The number of intact pieces.
    pub(super) fn count(&self) -> u64 {
        self.numbers.len() as u64
    }

    /// Notes that an entry names the content `id`. Returns `false` at the first entry that names missing content.
    pub(super) fn name(&mut self, source: &dyn TableReader, id: &ContentId) -> Result<bool> {
        if !self.whole && !self.numbers.contains_key(id) && !self.missing.contains(id) {
            match content::find(source, id) {
                Ok(Some((number, _))) => drop(self.numbers.insert(*id, number)),
                Ok(None) => {}
                Err(error) if error.kind() == ErrorKind::Corrupt => {}
                Err(error) => return Err(error),
            }
        }
        Ok(match self.numbers.get(id) {
            Some(number) => {
                self.named.insert(*number);
                true
            }
            None => !self.missing.insert(*id),
        })
    }

    /// The number of the forms that a version's row must have. The entry was [named](Self::name). Nothing tells the number
    /// of damaged content, so the row's own is taken for right.
    pub(super) fn forms(
        &self,
        source: &dyn TableReader,
        log: LogNumber,
        body: &PolicyVersionCreated,
    ) -> Result<Option<u64>> {
        if let Some(number) = self.numbers.get(&body.forms()) {
            return Ok(Some(*number));
        }
        let row_key = key::by_version(log, RowKind::PolicyVersion, body.policy_id.as_str(), body.version);
        let mut forms = None;
        source.get(Table::Index, &row_key, &mut |value| {
            forms = VersionRow::from_value(&row_key, value).ok().and_then(|row| row.forms);
        })?;
        Ok(forms)
    }

    /// The manifest of a policy set version; the inner error is the problem with it. None if it is missing or damaged.
    pub(super) fn manifest(
        &self,
        source: &dyn TableReader,
        body: &PolicySetVersionCreated,
    ) -> Result<Option<Result<Manifest, String>>> {
        let id = body.manifest();
        let Some(number) = self.numbers.get(&id) else { return Ok(None) };
        let mut read = None;
        let found = source.get(Table::Content, &key::content(*number), &mut |value| {
            read = Some(Plain::unpack(value).and_then(|plain| Manifest::parse(plain.text(&id)?)));
        });
        match found {
            Err(error) if error.kind() == ErrorKind::Corrupt => Ok(Some(Err(error.to_string()))),
            Err(error) => Err(error),
            Ok(_) => Ok(read),
        }
    }

    /// The numbers of the content that no entry names.
    pub(super) fn unnamed(&self) -> Vec<u64> {
        let mut unnamed: Vec<u64> =
            self.numbers.values().copied().filter(|number| !self.named.contains(number)).collect();
        unnamed.sort_unstable();
        unnamed
    }
}
