//! The filter of a zone's list of schema versions.

use std::collections::BTreeSet;

use super::bytes::{Field, FilterBytes, flag, only};

/// A filter of schema versions in a zone's list. The default passes all.
///
/// ```
/// use policy_store::SchemaFilter;
/// let without_default = SchemaFilter::new().is_default(false);
/// ```
#[must_use]
#[derive(Clone, Debug, Default)]
pub struct SchemaFilter {
    is_default: BTreeSet<bool>,
}

impl SchemaFilter {
    /// A filter that passes all schema versions.
    pub fn new() -> Self {
        Self::default()
    }

    /// Passes the zone's default schema, or all but the default.
    pub fn is_default(mut self, is_default: bool) -> Self {
        self.is_default.insert(is_default);
        self
    }

    /// Whether the default passes, or all but the default; none if all pass.
    pub(crate) fn wanted(&self) -> Option<bool> {
        only(&self.is_default)
    }

    /// The bytes that cursors contain.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        FilterBytes::default().with(Field::Default, self.wanted().map(flag)).done()
    }
}
