//! The cache of parsed schemas, parsed policies, validation results, policy version entries and compiled policy set
//! versions. It has a budget in bytes.
//!
//! All values derive from immutable content, so no entry of the cache is ever out of date. Concurrent threads share one
//! computation of a value. A new set version parses only its new policies.

#[cfg(feature = "attestation")]
mod outside;
pub(crate) mod tested;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use policy_store_verify::receipt::LogEnd;

use super::cache::{Cache, Weight};
use crate::cedar::{CompiledSet, ParsedPolicy, ParsedSchema, in_one_go};
use crate::record::{ContentId, ContentKind, LogEntry, PolicySetVersionCreated, PolicyVersionCreated};
use crate::resource::binding::Binding;
use crate::resource::policy_set_version;
use crate::resource::policy_version::{NewPolicyVersion, PreparedPolicyVersion};
use crate::resource::version::{VersionRecord, Versioned};
use crate::resource::zone::ZoneReader;
use crate::storage::Snapshot;
use crate::types::cache_stats::CacheStats;
use crate::types::error::{Error, ErrorDetail, Result};
use crate::types::hash::{EntryHash, Sha256};
use crate::types::id::{LogId, PolicyId, PolicyVersionId, ZoneId};
use crate::types::schema::SchemaRef;

/// A policy set version, ready to decide.
pub(crate) struct Compiled {
    pub zone_id: ZoneId,
    /// The id of the zone's log.
    pub log_id: LogId,
    /// The compiled version.
    pub version: PolicySetVersionCreated,
    /// The hash of the entry that created it.
    pub entry_hash: EntryHash,
    pub schema: Arc<ParsedSchema>,
    pub set: CompiledSet,
    /// The pinned versions, in the order of the manifest.
    pub members: Vec<(PolicyId, PolicyVersionId)>,
}

/// A policy set version, ready to decide, and the binding that put it in force.
#[derive(Clone)]
pub(crate) struct BoundSet {
    pub compiled: Arc<Compiled>,
    pub binding: Arc<Binding>,
    /// The hash of the entry that made the binding.
    pub binding_entry: EntryHash,
}

impl BoundSet {
    pub(crate) fn new(zone: ZoneReader<'_>, compiler: &Compiler, binding: Binding) -> Result<Self> {
        let version = VersionRecord::named(zone, binding.policy_set_version_id.as_str())?;
        let binding_entry = zone.entry(zone.log, binding.position)?.hash;
        Ok(Self { compiled: compiler.set(zone, &version)?, binding: Arc::new(binding), binding_entry })
    }
}

/// The rules of a target at one moment.
pub(crate) struct BoundRules {
    pub bound: BoundSet,
    /// The zone's guardrail, if it has one.
    pub guardrail: Option<BoundSet>,
    /// The end of the zone's log at that moment.
    pub end: LogEnd,
}

/// A policy version's parsed statements, or its text if they are not cached.
pub(crate) enum PolicySource {
    Parsed(Arc<ParsedPolicy>),
    Text(Sha256, Arc<str>),
}

impl PolicySource {
    pub(crate) fn text(&self) -> Option<Arc<str>> {
        if let Self::Text(_, text) = self { Some(text.clone()) } else { None }
    }
}

/// Approximate bytes of a decoded policy version entry.
const VERSION_BYTES: usize = 1_024;
/// Approximate bytes of a pinned version without its statements.
const MEMBER_BYTES: usize = 128;
/// Approximate bytes of a validation result.
const VALID_BYTES: usize = 128;
impl Weight for Arc<ParsedSchema> {
    fn weight(&self) -> usize {
        ParsedSchema::weight(self)
    }
}

impl Weight for Arc<ParsedPolicy> {
    fn weight(&self) -> usize {
        ParsedPolicy::weight(self)
    }
}

impl Weight for Arc<Compiled> {
    fn weight(&self) -> usize {
        self.set.weight() + self.members.len() * MEMBER_BYTES
    }
}

impl Weight for Arc<LogEntry> {
    fn weight(&self) -> usize {
        VERSION_BYTES
    }
}

/// The result that a text validates against a schema, or that rules pass a test suite.
#[derive(Clone)]
struct Valid;

impl Weight for Valid {
    fn weight(&self) -> usize {
        VALID_BYTES
    }
}

kinds! {
    /// Parsed schemas, by the hash of their source.
    Schemas: Sha256 => Arc<ParsedSchema>;
    /// Parsed policies, by the hash of their text.
    Policies: Sha256 => Arc<ParsedPolicy>;
    /// Validation results, by the hashes of a policy's text and of a schema's source.
    Validations: (Sha256, Sha256) => Valid;
    /// The entries that created policy versions, by log and id.
    Versions: (LogId, PolicyVersionId) => Arc<LogEntry>;
    /// Test suites that pass, by the hash of the rules and that of the suite.
    Passed: (Sha256, Sha256) => Valid;
    /// Compiled policy set versions, by the hash of the entry that created them.
    Sets: EntryHash => Arc<Compiled>;
}

/// The share of the cache's budget for the statements of the newest policy versions.
const NEWEST_SHARE: usize = 8;

/// The statements of the newest policy versions that were prepared, in their order. A set that pins them usually
/// follows. If it does not, as in an import, they are dropped while they are warm in the processor's cache: in the large
/// cache, each would evict a cold one, at the cost of a parse.
#[derive(Debug, Default)]
struct Newest {
    /// In bytes.
    budget: usize,
    kept: Mutex<VecDeque<(Sha256, Arc<ParsedPolicy>)>>,
}

/// The statements of at most this many policy versions are kept: each look-up compares all.
const NEWEST: usize = 64;

impl Newest {
    fn keep(&self, sha: Sha256, statements: ParsedPolicy) {
        let mut kept = self.lock();
        kept.push_back((sha, Arc::new(statements)));
        let mut weight: usize = kept.iter().map(|(_, statements)| statements.weight()).sum();
        let mut dropped = Vec::new();
        while kept.len() > NEWEST || weight > self.budget {
            let Some((_, oldest)) = kept.pop_front() else { break };
            weight = weight.saturating_sub(oldest.weight());
            dropped.push(oldest);
        }
        drop(kept);
        // Without the lock: it takes a while.
        drop(dropped);
    }

    /// Hands the statements over to the caller.
    fn take(&self, sha: Sha256) -> Option<Arc<ParsedPolicy>> {
        let mut kept = self.lock();
        let place = kept.iter().position(|(other, _)| *other == sha)?;
        kept.remove(place).map(|(_, statements)| statements)
    }

    fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(Sha256, Arc<ParsedPolicy>)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
pub(crate) struct Compiler {
    cache: Cache<Key, Value>,
    newest: Newest,
    /// The limit of statements times request types in the validation of one policy.
    validation_limit: usize,
}

impl Compiler {
    pub(crate) fn new(budget: usize, validation_limit: usize) -> Result<Self> {
        let newest = Newest { budget: budget / NEWEST_SHARE, kept: Mutex::default() };
        Ok(Self { cache: Cache::new(budget)?, newest, validation_limit })
    }

    pub(crate) fn stats(&self) -> CacheStats {
        self.cache.stats()
    }

    /// The schema with the store's validation limit.
    pub(crate) fn limited(&self, schema: ParsedSchema) -> ParsedSchema {
        schema.with_validation_limit(self.validation_limit)
    }

    /// The schema that a version names.
    pub(crate) fn schema(&self, snapshot: &Snapshot<'_>, schema: &SchemaRef) -> Result<Arc<ParsedSchema>> {
        self.cache.get_or_make::<Schemas>(schema.sha, || {
            let source = snapshot.content(&ContentId::one(ContentKind::of_schema(schema.syntax), schema.sha))?;
            Ok(Arc::new(self.limited(ParsedSchema::parse(schema.syntax, &source)?)))
        })
    }

    /// Parses and validates a new policy version. Keeps its statements for a while, for a set that will pin it.
    pub(crate) fn prepare(
        &self,
        new: NewPolicyVersion,
        schema: SchemaRef,
        parsed: &ParsedSchema,
    ) -> Result<PreparedPolicyVersion> {
        let (prepared, statements) = PreparedPolicyVersion::new(new, schema, parsed)?;
        self.newest.keep(prepared.sha(), statements);
        Ok(prepared)
    }

    /// The statements of a policy version.
    pub(crate) fn policy(&self, snapshot: &Snapshot<'_>, version: &PolicyVersionCreated) -> Result<Arc<ParsedPolicy>> {
        self.cache.get_or_make::<Policies>(version.sha, || match self.newest.take(version.sha) {
            Some(statements) => Ok(statements),
            None => Ok(Arc::new(ParsedPolicy::parse(snapshot.content(&version.forms())?)?)),
        })
    }

    /// Validates the text of `version` against `schema`, which is not the schema of the version. `parsed` reads it.
    pub(crate) fn validate(
        &self,
        snapshot: &Snapshot<'_>,
        version: &PolicyVersionCreated,
        schema: &SchemaRef,
        parsed: impl Fn() -> Result<Arc<ParsedSchema>>,
    ) -> Result<()> {
        let valid = self.cache.get_or_make::<Validations>((version.sha, schema.sha), || {
            let label = format!("policy version `{}`", version.version_id);
            let parsed = parsed()?;
            self.policy(snapshot, version)?.validate(&parsed, &label, schema.version.as_str())?;
            Ok(Valid)
        });
        valid.map(drop)
    }

    /// The limit of statements times request types in the validation of one policy.
    pub(crate) fn validation_limit(&self) -> usize {
        self.validation_limit
    }

    /// Whether the cache has the result that a policy text validates against a schema.
    pub(crate) fn is_known_to_validate(&self, version: &PolicyVersionCreated, schema: &SchemaRef) -> bool {
        self.cache.get::<Validations>((version.sha, schema.sha)).is_some()
    }

    /// A policy set version, ready to decide.
    pub(crate) fn set(
        &self,
        zone: ZoneReader<'_>,
        found: &VersionRecord<PolicySetVersionCreated>,
    ) -> Result<Arc<Compiled>> {
        self.cache.get_or_make::<Sets>(found.entry.hash, || Ok(Arc::new(self.compile(zone, found)?)))
    }

    fn compile(&self, zone: ZoneReader<'_>, found: &VersionRecord<PolicySetVersionCreated>) -> Result<Compiled> {
        let version = found.body()?.clone();
        span!(
            DEBUG,
            "decision_set",
            zone = zone.id,
            policy_set_version = version.version_id,
            entries = version.entries,
        );
        let manifest = policy_set_version::manifest(&zone, &version)?;
        let schema = self.schema(&zone, &version.schema)?;
        let mut members = Vec::with_capacity(manifest.entries().len());
        let mut sources = Vec::with_capacity(manifest.entries().len());
        for entry in manifest.into_entries() {
            let pinned = self.version(zone, &entry.policy_version_id)?;
            let body = PolicyVersionCreated::of(&pinned.body);
            let body = policy_set_version::check_pinned(&version, &entry, body)?;
            sources.push(self.source(&zone, &body.forms(), true)?);
            members.push((entry.policy_id, entry.policy_version_id));
        }
        let set = self.assembled(&version, &members, sources)?;
        let (zone_id, log_id, entry_hash) = (zone.id.clone(), zone.log_id, found.entry.hash);
        Ok(Compiled { zone_id, log_id, entry_hash, schema, set, members, version })
    }

    /// Combines the statements of the members of a policy set version.
    fn assembled(
        &self,
        version: &PolicySetVersionCreated,
        members: &[(PolicyId, PolicyVersionId)],
        sources: Vec<PolicySource>,
    ) -> Result<CompiledSet> {
        let set = in_one_go("policy set", || self.assemble(sources))?;
        let cannot = |(member, source): (usize, Error)| ErrorDetail::CannotCompile {
            policy_set_version_id: version.version_id.to_string(),
            policy_version_id: members.get(member).map(|(_, id)| id.to_string()).unwrap_or_default(),
            source,
        };
        Ok(set.map_err(cannot)?)
    }

    /// The entry that created a policy version.
    fn version(&self, zone: ZoneReader<'_>, id: &PolicyVersionId) -> Result<Arc<LogEntry>> {
        self.cache.get_or_make::<Versions>((zone.log_id, id.clone()), || {
            Ok(VersionRecord::<PolicyVersionCreated>::named(zone, id.as_str())?.entry)
        })
    }

    /// The statements of a policy version if they are known, or else its text. Those of a new version that a set pins
    /// move into the cache.
    pub(crate) fn source(&self, snapshot: &Snapshot<'_>, forms: &ContentId, pinned: bool) -> Result<PolicySource> {
        if let Some(policy) = self.cache.get::<Policies>(forms.sha) {
            return Ok(PolicySource::Parsed(policy));
        }
        if pinned && let Some(policy) = self.newest.take(forms.sha) {
            self.cache.insert::<Policies>(forms.sha, policy.clone());
            return Ok(PolicySource::Parsed(policy));
        }
        Ok(PolicySource::Text(forms.sha, snapshot.content(forms)?))
    }

    /// Combines the statements of all members, and parses those that were not cached. An error has the member whose text
    /// does not parse.
    fn assemble(&self, sources: Vec<PolicySource>) -> Result<CompiledSet, (usize, Error)> {
        let texts: Vec<_> = sources.iter().filter_map(PolicySource::text).collect();
        let mut parsed = ParsedPolicy::parse_many(&texts).into_iter();
        let mut policies = Vec::with_capacity(sources.len());
        for (member, source) in sources.into_iter().enumerate() {
            policies.push(match source {
                PolicySource::Parsed(policy) => policy,
                PolicySource::Text(sha, _) => {
                    let lost = || ErrorDetail::failed("compile the set", "a text was not parsed").into();
                    let policy = parsed.next().unwrap_or_else(|| Err(lost())).map_err(|error| (member, error))?;
                    let policy = Arc::new(policy);
                    self.cache.insert::<Policies>(sha, policy.clone());
                    policy
                }
            });
        }
        Ok(CompiledSet::assemble(policies))
    }

    /// Removes everything.
    pub(crate) fn clear(&self) {
        self.cache.clear();
        self.newest.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Barrier};

    use crate::{
        Actor, NewPolicy, NewPolicySet, NewPolicySetVersion, NewPolicyVersion, NewSchema, PolicyStore, Target,
    };

    #[test]
    fn a_set_is_compiled_once_however_many_threads_ask_and_kept_within_the_budget() {
        const THREADS: usize = 8;
        for (budget, kept) in [(16 << 20, true), (0, false)] {
            let store = PolicyStore::builder().compiled_cache_bytes(budget).in_memory().unwrap();
            let schema = "entity U; action a appliesTo { principal: U, resource: U };";
            store
                .write(&Actor::customer("a").unwrap(), |w| {
                    w.publish_schema(NewSchema::cedar("s", schema))?;
                    let mut zone = w.create_zone("z")?;
                    zone.create_policy(NewPolicy::named("p").id("p"))?;
                    let text = "permit(principal, action, resource);".repeat(100);
                    let version = zone.create_policy_version("p", NewPolicyVersion::cedar("s", text))?;
                    zone.create_policy_set(NewPolicySet::named("s").id("s"))?;
                    let set = zone.create_policy_set_version("s", NewPolicySetVersion::new("s").pin(&version))?;
                    zone.activate(&set.id)
                })
                .unwrap();
            let zone = store.zone("z").unwrap();
            let barrier = Barrier::new(THREADS);
            let taken: Vec<_> = std::thread::scope(|scope| {
                let take = || {
                    barrier.wait();
                    zone.authorizer(Target::Zone).unwrap()
                };
                let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(take)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            let first = Arc::as_ptr(taken[0].compiled());
            assert!(!kept || taken.iter().all(|authorizer| Arc::as_ptr(authorizer.compiled()) == first));
            let weak = Arc::downgrade(taken[0].compiled());
            drop(taken);
            assert_eq!(weak.upgrade().is_some(), kept, "with a budget of {budget}");
        }
    }
}
