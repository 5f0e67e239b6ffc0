//! The adapter of policy-store.

use std::path::Path;

use policy_store::{
    Actor, Include, NewPolicy, NewPolicyVersion, NewSchema, PageRequest, PolicyStore, PolicyVersion, Zone,
};

use crate::content::{Content, Metadata, Row};
use crate::sample::{Cedar, SCHEMA, SCHEMA_VERSION};
use crate::store::{PAGE_CACHE, POLICY, Shared, Store, ZONE};

#[derive(Clone)]
pub struct Ours {
    store: PolicyStore,
    zone: Zone,
    actor: Actor,
}

impl Ours {
    pub fn open(folder: &Path) -> Self {
        let path = folder.join("store.redb");
        let new = !path.exists();
        let store = PolicyStore::builder().page_cache_bytes(PAGE_CACHE).check_integrity(false).open(path).unwrap();
        let actor = Actor::customer("bench").unwrap();
        if new {
            let write = |w: &mut policy_store::WriteTransaction<'_, '_>| {
                w.publish_schema(NewSchema::cedar(SCHEMA_VERSION, SCHEMA))?;
                w.create_zone(ZONE)?.create_policy(NewPolicy::named("p").id(POLICY))
            };
            store.write(&actor, write).unwrap();
        }
        Self { zone: store.zone(ZONE).unwrap(), store, actor }
    }
}

impl Store for Ours {
    fn create(&mut self, contents: &[Content]) {
        let write = |w: &mut policy_store::WriteTransaction<'_, '_>| {
            let mut zone = w.zone(ZONE)?;
            contents
                .iter()
                .try_for_each(|content| zone.create_policy_version(POLICY, content.prepared.clone().unwrap()).map(drop))
        };
        self.store.write(&self.actor, write).unwrap();
    }

    fn create_from_text(&mut self, _: &Cedar, text: String) {
        let new = NewPolicyVersion::cedar(SCHEMA_VERSION, text);
        self.store.write(&self.actor, |w| w.zone(ZONE)?.create_policy_version(POLICY, new)).unwrap();
    }

    fn get(&mut self, version: u32) -> (String, String) {
        let row = row(&self.zone.policy_version_numbered(POLICY, version, Include::Both).unwrap());
        assert_eq!(row.metadata.version, version);
        row.include.unwrap()
    }

    fn page(&mut self, include: bool) -> u32 {
        let include = if include { Include::Both } else { Include::Neither };
        let page = self.zone.policy_versions(POLICY, include, &PageRequest::new().limit(100)).unwrap();
        let rows: Vec<Row> = page.items.iter().map(|version| row(version)).collect();
        assert_eq!(rows.len(), 100);
        rows[0].metadata.version
    }
}

impl Shared for Ours {
    fn with(&self, f: &mut dyn FnMut(&mut dyn Store)) {
        f(&mut self.clone());
    }
}

/// An owned copy of a version. The caller of a peer owns its rows, so this one must not share them with the store's
/// cache.
fn row(version: &PolicyVersion) -> Row {
    let metadata = Metadata {
        id: version.id.as_str().to_owned(),
        version: version.version,
        schema_version: version.schema_version.as_str().to_owned(),
        sha: *version.sha.as_bytes(),
        syntax: version.syntax as u8,
        statements: version.statements,
        cedar_sdk: version.cedar_version.sdk.clone(),
        cedar_language: version.cedar_version.language.clone(),
        created_at: version.created_at.as_micros(),
        created_by: version.created_by.id().to_owned(),
    };
    let include = version.cedar_raw.as_deref().zip(version.cedar_json.as_deref());
    Row { metadata, include: include.map(|(text, json)| (text.to_owned(), json.to_owned())) }
}
