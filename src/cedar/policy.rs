//! Parses, validates and prepares policies, with both representations to store.
//!
//! A policy here is the text of one policy version, with all its statements. Does not know ids, versions or stored
//! content.

use std::sync::Arc;

use cedar_policy::ffi::DetailedError;
use cedar_policy::{Effect, Policy, PolicyId, PolicySet, ValidationMode};

use super::gate::{self, Gated};
use super::schema::ParsedSchema;
use super::scope::Scope;
use super::stack::{PARSE, VALIDATE, in_one_go, on_grown_stack};
use super::{diagnose, parse, render};
use crate::types::error::{Diagnostic, ErrorDetail, Result};
use crate::types::limits;
use crate::types::syntax::Syntax;

/// The content of a policy version.
#[derive(Debug)]
pub(crate) struct PolicyContent {
    /// The Cedar text: as given, or rendered from the given JSON.
    pub text: Arc<str>,
    /// The derived JSON: a policy set with `policy0`, `policy1`… in source order.
    pub json: Arc<str>,
    /// The number of statements.
    pub statements: u32,
    /// Cedar's warnings.
    pub warnings: Vec<Diagnostic>,
}

/// Validates a new policy against a schema, and makes both of its representations. Returns its statements, too.
pub(crate) fn prepare_policy(
    syntax: Syntax,
    source: &str,
    schema: &ParsedSchema,
    schema_name: &str,
) -> Result<(PolicyContent, ParsedPolicy)> {
    in_one_go("policy", || prepare(syntax, source, schema, schema_name))?
}

fn prepare(
    syntax: Syntax,
    source: &str,
    schema: &ParsedSchema,
    schema_name: &str,
) -> Result<(PolicyContent, ParsedPolicy)> {
    let text: Arc<str> = match syntax {
        Syntax::Cedar => render::given_text(source)?.into(),
        Syntax::Json => render::text_from_json(source)?.into(),
    };
    let parsed = ParsedPolicy::parse(text.clone())?;
    let policies: Vec<_> = parsed.statements.iter().map(|statement| statement.policy.clone()).collect();
    let json = render::json_from_statements(&text, &policies)?;
    if syntax == Syntax::Json {
        render::check_size(source, &json)?;
    }
    let warnings = parsed.validate(schema, "policy", schema_name)?;
    let statements = u32::try_from(parsed.statements.len()).unwrap_or(u32::MAX);
    Ok((PolicyContent { text, json: json.into(), statements, warnings }, parsed))
}

/// The representations alone, for tests.
#[cfg(test)]
pub(super) fn content_of(
    syntax: Syntax,
    source: &str,
    schema: &ParsedSchema,
    schema_name: &str,
) -> Result<PolicyContent> {
    prepare_policy(syntax, source, schema, schema_name).map(|(content, _)| content)
}

/// The size of texts that are joined for one parse. Each statement keeps the joined text in memory.
const JOINED_BYTES: usize = 16 * 1024;

/// A policy text that Cedar has parsed: static statements only, at least one.
#[derive(Debug)]
pub(crate) struct ParsedPolicy {
    text: Arc<str>,
    /// The offset of the text in the joined text that Cedar parsed.
    start: usize,
    statements: Vec<Statement>,
    height: usize,
    tokens: usize,
}

/// One statement of a policy.
#[derive(Debug)]
pub(super) struct Statement {
    policy: Policy,
    scope: Arc<Scope>,
}

impl Statement {
    fn new(policy: Policy) -> Self {
        Self { scope: Arc::new(Scope::of(&policy)), policy }
    }

    /// Cedar's policy, with the id `policy` and the statement's number.
    pub(super) fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The statement's scope.
    pub(super) fn scope(&self) -> &Arc<Scope> {
        &self.scope
    }
}

impl ParsedPolicy {
    /// Parses a text into statements in source order.
    pub(crate) fn parse(text: impl Into<Arc<str>>) -> Result<Self> {
        let text = text.into();
        let Gated { height, tokens, .. } = gate::policy_text(&text)?;
        let statements = on_grown_stack(PARSE, "policy", || parse::statements(&text))??;
        let statements = statements.into_iter().map(Statement::new).collect();
        Ok(Self { text, start: 0, statements, height, tokens })
    }

    /// Parses many texts. Each result is as from [`parse`](Self::parse). Short texts are joined, because a call of
    /// Cedar costs more than a short text.
    pub(crate) fn parse_many(texts: &[Arc<str>]) -> Vec<Result<Self>> {
        let mut parsed = Vec::with_capacity(texts.len());
        let mut rest = texts;
        while !rest.is_empty() {
            let mut bytes = 0;
            let fits = |text: &&Arc<str>| {
                bytes += text.len();
                bytes <= JOINED_BYTES
            };
            let (batch, further) = rest.split_at(rest.iter().take_while(fits).count().max(1));
            match Self::parse_joined(batch) {
                Some(all) => parsed.extend(all.into_iter().map(Ok)),
                None => parsed.extend(batch.iter().cloned().map(Self::parse)),
            }
            rest = further;
        }
        parsed
    }

    /// None if one of the texts does not parse, or cannot be joined with the next one.
    fn parse_joined(texts: &[Arc<str>]) -> Option<Vec<Self>> {
        let mut parsed = Vec::with_capacity(texts.len());
        let mut joined = String::new();
        for text in texts {
            let gated = gate::policy_text(text).ok().filter(Gated::can_be_joined)?;
            let start = joined.len();
            joined.push_str(text);
            // Ends a comment.
            joined.push('\n');
            let Gated { height, tokens, .. } = gated;
            parsed.push((Self { text: text.clone(), start, statements: Vec::new(), height, tokens }, gated));
        }
        let mut all = on_grown_stack(PARSE, "policy", || parse::policies(&joined)).ok()?.ok()?.into_iter();
        for (policy, gated) in &mut parsed {
            let own = (0..gated.statements).zip(all.by_ref());
            policy.statements =
                own.map(|(number, policy)| Statement::new(policy.new_id(parse::numbered(number)))).collect();
        }
        let complete =
            all.next().is_none() && parsed.iter().all(|(policy, gated)| policy.statements.len() == gated.statements);
        complete.then(|| parsed.into_iter().map(|(policy, _)| policy).collect())
    }

    /// Validates the policy in strict mode. Returns Cedar's warnings. An error has all findings, with statement and
    /// place.
    pub(crate) fn validate(
        &self,
        schema: &ParsedSchema,
        policy_label: &str,
        schema_name: &str,
    ) -> Result<Vec<Diagnostic>> {
        self.check_cost(schema, policy_label, schema_name)?;
        let (mut errors, mut warnings) = on_grown_stack(VALIDATE, "policy and its schema", || self.findings(schema))??;
        if errors.is_empty() && warnings.is_empty() {
            return Ok(warnings);
        }
        let types = schema.schema().entity_types().map(ToString::to_string).collect();
        diagnose::sort_validation(&mut errors, &types);
        diagnose::sort_validation(&mut warnings, &types);
        if errors.is_empty() {
            return Ok(warnings);
        }
        let (policy, schema) = (policy_label.to_owned(), schema_name.to_owned());
        Err(ErrorDetail::PolicyValidation { policy, schema, diagnostics: errors }.into())
    }

    /// The number of statements that the policy counts in validation.
    fn counted(&self) -> usize {
        self.statements.len().max(self.tokens.div_ceil(limits::VALIDATION_TOKENS))
    }

    fn check_cost(&self, schema: &ParsedSchema, policy_label: &str, schema_name: &str) -> Result<()> {
        let (counted, request_types, limit) = (self.counted(), schema.request_types(), schema.validation_limit());
        if counted.saturating_mul(request_types) <= limit {
            return Ok(());
        }
        let (policy, schema, statements) = (policy_label.to_owned(), schema_name.to_owned(), self.statements.len());
        let advice = "split the policy, or let the schema's actions apply to fewer types";
        Err(ErrorDetail::ValidationTooCostly { policy, schema, statements, counted, request_types, limit, advice }
            .into())
    }

    fn findings(&self, schema: &ParsedSchema) -> Result<(Vec<Diagnostic>, Vec<Diagnostic>)> {
        let failed = |message: String| ErrorDetail::CedarFailed { what: "policy", message };
        let set = PolicySet::from_policies(self.statements.iter().map(|statement| statement.policy.clone()))
            .map_err(|e| failed(e.to_string()))?;
        let result = schema.validator().validate(&set, ValidationMode::Strict);
        let statement = |id: &PolicyId| AsRef::<str>::as_ref(id).strip_prefix("policy").and_then(|n| n.parse().ok());
        let finding = |id, report| diagnose::findings(&self.text, self.start, statement(id), report);
        let errors: Vec<_> =
            result.validation_errors().flat_map(|e| finding(e.policy_id(), DetailedError::from(e))).collect();
        let warnings =
            result.validation_warnings().flat_map(|w| finding(w.policy_id(), DetailedError::from(w))).collect();
        if errors.is_empty() && !result.validation_passed() {
            return Err(failed("validation failed without a finding".to_owned()).into());
        }
        Ok((errors, warnings))
    }

    /// The number of the first statement that is a `permit`.
    pub(crate) fn first_permit(&self) -> Option<usize> {
        self.statements.iter().position(|statement| statement.policy.effect() == Effect::Permit)
    }

    /// The statements, in source order.
    pub(super) fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// A bound on the height of the statements' expressions.
    pub(super) fn height(&self) -> usize {
        self.height
    }

    /// An estimate of its bytes in memory.
    pub(crate) fn weight(&self) -> usize {
        // Measured 13 to 17 bytes of syntax tree for each byte of real policies. Dense ones take more.
        size_of::<Self>() + 24 * self.text.len() + 1024 * self.statements.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = "entity User { name: String, admin: Bool }; entity Doc { owner: User };
        action read, write appliesTo { principal: User, resource: Doc, context: { mfa: Bool } };";

    const PERMIT: &str = "permit(principal, action, resource);";

    fn prepare(source: &str) -> Result<PolicyContent> {
        let schema = ParsedSchema::parse(Syntax::Cedar, SCHEMA).unwrap();
        content_of(Syntax::Cedar, source, &schema, "v1")
    }

    fn code(source: &str) -> &'static str {
        prepare(source).map_or_else(|error| error.code(), |_| "ok")
    }

    #[test]
    fn text_is_kept_verbatim_and_its_json_is_in_source_order() {
        let text = "\n // first\n@b(\"2\") @a permit(principal, action, resource) when { context.mfa };\r\n\
                    forbid(principal, action, resource) unless { context has mfa };"
            .to_owned()
            + &"permit(principal, action, resource);".repeat(10);
        let content = prepare(&text).unwrap();
        assert_eq!((&*content.text, content.statements), (text.as_str(), 12));
        let expected = concat!(
            r#"{"staticPolicies":{"policy0":{"action":{"op":"All"},"annotations":{"a":null,"b":"2"},"conditions":"#,
            r#"[{"body":{".":{"attr":"mfa","left":{"Var":"context"}}},"kind":"when"}],"effect":"permit","#,
            r#""principal":{"op":"All"},"resource":{"op":"All"}},"policy1":{"action":{"op":"All"},"conditions":"#,
            r#"[{"body":{"has":{"attr":"mfa","left":{"Var":"context"}}},"kind":"unless"}],"effect":"forbid","#
        );
        assert!(content.json.starts_with(expected), "{}", content.json);
        let keys: Vec<usize> = (0..12).map(|n| content.json.find(&format!("\"policy{n}\"")).unwrap()).collect();
        assert!(keys.is_sorted());
        assert!(content.json.ends_with(r#"}},"templates":{},"templateLinks":[]}"#));
    }

    #[test]
    fn templates_and_empty_texts_are_refused_each_with_its_error() {
        let error = prepare("permit(principal,action,resource); permit(principal == ?principal,action,resource);");
        let error = error.unwrap_err();
        assert!(matches!(error.detail(), ErrorDetail::Template { id } if id == "policy1"), "{error}");
        assert_eq!(code(""), "empty_policy");
        assert_eq!(code(" // nothing\n"), "empty_policy");
        assert_eq!(code("permit(principal, action, resource)"), "syntax");
        assert_eq!(code("\u{feff}permit(principal, action, resource);"), "syntax");
        assert_eq!(code(&"permit(principal,action,resource);".repeat(1_001)), "too_large");
        assert_eq!(code(&"permit(principal,action,resource);".repeat(1_000)), "ok");
    }

    #[test]
    fn syntax_errors_have_their_place() {
        let error = prepare("permit(principal, action, resource);\n  permit(principal, action);").unwrap_err();
        let ErrorDetail::Syntax { diagnostics, .. } = error.detail() else { panic!("{error}") };
        let place = diagnostics[0].place.unwrap();
        assert_eq!((place.line, place.column), (2, 27), "{error}");
    }

    #[test]
    fn validation_lists_every_finding_with_statement_and_place() {
        let text = "permit(principal, action, resource) when { principal.nam == \"x\" };\n\
                    permit(principal, action, resource);\n\
                    permit(principal, action == Action::\"reed\", resource) when { context.mfa + 1 == 2 };\n\
                    permit(principal, action, resource) when { context.mfa == 3 && resource.owner.x };";
        let error = prepare(text).unwrap_err();
        let ErrorDetail::PolicyValidation { policy, schema, diagnostics } = error.detail() else { panic!("{error}") };
        assert_eq!((policy.as_str(), schema.as_str()), ("policy", "v1"));
        let places: Vec<_> = diagnostics.iter().map(|d| (d.statement.unwrap(), d.place.unwrap().line)).collect();
        assert!(places.is_sorted() && places.contains(&(0, 1)) && places.contains(&(2, 3)), "{error}");
        assert!(places.contains(&(3, 4)), "{error}");
        assert!(diagnostics.iter().all(|finding| !finding.message.contains("`policy")), "{error}");
        let attribute = diagnostics[0].place.unwrap();
        assert!(text[attribute.offset as usize..][..attribute.length as usize].ends_with("nam"), "{attribute:?}");
    }

    #[test]
    fn warnings_are_returned_with_their_statement() {
        let content =
            prepare("permit(principal, action, resource);\nforbid(principal, action, resource) when { false };");
        let warnings = content.unwrap().warnings;
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert_eq!((warnings[0].statement, warnings[0].place.unwrap().line), (Some(1), 2));
    }

    /// The result of a parse: the statements and the validation findings, or the error.
    fn outcome(parsed: &Result<ParsedPolicy>, schema: &ParsedSchema) -> String {
        let found = |parsed: &ParsedPolicy| {
            let findings = parsed.validate(schema, "policy", "v1").map_err(|error| format!("{:?}", error.detail()));
            let statements: Vec<_> =
                parsed.statements.iter().map(|s| format!("{} {}", s.policy.id(), s.policy)).collect();
            format!("{} {} {statements:?} {findings:?}", parsed.text, parsed.height)
        };
        parsed.as_ref().map_or_else(|error| format!("{:?}", error.detail()), found)
    }

    #[test]
    fn texts_parsed_together_are_what_each_is_alone() {
        let schema = ParsedSchema::parse(Syntax::Cedar, SCHEMA).unwrap();
        let texts: Vec<Arc<str>> = [
            PERMIT,
            "@id(\"a\") forbid(principal, action, resource) when { context.mfa && false }; // the end",
            "permit(principal, action, resource) when { principal.nam == \"\u{e9};\" };\n\n permit(principal, action, resource);",
            "permit(principal, action, resource)",
            "; permit(principal, action, resource)",
            "permit(principal, action, resource); permit(principal",
            ", action, resource);",
            "permit(principal, action, resource) when { [context.mfa;",
            "].isEmpty() };",
            "",
            "// nothing",
            "permit(principal == ?principal, action, resource);",
            "permit(principal, action, resource);;",
            "\"",
            &PERMIT.repeat(limits::POLICY_STATEMENTS + 1),
        ]
        .map(Arc::from)
        .into();
        let alone: Vec<String> =
            texts.iter().map(|text| outcome(&ParsedPolicy::parse(text.clone()), &schema)).collect();
        assert!(alone[2].contains("offset: 43"), "{}", alone[2]);
        for a in 0..texts.len() {
            for b in 0..texts.len() {
                let order = [0, a, b, 2];
                let together = ParsedPolicy::parse_many(&order.map(|n| texts[n].clone()));
                let together: Vec<_> = together.iter().map(|parsed| outcome(parsed, &schema)).collect();
                assert_eq!(together, order.map(|n| alone[n].clone()));
            }
        }
    }

    #[test]
    fn many_texts_are_parsed_in_batches_of_bounded_length() {
        let long = format!("{PERMIT}{}", " ".repeat(JOINED_BYTES - 100));
        let texts: Vec<Arc<str>> = [PERMIT, &long, PERMIT, PERMIT, &long, &long].map(Arc::from).into();
        let parsed = ParsedPolicy::parse_many(&texts);
        let starts: Vec<_> = parsed.iter().map(|parsed| parsed.as_ref().unwrap().start).collect();
        assert_eq!(starts, [0, PERMIT.len() + 1, 0, PERMIT.len() + 1, 0, 0]);
        assert!(ParsedPolicy::parse_many(&[]).is_empty());
    }
}
