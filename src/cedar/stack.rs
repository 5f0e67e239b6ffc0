//! Runs Cedar with enough stack on any thread, and turns its panics into errors.
//!
//! Cedar's parser aborts the process when the stack ends. Its evaluator skips a statement, even a `forbid`, if less
//! than 100 KiB would remain. So the sizes below are for the worst input that [`super::gate`] accepts, measured in
//! debug builds, where frames are eight times as large. For requests, a new stack costs more than reading one. So their
//! sizes depend on the depth of the JSON and on the height of the set's expressions, and ordinary requests need no new
//! stack.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::types::error::{ErrorDetail, Result};
use crate::types::limits;

const KIB: usize = 1024;

/// To parse, print, convert or drop: measured 3.8 MiB for 64 brackets, 5.4 MiB for JSON 108 levels deep.
pub(super) const PARSE: usize = 16 * KIB * KIB;

/// To validate: measured 20 KiB a level of height.
pub(super) const VALIDATE: usize = 16 * KIB * KIB;

/// To read any JSON of a request, without its depth: measured 288 KiB in debug builds, 56 KiB in release builds.
const JSON_FLAT: usize = 512 * KIB;

/// To read one more level of JSON, of any type in a schema: measured 33 KiB in debug builds.
const JSON_LEVEL: usize = 96 * KIB;

/// To follow one more parent of an entity: measured 1.7 KiB in debug builds.
const PARENT: usize = 4 * KIB;

/// The stack to read JSON of this depth, with entities under this many levels of parents.
pub(super) const fn json(depth: usize, parents: usize) -> usize {
    JSON_FLAT + depth * JSON_LEVEL + parents * PARENT
}

const _: () =
    assert!(json(limits::JSON_DEPTH, limits::ENTITY_DEPTH) < 16 * KIB * KIB, "a stack of moderate size is enough");

/// To evaluate any expression: Cedar's own reserve of 100 KiB, its fixed part (measured 208 KiB in debug builds, less
/// than 64 KiB in release builds), and the comparison of values as deep as [`limits::JSON_DEPTH`].
const EVALUATE_FLAT: usize = if cfg!(debug_assertions) { 1024 * KIB } else { 384 * KIB };

/// To evaluate one more level of height: measured 53 KiB in debug builds, 4.2 KiB in release builds.
const EVALUATE_LEVEL: usize = if cfg!(debug_assertions) { 80 * KIB } else { 16 * KIB };

/// The stack to evaluate expressions of this height.
pub(super) const fn evaluate(height: usize) -> usize {
    EVALUATE_FLAT + height * EVALUATE_LEVEL
}

const _: () = assert!(evaluate(limits::CEDAR_HEIGHT) < 16 * KIB * KIB, "a stack of moderate size is enough");

/// For many parses in a row. On this stack, a parse makes no new stack of its own, which would cost more than the
/// parse.
const ROOM: usize = PARSE + 1024 * KIB;

/// Runs `f`, which calls Cedar many times, on one stack that is large enough for all of them.
pub(crate) fn in_one_go<T>(what: &'static str, f: impl FnOnce() -> T) -> Result<T> {
    on_grown_stack(ROOM, what, f)
}

/// Runs `f`, which may call Cedar many times, on one stack that is large enough for all calls. Does not catch panics.
pub(crate) fn with_room<T>(f: impl FnOnce() -> T) -> T {
    // `f` itself uses some of the stack. The rest must be enough for `in_one_go`, or each call makes a stack after all.
    const WITH_OWN: usize = ROOM + 1024 * KIB;
    stacker::maybe_grow(WITH_OWN, WITH_OWN, f)
}

/// Runs `f`, which takes the values of a request or of entities apart.
pub(crate) fn with_values<T>(what: &'static str, f: impl FnOnce() -> T) -> Result<T> {
    on_grown_stack(evaluate(0), what, f)
}

/// Runs `f` with at least `need` bytes of stack. `what` names the input of `f` in the error for a panic.
pub(crate) fn on_grown_stack<T>(need: usize, what: &'static str, f: impl FnOnce() -> T) -> Result<T> {
    // Unwind safe: `f` owns its values or only reads them, so no caller sees a half-made one after a panic.
    let run = || catch_unwind(AssertUnwindSafe(f));
    stacker::maybe_grow(need, need, run).map_err(|panic| {
        let message = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("a panic without a message");
        ErrorDetail::CedarFailed { what, message: message.to_owned() }.into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_thread_gets_the_stack_that_is_asked_for() {
        let remaining = std::thread::Builder::new()
            .stack_size(256 * KIB)
            .spawn(|| on_grown_stack(PARSE, "test", stacker::remaining_stack).unwrap())
            .unwrap()
            .join()
            .unwrap();
        assert!(remaining.unwrap() > PARSE - 64 * KIB);
    }

    #[test]
    fn calls_in_a_room_make_no_stack_of_their_own() {
        let place = || {
            let here = 0_u8;
            std::ptr::from_ref(&here).addr()
        };
        let (before, within) =
            with_room(|| (place(), in_one_go("test", || on_grown_stack(PARSE, "test", place).unwrap()).unwrap()));
        assert!(before.abs_diff(within) < 64 * KIB, "{before} {within}");
    }

    #[test]
    fn ordinary_requests_stay_on_a_thread_of_two_mebibytes() {
        assert!(json(10, 20) < 1_900 * KIB);
    }

    #[test]
    fn ordinary_evaluation_stays_on_a_thread_of_two_mebibytes() {
        if !cfg!(debug_assertions) {
            assert!(evaluate(64) < 1_900 * KIB);
        }
    }

    #[test]
    fn a_panic_is_an_error_that_names_the_input() {
        let error = on_grown_stack::<()>(PARSE, "schema", || panic!("broken")).unwrap_err();
        assert_eq!((error.code(), error.to_string().as_str()), ("cedar_failed", "cedar failed on the schema: broken"));
    }
}
