//! The statements of a pinned policy version, and which of them other texts of the policy have. Does not know bindings.

use std::collections::HashMap;
use std::sync::Arc;

use crate::cedar::{StatementText, statements};
use crate::record::PolicyVersionCreated;
use crate::resource::version::VersionRecord;
use crate::resource::zone::ZoneReader;
use crate::types::error::{ErrorDetail, Result};
use crate::types::hash::Sha256;
use crate::types::id::{PolicyId, PolicyVersionId};
use crate::types::manifest_entry::ManifestEntry;

/// The results that are kept, in statements: at most about 8 MiB. Without room, a text is parsed again.
const KEPT: usize = 8 * 1024 * 1024;

/// A pinned policy version with its statements.
pub(super) struct PinnedStatements {
    pub policy_id: PolicyId,
    pub policy_version_id: PolicyVersionId,
    /// The entry that created the version.
    pub version: VersionRecord<PolicyVersionCreated>,
    sha: Sha256,
    /// In the order of the text.
    pub statements: Vec<StatementText>,
    /// The number of statements with the same content before each: a text with fewer of them does not have it.
    same_before: Vec<usize>,
}

/// Which statements of the pinned versions other texts have: by the pin's index and the SHA-256 of the text.
#[derive(Default)]
pub(super) struct Known {
    kept: HashMap<(usize, Sha256), Arc<[bool]>>,
    size: usize,
}

impl PinnedStatements {
    /// The version that an entry of a manifest pins.
    pub(super) fn new(zone: ZoneReader<'_>, entry: &ManifestEntry) -> Result<Self> {
        let version = named(zone, entry)?;
        let statements = parsed(zone, version.body()?)?;
        let mut counts: HashMap<Sha256, usize> = HashMap::new();
        let same_before = statements.iter().map(|statement| {
            let count = counts.entry(statement.sha).or_default();
            *count += 1;
            *count - 1
        });
        Ok(Self {
            policy_id: entry.policy_id.clone(),
            policy_version_id: entry.policy_version_id.clone(),
            same_before: same_before.collect(),
            sha: entry.sha,
            statements,
            version,
        })
    }

    /// Which of the statements a version of the policy has: the same content, as often.
    fn those_of(&self, zone: ZoneReader<'_>, version: &PolicyVersionCreated) -> Result<Arc<[bool]>> {
        let mut counts: HashMap<Sha256, usize> = HashMap::new();
        for statement in parsed(zone, version)? {
            *counts.entry(statement.sha).or_default() += 1;
        }
        let has = |(statement, before): (&StatementText, &usize)| {
            counts.get(&statement.sha).is_some_and(|count| count > before)
        };
        Ok(self.statements.iter().zip(&self.same_before).map(has).collect())
    }
}

impl Known {
    /// Which statements of the pin at `index` a version of its policy has.
    pub(super) fn in_version(
        &mut self,
        zone: ZoneReader<'_>,
        (index, pin): (usize, &PinnedStatements),
        version: &PolicyVersionCreated,
    ) -> Result<Arc<[bool]>> {
        if let Some(known) = self.of_sha(index, pin, version.sha) {
            return Ok(known);
        }
        let has = pin.those_of(zone, version)?;
        self.size += has.len();
        if self.size > KEPT {
            self.kept.clear();
            self.size = has.len();
        }
        self.kept.insert((index, version.sha), has.clone());
        Ok(has)
    }

    /// The same for the version that an entry of another manifest pins.
    pub(super) fn in_pinned(
        &mut self,
        zone: ZoneReader<'_>,
        (index, pin): (usize, &PinnedStatements),
        entry: &ManifestEntry,
    ) -> Result<Arc<[bool]>> {
        match self.of_sha(index, pin, entry.sha) {
            Some(known) => Ok(known),
            None => self.in_version(zone, (index, pin), named(zone, entry)?.body()?),
        }
    }

    fn of_sha(&self, index: usize, pin: &PinnedStatements, sha: Sha256) -> Option<Arc<[bool]>> {
        if sha == pin.sha {
            return Some(vec![true; pin.statements.len()].into());
        }
        self.kept.get(&(index, sha)).cloned()
    }
}

/// The version that an entry of a manifest names.
fn named(zone: ZoneReader<'_>, entry: &ManifestEntry) -> Result<VersionRecord<PolicyVersionCreated>> {
    let found = VersionRecord::<PolicyVersionCreated>::named(zone, entry.policy_version_id.as_str())?;
    let body = found.body()?;
    if body.policy_id != entry.policy_id || body.sha != entry.sha {
        let problem = "manifest entry does not match it";
        let version = &entry.policy_version_id;
        return Err(ErrorDetail::corrupt(format_args!("policy version `{version}`"), problem).into());
    }
    Ok(found)
}

fn parsed(zone: ZoneReader<'_>, version: &PolicyVersionCreated) -> Result<Vec<StatementText>> {
    let text = zone.content(&version.forms())?;
    let refused = |source| ErrorDetail::CannotParse { policy_version_id: version.version_id.to_string(), source };
    statements(&text).map_err(|source| refused(source).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Body, Content};
    use crate::resource::zone::{self, ZoneReader};
    use crate::storage::key::RowKind;
    use crate::storage::{VersionRow, key};
    use crate::{
        Actor, ErrorKind, NewPolicy, NewPolicySet, NewPolicySetVersion, NewPolicyVersion, NewSchema, PolicyStore,
        Target,
    };

    /// A text that an earlier Cedar accepted, and that this one refuses.
    const REFUSED: &str = "permit(principal, action, resource, time);";

    #[test]
    fn a_version_that_cedar_no_longer_parses_is_named() {
        let (store, ann) = (PolicyStore::builder().in_memory().unwrap(), Actor::customer("ann").unwrap());
        let new = || NewPolicyVersion::cedar("s", "permit(principal, action, resource);");
        store
            .write(&ann, |w| {
                let schema = "entity U; action a appliesTo { principal: U, resource: U };";
                w.publish_schema(NewSchema::cedar("s", schema))?;
                let mut zone = w.create_zone("z")?;
                zone.create_policy(NewPolicy::named("p").id("p"))?;
                zone.create_policy_version("p", new()).map(drop)
            })
            .unwrap();
        let author = || store.engine.author(&ann, None);
        let refused = store.engine.storage.write(author, |writer| {
            let zone = writer.read(|snapshot| zone::find(snapshot, "z"))?;
            let body = writer.read(|snapshot| {
                let row =
                    ZoneReader::new(snapshot, &zone).row(&key::by_version(zone.log, RowKind::PolicyVersion, "p", 1))?;
                let row: VersionRow = row.unwrap();
                Ok(snapshot.entry(zone.log, row.created)?.body.clone())
            })?;
            let Body::PolicyVersionCreated(first) = body else { panic!("{body:?}") };
            let forms = Content::forms(REFUSED, "{}").pack();
            let (sha, json_sha) = (writer.put_content(&forms)?.sha, forms.id.json_sha());
            let version_id = PolicyVersionId::new("refused")?;
            writer.append(zone.log, PolicyVersionCreated { version_id, version: 2, sha, json_sha, ..first }).map(drop)
        });
        refused.unwrap();
        store
            .write(&ann, |w| {
                let mut zone = w.zone("z")?;
                let third = zone.create_policy_version("p", new())?;
                zone.create_policy_set(NewPolicySet::named("s").id("s"))?;
                let live = zone.create_policy_set_version("s", NewPolicySetVersion::new("s").pin(&third))?;
                zone.activate(live.id)
            })
            .unwrap();
        let error = store.zone("z").unwrap().blame(Target::Zone).unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, "cannot_parse"), "{error}");
        assert!(error.to_string().contains("`refused`"), "{error}");
    }
}
