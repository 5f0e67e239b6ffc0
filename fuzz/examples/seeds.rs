//! Writes the seeds of the targets `note`, `proof`, `receipt`, `evidence`, `signed_rules` and `record`, into `corpus/`. They are the same each time.

use std::path::Path;

use policy_store::DecisionLog;
use policy_store_fuzz::decided;
use policy_store_fuzz::evidence::WORLD;
use policy_store_fuzz::outside::{self, NAME, key, signer, witness};
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

fn main() {
    decisions();
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
    let row = |op: u8, which: u8, place: u16, value: u32| {
        [[op, which].as_slice(), &place.to_le_bytes(), &value.to_le_bytes()].concat()
    };
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
