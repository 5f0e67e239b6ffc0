//! Things of the store as they are shown: bindings, statements, changes, diagnostics.

pub mod binding;
pub mod change;
pub mod diagnostic;
pub mod difference;
pub mod plan;
pub mod statement;

use policy_store::Actor;

use crate::output::plain;

/// An actor with its kind, as `--actor` takes it.
pub fn actor(actor: &Actor) -> String {
    plain(&format!("{}:{}", actor.owner_type(), actor.id()))
}

/// The beginning of a hash or an id, for the eye.
pub fn short(hash: impl std::fmt::Display) -> String {
    format!("{hash:.12}").chars().take(12).collect()
}
