//! Which policy each one of a bundle is: one that stays as it is, one that is edited, or one that is made.
//!
//! A bundle may have been made from another one than what is in force: from the zone's, which a user has copies of, or with
//! names of policies that were new then. So what it does not find by id, it finds by name and text among what is in force, and
//! can be applied again. Whether texts are valid, and what may be pinned, is not known here.

use std::collections::BTreeSet;

use super::ownership::check_owner;
use crate::bundle::export::Contents;
use crate::bundle::{Bundle, BundleKey};
use crate::record::PolicyVersionCreated;
use crate::resource::policy::{NewPolicy, Policy};
use crate::resource::version::VersionRecord;
use crate::resource::zone::ZoneReader;
use crate::types::actor::Actor;
use crate::types::error::{Resource, Result};
use crate::types::hash::Sha256;
use crate::types::id::PolicyId;
use crate::types::manifest_entry::ManifestEntry;
use crate::types::target::Target;

/// What one policy of a bundle is.
pub(crate) enum Match {
    /// A version that exists.
    Keep(ManifestEntry),
    /// A policy that exists, with another text.
    Edit(Policy),
    /// A policy that does not exist.
    Create(NewPolicy),
    /// A copy of one that exists.
    Copy(Policy),
}

/// For whom a bundle is applied, and what is there.
pub(crate) struct Matching<'a> {
    pub zone: ZoneReader<'a>,
    pub actor: &'a Actor,
    pub target: &'a Target,
    /// What is in force for the target.
    pub base: Option<&'a Contents>,
    /// What is in force for the zone, if the target is a user.
    pub zones: Option<&'a Contents>,
}

/// A policy in force that the bundle does not name.
struct Spare {
    entry: ManifestEntry,
    policy: Policy,
    /// Whether its version can be pinned again.
    can_stay: bool,
    /// Whether it can get another version.
    can_change: bool,
}

impl Matching<'_> {
    /// What each policy of the bundle is, whose texts have these hashes.
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

    /// What a policy is that is named by its id.
    fn named(&self, id: &PolicyId, sha: Sha256) -> Result<Match> {
        let before = self.zone.policy(id.as_str())?;
        let in_force = self.base.and_then(|base| base.pins(id));
        if in_force.is_none() && *self.target != Target::Zone {
            return Ok(Match::Copy(before));
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
        Ok(if is_others { Match::Copy(before) } else { Match::Edit(before) })
    }

    fn is_the_zones(&self, id: &PolicyId) -> bool {
        self.zones.is_some_and(|zones| zones.pins(id).is_some())
    }

    /// What is in force and not named by the bundle, of the kind of actor that would make it anew; in the order of ids.
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
                policy,
            });
        }
        Ok(spares)
    }

    /// Finds what would be made or copied among the spares: first by name and text, then what is a copy by its text, since the
    /// copied one may have another name by now, and at last by name.
    fn find_again(&self, matches: &mut [Match], shas: &[Sha256], mut spares: Vec<Spare>) {
        let take = |spares: &mut Vec<Spare>, wanted: &dyn Fn(&Spare) -> bool| {
            spares.iter().position(wanted).map(|at| spares.remove(at))
        };
        for by_name in [true, false] {
            for (found, sha) in matches.iter_mut().zip(shas) {
                let is_it = |spare: &Spare, name: &str| {
                    spare.can_stay && spare.entry.sha == *sha && (!by_name || spare.policy.name == name)
                };
                let spare = match found {
                    Match::Create(new) if by_name => take(&mut spares, &|spare| is_it(spare, &new.name)),
                    Match::Copy(of) => take(&mut spares, &|spare| is_it(spare, &of.name)),
                    _ => None,
                };
                if let Some(spare) = spare {
                    *found = Match::Keep(spare.entry);
                }
            }
        }
        for found in matches {
            let (Match::Create(NewPolicy { name, .. }) | Match::Copy(Policy { name, .. })) = found else { continue };
            if let Some(spare) = take(&mut spares, &|spare| spare.can_change && spare.policy.name == *name) {
                *found = Match::Edit(spare.policy);
            }
        }
    }
}
