//! Writing one policy version in a commit of its own.

use criterion::{BatchSize, Criterion};
use policy_store::{Forms, NewPolicyVersion, PolicyStore};
use redb::{Database, TableDefinition};

use crate::world::{self, SCHEMA, SCHEMA_VERSION, actor, text};

type Table = TableDefinition<'static, &'static [u8], &'static [u8]>;
const TABLES: [Table; 4] = [Table::new("meta"), Table::new("log"), Table::new("objects"), Table::new("index")];

/// Floor: Cedar's parse, strict validation and JSON, and one raw two-phase commit of as many rows of the same size.
pub fn create_version(c: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let store = PolicyStore::open(folder.path().join("store.redb")).unwrap();
    world::versions(&store, 1);
    let mut group = c.benchmark_group("create a version in its own commit");
    group.sample_size(30);
    let mut n = 0;
    group.bench_function("store", |b| {
        b.iter_batched(
            || {
                n += 1;
                NewPolicyVersion::cedar(SCHEMA_VERSION, text(n))
            },
            |new| store.write(&actor(), |w| w.zone("z")?.create_policy_version("p", new)).unwrap(),
            BatchSize::SmallInput,
        );
    });
    let json = store.zone("z").unwrap().policy_version_numbered("p", 1, Forms::Json).unwrap().cedar_json.unwrap();
    let database = Database::create(folder.path().join("floor.redb")).unwrap();
    let schema = cedar_policy::Schema::from_cedarschema_str(SCHEMA).unwrap().0;
    let validator = cedar_policy::Validator::new(schema);
    let mut n = 0_u64;
    group.bench_function("floor", |b| {
        b.iter(|| {
            n += 1;
            let text = text(n as usize);
            let set: cedar_policy::PolicySet = text.parse().unwrap();
            assert!(validator.validate(&set, cedar_policy::ValidationMode::Strict).validation_passed());
            set.policies().for_each(|policy| drop(policy.to_json().unwrap()));
            commit(&database, n, &[text.as_bytes(), json.as_bytes()]);
        });
    });
    group.finish();
}

/// One head, one entry, two objects and four index rows.
fn commit(database: &Database, n: u64, objects: &[&[u8]]) {
    let mut transaction = database.begin_write().unwrap();
    transaction.set_two_phase_commit(true);
    {
        let [mut meta, mut log, mut contents, mut index] = TABLES.map(|table| transaction.open_table(table).unwrap());
        meta.insert(b"head".as_slice(), [0; 64].as_slice()).unwrap();
        log.insert(n.to_be_bytes().as_slice(), [1; 420].as_slice()).unwrap();
        for content in objects {
            let address = blake3::hash(content);
            contents.insert(address.as_bytes().as_slice(), *content).unwrap();
        }
        for (row, tag) in (0..4_u8).enumerate() {
            let number = if row == 0 { 0 } else { n };
            let key = [[tag].as_slice(), &[b'x'; 36], &number.to_be_bytes()].concat();
            index.insert(key.as_slice(), [2; 24].as_slice()).unwrap();
        }
    }
    transaction.commit().unwrap();
}
