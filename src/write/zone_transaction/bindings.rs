//! Writes bindings: binds and unbinds policy set versions in each mode, and rolls back.

use super::ZoneTransaction;
use crate::decide::guardrail::check_guardrail;
use crate::engine::validation::{Validated, Validation};
use crate::record::fingerprint::Fingerprint;
use crate::record::{Body, Bound, BoundVersion, LogEntry, PolicySetVersionCreated, Unbound};
use crate::resource::binding::{self, At, BindOutcome, Binding};
use crate::resource::history::BoundTo;
use crate::resource::version::VersionRecord;
use crate::rules::guardrail;
use crate::rules::ownership::check_owner;
use crate::rules::target::check_target;
use crate::rules::test_demand;
use crate::types::error::{ErrorDetail, Resource, Result};
use crate::types::target::{BindingMode, Target};

/// Bindings.
impl ZoneTransaction<'_, '_> {
    /// Puts a policy set version in force for the zone: [`bind`](Self::bind) with [`Target::Zone`].
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind).
    pub fn activate(&mut self, policy_set_version_id: impl AsRef<str>) -> Result<BindOutcome> {
        self.bind(policy_set_version_id, Target::Zone)
    }

    /// Puts a policy set version in force for a target, in place of the version bound before. Does nothing if the
    /// version is already in force: [`BindOutcome::changed`] is then false. To return to the version before, use
    /// [`rollback`](Self::rollback).
    ///
    /// # Errors
    ///
    /// [`Archived`](crate::ErrorKind::Archived) if the version or its set is archived;
    /// [`Conflict`](crate::ErrorKind::Conflict) if the set is for another type of target or for another user, if the
    /// zone's [guardrail](Self::bind_guardrail) does not validate against the version's schema, or if the zone
    /// [demands tests](Self::require_tests) and the version has none (`tests_missing`) or does not pass them
    /// (`tests_failed`); otherwise as any call: see [`ZoneTransaction`](Self#errors).
    pub fn bind(&mut self, policy_set_version_id: impl AsRef<str>, target: Target) -> Result<BindOutcome> {
        self.bind_as(policy_set_version_id.as_ref(), target, BindingMode::Active)
    }

    /// Binds the target's previous version again: the newest binding of a version other than the one in force, or of
    /// any version if nothing is in force. A second call therefore undoes the first.
    /// [`previous_binding`](crate::Zone::previous_binding) tells which one it is. To go further back, [bind](Self::bind) a
    /// version from the [list of bindings](crate::Zone::bindings).
    ///
    /// # Errors
    ///
    /// [`NotBound`](crate::ErrorKind::NotBound) if no other version was ever bound to the target; otherwise as
    /// [`bind`](Self::bind).
    pub fn rollback(&mut self, target: Target) -> Result<BindOutcome> {
        let replayed = target.clone();
        self.once(
            Fingerprint::of("rollback").target(&target),
            |zone| {
                let before = zone.read(|reader| reader.previous_binding(&target))?;
                zone.add_binding(before.policy_set_version_id.as_str(), target, BindingMode::Active)
            },
            |reader, entry| reader.bind_outcome(&replayed, BindingMode::Active, has_bound(entry)),
        )
    }

    /// Binds a policy set version in shadow mode, in place of the version observed before. It is never enforced: a
    /// [shadow authorizer](crate::Zone::shadow_authorizer) gives the decisions that it would make. It does not fix the
    /// target of a set for users. A [demand for tests](Self::require_tests) does not apply: this is how a version is tried.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind).
    pub fn bind_shadow(&mut self, policy_set_version_id: impl AsRef<str>, target: Target) -> Result<BindOutcome> {
        self.bind_as(policy_set_version_id.as_ref(), target, BindingMode::Shadow)
    }

    /// Makes a policy set version the zone's guardrail, in place of the one before. Its `forbid` statements are
    /// evaluated in every decision of the zone, for all targets, so it can only restrict. A target without a version in
    /// force still has none. Only platform actors may bind or unbind a guardrail, or suspend, erase or copy a zone that
    /// has one.
    ///
    /// [`Zone::prepare_guardrail`](crate::Zone::prepare_guardrail) parses and validates ahead of the write.
    ///
    /// # Errors
    ///
    /// [`Forbidden`](crate::ErrorKind::Forbidden) for a customer; [`Invalid`](crate::ErrorKind::Invalid) if the version
    /// has a `permit`; [`Conflict`](crate::ErrorKind::Conflict) if it does not validate against the schema of a version
    /// in force or under observation in the zone; otherwise as [`bind`](Self::bind).
    pub fn bind_guardrail(&mut self, policy_set_version_id: impl AsRef<str>) -> Result<BindOutcome> {
        self.bind_as(policy_set_version_id.as_ref(), Target::Zone, BindingMode::Guardrail)
    }

    /// Ends the active binding of a target and returns it. Nothing is in force for the target afterwards.
    ///
    /// # Errors
    ///
    /// [`NotBound`](crate::ErrorKind::NotBound) if nothing is in force; otherwise as any call: see
    /// [`ZoneTransaction`](Self#errors).
    pub fn unbind(&mut self, target: Target) -> Result<Binding> {
        self.unbind_as(target, BindingMode::Active)
    }

    /// Ends the shadow binding of a target and returns it.
    ///
    /// # Errors
    ///
    /// [`NotBound`](crate::ErrorKind::NotBound) if nothing is under observation; otherwise as any call: see
    /// [`ZoneTransaction`](Self#errors).
    pub fn unbind_shadow(&mut self, target: Target) -> Result<Binding> {
        self.unbind_as(target, BindingMode::Shadow)
    }

    /// Unbinds the zone's guardrail and returns the binding that ended.
    ///
    /// # Errors
    ///
    /// [`Forbidden`](crate::ErrorKind::Forbidden) for a customer; [`NotBound`](crate::ErrorKind::NotBound) if the zone
    /// has none; otherwise as any call: see [`ZoneTransaction`](Self#errors).
    pub fn unbind_guardrail(&mut self) -> Result<Binding> {
        self.unbind_as(Target::Zone, BindingMode::Guardrail)
    }

    fn bind_as(&mut self, id: &str, target: Target, mode: BindingMode) -> Result<BindOutcome> {
        let operation = match mode {
            BindingMode::Active => "bind",
            BindingMode::Shadow => "bind_shadow",
            BindingMode::Guardrail => "bind_guardrail",
        };
        let fingerprint = Fingerprint::of(operation).text(id).target(&target);
        let replayed = target.clone();
        self.once(
            fingerprint,
            |zone| zone.add_binding(id, target, mode),
            |reader, entry| reader.bind_outcome(&replayed, mode, has_bound(entry)),
        )
    }

    fn add_binding(&mut self, id: &str, target: Target, mode: BindingMode) -> Result<BindOutcome> {
        target.check()?;
        if mode == BindingMode::Guardrail {
            guardrail::check_binder(self.id(), self.actor())?;
        }
        let found = self.read(|reader| VersionRecord::<PolicySetVersionCreated>::by_id(reader, id))?;
        let version = found.body()?;
        let set = self.policy_set(&version.policy_set_id)?;
        for (archived, what, id) in [
            (set.archived_at.is_some(), Resource::PolicySet, set.id.as_str()),
            (found.row.archived.is_some(), Resource::PolicySetVersion, id),
        ] {
            if archived {
                return Err(ErrorDetail::Archived { what, id: id.to_owned() }.into());
            }
        }
        self.read(|reader| check_target(reader, &set, &target))?;
        if set.target_id.is_none() && mode == BindingMode::Active {
            // The first user that a set is bound to stays its only target.
            check_owner(self.actor(), Resource::PolicySet, set.id.as_str(), set.owner_type)?;
        }
        let before = self.binding(&target, mode)?;
        if let Some(same) = before.as_ref().filter(|before| before.policy_set_version_id == version.version_id) {
            return Ok(BindOutcome { binding: same.clone(), replaced: None, changed: false });
        }
        self.check_guardrail(version, mode)?;
        if mode == BindingMode::Active {
            self.read(|reader| test_demand::check_version(reader, &self.engine.compiler, version))?;
        }
        let PolicySetVersionCreated { policy_set_id, version_id, version, .. } = version.clone();
        let bound = BoundVersion { policy_set_id, version_id, version };
        let body = Bound { target, mode, bound, replaced: before.map(bound_version) };
        let entry = self.append(body.clone())?;
        let binding = self.read(|reader| reader.binding_of(&entry))?;
        Ok(BindOutcome { binding, replaced: body.replaced.map(BoundTo::from), changed: true })
    }

    /// The guardrail must validate against the schema of every bound version, since both are evaluated together.
    fn check_guardrail(&self, version: &PolicySetVersionCreated, mode: BindingMode) -> Result<()> {
        let known = Validated::default();
        let validation = Validation::in_write(&self.engine.compiler, &known);
        self.read(|reader| match mode {
            BindingMode::Guardrail => guardrail::check_version(reader, &validation, version),
            _ => check_guardrail(reader, &validation, &version.schema),
        })
    }

    fn unbind_as(&mut self, target: Target, mode: BindingMode) -> Result<Binding> {
        let operation = match mode {
            BindingMode::Active => "unbind",
            BindingMode::Shadow => "unbind_shadow",
            BindingMode::Guardrail => "unbind_guardrail",
        };
        let replayed = target.clone();
        self.once(
            Fingerprint::of(operation).target(&target),
            |zone| {
                if mode == BindingMode::Guardrail {
                    guardrail::check_binder(zone.id(), zone.actor())?;
                }
                let before = zone.binding(&target, mode)?.ok_or_else(|| binding::not_bound(zone.id(), &target))?;
                let replaced = bound_version(before.clone());
                zone.append(Unbound { target, mode, replaced })?;
                Ok(before)
            },
            |reader, entry| {
                let before = entry.envelope.position.saturating_sub(1);
                reader.binding_up_to(&replayed, mode, before)?.ok_or_else(|| binding::not_bound(reader.id, &replayed))
            },
        )
    }

    pub(super) fn binding(&self, target: &Target, mode: BindingMode) -> Result<Option<Binding>> {
        self.read(|reader| reader.binding(target, mode, At::Now))
    }
}

/// Whether a binding call changed the binding, by its first entry.
pub(super) fn has_bound(entry: &LogEntry) -> bool {
    !matches!(entry.body, Body::Unchanged(_))
}

fn bound_version(binding: Binding) -> BoundVersion {
    BoundVersion {
        policy_set_id: binding.policy_set_id,
        version_id: binding.policy_set_version_id,
        version: binding.version,
    }
}
