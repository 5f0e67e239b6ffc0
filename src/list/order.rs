//! The order of a list and the property that it is sorted by.

use policy_store_verify::text_enum;

/// The order of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Order {
    /// Oldest first.
    Ascending,
    /// Newest first: the default.
    #[default]
    Descending,
}

text_enum!(Order, "order", { Ascending => "ascending", Descending => "descending" });

/// The property that a list is sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Sort {
    /// The time of creation: the default.
    #[default]
    CreatedAt,
    /// Active items first, then by the time of creation, as of the reading of the page. For policy sets only,
    /// descending and forward only.
    Status,
}

text_enum!(Sort, "sort", { CreatedAt => "created_at", Status => "status" });
