//! Compiles verified policy set versions whose texts are outside a store. Does not verify them.

use std::sync::Arc;

use policy_store_verify::evidence::RulesVerdict;

use super::{Compiled, Compiler, PolicySource, Schemas};
use crate::cedar::ParsedSchema;
use crate::record::PolicySetVersionCreated;
use crate::types::error::Result;
use crate::types::id::{LogId, ZoneId};
use crate::types::manifest_entry::ManifestEntry;
use crate::types::schema::SchemaRef;

impl Compiler {
    /// A verified policy set version, ready to decide. Its texts pass the gate and are parsed like stored ones. Like those, they are
    /// not validated again: the store did so before the log got the entry that names them.
    pub(crate) fn of_texts(&self, zone_id: &ZoneId, log_id: LogId, rules: &RulesVerdict) -> Result<Compiled> {
        let schema =
            SchemaRef { version: rules.schema_version.clone(), syntax: rules.schema_syntax, sha: rules.schema_sha };
        let version = PolicySetVersionCreated {
            policy_set_id: rules.policy_set_id.clone(),
            version_id: rules.policy_set_version_id.clone(),
            version: rules.version,
            schema,
            manifest_sha: rules.manifest_sha,
            entries: u32::try_from(rules.policies.len()).unwrap_or(u32::MAX),
            cedar: rules.cedar_version.clone(),
        };
        let schema = self.cache.get_or_make::<Schemas>(rules.schema_sha, || {
            Ok(Arc::new(self.limited(ParsedSchema::parse(rules.schema_syntax, &rules.schema)?)))
        })?;
        let pinned = rules.policies.iter();
        let members: Vec<_> = pinned.map(|(pin, _)| (pin.policy_id.clone(), pin.policy_version_id.clone())).collect();
        let source = |(pin, text): &(ManifestEntry, String)| PolicySource::Text(pin.sha, text.as_str().into());
        let sources = rules.policies.iter().map(source).collect();
        let set = self.assembled(&version, &members, sources)?;
        Ok(Compiled { zone_id: zone_id.clone(), log_id, entry_hash: rules.entry, schema, set, members, version })
    }
}
