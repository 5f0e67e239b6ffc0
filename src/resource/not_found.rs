//! The error for an unknown id: not found, or an id of another resource.

use crate::resource::zone::ZoneReader;
use crate::storage::key;
use crate::storage::key::RowKind;
use crate::types::error::{Error, ErrorDetail, Resource, cut};

/// The kinds of resources in a zone that have ids, and their rows.
const KINDS: [(Resource, RowKind); 4] = [
    (Resource::Policy, RowKind::Policy),
    (Resource::PolicyVersion, RowKind::PolicyVersionId),
    (Resource::PolicySet, RowKind::PolicySet),
    (Resource::PolicySetVersion, RowKind::PolicySetVersionId),
];

impl ZoneReader<'_> {
    /// The error for an id that no `what` of the zone has. Does not look up the ids of other zones, so that they are
    /// indistinguishable from unused ids.
    pub(crate) fn not_found(self, what: Resource, id: &str) -> Error {
        for (is, kind) in KINDS.into_iter().filter(|(is, _)| *is != what) {
            match self.seems_to_have_row(&key::by_id(self.log, kind, id)) {
                Ok(true) => return ErrorDetail::NotFound { what, id: cut(id), actual: Some(is) }.into(),
                Ok(false) => {}
                Err(error) => return error,
            }
        }
        ErrorDetail::not_found(what, id).into()
    }
}
