//! The lines of recorded decisions: a decision, or entities that later decisions name by their hash. Reads and writes
//! their JSON; does not read requests or entities.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::decide::receipt::Receipt;
use crate::types::error::{Error, ErrorDetail, Result};
use crate::types::hash::Sha256;

const WHAT: &str = "decision record";
/// The form of the lines.
pub(crate) const FORM: u32 = 1;

/// The bytes that a set of entities counts beside its JSON, for a reader that keeps it and for a writer that knows what readers
/// keep: an upper bound for its hash, its places and its allocation.
pub(crate) const SET_BYTES: usize = 512;

/// A decision.
pub(crate) struct DecisionLine<'a> {
    pub receipt: Receipt,
    pub request: RequestLine<'a>,
    pub entities: EntitiesOf<'a>,
}

/// The entities of a decision.
pub(crate) enum EntitiesOf<'a> {
    /// JSON in the line.
    Inline(&'a str),
    /// The SHA-256 of their canonical form: those of an earlier line.
    Earlier(Sha256),
}

/// The request of a decision.
#[derive(Deserialize)]
pub(crate) struct RequestLine<'a> {
    #[serde(borrow)]
    pub principal: UidLine<'a>,
    #[serde(borrow)]
    pub action: UidLine<'a>,
    #[serde(borrow)]
    pub resource: UidLine<'a>,
    #[serde(borrow)]
    context: &'a RawValue,
}

impl<'a> RequestLine<'a> {
    /// The context, as JSON.
    pub(crate) fn context(&self) -> &'a str {
        self.context.get()
    }

    /// Principal, action and resource, each as type and id.
    pub(crate) fn uids(&self) -> [(&str, &str); 3] {
        [&self.principal, &self.action, &self.resource].map(|uid| (&*uid.entity_type, &*uid.id))
    }
}

/// An entity uid.
#[derive(Deserialize)]
pub(crate) struct UidLine<'a> {
    #[serde(rename = "type", borrow)]
    entity_type: Cow<'a, str>,
    #[serde(borrow)]
    id: Cow<'a, str>,
}

/// Entities that later decisions name by the SHA-256 of their canonical form.
pub(crate) struct EntitiesLine<'a> {
    pub sha: Sha256,
    pub json: &'a str,
}

/// All members of both kinds of lines. Others are the service's own.
#[derive(Deserialize)]
struct Given<'a> {
    v: u32,
    #[serde(default)]
    entities_sha: Option<Sha256>,
    #[serde(default)]
    receipt: Option<Receipt>,
    #[serde(default, borrow)]
    request: Option<RequestLine<'a>>,
    #[serde(default, borrow)]
    entities: Option<&'a RawValue>,
}

impl<'a> DecisionLine<'a> {
    /// Reads a line, without its end. None for a line of entities: see [`Reference`].
    pub(crate) fn read(line: &'a str) -> Result<Option<Self>> {
        let Given { v, entities_sha, receipt, request, entities } = match serde_json::from_str(line) {
            Ok(given) => given,
            Err(error) => return Err(newer(line).unwrap_or_else(|| malformed(error.to_string()))),
        };
        check_form(v)?;
        let entities = entities.map(RawValue::get);
        let (receipt, request) = match (receipt, request) {
            (Some(receipt), Some(request)) => (receipt, request),
            (None, None) => {
                if entities_sha.is_some() && entities.is_some() {
                    return Ok(None);
                }
                return Err(malformed("expected `receipt` and `request`, or `entities_sha` and `entities`".to_owned()));
            }
            _ => return Err(malformed("a decision has both `receipt` and `request`".to_owned())),
        };
        let entities = match (entities, entities_sha) {
            (Some(json), None) => EntitiesOf::Inline(json),
            (None, Some(sha)) => EntitiesOf::Earlier(sha),
            _ => return Err(malformed("a decision has either `entities` or `entities_sha`".to_owned())),
        };
        Ok(Some(Self { receipt, request, entities }))
    }
}

/// The references of a line to entities, without the rest of it.
pub(crate) enum Reference<'a> {
    /// The line has none, or is no line of this form.
    None,
    /// It is a decision with entities of an earlier line.
    Earlier(Sha256),
    /// It has entities for later lines.
    Entities(EntitiesLine<'a>),
}

/// The members that tell lines apart.
#[derive(Deserialize)]
struct Outline<'a> {
    v: u32,
    #[serde(default)]
    entities_sha: Option<Sha256>,
    #[serde(default)]
    receipt: Option<IgnoredAny>,
    #[serde(default, borrow)]
    entities: Option<&'a RawValue>,
}

impl<'a> Reference<'a> {
    /// Reads the references of a line. Takes little time for lines as this crate writes them.
    pub(crate) fn of(line: &'a str) -> Self {
        let prefixes = [PREFIX_OF_INLINE, PREFIX_OF_EARLIER];
        match prefixes.map(|prefix| line.strip_prefix(prefix)) {
            // The receipt names the hash once. Another member of that name may come after the other members.
            [Some(_), _] if line.matches(SHA_MEMBER).nth(1).is_none() && line.contains(ENTITIES_MEMBER) => {
                return Self::None;
            }
            [_, Some(rest)] => {
                let sha = rest.split_at_checked(64);
                if let Some((sha, rest)) = sha
                    && rest.starts_with("\",\"receipt\":")
                    && let Ok(sha) = sha.parse()
                {
                    return Self::Earlier(sha);
                }
            }
            _ => {}
        }
        match serde_json::from_str(line) {
            Ok(Outline { v: FORM, entities_sha: Some(sha), receipt: Some(_), .. }) => Self::Earlier(sha),
            Ok(Outline { v: FORM, entities_sha: Some(sha), receipt: None, entities: Some(json) }) => {
                Self::Entities(EntitiesLine { sha, json: json.get() })
            }
            _ => Self::None,
        }
    }
}

const SHA_MEMBER: &str = "\"entities_sha\":";
const ENTITIES_MEMBER: &str = "\"entities\":";
const PREFIX_OF_INLINE: &str = "{\"v\":1,\"receipt\":";
const PREFIX_OF_EARLIER: &str = "{\"v\":1,\"entities_sha\":\"";

/// Writes a decision. The parts are JSON.
pub(crate) fn decision(receipt: &str, request: &str, entities: Option<&str>, sha: &Sha256) -> String {
    match entities {
        Some(entities) => format!("{PREFIX_OF_INLINE}{receipt},\"request\":{request},\"entities\":{entities}}}"),
        None => format!("{PREFIX_OF_EARLIER}{sha}\",\"receipt\":{receipt},\"request\":{request}}}"),
    }
}

/// Writes entities for later decisions.
pub(crate) fn entities(sha: &Sha256, entities: &str) -> String {
    format!("{PREFIX_OF_EARLIER}{sha}\",\"entities\":{entities}}}")
}

fn check_form(v: u32) -> Result<()> {
    match v {
        FORM => Ok(()),
        0 => Err(malformed("`v` must be 1".to_owned())),
        _ => {
            let (found, known) = (v.into(), FORM.into());
            Err(ErrorDetail::NewerFormat { what: "form of a decision record", found, known }.into())
        }
    }
}

/// The error for a line of a later form, which may have other members.
fn newer(line: &str) -> Option<Error> {
    #[derive(Deserialize)]
    struct Form {
        v: u32,
    }
    serde_json::from_str(line).ok().and_then(|Form { v }| check_form(v).err())
}

fn malformed(message: String) -> Error {
    ErrorDetail::Json { what: WHAT, message }.into()
}
