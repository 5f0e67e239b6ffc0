//! Filters: conditions on the items of a list. Does not know rows or pages.
//!
//! A filter is built, then checked once: its values are bounded, lower-cased, sorted and deduplicated. Only the checked
//! filter matches items, and only its bytes are part of a cursor.

mod bindings;
mod bytes;
mod history;
mod policies;
mod policy_sets;
mod schemas;
mod terms;

pub use bindings::BindingFilter;
pub(crate) use bindings::WantedBindings;
pub use history::HistoryFilter;
pub(crate) use history::WantedHistory;
pub use policies::PolicyFilter;
pub(crate) use policies::WantedPolicies;
pub use policy_sets::PolicySetFilter;
pub(crate) use policy_sets::WantedPolicySets;
pub use schemas::SchemaFilter;
