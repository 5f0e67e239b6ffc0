//! The list of a zone's policies.

use std::collections::BTreeSet;

use super::cursor::ListName;
use super::filter::WantedPolicies;
use super::page::{Page, PageRequest, among};
use super::scan::{count, in_order};
use crate::record::Body;
use crate::resource::policy::Policy;
use crate::resource::zone::ZoneReader;
use crate::storage::key::RowKind;
use crate::storage::{PolicyRow, key, wrong_row};
use crate::types::error::Result;
use crate::types::id::PolicyId;

impl ZoneReader<'_> {
    /// The page for a page request.
    pub(crate) fn policies(self, wanted: &WantedPolicies, list: &PageRequest) -> Result<Page<Policy>> {
        let (bytes, cursor_key) = (wanted.bytes(), self.store()?.cursor_key);
        let name =
            ListName { filter: &bytes, ..ListName::new(cursor_key, self.log_id, RowKind::PolicyOrder.name(), "") };
        let order = (self.log, RowKind::PolicyOrder);
        let is_wanted = |position, id: &str| is_wanted(self, wanted, position, id);
        let page = match &wanted.ids {
            Some((given, ids)) => {
                let named = named(self, wanted, ids)?;
                let count = || Ok(u64::try_from(named.len()).unwrap_or(u64::MAX));
                name.page(&list.of_named(*given)?, count, |from, direction, count| {
                    Ok(among(&named, from, direction, count))
                })
                .map(Page::without_cursors)
            }
            None => name.page(
                list,
                || {
                    if wanted.is_all() { Ok(self.state()?.policies) } else { count(&self, order, is_wanted) }
                },
                |from, direction, count| in_order(&self, order, from, direction, count, is_wanted),
            ),
        };
        page?.try_map(|id| self.policy(&id))
    }
}

/// The policies of `ids` that exist and pass the filter, oldest first, each with the position of its creation.
fn named(zone: ZoneReader<'_>, wanted: &WantedPolicies, ids: &BTreeSet<PolicyId>) -> Result<Vec<(u64, String)>> {
    let mut named = Vec::new();
    for id in ids {
        let row: Option<PolicyRow> = zone.row(&key::by_id(zone.log, RowKind::Policy, id.as_str()))?;
        if let Some(row) = row
            && is_wanted(zone, wanted, row.created, id.as_str())?
        {
            named.push((row.created, id.to_string()));
        }
    }
    named.sort();
    Ok(named)
}

/// Whether the policy created at a position passes the filter. Tests the properties that cannot change first.
fn is_wanted(zone: ZoneReader<'_>, wanted: &WantedPolicies, position: u64, id: &str) -> Result<bool> {
    if wanted.is_all() {
        return Ok(true);
    }
    let created = zone.entry(zone.log, position)?;
    if !matches!(&created.body, Body::PolicyCreated(body) if body.policy_id == *id) {
        return Err(wrong_row(RowKind::PolicyOrder, id));
    }
    if !wanted.takes_owner(created.envelope.actor.owner_type()) {
        return Ok(false);
    }
    if !wanted.reads_texts() {
        return Ok(true);
    }
    let row: Option<PolicyRow> = zone.row(&key::by_id(zone.log, RowKind::Policy, id))?;
    let row = row.filter(|row| row.created == position).ok_or_else(|| wrong_row(RowKind::PolicyOrder, id))?;
    let (_, name, description) = zone.policy_description(id, &row)?;
    Ok(wanted.takes_texts(&name, description.as_deref()))
}
