//! The statements of a policy text one by one: source, effect, annotations, and a hash of the content.
//!
//! The hash is that of Cedar's JSON form, so layout, comments and notation do not change it. Does not know which version a
//! text belongs to, and keeps nothing of Cedar's.

use std::collections::BTreeMap;

use cedar_policy::{Effect, Policy};
use serde_json::Value;

use super::stack::in_one_go;
use super::token::{Token, Tokens};
use super::{canonical, gate, parse};
use crate::types::error::{ErrorDetail, Result};
use crate::types::hash::Sha256;

const WHAT: &str = "policy";

/// One statement of a policy text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StatementText {
    /// Its Cedar text: from its annotations to its `;`, without comments before and after it.
    pub text: String,
    /// Its `@id` annotation, if it has one.
    pub id: Option<String>,
    /// Permit or forbid.
    pub effect: Effect,
    /// Its annotations by name. The value of an annotation without a value is empty.
    pub annotations: BTreeMap<String, String>,
    /// The SHA-256 of its JSON form, annotations included. Statements with the same one have the same content.
    pub sha: Sha256,
    /// The SHA-256 of its effect and scope: principal, action and resource.
    pub scope: Sha256,
}

/// The statements of a policy text, in source order.
///
/// # Errors
/// As from a new policy of this text: it does not pass the gate, or Cedar does not parse it.
pub(crate) fn statements(text: &str) -> Result<Vec<StatementText>> {
    in_one_go(WHAT, || read(text))?
}

/// Cedar's statements and their JSON live and end on the stack of the call.
fn read(text: &str) -> Result<Vec<StatementText>> {
    gate::policy_text(text)?;
    let policies = parse::statements(text)?;
    let sources = sources(text);
    if sources.len() != policies.len() {
        let message = format!("{} statements were parsed from {}", policies.len(), sources.len());
        return Err(failed(message));
    }
    sources.into_iter().zip(&policies).map(|(source, policy)| statement(source, policy)).collect()
}

fn statement(source: &str, policy: &Policy) -> Result<StatementText> {
    let json = policy.to_json().map_err(|error| failed(error.to_string()))?;
    let sha = |json: &Value| canonical::to_string(json).map(|text| Sha256::of(text.as_bytes()));
    let sha = |json: &Value| sha(json).map_err(|error| failed(error.to_string()));
    let scope = ["effect", "principal", "action", "resource"].map(|part| json.get(part).cloned().unwrap_or_default());
    Ok(StatementText {
        text: source.to_owned(),
        id: policy.annotation("id").map(str::to_owned),
        effect: policy.effect(),
        annotations: policy.annotations().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        sha: sha(&json)?,
        scope: sha(&Value::from(scope.to_vec()))?,
    })
}

/// The source of each statement of a text that Cedar parses.
fn sources(text: &str) -> Vec<&str> {
    let (mut open, mut start, mut sources) = (0_usize, None, Vec::new());
    for (at, token) in Tokens::new(text) {
        let from = *start.get_or_insert(at);
        match token {
            Token::Open(_) => open += 1,
            Token::Close(_) => open = open.saturating_sub(1),
            Token::Mark(mark @ ";") if open == 0 => {
                sources.extend(text.get(from..at + mark.len()));
                start = None;
            }
            _ => {}
        }
    }
    sources
}

fn failed(message: String) -> crate::types::error::Error {
    ErrorDetail::CedarFailed { what: WHAT, message }.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cedar::ParsedPolicy;
    use crate::types::limits;

    const PERMIT: &str = "permit(principal, action, resource);";

    fn sha(text: &str) -> Sha256 {
        let found = statements(text).unwrap();
        assert_eq!(found.len(), 1, "{text}");
        found[0].sha
    }

    #[test]
    fn each_statement_has_its_source_effect_and_annotations() {
        let text = "// before\n@id(\"a;\") @note // it ends; not\n permit (principal, action, resource)\n\
                    when { context.text == \"; }\" }; // after;\r\n\u{2003}forbid(principal, action, resource) \
                    unless { {a: 1}.a == 1 } ;// the end";
        let found = statements(text).unwrap();
        let sources: Vec<_> = found.iter().map(|statement| statement.text.as_str()).collect();
        let expected = [
            "@id(\"a;\") @note // it ends; not\n permit (principal, action, resource)\nwhen { context.text == \"; }\" };",
            "forbid(principal, action, resource) unless { {a: 1}.a == 1 } ;",
        ];
        assert_eq!(sources, expected);
        assert_eq!(found.iter().map(|s| s.effect).collect::<Vec<_>>(), [Effect::Permit, Effect::Forbid]);
        assert_eq!((found[0].id.as_deref(), found[1].id.as_deref()), (Some("a;"), None));
        let annotations: Vec<_> =
            found[0].annotations.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!((annotations, found[1].annotations.len()), (vec![("id", "a;"), ("note", "")], 0));
    }

    #[test]
    fn the_source_is_as_cedar_keeps_it() {
        let text = format!(
            "{PERMIT}\n\n@a(\"\u{e9}\")\n{PERMIT}// end\n  forbid(principal, action, resource) when {{ [1].contains(1) }};"
        );
        let kept = ParsedPolicy::parse(text.as_str()).unwrap();
        let kept: Vec<_> = kept.statements().iter().map(|statement| statement.policy().to_cedar().unwrap()).collect();
        let found: Vec<_> = statements(&text).unwrap().into_iter().map(|statement| statement.text).collect();
        assert_eq!((kept.len(), kept), (3, found));
    }

    #[test]
    fn the_hash_is_that_of_the_content() {
        let plain = sha("@a(\"1\") @b permit(principal, action, resource) when { context.x == \"a\" };");
        for same in [
            "@b\n@a(\"1\")\npermit(\n principal,\n action, // any\n resource\n) when { context[\"x\"] == \"\\u{61}\" };",
            "// x\n@a(\"1\") @b permit(principal,action,resource,)when{(context.x==\"a\")};",
        ] {
            assert_eq!(sha(same), plain, "{same}");
        }
        for other in [
            "@a(\"2\") @b permit(principal, action, resource) when { context.x == \"a\" };",
            "@a(\"1\") permit(principal, action, resource) when { context.x == \"a\" };",
            "@a(\"1\") @b forbid(principal, action, resource) when { context.x == \"a\" };",
            "@a(\"1\") @b permit(principal, action, resource) unless { context.x == \"a\" };",
            "@a(\"1\") @b permit(principal, action, resource) when { context.x == \"b\" };",
        ] {
            assert_ne!(sha(other), plain, "{other}");
        }
    }

    #[test]
    fn the_scope_is_without_conditions_and_annotations() {
        let scope = |text: &str| statements(text).unwrap()[0].scope;
        assert_eq!(scope("@id(\"a\") permit(principal, action, resource) when { true };"), scope(PERMIT));
        for other in [
            "forbid(principal, action, resource);",
            "permit(principal is U, action, resource);",
            "permit(principal, action == Action::\"a\", resource);",
            "permit(principal, action, resource in R::\"r\");",
        ] {
            assert_ne!(scope(other), scope(PERMIT), "{other}");
        }
    }

    /// The hash of a statement is not stored, but users may compare it between processes.
    #[test]
    fn the_hash_is_pinned() {
        let json = r#"{"action":{"op":"All"},"conditions":[],"effect":"permit","principal":{"op":"All"},"resource":{"op":"All"}}"#;
        assert_eq!(sha(PERMIT), Sha256::of(json.as_bytes()));
    }

    #[test]
    fn a_text_that_no_version_can_have_is_refused_as_there() {
        let code = |text: &str| statements(text).map_or_else(|error| error.code(), |_| "ok");
        assert_eq!(code(""), "empty_policy");
        assert_eq!(code("permit(principal, action, resource)"), "syntax");
        assert_eq!(code("permit(principal == ?principal, action, resource);"), "template");
        let when = |expression: &str| format!("permit(principal, action, resource) when {{ {expression} }};");
        assert_eq!(code(&when(&format!("{}true{}", "(".repeat(500), ")".repeat(500)))), "too_deep");
        assert_eq!(code(&when(&format!("{}true{}", "(".repeat(50), ")".repeat(50)))), "ok");
        assert_eq!(code(&PERMIT.repeat(limits::POLICY_STATEMENTS + 1)), "too_large");
    }
}
