//! The desired state of a policy set: its schema, its policies with their texts, its name. Does not know a zone.

use serde::{Deserialize, Serialize};

use crate::resource::schema::NewSchema;
use crate::suite::TestSuite;
use crate::types::error::{ErrorDetail, Result, at_most};
use crate::types::hash::Sha256;
use crate::types::id::{PolicyId, PolicySetId, SchemaName, check_text};
use crate::types::limits;
use crate::types::schema::SchemaRef;
use crate::types::syntax::Syntax;

/// The content that a policy set shall have: the input of [`Zone::plan`](crate::Zone::plan).
///
/// ```
/// use policy_store::{DesiredPolicy, DesiredPolicySet};
/// let schema = "entity User; action view appliesTo { principal: User, resource: User };";
/// let desired = DesiredPolicySet::new("2026-02-24")
///     .cedar_schema(schema)
///     .named("production")
///     .policy(DesiredPolicy::new("self", "permit (principal, action, resource) when { principal == resource };"));
/// ```
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DesiredPolicySet {
    pub(crate) schema_version: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) schema: Option<DesiredSchema>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    pub(crate) policies: Vec<DesiredPolicy>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tests: Option<TestSuite>,
}

/// The source of a schema version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DesiredSchema {
    pub syntax: Syntax,
    pub source: String,
}

/// A policy of a [`DesiredPolicySet`]: its name and Cedar text, and its id and description if they are known.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DesiredPolicy {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    pub(crate) cedar_raw: String,
}

impl DesiredPolicySet {
    /// A set without policies, for the schema version of this name.
    pub fn new(schema_version: impl Into<String>) -> Self {
        Self {
            schema_version: schema_version.into(),
            schema: None,
            id: None,
            name: None,
            policies: Vec::new(),
            tests: None,
        }
    }

    /// The source of the schema version, in Cedar syntax. The plan publishes it if the name is free, and is refused if the
    /// name has another source. Without a source, the schema version must be published.
    pub fn cedar_schema(mut self, source: impl Into<String>) -> Self {
        self.schema = Some(DesiredSchema { syntax: Syntax::Cedar, source: source.into() });
        self
    }

    /// The source of the schema version, in JSON.
    pub fn json_schema(mut self, source: impl Into<String>) -> Self {
        self.schema = Some(DesiredSchema { syntax: Syntax::Json, source: source.into() });
        self
    }

    /// The name of the policy set. It selects the zone's policy set of this name, or creates one. Without name and id, it is
    /// the set in force for the target.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The id of the policy set. A set that is created needs a name, too. If the name differs, the set is renamed.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Adds a policy.
    pub fn policy(mut self, policy: DesiredPolicy) -> Self {
        self.policies.push(policy);
        self
    }

    /// The test suite to keep with the version. Without one, a version keeps the suite that it has.
    pub fn tests(mut self, suite: TestSuite) -> Self {
        self.tests = Some(suite);
        self
    }

    /// The test suite, if there is one.
    #[must_use]
    pub fn test_suite(&self) -> Option<&TestSuite> {
        self.tests.as_ref()
    }

    /// The policies, in the order given.
    pub fn policies(&self) -> &[DesiredPolicy] {
        &self.policies
    }

    /// The name of the schema version.
    #[must_use]
    pub fn schema_version(&self) -> &str {
        &self.schema_version
    }

    /// Refuses names, ids and sizes that break a rule.
    pub(crate) fn check(&self) -> Result<()> {
        SchemaName::new(&self.schema_version)?;
        self.id.as_ref().map(PolicySetId::new).transpose()?;
        if let Some(name) = &self.name {
            check_text("policy set name", name, limits::NAME_BYTES)?;
        }
        if let Some(empty) = self.tests.as_ref().filter(|tests| tests.is_empty()) {
            return Err(ErrorDetail::invalid("test suite", empty.as_json(), "must have at least one case").into());
        }
        at_most("policies of the plan", self.policies.len(), limits::MANIFEST_ENTRIES)?;
        let bytes = self.policies.iter().map(|policy| policy.cedar_raw.len()).sum();
        at_most("bytes of the plan's texts", bytes, limits::MANIFEST_ENTRIES * limits::POLICY_TEXT_BYTES)?;
        self.policies.iter().try_for_each(|policy| policy.check().map_err(|cause| policy.refused(cause)))
    }

    /// The reference of the schema version; none without a source.
    pub(crate) fn schema_ref(&self) -> Result<Option<SchemaRef>> {
        let Some(DesiredSchema { syntax, source }) = &self.schema else { return Ok(None) };
        let version = SchemaName::new(&self.schema_version)?;
        Ok(Some(SchemaRef { version, syntax: *syntax, sha: Sha256::of(source.as_bytes()) }))
    }

    /// The schema version to publish; none without a source.
    pub(crate) fn new_schema(&self) -> Option<NewSchema> {
        let DesiredSchema { syntax, source } = self.schema.clone()?;
        Some(NewSchema { version: self.schema_version.clone(), syntax, source })
    }
}

impl DesiredPolicy {
    /// A policy with this name and Cedar text. It is the policy of that name in the version in force, or else the only policy
    /// of that name in the zone, or a new one.
    pub fn new(name: impl Into<String>, cedar_raw: impl Into<String>) -> Self {
        Self { id: None, name: name.into(), description: None, cedar_raw: cedar_raw.into() }
    }

    /// The id of the policy. If the zone has no policy of this id, one is created with it. If the name differs, the policy is
    /// renamed.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// The description. Without one, a policy keeps its description.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The Cedar text.
    #[must_use]
    pub fn cedar_raw(&self) -> &str {
        &self.cedar_raw
    }

    pub(crate) fn sha(&self) -> Sha256 {
        Sha256::of(self.cedar_raw.as_bytes())
    }

    fn check(&self) -> Result<()> {
        self.id.as_ref().map(PolicyId::new).transpose()?;
        check_text("policy name", &self.name, limits::NAME_BYTES)?;
        match self.description.as_deref() {
            Some(description) if !description.is_empty() => {
                check_text("policy description", description, limits::DESCRIPTION_BYTES)?;
            }
            _ => {}
        }
        at_most("policy text", self.cedar_raw.len(), limits::POLICY_TEXT_PRINTED_BYTES)
    }

    /// Adds the name of the policy to an error.
    pub(crate) fn refused(&self, cause: crate::types::error::Error) -> crate::types::error::Error {
        ErrorDetail::InPlan { policy: self.name.clone(), cause }.into()
    }
}
