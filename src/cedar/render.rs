//! The other representation of a policy: text from JSON, and JSON from text, each proven to mean the same.
//!
//! Whether a policy fits a schema is not asked here.

use std::fmt;
use std::marker::PhantomData;

use cedar_policy::{Policy, PolicyId, PolicySet};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::diagnose::chain;
use super::stack::{PARSE, on_grown_stack};
use super::{canonical, gate, json, policy};
use crate::error::{ErrorDetail, Result, at_most};
use crate::limits;

const JSON: &str = "policy JSON";
const UNFAITHFUL: &str = "policy";

/// The text of a whole policy set given as JSON: its static policies in order, a blank line between them.
pub(super) fn text_from_json(source: &str) -> Result<String> {
    at_most("bytes of policy JSON", source.len(), limits::POLICY_JSON_BYTES)?;
    json::json(JSON, source, limits::POLICY_JSON_BYTES)?;
    on_grown_stack(PARSE, JSON, || render(source))?
}

fn render(source: &str) -> Result<String> {
    let invalid = |message: String| ErrorDetail::Json { what: JSON, message };
    let outline: Outline = serde_json::from_str(source).map_err(|error| invalid(error.to_string()))?;
    outline.check()?;
    let set = PolicySet::from_json_str(source).map_err(|error| invalid(chain(&error)))?;
    let keys: Vec<_> = outline.static_policies.0.into_iter().map(|(key, _)| key).collect();
    // Cedar drops what it does not expect, such as a statement without slots among the templates.
    if set.policies().count() != keys.len() || set.templates().next().is_some() {
        return Err(invalid("cedar does not see as many statements as there are".to_owned()).into());
    }
    let mut texts = Vec::with_capacity(keys.len());
    let mut expected = Vec::with_capacity(keys.len());
    for key in keys {
        let given = set.policy(&PolicyId::new(&key)).ok_or_else(|| invalid(format!("`{key}` got lost")))?;
        let named = with_id(&key, given)?;
        texts.push(named.to_string());
        expected.push(named);
    }
    let text = texts.join("\n\n");
    gate::policy_text(&text)?;
    let rendered = policy::statements(&text).map_err(|error| unfaithful(error.to_string()))?;
    same_statements(&expected, &rendered)?;
    Ok(text)
}

/// The policy with its key kept as `@id`, unless Cedar made up the key.
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
    let failed = |error: &dyn std::error::Error| ErrorDetail::Json { what: JSON, message: chain(error) };
    let mut value = policy.to_json().map_err(|error| failed(&error))?;
    if let Some(entries) = value.as_object_mut() {
        let annotations = entries.entry("annotations").or_insert_with(|| serde_json::json!({}));
        if let Some(annotations) = annotations.as_object_mut() {
            annotations.insert("id".to_owned(), key.into());
        }
    }
    let named = Policy::from_json(Some(policy.id().clone()), value).map_err(|error| failed(&error))?;
    if named.annotation("id") != Some(key) {
        return Err(unfaithful(format!("`{key}` cannot be kept as an `@id`")));
    }
    Ok(named)
}

/// The JSON of statements as a whole policy set: `policy0`, `policy1`… in order, always the same bytes.
pub(super) fn json_from_statements(statements: &[Policy]) -> Result<String> {
    on_grown_stack(PARSE, "policy", || derive(statements))?
}

fn derive(statements: &[Policy]) -> Result<String> {
    let mut json = String::from(r#"{"staticPolicies":{"#);
    for (number, statement) in statements.iter().enumerate() {
        let value = statement.to_json().map_err(|error| unfaithful(error.to_string()))?;
        let value = canonical::to_string(&value).map_err(|error| unfaithful(error.to_string()))?;
        let comma = if number == 0 { "" } else { "," };
        json.push_str(&format!(r#"{comma}"policy{number}":{value}"#));
    }
    json.push_str(r#"},"templates":{},"templateLinks":[]}"#);
    at_most("bytes of derived policy JSON", json.len(), limits::OBJECT_BYTES)?;
    json::depth("derived policy JSON", &json)?;
    let set = PolicySet::from_json_str(&json).map_err(|error| unfaithful(chain(&error)))?;
    let read = (0..statements.len()).filter_map(|number| set.policy(&PolicyId::new(format!("policy{number}"))));
    same_statements(statements, &read.cloned().collect::<Vec<_>>())?;
    Ok(json)
}

/// Compares statements as Cedar's syntax trees; their ids and places do not count.
fn same_statements(expected: &[Policy], actual: &[Policy]) -> Result<()> {
    if expected.len() != actual.len() {
        return Err(unfaithful(format!("{} statements become {}", expected.len(), actual.len())));
    }
    for (number, (expected, actual)) in expected.iter().zip(actual).enumerate() {
        if *expected != actual.new_id(expected.id().clone()) {
            return Err(unfaithful(format!("statement {number} becomes a different one")));
        }
    }
    Ok(())
}

fn unfaithful(reason: String) -> crate::error::Error {
    ErrorDetail::Unfaithful { what: UNFAITHFUL, reason }.into()
}

/// What a policy set in JSON holds, by its keys.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Outline {
    static_policies: Members<Clauses>,
    templates: Members<IgnoredAny>,
    template_links: Vec<IgnoredAny>,
}

impl Outline {
    fn check(&self) -> Result<()> {
        if let Some((id, _)) = self.templates.0.first() {
            return Err(ErrorDetail::Template { id: id.clone() }.into());
        }
        match self.template_links.len() {
            0 => {}
            count => return Err(ErrorDetail::TemplateLinks { count }.into()),
        }
        for (_, policy) in &self.static_policies.0 {
            // Cedar joins them into one expression, as high as there are clauses.
            at_most("clauses of a statement", policy.conditions.len(), limits::CEDAR_HEIGHT)?;
        }
        match self.static_policies.0.len() {
            0 => Err(ErrorDetail::EmptyPolicy.into()),
            count => at_most("statements of a policy", count, limits::POLICY_STATEMENTS),
        }
    }
}

/// As much of one policy as is needed to count its clauses.
#[derive(serde::Deserialize)]
struct Clauses {
    #[serde(default)]
    conditions: Vec<IgnoredAny>,
}

/// The members of an object, in order.
struct Members<T>(Vec<(String, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Members<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for MembersVisitor<T> {
            type Value = Members<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Members<T>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = entries.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(MembersVisitor(PhantomData))
    }
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
        let parsed = policy::statements(&text).unwrap();
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
        assert_eq!(code(&policy_set(&slot)), "json");
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
        let derived = json_from_statements(&policy::statements(&text).unwrap()).unwrap();
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
        let json = json_from_statements(&policy::statements(text).unwrap()).unwrap();
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
