//! Signed rules: made from a store, and decided by without one. Their format is that of `policy-store-verify`, which verifies
//! them.

use std::sync::Arc;

use policy_store_verify::evidence::{RulesInForce, SignedRules, VerifiedRules};

use super::anchor::{Anchor, mismatch, none};
use super::authorizer::Authorizer;
use super::proven::Positions;
use crate::engine::compiler::{BoundRules, BoundSet, Compiled, Compiler};
use crate::record::PolicySetVersionCreated;
use crate::resource::binding::{At, Binding};
use crate::resource::version::VersionRecord;
use crate::resource::zone::ZoneReader;
use crate::types::error::{Result, at_most};
use crate::types::limits;
use crate::types::target::{BindingMode, Target};

/// The bytes of parsed texts that target and guardrail may share while they are compiled.
const SHARED_BYTES: usize = 16 << 20;

/// The rules in force for a target at the end of a signed checkpoint.
pub(crate) fn signed_rules(zone: ZoneReader<'_>, target: Target, anchor: Anchor) -> Result<SignedRules> {
    let last = anchor.size.checked_sub(1).ok_or_else(|| none(zone, 1))?;
    let at = At::Position(last);
    let end = zone.log_end(at)?;
    if end.size != anchor.size {
        return Err(mismatch("size", anchor.size, format_args!("{}, the end of a write", end.size)));
    }
    let binding = zone.bound(&target, BindingMode::Active, at)?;
    let guardrail = zone.guardrail(at)?;
    let bindings: Vec<_> = std::iter::once(&binding).chain(&guardrail).collect();
    let mut positions = Positions::new(zone, end)?;
    for binding in &bindings {
        positions.binding(binding)?;
    }
    // An authorizer must know whether there is a guardrail, however far back that is.
    positions.walk(&bindings, usize::MAX)?;
    let (rules, attestations) = positions.rules(&version(zone, &binding)?)?;
    let guardrail = guardrail.map(|guardrail| positions.rules(&version(zone, &guardrail)?)).transpose()?;
    let (entries, attestations) = positions.finish(attestations, anchor.size)?;
    let mut signed = SignedRules::new(target, anchor.note, entries, rules);
    signed.seal = anchor.seal;
    signed.guardrail = guardrail.map(|(rules, _)| rules);
    signed.attestations = attestations;
    at_most("signed rules", signed.to_string().len(), limits::EVIDENCE_BYTES)?;
    Ok(signed)
}

fn version(zone: ZoneReader<'_>, binding: &Binding) -> Result<VersionRecord<PolicySetVersionCreated>> {
    VersionRecord::named(zone, binding.policy_set_version_id.as_str())
}

impl Authorizer {
    /// An authorizer by verified [signed rules](crate::evidence::SignedRules), without a store and without a file. It decides as
    /// the store's authorizer of that moment does, and its answers have the same receipts, which the store
    /// [replays](crate::PolicyStore::replay).
    ///
    /// Compare zone, log and target of the rules with those that you ask for, and refuse rules that are too old:
    /// [`LiveAuthorizer`](crate::LiveAuthorizer) refuses older ones than it has.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use policy_store::attestation::Ed25519Signer;
    /// use policy_store::cedar_policy::{Decision, Entities};
    /// use policy_store::evidence::SignedRules;
    /// use policy_store::note::{NoteKey, SignedCheckpoint, Trust};
    /// use policy_store::{Authorizer, Target};
    /// # use policy_store::{
    /// #     Actor, NewPolicy, NewPolicySet, NewPolicySetVersion, NewPolicyVersion, NewSchema, PolicyStore,
    /// # };
    /// # let store = PolicyStore::builder().in_memory()?;
    /// # store.write(&Actor::customer("ann")?, |w| {
    /// #     let schema = "entity User; action view appliesTo { principal: User, resource: User };";
    /// #     w.publish_schema(NewSchema::cedar("1", schema))?;
    /// #     let mut zone = w.create_zone("acme")?;
    /// #     let policy = zone.create_policy(NewPolicy::named("self"))?;
    /// #     let text = "permit (principal, action, resource) when { principal == resource };";
    /// #     let version = zone.create_policy_version(&policy.id, NewPolicyVersion::cedar("1", text))?;
    /// #     let set = zone.create_policy_set(NewPolicySet::named("production"))?;
    /// #     let live = zone.create_policy_set_version(&set.id, NewPolicySetVersion::new("1").pin(&version))?;
    /// #     zone.activate(&live.id)
    /// # })?;
    /// // At the store: sign, and write the file.
    /// let signer = Ed25519Signer::new("2026-a", &[7; 32])?;
    /// let zone = store.zone("acme")?;
    /// let signed = SignedCheckpoint::sign(&zone.checkpoint()?, "example.com/policies", &signer)?;
    /// let file = zone.signed_rules_with(Target::Zone, &signed)?.to_string();
    ///
    /// // In a function, with the public key alone: verify, and decide.
    /// let trust = Trust::new().log_key(NoteKey::ed25519("example.com/policies", signer.jwk().as_bytes())?);
    /// let authorizer = Authorizer::of_rules(&file.parse::<SignedRules>()?.verify(&trust)?)?;
    /// let request = authorizer.request(("User", "ann"), r#"Action::"view""#, ("User", "ann"), "{}")?;
    /// let answer = authorizer.is_authorized(&request, &Entities::empty())?;
    /// assert_eq!(answer.decision(), Decision::Allow);
    /// # let receipt = answer.receipt(&Entities::empty())?;
    /// # store.replay(&receipt, &request, &Entities::empty())?.agrees_with(&receipt)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Unavailable`](crate::ErrorKind::Unavailable) if this build's Cedar does not parse a policy: no statement is ever
    /// skipped; [`Invalid`](crate::ErrorKind::Invalid) or [`TooLarge`](crate::ErrorKind::TooLarge) for such a schema.
    pub fn of_rules(rules: &VerifiedRules) -> Result<Self> {
        Self::of_rules_after(rules, None)
    }

    /// The same. Takes over the versions that an earlier authorizer of the same log has compiled.
    pub(super) fn of_rules_after(rules: &VerifiedRules, earlier: Option<&Self>) -> Result<Self> {
        let compiler = Compiler::new(SHARED_BYTES, limits::VALIDATION_COST)?;
        let known: Vec<_> = earlier
            .into_iter()
            .filter(|earlier| earlier.compiled().log_id == rules.log_id())
            .flat_map(|earlier| [Some(earlier.compiled()), earlier.guardrail_layer().map(|layer| &layer.compiled)])
            .flatten()
            .collect();
        let compiled = |layer: &RulesInForce| -> Result<Arc<Compiled>> {
            // The hash of the entry covers manifest and schema.
            match known.iter().find(|known| known.entry_hash == layer.version.entry) {
                Some(known) => Ok(Arc::clone(known)),
                None => Ok(Arc::new(compiler.of_texts(rules.zone_id(), rules.log_id(), &layer.version)?)),
            }
        };
        let bound = |layer: &RulesInForce| -> Result<BoundSet> {
            let (binding, binding_entry) = (Arc::new(layer.binding.clone()), layer.binding_entry);
            Ok(BoundSet { compiled: compiled(layer)?, binding, binding_entry })
        };
        let guardrail = rules.guardrail().map(bound).transpose()?;
        Ok(Self::of_bound(BoundRules { bound: bound(rules.rules())?, guardrail, end: rules.log_end() }))
    }
}

#[cfg(test)]
mod tests {
    use policy_store_verify::attestation::Ed25519Signer;
    use policy_store_verify::note::{NoteKey, SignedCheckpoint, Trust};

    use super::*;
    use crate::{Actor, NewPolicy, NewPolicySet, NewPolicySetVersion, NewPolicyVersion, NewSchema, PolicyStore};

    const NAME: &str = "example.com/policies";
    const PERMIT: &str = "permit(principal, action, resource);";

    /// A store whose zone has a version with two policies in force.
    fn store() -> PolicyStore {
        let store = PolicyStore::builder().in_memory().unwrap();
        let schema = "entity U; action a appliesTo { principal: U, resource: U };";
        let made = store.write(&Actor::customer("a").unwrap(), |w| {
            w.publish_schema(NewSchema::cedar("s", schema))?;
            let mut zone = w.create_zone("z")?;
            let mut pins = NewPolicySetVersion::new("s");
            for id in ["p", "q"] {
                zone.create_policy(NewPolicy::named(id).id(id))?;
                pins = pins.pin(&zone.create_policy_version(id, NewPolicyVersion::cedar("s", PERMIT))?);
            }
            zone.create_policy_set(NewPolicySet::named("s").id("s"))?;
            let version = zone.create_policy_set_version("s", pins)?;
            zone.activate(&version.id)
        });
        made.unwrap();
        store
    }

    fn rules(store: &PolicyStore) -> VerifiedRules {
        let signer = Ed25519Signer::new("k", &[7; 32]).unwrap();
        let zone = store.zone("z").unwrap();
        let signed = SignedCheckpoint::sign(&zone.checkpoint().unwrap(), NAME, &signer).unwrap();
        let trust = Trust::new().log_key(NoteKey::ed25519(NAME, signer.jwk().as_bytes()).unwrap());
        zone.signed_rules_with(Target::Zone, &signed).unwrap().verify(&trust).unwrap()
    }

    /// As by a later version of Cedar, or of the gate.
    #[test]
    fn a_text_that_does_not_parse_or_pass_the_gate_refuses_the_whole_version() {
        let rules = rules(&store());
        let deep = format!("permit(principal, action, resource) when {{ {}true{} }};", "(".repeat(70), ")".repeat(70));
        for (bad, cause) in [("permit(principal, action);", "syntax"), ("", "empty_policy"), (&deep, "too_deep")] {
            let mut version = rules.rules().version.clone();
            version.policies[1].1 = bad.to_owned();
            let compiler = Compiler::new(0, limits::VALIDATION_COST).unwrap();
            let error = compiler.of_texts(rules.zone_id(), rules.log_id(), &version).err().unwrap();
            assert_eq!(error.code(), "cannot_compile");
            assert!(error.to_string().contains(version.policies[1].0.policy_version_id.as_str()), "{error}");
            let source = std::error::Error::source(&error).unwrap();
            assert_eq!(source.downcast_ref::<crate::Error>().unwrap().code(), cause);
        }
        let mut version = rules.rules().version.clone();
        version.schema = format!("entity E in {}", "[".repeat(1_000));
        let compiler = Compiler::new(0, limits::VALIDATION_COST).unwrap();
        let error = compiler.of_texts(rules.zone_id(), rules.log_id(), &version).err().unwrap();
        assert_eq!(error.code(), "too_deep");
    }

    #[test]
    fn a_version_that_is_still_in_force_is_not_compiled_again() {
        let store = store();
        let first = Authorizer::of_rules(&rules(&store)).unwrap();
        let write = |name: &str| {
            store.write(&Actor::customer("a").unwrap(), |w| w.zone("z")?.create_policy(NewPolicy::named(name))).unwrap()
        };
        write("unrelated");
        let next = Authorizer::of_rules_after(&rules(&store), Some(&first)).unwrap();
        assert!(Arc::ptr_eq(first.compiled(), next.compiled()) && first.log_end() != next.log_end());
        // The same texts in another version have other ids.
        let made = store.write(&Actor::customer("a").unwrap(), |w| {
            let mut zone = w.zone("z")?;
            let version = zone.create_policy_set_version("s", NewPolicySetVersion::new("s"))?;
            zone.activate(&version.id)
        });
        made.unwrap();
        let other = Authorizer::of_rules_after(&rules(&store), Some(&next)).unwrap();
        assert!(!Arc::ptr_eq(other.compiled(), next.compiled()));
    }
}
