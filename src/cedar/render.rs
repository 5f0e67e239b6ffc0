//! Derives one representation of a policy from the other: text from JSON, and JSON from text. Checks that both mean the
//! same and that each is accepted as input.
//!
//! Does not know schemas.

use cedar_policy::{Policy, PolicyId, PolicySet};
use serde_json::Value;

use super::diagnose::chain;
use super::shape::{JSON, Problem, invalid};
use super::stack::{PARSE, on_grown_stack};
use super::{canonical, gate, json, nesting, outline, parse};
use crate::types::error::{Error, ErrorDetail, Result, SourcePlace, at_most, cut};
use crate::types::limits;

const UNFAITHFUL: &str = "policy";

/// The number of conversions there and back after which text and JSON must be stable. Cedar's printer and parser agree
/// after the first one, except for notations such as `1 + (-2)`.
const ROUNDS: usize = 4;

/// The text of a policy set or of one policy in JSON: the static policies in order, with a blank line between them.
pub(super) fn text_from_json(source: &str) -> Result<String> {
    json::policy(JSON, source, limits::POLICY_JSON_LARGEST_BYTES)?;
    on_grown_stack(PARSE, JSON, || render(source))?
}

/// Checks the size of a given text. A text over the limit is accepted if it is as Cedar prints it: the store may have
/// rendered it from JSON, and must accept the text that it returns.
pub(super) fn given_text(source: &str) -> Result<&str> {
    if let Err(too_large) = at_most("bytes of policy text", source.len(), limits::POLICY_TEXT_BYTES)
        && (source.len() > limits::POLICY_TEXT_PRINTED_BYTES || !is_as_printed(source))
    {
        return Err(too_large);
    }
    Ok(source)
}

/// The bytes of a printed text without the white space and round brackets that Cedar adds. So a dense text does not
/// exceed the limit after printing.
fn dense_bytes(printed: &str) -> usize {
    let (mut in_string, mut escaped) = (false, false);
    let counts = |byte: u8| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ => {}
        }
        in_string || !(byte.is_ascii_whitespace() || byte == b'(' || byte == b')')
    };
    printed.bytes().map(counts).filter(|counts| *counts).count()
}

fn is_as_printed(source: &str) -> bool {
    let printed = || -> Result<String> {
        gate::policy_text(source)?;
        on_grown_stack(PARSE, "policy", || derive(source, &parse::statements(source)?))?.map(|(_, printed)| printed)
    };
    printed().is_ok_and(|printed| printed == source)
}

/// Refuses JSON that is larger than its policy needs.
pub(super) fn check_size(source: &str, derived: &str) -> Result<()> {
    at_most("bytes of policy JSON", source.len(), limits::POLICY_JSON_BYTES.max(2 * derived.len()))
}

fn render(source: &str) -> Result<String> {
    let outline = outline::read(source)?;
    // The outline wraps a single policy in a set, which adds levels.
    json::depth(JSON, &outline.source)?;
    let set = PolicySet::from_json_str(&outline.source).map_err(|error| refused(&outline.source, &chain(&error)))?;
    // Cedar drops unexpected parts, such as a statement without slots among the templates.
    if set.policies().count() != outline.keys.len() || set.templates().next().is_some() {
        return Err(invalid("cedar reads a different number of statements".to_owned()));
    }
    let mut texts = Vec::with_capacity(outline.keys.len());
    let mut expected = Vec::with_capacity(outline.keys.len());
    for key in &outline.keys {
        let given =
            set.policy(&PolicyId::new(key)).ok_or_else(|| invalid(format!("cedar does not read statement `{key}`")))?;
        let named = with_id(key, given)?;
        texts.push(named.to_string());
        expected.push(named);
    }
    let text = joined(&texts, None)?;
    gate::policy_text(&text).map_err(without_place)?;
    let rendered = parse::statements(&text).map_err(|error| not_printed(&outline.keys, &texts, &error))?;
    same_statements(&expected, &rendered)?;
    Ok(text)
}

/// The error for statements that Cedar prints as text that it cannot parse, such as a name that is a keyword.
fn not_printed(keys: &[String], texts: &[String], error: &Error) -> Error {
    let refused = |text: &&String| gate::policy_text(text).and_then(|_| parse::statements(text)).is_err();
    let found = keys.iter().zip(texts).find(|(_, text)| refused(text));
    let of = found.map(|(key, _)| format!("statement `{}`: ", cut(key))).unwrap_or_default();
    let messages: Vec<_> = match error.detail() {
        ErrorDetail::Syntax { diagnostics, .. } => diagnostics.iter().map(|finding| finding.message.clone()).collect(),
        _ => vec![error.to_string()],
    };
    unfaithful(format!("{of}text printed by cedar does not parse: {}", messages.join("; ")))
}

/// The error for a policy set with correct structure that Cedar refuses. It names the statement, and does not name
/// Cedar's Rust types.
fn refused(set: &str, message: &str) -> Error {
    let alone = |key: &str, policy: &str| {
        let key = Value::String(key.to_owned());
        let set = format!(r#"{{"staticPolicies":{{{key}:{policy}}},"templates":{{}},"templateLinks":[]}}"#);
        PolicySet::from_json_str(set).err().map(|error| chain(&error))
    };
    let policies = outline::policies(set).unwrap_or_default();
    let found = policies.iter().find_map(|(key, policy)| alone(key, policy).map(|message| (key, message)));
    let (statement, message) = match &found {
        Some((key, message)) => (format!("statement `{}`: ", cut(key)), message.as_str()),
        None => (String::new(), message),
    };
    invalid(format!("{statement}{}", in_words(message)))
}

/// Cedar's message, without the parts that describe its JSON reader.
fn in_words(message: &str) -> String {
    const OF_THE_READER: [&str; 7] =
        ["variant", "untagged", "enum ", "struct ", "tuple ", "newtype ", "error serializing/deserializing"];
    let message = message.strip_prefix("error deserializing a policy/template from JSON: ").unwrap_or(message);
    let unknown = message.split_once("unknown variant `").and_then(|(_, rest)| rest.split_once('`'));
    match unknown {
        Some((name, _)) => format!("unknown operator or function `{}`", cut(name)),
        None => match message.split_once("invalid id `") {
            Some((_, rest)) => format!("invalid name `{}", rest.split(" at line ").next().unwrap_or(rest)),
            None if OF_THE_READER.iter().any(|word| message.contains(word)) => "not a Cedar policy".to_owned(),
            None => message.split_whitespace().collect::<Vec<_>>().join(" "),
        },
    }
}

/// The policy with its key as the annotation `@id`, unless the key is one that Cedar generates.
fn with_id(key: &str, policy: &Policy) -> Result<Policy> {
    let numbers = |n: &str| n.bytes().all(|b| b.is_ascii_digit()) && (n == "0" || !n.starts_with('0'));
    let made_up = key.strip_prefix("policy").is_some_and(|n| !n.is_empty() && numbers(n));
    match policy.annotation("id") {
        _ if made_up => return Ok(policy.clone()),
        Some(annotation) if annotation == key => return Ok(policy.clone()),
        Some(annotation) => {
            return Err(ErrorDetail::ConflictingId { key: key.to_owned(), annotation: annotation.to_owned() }.into());
        }
        None => {}
    }
    let mut value = policy.to_json().map_err(|error| unfaithful(chain(&error)))?;
    if let Some(entries) = value.as_object_mut() {
        let annotations = entries.entry("annotations").or_insert_with(|| serde_json::json!({}));
        if let Some(annotations) = annotations.as_object_mut() {
            annotations.insert("id".to_owned(), key.into());
        }
    }
    let named = Policy::from_json(Some(policy.id().clone()), value).map_err(|error| unfaithful(chain(&error)))?;
    if named.annotation("id") != Some(key) {
        return Err(unfaithful(format!("key `{key}` cannot be stored as an `@id` annotation")));
    }
    Ok(named)
}

/// The JSON of a text's statements: a policy set with `policy0`, `policy1`… in order, in deterministic bytes. It is
/// accepted as input, and so is every text and JSON derived from it.
pub(super) fn json_from_statements(text: &str, statements: &[Policy]) -> Result<String> {
    on_grown_stack(PARSE, "policy", || {
        let (json, mut printed) = derive(text, statements)?;
        let (mut from, mut last) = (text.to_owned(), json.clone());
        for _ in 0..ROUNDS {
            if printed == from {
                return Ok(json);
            }
            let again = reparsed(&printed, statements)?;
            if whole(&printed, &again)? == last {
                return Ok(json);
            }
            from = printed;
            (last, printed) = derive(&from, &again)?;
        }
        Err(unfaithful("text and JSON do not convert into each other".to_owned()))
    })?
}

/// Parses a text that Cedar has printed, and compares its statements with the expected ones.
fn reparsed(printed: &str, expected: &[Policy]) -> Result<Vec<Policy>> {
    let printed_so = |error: Error| unfaithful(format!("text printed by cedar is refused: {error}"));
    gate::policy_text(printed).map_err(printed_so)?;
    let statements = parse::statements(printed).map_err(printed_so)?;
    same_statements(expected, &statements).map(|()| statements)
}

/// The JSON of a text's statements, and the text that Cedar prints from this JSON.
fn derive(text: &str, statements: &[Policy]) -> Result<(String, String)> {
    let json = whole(text, statements)?;
    let set = PolicySet::from_json_str(&json).map_err(|error| unfaithful(chain(&error)))?;
    let read = (0..statements.len()).filter_map(|number| set.policy(&PolicyId::new(format!("policy{number}"))));
    let read: Vec<_> = read.cloned().collect();
    same_statements(statements, &read)?;
    let printed: Vec<_> = read.iter().map(Policy::to_string).collect();
    Ok((json, joined(&printed, Some(text))?))
}

/// The JSON of a text's statements, within the limits of input JSON.
fn whole(text: &str, statements: &[Policy]) -> Result<String> {
    let mut json = String::from(r#"{"staticPolicies":{"#);
    for (number, statement) in statements.iter().enumerate() {
        let value = statement.to_json().map_err(|error| unfaithful(error.to_string()))?;
        let policy = canonical::to_string(&value).map_err(|error| unfaithful(error.to_string()))?;
        let depth = json::nesting(&policy) + AROUND_POLICY;
        if depth > limits::JSON_DEPTH {
            return Err(nesting::too_deep_in_json(text, number, depth));
        }
        outline::check(&value).map_err(|problem| match problem {
            Problem::Has(actual) => nesting::has_too_deep(text, number, actual),
            problem => problem.of(&format!("policy{number}")),
        })?;
        let comma = if number == 0 { "" } else { "," };
        json.push_str(&format!(r#"{comma}"policy{number}":{policy}"#));
    }
    json.push_str(r#"},"templates":{},"templateLinks":[]}"#);
    at_most("bytes of derived policy JSON", json.len(), limits::POLICY_JSON_DERIVED_BYTES)?;
    Ok(json)
}

/// The levels of JSON around a policy in a set.
const AROUND_POLICY: usize = 2;

/// Joins statements into one text. `given` is the source text, for the place in an error.
fn joined(statements: &[String], given: Option<&str>) -> Result<String> {
    let text = statements.join("\n\n");
    let dense = dense_bytes(&text);
    if dense <= limits::POLICY_TEXT_BYTES && text.len() <= limits::POLICY_TEXT_PRINTED_BYTES {
        return Ok(text);
    }
    let largest =
        statements.iter().enumerate().max_by_key(|(number, statement)| (statement.len(), usize::MAX - number));
    let statement = largest.map_or(0, |(number, _)| number);
    let place = given.and_then(|text| nesting::start_of(text, statement).map(|at| SourcePlace::new(text, at, 1)));
    let statement = u32::try_from(statement).unwrap_or(u32::MAX);
    Err(ErrorDetail::PrintedTooLarge { statement, place, limit: limits::POLICY_TEXT_BYTES, actual: dense }.into())
}

/// The error without its place, for a text that Cedar has printed and the caller does not have.
fn without_place(error: Error) -> Error {
    match error.detail() {
        &ErrorDetail::ExpressionTooDeep { statement, what, actual, limit, advice, .. } => {
            ErrorDetail::ExpressionTooDeep { statement, place: None, what, actual, limit, advice }.into()
        }
        _ => error,
    }
}

/// Compares statements as Cedar's syntax trees, without ids and places.
fn same_statements(expected: &[Policy], actual: &[Policy]) -> Result<()> {
    if expected.len() != actual.len() {
        return Err(unfaithful(format!("number of statements changes from {} to {}", expected.len(), actual.len())));
    }
    for (number, (expected, actual)) in expected.iter().zip(actual).enumerate() {
        if *expected != actual.new_id(expected.id().clone()) {
            return Err(unfaithful(format!("statement {number} changes")));
        }
    }
    Ok(())
}

fn unfaithful(reason: String) -> Error {
    ErrorDetail::Unfaithful { what: UNFAITHFUL, reason }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: &str = r#""principal":{"op":"All"},"action":{"op":"All"},"resource":{"op":"All"}"#;

    fn policy_set(members: &str) -> String {
        format!(r#"{{"staticPolicies":{{{members}}},"templates":{{}},"templateLinks":[]}}"#)
    }

    fn member(key: &str, body: &str) -> String {
        format!(r#""{key}":{{"effect":"permit",{ANY},"conditions":[{{"kind":"when","body":{body}}}]}}"#)
    }

    fn code(json: &str) -> &'static str {
        text_from_json(json).map_or_else(|error| error.code(), |_| "ok")
    }

    #[test]
    fn policies_are_rendered_in_their_order_with_a_blank_line_between() {
        let members = [member("policy1", r#"{"Value":true}"#), member("policy0", r#"{"Value":false}"#)].join(",");
        let text = text_from_json(&policy_set(&members)).unwrap();
        let expected = "permit(principal, action, resource) when { true };\n\n\
                        permit(principal, action, resource) when { false };";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_key_of_its_own_is_kept_as_an_id() {
        let text = text_from_json(&policy_set(&member("a \\\"b\\\"\\n\u{e9}", r#"{"Value":true}"#))).unwrap();
        let parsed = parse::statements(&text).unwrap();
        assert_eq!(parsed[0].annotation("id"), Some("a \"b\"\n\u{e9}"), "{text}");
        let annotated = |id: &str| {
            let member = member("mine", r#"{"Value":true}"#);
            policy_set(&member.replace(r#""effect""#, &format!(r#""annotations":{{"id":"{id}"}},"effect""#)))
        };
        assert_eq!((code(&annotated("mine")), code(&annotated("yours"))), ("ok", "conflicting_id"));
        assert_eq!(text_from_json(&annotated("mine")).unwrap().matches("@id").count(), 1);
        for key in ["policy", "policy-1", "Policy0", "policy0x", "policy00", "policy01", ""] {
            let text = text_from_json(&policy_set(&member(key, r#"{"Value":true}"#))).unwrap();
            assert!(text.starts_with(&format!("@id(\"{key}\")\n")), "{text}");
        }
    }

    #[test]
    fn all_three_keys_are_required_and_templates_and_links_are_refused() {
        let template = format!(r#"{{"effect":"forbid",{ANY},"conditions":[]}}"#);
        let with = |templates: &str, links: &str| {
            let member = member("policy0", r#"{"Value":true}"#);
            format!(r#"{{"staticPolicies":{{{member}}},"templates":{templates},"templateLinks":{links}}}"#)
        };
        // Cedar accepts the first of these and drops the `forbid`.
        assert_eq!(code(&with(&format!(r#"{{"t":{template}}}"#), "[]")), "template");
        assert_eq!(code(&with("{}", "[{}]")), "template_links");
        assert_eq!(code(&with("{}", "[]")), "ok");
        assert_eq!(code(&policy_set("")), "empty_policy");
        for json in [r#"{"staticPolicies":{}}"#, "{}", "[]", "null", r#"{"effect":"permit"}"#] {
            assert_eq!(code(json), "json", "{json}");
        }
        let slot =
            member("policy0", r#"{"Value":true}"#).replacen(r#"{"op":"All"}"#, r#"{"op":"==","slot":"?principal"}"#, 1);
        assert_eq!(code(&policy_set(&slot)), "template");
    }

    #[test]
    fn duplicate_keys_are_refused_wherever_they_are() {
        let one = member("policy0", r#"{"Value":true}"#);
        assert_eq!(code(&policy_set(&format!("{one},{one}"))), "json");
        assert_eq!(
            code(&policy_set(&one.replace(r#""effect":"permit""#, r#""effect":"forbid","effect":"permit""#))),
            "json"
        );
        assert_eq!(code(&policy_set(&member("policy0", r#"{"Record":{"a":{"Value":1},"a":{"Value":2}}}"#))), "json");
    }

    #[test]
    fn json_as_high_as_the_limit_is_accepted_from_both_sides() {
        let nested = |n: usize| {
            let (open, close) = (r#"{"||":{"right":{"Value":false},"left":"#.repeat(n), "}}".repeat(n));
            policy_set(&member("policy0", &format!(r#"{open}{{"Value":true}}{close}"#)))
        };
        let highest = (0..).take_while(|n| json::depth("test", &nested(*n)).is_ok()).last().unwrap();
        let text = text_from_json(&nested(highest)).unwrap();
        let derived = json_from_statements(&text, &parse::statements(&text).unwrap()).unwrap();
        assert_eq!(text_from_json(&derived).unwrap(), text);
        assert_eq!(code(&nested(highest + 1)), "too_deep");
        assert!(highest >= 50, "{highest}");
    }

    #[test]
    fn many_clauses_in_json_are_refused_before_cedar_joins_them() {
        let clauses = [r#"{"kind":"when","body":{"Set":[]}}"#; 200].join(",");
        let json = policy_set(&format!(r#""p":{{"effect":"permit",{ANY},"conditions":[{clauses}]}}"#));
        assert_eq!(code(&json), "too_large");
    }

    #[test]
    fn the_bytes_of_the_derived_json_are_pinned() {
        let text = "@id(\"x\") permit(principal is U in G::\"g\", action in [Action::\"1\", Action::\"0\"], resource) \
                    when { {b: 1, a: -2}.a < 3 && principal has b.c } unless { \"a*\" like \"a\\**\" };";
        let json = json_from_statements(text, &parse::statements(text).unwrap()).unwrap();
        let expected = concat!(
            r#"{"staticPolicies":{"policy0":{"action":{"entities":[{"id":"1","type":"Action"},"#,
            r#"{"id":"0","type":"Action"}],"op":"in"},"annotations":{"id":"x"},"conditions":[{"body":{"&&":{"left":"#,
            r#"{"<":{"left":{".":{"attr":"a","left":{"Record":{"a":{"Value":-2},"b":{"Value":1}}}}},"right":"#,
            r#"{"Value":3}}},"right":{"has":{"attr":["b","c"],"left":{"Var":"principal"}}}}},"kind":"when"},"#,
            r#"{"body":{"like":{"left":{"Value":"a*"},"pattern":[{"Literal":"a"},{"Literal":"*"},"Wildcard"]}},"#,
            r#""kind":"unless"}],"effect":"permit","principal":{"entity_type":"U","in":{"entity":{"id":"g","type":"G"}},"#,
            r#""op":"is"},"resource":{"op":"All"}}},"templates":{},"templateLinks":[]}"#
        );
        assert_eq!(json, expected);
    }
}
