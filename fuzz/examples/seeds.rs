//! Writes the seeds of the targets `note`, `proof`, `receipt`, `evidence`, `signed_rules`, `record`, `delta`, `replica_objects` and
//! `replica_input`, into `corpus/`. They are the same each time.

use std::path::Path;

use policy_store::DecisionLog;
use policy_store_fuzz::evidence::WORLD;
use policy_store_fuzz::outside::{self, NAME, key, signer, witness};
use policy_store_fuzz::replicas::{CHAINED, FORGED, ON_DEMAND, ONE_ZONE, RAW, SEALED, TOO_MANY};
use policy_store_fuzz::{decided, replicas};
use policy_store_replica::object::bundle;
use policy_store_replica::object::delta::{Delta, LogDelta};
use policy_store_replica::object::layout::{self, FULL, Tile, TileKind};
use policy_store_verify::note::SignedCheckpoint;
use policy_store_verify::proof::{ConsistencyProof, InclusionProof, TlogProof};
use policy_store_verify::receipt::{Receipt, sign_batch};
use policy_store_verify::{Checkpoint, LogId, Timestamp};

/// The note of the C2SP signed-note specification, with its key, and the checkpoint of C2SP tlog-checkpoint.
const KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const NOTE: &str = "This is an example message.\n\n— example.com/foo \
     Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
const CHECKPOINT: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
     — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
     — witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";

fn write(target: &str, name: &str, bytes: impl AsRef<[u8]>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(name), bytes).unwrap();
}

/// A checkpoint of the tree of the target `proof`.
fn signed(size: usize, leaves: &[outside::Hash]) -> SignedCheckpoint {
    let checkpoint =
        Checkpoint { log_id: LogId([1; 16]), size: size as u64, root: outside::root(&leaves[..size]).into() };
    SignedCheckpoint::sign(&checkpoint, NAME, &signer()).unwrap()
}

/// Decisions with entities of their own, and a log with those of an earlier line.
fn decisions() {
    let (_, answers, entities) = decided::store();
    let log = DecisionLog::new(Vec::new());
    for (number, answer) in answers.iter().enumerate() {
        log.write(answer, &entities).unwrap();
        write("record", &format!("decision-{number}"), answer.record(&entities).unwrap().to_string());
    }
    write("record", "log", log.into_inner());
}

/// Eight bytes of an edit.
fn row(op: u8, which: u8, place: u16, value: u32) -> Vec<u8> {
    [[op, which].as_slice(), &place.to_le_bytes(), &value.to_le_bytes()].concat()
}

/// Deltas, objects of logs and their names.
fn objects() {
    let parts = |text: &str| text.split(' ').map(|part| part.as_bytes().to_vec()).collect::<Vec<_>>();
    let log = |id| LogDelta { log_id: LogId([id; 16]), start: 7, entries: parts("one two"), content: parts("c") };
    let without_content = LogDelta { content: vec![], start: u64::MAX - 2, ..log(9) };
    for (name, tiles, logs) in [
        ("tiles", 70, None),
        ("empty", 0, Some(vec![])),
        ("one-log", 0, Some(vec![log(1)])),
        ("two-logs", 64, Some(vec![log(1), without_content])),
    ] {
        write("delta", name, Delta { tiles, logs }.write().unwrap());
    }
    let text = Delta { tiles: 5, logs: Some(vec![log(1), log(2)]) }.write().unwrap();
    write("delta", "with-a-blank", text.replacen(':', ": ", 1));
    write("delta", "with-another-member", text.replacen("\"start\"", "\"x\":1,\"start\"", 1));
    write("delta", "other-base64", text.replacen("dHdv", "dHdvZR==", 1));

    let object = |name: &str, kind: u8, bytes: &[u8]| write("replica_objects", name, [&[kind], bytes].concat());
    let entries = bundle::write_entries(&parts("one two three")).unwrap();
    object("entries", 0, &[&[2], entries.as_slice()].concat());
    object("entries-of-another-width", 0, &[&[3], entries.as_slice()].concat());
    object("entries-with-an-empty-one", 0, b"\x01\0\x01a\0\0");
    object("content-with-an-empty-value", 1, b"\0\0\0\x01a\0\0\0\0");
    object("content", 1, &bundle::write_content(&parts("one two three")).unwrap());
    let id = LogId([0xab; 16]);
    for (name, kind, number, width) in [
        ("name-of-hashes", TileKind::Hashes(2), 5, FULL),
        ("name-of-entries", TileKind::Entries, 1_234_067, 17),
        ("name-of-content", TileKind::Content, u64::MAX, 255),
    ] {
        object(name, 2, Tile { kind, number, width }.name(id).as_bytes());
    }
    object("name-of-a-delta", 2, layout::delta(3, b"head").as_bytes());
    object("name-of-a-log", 2, layout::log(id).as_bytes());
    object("name-of-a-piece", 2, layout::piece(id, &format!("01-{}", "0f".repeat(32))).as_bytes());
    object("growth-of-entries", 3, &[3, 0, 1, 200, 0, 5, 17]);
    object("growth-of-level-1", 3, &[1, 0, 255, 255, 2, 0, 1]);
}

/// Honest sources, and lies.
fn sources() {
    let input = |name: &str, header: [u8; 4], rest: &[Vec<u8>]| {
        write("replica_input", name, [header.to_vec(), rest.concat()].concat());
    };
    input("from-nothing", [0, 2, 0, 255], &[]);
    input("from-nothing-one-zone", [0, 2, ONE_ZONE, 3], &[]);
    input("on-demand", [0, 1, ON_DEMAND, 4], &[]);
    input("over-an-erasure", [2, 2, 0, 1], &[]);
    input("the-same", [2, 1, 0, 9], &[]);
    input("back", [3, 0, 0, 9], &[]);
    input("too-many", [0, 0, TOO_MANY, 200], &[]);
    // Operations of 12 and more are of the log of a zone, of 228 and more of content.
    let lie = FORGED | CHAINED | SEALED;
    for (name, header, edits) in [
        ("damaged-entry", [0, 1, 0, 255], row(10, 3, 2, 1)),
        ("damaged-content", [0, 2, 0, 255], row(230, 1, 9, 1)),
        ("lost-content", [0, 2, ON_DEMAND, 255], row(228, 1, 9, 1)),
        ("forged-body", [0, 1, lie, 255], row(10, 3, 2, 1)),
        ("forged-kind", [1, 2, lie, 255], row(9, 0, 5, 1_000)),
        ("forged-group", [0, 1, lie, 255], row(7, 0, 2, 2 << 16 | 1)),
        ("forged-zone", [0, 2, lie, 255], row(120 + 10, 4, 7, 1)),
        ("forged-binding", [0, 1, lie, 255], row(120 + 6, 0, 7, 0)),
        ("shorter-zone", [0, 1, lie, 255], row(120 + 11, 0, 4, 0)),
        ("entry-left-out", [0, 2, lie, 255], [row(0, 0, 2, 0), row(4, 0, 0, 0)].concat()),
        ("entry-twice", [0, 2, lie, 255], [row(1, 3, 4, 0), row(4, 0, 0, 0)].concat()),
        ("zone-entry-left-out", [0, 1, lie, 255], [row(120, 0, 3, 0), row(120 + 4, 0, 0, 0)].concat()),
    ] {
        input(name, header, &[edits]);
    }
    let framed = |kind: u8, bytes: &Vec<u8>| [[kind].as_slice(), &(bytes.len() as u16).to_le_bytes(), bytes].concat();
    let logs = replicas::WORLD.entries();
    let entries =
        |kind: u8, log: usize| -> Vec<Vec<u8>> { logs[log].iter().map(|entry| framed(kind, entry)).collect() };
    input("raw-store", [0, 2, RAW | FORGED, 255], &entries(0, 0));
    input("raw-store-again", [1, 1, RAW | lie, 255], &entries(0, 0)[..4]);
    input("raw-zone", [0, 2, RAW | lie, 255], &[entries(0, 0), entries(1, 1)].concat());
    input("raw-bytes", [0, 0, RAW, 255], &[framed(0, &vec![1; 9]), framed(3, &vec![2; 9])]);
}

fn main() {
    decisions();
    objects();
    sources();
    let leaves: Vec<_> = (0..70).map(|index| outside::leaf(format!("entry {index}").as_bytes())).collect();
    let mut cosigned = signed(21, &leaves);
    cosigned.cosign(&witness(), &signer(), Timestamp::from_micros(1_771_939_200_000_000)).unwrap();
    write("note", "specified", NOTE);
    write("note", "specified-checkpoint", CHECKPOINT);
    write("note", "checkpoint", cosigned.to_string());
    write("note", "checkpoint-text", signed(21, &leaves).note().text().trim_end());
    write("note", "signature-line", cosigned.note().signatures()[1].to_string());
    write("note", "vkey", KEY);
    write("note", "vkey-of-a-witness", witness().to_string());
    write("note", "named-signature", "a b\nsignature");

    let included = InclusionProof { index: 5, size: 70, hashes: outside::path(5, &leaves) };
    let grown = ConsistencyProof { old: 21, new: 70, hashes: outside::grown(21, &leaves, true) };
    let receipts: Vec<Receipt> = WORLD.seeds.iter().map(|seed| seed.receipt.clone()).take(5).collect();
    let batch = sign_batch(&receipts, &key(NAME).unwrap(), &signer()).unwrap();
    write("proof", "inclusion", TlogProof::new(included, signed(70, &leaves)).unwrap().to_string());
    write("proof", "consistency", grown.with_checkpoint(&signed(70, &leaves)));
    write("proof", "signed-receipt", batch[3].to_string());
    let numbers = |one: u64, other: u64| [one.to_le_bytes().as_slice(), &other.to_le_bytes(), &[2, 9]].concat();
    write("proof", "numbers", numbers(5, 7));
    write("proof", "large-numbers", numbers((1 << 62) - 3, 1 << 62));

    let [plain, with_guardrail] = [&receipts[0], &receipts[3]].map(Clone::clone);
    let old = |v: u32, new: Receipt| {
        let guardrail = new.guardrail.map(|mut guardrail| {
            guardrail.binding_entry = None;
            guardrail
        });
        Receipt { v, log_end: None, binding_entry: None, request_sha: None, entities_sha: None, guardrail, ..new }
    };
    for (name, receipt) in [
        ("form-1", old(1, plain.clone())),
        ("form-2", old(2, with_guardrail.clone())),
        ("form-3", plain),
        ("form-3-with-a-guardrail", with_guardrail),
    ] {
        write("receipt", name, serde_json::to_string(&receipt).unwrap());
    }

    for (name, seed) in [("file", 0), ("file-with-a-guardrail", 3), ("file-with-a-seal", WORLD.seeds.len() - 3)] {
        write("evidence", name, serde_json::to_string(&WORLD.seeds[seed]).unwrap());
    }
    for (name, seed) in
        [("file", 0), ("file-of-a-user", 1), ("file-with-a-guardrail", 3), ("file-with-a-seal", WORLD.rules.len() - 1)]
    {
        write("signed_rules", name, serde_json::to_string(&WORLD.rules[seed]).unwrap());
    }
    // Receipts that claim a newer end of the log, another binding with its version, or no guardrail, all with every entry of
    // the log. A value of the JSON. A log that skips a binding, and one with a forgotten entry.
    write(
        "evidence",
        "hidden-guardrail",
        [vec![3], row(6, 0, 0, 0), row(17, 0, 0, 0), row(21, 0, 0, 0), row(9, 0, 0, 0)].concat(),
    );
    for end in 0..16 {
        let claims = [vec![0], row(6, 0, 0, 0), row(14, 0, end, 0)].concat();
        write("evidence", &format!("newer-end-{end}"), claims);
    }
    for (bound, version) in [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (3, 2)] {
        let claims =
            [vec![7], row(6, 0, 0, 0), row(15, 0, bound, 0), row(19, 0, version, 0), row(21, 0, 0, 0)].concat();
        write("evidence", &format!("binding-{bound}-of-version-{version}"), claims);
    }
    // No guardrail, without its binding too. The rules of before under a later checkpoint, with all entries. Another target. A
    // value of the JSON. A log with a forgotten entry.
    write("signed_rules", "hidden-guardrail", [vec![3], row(9, 0, 0, 0)].concat());
    for entry in 0..12 {
        let hidden = [vec![4], row(9, 0, 0, 0), row(0, 0, entry, 0)].concat();
        write("signed_rules", &format!("hidden-guardrail-without-{entry}"), hidden);
    }
    for later in 1..WORLD.rules.len() as u8 {
        let claims = [vec![0], row(10, later, 0, 0), row(4, later, 0, 0)].concat();
        write("signed_rules", &format!("replaced-by-{later}"), claims);
    }
    write("signed_rules", "other-target", [vec![1], row(11, 0, 0, 0)].concat());
    write("signed_rules", "value", [vec![1], row(30, 2, 40, 0x1b), row(31, 7, 9, 0)].concat());
    write("signed_rules", "forged-log", [vec![128], row(0, 0, 7, 0), row(4, 0, 0, 0)].concat());
    write("evidence", "value", [vec![1], row(30, 2, 40, 0x1b), row(28, 7, 9, 0)].concat());
    write("evidence", "forged-walk", [vec![130], row(6, 0, 30, 0), row(3, 0, 30, 0)].concat());
    write("evidence", "forged-log", [vec![131], row(0, 0, 7, 0), row(4, 0, 0, 0), row(3, 1, 20, 0)].concat());
}
