//! The stored content: a policy version as Cedar prepares it, and the row of it in a peer.

use policy_store::{Actor, NewPolicyVersion, NewSchema, PolicyStore, PreparedPolicyVersion};
use sha2::{Digest, Sha256};
use wincode::{SchemaRead, SchemaWrite};

use crate::sample::{Cedar, SCHEMA, SCHEMA_VERSION, text};

/// Prepared content, for every engine.
pub struct Content {
    pub text: String,
    pub json: String,
    /// The same content, prepared by policy-store for itself.
    pub prepared: Option<PreparedPolicyVersion>,
}

/// The first versions of the sample. One thread prepares them for the peers, another for policy-store.
pub fn contents(count: usize) -> Vec<Content> {
    let store = PolicyStore::builder().in_memory().unwrap();
    let actor = Actor::customer("bench").unwrap();
    store.write(&actor, |w| w.publish_schema(NewSchema::cedar(SCHEMA_VERSION, SCHEMA))).unwrap();
    let prepare = |n| store.prepare_policy_version(NewPolicyVersion::cedar(SCHEMA_VERSION, text(n))).unwrap();
    std::thread::scope(|scope| {
        let prepared = scope.spawn(|| (0..count).map(prepare).collect::<Vec<_>>());
        let cedar = Cedar::new();
        let contents: Vec<_> = (0..count).map(|n| Content::for_peer(&cedar, text(n))).collect();
        let prepared = prepared.join().unwrap();
        contents.into_iter().zip(prepared).map(|(content, p)| Content { prepared: Some(p), ..content }).collect()
    })
}

impl Content {
    /// Parsed, validated and rendered by plain Cedar.
    pub fn for_peer(cedar: &Cedar, text: String) -> Self {
        Self { json: cedar.json(&text), text, prepared: None }
    }
}

/// The metadata of a version, with the fields that policy-store has.
#[derive(Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct Metadata {
    pub id: String,
    pub version: u32,
    pub schema_version: String,
    pub sha: [u8; 32],
    pub syntax: u8,
    pub statements: u32,
    pub cedar_sdk: String,
    pub cedar_language: String,
    pub created_at: i64,
    pub created_by: String,
}

impl Metadata {
    /// The row of version `version` of the policy. Like UUIDv7, ids have the length of a UUID and sort by creation.
    pub fn new(content: &Content, version: u32) -> Self {
        Self {
            id: format!("01936f2e-7a00-7000-8000-{version:012x}"),
            version,
            schema_version: SCHEMA_VERSION.to_owned(),
            sha: Sha256::digest(content.text.as_bytes()).into(),
            syntax: 0,
            statements: 1,
            cedar_sdk: "4.14.1".to_owned(),
            cedar_language: "4.5".to_owned(),
            created_at: 1_700_000_000_000_000 + i64::from(version),
            created_by: "bench".to_owned(),
        }
    }
}

/// The result of a read: a version's metadata, and text and JSON if the read includes them.
pub struct Row {
    pub metadata: Metadata,
    pub include: Option<(String, String)>,
}
