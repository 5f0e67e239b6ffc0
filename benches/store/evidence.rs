//! Evidence of a decision: made from a log of 1,000,000 entries, and verified without the store.

use std::cell::LazyCell;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion};
use policy_store::attestation::{Ed25519Signer, Signer};
use policy_store::evidence::Evidence;
use policy_store::note::{NoteKey, NoteVerifier, SignedCheckpoint, Trust};
use policy_store::{PolicyStore, Receipt, Target};
use redb::{ReadOnlyTable, ReadableDatabase};

use crate::floor::Bytes;
use crate::long::{STATEMENTS, long};
use crate::scopes::{CASES, ENTITIES};
use crate::{floor, world};

const NAME: &str = "example.com/policies";
/// Pieces of content in the evidence: the policies, the manifest and the schema.
const CONTENT: u64 = STATEMENTS as u64 + 2;

/// Floor: making: one raw get for each entry, for the tile that has its hash, and for each text; verifying: one Ed25519
/// verification, and one SHA-256 over all entries and texts.
pub fn evidence(c: &mut Criterion) {
    let mut group = c.benchmark_group("evidence of a decision, from a log of 1,000,000 entries");
    let (world, opened) = (LazyCell::new(World::new), LazyCell::new(|| long().open()));
    group.bench_function(BenchmarkId::new("store", "make"), |b| {
        let receipt = &world.evidence.receipt;
        let zone = opened.zone("z").unwrap();
        b.iter(|| zone.evidence(receipt).unwrap());
    });
    drop(opened);
    group.bench_function(BenchmarkId::new("floor", "make"), |b| {
        let entries = world.evidence.entries.len();
        let database = floor::open(&long().path());
        let transaction = database.begin_read().unwrap();
        let [log, tiles, content] =
            [floor::LOG, floor::INDEX, floor::CONTENT].map(|table| transaction.open_table(table).unwrap());
        let get = |table: &ReadOnlyTable<Bytes, Bytes>, row_key: &[u8]| {
            black_box(table.get(row_key).unwrap().map(|row| row.value().to_vec()));
        };
        b.iter(|| {
            for n in 0..entries {
                get(&log, &floor::entry(n));
                get(&tiles, &floor::tile(n as u64));
            }
            (0..CONTENT).for_each(|n| get(&content, &n.to_be_bytes()));
        });
    });
    group.bench_function(BenchmarkId::new("store", "verify"), |b| {
        b.iter(|| world.evidence.verify(&world.trust).unwrap())
    });
    group.bench_function(BenchmarkId::new("floor", "verify"), |b| {
        let Evidence { entries, rules, .. } = &world.evidence;
        let (key, text) = (key(), "as long as a checkpoint is: ".repeat(5));
        let signature = signer().sign(text.as_bytes()).unwrap();
        b.iter(|| {
            key.verify(&text, &signature).unwrap();
            let texts = rules.policies.iter().chain([&rules.manifest, &rules.schema]).map(String::as_bytes);
            let all: Vec<_> = entries.iter().map(|entry| entry.bytes.as_slice()).chain(texts).collect();
            floor::leaf(&all.concat())
        });
    });
    group.finish();
}

fn signer() -> Ed25519Signer {
    Ed25519Signer::new("2026-a", &[7; 32]).unwrap()
}

fn key() -> NoteKey {
    NoteKey::ed25519(NAME, signer().jwk().as_bytes()).unwrap()
}

/// The evidence of a decision at the end of the long log, which has kept a checkpoint that covers it.
struct World {
    evidence: Evidence,
    trust: Trust,
}

impl World {
    fn new() -> Self {
        let (store, trust) = (long().open(), Trust::new().log_key(key()));
        let receipt = receipt(&store);
        let zone = store.zone("z").unwrap();
        let signed = SignedCheckpoint::sign(&zone.checkpoint().unwrap(), NAME, &signer()).unwrap();
        store.keep_checkpoint(&world::actor(), &signed.verify(&trust).unwrap()).unwrap();
        let evidence = zone.evidence(&receipt).unwrap();
        assert_eq!(evidence.rules.policies.len(), STATEMENTS);
        Self { evidence, trust }
    }
}

/// The receipt of a decision by the set in force, at the end of the log.
fn receipt(store: &PolicyStore) -> Receipt {
    let authorizer = store.zone("z").unwrap().authorizer(Target::Zone).unwrap();
    let [principal, action, resource, context] = CASES[0].request;
    let request = authorizer.request(principal, action, resource, context).unwrap();
    let entities = authorizer.entities(ENTITIES).unwrap();
    authorizer.is_authorized(&request, &entities).unwrap().receipt(&entities).unwrap()
}
