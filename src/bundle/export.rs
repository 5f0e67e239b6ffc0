//! Reads the bundle of the policies in force for a target from the store. Does not know the bytes of a bundle.

use std::sync::Arc;

use super::{Bundle, BundleGuardrail, BundleKey, BundlePolicy, Summary};
use crate::record::{ContentId, ContentKind, PolicySetVersionCreated, PolicyVersionCreated, SchemaPublished};
use crate::resource::binding::{self, At, Binding};
use crate::resource::contents::Contents;
use crate::resource::version::VersionRecord;
use crate::resource::zone::ZoneReader;
use crate::resource::{policy_set_version, schema};
use crate::storage::Snapshot;
use crate::types::error::{ErrorDetail, Result};
use crate::types::hash::Sha256;
use crate::types::manifest_entry::ManifestEntry;
use crate::types::schema::SchemaRef;
use crate::types::syntax::Syntax;
use crate::types::target::{BindingMode, Target};

impl ZoneReader<'_> {
    /// The bundle of the version in force for `target`; an error if there is none.
    pub(crate) fn bundle(self, target: &Target) -> Result<Bundle> {
        of(self, &self.bound(target, BindingMode::Active, At::Now)?)
    }

    /// The binding that a bundle for `target` starts from: its own, or the zone's for a user without one.
    pub(crate) fn bundle_start(self, target: &Target) -> Result<Option<Binding>> {
        let own = self.binding(target, BindingMode::Active, At::Now)?;
        if own.is_some() || *target == Target::Zone {
            return Ok(own);
        }
        self.binding(&Target::Zone, BindingMode::Active, At::Now)
    }

    /// The bundle that a bundle for `target` starts from; an error if there is none.
    pub(crate) fn effective_bundle(self, target: &Target) -> Result<Bundle> {
        let binding = self.bundle_start(target)?.ok_or_else(|| binding::not_bound(self.id, target))?;
        of(self, &binding)
    }

    /// The digest of the bundle of a binding, computed without the policies' texts.
    pub(crate) fn bundle_digest(self, binding: &Binding) -> Result<Sha256> {
        let Contents { version, entries } = Contents::of(self, binding)?;
        let policies: Vec<_> =
            entries.into_iter().map(|entry| (BundleKey::PublicId(entry.policy_id), entry.sha)).collect();
        let summary = Summary {
            schema_version: &version.schema.version,
            schema_sha: Some(schema_sha(&published(&self, &version.schema)?)),
            target_type: Some(binding.target.target_type()),
            target_id: Some(target_id(self, &binding.target)),
            policies: policies.iter().map(|(key, sha)| (key, *sha)).collect(),
        };
        Ok(summary.digest())
    }
}

/// The bundle of a binding.
pub(crate) fn of(zone: ZoneReader<'_>, binding: &Binding) -> Result<Bundle> {
    let Contents { version, entries } = Contents::of(zone, binding)?;
    let policies = entries.into_iter().map(|entry| pinned(zone, &version, entry)).collect::<Result<_>>()?;
    let schema = published(&zone, &version.schema)?;
    let guardrail = zone.guardrail(At::Now)?.map(|guardrail| BundleGuardrail {
        policy_set_id: guardrail.policy_set_id,
        policy_set_version_id: guardrail.policy_set_version_id,
    });
    let bundle = Bundle::new(version.schema.version, policies)?
        .with_schema(&*schema_text(&zone, &schema)?)?
        .with_target(binding.target.target_type(), target_id(zone, &binding.target))?;
    Ok(bundle.with_guardrail(guardrail))
}

fn target_id<'a>(zone: ZoneReader<'a>, target: &'a Target) -> &'a str {
    match target {
        Target::Zone => zone.id.as_str(),
        Target::User(id) => id,
    }
}

fn pinned(zone: ZoneReader<'_>, set: &PolicySetVersionCreated, entry: ManifestEntry) -> Result<BundlePolicy> {
    let found = VersionRecord::<PolicyVersionCreated>::named(zone, entry.policy_version_id.as_str())?;
    let version = policy_set_version::check_pinned(set, &entry, Some(found.body()?))?;
    let policy_id = entry.policy_id;
    let row = zone.policy_row(policy_id.as_str())?;
    let (_, name, _) = zone.policy_description(policy_id.as_str(), &row)?;
    let cedar_raw = zone.content(&version.forms())?.as_ref().to_owned();
    Ok(BundlePolicy { key: BundleKey::PublicId(policy_id), name: Some(name), cedar_raw })
}

/// The publication of a policy set version's schema.
fn published(snapshot: &Snapshot<'_>, schema: &SchemaRef) -> Result<SchemaPublished> {
    let found = schema::find(snapshot, schema.version.as_str())?;
    if found.reference() != *schema {
        let place = format_args!("schema `{}`", schema.version);
        return Err(ErrorDetail::corrupt(place, "source does not match the one that a policy set version names").into());
    }
    Ok(found.published)
}

/// The schema in Cedar's syntax. It may have been published as JSON.
fn schema_text(snapshot: &Snapshot<'_>, schema: &SchemaPublished) -> Result<Arc<str>> {
    snapshot.content(&ContentId::one(ContentKind::SchemaText, schema_sha(schema)))
}

/// The SHA-256 of the schema in Cedar's syntax.
fn schema_sha(schema: &SchemaPublished) -> Sha256 {
    match schema.syntax {
        Syntax::Cedar => schema.sha,
        Syntax::Json => schema.converted,
    }
}
