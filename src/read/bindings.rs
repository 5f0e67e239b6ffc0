//! The reads of a zone's bindings: now, at an earlier point, and the one that a rollback would repeat.

use super::moment::Moment;
use super::zone::Zone;
use crate::resource::binding::{At, Binding};
use crate::types::error::Result;
use crate::types::target::{BindingMode, Target};

/// Bindings, now and at an earlier time.
impl<M: Moment> Zone<M> {
    /// The version in force for `target`, since when and by whom.
    ///
    /// # Errors
    ///
    /// [`NotBound`](crate::ErrorKind::NotBound) if nothing is in force for the target.
    pub fn in_force(&self, target: Target) -> Result<Binding> {
        self.in_force_at(target, At::Now)
    }

    /// The version that was in force for `target` at an earlier position of the log or at an earlier time. A future time gives
    /// the same as now.
    ///
    /// # Errors
    ///
    /// [`NotBound`](crate::ErrorKind::NotBound) if nothing was in force; [`Invalid`](crate::ErrorKind::Invalid) for a position
    /// that the log does not have.
    pub fn in_force_at(&self, target: Target, at: impl Into<At>) -> Result<Binding> {
        self.read(|zone| zone.bound(&target, BindingMode::Active, at.into()))
    }

    /// The binding that a [rollback](crate::ZoneTransaction::rollback) of `target` would repeat: the newest one of a version other
    /// than that in force, or of any version if nothing is in force. The rollback itself is refused if the version was
    /// archived since.
    ///
    /// ```
    /// # use policy_store::{Result, Target, Zone};
    /// fn question(zone: &Zone) -> Result<String> {
    ///     let before = zone.previous_binding(Target::Zone)?;
    ///     Ok(format!("Roll back to version {}, in force since {} by {}?", before.version, before.since, before.by.id()))
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`NotBound`](crate::ErrorKind::NotBound) with the code `no_earlier_binding` if no other version was ever in force for the
    /// target.
    pub fn previous_binding(&self, target: Target) -> Result<Binding> {
        self.read(|zone| zone.previous_binding(&target))
    }

    /// The version under observation for `target`: a [shadow authorizer](Zone::shadow_authorizer) decides by it, and nothing
    /// enforces it.
    ///
    /// # Errors
    ///
    /// [`NotBound`](crate::ErrorKind::NotBound) if nothing is under observation for the target.
    pub fn observed(&self, target: Target) -> Result<Binding> {
        self.observed_at(target, At::Now)
    }

    /// The version that was under observation for `target` at an earlier position of the log or at an earlier time.
    ///
    /// # Errors
    ///
    /// As [`in_force_at`](Self::in_force_at).
    pub fn observed_at(&self, target: Target, at: impl Into<At>) -> Result<Binding> {
        self.read(|zone| zone.bound(&target, BindingMode::Shadow, at.into()))
    }

    /// The zone's guardrail, since when and by whom; none if the zone has none.
    ///
    /// # Errors
    ///
    /// As any read: see [`Zone`].
    pub fn guardrail(&self) -> Result<Option<Binding>> {
        self.guardrail_at(At::Now)
    }

    /// The zone's guardrail at an earlier position of the log or at an earlier time.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) for a position that the log does not have.
    pub fn guardrail_at(&self, at: impl Into<At>) -> Result<Option<Binding>> {
        self.read(|zone| zone.guardrail(at.into()))
    }
}
