//! Proofs about a log of 1,000,000 entries, made from tiles and verified.

use std::cell::LazyCell;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion};
use policy_store::proof::{ConsistencyProof, InclusionProof};
use policy_store::{RootHash, Zone};
use redb::{ReadOnlyTable, ReadableDatabase};

use crate::floor::{self, Bytes, node};
use crate::long::{entries, long};

/// Makes a proof, and returns its length.
type Make<'a> = &'a dyn Fn(&Zone, u64) -> usize;

/// Proofs to verify.
const PROOFS: u64 = 100;

pub fn proof(c: &mut Criterion) {
    make(c);
    verify(c);
}

/// Entries and sizes all over the log.
fn scattered(n: u64) -> u64 {
    n * 611_953 % entries()
}

/// Two sizes, the smaller one first.
fn sizes(n: u64) -> (u64, u64) {
    let (one, other) = (scattered(n) + 1, scattered(n + 1) + 1);
    (one.min(other), one.max(other))
}

fn inclusion(zone: &Zone, n: u64) -> InclusionProof {
    zone.inclusion_proof(scattered(n), entries()).unwrap()
}

fn consistency(zone: &Zone, n: u64) -> ConsistencyProof {
    zone.consistency_proof(sizes(n).0, sizes(n).1).unwrap()
}

/// Floor: one raw get of the tile of leaves at each end of the proof, and the hashes within it, which no tile has.
fn make(c: &mut Criterion) {
    let mut group = c.benchmark_group("prove in a log of 1,000,000 entries");
    let earlier = |zone: &Zone, n| zone.inclusion_proof(sizes(n).0 - 1, sizes(n).1).unwrap();
    let lines: [(&str, Make<'_>, u64); 3] = [
        ("an entry", &|zone, n| inclusion(zone, n).hashes.len(), 1),
        ("an entry, in an earlier tree", &|zone, n| earlier(zone, n).hashes.len(), 2),
        ("an earlier tree, in a later one", &|zone, n| consistency(zone, n).hashes.len(), 2),
    ];
    for (line, make, ends) in lines {
        // One opening for all samples: nodes that were read once are cached.
        let (opened, mut numbers) = (LazyCell::new(|| long().open()), 0..);
        group.bench_function(BenchmarkId::new("store", line), |b| {
            let zone = opened.zone("z").unwrap();
            b.iter(|| make(&zone, numbers.next().unwrap()));
        });
        drop(opened);
        let (opened, mut numbers) = (LazyCell::new(|| floor::open(&long().path())), 0..);
        group.bench_function(BenchmarkId::new("floor", line), |b| {
            let table = opened.begin_read().unwrap().open_table(floor::INDEX).unwrap();
            b.iter(|| {
                let n = numbers.next().unwrap();
                (n..n + ends).for_each(|n| drop(black_box(nodes_within(&table, scattered(n) / 256))));
            });
        });
    }
    group.finish();
}

/// The nodes within a tile of leaves, by raw redb.
fn nodes_within(table: &ReadOnlyTable<Bytes, Bytes>, tile: u64) -> Vec<[u8; 32]> {
    let row = table.get(floor::tile(tile).as_slice()).unwrap();
    // The last tile of the log is not full.
    let Some(row) = row else { return Vec::new() };
    let mut nodes = floor::hashes_of_tile(row.value());
    let mut below = 0;
    while let Some([left, right]) = nodes.get(below..below + 2) {
        nodes.push(node(left, right));
        below += 2;
    }
    nodes
}

/// Floor: the hashes of the path from an entry to the root, or of those to both roots.
fn verify(c: &mut Criterion) {
    let mut group = c.benchmark_group("verify a proof in a log of 1,000,000 entries");
    let proofs = LazyCell::new(Proofs::make);
    group.bench_function(BenchmarkId::new("store", "an entry"), |b| {
        let mut proofs = proofs.entries.iter().cycle();
        b.iter(|| {
            let (proof, bytes, root) = proofs.next().unwrap();
            proof.verify(bytes, *root).unwrap();
        });
    });
    group.bench_function(BenchmarkId::new("floor", "an entry"), |b| {
        let mut proofs = proofs.entries.iter().cycle();
        b.iter(|| {
            let (proof, bytes, _) = proofs.next().unwrap();
            proof.hashes.iter().fold(floor::leaf(bytes), |hash, beside| node(&hash, beside))
        });
    });
    group.bench_function(BenchmarkId::new("store", "an earlier tree"), |b| {
        let mut proofs = proofs.trees.iter().cycle();
        b.iter(|| {
            let (proof, roots) = proofs.next().unwrap();
            proof.verify(roots[0], roots[1]).unwrap();
        });
    });
    group.bench_function(BenchmarkId::new("floor", "an earlier tree"), |b| {
        let mut proofs = proofs.trees.iter().cycle();
        b.iter(|| {
            let (proof, roots) = proofs.next().unwrap();
            roots.map(|root| proof.hashes.iter().fold(root.0, |hash, beside| node(&hash, beside)))
        });
    });
    group.finish();
}

/// Proofs with what they prove: entries with their bytes and the root, and trees with both roots.
struct Proofs {
    entries: Vec<(InclusionProof, Vec<u8>, RootHash)>,
    trees: Vec<(ConsistencyProof, [RootHash; 2])>,
}

impl Proofs {
    fn make() -> Self {
        let store = long().open();
        let zone = store.zone("z").unwrap();
        let root = zone.checkpoint().unwrap().root;
        let entry = |n| (inclusion(&zone, n), zone.entry_bytes(scattered(n)).unwrap(), root);
        let tree = |n| (consistency(&zone, n), [sizes(n).0, sizes(n).1].map(|size| root_of(&zone, size)));
        Self { entries: (0..PROOFS).map(entry).collect(), trees: (0..PROOFS).map(tree).collect() }
    }
}

/// The root of an earlier tree: everything beside the path from its last leaf is on the left.
fn root_of(zone: &Zone, size: u64) -> RootHash {
    let proof = zone.inclusion_proof(size - 1, size).unwrap();
    let leaf = floor::leaf(&zone.entry_bytes(size - 1).unwrap());
    RootHash(proof.hashes.iter().fold(leaf, |hash, beside| node(beside, &hash)))
}
