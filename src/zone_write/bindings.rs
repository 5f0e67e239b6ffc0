//! Writing bindings: what is put in force, and what is no longer.

use super::ZoneWrite;
use crate::binding::{self, At, Binding};
use crate::error::{ErrorDetail, Resource, Result};
use crate::model::{BindingMode, Target, TargetType};
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
        target.check()?;
        let version = self.policy_set_version(policy_set_version_id)?;
        let set = self.policy_set(&version.policy_set_id)?;
        for (archived, what, id) in [
            (set.archived_at, Resource::PolicySet, set.id.as_str()),
            (version.archived_at, Resource::PolicySetVersion, version.id.as_str()),
        ] {
            if archived.is_some() {
                return Err(ErrorDetail::Archived { what, id: id.to_owned() }.into());
            }
        }
        let fits = match (&target, set.target_type, &set.target_id) {
            (Target::Zone, TargetType::Zone, _) | (Target::User(_), TargetType::User, None) => true,
            (Target::User(user), TargetType::User, Some(fixed)) => user == fixed,
            _ => false,
        };
        if !fits {
            let expected = match (set.target_type, set.target_id) {
                (TargetType::User, Some(user)) => Target::User(user).to_string(),
                (TargetType::User, None) => "a user".to_owned(),
                (TargetType::Zone, _) => Target::Zone.to_string(),
            };
            let (policy_set_id, target) = (set.id.to_string(), target.to_string());
            return Err(ErrorDetail::WrongTarget { policy_set_id, expected, target }.into());
        }
        if set.target_id.is_none() {
            // The first user that a set is bound to is its target for ever.
            check_owner(self.append, Resource::PolicySet, set.id.as_str(), set.owner_type)?;
        }
        let before = self.binding(&target)?;
        if let Some(same) = before.as_ref().filter(|before| before.policy_set_version_id == version.id) {
            return Ok(same.clone());
        }
        let body = Bound {
            target: target.clone(),
            mode: BindingMode::Active,
            bound: BoundVersion {
                policy_set_id: version.policy_set_id,
                version_id: version.id,
                version: version.version,
            },
            replaced: before.map(bound_version),
        };
        self.append.append(self.zone.log, body)?;
        self.in_force(target)
    }

    /// Unbinds what is in force for a target, and returns what that was. Then nothing is in force there.
    ///
    /// # Errors
    ///
    /// [`NotBound`](crate::ErrorKind::NotBound) if nothing is.
    pub fn unbind(&mut self, target: Target) -> Result<Binding> {
        let before = self.in_force(target.clone())?;
        let replaced = bound_version(before.clone());
        let body = Unbound { target, mode: BindingMode::Active, replaced };
        self.append.append(self.zone.log, body)?;
        Ok(before)
    }

    fn binding(&self, target: &Target) -> Result<Option<Binding>> {
        self.append.view(|view| binding::find(view, &self.zone, target, BindingMode::Active, At::Now))
    }
}

fn bound_version(binding: Binding) -> BoundVersion {
    BoundVersion {
        policy_set_id: binding.policy_set_id,
        version_id: binding.policy_set_version_id,
        version: binding.version,
    }
}
