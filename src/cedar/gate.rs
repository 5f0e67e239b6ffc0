//! The gate: checks of size, tokens, brackets and expression height before every parse.
//!
//! Cedar's parsers recurse without a guard, so the stacks of [`super::stack`] must suffice for all accepted input. Does
//! not check that a text is correct Cedar.

use super::height::Heights;
use super::token::{Token, Tokens};
use super::{json, nesting};
use crate::types::error::{Diagnostic, ErrorDetail, Result, SourcePlace, at_most};
use crate::types::limits;

/// The measures of a policy text that its tokens give.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gated {
    /// The number of tokens.
    pub tokens: usize,
    /// An upper bound of the height of the expressions.
    pub height: usize,
    /// The number of statements, if the text is correct Cedar.
    pub statements: usize,
    /// Whether the text ends at the end of a statement, so that appended text starts a new statement.
    pub is_closed: bool,
}

impl Gated {
    /// Whether the text can be parsed joined with others, and its statements separated again.
    pub(super) fn can_be_joined(&self) -> bool {
        self.is_closed && (1..=limits::POLICY_STATEMENTS).contains(&self.statements)
    }
}

/// Checks a policy text.
pub(super) fn policy_text(text: &str) -> Result<Gated> {
    at_most("bytes of policy text", text.len(), limits::POLICY_TEXT_PRINTED_BYTES)?;
    if text.starts_with(json::BYTE_ORDER_MARK) {
        let finding =
            Diagnostic { place: Some(SourcePlace::new(text, 0, 1)), ..Diagnostic::without_place(json::MARKED) };
        return Err(ErrorDetail::Syntax { what: "policy", diagnostics: vec![finding] }.into());
    }
    uid_or_policy("policy text", text).map_err(|error| match error.detail() {
        ErrorDetail::TooDeep { .. } => nesting::too_deep(text),
        _ => error,
    })
}

/// Checks an entity uid written as Cedar text.
pub(super) fn uid_text(what: &'static str, text: &str) -> Result<()> {
    at_most("bytes of an entity uid", text.len(), limits::ENTITY_UID_BYTES)?;
    uid_or_policy(what, text).map(drop)
}

fn uid_or_policy(what: &'static str, text: &str) -> Result<Gated> {
    let (mut heights, mut tokens, mut statements, mut is_closed) = (Heights::new(), 0, 0, true);
    for (at, token) in Tokens::new(text) {
        tokens += 1;
        at_most("tokens of policy text", tokens, limits::POLICY_TOKENS)?;
        heights.follow(token);
        if heights.open_brackets() > limits::CEDAR_DEPTH {
            return Err(too_deep(what, limits::CEDAR_DEPTH, at));
        }
        if heights.tallest() > limits::CEDAR_HEIGHT {
            return Err(too_deep(what, limits::CEDAR_HEIGHT, at));
        }
        is_closed = heights.open_brackets() == 0 && matches!(token, Token::Mark(";"));
        statements += usize::from(is_closed);
    }
    let height = heights.finish();
    if height > limits::CEDAR_HEIGHT {
        return Err(too_deep(what, limits::CEDAR_HEIGHT, text.len()));
    }
    Ok(Gated { tokens, height, statements, is_closed })
}

/// Checks a schema text.
pub(crate) fn schema_text(text: &str) -> Result<()> {
    const WHAT: &str = "schema text";
    at_most("bytes of schema text", text.len(), limits::SCHEMA_BYTES)?;
    // The number of list elements so far, for each open bracket.
    let mut open: Vec<(u8, usize)> = vec![(0, 0)];
    for (count, (at, token)) in Tokens::new(text).enumerate() {
        at_most("tokens of schema text", count + 1, limits::SCHEMA_TOKENS)?;
        let closes = match token {
            Token::Open(bracket) => {
                open.push((bracket, 0));
                None
            }
            Token::Mark("<" | "<=") => {
                open.push((b'<', 0));
                None
            }
            Token::Close(b')') => Some(b'('),
            Token::Close(b']') => Some(b'['),
            Token::Close(_) => Some(b'{'),
            Token::Mark(">" | ">=") => Some(b'<'),
            Token::Mark(",") => {
                if let Some((_, elements)) = open.last_mut() {
                    *elements += 1;
                    at_most("elements of one list of a schema", *elements, limits::SCHEMA_LIST)?;
                }
                None
            }
            _ => None,
        };
        // An unmatched closing bracket is an error to Cedar. Here it must not lower the depth.
        if closes.is_some() && closes == open.last().map(|(bracket, _)| *bracket) {
            open.pop();
        }
        if open.len() > limits::CEDAR_DEPTH + 1 {
            return Err(too_deep(WHAT, limits::CEDAR_DEPTH, at));
        }
    }
    Ok(())
}

pub(super) fn too_deep(what: &'static str, limit: usize, offset: usize) -> crate::types::error::Error {
    ErrorDetail::TooDeep { what, limit, offset }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code<T>(result: Result<T>) -> &'static str {
        result.map_or_else(|error| error.code(), |_| "ok")
    }

    fn when(expression: &str) -> String {
        format!("permit(principal, action, resource) when {{ {expression} }};")
    }

    #[test]
    fn ordinary_large_policies_pass() {
        let set = (0..1_000).map(|n| format!("Group::\"g{n}\"")).collect::<Vec<_>>().join(", ");
        assert_eq!(code(policy_text(&when(&format!("principal in [{set}]")))), "ok");
        let statements = "permit(principal == U::\"a\",action,resource);\n".repeat(1_000);
        assert_eq!(code(policy_text(&statements)), "ok");
        let terms = vec!["resource.owner.team == principal.team && context.mfa"; 30].join(" || ");
        assert_eq!(code(policy_text(&when(&terms))), "ok");
    }

    #[test]
    fn the_height_is_the_tallest_statements() {
        let low = policy_text(&when("true")).unwrap().height;
        let high = policy_text(&format!("{}{}", when("a.b.c.d.e.f.g.h"), when("true"))).unwrap().height;
        assert!(low < 12 && high >= low + 7, "{low} {high}");
    }

    #[test]
    fn chains_and_brackets_over_the_limits_are_refused_with_their_place() {
        let deep = when(&format!("{}true{}", "(".repeat(64), ")".repeat(64)));
        let error = policy_text(&deep).unwrap_err();
        let ErrorDetail::ExpressionTooDeep { limit, place, .. } = error.detail() else { panic!("{error}") };
        let outermost = place.unwrap().offset as usize;
        assert_eq!((*limit, &deep[outermost..outermost + 3]), (limits::CEDAR_DEPTH, "{ ("));
        for chain in [" || true", " && true", " + 1", " * 1", ".a", "[\"a\"]", " == 1"] {
            assert_eq!(code(policy_text(&when(&format!("x{}", chain.repeat(200))))), "too_deep", "{chain}");
        }
        assert_eq!(code(policy_text(&when(&format!("{}x", "if a then b else ".repeat(200))))), "too_deep");
        let clauses = format!("permit(principal, action, resource){};", " when { true }".repeat(200));
        assert_eq!(code(policy_text(&clauses)), "too_deep");
    }

    #[test]
    fn too_many_bytes_or_tokens_are_refused() {
        assert_eq!(code(policy_text(&" ".repeat(limits::POLICY_TEXT_PRINTED_BYTES + 1))), "too_large");
        assert_eq!(code(policy_text(&";".repeat(limits::POLICY_TOKENS + 1))), "too_large");
        assert_eq!(code(schema_text(&" ".repeat(limits::SCHEMA_BYTES + 1))), "too_large");
        assert_eq!(code(schema_text(&";".repeat(limits::SCHEMA_TOKENS + 1))), "too_large");
    }

    #[test]
    fn angle_brackets_nest_in_schemas_only() {
        let nested = |depth: usize| format!("type T = {}Long{};", "Set<".repeat(depth), ">".repeat(depth));
        assert_eq!(code(schema_text(&nested(limits::CEDAR_DEPTH))), "ok");
        assert_eq!(code(schema_text(&nested(limits::CEDAR_DEPTH + 1))), "too_deep");
        assert_eq!(code(policy_text(&when(&vec!["a < b"; 60].join(" && ")))), "ok");
        let wide = format!("entity E {{ {} }};", "a: Long, ".repeat(limits::SCHEMA_LIST + 1));
        assert_eq!(code(schema_text(&wide)), "too_large");
    }
}
