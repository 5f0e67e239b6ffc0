//! The lists that can be filtered: which rows to walk, what to read of each to know whether it is wanted, and what counts
//! all without a look at any. What a page and a cursor are is known in `list`, what a filter asks for in `filter`.

pub(crate) mod bindings;
pub(crate) mod history;
pub(crate) mod policies;
pub(crate) mod policy_sets;
pub(crate) mod schemas;
mod walk;

pub(crate) use walk::{count, in_order, rows_from};
