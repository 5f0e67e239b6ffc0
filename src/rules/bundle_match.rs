//! Matches each policy of a bundle to a policy of the zone: to keep, edit, copy or create.
//!
//! A bundle may have been exported from another state than the one in force: from the zone's bundle, whose policies a
//! user has copies of, or before its new policies were created. So a policy to copy is first looked up among the policies
//! in force by the origin of each, and a policy to create by its name. Does not validate texts or check pins.

use std::collections::BTreeSet;

use super::ownership::check_owner;
use crate::bundle::{Bundle, BundleKey};
use crate::record::PolicyVersionCreated;
use crate::resource::contents::Contents;
use crate::resource::policy::{NewPolicy, Policy};
use crate::resource::version::VersionRecord;
use crate::resource::zone::ZoneReader;
use crate::types::actor::Actor;
use crate::types::error::{Resource, Result};
use crate::types::hash::Sha256;
use crate::types::id::PolicyId;
use crate::types::manifest_entry::ManifestEntry;
use crate::types::target::Target;

/// The match of one policy of a bundle.
pub(crate) enum Match {
    /// An existing version.
    Keep(ManifestEntry),
    /// An existing policy, with a new text.
    Edit(Policy),
    /// A new policy.
    Create(NewPolicy),
    /// A copy of an existing policy, and the number of the version in force that it starts from.
    Copy(Policy, Option<u32>),
}

/// The target of a bundle, its author, and the state in force.
pub(crate) struct Matching<'a> {
    pub zone: ZoneReader<'a>,
    pub actor: &'a Actor,
    pub target: &'a Target,
    /// The contents in force for the target.
    pub base: Option<&'a Contents>,
    /// The contents in force for the zone, if the target is a user.
    pub zones: Option<&'a Contents>,
}

/// A policy in force that the bundle does not name.
struct Spare {
    entry: ManifestEntry,
    policy: Policy,
    /// The policy of the zone that it is a copy of.
    original: Option<PolicyId>,
    /// Whether its version can be pinned again.
    can_stay: bool,
    /// Whether it can get another version.
    can_change: bool,
}

impl Matching<'_> {
    /// The matches of the bundle's policies. `shas` are the hashes of their texts.
    pub(crate) fn matches(&self, bundle: &Bundle, shas: &[Sha256]) -> Result<Vec<Match>> {
        let mut matches = Vec::with_capacity(shas.len());
        for (policy, sha) in bundle.policies().iter().zip(shas) {
            matches.push(match &policy.key {
                BundleKey::NewPolicy(name) => Match::Create(NewPolicy::named(name)),
                BundleKey::PublicId(id) => self.named(id, *sha).map_err(|cause| policy.refused(cause))?,
            });
        }
        if matches.iter().any(|found| !matches!(found, Match::Keep(_))) {
            self.find_again(&mut matches, shas, self.spares(bundle)?);
        }
        Ok(matches)
    }

    /// Matches a policy that the bundle names by id.
    fn named(&self, id: &PolicyId, sha: Sha256) -> Result<Match> {
        let before = self.zone.policy(id.as_str())?;
        let in_force = self.base.and_then(|base| base.pins(id));
        if in_force.is_none() && *self.target != Target::Zone {
            return self.copy(before);
        }
        let in_force = in_force.map(|entry| &entry.policy_version_id);
        for version_id in in_force.into_iter().chain(&before.latest_version_id) {
            let found = VersionRecord::<PolicyVersionCreated>::by_id(self.zone, version_id.as_str())?;
            if found.body()?.sha == sha && found.row.archived.is_none() {
                let (policy_id, policy_version_id) = (before.id, version_id.clone());
                return Ok(Match::Keep(ManifestEntry { policy_id, policy_version_id, sha }));
            }
        }
        let is_others =
            self.is_the_zones(id) || check_owner(self.actor, Resource::Policy, id.as_str(), before.owner_type).is_err();
        if is_others { self.copy(before) } else { Ok(Match::Edit(before)) }
    }

    /// A copy that starts from the version in force for the target, or else for the zone.
    fn copy(&self, of: Policy) -> Result<Match> {
        let Some(entry) = self.base.into_iter().chain(self.zones).find_map(|contents| contents.pins(&of.id)) else {
            return Ok(Match::Copy(of, None));
        };
        let found = VersionRecord::<PolicyVersionCreated>::named(self.zone, entry.policy_version_id.as_str())?;
        let version = found.body()?.version;
        Ok(Match::Copy(of, Some(version)))
    }

    fn is_the_zones(&self, id: &PolicyId) -> bool {
        self.zones.is_some_and(|zones| zones.pins(id).is_some())
    }

    /// The policies in force that the bundle does not name, owned by the actor's kind, in the order of ids.
    fn spares(&self, bundle: &Bundle) -> Result<Vec<Spare>> {
        let named: BTreeSet<&BundleKey> = bundle.policies().iter().map(|policy| &policy.key).collect();
        let mut spares = Vec::new();
        for entry in self.base.into_iter().flat_map(|base| &base.entries) {
            if named.contains(&BundleKey::PublicId(entry.policy_id.clone())) {
                continue;
            }
            let policy = self.zone.policy(entry.policy_id.as_str())?;
            if policy.archived_at.is_some() || policy.owner_type != self.actor.owner_type() {
                continue;
            }
            let found = VersionRecord::<PolicyVersionCreated>::by_id(self.zone, entry.policy_version_id.as_str())?;
            spares.push(Spare {
                can_stay: found.row.archived.is_none(),
                can_change: !self.is_the_zones(&policy.id),
                entry: entry.clone(),
                original: self.original(&policy)?,
                policy,
            });
        }
        Ok(spares)
    }

    /// The policy of this zone that `policy` is a copy of.
    fn original(&self, policy: &Policy) -> Result<Option<PolicyId>> {
        let Some(origin) = &policy.origin else { return Ok(None) };
        let is_here = self.zone.length_under(self.zone.log, origin.log_id)?.is_some();
        Ok(is_here.then(|| origin.policy_id.clone()))
    }

    /// Matches the policies to create or copy with spare ones. A copy is found by its origin; a policy that an earlier
    /// bundle created, by its name, which is its key in the bundle.
    fn find_again(&self, matches: &mut [Match], shas: &[Sha256], mut spares: Vec<Spare>) {
        for (found, sha) in matches.iter_mut().zip(shas) {
            let made_for = |spare: &Spare| match &*found {
                Match::Copy(of, _) => spare.original.as_ref() == Some(&of.id),
                Match::Create(new) => spare.policy.origin.is_none() && spare.policy.name == new.name,
                _ => false,
            };
            let fits = |spare: &Spare| spare.stays(*sha) || spare.can_change;
            let Some(at) = spares.iter().position(|spare| made_for(spare) && fits(spare)) else { continue };
            let spare = spares.remove(at);
            *found = if spare.stays(*sha) { Match::Keep(spare.entry) } else { Match::Edit(spare.policy) };
        }
    }
}

impl Spare {
    /// Whether its version is kept for a policy with this text.
    fn stays(&self, sha: Sha256) -> bool {
        self.can_stay && self.entry.sha == sha
    }
}
