//! LMDB: durable by default, one database for each kind of row.

use std::path::Path;

use heed::types::Bytes;
use heed::{CommitOrAbort, Database, Env, EnvOpenOptions, RoTxn, RwTxn};

use crate::content::{Content, Metadata, Row};
use crate::store::{POLICY, Shared, Store, ZONE};

type Table<'e> = Database<'e, Bytes, Bytes>;

/// The maximum size of the file.
const MAP_BYTES: usize = 4 << 30;
const TEXT: u8 = 0;
const JSON: u8 = 1;

#[derive(Clone)]
struct Lmdb<'e> {
    env: &'e Env,
    /// Zone, policy → the number of the policy's newest version.
    policies: Table<'e>,
    /// Zone, policy, number → metadata. The order by number is also the order by creation.
    versions: Table<'e>,
    /// Zone, policy, number, syntax → Cedar text or JSON.
    contents: Table<'e>,
    /// Zone, version id → the key of the version.
    ids: Table<'e>,
}

/// Opens or creates the store in `folder`, and closes it after `f`.
pub fn with<T>(folder: &Path, f: impl FnOnce(&mut dyn Store) -> T) -> T {
    open(folder, |mut store| f(&mut store))
}

/// The same, for threads that share the environment. LMDB lets one write at a time.
pub fn shared<T>(folder: &Path, f: impl FnOnce(&dyn Shared) -> T) -> T {
    open(folder, |store| f(&store))
}

fn open<T>(folder: &Path, f: impl FnOnce(Lmdb<'_>) -> T) -> T {
    let mut options = EnvOpenOptions::new();
    options.map_size(MAP_BYTES).max_dbs(8);
    // SAFETY: no other code opens or changes the file while the benchmark runs.
    let env = unsafe { options.open(folder) }.unwrap();
    let table = |name| {
        env.create_databases_and_commit(env.write_txn().unwrap(), |opener, txn| {
            opener.create_database(txn, Some(name)).map(CommitOrAbort::<_, ()>::Commit)
        })
        .unwrap()
        .unwrap_commit()
    };
    let [policies, versions, contents, ids] = ["policies", "versions", "contents", "ids"].map(table);
    let mut store = Lmdb { env: &env, policies, versions, contents, ids };
    store.create_policy();
    f(store)
}

fn key(parts: &[&str]) -> Vec<u8> {
    parts.iter().flat_map(|part| part.bytes().chain([0])).collect()
}

fn version_key(version: u32) -> Vec<u8> {
    [key(&[ZONE, POLICY]).as_slice(), &version.to_be_bytes()].concat()
}

impl Lmdb<'_> {
    fn create_policy(&mut self) {
        let mut txn = self.env.write_txn().unwrap();
        let policy = key(&[ZONE, POLICY]);
        if self.policies.get(&txn, &policy).unwrap().is_none() {
            self.policies.put(&mut txn, &policy, &0_u32.to_be_bytes()).unwrap();
        }
        txn.commit().unwrap();
    }

    fn add(&self, txn: &mut RwTxn<'_>, content: &Content) {
        let policy = key(&[ZONE, POLICY]);
        let latest = self.policies.get(txn, &policy).unwrap().unwrap();
        let version = u32::from_be_bytes(latest.try_into().unwrap()) + 1;
        self.policies.put(txn, &policy, &version.to_be_bytes()).unwrap();
        let (version_key, metadata) = (version_key(version), Metadata::new(content, version));
        self.versions.put(txn, &version_key, &wincode::serialize(&metadata).unwrap()).unwrap();
        for (syntax, content) in [(TEXT, &content.text), (JSON, &content.json)] {
            self.contents.put(txn, &[version_key.as_slice(), &[syntax]].concat(), content.as_bytes()).unwrap();
        }
        self.ids.put(txn, &key(&[ZONE, &metadata.id]), &version_key).unwrap();
    }

    fn read(&self, txn: &RoTxn<'_>, version_key: &[u8], metadata: &[u8], include: bool) -> Row {
        let content = |syntax| {
            let bytes = self.contents.get(txn, &[version_key, &[syntax]].concat()).unwrap().unwrap();
            String::from_utf8(bytes.to_vec()).unwrap()
        };
        let include = include.then(|| (content(TEXT), content(JSON)));
        Row { metadata: wincode::deserialize(metadata).unwrap(), include }
    }
}

impl Shared for Lmdb<'_> {
    fn with(&self, f: &mut dyn FnMut(&mut dyn Store)) {
        f(&mut self.clone());
    }
}

impl Store for Lmdb<'_> {
    fn create(&mut self, contents: &[Content]) {
        let mut txn = self.env.write_txn().unwrap();
        contents.iter().for_each(|content| self.add(&mut txn, content));
        txn.commit().unwrap();
    }

    fn get(&mut self, version: u32) -> (String, String) {
        let txn = self.env.read_txn().unwrap();
        let key = version_key(version);
        let row = self.read(&txn, &key, self.versions.get(&txn, &key).unwrap().unwrap(), true);
        assert_eq!(row.metadata.version, version);
        row.include.unwrap()
    }

    fn page(&mut self, include: bool) -> u32 {
        let txn = self.env.read_txn().unwrap();
        let newest = self.versions.rev_prefix_iter(&txn, &key(&[ZONE, POLICY])).unwrap().take(100);
        let read = |(key, metadata): (&[u8], &[u8])| self.read(&txn, key, metadata, include);
        let rows: Vec<Row> = newest.map(|row| read(row.unwrap())).collect();
        assert_eq!(rows.len(), 100);
        rows[0].metadata.version
    }
}
