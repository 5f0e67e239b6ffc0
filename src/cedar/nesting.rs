//! Finds the expression of a refused policy text that nests too deeply, and suggests another notation for it.
//!
//! Runs only for refused texts, so it need not be fast. Cedar's tree of a chain of operators is as high as the chain is
//! long, and its JSON has two levels for each operator. So the error names the longest chain, or the brackets if they
//! nest deeper.

use super::height::Level;
use super::token::{Token, Tokens};
use crate::types::error::{Error, ErrorDetail, SourcePlace};
use crate::types::limits;

const LEVELS: usize = Level::If as usize + 1;

/// Levels of JSON that an operator takes.
const OPERATOR: usize = 2;
/// Levels of JSON around the conditions of a statement, and within the simplest operand.
const AROUND: usize = 8;

/// A chain of operators of one level.
#[derive(Clone, Copy)]
struct Chain {
    /// The first operator.
    mark: Mark,
    operators: usize,
    /// The offset of the first operand.
    start: usize,
    statement: usize,
}

#[derive(Clone, Copy)]
enum Mark {
    Or,
    And,
    Clause,
    Plus,
    Minus,
    Times,
    Relation,
    Prefix,
    Member,
    If,
}

impl Mark {
    /// The noun of the error message, the difference of its count to the number of operators, and the advice.
    fn wording(self) -> (&'static str, usize, &'static str) {
        const GROUP: &str = "group them with brackets, as in `(a + b) + (c + d)`";
        match self {
            Self::Or => (
                "alternatives joined by `||`",
                1,
                "write `x in [a, b]` for entities, `[a, b].contains(x)` for other values, or one statement for each group",
            ),
            Self::And => {
                ("terms joined by `&&`", 1, "write several `when` clauses, or group them as in `(a && b) && (c && d)`")
            }
            Self::Clause => ("clauses of a statement", 0, "join some of them by `&&`, or write several statements"),
            Self::Plus => ("terms joined by `+`", 1, GROUP),
            Self::Minus => ("terms joined by `-`", 1, "group them with brackets, as in `a - (b + c)`"),
            Self::Times => ("factors joined by `*`", 1, "group them with brackets, as in `(a * b) * (c * d)`"),
            Self::Relation => ("operands of chained comparisons", 1, "write several comparisons joined by `&&`"),
            Self::Prefix => ("signs before a value", 0, "remove signs that cancel each other"),
            Self::Member => {
                ("chained attributes, indexes or calls", 0, "give the entity an attribute that needs fewer steps")
            }
            Self::If => ("nested `if`", 0, "write one statement for each case"),
        }
    }
}

/// The expression between two brackets, or the whole text.
#[derive(Clone, Copy, Default)]
struct Frame {
    bracket: u8,
    /// The offset of the current operand of each level.
    starts: [Option<usize>; LEVELS],
    chains: [Option<Chain>; LEVELS],
}

/// The deepest nesting of a text, or of one of its statements.
struct Deepest {
    chain: Option<Chain>,
    /// The number of nested brackets, the offset of the outermost, and its statement.
    brackets: (usize, usize, usize),
}

/// The error for a text with brackets or expressions over the limits of all texts.
pub(super) fn too_deep(text: &str) -> Error {
    let most = (limits::JSON_DEPTH - AROUND) / OPERATOR;
    let deepest = Deepest::of(text, None);
    let (operators, brackets) = (deepest.chain.map_or(0, |chain| chain.operators), deepest.brackets.0);
    deepest.into_error(text, most.min(operators.saturating_sub(1)), limits::CEDAR_DEPTH.min(brackets.saturating_sub(1)))
}

/// The error for a statement with JSON of `depth` levels, which is over the limit.
pub(super) fn too_deep_in_json(text: &str, statement: usize, depth: usize) -> Error {
    let excess = depth.saturating_sub(limits::JSON_DEPTH).div_ceil(OPERATOR);
    let deepest = Deepest::of(text, Some(statement));
    let (operators, brackets) = (deepest.chain.map_or(0, |chain| chain.operators), deepest.brackets.0);
    deepest.into_error(text, operators.saturating_sub(excess), brackets.saturating_sub(excess))
}

/// The error for a statement with `has` nested over the limit of its JSON.
pub(super) fn has_too_deep(text: &str, statement: usize, actual: usize) -> Error {
    let place = start_of(text, statement).map(|start| SourcePlace::new(text, start, 1));
    let advice = "apply `has` to a value that contains no `has`";
    let (what, limit) = ("nested `has`", limits::JSON_REREAD_DEPTH);
    ErrorDetail::ExpressionTooDeep { statement: number(statement), place, what, actual, limit, advice }.into()
}

/// The offset of a statement.
pub(super) fn start_of(text: &str, statement: usize) -> Option<usize> {
    let (mut open, mut passed) = (0_usize, 0);
    for (at, token) in Tokens::new(text) {
        if passed == statement {
            return Some(at);
        }
        match token {
            Token::Open(_) => open += 1,
            Token::Close(_) => open = open.saturating_sub(1),
            Token::Mark(";") if open == 0 => passed += 1,
            _ => {}
        }
    }
    None
}

fn number(statement: usize) -> u32 {
    u32::try_from(statement).unwrap_or(u32::MAX)
}

impl Deepest {
    fn of(text: &str, statement: Option<usize>) -> Self {
        let mut reader = Reader {
            frame: Frame::default(),
            outer: Vec::new(),
            statement: 0,
            after_operand: false,
            after_dot: false,
            after_member: false,
            only: statement,
            deepest: Self { chain: None, brackets: (0, 0, 0) },
        };
        Tokens::new(text).for_each(|(at, token)| reader.follow(at, token));
        reader.deepest
    }

    /// The error, with the allowed numbers of operators and brackets.
    fn into_error(self, text: &str, operators: usize, brackets: usize) -> Error {
        let (depth, bracket, of_bracket) = self.brackets;
        let (statement, start, what, actual, limit, advice) = match self.chain {
            Some(chain) if chain.operators >= depth => {
                let (what, more, advice) = chain.mark.wording();
                (chain.statement, chain.start, what, chain.operators + more, operators + more, advice)
            }
            _ => (of_bracket, bracket, "nested brackets", depth, brackets, "nest fewer brackets"),
        };
        let place = Some(SourcePlace::new(text, start, 1));
        ErrorDetail::ExpressionTooDeep { statement: number(statement), place, what, actual, limit, advice }.into()
    }
}

/// Follows the tokens of a text.
struct Reader {
    frame: Frame,
    /// The frames around the current one, with the offset of each bracket.
    outer: Vec<(Frame, usize)>,
    statement: usize,
    after_operand: bool,
    after_dot: bool,
    /// Whether the last token was a name after a dot. A bracket after it belongs to the call.
    after_member: bool,
    /// The statement to measure; none for all statements.
    only: Option<usize>,
    deepest: Deepest,
}

impl Reader {
    fn follow(&mut self, at: usize, token: Token<'_>) {
        let after_dot = std::mem::replace(&mut self.after_dot, matches!(token, Token::Mark("." | "::")));
        let after_member = std::mem::replace(&mut self.after_member, after_dot && matches!(token, Token::Word(_)));
        match token {
            Token::Open(b'(') if after_member => self.enter(at, b'('),
            Token::Open(bracket) => self.open(at, bracket),
            Token::Close(bracket) => self.close(bracket),
            Token::Literal => self.operand(at),
            Token::Word(word) => self.word(at, word, after_dot),
            Token::Mark(mark) => self.mark(at, mark),
        }
    }

    fn operand(&mut self, at: usize) {
        for start in &mut self.frame.starts {
            start.get_or_insert(at);
        }
        self.after_operand = true;
    }

    /// Ends all operands and chains that bind more tightly than `level`.
    fn settle(&mut self, level: Level) {
        let tighter = self.frame.starts.iter_mut().zip(&mut self.frame.chains).take(level as usize);
        for (start, chain) in tighter {
            (*start, *chain) = (None, None);
        }
    }

    fn operator(&mut self, at: usize, level: Level, mark: Mark) {
        self.settle(level);
        let Some(start) = self.frame.starts.get_mut(level as usize).map(|start| *start.get_or_insert(at)) else {
            return;
        };
        let statement = self.statement;
        let Some(chain) = self.frame.chains.get_mut(level as usize) else { return };
        let chain = chain.get_or_insert(Chain { mark, operators: 0, start, statement });
        chain.operators += 1;
        let counts = self.only.is_none_or(|only| only == statement);
        if counts && self.deepest.chain.is_none_or(|longest| longest.operators < chain.operators) {
            self.deepest.chain = Some(*chain);
        }
    }

    fn open(&mut self, at: usize, bracket: u8) {
        if self.outer.is_empty() && bracket == b'{' {
            self.operator(at, Level::And, Mark::Clause);
        } else if self.after_operand {
            self.operator(at, Level::Member, Mark::Member);
        } else {
            self.operand(at);
        }
        self.enter(at, bracket);
    }

    fn enter(&mut self, at: usize, bracket: u8) {
        self.outer.push((std::mem::replace(&mut self.frame, Frame { bracket, ..Frame::default() }), at));
        self.after_operand = false;
        let counts = self.only.is_none_or(|only| only == self.statement);
        if counts && self.outer.len() > self.deepest.brackets.0 {
            let outermost = self.outer.first().map_or(at, |(_, at)| *at);
            self.deepest.brackets = (self.outer.len(), outermost, self.statement);
        }
    }

    fn close(&mut self, bracket: u8) {
        let opened = match bracket {
            b')' => b'(',
            b']' => b'[',
            _ => b'{',
        };
        self.after_operand = true;
        if self.frame.bracket == opened
            && let Some((outer, _)) = self.outer.pop()
        {
            self.frame = outer;
        }
    }

    fn word(&mut self, at: usize, word: &str, after_dot: bool) {
        match word {
            _ if after_dot => self.after_operand = true,
            "if" => self.operator(at, Level::If, Mark::If),
            "then" | "else" => self.settle(Level::If),
            "in" | "has" | "like" | "is" => self.operator(at, Level::Relation, Mark::Relation),
            "when" | "unless" if self.outer.is_empty() => {}
            _ => return self.operand(at),
        }
        self.after_operand = after_dot;
    }

    fn mark(&mut self, at: usize, mark: &str) {
        let after_operand = std::mem::replace(&mut self.after_operand, false);
        match mark {
            "." => self.operator(at, Level::Member, Mark::Member),
            "!" => self.operator(at, Level::Unary, Mark::Prefix),
            "-" if !after_operand => self.operator(at, Level::Unary, Mark::Prefix),
            "*" => self.operator(at, Level::Product, Mark::Times),
            "+" => self.operator(at, Level::Sum, Mark::Plus),
            "-" => self.operator(at, Level::Sum, Mark::Minus),
            "==" | "!=" | "<" | "<=" | ">" | ">=" => self.operator(at, Level::Relation, Mark::Relation),
            "&&" => self.operator(at, Level::And, Mark::And),
            "||" => self.operator(at, Level::Or, Mark::Or),
            "," | ":" | ";" => {
                self.frame = Frame { bracket: self.frame.bracket, ..Frame::default() };
                self.statement += usize::from(mark == ";" && self.outer.is_empty());
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(error: &Error) -> (u32, (u32, u32), &'static str, usize, usize) {
        let ErrorDetail::ExpressionTooDeep { statement, place, what, actual, limit, .. } = error.detail() else {
            panic!("{error}")
        };
        let place = place.unwrap();
        (*statement, (place.line, place.column), what, *actual, *limit)
    }

    #[test]
    fn the_longest_chain_is_told_with_its_first_operand() {
        let permit = "permit(principal, action, resource);\n";
        let or = (0..57).map(|n| format!("principal == U::\"{n}\"")).collect::<Vec<_>>().join(" || ");
        let text = format!("{permit}permit(principal, action, resource)\n  when {{ true && ({or}) }};");
        let expected = (1, (3, 19), "alternatives joined by `||`", 57, 56);
        assert_eq!(told(&too_deep_in_json(&text, 1, limits::JSON_DEPTH + 2)), expected);
        assert_eq!(told(&too_deep_in_json(&text, 1, limits::JSON_DEPTH + 1)), expected);
        for (first, rest, what, more) in [
            ("x", " && x", "terms joined by `&&`", 1),
            ("1", " + 1", "terms joined by `+`", 1),
            ("1", " - 1", "terms joined by `-`", 1),
            ("1", " * 1", "factors joined by `*`", 1),
            ("x", ".a", "chained attributes, indexes or calls", 0),
            ("x", "[\"a\"]", "chained attributes, indexes or calls", 0),
            ("x", ".f(1)", "chained attributes, indexes or calls", 0),
            ("x", " == 1", "operands of chained comparisons", 1),
        ] {
            let text = format!("permit(principal, action, resource) when {{ 2 == 1 || {first}{} }};", rest.repeat(90));
            let (_, place, said, actual, limit) = told(&too_deep(&text));
            assert_eq!((place, said, actual), ((1, 54), what, 90 + more), "{text}");
            assert!(limit < actual, "{limit}");
        }
        let ifs = format!("permit(principal, action, resource) when {{ {}x }};", "if a then b else ".repeat(90));
        assert_eq!(told(&too_deep(&ifs)).2, "nested `if`");
        let clauses = format!("permit(principal, action, resource){};", " when { x }".repeat(90));
        assert_eq!((told(&too_deep(&clauses)).2, told(&too_deep(&clauses)).3), ("clauses of a statement", 90));
        let brackets = format!("permit(principal, action, resource) when {{ {}x{} }};", "(".repeat(80), ")".repeat(80));
        assert_eq!(told(&too_deep(&brackets)).2, "nested brackets");
        let nots = format!("permit(principal, action, resource) when {{ {}x }};", "!".repeat(200));
        assert_eq!(told(&too_deep(&nots)).2, "signs before a value");
    }

    #[test]
    fn chains_of_another_statement_do_not_count() {
        let chain = |n: usize| format!("permit(principal, action, resource) when {{ true{} }};", " || true".repeat(n));
        let text = format!("{}\n{}", chain(80), chain(70));
        assert_eq!(told(&too_deep_in_json(&text, 1, 130)).3, 71);
        assert_eq!(start_of(&text, 1), text.rfind("permit"));
        assert_eq!(start_of(&text, 2), None);
    }
}
