//! A change of a log as one line.

use policy_store::log::Change;
use policy_store::{BoundTo, Committed};

use super::binding::mode_words;
use crate::name::known::KnownNames;
use crate::output::{count, plain};

/// The change in words, with names of policies and policy sets.
pub fn line<M: Committed>(names: &mut KnownNames<M>, change: &Change) -> String {
    plain(&words(names, change))
}

fn words<M: Committed>(names: &mut KnownNames<M>, change: &Change) -> String {
    let mut bound = |to: &BoundTo| format!("{}@{}", names.policy_set(&to.policy_set_id), to.version);
    match change {
        Change::Bound { target, mode, to, from } => {
            let before = from.as_ref().map_or_else(String::new, |from| format!("{} → ", bound(from)));
            format!("{before}{} {} for {target}", bound(to), mode_words(*mode))
        }
        Change::Unbound { target, mode, from } => {
            format!("{} no longer {} for {target}", bound(from), mode_words(*mode))
        }
        Change::PolicyCreated { name, .. } => format!("policy {name} created"),
        Change::PolicyUpdated { name, .. } => format!("policy {name} renamed or described anew"),
        Change::PolicyArchived { policy_id } => format!("policy {} archived", names.policy(policy_id)),
        Change::PolicyVersionCreated { policy_id, version, .. } => {
            format!("version {}@{version} created", names.policy(policy_id))
        }
        Change::PolicyVersionArchived { policy_id, version, .. } => {
            format!("version {}@{version} archived", names.policy(policy_id))
        }
        Change::PolicySetCreated { name, .. } => format!("policy set {name} created"),
        Change::PolicySetUpdated { name, .. } => format!("policy set renamed to {name}"),
        Change::PolicySetArchived { policy_set_id } => {
            format!("policy set {} archived", names.policy_set(policy_set_id))
        }
        Change::PolicySetVersionCreated { policy_set_id, version, schema_version, .. } => {
            format!("set version {}@{version} created, with schema {schema_version}", names.policy_set(policy_set_id))
        }
        Change::PolicySetVersionArchived { policy_set_id, version, .. } => {
            format!("set version {}@{version} archived", names.policy_set(policy_set_id))
        }
        Change::Attested { policy_set_id, version, .. } => {
            format!("set version {}@{version} attested", names.policy_set(policy_set_id))
        }
        Change::TestsKept { policy_set_id, version, cases, .. } => {
            format!("{} kept with {}@{version}", count(*cases, "test"), names.policy_set(policy_set_id))
        }
        other => without_names(other),
    }
}

/// The change in words, for changes that name no policy and no policy set.
pub fn without_names(change: &Change) -> String {
    match change {
        Change::ZoneCreated { zone_id } => format!("zone {zone_id} created"),
        Change::SchemaPublished { version, .. } => format!("schema {version} published"),
        Change::SchemaStatusChanged { version, status } => format!("schema {version} is {status}"),
        Change::ZoneSuspended { suspended: true } => "zone suspended".to_owned(),
        Change::ZoneSuspended { suspended: false } => "zone resumed".to_owned(),
        Change::TestsRequired { required: true } => "tests are demanded".to_owned(),
        Change::TestsRequired { required: false } => "tests are no longer demanded".to_owned(),
        Change::DefaultSchemaChanged { version: Some(version) } => format!("default schema is {version}"),
        Change::DefaultSchemaChanged { version: None } => "no default schema".to_owned(),
        Change::CheckpointKept { size, .. } => format!("checkpoint of {size} entries kept"),
        Change::ZonesSealed { .. } => "zones sealed".to_owned(),
        Change::LogForked { from, .. } => format!("forked from log {from}"),
        Change::Unchanged => "a repeated call changed nothing".to_owned(),
        // A kind that is newer than this command: its word.
        other => serde_json::to_value(other)
            .ok()
            .and_then(|value| value.get("kind").and_then(|kind| kind.as_str().map(str::to_owned)))
            .unwrap_or_else(|| "change".to_owned()),
    }
}
