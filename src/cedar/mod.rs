//! The only folder that calls Cedar: gate, parse, validate, render, compile and decide.
//!
//! Accepted input gives the same result on every thread: Cedar runs on a large enough stack, and its panics become
//! error values. Does not know zones, versions, bindings or the disk.

#[macro_use]
mod from_text;

mod actions;
mod canonical;
mod clauses;
mod compiled;
mod context;
mod described;
mod diagnose;
mod entities;
mod exact;
mod expansion;
mod explain;
mod explicit;
mod expression;
mod gate;
mod height;
mod hierarchy;
mod json;
mod nesting;
mod outline;
mod parse;
mod policy;
mod render;
mod request;
mod schema;
mod schema_fault;
mod schema_json;
mod schema_model;
mod schema_text;
mod schema_twice;
mod scope;
mod shape;
mod stack;
mod statements;
mod token;
mod uid;

use crate::types::schema::CedarVersion;

#[cfg(test)]
mod entities_tests;
#[cfg(test)]
mod hostile_json_tests;
#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod json_words_tests;
#[cfg(test)]
mod round_trip_tests;
#[cfg(test)]
mod sample_tests;
#[cfg(test)]
mod scope_tests;

pub use clauses::ConditionKind;
pub(crate) use compiled::{CompiledSet, Evaluation, EvaluationFailure};
pub use context::ContextInput;
pub(crate) use exact::{
    context_text, entities as exact_entities, entities_text, request as exact_request, without_actions,
};
pub use explain::{ExplainedCondition, ExplainedTerm};
pub(crate) use json::json as check_json;
pub(crate) use policy::{ParsedPolicy, PolicyContent, prepare_policy};
pub(crate) use schema::{ParsedSchema, prepare_schema};
pub(crate) use stack::{in_one_go, with_room, with_values};
pub(crate) use statements::{StatementText, statements};
pub use uid::UidInput;

/// The version of Cedar in this build.
pub(crate) fn version() -> CedarVersion {
    CedarVersion::new(cedar_policy::get_sdk_version().to_string(), cedar_policy::get_lang_version().to_string())
}

#[cfg(test)]
mod tests {
    #[test]
    fn versions_are_those_of_the_locked_crate() {
        assert_eq!(
            {
                let version = super::version();
                (version.sdk, version.language)
            },
            ("4.14.1".to_owned(), "4.6.0".to_owned())
        );
    }
}
