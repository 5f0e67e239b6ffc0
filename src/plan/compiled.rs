//! Compiles the content of a plan, so that requests can be decided by it before it is stored.

use std::sync::Arc;

use super::desired::DesiredPolicy;
use super::given_schema::GivenSchema;
use super::value::{PlannedPolicy, PolicySetPlan};
use crate::cedar::{CompiledSet, ParsedPolicy, in_one_go, version};
use crate::change::policy::ChangedVersion;
use crate::decide::authorizer::Authorizer;
use crate::decide::receipt::{Layer, StatementRef};
use crate::engine::Engine;
use crate::engine::compiler::Compiled;
use crate::record::PolicySetVersionCreated;
use crate::resource::schema;
use crate::resource::zone::ZoneReader;
use crate::types::error::{ErrorDetail, Result};
use crate::types::hash::{EntryHash, Sha256};
use crate::types::id::{PolicyId, PolicySetId, PolicySetVersionId, PolicyVersionId};

/// The id of everything that a plan creates with a generated id, with a number if there are several.
const PLANNED: &str = "planned";

impl PolicySetPlan {
    /// The policy of a statement in an answer of [`Zone::authorizer_of_plan`](crate::Zone::authorizer_of_plan). None for a
    /// statement of the guardrail.
    #[must_use]
    pub fn policy_of(&self, statement: &StatementRef) -> Option<&PlannedPolicy> {
        let is_it = |(policy, version): (PolicyId, PolicyVersionId)| {
            statement.layer == Layer::Target
                && (policy, version) == (statement.policy_id.clone(), statement.policy_version_id.clone())
        };
        let mut numbered = self.policies.iter().enumerate();
        numbered.find(|(number, policy)| ids(*number, policy).is_ok_and(is_it)).map(|(_, policy)| policy)
    }

    /// Compiles the content, for decisions with the zone's guardrail of now.
    pub(crate) fn authorizer(&self, zone: ZoneReader<'_>, engine: &Engine) -> Result<Authorizer> {
        let compiled = in_one_go("plan", || self.compile(zone, engine))??;
        Authorizer::of_compiled(zone, &engine.compiler, Arc::new(compiled))
    }

    fn compile(&self, zone: ZoneReader<'_>, engine: &Engine) -> Result<Compiled> {
        self.check_zone(zone.id, zone.log_id)?;
        let compiler = &engine.compiler;
        let given = match self.prepared.schema.clone() {
            Some(given) => Some(given),
            None => GivenSchema::of(zone, &self.desired, compiler)?,
        };
        let (schema_ref, schema) = match (self.desired.schema_ref()?, given) {
            (Some(named), Some(given)) => (named, given.parsed),
            _ => {
                let named = schema::find(&zone, &self.desired.schema_version)?.reference();
                let parsed = compiler.schema(&zone, &named)?;
                (named, parsed)
            }
        };
        self.check_schema(schema_ref.sha)?;
        let mut pinned = Vec::new();
        for (number, policy) in self.policies.iter().enumerate() {
            if let Some(to) = &policy.change.to {
                pinned.push((ids(number, policy)?, self.text(&policy.change.name, to)?));
            }
        }
        pinned.sort();
        let (members, texts): (Vec<_>, Vec<_>) = pinned.into_iter().unzip();
        let parsed = ParsedPolicy::parse_many(&texts).into_iter().map(|policy| policy.map(Arc::new));
        let set = CompiledSet::assemble(parsed.collect::<Result<_>>()?);
        let policy_set_id = self.policy_set.policy_set_id.clone().map_or_else(|| PolicySetId::new(PLANNED), Ok)?;
        let id = self.policy_set.policy_set_version_id.clone();
        let version = PolicySetVersionCreated {
            policy_set_id,
            version_id: id.map_or_else(|| PolicySetVersionId::new(PLANNED), Ok)?,
            version: self.policy_set.version,
            schema: schema_ref,
            manifest_sha: Sha256::of(&[]),
            entries: u32::try_from(members.len()).unwrap_or(u32::MAX),
            cedar: version(),
        };
        let (zone_id, log_id, entry_hash) = (zone.id.clone(), zone.log_id, EntryHash::NONE);
        Ok(Compiled { zone_id, log_id, version, entry_hash, schema, set, members })
    }

    /// The text of a planned version.
    fn text(&self, name: &str, version: &ChangedVersion) -> Result<Arc<str>> {
        let is_it = |desired: &&DesiredPolicy| desired.name == name && desired.sha() == version.sha;
        let missing = || ErrorDetail::invalid("plan", name, "the plan has no text of this policy");
        Ok(self.desired.policies.iter().find(is_it).ok_or_else(missing)?.cedar_raw.as_str().into())
    }
}

/// The ids of the version that a plan has for a policy. What the plan creates is numbered.
fn ids(number: usize, policy: &PlannedPolicy) -> Result<(PolicyId, PolicyVersionId)> {
    // Padded, so that their order is that of the numbers.
    let planned = format!("{PLANNED}:{number:04}");
    let version = policy.change.to.as_ref().and_then(|to| to.policy_version_id.clone());
    Ok((
        policy.change.policy_id.clone().map_or_else(|| PolicyId::new(&planned), Ok)?,
        version.map_or_else(|| PolicyVersionId::new(&planned), Ok)?,
    ))
}
