//! Preconditions: conditions on stored state under which a call is carried out, so that no writer overwrites unseen
//! changes.
//!
//! Does not check whether the call itself is allowed.

use std::fmt;

use crate::record::fingerprint::Fingerprint;
use crate::resource::binding::At;
use crate::resource::zone::ZoneReader;
use crate::types::error::{Error, ErrorDetail, Result, at_most, cut};
#[cfg(feature = "bundle")]
use crate::types::hash::Sha256;
use crate::types::limits;
use crate::types::target::{BindingMode, Target};

/// A condition on stored state. If it does not hold, the call is refused with
/// [`PreconditionFailed`](crate::ErrorKind::PreconditionFailed) and writes nothing.
///
/// ```
/// # use policy_store::{Actor, Policy, PolicyStore, PolicyUpdate, Precondition, Result};
/// /// Renames a policy, unless it has changed since it was read.
/// fn rename(store: &PolicyStore, actor: &Actor, read: &Policy, name: &str) -> Result<Policy> {
///     store.write(actor, |w| {
///         let mut zone = w.zone(&read.zone_id)?;
///         zone.precondition(Precondition::policy_revision(read.id.as_str(), read.revision));
///         zone.update_policy(&read.id, PolicyUpdate::new().name(name))
///     })
/// }
/// ```
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Precondition {
    /// One of these must hold.
    alternatives: Vec<Kind>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    PolicyRevision(String, u64),
    PolicySetRevision(String, u64),
    BindingsRevision(u64),
    LatestPolicyVersion(String, Option<u32>),
    LatestPolicySetVersion(String, Option<u32>),
    ActiveVersion(Target, Option<String>),
    #[cfg(feature = "bundle")]
    BundleDigest(Target, Option<Sha256>),
    #[cfg(feature = "bundle")]
    SomeBundle(Target),
}

impl From<Kind> for Precondition {
    fn from(kind: Kind) -> Self {
        Self { alternatives: vec![kind] }
    }
}

impl Precondition {
    /// The policy still has this [`revision`](crate::Policy::revision).
    pub fn policy_revision(policy_id: impl Into<String>, revision: u64) -> Self {
        Kind::PolicyRevision(policy_id.into(), revision).into()
    }

    /// The policy set still has this [`revision`](crate::PolicySet::revision).
    pub fn policy_set_revision(policy_set_id: impl Into<String>, revision: u64) -> Self {
        Kind::PolicySetRevision(policy_set_id.into(), revision).into()
    }

    /// No binding of the zone has changed since this [`revision`](crate::ZoneInfo::bindings_revision).
    pub fn bindings_revision(revision: u64) -> Self {
        Kind::BindingsRevision(revision).into()
    }

    /// The policy's newest version has this number; `None` if it has no version.
    pub fn latest_policy_version(policy_id: impl Into<String>, version: Option<u32>) -> Self {
        Kind::LatestPolicyVersion(policy_id.into(), version).into()
    }

    /// The policy set's newest version has this number; `None` if it has no version.
    pub fn latest_policy_set_version(policy_set_id: impl Into<String>, version: Option<u32>) -> Self {
        Kind::LatestPolicySetVersion(policy_set_id.into(), version).into()
    }

    /// This policy set version is in force for the target; `None` if nothing is in force.
    pub fn active_version(target: Target, policy_set_version_id: Option<String>) -> Self {
        Kind::ActiveVersion(target, policy_set_version_id).into()
    }

    /// The bundle that an edit for the target starts from has this [digest](crate::bundle::Bundle::digest); `None` if
    /// there is none. This is the [target's bundle](crate::Zone::bundle), or for a user without one the
    /// [zone's](crate::Zone::effective_bundle).
    #[cfg(feature = "bundle")]
    pub fn bundle_digest(target: Target, digest: Option<Sha256>) -> Self {
        Kind::BundleDigest(target, digest).into()
    }

    /// The bundle that an edit for the target starts from exists, with any content.
    #[cfg(feature = "bundle")]
    pub fn some_bundle(target: Target) -> Self {
        Kind::SomeBundle(target).into()
    }

    /// One of these holds, like the entity tags in an `If-Match` header: up to 10,000. An empty sequence never holds.
    pub fn any(preconditions: impl IntoIterator<Item = Self>) -> Self {
        Self { alternatives: preconditions.into_iter().flat_map(|precondition| precondition.alternatives).collect() }
    }

    /// Adds the precondition to the fingerprint of a call.
    pub(crate) fn add_to(&self, fingerprint: Fingerprint) -> Fingerprint {
        let fingerprint = fingerprint.text("demand");
        match self.alternatives.as_slice() {
            [one] => one.add_to(fingerprint),
            several => {
                let count = u64::try_from(several.len()).unwrap_or(u64::MAX);
                several.iter().fold(fingerprint.text("any").number(count), |fingerprint, kind| kind.add_to(fingerprint))
            }
        }
    }

    /// Checks the precondition in the zone.
    pub(crate) fn check(&self, zone: ZoneReader<'_>) -> Result<()> {
        at_most("alternatives of a precondition", self.alternatives.len(), limits::PRECONDITION_ALTERNATIVES)?;
        let mut now = Now {
            zone,
            #[cfg(feature = "bundle")]
            digest: None,
        };
        let (mut unmet, mut failed) = (Unmet::default(), None);
        for kind in &self.alternatives {
            match kind.unmet(&mut now) {
                Ok(None) => return Ok(()),
                Ok(Some(more)) => unmet.add(more),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        Err(failed.unwrap_or_else(|| unmet.into_error()))
    }
}

impl Kind {
    fn add_to(&self, fingerprint: Fingerprint) -> Fingerprint {
        match self {
            Self::PolicyRevision(id, revision) => fingerprint.text("policy_revision").text(id).number(*revision),
            Self::PolicySetRevision(id, revision) => fingerprint.text("policy_set_revision").text(id).number(*revision),
            Self::BindingsRevision(revision) => fingerprint.text("bindings_revision").number(*revision),
            Self::LatestPolicyVersion(id, version) => {
                fingerprint.text("latest_policy_version").text(id).version(*version)
            }
            Self::LatestPolicySetVersion(id, version) => {
                fingerprint.text("latest_policy_set_version").text(id).version(*version)
            }
            Self::ActiveVersion(target, version) => {
                fingerprint.text("active_version").target(target).option(version.as_deref())
            }
            #[cfg(feature = "bundle")]
            Self::BundleDigest(target, digest) => {
                let digest = digest.map(|digest| digest.to_string());
                fingerprint.text("bundle_digest").target(target).option(digest.as_deref())
            }
            #[cfg(feature = "bundle")]
            Self::SomeBundle(target) => fingerprint.text("some_bundle").target(target),
        }
    }

    /// The expected and the actual state, if the condition does not hold.
    fn unmet(&self, now: &mut Now<'_>) -> Result<Option<Unmet>> {
        let Now { zone, .. } = *now;
        Ok(match self {
            Self::PolicyRevision(id, expected) => {
                let actual = zone.policy_row(id)?.revision;
                same(|| format!("revision of policy `{id}`"), expected, &actual)
            }
            Self::PolicySetRevision(id, expected) => {
                let actual = zone.policy_set_row(id)?.revision;
                same(|| format!("revision of policy set `{id}`"), expected, &actual)
            }
            Self::BindingsRevision(expected) => {
                let actual = zone.state()?.bindings.unwrap_or(0);
                same(|| format!("bindings revision of zone `{}`", zone.id), expected, &actual)
            }
            Self::LatestPolicyVersion(id, expected) => {
                let actual = zone.policy_row(id)?.latest.map(|latest| latest.version);
                same(|| format!("newest version of policy `{}`", cut(id)), &OrNone(*expected), &OrNone(actual))
            }
            Self::LatestPolicySetVersion(id, expected) => {
                let actual = zone.policy_set_row(id)?.latest.map(|latest| latest.version);
                same(|| format!("newest version of policy set `{}`", cut(id)), &OrNone(*expected), &OrNone(actual))
            }
            Self::ActiveVersion(target, expected) => {
                let actual = zone.binding(target, BindingMode::Active, At::Now)?;
                let actual = actual.map(|binding| String::from(binding.policy_set_version_id));
                let (expected, actual) = (expected.as_deref(), actual.as_deref());
                same(|| format!("version in force for {target}"), &OrNone(expected), &OrNone(actual))
            }
            #[cfg(feature = "bundle")]
            Self::BundleDigest(target, expected) => {
                let actual = now.bundle_digest(target)?;
                same(|| bundle_of(target), &OrNone(*expected), &OrNone(actual))
            }
            #[cfg(feature = "bundle")]
            Self::SomeBundle(target) => {
                let missing = zone.bundle_start(target)?.is_none();
                missing.then(|| Unmet::new(bundle_of(target), "any", "none"))
            }
        })
    }
}

/// The state of the zone, with the digest that was computed last.
struct Now<'a> {
    zone: ZoneReader<'a>,
    /// The last computed digest, and its target.
    #[cfg(feature = "bundle")]
    digest: Option<(Target, Option<Sha256>)>,
}

#[cfg(feature = "bundle")]
impl Now<'_> {
    /// The digest of the bundle for a target, computed once for alternatives with the same target.
    fn bundle_digest(&mut self, target: &Target) -> Result<Option<Sha256>> {
        if let Some((known, digest)) = &self.digest
            && known == target
        {
            return Ok(*digest);
        }
        let start = self.zone.bundle_start(target)?;
        let digest = start.map(|start| self.zone.bundle_digest(&start)).transpose()?;
        self.digest = Some((target.clone(), digest));
        Ok(digest)
    }
}

#[cfg(feature = "bundle")]
fn bundle_of(target: &Target) -> String {
    format!("digest of the policy bundle for {target}")
}

/// A number or an id that may be missing. It is compared as an option, because `none` is a valid id.
#[derive(PartialEq)]
struct OrNone<T>(Option<T>);

impl<T: fmt::Display> fmt::Display for OrNone<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(value) => value.fmt(f),
            None => f.write_str("none"),
        }
    }
}

fn same<T: PartialEq + ToString>(what: impl FnOnce() -> String, expected: &T, actual: &T) -> Option<Unmet> {
    (expected != actual).then(|| Unmet::new(what(), &expected.to_string(), &actual.to_string()))
}

/// The conditions that do not hold, with their expected and actual values, up to a readable number.
#[derive(Default)]
struct Unmet {
    what: Vec<String>,
    expected: Vec<String>,
    actual: Vec<String>,
}

/// The maximum number of texts of each kind in an error.
const UNMET: usize = 10;

impl Unmet {
    fn new(what: String, expected: &str, actual: &str) -> Self {
        Self { what: vec![what], expected: vec![cut(expected)], actual: vec![cut(actual)] }
    }

    fn add(&mut self, more: Self) {
        for (all, more) in
            [(&mut self.what, more.what), (&mut self.expected, more.expected), (&mut self.actual, more.actual)]
        {
            for text in more {
                if all.len() < UNMET && !all.contains(&text) {
                    all.push(text);
                }
            }
        }
    }

    fn into_error(self) -> Error {
        if self.what.is_empty() {
            let (what, expected, actual) =
                ("list of alternatives".to_owned(), "at least one".to_owned(), "empty".to_owned());
            return ErrorDetail::PreconditionFailed { what, expected, actual }.into();
        }
        // The message prints both lists between backticks.
        let joined = |texts: &[String]| if let [one] = texts { one.clone() } else { cut(&texts.join("` or `")) };
        let (what, expected, actual) = (self.what.join(" or "), joined(&self.expected), joined(&self.actual));
        ErrorDetail::PreconditionFailed { what, expected, actual }.into()
    }
}
