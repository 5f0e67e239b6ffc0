//! Manifests of operations: built in every way of the API, with or without a flaw.

use std::collections::BTreeSet;
use std::sync::Arc;

use policy_store::{Include, NewPolicySetVersion, Pin, PolicySetVersion, PolicyVersion, Sha256, ZoneTransaction};

use super::operation::{Pick, Style};
use super::state::{State, Zone};

impl State {
    /// The manifest of an operation, its schema, and the resulting pins.
    pub fn manifest(
        &self,
        zone: &ZoneTransaction<'_, '_>,
        set: &str,
        schema: &str,
        picks: &[Pick],
        style: Style,
    ) -> (NewPolicySetVersion, String, Vec<Pin>) {
        let id = zone.id().as_str();
        let ids: BTreeSet<String> = picks.iter().map(|pick| self.pick(id, *pick, Zone::version_ids)).collect();
        let versions: Vec<Arc<PolicyVersion>> =
            ids.iter().filter_map(|id| zone.policy_version(id, Include::Neither).ok()).collect();
        if matches!(style, Style::Builder | Style::Next) {
            let newest = self.zone(id).ok().and_then(|zone| Some(zone.set(set).ok()?.versions.last()?.id.clone()));
            let newest = newest.filter(|_| style == Style::Next).map(|id| zone.policy_set_version(id).unwrap());
            return built(schema, newest.as_ref(), &versions);
        }
        // Versions of separate policies, so that the flaw is the only one.
        let mut pins: Vec<Pin> = Vec::new();
        for version in versions {
            let sha = (style == Style::PinsWithSha).then_some(version.sha);
            let (policy_id, policy_version_id) = (version.policy_id.to_string(), version.id.to_string());
            if style == Style::Twice || pins.iter().all(|pin| pin.policy_id != policy_id) {
                pins.push(Pin { policy_id, policy_version_id, sha });
            }
        }
        let other = self.zones.iter().find(|other| other.id != id);
        let elsewhere = other.and_then(|zone| Some((zone.policy_ids().pop()?, zone.version_ids().pop()?)));
        let policies = self.zone(id).map(Zone::policy_ids).unwrap_or_default();
        if let Some(pin) = pins.last_mut() {
            match style {
                Style::WrongSha => pin.sha = Some(Sha256::of(pin.policy_id.as_bytes())),
                Style::UnknownVersion => pin.policy_version_id = "unknown".to_owned(),
                Style::UnknownPolicy => pin.policy_id = String::new(),
                Style::ForeignPolicy => pin.policy_id.clone_from(&policies[0]),
                _ => {}
            }
            match (style, pin.clone(), elsewhere) {
                (Style::Twice, pin, _) => pins.push(pin),
                (Style::TooMany, pin, _) => pins.resize(1_001, pin),
                (Style::OtherZone, _, Some((policy_id, policy_version_id))) => {
                    pins.push(Pin { policy_id, policy_version_id, sha: None });
                }
                _ => {}
            }
        }
        pins.reverse();
        (NewPolicySetVersion::from_pins(schema, pins.clone()), schema.to_owned(), pins)
    }
}

/// A manifest from the builder's calls: new, or based on another version.
fn built(
    schema: &str,
    newest: Option<&PolicySetVersion>,
    versions: &[Arc<PolicyVersion>],
) -> (NewPolicySetVersion, String, Vec<Pin>) {
    let mut pins: Vec<Pin> = Vec::new();
    let mut schema = schema.to_owned();
    let mut new = NewPolicySetVersion::new(schema.as_str());
    if let Some(newest) = newest {
        new = NewPolicySetVersion::from(newest);
        schema = newest.schema_version.to_string();
        let entries = &newest.manifest.entries;
        if let Some(first) = entries.first() {
            new = new.unpin(&first.policy_id);
        }
        pins.extend(entries.iter().skip(1).map(|entry| Pin {
            policy_id: entry.policy_id.to_string(),
            policy_version_id: entry.policy_version_id.to_string(),
            sha: Some(entry.sha),
        }));
    }
    for version in versions {
        new = new.pin(version);
        pins.retain(|pin| pin.policy_id != version.policy_id.as_str());
        let (policy_id, policy_version_id) = (version.policy_id.to_string(), version.id.to_string());
        pins.push(Pin { policy_id, policy_version_id, sha: Some(version.sha) });
    }
    (new, schema, pins)
}
