//! The rules of receipts: found in the store and compared with each receipt, once for all receipts of the same rules.

use std::sync::Arc;

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

use super::left_out::{LeftOut, Refusal};
use crate::decide::authorizer::Authorizer;
use crate::decide::receipt::Receipt;
use crate::engine::Engine;
use crate::types::error::{ErrorDetail, Result};
use crate::types::hash::EntryHash;

/// The entries that the rules of a receipt come from, and the end of the log.
type Key = (EntryHash, Option<EntryHash>, Option<EntryHash>);

/// The rules of a receipt.
struct Found {
    /// A receipt with these rules.
    receipt: Receipt,
    authorizer: Result<Authorizer, Refusal>,
}

#[derive(Clone)]
struct Bytes;

impl Weighter<Key, Arc<Found>> for Bytes {
    fn weight(&self, _: &Key, found: &Arc<Found>) -> u64 {
        let compiled = found.authorizer.as_ref().map_or(0, Authorizer::weight);
        u64::try_from(compiled.saturating_add(4_096)).unwrap_or(u64::MAX)
    }
}

/// Bytes of compiled sets that are kept.
const BUDGET: u64 = 256 * 1024 * 1024;
/// Receipts with different rules at first.
const EXPECTED: usize = 256;

/// The rules of all receipts.
pub(super) struct RulesOf<'a> {
    store: &'a Engine,
    found: Cache<Key, Arc<Found>, Bytes>,
}

impl<'a> RulesOf<'a> {
    pub(super) fn new(store: &'a Engine) -> Result<Self> {
        // One shard, as each has a part of the budget only.
        let options =
            OptionsBuilder::new().shards(1).estimated_items_capacity(EXPECTED).weight_capacity(BUDGET).build();
        let options = options.map_err(|error| ErrorDetail::failed("make the cache", error))?;
        let found = Cache::with_options(options, Bytes, DefaultHashBuilder::default(), DefaultLifecycle::default());
        Ok(Self { store, found })
    }

    /// The authorizer of a receipt.
    pub(super) fn of(&self, receipt: &Receipt) -> Result<Result<Authorizer, Refusal>> {
        let key = (receipt.policy_set_version_entry, receipt.log_end.map(|end| end.last), receipt.binding_entry);
        let found = self.found.get_or_insert_with(&key, || self.find(receipt).map(Arc::new))?;
        if same_rules(&found.receipt, receipt) {
            return Ok(found.authorizer.clone());
        }
        Ok(self.find(receipt)?.authorizer)
    }

    fn find(&self, receipt: &Receipt) -> Result<Found> {
        let authorizer = Refusal::of(LeftOut::OtherRules, Authorizer::of_receipt(self.store, receipt))?;
        // The statements of its answer may be many, and are not a part of the rules.
        let (determining, failed) = (Vec::new(), Vec::new());
        Ok(Found { receipt: Receipt { determining, failed, ..receipt.clone() }, authorizer })
    }
}

/// Whether two receipts are of the same rules: they differ in their inputs and answers at most.
fn same_rules(one: &Receipt, other: &Receipt) -> bool {
    let Receipt {
        v,
        zone_id,
        log_id,
        log_end,
        binding,
        binding_entry,
        guardrail,
        policy_set_id,
        policy_set_version_id,
        policy_set_version,
        policy_set_version_entry,
        manifest_sha,
        schema_version,
        schema_sha,
        deny_on_forbid_error,
        request_sha,
        entities_sha,
        decision: _,
        determining: _,
        failed: _,
        cedar_version: _,
    } = one;
    *v == other.v
        && *zone_id == other.zone_id
        && *log_id == other.log_id
        && *log_end == other.log_end
        && *binding == other.binding
        && *binding_entry == other.binding_entry
        && *guardrail == other.guardrail
        && *policy_set_id == other.policy_set_id
        && *policy_set_version_id == other.policy_set_version_id
        && *policy_set_version == other.policy_set_version
        && *policy_set_version_entry == other.policy_set_version_entry
        && *manifest_sha == other.manifest_sha
        && *schema_version == other.schema_version
        && *schema_sha == other.schema_sha
        && *deny_on_forbid_error == other.deny_on_forbid_error
        // The form of a receipt says whether it has them.
        && request_sha.is_some() == other.request_sha.is_some()
        && entities_sha.is_some() == other.entities_sha.is_some()
}
