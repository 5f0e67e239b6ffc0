//! Differences: the active answer beside the shadow answer to the same request.

use cedar_policy::Decision;
use serde::Serialize;

use super::answer::Answer;
use super::receipt::StatementRef;

/// The difference between an active answer and a shadow answer to the same request.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The active decision, which is enforced.
    pub enforced: Decision,
    /// The shadow decision.
    pub shadow: Decision,
    /// The statements that determine only the active decision, sorted.
    pub only_enforced: Vec<StatementRef>,
    /// The statements that determine only the shadow decision, sorted.
    pub only_shadow: Vec<StatementRef>,
}

impl Difference {
    /// Whether the two decisions differ.
    #[must_use]
    pub fn decides_otherwise(&self) -> bool {
        self.enforced != self.shadow
    }

    /// Whether there is no difference: the same decision, with the same determining statements.
    #[must_use]
    pub fn is_none(&self) -> bool {
        !self.decides_otherwise() && self.only_enforced.is_empty() && self.only_shadow.is_empty()
    }
}

impl Answer {
    /// The difference between this answer and a shadow answer to the same request. Statements of different versions of
    /// a policy are different.
    ///
    /// ```
    /// # use policy_store::{Answer, Result, Target, Zone, cedar_policy::{Entities, Request}};
    /// /// Whether the observed version would decide the request differently.
    /// fn would_change(zone: &Zone, answer: &Answer, request: &Request, entities: &Entities) -> Result<bool> {
    ///     let shadow = zone.shadow_authorizer(Target::Zone)?.is_authorized(request, entities)?;
    ///     Ok(answer.difference(&shadow).decides_otherwise())
    /// }
    /// ```
    #[must_use]
    pub fn difference(&self, shadow: &Answer) -> Difference {
        let only = |one: &Answer, other: &Answer| -> Vec<StatementRef> {
            let others = other.determining();
            // Both are sorted.
            one.determining().iter().filter(|statement| others.binary_search(statement).is_err()).cloned().collect()
        };
        Difference {
            enforced: self.decision(),
            shadow: shadow.decision(),
            only_enforced: only(self, shadow),
            only_shadow: only(shadow, self),
        }
    }
}
