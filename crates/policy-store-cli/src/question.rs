//! A request as arguments: principal, action, resource, context, and the entities' file.

use std::path::{Path, PathBuf};

use clap::Args;
use policy_store::cedar_policy::{Entities, Request};
use policy_store::{Authorizer, UidInput, limits};

use crate::failure::{Failure, Result};
use crate::folder::files::text_of_any;

/// A request and its entities.
#[derive(Args, Clone)]
pub struct Question {
    /// The principal: `User::alice`, or Cedar's `User::"alice"`
    #[arg(long, value_name = "UID")]
    principal: String,
    /// The action: `view`, or Cedar's `Action::"view"`
    #[arg(long, value_name = "UID")]
    action: String,
    /// The resource: `Document::plan`, or Cedar's `Document::"plan"`
    #[arg(long, value_name = "UID")]
    resource: String,
    #[command(flatten)]
    rest: Rest,
}

/// A request and its entities, or neither.
#[derive(Args)]
pub struct OptionalQuestion {
    /// The principal of the decision: with the whole request, it is decided again and explained
    #[arg(long, value_name = "UID", requires_all = ["action", "resource"])]
    principal: Option<String>,
    /// The action
    #[arg(long, value_name = "UID", requires = "principal")]
    action: Option<String>,
    /// The resource
    #[arg(long, value_name = "UID", requires = "principal")]
    resource: Option<String>,
    #[command(flatten)]
    rest: Rest,
}

/// The parts of a request that have a default.
#[derive(Args, Clone)]
struct Rest {
    /// The context: a JSON object, or `@FILE` with one [default: {}]
    #[arg(long, value_name = "JSON", requires = "principal")]
    context: Option<String>,
    /// A file with the entities, as a JSON array; without it, there are none
    #[arg(long, value_name = "FILE", requires = "principal")]
    entities: Option<PathBuf>,
    /// Take entities that the schema does not describe in full
    #[arg(long, requires = "principal")]
    as_given: bool,
}

impl OptionalQuestion {
    /// The request, if it is given.
    pub fn given(&self) -> Option<Question> {
        let (principal, action, resource) = (self.principal.clone()?, self.action.clone()?, self.resource.clone()?);
        Some(Question { principal, action, resource, rest: self.rest.clone() })
    }
}

impl Question {
    /// The request and the entities, read by the schema of an authorizer.
    pub fn read(&self, authorizer: &Authorizer) -> Result<(Request, Entities)> {
        let Rest { context, entities: file, as_given } = &self.rest;
        let context = match context.as_deref().map(|context| (context, context.strip_prefix('@'))) {
            Some((_, Some(file))) => text_of_any(Path::new(file), limits::CONTEXT_BYTES)?,
            Some((context, None)) => context.to_owned(),
            None => "{}".to_owned(),
        };
        let (principal, resource) = (uid(&self.principal), uid(&self.resource));
        let request = authorizer.request(principal, action(&self.action), resource, context)?;
        let json = file.as_deref().map(|file| text_of_any(file, limits::ENTITIES_BYTES)).transpose()?;
        let json = json.as_deref().unwrap_or("[]");
        let entities = if *as_given { authorizer.entities_as_given(json) } else { authorizer.entities(json) };
        let named = |error| match file {
            Some(file) => Failure::from(error).within(file.display()),
            None => Failure::from(error),
        };
        Ok((request, entities.map_err(named)?))
    }
}

/// A uid in Cedar's text, or without quotes: then the id is what follows the last `::`.
fn uid(text: &str) -> UidInput<'_> {
    match text.rsplit_once("::") {
        Some((kind, id)) if !text.contains('"') => (kind, id).into(),
        _ => text.into(),
    }
}

/// An action's uid, or its id alone.
fn action(text: &str) -> UidInput<'_> {
    if text.contains("::") { uid(text) } else { ("Action", text).into() }
}
