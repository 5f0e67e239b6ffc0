//! Which schema versions a zone's list is asked for.

use std::collections::BTreeSet;

use super::bytes::{Field, FilterBytes, flag, only};

/// Which schema versions to list for a zone. The default is all.
#[derive(Clone, Debug, Default)]
pub struct SchemaFilter {
    is_default: BTreeSet<bool>,
}

impl SchemaFilter {
    /// All schema versions.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only the zone's default schema, or all but that.
    pub fn is_default(mut self, is_default: bool) -> Self {
        self.is_default.insert(is_default);
        self
    }

    /// Whether the default is wanted, or all but that; none if all are.
    pub(crate) fn wanted(&self) -> Option<bool> {
        only(&self.is_default)
    }

    /// What cursors are bound to.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        FilterBytes::default().with(Field::Default, self.wanted().map(flag)).done()
    }
}
