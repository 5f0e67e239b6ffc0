//! The rules of writing: ownership, preconditions, pins of a manifest, guardrails, demands for tests, and the
//! changes of a bundle.
//!
//! Appends nothing.

#[cfg(feature = "attestation")]
pub(crate) mod attest;
#[cfg(all(feature = "attestation", feature = "bundle"))]
pub(crate) mod attested_bundle;
#[cfg(feature = "bundle")]
pub(crate) mod bundle_changes;
#[cfg(feature = "bundle")]
pub(crate) mod bundle_match;
#[cfg(feature = "bundle")]
pub(crate) mod bundle_plan;
#[cfg(feature = "bundle")]
pub(crate) mod bundle_tests;
pub(crate) mod guardrail;
pub(crate) mod manifest;
pub(crate) mod new_ids;
pub(crate) mod ownership;
pub(crate) mod precondition;
pub(crate) mod step_tests;
pub(crate) mod steps;
pub(crate) mod target;
pub(crate) mod test_demand;
