//! What would change: the answer in force beside that of a shadow, for the same question.

use cedar_policy::Decision;
use serde::Serialize;

use super::answer::Answer;
use super::receipt::StatementRef;

/// How a shadow's answer differs from the enforced one.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What was decided.
    pub enforced: Decision,
    /// What the shadow would have decided.
    pub shadow: Decision,
    /// The statements that determine the enforced decision only, sorted.
    pub only_enforced: Vec<StatementRef>,
    /// The statements that determine the shadow's decision only, sorted.
    pub only_shadow: Vec<StatementRef>,
}

impl Difference {
    /// Whether the shadow would have decided otherwise.
    pub fn decides_otherwise(&self) -> bool {
        self.enforced != self.shadow
    }

    /// Whether there is none: the same decision, for the same reasons.
    pub fn is_none(&self) -> bool {
        !self.decides_otherwise() && self.only_enforced.is_empty() && self.only_shadow.is_empty()
    }
}

impl Answer {
    /// How a shadow's answer to the same question differs from this one, which stays as it is. A statement of another
    /// version of a policy is another statement.
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
