//! Takes the text of a statement apart: the effect with the scope, the conditions, and the terms of a chain of `&&` or
//! `||`.
//!
//! Follows tokens and brackets, for text that Cedar has parsed. Does not evaluate.

use policy_store_verify::text_enum;
use serde::Serialize;

use super::token::{Token, Tokens};

/// The kind of a condition.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ConditionKind {
    /// `when { … }`: holds if its expression is true.
    When,
    /// `unless { … }`: holds if its expression is false.
    Unless,
}

text_enum!(ConditionKind, "condition kind", { When => "when", Unless => "unless" });

/// The operator of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    And,
    Or,
}

/// A statement's text, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Clauses<'a> {
    /// The effect and the scope, such as `permit(principal, action, resource)`.
    pub head: &'a str,
    /// The expression of each condition, without blanks and comments around it.
    pub conditions: Vec<(ConditionKind, &'a str)>,
}

/// A token, its place, and the number of brackets around it.
struct Piece<'a> {
    start: usize,
    end: usize,
    token: Token<'a>,
    depth: usize,
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let (mut tokens, mut pieces, mut open) = (Tokens::new(text), Vec::new(), 0_usize);
    while let Some((start, token)) = tokens.next() {
        if matches!(token, Token::Close(_)) {
            open = open.saturating_sub(1);
        }
        pieces.push(Piece { start, end: tokens.end(), token, depth: open });
        open += usize::from(matches!(token, Token::Open(_)));
    }
    pieces
}

/// The text from the first piece to the last.
fn text_of<'a>(text: &'a str, pieces: &[Piece<'_>]) -> Option<&'a str> {
    text.get(pieces.first()?.start..pieces.last()?.end)
}

fn kind(piece: &Piece<'_>) -> Option<ConditionKind> {
    match piece.token {
        Token::Word("when") if piece.depth == 0 => Some(ConditionKind::When),
        Token::Word("unless") if piece.depth == 0 => Some(ConditionKind::Unless),
        _ => None,
    }
}

impl<'a> Clauses<'a> {
    /// Takes a statement apart. None if the text is not one.
    pub(super) fn of(statement: &'a str) -> Option<Self> {
        let pieces = pieces(statement);
        // The name of an annotation may be any word.
        let is_effect = |pair: &[Piece<'_>]| match pair {
            [at, word] => {
                matches!(word.token, Token::Word("permit" | "forbid"))
                    && word.depth == 0
                    && at.token != Token::Mark("@")
            }
            _ => false,
        };
        let effect = pieces.windows(2).position(is_effect).map_or(0, |before| before + 1);
        let own = pieces.get(effect..)?;
        let mut parts = own.split(|piece| kind(piece).is_some() || piece.token == Token::Mark(";"));
        let head = text_of(statement, parts.next()?)?;
        let bodies = parts.map(|part| match part {
            [_, body @ .., _] => text_of(statement, body),
            _ => None,
        });
        let conditions: Vec<_> =
            own.iter().filter_map(kind).zip(bodies).map(|(kind, body)| Some((kind, body?))).collect::<Option<_>>()?;
        Some(Self { head, conditions })
    }
}

/// The terms of an expression that is a chain of one operator, in order, also those within brackets of the chain.
/// None for an expression without terms.
pub(super) fn terms(expression: &str) -> Option<(Operator, Vec<&str>)> {
    let pieces = pieces(expression);
    let operator = operator(ungrouped(&pieces))?;
    let (mut terms, mut open) = (Vec::new(), vec![pieces.as_slice()]);
    while let Some(term) = open.pop() {
        let inner = ungrouped(term);
        if self::operator(inner) == Some(operator) {
            let depth = inner.first().map(|piece| piece.depth);
            let parts = inner.split(|piece| Some(piece.depth) == depth && mark(piece) == Some(operator));
            open.extend(parts.collect::<Vec<_>>().into_iter().rev());
        } else {
            terms.push(text_of(expression, term)?);
        }
    }
    Some((operator, terms))
}

/// The pieces without the brackets around all of them.
fn ungrouped<'p, 'a>(mut pieces: &'p [Piece<'a>]) -> &'p [Piece<'a>] {
    while let [first, inner @ .., last] = pieces
        && first.token == Token::Open(b'(')
        && last.token == Token::Close(b')')
        && !inner.is_empty()
        && inner.iter().all(|piece| piece.depth > first.depth)
    {
        pieces = inner;
    }
    pieces
}

fn mark(piece: &Piece<'_>) -> Option<Operator> {
    match piece.token {
        Token::Mark("&&") => Some(Operator::And),
        Token::Mark("||") => Some(Operator::Or),
        _ => None,
    }
}

/// The operator that binds an expression most weakly, if it is a chain.
fn operator(pieces: &[Piece<'_>]) -> Option<Operator> {
    let depth = pieces.first()?.depth;
    let own = || pieces.iter().filter(|piece| piece.depth == depth);
    // An `if` takes the operators behind its `else`.
    if own().any(|piece| piece.token == Token::Word("if")) {
        return None;
    }
    let has = |operator: Operator| own().any(|piece| mark(piece) == Some(operator)).then_some(operator);
    has(Operator::Or).or_else(|| has(Operator::And))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conditions(statement: &str) -> Vec<(ConditionKind, &str)> {
        Clauses::of(statement).unwrap().conditions
    }

    #[test]
    fn a_statement_is_its_head_and_its_conditions() {
        use ConditionKind::{Unless, When};
        let text = "@when(\"permit {\") @unless @permit\n forbid /**/ (principal in G::\"when {\", action, resource)\n\
            when { {when: 1}.when == 1 && \"}\" != principal.unless }\n unless{x};"
            .replace("/**/", "// ( {\n");
        let clauses = Clauses::of(&text).unwrap();
        assert!(clauses.head.starts_with("forbid // ( {") && clauses.head.ends_with("resource)"), "{}", clauses.head);
        assert_eq!(clauses.conditions, [(When, "{when: 1}.when == 1 && \"}\" != principal.unless"), (Unless, "x")]);
        let plain = Clauses::of("permit(principal, action, resource);").unwrap();
        assert_eq!((plain.head, plain.conditions.len()), ("permit(principal, action, resource)", 0));
    }

    #[test]
    fn comments_around_an_expression_are_left_out() {
        let text = "permit(principal, action, resource) when { // before\n true // within\n && x // behind }\n };";
        assert_eq!(conditions(text)[0].1, "true // within\n && x");
    }

    #[test]
    fn a_text_that_is_no_statement_has_no_clauses() {
        for text in ["", "permit(principal, action, resource) when;", "permit(principal, action, resource) when {};"] {
            assert_eq!(Clauses::of(text), None, "{text}");
        }
    }

    #[test]
    fn a_chain_has_its_terms_in_order_and_within_its_brackets() {
        use Operator::{And, Or};
        let of = |text| terms(text).unwrap_or((And, Vec::new()));
        assert_eq!(of("a && b && c"), (And, vec!["a", "b", "c"]));
        assert_eq!(of("((a && (b && c)) && (d || e && f))"), (And, vec!["a", "b", "c", "(d || e && f)"]));
        assert_eq!(of("a && b || (c || d) || !(e || f)"), (Or, vec!["a && b", "c", "d", "!(e || f)"]));
        assert_eq!(of("(a) && (b.c(d && e))"), (And, vec!["(a)", "(b.c(d && e))"]));
        assert_eq!(
            of("a.b([c && d]) == {e: f && g}[\"h\"] && i"),
            (And, vec!["a.b([c && d]) == {e: f && g}[\"h\"]", "i"])
        );
        assert_eq!(of("(a && b) == (c && d)"), (And, vec![]));
        assert_eq!(of("if a && b then c && d else e && f"), (And, vec![]));
        assert_eq!(of("(if a then b else c) && d"), (And, vec!["(if a then b else c)", "d"]));
        assert_eq!(of("\"a && b\""), (And, vec![]));
        assert_eq!(of(""), (And, vec![]));
    }
}
