//! Runs of test suites over rules that may not be stored yet, and the memory of those that passed.
//!
//! A result depends on the rules and the suite alone, so both are known by their hashes. What an entry of an unfinished
//! write has is never kept: only texts, by their own hashes.

use std::sync::Arc;

use super::{Compiler, Passed, PolicySource, Valid};
use crate::cedar::{ParsedSchema, in_one_go};
use crate::record::{ContentId, PolicySetVersionCreated, PolicyVersionCreated};
use crate::resource::policy_set_version::manifest;
use crate::resource::version::VersionRecord;
use crate::resource::zone::ZoneReader;
use crate::suite::report::TestReport;
use crate::suite::{TestSuite, run};
use crate::types::error::{Error, ErrorDetail, Result};
use crate::types::hash::Sha256;
use crate::types::id::{PolicyId, PolicySetVersionId, PolicyVersionId};
use crate::types::schema::SchemaRef;

/// The rules of a policy set version, stored or planned: a schema, and the texts of policies by their ids.
pub(crate) struct Rules {
    /// The version, or the one that a planned one takes the place of.
    pub version: PolicySetVersionId,
    schema: SchemaRef,
    /// The schema, if it is not published yet.
    parsed: Option<Arc<ParsedSchema>>,
    members: Vec<Member>,
}

/// A policy of the rules.
pub(crate) struct Member {
    pub policy_id: PolicyId,
    pub sha: Sha256,
    pub text: MemberText,
}

/// The text of a policy: of a version in the store or in the write, or of one that is planned.
pub(crate) enum MemberText {
    Pinned(PolicyVersionId),
    New(Arc<str>),
}

impl Rules {
    /// The rules with these members, in any order, of a version or in its place.
    pub(crate) fn new(version: PolicySetVersionId, schema: SchemaRef, mut members: Vec<Member>) -> Self {
        // As in a manifest: suites name statements by their number in it.
        members.sort_by(|a, b| a.policy_id.cmp(&b.policy_id));
        Self { version, schema, parsed: None, members }
    }

    /// The rules with their schema, if it is not published yet.
    pub(crate) fn with_schema(mut self, parsed: Option<Arc<ParsedSchema>>) -> Self {
        self.parsed = parsed;
        self
    }

    /// The rules of a version.
    pub(crate) fn of_version(zone: ZoneReader<'_>, version: &PolicySetVersionCreated) -> Result<Self> {
        let entries = manifest(&zone, version)?.into_entries().into_iter();
        let members = entries.map(|entry| Member {
            policy_id: entry.policy_id,
            sha: entry.sha,
            text: MemberText::Pinned(entry.policy_version_id),
        });
        Ok(Self::new(version.version_id.clone(), version.schema.clone(), members.collect()))
    }

    /// Only the text of a stored version is new to Cedar here.
    fn cannot_compile(&self, member: usize, source: Error) -> Error {
        let policy_set_version_id = self.version.to_string();
        match self.members.get(member).map(|member| &member.text) {
            Some(MemberText::Pinned(id)) => {
                ErrorDetail::CannotCompile { policy_set_version_id, policy_version_id: id.to_string(), source }.into()
            }
            _ => source,
        }
    }

    /// The hash of all that a result depends on, but for the suite. No id holds a zero byte.
    fn sha(&self) -> Sha256 {
        let mut bytes = self.schema.sha.0.to_vec();
        for Member { policy_id, sha, .. } in &self.members {
            bytes.extend_from_slice(policy_id.as_str().as_bytes());
            bytes.push(0);
            bytes.extend_from_slice(&sha.0);
        }
        Sha256::of(&bytes)
    }
}

impl Compiler {
    /// Runs a suite over the rules, or knows that they pass.
    pub(crate) fn test(&self, zone: ZoneReader<'_>, rules: &Rules, suite: &TestSuite) -> Result<TestReport> {
        let known = (rules.sha(), suite.sha());
        if self.cache.get::<Passed>(known).is_some() {
            return Ok(TestReport::passed(suite.len()));
        }
        let schema = rules.parsed.clone().map_or_else(|| self.schema(&zone, &rules.schema), Ok)?;
        let sources = rules.members.iter().map(|member| self.source_of(zone, member)).collect::<Result<Vec<_>>>()?;
        let set = in_one_go("policy set", || self.assemble(sources))?;
        let set = set.map_err(|(member, source)| rules.cannot_compile(member, source))?;
        let policies: Vec<_> = rules.members.iter().map(|member| member.policy_id.as_str()).collect();
        let report = run::run(&schema, &set, &policies, suite)?;
        if report.is_passed() {
            self.cache.insert::<Passed>(known, Valid);
        }
        Ok(report)
    }

    fn source_of(&self, zone: ZoneReader<'_>, member: &Member) -> Result<PolicySource> {
        match &member.text {
            MemberText::New(text) => Ok(PolicySource::Text(member.sha, text.clone())),
            MemberText::Pinned(id) => {
                let found = VersionRecord::<PolicyVersionCreated>::named(zone, id.as_str())?;
                let forms: ContentId = found.body()?.forms();
                if forms.sha != member.sha {
                    let place = format_args!("manifest entry of `{id}`");
                    return Err(ErrorDetail::corrupt(place, "does not match the policy version").into());
                }
                self.source(&zone, &forms, false)
            }
        }
    }
}
