//! The kinds of changes, as filters name them. [`Change`](super::Change) has the values.

use serde::{Deserialize, Serialize};

/// The kind of a [`Change`](super::Change): its member `kind` in JSON.
///
/// ```
/// use policy_store_verify::log::ChangeKind;
/// assert_eq!("policy_version_created".parse::<ChangeKind>()?, ChangeKind::PolicyVersionCreated);
/// # Ok::<(), policy_store_verify::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// A zone was created.
    ZoneCreated,
    /// A schema version was published.
    SchemaPublished,
    /// The status of a schema version changed.
    SchemaStatusChanged,
    /// A zone was erased.
    ZoneErased,
    /// A backup became a store of its own, in the store's log: for each zone.
    ZoneForked,
    /// The checkpoints of zones were sealed.
    ZonesSealed,
    /// A signed checkpoint was kept.
    CheckpointKept,
    /// A backup became a store of its own, in the log that got another id.
    LogForked,
    /// A policy was created.
    PolicyCreated,
    /// A policy's name or description changed.
    PolicyUpdated,
    /// A policy was archived.
    PolicyArchived,
    /// A version of a policy was created.
    PolicyVersionCreated,
    /// A version of a policy was archived.
    PolicyVersionArchived,
    /// A policy set was created.
    PolicySetCreated,
    /// A policy set's name changed.
    PolicySetUpdated,
    /// A policy set was archived.
    PolicySetArchived,
    /// A version of a policy set was created.
    PolicySetVersionCreated,
    /// A version of a policy set was archived.
    PolicySetVersionArchived,
    /// A version was bound to a target.
    Bound,
    /// The binding of a target ended.
    Unbound,
    /// A zone was suspended or resumed.
    ZoneSuspended,
    /// A zone's default schema changed.
    DefaultSchemaChanged,
    /// A policy set version was attested.
    Attested,
    /// A test suite was kept with a policy set version.
    TestsKept,
    /// A zone began or ceased to demand that tests pass.
    TestsRequired,
    /// A call with an idempotency key changed nothing.
    Unchanged,
}

text_enum!(ChangeKind, "kind of change", {
    ZoneCreated => "zone_created",
    SchemaPublished => "schema_published",
    SchemaStatusChanged => "schema_status_changed",
    ZoneErased => "zone_erased",
    ZoneForked => "zone_forked",
    ZonesSealed => "zones_sealed",
    CheckpointKept => "checkpoint_kept",
    LogForked => "log_forked",
    PolicyCreated => "policy_created",
    PolicyUpdated => "policy_updated",
    PolicyArchived => "policy_archived",
    PolicyVersionCreated => "policy_version_created",
    PolicyVersionArchived => "policy_version_archived",
    PolicySetCreated => "policy_set_created",
    PolicySetUpdated => "policy_set_updated",
    PolicySetArchived => "policy_set_archived",
    PolicySetVersionCreated => "policy_set_version_created",
    PolicySetVersionArchived => "policy_set_version_archived",
    Bound => "bound",
    Unbound => "unbound",
    ZoneSuspended => "zone_suspended",
    DefaultSchemaChanged => "default_schema_changed",
    Attested => "attested",
    TestsKept => "tests_kept",
    TestsRequired => "tests_required",
    Unchanged => "unchanged",
});

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::{Change, ChangeKind};
    use crate::record::samples;

    /// A kind's word, its JSON and the tag of its changes in JSON are one.
    #[test]
    fn the_word_of_a_kind_is_the_tag_of_its_changes() {
        let bodies = samples::bodies();
        let mut seen = BTreeSet::new();
        for body in &bodies {
            let change = Change::new(body);
            let kind = change.kind();
            assert_eq!(ChangeKind::of(body), kind);
            assert_eq!(serde_json::to_value(&change).unwrap()["kind"], kind.as_str());
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
            assert_eq!(kind.as_str().parse::<ChangeKind>().unwrap(), kind);
            seen.insert(kind);
        }
        // A zone's creation has a body in each of two logs.
        assert_eq!(seen.len() + 1, bodies.len());
        assert_eq!("bind".parse::<ChangeKind>().unwrap_err().code(), "invalid_input");
    }
}
