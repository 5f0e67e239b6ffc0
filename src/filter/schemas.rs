//! Which schema versions a zone's list is asked for.

use super::bytes::{Field, FilterBytes, flag};

/// Which schema versions to list for a zone. The default is all.
#[derive(Clone, Debug, Default)]
pub struct SchemaFilter {
    pub(crate) is_default: Option<bool>,
}

impl SchemaFilter {
    /// All schema versions.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only the zone's default schema, or all but that.
    pub fn is_default(mut self, is_default: bool) -> Self {
        self.is_default = Some(is_default);
        self
    }

    /// What cursors are bound to.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        FilterBytes::default().with(Field::Default, self.is_default.map(flag)).done()
    }
}
