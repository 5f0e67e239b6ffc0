//! Text as lines of recorded decisions: each is refused, or reads back as itself. A replay of all lines counts or names each
//! one, the same on any number of threads. What it decides by the receipt's rules is a decision with the hashes of the
//! receipt.
#![no_main]

use std::sync::LazyLock;

use policy_store::{DecisionRecord, LeftOut, PolicyStore, ReplayOptions, Target, inputs};
use policy_store_fuzz::decided;

static STORE: LazyLock<PolicyStore> = LazyLock::new(|| decided::store().0);

/// A line that is read prints as a line that reads the same, and its inputs print and read alike.
fn one(line: &str) {
    let Ok(record) = line.parse::<DecisionRecord>() else { return };
    let text = record.to_string();
    assert!(!text.contains('\n'));
    let again: DecisionRecord = text.parse().unwrap();
    assert_eq!((&again, again.to_string()), (&record, text));
    let (Ok(request), Ok(entities)) = (record.request(), record.entities()) else { return };
    let authorizer = STORE.zone("z").unwrap().authorizer(Target::Zone).unwrap();
    let Ok(answer) = authorizer.is_authorized(&request, &entities) else { return };
    let Ok(written) = answer.record(&entities) else { return };
    written.check().unwrap();
    let own = (inputs::request_sha(&request).ok(), inputs::entities_sha(&entities).ok());
    assert_eq!((written.receipt().request_sha, written.receipt().entities_sha), own);
    if record.check().is_ok() && record.receipt().request_sha.is_some() {
        assert_eq!((record.receipt().request_sha, record.receipt().entities_sha), own);
    }
}

libfuzzer_sys::fuzz_target!(|text: &str| {
    text.lines().for_each(one);
    let replay = |options: ReplayOptions| STORE.replay_decisions(text.as_bytes(), &options).unwrap();
    let report = replay(ReplayOptions::new().threads(1));
    assert_eq!(replay(ReplayOptions::new().threads(2)), report);
    assert_eq!(report.decisions, report.same + report.flips);
    let lines = text.lines().filter(|line| !line.trim().is_empty()).count() as u64;
    assert!(report.decisions + report.left_out_total() <= lines);
    let authorizer = STORE.zone("z").unwrap().authorizer(Target::Zone).unwrap();
    let by_other = replay(ReplayOptions::new().with(authorizer));
    assert!(!by_other.left_out.contains_key(&LeftOut::Unreadable), "the schema is the receipt's");
    assert!(by_other.decisions <= report.decisions);
});
