//! Policy bundles: what is in force for a target as one archive, to be looked at, edited and applied again. Only the
//! format is known here: what a bundle says, and how it becomes bytes and is read from bytes that anybody may have made.

mod archive;
pub(crate) mod export;
#[cfg(fuzzing)]
mod fuzzing;
mod gzip;
#[cfg(test)]
mod hostile_tests;
mod json;
mod manifest;
#[cfg(test)]
mod pin_tests;
mod tar;

use std::collections::BTreeSet;

use archive::{MANIFEST, Members, SCHEMA, policy_file};
#[cfg(fuzzing)]
pub(crate) use fuzzing::fuzz;
use manifest::Given;

use crate::types::error::{Error, ErrorDetail, Result, at_most};
use crate::types::hash::Sha256;
use crate::types::id::{PolicyId, PolicySetId, PolicySetVersionId, SchemaName, check_text};
use crate::types::limits;
use crate::types::target::TargetType;

/// What packing and unpacking need: the compressor is made on the stack in debug builds.
const STACK: usize = 1024 * 1024;

/// The texts of policies, with the schema version that they are for: what is in force for a target, or shall be.
///
/// Read with [`from_bytes`](Self::from_bytes), or made with [`new`](Self::new). Whether the policies exist, and their
/// texts are valid, is not checked before the bundle is applied.
///
/// # Layout
///
/// Its bytes are a tar archive in the USTAR format, packed as one gzip member:
///
/// | Member | Written | Read |
/// |---|---|---|
/// | `manifest.json` | always, first | must be there |
/// | `schema.cedarschema` | if the schema's text is known, second | may be there; means nothing |
/// | `policies/<key>.cedar` | one for each policy, sorted by key | one for each entry of the manifest, and no other |
///
/// ```json
/// {
///   "schema": {
///     "version": "2026-02-24",
///     "sha": "<of schema.cedarschema>"
///   },
///   "target_type": "zone",
///   "target_id": "acme",
///   "policies": [
///     {
///       "new_policy": "night shift",
///       "sha": "<of policies/night shift.cedar>"
///     },
///     {
///       "public_id": "p1",
///       "name": "members",
///       "sha": "<of policies/p1.cedar>"
///     }
///   ]
/// }
/// ```
///
/// Where the zone has a guardrail, `"guardrail": { "policy_set_id": …, "policy_set_version_id": … }` stands before
/// `policies`. It tells readers that more applies than the bundle holds. The digest does not cover it.
///
/// A policy's key is its `public_id`, the id of a policy that is there, or `new_policy`, the name of one to be created.
/// Entries are sorted by `public_id`, then `new_policy`, what is left out first. Each `sha` is the lower-case hex
/// SHA-256 of its file; the digest is that of the manifest's RFC 8785 form without the names.
///
/// # Written
///
/// The same content gives the same bytes, on every machine, for one version of this crate: modes, times and owners are
/// fixed. A new version may pack differently; the digest stays.
///
/// # Read
///
/// Members may come in any order. Hashes are computed and those in the manifest ignored, as are its members that are
/// not known; no key may be there twice. Refused, by name: members that are there twice or that do not belong, whatever
/// leads to another folder, and everything but plain files, directories included; extended headers may tell times and
/// owners, which mean nothing. Refused as well is what readers would take differently: a new policy's name that is no
/// file's name, an archive without its end, and anything behind the archive or the gzip member. Every size is bounded
/// before anything is unpacked into memory (see [`limits`](crate::limits)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    schema_version: SchemaName,
    schema: Option<String>,
    target_type: Option<TargetType>,
    target_id: Option<String>,
    guardrail: Option<BundleGuardrail>,
    policies: Vec<BundlePolicy>,
}

/// The guardrail that was in force in the zone of a bundle: its statements apply beside those of the bundle, and are no
/// part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleGuardrail {
    /// The policy set.
    pub policy_set_id: PolicySetId,
    /// The version of it.
    pub policy_set_version_id: PolicySetVersionId,
}

/// One policy of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundlePolicy {
    /// Which policy it is.
    pub key: BundleKey,
    /// Its name, for whoever reads the bundle: it changes nothing when the bundle is applied.
    pub name: Option<String>,
    /// Its Cedar text.
    pub cedar_raw: String,
}

/// Which policy a text of a bundle belongs to; also the name of its file in the archive, without folder and ending.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BundleKey {
    /// A policy that is to be created, by the name that it gets: 1 to 94 bytes of UTF-8, without slashes, backslashes and
    /// control characters, and not starting with a dot.
    NewPolicy(String),
    /// A policy that exists.
    PublicId(PolicyId),
}

impl BundleKey {
    /// The id or name.
    pub fn as_str(&self) -> &str {
        match self {
            Self::NewPolicy(name) => name,
            Self::PublicId(id) => id.as_str(),
        }
    }
}

impl BundlePolicy {
    /// The text of a policy that exists.
    pub fn of(id: PolicyId, cedar_raw: impl Into<String>) -> Self {
        Self { key: BundleKey::PublicId(id), name: None, cedar_raw: cedar_raw.into() }
    }

    /// The text of a policy to be created under a name.
    pub fn new(name: impl Into<String>, cedar_raw: impl Into<String>) -> Self {
        Self { key: BundleKey::NewPolicy(name.into()), name: None, cedar_raw: cedar_raw.into() }
    }

    /// The SHA-256 of the text.
    pub fn sha(&self) -> Sha256 {
        Sha256::of(self.cedar_raw.as_bytes())
    }

    /// What is wrong with it, with the name of its file.
    pub(crate) fn refused(&self, cause: Error) -> Error {
        ErrorDetail::InBundle { member: policy_file(self.key.as_str()), cause }.into()
    }

    fn check(&self) -> Result<()> {
        manifest::check_key(&self.key)?;
        if let Some(name) = &self.name {
            check_text("policy name", name, limits::NAME_BYTES).map_err(manifest::invalid)?;
        }
        member_at_most(&policy_file(self.key.as_str()), &self.cedar_raw, limits::POLICY_TEXT_PRINTED_BYTES)
    }
}

impl Bundle {
    /// The media type of a bundle's bytes.
    pub const MEDIA_TYPE: &'static str = "application/vnd.keycard.policy-bundle.v1+tar+gzip";

    /// A bundle of policies, in any order, with the schema version that they are for.
    pub fn new(schema_version: SchemaName, mut policies: Vec<BundlePolicy>) -> Result<Self> {
        at_most("policies of the policy bundle", policies.len(), limits::MANIFEST_ENTRIES)?;
        policies.iter().try_for_each(BundlePolicy::check)?;
        all_differ(policies.iter().map(|policy| &policy.key))?;
        // Each may be larger than a text that is given, if it was rendered of JSON; all together have room in an archive.
        let bytes = policies.iter().map(|policy| policy.cedar_raw.len()).sum();
        at_most("bytes of the policy bundle's texts", bytes, limits::MANIFEST_ENTRIES * limits::POLICY_TEXT_BYTES)?;
        policies.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(Self { schema_version, schema: None, target_type: None, target_id: None, guardrail: None, policies })
    }

    /// The same with the schema's text: for whoever edits the policies, as it is not used when the bundle is applied.
    pub fn with_schema(mut self, cedar_schema: impl Into<String>) -> Result<Self> {
        let text = cedar_schema.into();
        member_at_most(SCHEMA, &text, limits::SCHEMA_BYTES)?;
        self.schema = Some(text);
        Ok(self)
    }

    /// The same with what it is in force for: the zone by its id, or a user. Not used when the bundle is applied.
    pub fn with_target(mut self, target_type: TargetType, target_id: impl Into<String>) -> Result<Self> {
        let target_id = target_id.into();
        check_text("target id", &target_id, limits::TARGET_ID_BYTES)?;
        (self.target_type, self.target_id) = (Some(target_type), Some(target_id));
        Ok(self)
    }

    /// The same with the guardrail of its zone: for whoever edits the policies, as it is not used when the bundle is applied.
    pub fn with_guardrail(mut self, guardrail: Option<BundleGuardrail>) -> Self {
        self.guardrail = guardrail;
        self
    }

    /// Reads a bundle's bytes. What is refused is said with the name of the member that it is about. An archive of a folder is
    /// read too: directories are skipped, and one `./` before a name is left out.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) for an archive that is no bundle, or holds something else;
    /// [`TooLarge`](crate::ErrorKind::TooLarge) over a limit.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let Members { manifest, schema, policies: mut files } =
            stacker::maybe_grow(STACK, STACK, || Members::read(bytes))?;
        let given = Given::parse(&manifest.ok_or_else(|| ErrorDetail::bundle(Some(MANIFEST), "missing"))?)?;
        all_differ(given.policies.iter().map(|(key, _)| key))?;
        let mut policies = Vec::new();
        for (key, name) in given.policies {
            let missing =
                || ErrorDetail::bundle(Some(&policy_file(key.as_str())), "listed in the manifest, but missing");
            let cedar_raw = files.remove(key.as_str()).ok_or_else(missing)?;
            policies.push(BundlePolicy { key, name, cedar_raw });
        }
        if let Some(key) = files.keys().next() {
            return Err(ErrorDetail::bundle(Some(&policy_file(key)), "not listed in the manifest"));
        }
        let mut bundle = Self::new(given.schema_version, policies)?;
        if let Some(id) = &given.target_id {
            check_text("target id", id, limits::TARGET_ID_BYTES).map_err(manifest::invalid)?;
        }
        bundle.schema = schema.and_then(|bytes| String::from_utf8(bytes).ok());
        (bundle.target_type, bundle.target_id) = (given.target_type, given.target_id);
        Ok(bundle.with_guardrail(given.guardrail))
    }

    /// The bundle's bytes: the same for the same content.
    pub fn to_bytes(&self) -> Vec<u8> {
        let manifest = manifest::printed(self);
        let mut policies: Vec<&BundlePolicy> = self.policies.iter().collect();
        policies.sort_by_key(|policy| policy.key.as_str());
        let policies = policies.iter().map(|policy| (policy_file(policy.key.as_str()), policy.cedar_raw.as_str()));
        let members = [(MANIFEST.to_owned(), manifest.as_str())].into_iter();
        let members = members.chain(self.schema.iter().map(|schema| (SCHEMA.to_owned(), schema.as_str())));
        stacker::maybe_grow(STACK, STACK, || archive::write(members.chain(policies)))
    }

    /// The SHA-256 of the manifest's RFC 8785 form without the names: what an ETag is made of. It changes with the schema,
    /// the target, and the policies and their texts; not with the names of policies, which mean nothing in a bundle.
    pub fn digest(&self) -> Sha256 {
        self.summary().digest()
    }

    fn summary(&self) -> Summary<'_> {
        Summary {
            schema_version: &self.schema_version,
            schema_sha: self.schema.as_ref().map(|text| Sha256::of(text.as_bytes())),
            target_type: self.target_type,
            target_id: self.target_id.as_deref(),
            policies: self.policies.iter().map(|policy| (&policy.key, policy.sha())).collect(),
        }
    }

    /// The schema version that the policies are for.
    pub fn schema_version(&self) -> &SchemaName {
        &self.schema_version
    }

    /// The schema's text, where the bundle has it, and it is UTF-8.
    pub fn schema(&self) -> Option<&str> {
        self.schema.as_deref()
    }

    /// The kind of target, where the bundle says it.
    pub fn target_type(&self) -> Option<TargetType> {
        self.target_type
    }

    /// The zone's id or the user's, where the bundle says it.
    pub fn target_id(&self) -> Option<&str> {
        self.target_id.as_deref()
    }

    /// The guardrail of the zone that the bundle was made in, where it had one.
    pub fn guardrail(&self) -> Option<&BundleGuardrail> {
        self.guardrail.as_ref()
    }

    /// The policies: new ones by name, then those that exist by id.
    pub fn policies(&self) -> &[BundlePolicy] {
        &self.policies
    }
}

/// What a bundle's digest is of.
pub(crate) struct Summary<'a> {
    pub schema_version: &'a SchemaName,
    pub schema_sha: Option<Sha256>,
    pub target_type: Option<TargetType>,
    pub target_id: Option<&'a str>,
    /// In the order of their keys.
    pub policies: Vec<(&'a BundleKey, Sha256)>,
}

impl Summary<'_> {
    pub(crate) fn digest(&self) -> Sha256 {
        Sha256::of(manifest::canonical(self).as_bytes())
    }
}

/// Refuses a key that is there twice. An id and a new name that are the same text would be one file.
fn all_differ<'a>(keys: impl Iterator<Item = &'a BundleKey>) -> Result<()> {
    let mut seen = BTreeSet::new();
    for key in keys {
        if !seen.insert(key.as_str()) {
            let file = policy_file(key.as_str());
            return Err(ErrorDetail::bundle(Some(&file), "listed more than once in the manifest"));
        }
    }
    Ok(())
}

fn member_at_most(name: &str, text: &str, limit: usize) -> Result<()> {
    if text.len() > limit {
        return Err(ErrorDetail::member_too_large(name, limit, text.len()));
    }
    Ok(())
}
