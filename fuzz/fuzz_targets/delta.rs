//! Bytes as the delta of a head: only the one form is read, within its limits, and it writes back the same.
#![no_main]

use policy_store_replica::object::PACKED_BYTES;
use policy_store_replica::object::delta::{DELTA_BYTES, Delta, LogDelta, PARTS_BYTES};

/// The head that the bytes are read for.
const HEADS: [u64; 3] = [0, 70, u64::MAX];

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for number in HEADS {
        let delta = match Delta::read(bytes, number) {
            Ok(delta) => delta,
            Err(problem) => {
                let text = problem.to_string();
                assert!(text.len() < 1_000 && !text.contains(char::is_control), "{text:?}");
                continue;
            }
        };
        assert_eq!(delta.write().unwrap().as_bytes(), bytes);
        assert!(bytes.len() <= DELTA_BYTES && delta.tiles <= number);
        let Some(logs) = &delta.logs else {
            assert_eq!(delta.tiles, number, "without logs, the head itself has tiles");
            continue;
        };
        assert!(logs.iter().map(LogDelta::bytes).sum::<usize>() <= PARTS_BYTES);
        assert!(logs.windows(2).all(|pair| pair[0].log_id < pair[1].log_id));
        for log in logs {
            assert!(log.end().unwrap() > log.start);
            assert!(log.entries.iter().chain(&log.content).all(|part| !part.is_empty() && part.len() <= PACKED_BYTES));
        }
    }
});
