//! The tests of the public API, one module for each part of the domain.

mod actors;
#[cfg(feature = "bundle")]
mod applied_bundles;
mod as_of;
mod as_of_points;
mod as_of_schemas;
#[cfg(all(feature = "attestation", feature = "bundle"))]
mod attested_bundles;
#[cfg(feature = "attestation")]
mod attesting;
mod backups;
mod binding_history;
mod bindings;
mod bindings_at;
mod blame;
#[cfg(feature = "bundle")]
mod bundle_changes;
#[cfg(feature = "bundle")]
mod bundle_sequences;
#[cfg(feature = "bundle")]
mod bundles;
#[cfg(feature = "bundle")]
mod bundles_in_git;
#[cfg(feature = "bundle")]
mod bundles_packed;
mod caches;
mod cedar_cases;
mod changes;
mod concurrent;
mod copying;
mod counts;
mod deciding;
mod differences;
mod documented;
mod erasing;
mod errors;
#[cfg(feature = "attestation")]
mod evidence;
mod explaining;
mod filtered_history;
mod filtered_pages;
mod filters;
mod fixture;
mod forks;
mod guardrails;
mod handles;
mod history;
mod idempotency;
mod idempotency_conflicts;
mod idempotency_reads;
mod ids;
mod importing;
#[cfg(unix)]
#[cfg(feature = "attestation")]
mod judged;
mod kept_suites;
mod killed;
mod layers;
mod limits;
mod lists;
#[cfg(feature = "attestation")]
mod live_rules;
mod observed_opening;
mod observing;
mod opening;
mod operations;
mod origins;
mod plan_sequences;
mod plans;
mod policies;
mod policies_json;
mod preconditions;
mod preflight;
mod processes;
#[cfg(feature = "attestation")]
mod proof_fixture;
mod proofs;
mod rationale;
mod readers;
mod reads_in_writes;
mod receipts;
mod recomputed_hashes;
mod recorded;
mod recovery;
mod replaying;
mod replicas;
mod required_tests;
#[cfg(feature = "bundle")]
mod reset_bundles;
mod schema_errors;
mod schema_forms;
mod schema_sample_forms;
mod schema_samples;
mod schemas;
mod schemas_prepared;
#[cfg(feature = "attestation")]
mod seals;
mod sets;
mod several_writers;
mod shadows;
#[cfg(feature = "attestation")]
mod signed_rules;
mod snapshots;
mod sorting;
mod statements;
mod statistics;
mod suite_fixture;
mod support;
mod suspending;
mod test_suites;
mod time;
mod timeline;
#[cfg(feature = "tracing")]
mod traces;
mod validation_limits;
mod verify;
mod whole_lists;
mod writes;

/// Fails if a file is not declared as a module, and so never runs.
#[test]
fn every_file_here_is_a_module_of_the_suite() {
    let tests = concat!(env!("CARGO_MANIFEST_DIR"), "/tests");
    for (folder, declared) in [("suite", include_str!("mod.rs")), ("model", include_str!("../model/mod.rs"))] {
        let mut files = 0;
        for entry in std::fs::read_dir(format!("{tests}/{folder}")).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let module = name.strip_suffix(".rs").unwrap_or_else(|| panic!("{name} is no Rust file"));
            files += 1;
            let mut lines = declared.lines().map(|line| line.trim_start_matches("pub "));
            assert!(module == "mod" || lines.any(|line| line == format!("mod {module};")), "{name} is not declared");
        }
        assert!(files > 1);
    }
}
