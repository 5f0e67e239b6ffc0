//! The lists of versions: all versions of a policy or policy set, and the versions that a manifest pins.

use super::cursor::ListName;
use super::page::{Page, PageRequest, among};
use super::scan::rows_from;
use crate::record::PolicySetVersionCreated;
use crate::resource::policy_set_version::manifest;
use crate::resource::version::{VersionRecord, Versioned};
use crate::resource::zone::ZoneReader;
use crate::storage::{Direction, VersionRow, key, wrong_row};
use crate::types::error::Result;
use crate::types::id::PolicyVersionId;

impl ZoneReader<'_> {
    /// The numbers and rows of the versions of `parent`.
    pub(crate) fn versions<V: Versioned>(self, parent: &str, list: &PageRequest) -> Result<Page<(u32, VersionRow)>> {
        if !self.has_row(&key::by_id(self.log, V::PARENT, parent))? {
            return Err(self.not_found(V::PARENT_RESOURCE, parent));
        }
        let range = key::versions(self.log, V::BY_NUMBER, parent);
        let by_number = |number| key::by_version(self.log, V::BY_NUMBER, parent, number);
        let fetch = |from: Option<u64>, direction, count| {
            let from = from.map(|from| by_number(u32::try_from(from).unwrap_or(u32::MAX)));
            rows_from(&self, range.clone(), from, direction, count, |row_key, row: VersionRow| {
                let number = key::version(row_key).ok_or_else(|| wrong_row(V::BY_NUMBER, parent))?;
                Ok(Some((u64::from(number), (number, row))))
            })
        };
        // Numbers have no gaps, so the last number is the count.
        let count = || Ok(fetch(None, Direction::Descending, 1)?.first().map_or(0, |(number, _)| *number));
        ListName::new(self.store()?.cursor_key, self.log_id, V::BY_NUMBER.name(), parent).page(list, count, fetch)
    }

    /// The ids of the policy versions that a policy set version pins, oldest first.
    pub(crate) fn pinned(self, set_version: &str, list: &PageRequest) -> Result<Page<PolicyVersionId>> {
        let found = VersionRecord::<PolicySetVersionCreated>::by_id(self, set_version)?;
        let pinned = self.pinned_versions(&manifest(&self, found.body()?)?)?;
        ListName::new(self.store()?.cursor_key, self.log_id, "pinned", set_version).page(
            list,
            || Ok(u64::try_from(pinned.len()).unwrap_or(u64::MAX)),
            |from, direction, count| Ok(among(&pinned, from, direction, count)),
        )
    }
}
