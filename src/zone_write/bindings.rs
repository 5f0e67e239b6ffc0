//! Writing bindings: what is put in force or under observation, and what is no longer.

use super::ZoneWrite;
use crate::asked::Asked;
use crate::binding::{self, At, Binding};
use crate::error::{ErrorDetail, Resource, Result};
use crate::model::{BindingMode, Target, TargetType};
use crate::policy_set::{self, PolicySet};
use crate::record::{Bound, BoundVersion, Unbound};
use crate::write::check_owner;

/// Bindings.
impl ZoneWrite<'_, '_> {
    /// Puts a policy set version in force for the zone, in the place of what was bound there. An earlier version can
    /// be put in force again: that is a rollback. What is in force already changes nothing.
    pub fn activate(&mut self, policy_set_version_id: impl AsRef<str>) -> Result<Binding> {
        self.bind(policy_set_version_id, Target::Zone)
    }

    /// Puts a policy set version in force for a target, in the place of what was bound there.
    ///
    /// # Errors
    ///
    /// [`Archived`](crate::ErrorKind::Archived) if the version or its set is; [`Conflict`](crate::ErrorKind::Conflict)
    /// if the set is for another kind of target, or for another user.
    pub fn bind(&mut self, policy_set_version_id: impl AsRef<str>, target: Target) -> Result<Binding> {
        self.bind_as(policy_set_version_id.as_ref(), target, BindingMode::Active)
    }

    /// Puts a policy set version under observation for a target, in the place of what was observed there. It decides
    /// nothing: a [shadow authorizer](crate::Zone::shadow_authorizer) tells what it would have decided. It does not fix the
    /// target of a set for users.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind).
    pub fn bind_shadow(&mut self, policy_set_version_id: impl AsRef<str>, target: Target) -> Result<Binding> {
        self.bind_as(policy_set_version_id.as_ref(), target, BindingMode::Shadow)
    }

    /// Unbinds what is in force for a target, and returns what that was. Then nothing is in force there.
    ///
    /// # Errors
    ///
    /// [`NotBound`](crate::ErrorKind::NotBound) if nothing is.
    pub fn unbind(&mut self, target: Target) -> Result<Binding> {
        self.unbind_as(target, BindingMode::Active)
    }

    /// Ends the observation of what is observed for a target, and returns what that was.
    ///
    /// # Errors
    ///
    /// [`NotBound`](crate::ErrorKind::NotBound) if nothing is.
    pub fn unbind_shadow(&mut self, target: Target) -> Result<Binding> {
        self.unbind_as(target, BindingMode::Shadow)
    }

    fn bind_as(&mut self, id: &str, target: Target, mode: BindingMode) -> Result<Binding> {
        let operation = match mode {
            BindingMode::Active => "bind",
            BindingMode::Shadow => "bind_shadow",
        };
        let asked = Asked::to(operation).text(id).target(&target);
        let replayed = target.clone();
        self.once(
            asked,
            |zone| zone.add_binding(id, target, mode),
            |view, zone, _| binding::bound(view, zone, &replayed, mode, At::Now),
        )
    }

    fn add_binding(&mut self, id: &str, target: Target, mode: BindingMode) -> Result<Binding> {
        target.check()?;
        let version = self.policy_set_version(id)?;
        let set = self.policy_set(&version.policy_set_id)?;
        for (archived, what, id) in [
            (set.archived_at, Resource::PolicySet, set.id.as_str()),
            (version.archived_at, Resource::PolicySetVersion, version.id.as_str()),
        ] {
            if archived.is_some() {
                return Err(ErrorDetail::Archived { what, id: id.to_owned() }.into());
            }
        }
        self.check_target(&set, &target)?;
        if set.target_id.is_none() && mode == BindingMode::Active {
            // The first user that a set is bound to is its target for ever.
            check_owner(self.append.actor(), Resource::PolicySet, set.id.as_str(), set.owner_type)?;
        }
        let before = self.binding(&target, mode)?;
        if let Some(same) = before.as_ref().filter(|before| before.policy_set_version_id == version.id) {
            return Ok(same.clone());
        }
        let bound =
            BoundVersion { policy_set_id: version.policy_set_id, version_id: version.id, version: version.version };
        let body = Bound { target: target.clone(), mode, bound, replaced: before.map(bound_version) };
        self.append.append(self.zone.log, body)?;
        self.binding(&target, mode)?.ok_or_else(|| binding::not_bound(&self.zone, &target))
    }

    /// A set for users has one user: the one that it was first activated for, or until then the one that it is observed
    /// for.
    fn check_target(&self, set: &PolicySet, target: &Target) -> Result<()> {
        let user = match (set.target_type, &set.target_id) {
            (TargetType::Zone, _) => None,
            (TargetType::User, Some(user)) => Some(user.clone()),
            (TargetType::User, None) => {
                self.append.view(|view| policy_set::observed_user(view, &self.zone, set.id.as_str()))?
            }
        };
        let fits = match (target, set.target_type) {
            (Target::Zone, TargetType::Zone) => true,
            (Target::User(target), TargetType::User) => user.as_ref().is_none_or(|user| user == target),
            _ => false,
        };
        if fits {
            return Ok(());
        }
        let expected = match (set.target_type, user) {
            (TargetType::User, Some(user)) => Target::User(user).to_string(),
            (TargetType::User, None) => "a user".to_owned(),
            (TargetType::Zone, _) => Target::Zone.to_string(),
        };
        let (policy_set_id, target) = (set.id.to_string(), target.to_string());
        Err(ErrorDetail::WrongTarget { policy_set_id, expected, target }.into())
    }

    fn unbind_as(&mut self, target: Target, mode: BindingMode) -> Result<Binding> {
        let operation = match mode {
            BindingMode::Active => "unbind",
            BindingMode::Shadow => "unbind_shadow",
        };
        let replayed = target.clone();
        self.once(
            Asked::to(operation).target(&target),
            |zone| {
                let before = zone.binding(&target, mode)?.ok_or_else(|| binding::not_bound(&zone.zone, &target))?;
                let replaced = bound_version(before.clone());
                zone.append.append(zone.zone.log, Unbound { target, mode, replaced })?;
                Ok(before)
            },
            |view, zone, entry| {
                let before = entry.envelope.position.saturating_sub(1);
                binding::find_up_to(view, zone, &replayed, mode, before)?
                    .ok_or_else(|| binding::not_bound(zone, &replayed))
            },
        )
    }

    pub(super) fn binding(&self, target: &Target, mode: BindingMode) -> Result<Option<Binding>> {
        self.append.view(|view| binding::find(view, &self.zone, target, mode, At::Now))
    }
}

fn bound_version(binding: Binding) -> BoundVersion {
    BoundVersion {
        policy_set_id: binding.policy_set_id,
        version_id: binding.policy_set_version_id,
        version: binding.version,
    }
}
