//! Test suites: their form, their run over a compiled set, and the report.
//!
//! Does not know zones, versions, bindings or the disk. A run uses no rules but those of the set: the same set and suite
//! always give the same report.

pub(crate) mod case;
mod names;
mod read;
pub(crate) mod report;
pub(crate) mod run;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::suite::case::TestCase;
use crate::types::error::Result;
use crate::types::hash::Sha256;

/// A test suite: requests with their entities, each with the decision that is expected. It is immutable, and cheap to clone.
///
/// The form is the JSON that Cedar's own `cedar run-tests` reads, an array of cases:
///
/// ```json
/// [{"name": "staff may read",
///   "request": {"principal": "User::\"ann\"", "action": "Action::\"read\"", "resource": "Doc::\"d\"", "context": {}},
///   "entities": [{"uid": {"type": "User", "id": "ann"}, "attrs": {}, "parents": []}],
///   "decision": "allow", "reason": ["policy0"], "num_errors": 0}]
/// ```
///
/// - `name` is optional, and so is `context`. A uid may also be `{"type": …, "id": …}`. Further members are ignored, as
///   Cedar ignores them.
/// - `entities` must be the entities themselves, not the name of a file with them.
/// - The case passes if the decision is `decision`, exactly `num_errors` statements failed, and all statements that
///   `reason` names are determining. Others may be too.
///
/// A name in `reason` is the first of these that the set has: the `@id` annotation of a statement; `policy` and the
/// number of a statement in the whole set, counted from 0 over its policies by their ids, which for a set of one policy is
/// Cedar's own number; the id of a policy, for any of its statements; the id of a policy, a dot, and the number of a
/// statement in it. If several statements have a name, one of them must be determining. Names of policies are not
/// used: they change, and results must not.
///
/// ```
/// use policy_store::TestSuite;
/// let json = r#"[{"name": "nobody", "request": {"principal": "U::\"a\"", "action": "Action::\"b\"", "resource": "U::\"c\""},
///     "entities": [], "decision": "deny", "reason": [], "num_errors": 0}]"#;
/// let suite = TestSuite::from_json(json)?;
/// assert_eq!((suite.len(), suite.cases()[0].name()), (1, Some("nobody")));
/// # Ok::<_, policy_store::Error>(())
/// ```
#[derive(Clone)]
pub struct TestSuite {
    json: Arc<str>,
    sha: Sha256,
    cases: Arc<[TestCase]>,
}

impl TestSuite {
    /// Reads a suite. The text is kept as it is. Whether requests and entities fit a schema is seen when the suite runs.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) with the index and name of the case if it does not have the form, or for a
    /// key that occurs twice in an object; [`TooLarge`](crate::ErrorKind::TooLarge) over
    /// [a limit](crate::limits::SUITE_BYTES).
    pub fn from_json(json: impl Into<Arc<str>>) -> Result<Self> {
        let json = json.into();
        let cases = read::cases(&json)?.into();
        Ok(Self { sha: Sha256::of(json.as_bytes()), json, cases })
    }

    /// Joins suites, such as those of several files, into one: all cases in the order given. One suite alone stays as
    /// it is.
    ///
    /// # Errors
    ///
    /// [`TooLarge`](crate::ErrorKind::TooLarge) if the joined suite is over [a limit](crate::limits::SUITE_BYTES).
    pub fn merged<'a>(suites: impl IntoIterator<Item = &'a Self>) -> Result<Self> {
        let suites: Vec<_> = suites.into_iter().collect();
        match suites.as_slice() {
            [one] => Ok(Self::clone(one)),
            all => Self::from_json(read::joined(all.iter().map(|suite| &*suite.json))?),
        }
    }

    /// The text, as it was given.
    #[must_use]
    pub fn as_json(&self) -> &str {
        &self.json
    }

    /// The SHA-256 of the text.
    #[must_use]
    pub fn sha(&self) -> Sha256 {
        self.sha
    }

    /// The number of cases.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cases.len()
    }

    /// Whether it has no cases.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cases.is_empty()
    }

    /// The cases, in the order of the text.
    #[must_use]
    pub fn cases(&self) -> &[TestCase] {
        &self.cases
    }
}

impl fmt::Debug for TestSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TestSuite({}, {} cases)", self.sha, self.len())
    }
}

/// A suite is its text, as a string: the SHA-256 is that of its bytes.
impl Serialize for TestSuite {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.json)
    }
}

impl<'de> Deserialize<'de> for TestSuite {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        Self::from_json(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// Suites with the same text are equal.
impl PartialEq for TestSuite {
    fn eq(&self, other: &Self) -> bool {
        self.sha == other.sha
    }
}

impl Eq for TestSuite {}
