//! Filters: which items of a list are asked for. Pure: rows, entries and pages are not known here.
//!
//! A filter is given as a builder, then checked once: its values bounded, lower-cased, sorted and without duplicates.
//! Only the checked form matches, and is what cursors are bound to.

mod bindings;
mod bytes;
mod policies;
mod policy_sets;
mod schemas;
mod terms;

pub use bindings::BindingFilter;
pub(crate) use bindings::WantedBindings;
pub use policies::PolicyFilter;
pub(crate) use policies::WantedPolicies;
pub use policy_sets::PolicySetFilter;
pub(crate) use policy_sets::WantedPolicySets;
pub use schemas::SchemaFilter;
