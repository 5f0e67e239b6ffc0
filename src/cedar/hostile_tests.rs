//! Hostile policies, each in a process of its own. For any input, the process ends normally on every thread. Accepted
//! input gives the same validation, conversion and decision on a small stack as on a large one.
//!
//! Failures tested: an abort in Cedar's parser, and a decision that depends on the thread. Cedar's evaluator skips a
//! `forbid` if the stack is nearly used up.

use std::process::Command;
use std::sync::Arc;

use super::hostile_json_tests::schema_outcome;
use super::policy::content_of;
use super::*;
use crate::types::limits;
use crate::types::syntax::Syntax;

const CHILD: &str = "POLICY_STORE_HOSTILE_CHILD";
pub(super) const KIB: usize = 1024;

pub(super) const SCHEMA: &str =
    "entity U in [G] { b: Bool, n: Long, s: String, u: U, g: Set<Long>, o?: U } tags String; entity G;
    action a appliesTo { principal: U, resource: U, context: { b: Bool, v?: Set<Long> } };";
const ENTITIES: &str = r#"[{"uid":{"type":"U","id":"x"},"parents":[{"type":"G","id":"g"}],
    "attrs":{"b":true,"n":1,"s":"s","u":{"type":"U","id":"x"},"g":[1]}}]"#;

/// A kind of input: its name, and a function that makes it in a given size.
pub(super) type Kind = (&'static str, fn(usize) -> String);

/// Expressions of any size.
const EXPRESSIONS: &[Kind] = &[
    ("parens", |n| wrap("(", "principal.b", ")", n)),
    ("not", |n| wrap("!(", "principal.b", ")", n)),
    ("fournots", |n| wrap("!!!!(", "principal.b", ")", n)),
    ("nots", |n| wrap("!", "principal.b", "", n)),
    ("negs", |n| format!("{} == 1", wrap("-", "principal.n", "", n))),
    ("negparens", |n| format!("{} == 1", wrap("-(", "principal.n", ")", n))),
    ("or", |n| wrap("", "principal.b", " || principal.b", n)),
    ("and", |n| wrap("", "principal.b", " && principal.b", n)),
    ("orright", |n| wrap("(false || ", "principal.b", ")", n)),
    ("plus", |n| format!("{} == 1", wrap("", "principal.n", " + principal.n", n))),
    ("minus", |n| format!("{} == 1", wrap("", "principal.n", " - principal.n", n))),
    ("times", |n| format!("{} == 1", wrap("", "principal.n", " * 1", n))),
    ("member", |n| format!("principal{}.b", ".u".repeat(n))),
    ("index", |n| format!("principal{}.b", "[\"u\"]".repeat(n))),
    ("has", |n| format!("principal has {}b", "u.".repeat(n))),
    ("hasnested", |n| wrap("(", "true", ") == (principal has o.b)", n)),
    ("if", |n| wrap("if principal.b then true else ", "true", "", n)),
    ("ifcondition", |n| wrap("if ", "principal.b", " then true else false", n)),
    ("ifthen", |n| wrap("if principal.b then (", "true", ") else false", n)),
    ("set", |n| format!("{} == [1] || true", wrap("[", "1", "]", n))),
    ("record", |n| format!("{} == 1 || true", wrap("{a: ", "1", "}", n))),
    ("recordaccess", |n| format!("{} == 1", wrap("{a: ", "1", "}.a", n))),
    ("contains", |n| wrap("[", "true", "].contains(true)", n)),
    ("method", |n| format!("\"1\"{}", ".contains(1)".repeat(n))),
    ("call", |n| wrap("ip(", "\"::1\"", ")", n)),
    ("in", |n| format!("principal in {}", wrap("[", "principal", "]", n))),
    ("inlist", |n| format!("principal in [{}]", vec!["G::\"g\""; n].join(", "))),
    ("notequal", |n| wrap("(true != ", "principal.b", ")", n)),
    ("greater", |n| wrap("(1 >= ", "1", ")", n)),
    ("is", |n| wrap("(principal is U) == (", "true", ")", n)),
    ("isin", |n| wrap("(principal is U in G::\"g\") && (", "true", ")", n)),
    ("like", |n| format!("principal.s like \"{}\"", "a*".repeat(n))),
    ("tags", |n| wrap("(principal.hasTag(\"t\")) == (", "true", ")", n)),
    ("namespace", |n| format!("principal == {}U::\"x\"", "N::".repeat(n))),
    ("keyword", |n| wrap("{in: ", "1", "}.in * 1 - 1", n)),
];

pub(super) fn wrap(open: &str, inner: &str, close: &str, n: usize) -> String {
    format!("{}{inner}{}", open.repeat(n), close.repeat(n))
}

/// A `forbid` beside a permit-all. A small stack must not turn the answer into allow.
pub(super) fn policy(expression: &str) -> String {
    format!("permit(principal, action, resource); forbid(principal, action, resource) when {{ {expression} }};")
}

/// Runs `job` on a new thread.
pub(super) fn on_thread<T: Send + 'static>(stack: usize, job: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::Builder::new().stack_size(stack).spawn(job).unwrap().join().unwrap()
}

/// The results of all operations on a policy text. They must not depend on the thread.
pub(super) fn exercise(text: &str) -> String {
    let schema = ParsedSchema::parse(Syntax::Cedar, SCHEMA).unwrap();
    let prepared = content_of(Syntax::Cedar, text, &schema, "s");
    if let Ok(content) = &prepared {
        let again = content_of(Syntax::Json, &content.json, &schema, "s").map(|again| again.json);
        assert_eq!(again.unwrap(), content.json);
    }
    let prepared = prepared.map_or_else(|error| error.code().to_owned(), |_| "ok".to_owned());
    let decided = match ParsedPolicy::parse(text) {
        Ok(parsed) => {
            let validated = parsed.validate(&schema, "p", "s").map_or_else(|error| error.code(), |_| "ok");
            let set = CompiledSet::assemble(vec![Arc::new(parsed)]);
            let request = schema.request("U::\"x\"", "Action::\"a\"", "U::\"x\"", r#"{"b":true}"#).unwrap();
            let evaluation = set.evaluate(&request, &schema.entities(ENTITIES).unwrap()).unwrap();
            format!("{validated} {evaluation:?}")
        }
        Err(error) => error.code().to_owned(),
    };
    format!("{prepared} {decided}")
}

/// The results on a small stack, on one of 2 MiB, on this thread and on a large stack.
fn alike(text: &str) -> String {
    let jobs = [256 * KIB, 2048 * KIB, 64 * 1024 * KIB].map(|stack| {
        let text = text.to_owned();
        on_thread(stack, move || exercise(&text))
    });
    let here = exercise(text);
    assert!(jobs.iter().all(|job| *job == here), "{jobs:?} {here}");
    here
}

/// Runs the test `name` of `module` again in a process of its own, with `input`.
pub(super) fn in_child(module: &str, name: &str, input: &str) {
    // The names of tests do not include the crate.
    let (_, module) = module.split_once("::").unwrap();
    let path = format!("{module}::{name}");
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &path, "--nocapture", "--test-threads=1"])
        .env(CHILD, input)
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&child.stdout), String::from_utf8_lossy(&child.stderr));
    assert!(child.status.success(), "{name} {input}: {}\n{out}\n{err}", child.status);
    assert!(out.contains("1 passed"), "there is no `{path}`: {out}");
}

pub(super) fn child_input() -> Option<String> {
    std::env::var(CHILD).ok()
}

/// The largest accepted size up to `most`. All larger sizes must be refused.
pub(super) fn boundary(most: usize, accepts: impl Fn(usize) -> bool) -> usize {
    let (mut accepted, mut refused) = (0, most + 1);
    while refused - accepted > 1 {
        let middle = accepted.midpoint(refused);
        *(if accepts(middle) { &mut accepted } else { &mut refused }) = middle;
    }
    accepted
}

#[test]
fn the_largest_accepted_expression_of_each_kind_works_on_every_thread() {
    let Some(input) = child_input() else {
        for (name, _) in EXPRESSIONS {
            in_child(module_path!(), "the_largest_accepted_expression_of_each_kind_works_on_every_thread", name);
        }
        return;
    };
    let (_, make) = EXPRESSIONS.iter().find(|(name, _)| *name == input).unwrap();
    let gated = boundary(300, |n| gate::policy_text(&policy(&make(n))).is_ok());
    let schema = ParsedSchema::parse(Syntax::Cedar, SCHEMA).unwrap();
    let stored = boundary(gated, |n| {
        content_of(Syntax::Cedar, &policy(&make(n)), &schema, "s").err().is_none_or(|error| error.code() != "too_deep")
    });
    for n in [1, stored, stored + 1, gated] {
        let outcome = alike(&policy(&make(n)));
        println!("{input}: gated {gated}, stored {stored}, at {n}: {outcome}");
    }
    for n in [gated + 1, 1_000, 5_000] {
        alike(&policy(&make(n)));
    }
}

#[test]
fn text_of_one_kind_of_token_ends_normally() {
    // Without optimization, Cedar's parser takes seconds for the longest text.
    const LONGEST: usize = if cfg!(debug_assertions) { 3 * KIB } else { limits::POLICY_TEXT_BYTES };
    #[rustfmt::skip]
    const TOKENS: &[&str] = &[
        "(", ")", "[", "]", "{", "}", "<", ">", "!", "-", "+", "*", "/ ", "%", ".", ",", ";", ":", "::", "=", "==",
        "!=", "||", "&&", "|", "&", "@", "@a ", "@a(\"\")", "a ", "a.", "a::", "if ", "then ", "else ", "in ", "has ",
        "like ", "is ", "when ", "when{", "when{}", "when{true}", "permit", "permit(",
        "permit(principal,action,resource)", "?principal ", "\"", "\"\"", "\"\\", "1 ", "true ", "//", "//\n", "\0",
        "é", "\u{feff}", "\u{2028}", "$", "(]", "[)", "([{", "(((]]]", "a(", "-(", "!(", "a[", "{a:", "[a,", "a&&(",
        "if(", "permit(principal,action,resource)when{", "ip(", "in[", "U::\"x\",",
    ];
    let Some(input) = child_input() else {
        (0..TOKENS.len())
            .for_each(|n| in_child(module_path!(), "text_of_one_kind_of_token_ends_normally", &n.to_string()));
        return;
    };
    let token = TOKENS[input.parse::<usize>().unwrap()];
    for prefix in ["", "permit(principal, action, resource) when { "] {
        for size in [40, 60, 900, LONGEST - prefix.len()] {
            let text = format!("{prefix}{}", token.repeat(size / token.len()));
            let other = text.clone();
            let small = on_thread(256 * KIB, move || (exercise(&other), schema_outcome(&other)));
            assert_eq!(small, (exercise(&text), schema_outcome(&text)));
        }
    }
}

/// A small random generator with a seed, so that a failure can be repeated.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }
}

#[test]
fn random_expressions_near_the_limits_are_handled_alike() {
    const RUNS: u64 = if cfg!(debug_assertions) { 30 } else { 600 };
    let Some(input) = child_input() else {
        return in_child(module_path!(), "random_expressions_near_the_limits_are_handled_alike", "0");
    };
    let mut accepted = 0;
    for run in 0..RUNS {
        let mut dice = Dice(run + input.parse::<u64>().unwrap());
        let mut expression = "principal.b".to_owned();
        for _ in 0..10 + dice.roll(50) {
            let (_, make) = EXPRESSIONS[dice.roll(EXPRESSIONS.len())];
            let around = make(1 + dice.roll(3));
            let leaf = ["principal.b", "principal.n", "true", "1"][dice.roll(4)];
            let inner = if dice.roll(2) == 0 { format!("({expression})") } else { expression.clone() };
            let grown = around.replacen(leaf, &inner, 1);
            if gate::policy_text(&policy(&grown)).is_ok() {
                expression = grown;
            }
        }
        let outcome = alike(&policy(&expression));
        accepted += usize::from(outcome.contains("Evaluation"));
        check_height(&policy(&expression));
    }
    println!("{accepted} of {RUNS} parsed");
    assert!(accepted > 10, "{accepted}");
}

/// The bound from the tokens is never below the height of Cedar's tree.
fn check_height(text: &str) {
    fn height(expression: &serde_json::Value) -> usize {
        let Some((operator, operands)) = expression.as_object().and_then(|object| object.iter().next()) else {
            return 0;
        };
        // `>` and `is … in` are one operator in JSON, and two operators in Cedar's tree.
        let own = match operator.as_str() {
            "Value" | "Var" => return 0,
            "!=" | ">" | ">=" => 2,
            "is" if operands.get("in").is_some() => 2,
            _ => 1,
        };
        let fields = operands.as_object().into_iter().flatten();
        let fields = fields.filter(|(key, _)| operator == "Record" || !["attr", "pattern"].contains(&key.as_str()));
        let items = operands.as_array().into_iter().flatten();
        own + fields.map(|(_, value)| value).chain(items).map(height).max().unwrap_or_default()
    }
    let Ok(gate::Gated { height: bound, .. }) = gate::policy_text(text) else { return };
    let Ok(parsed) = ParsedPolicy::parse(text) else { return };
    for statement in parsed.statements() {
        let statement = statement.policy().clone();
        let tree = on_thread(64 * 1024 * KIB, move || {
            let json = statement.to_json().unwrap();
            json["conditions"]
                .as_array()
                .unwrap()
                .iter()
                .map(|clause| height(&clause["body"]))
                .max()
                .unwrap_or_default()
        });
        assert!(bound >= tree + 3, "{bound} {tree} {text}");
    }
}
