//! The list of a zone's policy sets: by time of creation, or active sets first.

use super::cursor::ListName;
use super::filter::WantedPolicySets;
use super::order::Sort;
use super::page::{Page, PageRequest};
use super::scan::{count, in_order};
use crate::record::Body;
use crate::resource::policy_set::PolicySet;
use crate::resource::zone::ZoneReader;
use crate::storage::key::RowKind;
use crate::storage::{Direction, PolicySetRow, key, wrong_row};
use crate::types::error::Result;
use crate::types::target::TargetType;

/// In a list by status, the bit that marks the places of active sets, so that a descending list has them first. No log
/// has that many entries.
const ACTIVE: u64 = 1 << 63;

impl ZoneReader<'_> {
    /// The page for a page request.
    pub(crate) fn policy_sets(self, wanted: &WantedPolicySets, list: &PageRequest) -> Result<Page<PolicySet>> {
        let (bytes, cursor_key, tag) = (wanted.bytes(), self.store()?.cursor_key, RowKind::PolicySetOrder);
        let sort = list.sorted_by();
        let name = ListName { filter: &bytes, sort, ..ListName::new(cursor_key, self.log_id, tag.name(), "") };
        let page = name.page(
            list,
            || total(self, wanted),
            |from, direction, count| match sort {
                Sort::CreatedAt => ids(self, wanted, from, direction, count),
                Sort::Status => active_first(self, wanted, from, count),
            },
        )?;
        page.try_map(|id| self.policy_set(&id))
    }
}

fn ids(
    zone: ZoneReader<'_>,
    wanted: &WantedPolicySets,
    from: Option<u64>,
    direction: Direction,
    count: usize,
) -> Result<Vec<(u64, String)>> {
    in_order(&zone, (zone.log, RowKind::PolicySetOrder), from, direction, count, |position, id| {
        is_wanted(zone, wanted, position, id)
    })
}

/// The active sets, newest first, then the others: two walks of the same list. No index row lists the active sets, so
/// the first page reads every set of the zone.
fn active_first(
    zone: ZoneReader<'_>,
    wanted: &WantedPolicySets,
    from: Option<u64>,
    count: usize,
) -> Result<Vec<(u64, String)>> {
    let mut found = Vec::new();
    for (active, mark) in [(true, ACTIVE), (false, 0)] {
        let is_over = !active_is_left(active, from) || wanted.active == Some(!active);
        if is_over {
            continue;
        }
        let group = wanted.clone().only_active(active);
        // In the group of the cursor, the walk continues after the cursor's place.
        let from = from.filter(|from| from & ACTIVE == mark).map(|from| from & !ACTIVE);
        let ids = ids(zone, &group, from, Direction::Descending, count - found.len())?;
        found.extend(ids.into_iter().map(|(position, id)| (position | mark, id)));
    }
    Ok(found)
}

/// Whether a page after the place `from` can contain active sets, or the other sets.
fn active_is_left(active: bool, from: Option<u64>) -> bool {
    !active || from.is_none_or(|from| from & ACTIVE != 0)
}

fn total(zone: ZoneReader<'_>, wanted: &WantedPolicySets) -> Result<u64> {
    if !wanted.is_by_target() {
        let is_wanted = |position, id: &str| is_wanted(zone, wanted, position, id);
        return count(&zone, (zone.log, RowKind::PolicySetOrder), is_wanted);
    }
    let state = zone.state()?;
    let of = |target_type, sets| if wanted.takes_target(target_type) { sets } else { 0 };
    Ok(of(TargetType::Zone, state.zone_sets) + of(TargetType::User, state.user_sets))
}

/// Whether the set created at a position passes the filter. Tests the properties that cannot change first.
fn is_wanted(zone: ZoneReader<'_>, wanted: &WantedPolicySets, position: u64, id: &str) -> Result<bool> {
    let created = zone.entry(zone.log, position)?;
    let target_type = match &created.body {
        Body::PolicySetCreated(body) if body.policy_set_id == *id => body.target_type,
        _ => return Err(wrong_row(RowKind::PolicySetOrder, id)),
    };
    if !wanted.takes_target(target_type) || !wanted.takes_owner(created.envelope.actor.owner_type()) {
        return Ok(false);
    }
    if wanted.active.is_none() && !wanted.reads_name() {
        return Ok(true);
    }
    let row: Option<PolicySetRow> = zone.row(&key::by_id(zone.log, RowKind::PolicySet, id))?;
    let row = row.filter(|row| row.created == position).ok_or_else(|| wrong_row(RowKind::PolicySetOrder, id))?;
    if wanted.active.is_some_and(|active| active != row.active.is_some()) {
        return Ok(false);
    }
    if !wanted.reads_name() {
        return Ok(true);
    }
    let (_, name, _) = zone.policy_set_description(id, &row)?;
    Ok(wanted.takes_name(&name))
}
