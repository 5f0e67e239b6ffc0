//! A bundle's manifest: reads untrusted JSON, and prints the form in the archive and the canonical form for the digest.
//!
//! Reads the schema's version, the target, and the key and name of each policy. Ignores hashes and unknown members.
//! Null and the empty string count as absent, because clients print absent values in several ways.

use super::archive::{MANIFEST, policy_file};
use super::json::{Json, Object};
use super::{Bundle, BundleGuardrail, BundleKey, Summary};
use crate::types::error::{Error, ErrorDetail, Result, at_most};
use crate::types::id::{PolicyId, PolicySetId, PolicySetVersionId, SchemaName};
use crate::types::limits;
use crate::types::target::TargetType;

/// The content of a manifest.
pub(super) struct Given {
    pub schema_version: SchemaName,
    pub target_type: Option<TargetType>,
    pub target_id: Option<String>,
    pub guardrail: Option<BundleGuardrail>,
    /// The key and name of each policy.
    pub policies: Vec<(BundleKey, Option<String>)>,
}

impl Given {
    pub(super) fn parse(json: &str) -> Result<Self> {
        let Json::Object(mut manifest) = Json::parse(json).map_err(invalid)? else {
            return Err(invalid("expected a JSON object"));
        };
        let Some(Json::Object(mut schema)) = manifest.remove("schema") else {
            return Err(invalid("`schema` must be an object"));
        };
        let version = text(&mut schema, "version")?.ok_or_else(|| invalid("`schema.version` is missing"))?;
        let target_type = match text(&mut manifest, "target_type")?.as_deref() {
            None => None,
            Some("zone") => Some(TargetType::Zone),
            Some("user") => Some(TargetType::User),
            Some(_) => return Err(invalid("`target_type` must be `zone` or `user`")),
        };
        let Some(Json::Array(policies)) = manifest.remove("policies") else {
            return Err(invalid("`policies` must be an array"));
        };
        at_most("policies of the policy bundle", policies.len(), limits::MANIFEST_ENTRIES)?;
        Ok(Self {
            schema_version: SchemaName::new(version).map_err(invalid)?,
            target_type,
            target_id: text(&mut manifest, "target_id")?,
            guardrail: guardrail(&mut manifest)?,
            policies: policies.into_iter().map(entry).collect::<Result<_>>()?,
        })
    }
}

fn guardrail(manifest: &mut Object) -> Result<Option<BundleGuardrail>> {
    let mut guardrail = match manifest.remove("guardrail") {
        None | Some(Json::Null) => return Ok(None),
        Some(Json::Object(guardrail)) => guardrail,
        Some(_) => return Err(invalid("`guardrail` must be an object")),
    };
    let mut id =
        |member: &str| text(&mut guardrail, member)?.ok_or_else(|| invalid(format!("`guardrail.{member}` is missing")));
    Ok(Some(BundleGuardrail {
        policy_set_id: PolicySetId::new(id("policy_set_id")?).map_err(invalid)?,
        policy_set_version_id: PolicySetVersionId::new(id("policy_set_version_id")?).map_err(invalid)?,
    }))
}

fn entry(entry: Json) -> Result<(BundleKey, Option<String>)> {
    let Json::Object(mut entry) = entry else { return Err(invalid("each entry of `policies` must be an object")) };
    let key = match (text(&mut entry, "public_id")?, text(&mut entry, "new_policy")?) {
        (Some(id), None) => BundleKey::PublicId(PolicyId::new(id).map_err(invalid)?),
        (None, Some(name)) => BundleKey::NewPolicy(name),
        (both, _) => {
            let given = if both.is_some() { "both" } else { "neither" };
            let rule = "each entry of `policies` must have exactly one of `public_id` and `new_policy`";
            return Err(invalid(format!("{rule}, found {given}")));
        }
    };
    Ok((key, text(&mut entry, "name")?))
}

/// Removes a member and returns its text, if it has one.
fn text(object: &mut Object, member: &str) -> Result<Option<String>> {
    match object.remove(member) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::Text(text)) => Ok(Some(text).filter(|text| !text.is_empty())),
        Some(_) => Err(invalid(format!("`{member}` must be a string"))),
    }
}

pub(super) fn invalid(reason: impl std::fmt::Display) -> Error {
    ErrorDetail::bundle(Some(MANIFEST), reason)
}

/// The manifest in the archive: indented by two spaces, without a final newline.
pub(super) fn printed(bundle: &Bundle) -> String {
    let summary = bundle.summary();
    let mut members = vec![("schema", object(1, &schema(&summary)))];
    members.extend(target(&summary));
    members.extend(bundle.guardrail.as_ref().map(|guardrail| {
        let ids = [
            ("policy_set_id", quoted(guardrail.policy_set_id.as_str())),
            ("policy_set_version_id", quoted(guardrail.policy_set_version_id.as_str())),
        ];
        ("guardrail", object(1, &ids))
    }));
    let entries = bundle.policies.iter().zip(&summary.policies).map(|(policy, (of, sha))| {
        let mut entry = vec![key(of)];
        entry.extend(policy.name.as_ref().map(|name| ("name", quoted(name))));
        entry.push(("sha", quoted(&sha.to_string())));
        format!("\n    {}", object(2, &entry))
    });
    let entries = entries.collect::<Vec<_>>().join(",");
    members.push(("policies", if entries.is_empty() { "[]".to_owned() } else { format!("[{entries}\n  ]") }));
    object(0, &members)
}

/// The RFC 8785 form of the manifest without names: sorted members without whitespace. Strings need no special
/// treatment, because `serde_json` uses the same short escapes.
pub(super) fn canonical(summary: &Summary<'_>) -> String {
    let entries = summary.policies.iter().map(|(of, sha)| compact(vec![key(of), ("sha", quoted(&sha.to_string()))]));
    let entries = entries.collect::<Vec<_>>().join(",");
    let mut members = vec![("policies", format!("[{entries}]")), ("schema", compact(schema(summary)))];
    members.extend(target(summary));
    compact(members)
}

type Member = (&'static str, String);

fn schema(summary: &Summary<'_>) -> Vec<Member> {
    let sha = summary.schema_sha.map(|sha| ("sha", quoted(&sha.to_string())));
    [("version", quoted(summary.schema_version.as_str()))].into_iter().chain(sha).collect()
}

fn target(summary: &Summary<'_>) -> impl Iterator<Item = Member> {
    let target_type = summary.target_type.map(|target_type| ("target_type", quoted(target_type.as_str())));
    let target_id = summary.target_id.map(|id| ("target_id", quoted(id)));
    target_type.into_iter().chain(target_id)
}

fn key(key: &BundleKey) -> Member {
    match key {
        BundleKey::PublicId(id) => ("public_id", quoted(id.as_str())),
        BundleKey::NewPolicy(name) => ("new_policy", quoted(name)),
    }
}

/// Text as a JSON string.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn object(level: usize, members: &[Member]) -> String {
    let indent = "  ".repeat(level);
    let lines: Vec<String> = members.iter().map(|(name, value)| format!("\n{indent}  \"{name}\": {value}")).collect();
    format!("{{{}\n{indent}}}", lines.join(","))
}

fn compact(mut members: Vec<Member>) -> String {
    members.sort();
    let members: Vec<String> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", members.join(","))
}

/// Checks the rules of a key: it must be a valid file name on every system and in the archive.
pub(super) fn check_key(key: &BundleKey) -> Result<()> {
    let BundleKey::NewPolicy(name) = key else { return Ok(()) };
    let rule = if name.is_empty() {
        "must not be empty"
    } else if name.len() > limits::BUNDLE_NEW_POLICY_BYTES {
        "must have at most 94 bytes"
    } else if name.starts_with('.') {
        "must not start with a dot"
    } else if name.contains(['/', '\\']) {
        "must not contain a slash or a backslash"
    } else if name.chars().any(char::is_control) {
        "must not contain control characters"
    } else {
        return Ok(());
    };
    Err(ErrorDetail::bundle(Some(&policy_file(name)), format!("invalid name of a new policy: {rule}")))
}
