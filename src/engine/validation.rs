//! The validation of policies that exist with a schema that they were not created for: what is known, and what is still
//! to be done.
//!
//! What a manifest may pin is not known here.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use super::compiler::Compiler;
use crate::record::PolicyVersionCreated;
use crate::storage::Snapshot;
use crate::types::error::{ErrorDetail, Result};
use crate::types::hash::Address;
use crate::types::schema::SchemaRef;

/// Policy texts that validate, each with the source of a schema. Both are named by their content, so it holds in every store
/// and for ever.
#[derive(Clone, Debug, Default)]
pub(crate) struct Validated(BTreeSet<(Address, Address)>);

/// Validations, ahead of a write or in one.
pub(crate) struct Validation<'a> {
    compiler: &'a Compiler,
    known: &'a Validated,
    new: RefCell<Validated>,
    /// How many statements times types of request may still be validated; none ahead of a write, where nobody waits.
    left: Option<Cell<usize>>,
    /// How many statements were.
    statements: Cell<usize>,
}

impl<'a> Validation<'a> {
    /// On a caller's own time.
    pub(crate) fn ahead(compiler: &'a Compiler, known: &'a Validated) -> Self {
        Self { compiler, known, new: RefCell::default(), left: None, statements: Cell::new(0) }
    }

    /// While other writes wait: all policies together cost no more than one may.
    pub(crate) fn in_write(compiler: &'a Compiler, known: &'a Validated) -> Self {
        Self { left: Some(Cell::new(compiler.validation_limit())), ..Self::ahead(compiler, known) }
    }

    /// What it validates with.
    pub(crate) fn compiler(&self) -> &'a Compiler {
        self.compiler
    }

    /// Refuses policy versions of which one does not validate with a schema.
    pub(crate) fn check<'v>(
        &self,
        snapshot: &Snapshot<'_>,
        versions: impl IntoIterator<Item = &'v PolicyVersionCreated>,
        schema: &SchemaRef,
    ) -> Result<()> {
        let is_open = |version: &&PolicyVersionCreated| {
            version.schema.source != schema.source && !self.known.0.contains(&(version.text, schema.source))
        };
        let open: Vec<_> = versions.into_iter().filter(is_open).collect();
        let to_do = || open.iter().filter(|version| !self.compiler.is_known_to_validate(version, schema));
        if self.left.is_some() && to_do().next().is_some() {
            let statements = to_do().fold(0_usize, |sum, version| {
                sum.saturating_add(usize::try_from(version.statements).unwrap_or(usize::MAX))
            });
            self.count(statements, self.compiler.schema(snapshot, schema)?.request_types(), schema)?;
        }
        for version in open {
            self.compiler.validate(snapshot, version, schema)?;
            self.new.borrow_mut().0.insert((version.text, schema.source));
        }
        Ok(())
    }

    /// Counts the validation of statements with a schema, and refuses it if it is too much for a write.
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

    /// What is known now.
    pub(crate) fn known(self) -> Validated {
        let mut known = self.new.into_inner();
        known.0.extend(&self.known.0);
        known
    }
}
