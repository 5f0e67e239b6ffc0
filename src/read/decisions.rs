//! Authorizers of a zone, and the check of its policies against another schema. Only for committed state: compiled sets are
//! kept by the hashes of their entries, which a write that is under way does not have yet.

use super::moment::Committed;
use super::zone::Zone;
use crate::decide::authorizer::Authorizer;
use crate::preflight::{self, Candidate, ZonePreflight};
use crate::resource::binding::At;
use crate::types::error::Result;
use crate::types::target::{BindingMode, Target};

/// Decisions.
impl<M: Committed> Zone<M> {
    /// An authorizer for the version in force for `target`, with the zone's guardrail if it has one. It is immutable, and
    /// cheap enough to take one for each request.
    ///
    /// # Errors
    ///
    /// [`NotBound`](crate::ErrorKind::NotBound) if nothing is in force for the target;
    /// [`Unavailable`](crate::ErrorKind::Unavailable) if this build's Cedar does not parse a pinned policy any more.
    pub fn authorizer(&self, target: Target) -> Result<Authorizer> {
        self.authorizer_at(target, At::Now)
    }

    /// An authorizer for the version that was in force for `target` at an earlier position of the log or at an earlier time,
    /// with the guardrail of then.
    ///
    /// # Errors
    ///
    /// As [`authorizer`](Self::authorizer); [`Invalid`](crate::ErrorKind::Invalid) for a position that the log does not have.
    pub fn authorizer_at(&self, target: Target, at: impl Into<At>) -> Result<Authorizer> {
        self.bound_authorizer(target, BindingMode::Active, at.into())
    }

    /// An authorizer for the version under observation for `target`: it gives the decisions that would be made if that version
    /// were in force. [`Answer::difference`](crate::Answer::difference) compares. Its receipts name the mode. If its schema is
    /// not the one in force, each authorizer has to read requests and entities for itself.
    ///
    /// # Errors
    ///
    /// As [`authorizer`](Self::authorizer).
    pub fn shadow_authorizer(&self, target: Target) -> Result<Authorizer> {
        self.bound_authorizer(target, BindingMode::Shadow, At::Now)
    }

    /// An authorizer for a policy set version, whether or not it is or ever was in force. It decides as if the version were in
    /// force now, with the zone's guardrail of now.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) for an unknown version; [`Conflict`](crate::ErrorKind::Conflict) if the
    /// guardrail does not validate against the version's schema.
    pub fn authorizer_of_version(&self, policy_set_version_id: impl AsRef<str>) -> Result<Authorizer> {
        self.read(|zone| Authorizer::of_version(zone, &self.engine.compiler, policy_set_version_id.as_ref()))
    }

    fn bound_authorizer(&self, target: Target, mode: BindingMode, at: At) -> Result<Authorizer> {
        let commits = if at == At::Now { self.moment.commits(&self.engine)? } else { None };
        let key = (self.place.log_id, mode, target);
        if let Some(rules) = commits.and_then(|commits| self.engine.recent.get(&key, commits)) {
            return Ok(Authorizer::of_bound(rules));
        }
        let rules = self.read(|zone| Authorizer::find_bound(zone, &self.engine.compiler, &key.2, mode, at))?;
        if let Some(commits) = commits {
            self.engine.recent.keep(key, commits, &rules);
        }
        Ok(Authorizer::of_bound(rules))
    }
}

/// Preflights.
impl Zone {
    /// Checks which policy versions and policy set versions of the zone would still validate with a schema: a new one, or a
    /// published version of any status. Reads one moment, writes nothing, and works in a suspended zone.
    ///
    /// At most 64 texts are in memory at a time, of at most 24 MiB together, and the statements of 256 KiB of them. A few
    /// hundred bytes for each checked version and a few for each pin grow with the zone. Findings and warnings have
    /// [a limit](crate::limits::PREFLIGHT_FINDINGS_BYTES); those beyond it are [counted](crate::PolicyVersionCheck::omitted).
    ///
    /// A policy that would not validate is a finding and no error; so is a text that this build's Cedar does not parse any
    /// more, and one that is [too costly](crate::Builder::validation_limit) to validate.
    ///
    /// # Errors
    ///
    /// Those of [`publish_schema`](crate::WriteTransaction::publish_schema) for a new schema, a name that is taken included;
    /// [`NotFound`](crate::ErrorKind::NotFound) for the name of a schema version that is not published.
    pub fn preflight(&self, candidate: impl Into<Candidate>) -> Result<ZonePreflight> {
        preflight::of_zone(&self.engine, &self.place, candidate.into())
    }
}
