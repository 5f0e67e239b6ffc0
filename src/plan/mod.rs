//! Plans: the steps from what is in force to a desired policy set, as a value that is applied exactly or refused. Does not
//! write.

mod compiled;
pub(crate) mod context;
pub(crate) mod desired;
mod given_schema;
pub(crate) mod kept_tests;
mod matching;
mod outdated;
mod planner;
mod policies;
pub(crate) mod prepared;
pub(crate) mod steps;
pub(crate) mod value;
