//! A case of a test suite: a request, its entities, and what is expected. Does not run it.

use policy_store_verify::receipt::Decision;

use crate::cedar::UidInput;

/// One case of a [`TestSuite`](crate::TestSuite).
#[derive(Clone, Debug)]
pub struct TestCase {
    pub(super) name: Option<String>,
    pub(super) principal: UidInput<'static>,
    pub(super) action: UidInput<'static>,
    pub(super) resource: UidInput<'static>,
    pub(super) context: String,
    pub(super) entities: String,
    pub(super) decision: Decision,
    pub(super) reason: Vec<String>,
    pub(super) num_errors: usize,
}

impl TestCase {
    /// Its name, if it has one. Several cases may have the same.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The principal of the request.
    #[must_use]
    pub fn principal(&self) -> &UidInput<'static> {
        &self.principal
    }

    /// The action of the request.
    #[must_use]
    pub fn action(&self) -> &UidInput<'static> {
        &self.action
    }

    /// The resource of the request.
    #[must_use]
    pub fn resource(&self) -> &UidInput<'static> {
        &self.resource
    }

    /// The context of the request, as JSON.
    #[must_use]
    pub fn context_json(&self) -> &str {
        &self.context
    }

    /// The entities, as JSON.
    #[must_use]
    pub fn entities_json(&self) -> &str {
        &self.entities
    }

    /// The decision that is expected.
    #[must_use]
    pub fn decision(&self) -> Decision {
        self.decision
    }

    /// The names of statements that must be determining.
    #[must_use]
    pub fn reason(&self) -> &[String] {
        &self.reason
    }

    /// The number of statements that are expected to fail.
    #[must_use]
    pub fn num_errors(&self) -> usize {
        self.num_errors
    }
}
