//! Computes an upper bound of the height of every expression in a policy text from its tokens, before Cedar parses it.
//!
//! Cedar builds left-deep trees for `a || b || c` and `a.b.c`, and recurses over them to parse, validate, evaluate,
//! print and drop. The bound follows the precedence of Cedar's operators and no other grammar. For a wrong or ambiguous
//! text it is too high, never too low.

use super::token::Token;

/// The height of the scope: the conditions are below its three constraints, each with an `is` and an `in`.
const SCOPE: usize = 6;

/// The levels of precedence, from the tightest. `If` is the whole expression.
#[derive(Debug, Clone, Copy)]
pub(super) enum Level {
    Member,
    Unary,
    Product,
    Sum,
    Relation,
    And,
    Or,
    If,
}

/// A chain of operators of one level: their number, and the greatest height of their operands.
#[derive(Debug, Clone, Copy, Default)]
struct Chain {
    operators: usize,
    highest: usize,
}

/// The expression between two brackets, or the whole text.
#[derive(Debug, Default)]
struct Frame {
    bracket: u8,
    chains: [Chain; Level::If as usize + 1],
    highest: usize,
}

impl Frame {
    /// Ends every chain that binds more tightly than `level`. Each becomes one operand of the next level.
    fn settle(&mut self, level: usize) {
        let mut height = 0;
        for chain in self.chains.iter_mut().take(level) {
            height = chain.operators + chain.highest.max(height);
            *chain = Chain::default();
        }
        if let Some(chain) = self.chains.get_mut(level) {
            chain.highest = chain.highest.max(height);
        }
    }

    fn operator(&mut self, level: Level, weight: usize) {
        self.settle(level as usize);
        if let Some(chain) = self.chains.get_mut(level as usize) {
            chain.operators += weight;
        }
    }

    fn operand(&mut self, height: usize) {
        if let Some(chain) = self.chains.first_mut() {
            chain.highest = chain.highest.max(height);
        }
    }

    /// Ends an element of a list, a key, a value or a statement.
    fn end_element(&mut self) {
        self.settle(Level::If as usize);
        if let Some(chain) = self.chains.last_mut() {
            self.highest = self.highest.max(chain.operators + chain.highest);
            *chain = Chain::default();
        }
    }
}

/// Follows the tokens of a policy text.
pub(super) struct Heights {
    frame: Frame,
    outer: Vec<Frame>,
    tallest: usize,
    after_operand: bool,
    after_dot: bool,
}

impl Heights {
    pub(super) fn new() -> Self {
        Self { frame: Frame::default(), outer: Vec::new(), tallest: 0, after_operand: false, after_dot: false }
    }

    /// The height of the tallest expression so far, with the `&&` chain of the scope.
    pub(super) fn tallest(&self) -> usize {
        self.tallest + SCOPE
    }

    /// The number of open brackets.
    pub(super) fn open_brackets(&self) -> usize {
        self.outer.len()
    }

    pub(super) fn follow(&mut self, token: Token<'_>) {
        let after_dot = std::mem::replace(&mut self.after_dot, matches!(token, Token::Mark("." | "::")));
        match token {
            Token::Open(bracket) => self.open(bracket),
            Token::Close(bracket) => self.close(bracket),
            Token::Literal => self.after_operand = true,
            Token::Word(word) => self.word(word, after_dot),
            Token::Mark(mark) => self.mark(mark),
        }
        self.tallest = self.tallest.max(self.frame.highest);
    }

    /// Ends the text and all open brackets, and returns the height of the tallest expression.
    pub(super) fn finish(mut self) -> usize {
        self.frame.end_element();
        while let Some(outer) = self.outer.pop() {
            let inner = std::mem::replace(&mut self.frame, outer);
            self.frame.operand(inner.highest);
            self.frame.end_element();
        }
        self.tallest.max(self.frame.highest) + SCOPE
    }

    fn open(&mut self, bracket: u8) {
        if self.outer.is_empty() && bracket == b'{' {
            // Cedar joins conditions by `&&`, and `unless` is a `!`.
            self.frame.operator(Level::And, 2);
        }
        // Brackets that only group add no height; calls, indexes, sets and records do.
        if bracket != b'(' || self.after_operand {
            self.frame.operator(Level::Member, 1);
        }
        self.outer.push(std::mem::replace(&mut self.frame, Frame { bracket, ..Frame::default() }));
        self.after_operand = false;
    }

    fn close(&mut self, bracket: u8) {
        let opened = match bracket {
            b')' => b'(',
            b']' => b'[',
            _ => b'{',
        };
        self.after_operand = true;
        // An unmatched closing bracket is an error to Cedar. Here it must not lower the bound.
        if self.frame.bracket != opened {
            return;
        }
        let Some(outer) = self.outer.pop() else { return };
        let mut inner = std::mem::replace(&mut self.frame, outer);
        inner.end_element();
        self.tallest = self.tallest.max(inner.highest);
        self.frame.operand(inner.highest);
    }

    fn word(&mut self, word: &str, after_dot: bool) {
        self.after_operand = true;
        if after_dot {
            return;
        }
        match word {
            "if" => self.frame.operator(Level::If, 1),
            "then" | "else" => self.frame.operator(Level::If, 0),
            "in" | "has" | "like" => self.frame.operator(Level::Relation, 1),
            // `a is T in b` is `a is T && a in b`.
            "is" => self.frame.operator(Level::Relation, 2),
            _ => return,
        }
        self.after_operand = false;
    }

    fn mark(&mut self, mark: &str) {
        let after_operand = std::mem::replace(&mut self.after_operand, false);
        match mark {
            "." => self.frame.operator(Level::Member, 1),
            "!" => self.frame.operator(Level::Unary, 1),
            "-" if !after_operand => self.frame.operator(Level::Unary, 1),
            "*" | "/" | "%" => self.frame.operator(Level::Product, 1),
            "+" | "-" => self.frame.operator(Level::Sum, 1),
            // Cedar writes `a != b` as `!(a == b)`, and `a > b` as `!(a <= b)`.
            "!=" | ">" | ">=" => self.frame.operator(Level::Relation, 2),
            "==" | "<" | "<=" | "=" => self.frame.operator(Level::Relation, 1),
            "&&" => self.frame.operator(Level::And, 1),
            "||" => self.frame.operator(Level::Or, 1),
            "," | ";" | ":" => self.frame.end_element(),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::token::Tokens;
    use super::*;

    fn height(expression: &str) -> usize {
        let mut heights = Heights::new();
        Tokens::new(expression).for_each(|(_, token)| heights.follow(token));
        heights.finish() - SCOPE
    }

    #[test]
    fn a_chain_is_as_high_as_it_is_long_and_a_list_is_not() {
        assert_eq!(height("a || b || c"), 2);
        assert_eq!(height("a.b.c"), 2);
        assert_eq!(height("[a, b, c, d]"), 1);
        assert_eq!(height("a.b == c || a.b == d"), 3);
        assert_eq!(height("a.b.c && x || y"), 4);
    }

    #[test]
    fn what_stands_under_an_operator_adds_to_it() {
        assert_eq!(height("((a || b) && c) || d"), 3);
        assert_eq!(height("a * -b"), 2);
        assert_eq!(height("!!x"), 2);
        assert_eq!(height("x != y"), 2);
        assert_eq!(height("if a then b else if c then d else e"), 2);
        assert_eq!(height("f(g(h(x)))"), 3);
        assert_eq!(height("[{a: {b: 1}}]"), 3);
    }

    #[test]
    fn a_minus_after_an_attribute_with_the_name_of_a_keyword_takes_two_operands() {
        assert_eq!(height("a.in * x - y"), 3);
    }

    #[test]
    fn a_bracket_that_closes_nothing_lowers_no_bound() {
        assert!(height("(((a || b)]]]))") >= 1);
        assert!(height(")))") == 0);
        assert!(height("([a || b || c)") >= 3);
    }
}
