//! Policy bundles: the policies in force for a target, as one archive to be read, edited and applied. Defines the
//! content of a bundle and its bytes, which may come from an untrusted source. Only `export` reads the store.

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

/// Stack for packing and unpacking: debug builds create the compressor on the stack.
const STACK: usize = 1024 * 1024;

/// The texts of policies and their schema version: the content in force for a target, or to be put in force.
///
/// [`from_bytes`](Self::from_bytes) reads a bundle, and [`new`](Self::new) makes one. Neither checks that the policies
/// exist or that their texts are valid; [`apply_bundle`](crate::ZoneTransaction::apply_bundle) does.
///
/// ```
/// # fn main() -> policy_store::Result<()> {
/// use policy_store::{Bundle, BundlePolicy, SchemaName};
/// let night = BundlePolicy::new("night shift", "permit(principal, action, resource);");
/// let bundle = Bundle::new(SchemaName::new("2026-02-24")?, vec![night])?;
///
/// let read = Bundle::from_bytes(&bundle.to_bytes())?;
/// assert_eq!(read, bundle);
/// assert_eq!(read.policies()[0].key.as_str(), "night shift");
/// # Ok(())
/// # }
/// ```
///
/// # Layout
///
/// The bytes are a tar archive in the USTAR format, packed as one gzip member:
///
/// | Member | Written | Read |
/// |---|---|---|
/// | `manifest.json` | always, first | required |
/// | `schema.cedarschema` | if the schema's text is known, second | optional; ignored |
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
/// If the zone has a guardrail, `"guardrail": { "policy_set_id": …, "policy_set_version_id": … }` comes before
/// `policies`. It shows readers that more statements apply than the bundle contains. The digest does not cover it.
///
/// The key of a policy is its `public_id`, the id of an existing policy, or its `new_policy`, the name of a policy to
/// be created. Entries are sorted by `public_id`, then by `new_policy`; an absent key sorts first. Each `sha` is the
/// lower-case hex SHA-256 of the file. The digest is the SHA-256 of the manifest's RFC 8785 form without names.
///
/// # Written
///
/// For one version of this crate, the same content gives the same bytes on every machine: modes, times and owners are
/// fixed. Another version may pack differently; the digest stays the same.
///
/// # Read
///
/// Members may come in any order. Hashes are computed; `sha` and unknown members of the manifest are ignored. Duplicate
/// keys are refused.
///
/// These members are refused by name: duplicates, unknown names, paths that leave the folder, and everything except
/// regular files. Directories within the bundle are skipped. Extended headers may contain only times and owners, which
/// are ignored.
///
/// Also refused is everything that other programs could read differently: a name of a new policy that is not a valid
/// file name, an archive without its end, and data after the archive or the gzip member. Every size is checked before
/// anything is unpacked into memory (see [`limits`](crate::limits)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    schema_version: SchemaName,
    schema: Option<String>,
    target_type: Option<TargetType>,
    target_id: Option<String>,
    guardrail: Option<BundleGuardrail>,
    policies: Vec<BundlePolicy>,
}

/// The guardrail in force in the zone of a bundle. Its statements apply in addition to those of the bundle, and are not
/// part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleGuardrail {
    /// The policy set.
    pub policy_set_id: PolicySetId,
    /// Its version.
    pub policy_set_version_id: PolicySetVersionId,
}

/// One policy of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundlePolicy {
    /// The policy's id, or the name of a new policy.
    pub key: BundleKey,
    /// Its name, for readers of the bundle only. Applying the bundle ignores it.
    pub name: Option<String>,
    /// Its Cedar text.
    pub cedar_raw: String,
}

/// The policy that a text belongs to. Also the name of its file in the archive, without folder and suffix.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BundleKey {
    /// A policy to be created with this name: 1 to 94 bytes of UTF-8, without slashes, backslashes and control
    /// characters, and not starting with a dot.
    NewPolicy(String),
    /// An existing policy.
    PublicId(PolicyId),
}

impl BundleKey {
    /// The id or name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::NewPolicy(name) => name,
            Self::PublicId(id) => id.as_str(),
        }
    }
}

impl BundlePolicy {
    /// The text of an existing policy.
    #[must_use]
    pub fn of(id: PolicyId, cedar_raw: impl Into<String>) -> Self {
        Self { key: BundleKey::PublicId(id), name: None, cedar_raw: cedar_raw.into() }
    }

    /// The text of a policy to be created with this name.
    #[must_use]
    pub fn new(name: impl Into<String>, cedar_raw: impl Into<String>) -> Self {
        Self { key: BundleKey::NewPolicy(name.into()), name: None, cedar_raw: cedar_raw.into() }
    }

    /// The SHA-256 of the text.
    #[must_use]
    pub fn sha(&self) -> Sha256 {
        Sha256::of(self.cedar_raw.as_bytes())
    }

    /// Adds the name of the policy's file to an error.
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

    /// A bundle of policies, in any order, for a schema version.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) for a name that breaks the rules of [`BundleKey`] or of policy names, or
    /// for two policies with one key; [`TooLarge`](crate::ErrorKind::TooLarge) over a limit.
    pub fn new(schema_version: SchemaName, mut policies: Vec<BundlePolicy>) -> Result<Self> {
        at_most("policies of the policy bundle", policies.len(), limits::MANIFEST_ENTRIES)?;
        policies.iter().try_for_each(BundlePolicy::check)?;
        all_differ(policies.iter().map(|policy| &policy.key))?;
        // One text may exceed the limit of input texts, because text rendered from JSON can be larger. All texts
        // together must fit into an archive.
        let bytes = policies.iter().map(|policy| policy.cedar_raw.len()).sum();
        at_most("bytes of the policy bundle's texts", bytes, limits::MANIFEST_ENTRIES * limits::POLICY_TEXT_BYTES)?;
        policies.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(Self { schema_version, schema: None, target_type: None, target_id: None, guardrail: None, policies })
    }

    /// Adds the schema's text, for editors of the policies. Applying the bundle ignores it.
    ///
    /// # Errors
    ///
    /// [`TooLarge`](crate::ErrorKind::TooLarge) over [the limit](crate::limits::SCHEMA_BYTES).
    pub fn with_schema(mut self, cedar_schema: impl Into<String>) -> Result<Self> {
        let text = cedar_schema.into();
        member_at_most(SCHEMA, &text, limits::SCHEMA_BYTES)?;
        self.schema = Some(text);
        Ok(self)
    }

    /// Adds the target: the zone's id, or a user's. Applying the bundle ignores it.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) for an empty id or one with control characters;
    /// [`TooLarge`](crate::ErrorKind::TooLarge) over [the limit](crate::limits::TARGET_ID_BYTES).
    pub fn with_target(mut self, target_type: TargetType, target_id: impl Into<String>) -> Result<Self> {
        let target_id = target_id.into();
        check_text("target id", &target_id, limits::TARGET_ID_BYTES)?;
        (self.target_type, self.target_id) = (Some(target_type), Some(target_id));
        Ok(self)
    }

    /// Sets the guardrail of the zone, for editors of the policies. Applying the bundle ignores it.
    #[must_use]
    pub fn with_guardrail(mut self, guardrail: Option<BundleGuardrail>) -> Self {
        self.guardrail = guardrail;
        self
    }

    /// Reads a bundle's bytes. Errors name the member that they are about. Also reads an archive of a whole folder:
    /// directories are skipped, and one `./` before a name is removed.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) for bytes that are not a bundle; [`TooLarge`](crate::ErrorKind::TooLarge)
    /// over a limit.
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
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let manifest = manifest::printed(self);
        let mut policies: Vec<&BundlePolicy> = self.policies.iter().collect();
        policies.sort_by_key(|policy| policy.key.as_str());
        let policies = policies.iter().map(|policy| (policy_file(policy.key.as_str()), policy.cedar_raw.as_str()));
        let members = [(MANIFEST.to_owned(), manifest.as_str())].into_iter();
        let members = members.chain(self.schema.iter().map(|schema| (SCHEMA.to_owned(), schema.as_str())));
        stacker::maybe_grow(STACK, STACK, || archive::write(members.chain(policies)))
    }

    /// The SHA-256 of the manifest's RFC 8785 form without names, for an entity tag. It depends on the schema, the
    /// target, the policies and their texts, but not on the names of policies.
    #[must_use]
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
    #[must_use]
    pub fn schema_version(&self) -> &SchemaName {
        &self.schema_version
    }

    /// The schema's text; `None` if the bundle has none, or if it is not UTF-8.
    #[must_use]
    pub fn schema(&self) -> Option<&str> {
        self.schema.as_deref()
    }

    /// The type of the target, if the bundle has one.
    #[must_use]
    pub fn target_type(&self) -> Option<TargetType> {
        self.target_type
    }

    /// The id of the zone or user, if the bundle has one.
    #[must_use]
    pub fn target_id(&self) -> Option<&str> {
        self.target_id.as_deref()
    }

    /// The guardrail of the bundle's zone, if it had one.
    #[must_use]
    pub fn guardrail(&self) -> Option<&BundleGuardrail> {
        self.guardrail.as_ref()
    }

    /// The policies: first new ones, sorted by name, then existing ones, sorted by id.
    #[must_use]
    pub fn policies(&self) -> &[BundlePolicy] {
        &self.policies
    }
}

/// The input of a bundle's digest.
pub(crate) struct Summary<'a> {
    pub schema_version: &'a SchemaName,
    pub schema_sha: Option<Sha256>,
    pub target_type: Option<TargetType>,
    pub target_id: Option<&'a str>,
    /// Sorted by key.
    pub policies: Vec<(&'a BundleKey, Sha256)>,
}

impl Summary<'_> {
    pub(crate) fn digest(&self) -> Sha256 {
        Sha256::of(manifest::canonical(self).as_bytes())
    }
}

/// Refuses duplicate keys. An id and a new name with the same text count as duplicates, because they would be one file.
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
