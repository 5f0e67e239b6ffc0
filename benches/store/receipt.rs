//! Receipts of decisions, and one signature for many.

use cedar_policy::{Authorizer, Entities, PolicySet, Request};
use criterion::{BenchmarkId, Criterion};
use policy_store::{Answer, EntitiesInput, PolicyStore, Target, inputs};

use crate::scopes::{CASES, ENTITIES, SCHEMA, Scopes, statement};
use crate::world;

/// Floor: the decision itself, by Cedar's authorizer with the same ten statements.
pub fn receipt(c: &mut Criterion) {
    let mut group = c.benchmark_group("receipt of a decision");
    let Decided { answer, entities, set, request } = Decided::new();
    let sha = inputs::entities_sha(&entities).unwrap();
    let receipt = answer.receipt(sha).unwrap();
    assert_eq!(answer.receipt(&entities).unwrap(), receipt);
    let lines: [(&str, EntitiesInput<'_>); 2] =
        [("10 entities", (&entities).into()), ("10 entities, hashed before", sha.into())];
    for (line, input) in lines {
        group.bench_function(BenchmarkId::new("store", line), |b| b.iter(|| answer.receipt(input).unwrap()));
        group.bench_function(BenchmarkId::new("floor", line), |b| {
            let cedar = Authorizer::new();
            b.iter(|| cedar.is_authorized(&request, &set, &entities));
        });
    }
    group.finish();
    #[cfg(feature = "attestation")]
    signed::sign(c, &receipt);
}

/// An answer, and what Cedar needs to decide the same.
struct Decided {
    answer: Answer,
    entities: Entities,
    set: PolicySet,
    request: Request,
}

impl Decided {
    fn new() -> Self {
        let texts: Vec<String> = (0..10).map(|n| statement(Scopes::Varied, n)).collect();
        let store = PolicyStore::builder().in_memory().unwrap();
        world::with_schema(&store, SCHEMA);
        world::in_force(&store, texts.iter().cloned());
        let authorizer = store.zone("z").unwrap().authorizer(Target::Zone).unwrap();
        let [principal, action, resource, context] = CASES[0].request;
        let request = authorizer.request(principal, action, resource, context).unwrap();
        // Without the two entities of another request, and without the schema's actions.
        let entities = authorizer.entities(ENTITIES).unwrap();
        let is_seen = |entity: &cedar_policy::Entity| {
            let uid = entity.uid();
            !["eve", "guests"].contains(&uid.id().unescaped()) && uid.type_name().to_string() != "Action"
        };
        let entities =
            Entities::from_entities(entities.iter().filter(|entity| is_seen(entity)).cloned(), None).unwrap();
        assert_eq!(entities.iter().count(), 10);
        let answer = authorizer.is_authorized(&request, &entities).unwrap();
        Self { answer, entities, set: texts.concat().parse().unwrap(), request }
    }
}

#[cfg(feature = "attestation")]
mod signed {
    use std::time::Instant;

    use criterion::{BenchmarkId, Criterion};
    use policy_store::Receipt;
    use policy_store::attestation::{Ed25519Signer, Signer};
    use policy_store::note::NoteKey;
    use policy_store::receipt::sign_batch;

    const BATCH: u32 = 1_000;

    /// Floor: the JSON of each receipt, and an Ed25519 signature of its own.
    #[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
    pub fn sign(c: &mut Criterion, receipt: &Receipt) {
        let mut group = c.benchmark_group("sign 1,000 receipts at once");
        group.sample_size(20);
        let signer = Ed25519Signer::new("2026-a", &[7; 32]).unwrap();
        let key = NoteKey::ed25519("example.com/decisions", signer.jwk().as_bytes()).unwrap();
        let receipts = vec![receipt.clone(); BATCH as usize];
        group.bench_function(BenchmarkId::new("store", "for each receipt"), |b| {
            b.iter_custom(|batches| {
                let started = Instant::now();
                (0..batches).for_each(|_| drop(sign_batch(&receipts, &key, &signer).unwrap()));
                started.elapsed() / BATCH
            });
        });
        group.bench_function(BenchmarkId::new("floor", "for each receipt"), |b| {
            let sign = |receipt| signer.sign(serde_json::to_string(receipt).unwrap().as_bytes()).unwrap();
            b.iter_custom(|batches| {
                let started = Instant::now();
                (0..batches).for_each(|_| receipts.iter().for_each(|receipt| drop(sign(receipt))));
                started.elapsed() / BATCH
            });
        });
        group.finish();
    }
}
