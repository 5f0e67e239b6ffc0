//! Decides again by the statements of verified evidence, with plain Cedar.

use cedar_policy::{Authorizer, Decision, Entities, Policy, PolicyId, PolicySet, Request};

use super::verdict::{Guardrail, RulesVerdict, Verdict};
use crate::inputs;
use crate::proof::ProofError;
use crate::receipt::{Layer, StatementRef};
use crate::types::hash::Sha256;

/// A statement in the set that decides again.
type Named = (PolicyId, StatementRef, bool);

impl Verdict {
    /// Decides again by the statements of the evidence, and compares decision and determining statements with the receipt.
    /// Request and entities must be those of the decision, by their SHA-256. Verify first: only then are the texts those
    /// that the store accepted. Call it on a thread with 16 MiB of stack: Cedar needs it for the deepest statements.
    ///
    /// Statements that fail to evaluate are skipped, as Cedar does; a receipt of a strict authorizer denies for a `forbid`
    /// that fails.
    ///
    /// # Errors
    ///
    /// [`Mismatch`](ProofError::Mismatch) for other inputs; [`Decision`](ProofError::Decision) for another result;
    /// [`Malformed`](ProofError::Malformed) if this build's Cedar does not parse a text.
    pub fn decide_again(&self, request: &Request, entities: &Entities) -> Result<(), ProofError> {
        let wrong = |error: crate::Error| ProofError::malformed("inputs", error);
        let sha: (Sha256, Sha256) =
            (inputs::request_sha(request).map_err(wrong)?, inputs::entities_sha(entities).map_err(wrong)?);
        self.receipt.check_inputs(sha.0, sha.1)?;
        let (mut set, mut named) = (PolicySet::new(), Vec::new());
        add(&mut set, &mut named, Layer::Target, &self.rules)?;
        if let Guardrail::InForce { rules, .. } = &self.guardrail {
            add(&mut set, &mut named, Layer::Guardrail, rules)?;
        }
        let response = Authorizer::new().is_authorized(request, &set, entities);
        let sorted = |ids: &mut dyn Iterator<Item = &PolicyId>| {
            let of =
                |id: &PolicyId| named.iter().find(|(own, ..)| own == id).map(|(_, statement, _)| statement.clone());
            let mut statements: Vec<_> = ids.filter_map(of).collect();
            statements.sort();
            statements
        };
        let mut decision = response.decision();
        let mut determining = sorted(&mut response.diagnostics().reason());
        let failing: Vec<PolicyId> = response
            .diagnostics()
            .errors()
            .map(|error| match error {
                cedar_policy::AuthorizationError::PolicyEvaluationError(error) => error.policy_id().clone(),
            })
            .collect();
        let failed = sorted(&mut failing.iter());
        let is_forbid = |statement: &StatementRef| named.iter().any(|(_, own, forbid)| own == statement && *forbid);
        if self.receipt.deny_on_forbid_error && decision == Decision::Allow && failed.iter().any(is_forbid) {
            decision = Decision::Deny;
            determining = failed.iter().filter(|statement| is_forbid(statement)).cloned().collect();
        }
        let texts =
            |statements: &[StatementRef]| statements.iter().map(StatementRef::to_string).collect::<Vec<_>>().join(", ");
        let decided = crate::receipt::Decision::from(decision);
        for (field, expected, found) in [
            ("decision", self.receipt.decision.to_string(), decided.to_string()),
            ("determining", texts(&self.receipt.determining), texts(&determining)),
            ("failed", texts(&self.receipt.failed), texts(&failed)),
        ] {
            if expected != found {
                return Err(ProofError::Decision { field, expected, found });
            }
        }
        Ok(())
    }
}

/// Adds the statements of a version.
fn add(set: &mut PolicySet, named: &mut Vec<Named>, layer: Layer, rules: &RulesVerdict) -> Result<(), ProofError> {
    for (pinned, text) in &rules.policies {
        let wrong = |problem: &dyn std::fmt::Display| {
            ProofError::malformed("policy text", problem).within(format_args!("`{}`", pinned.policy_version_id))
        };
        let parsed: PolicySet = text.parse().map_err(|error: cedar_policy::ParseErrors| wrong(&error))?;
        // Cedar numbers the statements of a text: `policy0`, `policy1`.
        let count = parsed.policies().count();
        for number in 0..count {
            let id = PolicyId::new(format!("policy{number}"));
            let policy: &Policy = parsed.policy(&id).ok_or_else(|| wrong(&"a statement is missing"))?;
            let id = PolicyId::new(format!("{layer}:{}:{number}", pinned.policy_version_id));
            let statement = StatementRef {
                layer,
                policy_id: pinned.policy_id.clone(),
                policy_version_id: pinned.policy_version_id.clone(),
                statement: u32::try_from(number).map_err(|error| wrong(&error))?,
            };
            named.push((id.clone(), statement, policy.effect() == cedar_policy::Effect::Forbid));
            set.add(policy.new_id(id)).map_err(|error| wrong(&error))?;
        }
    }
    Ok(())
}
