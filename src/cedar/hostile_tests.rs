//! Hostile inputs, each in a process of its own: whatever is given, the process ends normally, on every thread; and
//! what is accepted is validated, converted and decided alike on a small stack and on a large one.
//!
//! The failures defended against are an abort in Cedar's parser, and a decision that depends on the thread, as Cedar's
//! evaluator leaves out a `forbid` when the stack is nearly used up.

use std::process::Command;
use std::sync::Arc;

use super::*;
use crate::limits;
use crate::model::Form;

const CHILD: &str = "POLICY_STORE_HOSTILE_CHILD";
const KIB: usize = 1024;

const SCHEMA: &str = "entity U in [G] { b: Bool, n: Long, s: String, u: U, g: Set<Long>, o?: U } tags String; entity G;
    action a appliesTo { principal: U, resource: U, context: { b: Bool, v?: Set<Long> } };";
const ENTITIES: &str = r#"[{"uid":{"type":"U","id":"x"},"parents":[{"type":"G","id":"g"}],
    "attrs":{"b":true,"n":1,"s":"s","u":{"type":"U","id":"x"},"g":[1]}}]"#;

/// A kind of input: its name, and how it is made in a given size.
type Kind = (&'static str, fn(usize) -> String);

/// Expressions, each with a size that can grow.
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

fn wrap(open: &str, inner: &str, close: &str, n: usize) -> String {
    format!("{}{inner}{}", open.repeat(n), close.repeat(n))
}

/// A `forbid` that a permit-all must not win against because the stack was small.
fn policy(expression: &str) -> String {
    format!("permit(principal, action, resource); forbid(principal, action, resource) when {{ {expression} }};")
}

/// Runs `job` on a new thread.
fn on_thread<T: Send + 'static>(stack: usize, job: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::Builder::new().stack_size(stack).spawn(job).unwrap().join().unwrap()
}

/// Everything that can be done with a policy text; what comes out must not depend on the thread.
fn exercise(text: &str) -> String {
    let schema = ParsedSchema::parse(Form::Cedar, SCHEMA).unwrap();
    let prepared = prepare_policy(Form::Cedar, text, &schema, "s");
    if let Ok(content) = &prepared {
        let again = prepare_policy(Form::Json, &content.json, &schema, "s").map(|again| again.json);
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

/// On a small stack, on one of 2 MiB, on this thread and on a large one.
fn alike(text: &str) -> String {
    let jobs = [256 * KIB, 2048 * KIB, 64 * 1024 * KIB].map(|stack| {
        let text = text.to_owned();
        on_thread(stack, move || exercise(&text))
    });
    let here = exercise(text);
    assert!(jobs.iter().all(|job| *job == here), "{jobs:?} {here}");
    here
}

/// Runs the test `name` again as a process of its own, with `input` to work on.
fn in_child(name: &str, input: &str) {
    let path = format!("cedar::hostile_tests::{name}");
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &path, "--nocapture", "--test-threads=1"])
        .env(CHILD, input)
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&child.stdout), String::from_utf8_lossy(&child.stderr));
    assert!(child.status.success(), "{name} {input}: {}\n{out}\n{err}", child.status);
}

fn child_input() -> Option<String> {
    std::env::var(CHILD).ok()
}

/// The largest size up to `most` that is accepted, where all above it are refused.
fn boundary(most: usize, accepts: impl Fn(usize) -> bool) -> usize {
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
            in_child("the_largest_accepted_expression_of_each_kind_works_on_every_thread", name);
        }
        return;
    };
    let (_, make) = EXPRESSIONS.iter().find(|(name, _)| *name == input).unwrap();
    let gated = boundary(300, |n| gate::policy_text(&policy(&make(n))).is_ok());
    let schema = ParsedSchema::parse(Form::Cedar, SCHEMA).unwrap();
    let stored = boundary(gated, |n| {
        prepare_policy(Form::Cedar, &policy(&make(n)), &schema, "s")
            .err()
            .is_none_or(|error| error.code() != "too_deep")
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
    // Without optimisation, Cedar's parser takes seconds for the longest.
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
        (0..TOKENS.len()).for_each(|n| in_child("text_of_one_kind_of_token_ends_normally", &n.to_string()));
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

fn schema_outcome(text: &str) -> String {
    let parsed = ParsedSchema::parse(Form::Cedar, text).map_or_else(|error| error.code(), |_| "ok");
    let converted = convert_schema(Form::Cedar, text);
    if let Ok(json) = &converted {
        assert!(ParsedSchema::parse(Form::Json, json).is_ok());
        assert!(convert_schema(Form::Json, json).is_ok_and(|back| !back.is_empty() || json == "{}"), "{json}");
    }
    format!("{parsed} {}", converted.map_or_else(|error| error.code(), |_| "ok"))
}

#[test]
fn the_largest_accepted_schema_of_each_kind_works_on_every_thread() {
    const SCHEMAS: &[Kind] = &[
        ("sets", |n| format!("entity E {{ a: {} }};", wrap("Set<", "Long", ">", n))),
        ("records", |n| format!("entity E {{ a: {} }};", wrap("{a: ", "Long", "}", n))),
        ("mixed", |n| format!("entity E {{ a: {} }};", wrap("Set<{a: ", "Long", "}>", n))),
        ("references", |n| {
            let links: String = (1..=n).map(|n| format!("type T{n} = {{a: T{}}};", n - 1)).collect();
            format!("type T0 = Long; {links} entity E {{ a: T{n} }};")
        }),
        ("setreferences", |n| {
            let links: String = (1..=n).map(|n| format!("type T{n} = Set<T{}>;", n - 1)).collect();
            format!("type T0 = Long; {links} entity E {{ a: T{n} }};")
        }),
        ("names", |n| format!("namespace {}N {{ entity E; }}", "N::".repeat(n))),
        ("entitychain", |n| {
            let links: String = (1..=n).map(|n| format!("entity E{n} in E{};", n - 1)).collect();
            format!("entity E0; {links}")
        }),
        ("actionchain", |n| {
            let links: String = (1..=n).map(|n| format!("action E{n} in E{};", n - 1)).collect();
            format!("action E0; {links}")
        }),
        ("attributes", |n| format!("entity E {{ {} }};", (0..n).map(|n| format!("a{n}: Long,")).collect::<String>())),
        ("annotations", |n| format!("{} entity E;", (0..n).map(|n| format!("@a{n}(\"é\") ")).collect::<String>())),
    ];
    let Some(input) = child_input() else {
        for (name, _) in SCHEMAS {
            in_child("the_largest_accepted_schema_of_each_kind_works_on_every_thread", name);
        }
        return;
    };
    let (_, make) = SCHEMAS.iter().find(|(name, _)| *name == input).unwrap();
    let accepted = boundary(110, |n| ParsedSchema::parse(Form::Cedar, &make(n)).is_ok());
    let large: &[usize] = if cfg!(debug_assertions) { &[150] } else { &[500, 2_100, 4_000] };
    for n in [1, accepted, accepted + 1].iter().chain(large).copied() {
        let text = make(n);
        let outcomes = [256 * KIB, 2048 * KIB, 64 * 1024 * KIB].map(|stack| {
            let text = text.clone();
            on_thread(stack, move || schema_outcome(&text))
        });
        println!("{input}: accepted {accepted}, at {n}: {outcomes:?}");
        assert!(outcomes.iter().all(|outcome| *outcome == schema_outcome(&text)), "{outcomes:?}");
    }
}

#[test]
fn hostile_json_ends_normally_on_a_small_thread() {
    const KINDS: &[Kind] = &[
        ("arrays", |n| wrap("[", "1", "]", n)),
        ("objects", |n| wrap(r#"{"a":"#, "1", "}", n)),
        ("extensions", |n| wrap(r#"{"__extn":{"fn":"ip","arg":"#, "1", "}}", n)),
        ("wrongextensions", |n| wrap(r#"{"__extn":{"arg":"#, "1", r#","fn":1}}"#, n)),
        ("manyextensions", |n| wrap(r#"{"__extn":{"fn":"ip","args":["#, "1", "]}}", n)),
        ("entities", |n| wrap(r#"{"__entity":"#, "1", "}", n)),
        ("expressions", |n| wrap(r#"{"__expr":"#, "1", "}", n)),
        ("or", |n| wrap(r#"{"||":{"left":"#, r#"{"Value":true}"#, r#","right":{"Value":true}}}"#, n)),
        ("has", |n| wrap(r#"{"has":{"left":"#, r#"{"Var":"context"}"#, r#","attr":["a","b"]}}"#, n)),
        ("sets", |n| wrap(r#"{"Set":["#, r#"{"Value":1}"#, "]}", n)),
        ("values", |n| format!(r#"{{"Value":{}}}"#, wrap("[", "1", "]", n))),
        ("records", |n| wrap(r#"{"Record":{"a":"#, r#"{"Value":1}"#, "}}", n)),
        ("not", |n| wrap(r#"{"!":{"arg":"#, r#"{"Value":true}"#, "}}", n)),
        ("if", |n| {
            wrap(r#"{"if-then-else":{"then":{"Value":true},"else":{"Value":true},"if":"#, r#"{"Value":true}"#, "}}", n)
        }),
        ("calls", |n| wrap(r#"{"ip":["#, r#"{"Value":"::1"}"#, "]}", n)),
        ("settypes", |n| wrap(r#"{"type":"Set","element":"#, r#"{"type":"Long"}"#, "}", n)),
        ("recordtypes", |n| wrap(r#"{"type":"Record","attributes":{"a":"#, r#"{"type":"Long"}"#, "}}", n)),
        ("strings", |n| format!("\"{}", "\\u0000".repeat(n))),
        ("unended", |n| "[{\"a\":".repeat(n)),
        ("odd", |n| format!("\u{feff}{}\0é", "[]".repeat(n))),
    ];
    let Some(input) = child_input() else {
        for (name, _) in KINDS {
            in_child("hostile_json_ends_normally_on_a_small_thread", name);
        }
        return;
    };
    let (_, make) = KINDS.iter().find(|(name, _)| *name == input).unwrap();
    let step = if cfg!(debug_assertions) { 9 } else { 1 };
    for n in (1..64).step_by(step).chain([100, 110, 119, 120, 121, 1_000, 20_000]) {
        let json = make(n);
        let outcomes = [256 * KIB, 64 * 1024 * KIB].map(|stack| {
            let json = json.clone();
            on_thread(stack, move || json_outcomes(&json))
        });
        assert_eq!(outcomes[0], outcomes[1]);
    }
}

/// Puts a value wherever JSON is taken.
fn json_outcomes(value: &str) -> Vec<String> {
    let schema = ParsedSchema::parse(Form::Cedar, SCHEMA).unwrap();
    let code = |error: crate::error::Error| error.code().to_owned();
    let policy = format!(
        r#"{{"staticPolicies":{{"policy0":{{"effect":"forbid","principal":{{"op":"All"}},"action":{{"op":"All"}},
        "resource":{{"op":"All"}},"conditions":[{{"kind":"when","body":{value}}}]}}}},"templates":{{}},"templateLinks":[]}}"#
    );
    let policy = prepare_policy(Form::Json, &policy, &schema, "s").map(|content| exercise(&content.text));
    let context = schema.request("U::\"x\"", "Action::\"a\"", "U::\"x\"", &format!(r#"{{"b":true,"v":{value}}}"#));
    let entities =
        format!(r#"[{{"uid":{{"type":"U","id":"x"}},"parents":[],"attrs":{{"g":{value}}},"tags":{{"a":{value}}}}}]"#);
    let types = format!(r#"{{"":{{"entityTypes":{{"E":{{"tags":{value}}}}},"actions":{{}}}}}}"#);
    let converted = convert_schema(Form::Json, &types).map(|text| schema_outcome(&text));
    vec![
        policy.unwrap_or_else(code),
        context.map_or_else(code, |_| "ok".to_owned()),
        schema.entities(&entities).map_or_else(code, |_| "ok".to_owned()),
        schema.entities(value).map_or_else(code, |_| "ok".to_owned()),
        converted.unwrap_or_else(code),
    ]
}

#[test]
fn requests_of_every_depth_are_read_on_a_small_thread() {
    if child_input().is_none() {
        return in_child("requests_of_every_depth_are_read_on_a_small_thread", "deep");
    }
    // Cedar takes time that is quadratic and worse to print a deep record type.
    for (open, close, value, end, most) in [("Set<", ">", "[", "]", 60), ("{a: ", "}", r#"{"a":"#, "}", 8)] {
        for depth in [1, 2, 4, 8, 20, 40, 60].into_iter().filter(|depth| *depth <= most) {
            let of_type = wrap(open, "Long", close, depth);
            let schema = format!(
                "entity U in [U] {{ d?: {of_type} }};
                action a appliesTo {{ principal: U, resource: U, context: {{ d?: {of_type} }} }};"
            );
            let schema = Arc::new(ParsedSchema::parse(Form::Cedar, &schema).unwrap());
            let (fits, does_not) = (wrap(value, "1", end, depth), wrap(value, "true", end, depth));
            let parents = 256.min(depth * 4);
            on_thread(256 * KIB, move || {
                for (value, expected) in [(fits, "ok"), (does_not, "request")] {
                    let code = |error: crate::error::Error| error.code();
                    let request =
                        schema.request("U::\"x\"", "Action::\"a\"", "U::\"x\"", &format!(r#"{{"d":{value}}}"#));
                    assert_eq!(request.map_or_else(code, |_| "ok"), expected);
                    let entity = |n| {
                        format!(r#"{{"uid":{{"type":"U","id":"{n}"}},"parents":[{{"type":"U","id":"{}"}}],"#, n + 1)
                    };
                    let entities: Vec<_> =
                        (0..parents).map(|n| format!(r#"{}"attrs":{{"d":{value}}}}}"#, entity(n))).collect();
                    let entities = format!("[{}]", entities.join(","));
                    assert_eq!(schema.entities(&entities).map_or_else(code, |_| "ok"), expected);
                    schema.entities_as_given(&entities).unwrap();
                }
            });
        }
    }
}

#[test]
fn deep_values_are_compared_alike_on_every_thread() {
    if child_input().is_none() {
        return in_child("deep_values_are_compared_alike_on_every_thread", "deep");
    }
    let depth = limits::SCHEMA_DEPTH - 60;
    let schema = format!(
        "entity U {{ d: {} }}; action a appliesTo {{ principal: U, resource: U, context: {{ d: {} }} }};",
        wrap("Set<", "Long", ">", depth),
        wrap("Set<", "Long", ">", depth)
    );
    let decide = move || {
        let schema = ParsedSchema::parse(Form::Cedar, &schema).unwrap();
        let value = wrap("[", "1", "]", depth);
        let text = policy("context.d == principal.d && principal.d == resource.d && [context.d].contains(principal.d)");
        let parsed = ParsedPolicy::parse(text.as_str()).unwrap();
        parsed.validate(&schema, "p", "s").unwrap();
        let set = CompiledSet::assemble(vec![Arc::new(parsed)]);
        let entities = format!(r#"[{{"uid":{{"type":"U","id":"x"}},"attrs":{{"d":{value}}},"parents":[]}}]"#);
        let request = schema.request("U::\"x\"", "Action::\"a\"", "U::\"x\"", &format!(r#"{{"d":{value}}}"#)).unwrap();
        format!("{:?}", set.evaluate(&request, &schema.entities(&entities).unwrap()).unwrap())
    };
    let expected = on_thread(64 * 1024 * KIB, decide.clone());
    assert!(expected.contains("Deny") && expected.contains("errors: []"), "{expected}");
    assert_eq!(on_thread(256 * KIB, decide), expected);
}

/// A small generator, so that a failure can be repeated from its number.
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
        return in_child("random_expressions_near_the_limits_are_handled_alike", "0");
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

/// The bound from the tokens is never below the height of the tree that Cedar builds.
fn check_height(text: &str) {
    fn height(expression: &serde_json::Value) -> usize {
        let Some((operator, operands)) = expression.as_object().and_then(|object| object.iter().next()) else {
            return 0;
        };
        // In JSON, `>` is one operator, and so is `is … in`; in Cedar's tree they are two.
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

#[test]
fn an_entity_hierarchy_as_deep_as_allowed_works_on_a_small_thread() {
    if child_input().is_none() {
        return in_child("an_entity_hierarchy_as_deep_as_allowed_works_on_a_small_thread", "chain");
    }
    let chain = |n: usize| {
        let uid = |n: usize| format!(r#"{{"type":"T","id":"{n}"}}"#);
        let node = |n: usize| format!(r#"{{"uid":{},"attrs":{{}},"parents":[{}]}}"#, uid(n), uid(n + 1));
        format!("[{}]", (0..n).map(node).collect::<Vec<_>>().join(","))
    };
    on_thread(256 * KIB, move || {
        let schema = ParsedSchema::parse(Form::Cedar, "entity T in [T];").unwrap();
        assert_eq!(schema.entities(&chain(limits::ENTITY_DEPTH)).unwrap().iter().count(), limits::ENTITY_DEPTH);
        assert_eq!(schema.entities(&chain(100_000)).unwrap_err().code(), "too_large");
    });
}
