//! Samples for tests: one entry of every kind. The pin tests pin their bytes.

use super::*;
use crate::types::actor::Actor;
use crate::types::hash::{EntryHash, Sha256};
use crate::types::id::*;
use crate::types::origin::Origin;
use crate::types::schema::*;
use crate::types::syntax::Syntax;
use crate::types::target::{BindingMode, Target, TargetType};
use crate::types::time::Timestamp;

fn bound(version: u32) -> BoundVersion {
    BoundVersion {
        policy_set_id: PolicySetId::new("set").unwrap(),
        version_id: PolicySetVersionId::new(format!("set.v{version}")).unwrap(),
        version,
    }
}

/// One body of every kind, ordered by kind number.
pub(crate) fn bodies() -> Vec<Body> {
    let policy_id = PolicyId::new("policy").unwrap();
    let policy_set_id = PolicySetId::new("set").unwrap();
    let zone_id = ZoneId::new("zone").unwrap();
    let version = SchemaName::new("2026-02-24").unwrap();
    let cedar = CedarVersion { sdk: "4.14.1".into(), language: "4.5.0".into() };
    let schema = SchemaRef { version: version.clone(), syntax: Syntax::Json, sha: Sha256([1; 32]) };
    let BoundVersion { version_id, .. } = bound(1);
    vec![
        ZoneCreated { zone_id: zone_id.clone(), log_id: LogId([7; 16]) }.into(),
        SchemaPublished {
            version: version.clone(),
            syntax: Syntax::Cedar,
            sha: Sha256([2; 32]),
            converted: Sha256([4; 32]),
            cedar: cedar.clone(),
        }
        .into(),
        SchemaStatusChanged { version, status: SchemaStatus::Archived }.into(),
        ZoneErased {
            zone_id: zone_id.clone(),
            log_id: LogId([7; 16]),
            length: 300,
            last: EntryHash([11; 32]),
            root: [3; 32],
        }
        .into(),
        ZoneForked { zone_id: zone_id.clone(), from: LogId([7; 16]), to: LogId([9; 16]) }.into(),
        ZonesSealed {
            zones: vec![SealedZone { log_id: LogId([7; 16]), size: 300, root: [3; 32] }],
            seal: Some(SealRoot { zones: 2, root: [4; 32] }),
        }
        .into(),
        CheckpointKept { log_id: LogId([7; 16]), size: 300, note: "é\n".to_owned() }.into(),
        ZoneOpened { zone_id: zone_id.clone() }.into(),
        PolicyCreated {
            policy_id: policy_id.clone(),
            name: "n".into(),
            description: None,
            origin: Some(Origin {
                zone_id,
                log_id: LogId([8; 16]),
                policy_id: PolicyId::new("o").unwrap(),
                version: Some(251),
            }),
        }
        .into(),
        PolicyUpdated { policy_id: policy_id.clone(), name: "é".into(), description: Some("d".into()) }.into(),
        PolicyArchived { policy_id: policy_id.clone() }.into(),
        PolicyVersionCreated {
            policy_id: policy_id.clone(),
            version_id: PolicyVersionId::new("policy.v300").unwrap(),
            version: 300,
            schema: schema.clone(),
            syntax: Syntax::Cedar,
            sha: Sha256([5; 32]),
            json_sha: Sha256([7; 32]),
            statements: 2,
            warnings: Some(Sha256([8; 32])),
            cedar: cedar.clone(),
        }
        .into(),
        PolicyVersionArchived { policy_id, version_id: PolicyVersionId::new("v").unwrap(), version: 1 }.into(),
        PolicySetCreated { policy_set_id: policy_set_id.clone(), name: "s".into(), target_type: TargetType::User }
            .into(),
        PolicySetUpdated { policy_set_id: policy_set_id.clone(), name: "t".into() }.into(),
        PolicySetArchived { policy_set_id: policy_set_id.clone() }.into(),
        PolicySetVersionCreated {
            policy_set_id: policy_set_id.clone(),
            version_id: version_id.clone(),
            version: 1,
            schema: schema.clone(),
            manifest_sha: Sha256([10; 32]),
            entries: 1_000,
            cedar,
        }
        .into(),
        PolicySetVersionArchived { policy_set_id: policy_set_id.clone(), version_id: version_id.clone(), version: 1 }
            .into(),
        Bound { target: Target::Zone, mode: BindingMode::Active, bound: bound(2), replaced: Some(bound(1)) }.into(),
        Unbound { target: Target::User("u".into()), mode: BindingMode::Shadow, replaced: bound(2) }.into(),
        Unchanged {}.into(),
        ZoneSuspended { suspended: true }.into(),
        DefaultSchemaChanged { schema: Some(schema) }.into(),
        Attested {
            policy_set_id: policy_set_id.clone(),
            version_id: version_id.clone(),
            version: 1,
            sha: Sha256([13; 32]),
            previous: Some(Sha256([14; 32])),
        }
        .into(),
        LogForked { from: LogId([7; 16]), length: 300, last: EntryHash([11; 32]), root: [3; 32] }.into(),
        TestsKept { policy_set_id, version_id, version: 1, sha: Sha256([15; 32]), cases: 10_000 }.into(),
        TestsRequired { required: true }.into(),
    ]
}

pub(super) fn envelope() -> Envelope {
    Envelope {
        log_id: LogId([0xab; 16]),
        position: 70_000,
        previous: EntryHash([0xcd; 32]),
        created_at: Timestamp::from_micros(1_771_939_200_000_001),
        clock_offset: -1,
        actor: Actor::customer("alice").unwrap(),
        imported_by: None,
        idempotency: None,
        group: Group { index: 1, size: 3 },
        rationale: None,
        last_binding: Some(300),
        extensions: Vec::new(),
    }
}

/// The value to store for an entry.
pub(super) fn stored(entry: &Entry) -> Vec<u8> {
    let (bytes, hash) = entry.encode().unwrap();
    Entry::stored(&bytes, hash)
}
