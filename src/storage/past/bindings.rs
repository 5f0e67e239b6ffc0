//! The last binding of a policy set as of an earlier length of a zone's log, found again by the rows of bindings.

use super::{Past, STEPS};
use crate::record::Body;
use crate::storage::index::key::{self, RowKind};
use crate::storage::index::row::{BindingOrderRow, BindingRow, PolicySetRow};
use crate::storage::tables::Direction;
use crate::types::error::{ErrorDetail, Result};
use crate::types::target::{BindingMode, Target, TargetType};

/// The last binding of a policy set in a mode: where it is bound, or where that ended.
pub(super) struct Bindings {
    pub bound: Option<u64>,
    pub ended: Option<u64>,
    pub exact: bool,
}

impl Bindings {
    const NONE: Self = Self { bound: None, ended: None, exact: true };
}

impl Past<'_> {
    /// The last binding of a policy set in a mode.
    pub(super) fn bindings_of_set(self, set: &str, row: &PolicySetRow, mode: BindingMode) -> Result<Bindings> {
        let Some(last) = self.end.checked_sub(1) else { return Ok(Bindings::NONE) };
        let target = match (&self.snapshot.entry(self.log, row.created)?.body, mode) {
            (Body::PolicySetCreated(body), BindingMode::Active) if body.target_type == TargetType::User => {
                let Some(fixed) = self.before(row.target) else { return Ok(Bindings::NONE) };
                match &self.snapshot.entry(self.log, fixed)?.body {
                    Body::Bound(body) => body.target.clone(),
                    _ => return Ok(Bindings::NONE),
                }
            }
            // Until a set for users is active, its shadow may have been another user's each time.
            (Body::PolicySetCreated(body), BindingMode::Shadow) if body.target_type == TargetType::User => {
                match self.last_shadow(set, row.created)? {
                    Some(target) => target,
                    None => return Ok(Bindings::NONE),
                }
            }
            _ => Target::Zone,
        };
        let (mut ended, mut steps) = (None, 0);
        let mut next = if self.searches {
            // Compared with the witness, or with the next binding: a missing row would show the set as not bound.
            self.snapshot.binding_row(self.log, mode, &target, last)?
        } else {
            self.snapshot.first_binding(&key::bindings(self.log, mode, &target, last), Direction::Descending)?
        };
        while let Some((position, binding)) = next.filter(|(position, _)| *position > row.created) {
            if self.binds(set, position, &binding)? {
                let bound = if ended.is_none() { Some(position) } else { None };
                return Ok(Bindings { bound, ended, exact: true });
            }
            steps += 1;
            if !self.searches || steps > STEPS {
                return Ok(Bindings { exact: false, ..Bindings::NONE });
            }
            ended = Some(position);
            next = match binding.previous {
                Some(previous) => {
                    let row_key = key::binding(self.log, mode, &target, previous);
                    let row: Option<BindingRow> = self.snapshot.row(&row_key)?;
                    let place = format_args!("binding {previous} of log {}", self.log);
                    Some((previous, row.ok_or_else(|| ErrorDetail::corrupt(place, "missing"))?))
                }
                None => None,
            };
        }
        Ok(Bindings::NONE)
    }

    /// The target of the last shadow binding of a policy set.
    fn last_shadow(self, set: &str, created: u64) -> Result<Option<Target>> {
        let mut found = None;
        let from = key::by_position(self.log, RowKind::BindingOrder, created);
        let range = from..key::by_position(self.log, RowKind::BindingOrder, self.end);
        self.snapshot.rows::<BindingOrderRow>(&range, Direction::Descending, &mut |row_key, row| {
            let position = key::position(row_key).unwrap_or_default();
            if row.mode == BindingMode::Shadow
                && self.binds(set, position, &BindingRow { bound: true, previous: None })?
            {
                found = Some(row.target);
            }
            Ok(found.is_none())
        })?;
        Ok(found)
    }

    /// Whether the binding at `position` is one of this policy set.
    fn binds(self, set: &str, position: u64, row: &BindingRow) -> Result<bool> {
        Ok(row.bound
            && matches!(
                &self.snapshot.entry(self.log, position)?.body,
                Body::Bound(body) if body.bound.policy_set_id == *set
            ))
    }
}
