//! The order of a list, and the time or state that it is sorted by.

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

/// What a list is sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Sort {
    /// When the items were created: the default.
    #[default]
    CreatedAt,
    /// What is in force first, then when the items were created; as things are when the page is read. For policy sets
    /// only, descending and forward only.
    Status,
}

text_enum!(Sort, "sort", { CreatedAt => "created_at", Status => "status" });
