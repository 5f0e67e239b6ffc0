//! The rules of writing: who may change what, preconditions, what a manifest may pin, what a bundle changes.
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
pub(crate) mod guardrail;
pub(crate) mod manifest;
pub(crate) mod ownership;
pub(crate) mod precondition;
