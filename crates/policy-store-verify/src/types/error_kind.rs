//! The kinds of errors, of this crate and of the store: one for each next step of a caller.

/// The kind of an error, which tells the caller's next step. A frontend can choose its status from it.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The input breaks a rule: correct it. The same input is always refused.
    Invalid,
    /// The named resource does not exist, or belongs to a different zone: name another one.
    NotFound,
    /// The input contradicts stored data, such as an id that is already used: read, then decide.
    Conflict,
    /// A precondition of the caller, such as a revision, no longer holds: read again, then repeat.
    PreconditionFailed,
    /// The actor may not do this: use a different actor.
    Forbidden,
    /// The named resource is archived for good: use another one.
    Archived,
    /// Nothing is in force for the target: bind a policy set version first.
    NotBound,
    /// The input is over a limit (see [`limits`](crate::limits)): make it smaller.
    TooLarge,
    /// The stored data is damaged: stop writing, run `verify`, restore from a copy.
    Corrupt,
    /// A write failed while it was made durable, and may or may not have happened: call `recover`, then read.
    OutcomeUnknown,
    /// The store cannot answer now (disk, lock, clock, memory). Nothing was changed: repair the cause, then repeat.
    Unavailable,
    /// The caller's observer stopped the work. Nothing was changed: repeat the call if the work is wanted.
    Stopped,
}

text_enum!(ErrorKind, "error kind", {
    Invalid => "invalid",
    NotFound => "not_found",
    Conflict => "conflict",
    PreconditionFailed => "precondition_failed",
    Forbidden => "forbidden",
    Archived => "archived",
    NotBound => "not_bound",
    TooLarge => "too_large",
    Corrupt => "corrupt",
    OutcomeUnknown => "outcome_unknown",
    Unavailable => "unavailable",
    Stopped => "stopped",
});
