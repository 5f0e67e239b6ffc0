//! The validation of existing policy versions against another schema, with a record of known results.
//!
//! Does not know which versions a manifest may pin.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::sync::Arc;

use super::compiler::Compiler;
use crate::cedar::ParsedSchema;
use crate::record::PolicyVersionCreated;
use crate::resource::policy_version::{NewPolicyVersion, PreparedPolicyVersion, encode_warnings, kept_warnings};
use crate::storage::Snapshot;
use crate::types::error::{ErrorDetail, Result};
use crate::types::hash::Sha256;
use crate::types::schema::SchemaRef;

/// Pairs of a policy text and a schema source that validate. Both are hashes of content, so a pair is true in every
/// store and for ever.
#[derive(Clone, Debug, Default)]
pub(crate) struct Validated(BTreeSet<(Sha256, Sha256)>);

/// The validations of one call, before a write or in it.
pub(crate) struct Validation<'a> {
    compiler: &'a Compiler,
    known: &'a Validated,
    /// A schema version that may not be published yet.
    given: Option<(Sha256, Arc<ParsedSchema>)>,
    new: RefCell<Validated>,
    /// The remaining budget of statements times request types. None before a write, because no other write waits.
    left: Option<Cell<usize>>,
    /// The number of statements counted so far.
    statements: Cell<usize>,
}

impl<'a> Validation<'a> {
    /// Before a write, without a budget.
    pub(crate) fn ahead(compiler: &'a Compiler, known: &'a Validated) -> Self {
        Self { compiler, known, given: None, new: RefCell::default(), left: None, statements: Cell::new(0) }
    }

    /// In a write, while other writes wait. All policies together have the budget of one policy.
    pub(crate) fn in_write(compiler: &'a Compiler, known: &'a Validated) -> Self {
        Self { left: Some(Cell::new(compiler.validation_limit())), ..Self::ahead(compiler, known) }
    }

    /// Validates also against a schema that may not be published yet, by the SHA-256 of its source.
    pub(crate) fn with_schema(mut self, given: Option<(Sha256, Arc<ParsedSchema>)>) -> Self {
        self.given = given;
        self
    }

    /// The schema that a version names.
    pub(crate) fn schema(&self, snapshot: &Snapshot<'_>, schema: &SchemaRef) -> Result<Arc<ParsedSchema>> {
        match &self.given {
            Some((sha, given)) if *sha == schema.sha => Ok(given.clone()),
            _ => self.compiler.schema(snapshot, schema),
        }
    }

    /// Whether other writes wait for the validations, so that they have a budget.
    pub(crate) fn is_in_write(&self) -> bool {
        self.left.is_some()
    }

    /// The compiler that validates.
    pub(crate) fn compiler(&self) -> &'a Compiler {
        self.compiler
    }

    /// Refuses the policy versions if one of them does not validate against `schema`.
    pub(crate) fn check<'v>(
        &self,
        snapshot: &Snapshot<'_>,
        versions: impl IntoIterator<Item = &'v PolicyVersionCreated>,
        schema: &SchemaRef,
    ) -> Result<()> {
        let is_open = |version: &&PolicyVersionCreated| {
            version.schema.sha != schema.sha && !self.known.0.contains(&(version.sha, schema.sha))
        };
        let open: Vec<_> = versions.into_iter().filter(is_open).collect();
        let to_do = || open.iter().filter(|version| !self.compiler.is_known_to_validate(version, schema));
        if self.left.is_some() && to_do().next().is_some() {
            let statements = to_do().fold(0_usize, |sum, version| {
                sum.saturating_add(usize::try_from(version.statements).unwrap_or(usize::MAX))
            });
            self.count(statements, self.schema(snapshot, schema)?.request_types(), schema)?;
        }
        for version in open {
            self.compiler.validate(snapshot, version, schema, || self.schema(snapshot, schema))?;
            self.new.borrow_mut().0.insert((version.sha, schema.sha));
        }
        Ok(())
    }

    /// Parses and validates a new policy version, and counts its cost.
    pub(crate) fn prepare(
        &self,
        text: &str,
        schema: &SchemaRef,
        parsed: &ParsedSchema,
    ) -> Result<PreparedPolicyVersion> {
        let new = NewPolicyVersion::cedar(schema.version.as_str(), text);
        let prepared = self.compiler.prepare(new, schema.clone(), parsed)?;
        let statements = usize::try_from(prepared.content.statements).unwrap_or(usize::MAX);
        self.count(statements, parsed.request_types(), schema)?;
        encode_warnings(&kept_warnings(&prepared.content)).map(|_| prepared)
    }

    /// Takes the cost of validating `statements` from the budget of a write, or refuses the call.
    pub(crate) fn count(&self, statements: usize, request_types: usize, schema: &SchemaRef) -> Result<()> {
        let Some(left) = &self.left else { return Ok(()) };
        self.statements.set(self.statements.get().saturating_add(statements));
        let rest = left.get().checked_sub(statements.saturating_mul(request_types));
        let Some(rest) = rest else {
            let statements = self.statements.get();
            return Err(ErrorDetail::ValidationTooCostly {
                policy: "all policies of the call".to_owned(),
                schema: schema.version.to_string(),
                statements,
                counted: statements,
                request_types,
                limit: self.compiler.validation_limit(),
                advice: "prepare the call ahead of the write",
            }
            .into());
        };
        left.set(rest);
        Ok(())
    }

    /// The known and the new results.
    pub(crate) fn known(self) -> Validated {
        let mut known = self.new.into_inner();
        known.0.extend(&self.known.0);
        known
    }
}
