//! Every static sample application of Cedar is accepted as text and as JSON, and gives the answers of its authors.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use cedar_policy::{Context, Decision, Entities, PolicySet, Request};

use super::policy::content_of;
use super::schema::convert_schema;
use super::scope_tests::{by_cedar, by_groups};
use super::*;
use crate::types::syntax::Syntax;

#[test]
fn the_static_sample_applications_pass_from_text_and_from_json() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/cedar-cases"));
    let Ok(applications) = fs::read_dir(root) else {
        println!("skipped: no samples at {}", root.display());
        return;
    };
    let mut seen = 0;
    for application in applications.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        let text = fs::read_to_string(application.join("policies.cedar")).unwrap();
        let source = fs::read_to_string(application.join("policies.cedarschema")).unwrap();
        let schema = ParsedSchema::parse(Syntax::Cedar, &source).unwrap();
        let json = convert_schema(Syntax::Cedar, &source).unwrap();
        let from_json = ParsedSchema::parse(Syntax::Json, &json).unwrap();
        convert_schema(Syntax::Json, &json).unwrap();
        if text.parse::<PolicySet>().unwrap().templates().next().is_some() {
            assert_eq!(content_of(Syntax::Cedar, &text, &schema, "s").unwrap_err().code(), "template");
            continue;
        }
        let given = text.parse::<PolicySet>().unwrap().to_json().unwrap().to_string();
        for (schema, syntax, source) in [(&schema, Syntax::Cedar, &text), (&from_json, Syntax::Json, &given)] {
            let content = content_of(syntax, source, schema, "s").unwrap();
            let again = content_of(Syntax::Json, &content.json, schema, "s").unwrap();
            assert_eq!(again.json, content.json, "{}", application.display());
            let from_text = content_of(Syntax::Cedar, &again.text, schema, "s").unwrap();
            assert_eq!((from_text.text, from_text.json), (again.text, again.json), "{}", application.display());
            check_answers(&application, schema, &content.text);
        }
        seen += 1;
    }
    assert!(seen >= 5, "{seen}");
}

fn check_answers(application: &Path, schema: &ParsedSchema, text: &str) {
    let members = vec![Arc::new(ParsedPolicy::parse(text).unwrap())];
    let set = CompiledSet::assemble(members.clone());
    let json = fs::read_to_string(application.join("entities.json")).unwrap();
    let entities = schema.entities(&json).unwrap_or_else(|error| {
        // The entities of two samples contradict their own schemas: a `Document` where a `DocumentShare` is declared,
        // and a type that is not declared at all.
        let known = ["document-cloud", "github-example"].iter().any(|name| application.ends_with(name));
        assert!(known, "{}: {error}", application.display());
        Entities::from_json_str(&json, None).unwrap()
    });
    let plain: PolicySet = text.parse().unwrap();
    let grouped = CompiledSet::grouped(members.clone(), 0);
    let check_all = |request: &Request| {
        let expected = by_cedar(&plain, request, &entities);
        assert_eq!(by_groups(&grouped, 0, request, &entities), expected, "{} for {request}", application.display());
        assert_eq!(by_groups(&set, 0, request, &entities), expected, "{} for {request}", application.display());
    };
    let mut contexts = vec![Context::empty()];
    for (folder, expected) in [("allow", Decision::Allow), ("deny", Decision::Deny)] {
        for case in fs::read_dir(application.join(folder)).into_iter().flatten() {
            let path = case.unwrap().path();
            let case: serde_json::Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            let part = |key: &str| case[key].as_str().unwrap();
            let request =
                schema.request(part("principal"), part("action"), part("resource"), case["context"].to_string());
            let request = request.unwrap();
            let evaluation = set.evaluate(&request, &entities).unwrap();
            assert_eq!(evaluation.decision, expected, "{}", path.display());
            check_all(&request);
            contexts.push(request.context().unwrap().clone());
        }
    }
    // Every entity as principal and as resource. Many of these requests make no sense and fail to evaluate.
    let uids = || entities.iter().map(|entity| entity.uid());
    let actions: Vec<_> = schema.schema().actions().cloned().collect();
    let pairs = uids().flat_map(|principal| uids().map(move |resource| (principal.clone(), resource)));
    let all: Vec<_> = pairs.flat_map(|pair| actions.iter().map(move |action| (pair.clone(), action))).collect();
    let step = if cfg!(debug_assertions) { all.len().div_ceil(100) } else { 1 };
    for (((principal, resource), action), context) in all.into_iter().step_by(step).zip(contexts.iter().cycle()) {
        check_all(&Request::new(principal, action.clone(), resource, context.clone(), None).unwrap());
    }
}
