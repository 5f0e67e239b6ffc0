//! Differences between policy set versions.

use super::moment::Moment;
use super::zone::Zone;
use crate::change::difference::PolicySetDifference;
use crate::types::error::Result;

/// Differences.
impl<M: Moment> Zone<M> {
    /// The difference between two policy set versions: the policies that they pin differently, and the statements that were
    /// added, removed and changed. They may be versions of different sets.
    ///
    /// ```
    /// # use policy_store::{At, PolicySetDifference, Result, Target, Zone};
    /// /// The change that the last binding of the zone made.
    /// fn last_change(zone: &Zone) -> Result<PolicySetDifference> {
    ///     let now = zone.in_force(Target::Zone)?;
    ///     let before = zone.in_force_at(Target::Zone, At::Before(now.position))?;
    ///     zone.difference(&before.policy_set_version_id, &now.policy_set_version_id)
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) for an unknown version.
    pub fn difference(&self, from: impl AsRef<str>, to: impl AsRef<str>) -> Result<PolicySetDifference> {
        self.read(|zone| zone.difference(from.as_ref(), to.as_ref()))
    }
}
