//! The decision of a receipt.

use serde::{Deserialize, Serialize};

/// Allow or deny, as in Cedar. With the feature `cedar` it compares with Cedar's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// The request is allowed.
    Allow,
    /// The request is denied.
    Deny,
}

text_enum!(Decision, "decision", { Allow => "allow", Deny => "deny" });

#[cfg(feature = "cedar")]
mod with_cedar {
    use super::Decision;

    impl From<cedar_policy::Decision> for Decision {
        fn from(decision: cedar_policy::Decision) -> Self {
            match decision {
                cedar_policy::Decision::Allow => Self::Allow,
                cedar_policy::Decision::Deny => Self::Deny,
            }
        }
    }

    impl From<Decision> for cedar_policy::Decision {
        fn from(decision: Decision) -> Self {
            match decision {
                Decision::Allow => Self::Allow,
                Decision::Deny => Self::Deny,
            }
        }
    }

    impl PartialEq<cedar_policy::Decision> for Decision {
        fn eq(&self, other: &cedar_policy::Decision) -> bool {
            *self == Self::from(*other)
        }
    }

    impl PartialEq<Decision> for cedar_policy::Decision {
        fn eq(&self, other: &Decision) -> bool {
            other == self
        }
    }
}
