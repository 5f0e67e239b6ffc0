//! Real applications of Cedar, through the store: their allowed requests are allowed, their denied requests are denied.
//!
//! They are in `../shared/cedar-cases`, next to the crate. Without that folder, these tests report it and do nothing.

use std::fs;
use std::path::{Path, PathBuf};

use cedar_policy::{Decision, Entities, PolicyId, PolicySet, Schema, SchemaFragment};
use policy_store::ErrorKind::Invalid;
use policy_store::{
    Answer, Authorizer, DecisionLog, NewPolicy, NewPolicySet, NewPolicySetVersion, NewPolicyVersion, NewSchema,
    ReplayOptions, StatementRole, Syntax, Target, TargetType, TestFailure, TestSuite,
};

use super::schema_forms::accepted;
use super::support::World;

/// One application.
struct Case {
    folder: PathBuf,
    policies: String,
    schema: String,
    entities: String,
}

impl Case {
    fn name(&self) -> String {
        self.folder.file_name().unwrap().to_string_lossy().into_owned()
    }

    /// The requests in `allow` or in `deny`, with the name of each.
    fn requests(&self, kind: &str) -> Vec<(String, serde_json::Value)> {
        let files = fs::read_dir(self.folder.join(kind)).unwrap().map(|entry| entry.unwrap().path());
        files.map(|path| (path.display().to_string(), serde_json::from_str(&read(&path)).unwrap())).collect()
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The applications with or without templates.
fn cases(templated: bool) -> Vec<Case> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/cedar-cases"));
    let Ok(entries) = fs::read_dir(folder) else {
        println!("skipped: there are no applications in {}", folder.display());
        return Vec::new();
    };
    let folders = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let cases: Vec<Case> = folders
        .filter(|path| path.join("links.json").exists() == templated)
        .map(|folder| Case {
            policies: read(&folder.join("policies.cedar")),
            schema: read(&folder.join("policies.cedarschema")),
            entities: read(&folder.join("entities.json")),
            folder,
        })
        .collect();
    assert!(cases.len() >= if templated { 3 } else { 6 }, "some applications are missing");
    cases
}

/// The text and JSON of each statement, in source order.
fn statements(text: &str) -> Vec<(String, String)> {
    let all: PolicySet = text.parse().unwrap();
    let ids = (0..all.policies().count()).map(|n| PolicyId::new(format!("policy{n}")));
    ids.map(|id| {
        let statement = all.policy(&id).unwrap().clone();
        let source = statement.to_cedar().unwrap();
        let own = PolicySet::from_policies([statement.new_id(PolicyId::new("policy0"))]).unwrap();
        (source, own.to_json().unwrap().to_string())
    })
    .collect()
}

/// The four ways to bring an application's policies into the store.
fn ways(case: &Case) -> [(&'static str, Vec<NewPolicyVersion>); 4] {
    let whole: PolicySet = case.policies.parse().unwrap();
    let parts = statements(&case.policies);
    assert!(!parts.is_empty());
    let text = |schema: &str, source: &str| NewPolicyVersion::cedar(schema, source);
    [
        ("whole-text", vec![text("text", &case.policies)]),
        ("whole-json", vec![NewPolicyVersion::json("text", whole.to_json().unwrap().to_string())]),
        ("parts-text", parts.iter().map(|(source, _)| text("json", source)).collect()),
        ("parts-json", parts.iter().map(|(_, json)| NewPolicyVersion::json("json", json)).collect()),
    ]
}

/// The application's entities. One application's entities do not conform to its own schema, and Cedar refuses them too;
/// they are read without a schema.
fn entities(case: &Case, authorizer: &Authorizer) -> Entities {
    authorizer.entities(&case.entities).unwrap_or_else(|error| {
        let schema = Schema::from_cedarschema_str(&case.schema).unwrap().0;
        let by_cedar = Entities::from_json_str(&case.entities, Some(&schema));
        assert!(by_cedar.is_err(), "{}: {error}", case.name());
        assert_eq!((error.kind(), error.code()), (Invalid, "request"), "{error}");
        authorizer.entities_as_given(&case.entities).unwrap()
    })
}

/// Decides every request of the application, and records the decisions.
fn ask(case: &Case, way: &str, authorizer: &Authorizer) -> String {
    let log = DecisionLog::new(Vec::new());
    let entities = entities(case, authorizer);
    for (kind, expected) in [("allow", Decision::Allow), ("deny", Decision::Deny)] {
        let requests = case.requests(kind);
        assert!(!requests.is_empty());
        for (file, request) in requests {
            let part = |name: &str| request[name].as_str().unwrap().to_owned();
            let (who, act, what) = (part("principal"), part("action"), part("resource"));
            let request = authorizer.request(&who, &act, &what, request["context"].to_string());
            let answer = authorizer.is_authorized(&request.unwrap_or_else(|e| panic!("{file}: {e}")), &entities);
            let answer = answer.unwrap();
            assert_eq!(answer.decision(), expected, "{file} from {way}: {:?}", answer.errors());
            check_explanation(&file, &answer, &entities);
            log.write(&answer, &entities).unwrap();
        }
    }
    String::from_utf8(log.into_inner()).unwrap()
}

/// Each statement of the explanation has the conditions that its role says.
fn check_explanation(file: &str, answer: &Answer, entities: &Entities) {
    let told = answer.explain(entities).unwrap();
    let in_role = |role| told.statements.iter().filter(move |it| it.role == role).map(|it| &it.statement.reference);
    assert!(in_role(StatementRole::Determining).eq(answer.determining()), "{file}");
    assert!(in_role(StatementRole::Failed).eq(answer.errors().iter().map(|error| &error.statement)), "{file}");
    for it in &told.statements {
        let obstacle = it.obstacle().map(|condition| (condition.value.is_some(), condition.error.is_some()));
        let expected = match it.role {
            StatementRole::Determining => None,
            StatementRole::Failed => Some((false, true)),
            _ => Some((true, false)),
        };
        assert_eq!(obstacle, expected, "{file}: {it:?}");
        assert!(it.conditions.iter().all(|condition| it.statement.text.contains(&condition.text)), "{file}: {it:?}");
    }
}

#[test]
fn every_static_application_decides_as_it_says_in_all_four_ways_and_after_reopening() {
    for case in cases(false) {
        let world = World::in_file();
        let json = SchemaFragment::from_cedarschema_str(&case.schema).unwrap().0.to_json_string().unwrap();
        world
            .write_store(|w| {
                w.publish_schema(NewSchema::cedar("text", case.schema.as_str()))?;
                w.publish_schema(NewSchema::json("json", json.as_str())).map(drop)
            })
            .unwrap_or_else(|error| panic!("{}: {error}", case.name()));
        let ways = ways(&case);
        for (way, versions) in &ways {
            let bound = world.write(|zone| {
                zone.create_policy_set(NewPolicySet::named(*way).id(*way).target_type(TargetType::User))?;
                let schema = if way.starts_with("whole") { "text" } else { "json" };
                let mut manifest = NewPolicySetVersion::new(schema);
                for (n, version) in versions.iter().enumerate() {
                    let policy = zone.create_policy(NewPolicy::named(format!("{way} {n}")))?;
                    manifest = manifest.pin(&zone.create_policy_version(&policy.id, version.clone())?);
                }
                let live = zone.create_policy_set_version(way, manifest)?;
                zone.bind(&live.id, Target::User((*way).to_owned()))
            });
            bound.unwrap_or_else(|error| panic!("{} from {way}: {error}", case.name()));
        }
        let ask_all = |world: &World| {
            let mut lines = String::new();
            for (way, _) in &ways {
                let target = Target::User((*way).to_owned());
                let told = ask(&case, way, &world.zone().authorizer(target.clone()).unwrap());
                // Without the store, the same decisions with the same receipts.
                #[cfg(feature = "attestation")]
                assert_eq!(ask(&case, way, &super::signed_rules::edge(world, target)), told, "{}", case.name());
                lines += &told;
            }
            // By the rules of the receipts, and all by those of one way, which has the same statements as the others.
            let report = world.store.replay_decisions(lines.as_bytes(), &ReplayOptions::new()).unwrap();
            let one = world.zone().authorizer(Target::User(ways[0].0.to_owned())).unwrap();
            let by_one = world
                .store
                .replay_decisions(lines.as_bytes(), &ReplayOptions::new().with(one).entities_as_given())
                .unwrap();
            let recorded = lines.matches("\"receipt\":").count() as u64;
            assert!(report.agrees() && report.decisions == recorded, "{}: {report:?}", case.name());
            assert_eq!((by_one.same, by_one.left_out_total()), (recorded, 0), "{}: {by_one:?}", case.name());
        };
        ask_all(&world);
        let before = world.extent();
        let world = world.reopened();
        ask_all(&world);
        assert_eq!(world.extent(), before);
    }
}

/// The allowed and denied requests of an application, as a test suite.
fn suite(case: &Case) -> TestSuite {
    let entities: serde_json::Value = serde_json::from_str(&case.entities).unwrap();
    let cases = ["allow", "deny"]
        .into_iter()
        .flat_map(|decision| case.requests(decision).into_iter().map(move |(file, request)| (decision, file, request)));
    let cases = cases.map(|(decision, file, request)| {
        let (reason, num_errors) = (serde_json::json!([]), 0);
        serde_json::json!({"name": file, "request": request, "entities": entities.clone(), "decision": decision,
            "reason": reason, "num_errors": num_errors})
    });
    TestSuite::from_json(serde_json::Value::from(cases.collect::<Vec<_>>()).to_string()).unwrap()
}

/// The run reads the entities by the schema, so it fails with the one application that does not fit its own.
#[test]
fn the_requests_of_every_static_application_pass_as_a_test_suite() {
    for case in cases(false) {
        let world = World::new();
        let version = world
            .write_store(|w| {
                w.publish_schema(NewSchema::cedar("text", case.schema.as_str()))?;
                let mut zone = w.zone("acme")?;
                zone.create_policy_set(NewPolicySet::named("s").id("s"))?;
                zone.create_policy(NewPolicy::named("p").id("p"))?;
                let policy =
                    zone.create_policy_version("p", NewPolicyVersion::cedar("text", case.policies.as_str()))?;
                zone.create_policy_set_version("s", NewPolicySetVersion::new("text").pin(&policy))
            })
            .unwrap();
        let (suite, authorizer) = (suite(&case), world.zone().authorizer_of_version(&version.id).unwrap());
        let report = authorizer.run_tests(&suite).unwrap();
        assert_eq!(report.cases, case.requests("allow").len() + case.requests("deny").len());
        match authorizer.entities(&case.entities) {
            Ok(_) => assert!(report.is_passed(), "{}: {report:?}", case.name()),
            Err(error) => {
                let says = |failure: &TestFailure| failure.to_string().contains(&error.to_string());
                assert_eq!(report.failed(), report.cases);
                assert!(report.failures.iter().all(says), "{}: {error}: {report:?}", case.name());
            }
        }
    }
}

#[test]
fn every_templated_application_is_refused_by_name_and_leaves_no_trace() {
    for case in cases(true) {
        let world = World::new();
        world.write_store(|w| w.publish_schema(NewSchema::cedar("text", case.schema.as_str()))).unwrap();
        world.write(|zone| zone.create_policy(NewPolicy::named("p").id("p"))).unwrap();
        let whole: PolicySet = case.policies.parse().unwrap();
        assert!(whole.templates().count() > 0);
        let json = whole.to_json().unwrap().to_string();
        let new =
            [NewPolicyVersion::cedar("text", case.policies.as_str()), NewPolicyVersion::json("text", json.as_str())];
        for new in new {
            world.refuses((Invalid, "template"), "is a template", |zone| zone.create_policy_version("p", new.clone()));
        }
        let mut linked: serde_json::Value = serde_json::from_str(&json).unwrap();
        linked["templates"] = serde_json::json!({});
        linked["templateLinks"] = serde_json::from_str(&read(&case.folder.join("links.json"))).unwrap();
        let count = linked["templateLinks"].as_array().unwrap().len();
        assert!(count > 0);
        world.refuses((Invalid, "template_links"), &format!("{count} links"), |zone| {
            zone.create_policy_version("p", NewPolicyVersion::json("text", linked.to_string()))
        });
    }
}

#[test]
fn every_applications_schema_is_accepted_in_both_forms() {
    for case in [false, true].into_iter().flat_map(cases) {
        let (_, json) = accepted(Syntax::Cedar, &case.schema);
        accepted(Syntax::Json, &json);
    }
}
