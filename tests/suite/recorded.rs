//! Recorded decisions: one line of JSON that reads back as the same request and entities.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use cedar_policy::{Context, Entities, Entity, EntityUid, Request, RestrictedExpression};
use policy_store::ErrorKind::{Conflict, Invalid, TooLarge, Unavailable};
use policy_store::{Answer, Authorizer, DecisionLog, DecisionRecord, NewSchema, Target, inputs, limits};
use proptest::prelude::*;

use super::support::{PERMIT, World, asked, refused};

fn authorizer(world: &World) -> Authorizer {
    world.zone().authorizer(Target::Zone).unwrap()
}

fn world() -> World {
    let world = World::new();
    world.live("s", &[&world.version("p", PERMIT)]);
    world
}

fn answer(world: &World, who: &str) -> (Answer, Entities) {
    let authorizer = authorizer(world);
    let (request, entities) = asked(&authorizer, who, "read", "open");
    (authorizer.is_authorized(&request, &entities).unwrap(), entities)
}

/// A record has the inputs of its receipt, and reads back as itself.
fn check(answer: &Answer, entities: &Entities) -> DecisionRecord {
    let record = answer.record(entities).unwrap();
    let line = record.to_string();
    assert!(!line.contains('\n'), "{line}");
    let read: DecisionRecord = line.parse().unwrap();
    assert_eq!((&read, read.to_string()), (&record, line));
    assert_eq!(Some(inputs::request_sha(&read.request().unwrap()).unwrap()), read.receipt().request_sha);
    assert_eq!(Some(inputs::entities_sha(&read.entities().unwrap()).unwrap()), read.receipt().entities_sha);
    read.check().unwrap();
    record
}

#[test]
fn a_record_is_one_line_with_the_documented_members() {
    let world = world();
    let (answer, entities) = answer(&world, "ann");
    let record = check(&answer, &entities);
    let line: serde_json::Value = serde_json::from_str(&record.to_string()).unwrap();
    let members: std::collections::BTreeSet<_> = line.as_object().unwrap().keys().map(String::as_str).collect();
    assert!(members.into_iter().eq(["entities", "receipt", "request", "v"]));
    let request = serde_json::json!({
        "principal": {"type": "User", "id": "ann"}, "action": {"type": "Action", "id": "read"},
        "resource": {"type": "Doc", "id": "open"}, "context": {},
    });
    assert_eq!((&line["v"], &line["request"]), (&1.into(), &request));
    assert_eq!(line["receipt"], serde_json::to_value(answer.receipt(&entities).unwrap()).unwrap());
    assert_eq!(line["entities"].as_array().unwrap().len(), 5 + 2, "the world's entities, and the schema's actions");
    let replayed = world.store.replay(record.receipt(), &record.request().unwrap(), &record.entities().unwrap());
    replayed.unwrap().agrees_with(record.receipt()).unwrap();
    let mut written = Vec::new();
    answer.write_record(&entities, &mut written).unwrap();
    assert_eq!(written, format!("{record}\n").into_bytes());
    // Members of the service's own are allowed.
    let own = record.to_string().replace("{\"v\":1,", "{\"trace\":[1.5,{\"v\":2}],\"v\":1,");
    assert_eq!(own.parse::<DecisionRecord>().unwrap(), record);
}

#[test]
fn the_text_of_a_record_is_pinned() {
    let world = world();
    let authorizer = authorizer(&world);
    let json = r#"[{"uid": {"type": "User", "id": "é\"\n"}, "attrs": {"level": 3}, "parents": [{"type": "Group", "id": "b"}, {"type": "Group", "id": "a"}]},
        {"uid": {"type": "Group", "id": "a"}, "attrs": {}, "parents": []}]"#;
    let entities: Vec<_> = authorizer.entities(json).unwrap().iter().cloned().collect();
    let own = entities.into_iter().filter(|entity| entity.uid().type_name().to_string() != "Action");
    let entities = Entities::from_entities(own, None).unwrap();
    let request = authorizer.request(("User", "é\"\n"), ("Action", "read"), ("Doc", "d"), r#"{"mfa": true}"#).unwrap();
    let answer = authorizer.is_authorized(&request, &entities).unwrap();
    let receipt = serde_json::to_string(&answer.receipt(&entities).unwrap()).unwrap();
    let request = r#"{"principal":{"type":"User","id":"é\"\n"},"action":{"type":"Action","id":"read"},"resource":{"type":"Doc","id":"d"},"context":{"mfa":true}}"#;
    let entities_text = r#"[{"uid":{"type":"Group","id":"a"},"attrs":{},"parents":[]},{"uid":{"type":"User","id":"é\"\n"},"attrs":{"level":3},"parents":[{"type":"Group","id":"a"},{"type":"Group","id":"b"}]}]"#;
    let inline = format!(r#"{{"v":1,"receipt":{receipt},"request":{request},"entities":{entities_text}}}"#);
    assert_eq!(answer.record(&entities).unwrap().to_string(), inline);
    let sha = inputs::entities_sha(&entities).unwrap();
    let lines = format!(
        "{{\"v\":1,\"entities_sha\":\"{sha}\",\"entities\":{entities_text}}}\n\
         {{\"v\":1,\"entities_sha\":\"{sha}\",\"receipt\":{receipt},\"request\":{request}}}\n"
    );
    let log = DecisionLog::new(Vec::new());
    log.write(&answer, &entities).unwrap();
    assert_eq!(String::from_utf8(log.into_inner()).unwrap(), lines);
}

/// Values that a schema reads in a short form, or that look like another one.
#[test]
fn every_value_reads_back_as_it_was() {
    let world = world();
    let schema = r#"entity Group; entity User in [Group] { level: Long, nick?: String };
        entity Doc { owner: User, secret: Bool };
        type All = { at?: datetime, span?: duration, ip?: ipaddr, n?: decimal, who?: User, pair?: {"type": String, "id": String},
            set?: Set<{ r: User }>, text?: String, more?: { a: { b: Set<Set<Long>> } } };
        entity Thing { all: All } tags All;
        action read, write appliesTo { principal: User, resource: [Doc, Thing], context: { mfa?: Bool, all?: All } };"#;
    world.write_store(|w| w.publish_schema(NewSchema::cedar("all", schema))).unwrap();
    let text = "permit(principal, action, resource);";
    let live = world.write(|zone| {
        let policy = zone.create_policy(policy_store::NewPolicy::named("q"))?;
        let version = zone.create_policy_version(&policy.id, policy_store::NewPolicyVersion::cedar("all", text))?;
        let manifest = policy_store::NewPolicySetVersion::new("all").pin(&version);
        let version = zone.create_policy_set_version("s", manifest)?;
        zone.activate(&version.id)
    });
    live.unwrap();
    let authorizer = authorizer(&world);
    let odd = "a\\u0000\\\"\\\\ \u{10ffff}\u{2028} é\\n";
    for all in [
        r#"{"at": "2026-02-24T01:02:03.004-0530", "span": "-1d2h3m4s5ms", "ip": "::1/128", "n": "-0.5"}"#.to_owned(),
        r#"{"at": {"fn": "datetime", "arg": "1970-01-01"}, "ip": {"__extn": {"fn": "ip", "arg": "10.0.0.0/8"}}}"#.to_owned(),
        r#"{"at": {"__extn": {"fn": "offset", "args": [{"__extn": {"fn": "datetime", "arg": "1970-01-01"}}, {"__extn": {"fn": "duration", "arg": "9223372036854775807ms"}}]}}}"#.to_owned(),
        format!(r#"{{"who": {{"type": "User", "id": "{odd}"}}, "pair": {{"type": "User", "id": "{odd}"}}, "text": "{odd}"}}"#),
        r#"{"set": [{"r": {"__entity": {"type": "User", "id": "b"}}}, {"r": {"type": "User", "id": "a"}}], "text": "ip(\"1.2.3.4\")"}"#.to_owned(),
        r#"{"more": {"a": {"b": [[], [1, -9223372036854775808], [9223372036854775807]]}}}"#.to_owned(),
        "{}".to_owned(),
    ] {
        let entities = format!(
            r#"[{{"uid": {{"type": "Thing", "id": "{odd}"}}, "attrs": {{"all": {all}}}, "parents": [], "tags": {{"{odd}": {all}, "": {{}}}}}},
                {{"uid": {{"type": "User", "id": ""}}, "attrs": {{"level": 1}}, "parents": [{{"type": "Group", "id": "{odd}"}}, {{"type": "Group", "id": "a"}}]}}]"#
        );
        let odd: String = serde_json::from_str(&format!("\"{odd}\"")).unwrap();
        let context = format!(r#"{{"mfa": true, "all": {all}}}"#);
        let request = authorizer.request(("User", ""), ("Action", "write"), ("Thing", &odd), &context).unwrap();
        for entities in [authorizer.entities(&entities).unwrap(), authorizer.entities_as_given(&entities).unwrap()] {
            check(&authorizer.is_authorized(&request, &entities).unwrap(), &entities);
        }
        // Without the schema's actions, as no store reads them.
        check(&authorizer.is_authorized(&request, &Entities::empty()).unwrap(), &Entities::empty());
    }
}

/// Any JSON value as Cedar reads it by itself.
fn value() -> impl Strategy<Value = RestrictedExpression> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(RestrictedExpression::new_bool),
        any::<i64>().prop_map(RestrictedExpression::new_long),
        any::<String>().prop_map(RestrictedExpression::new_string),
        any::<String>().prop_map(|id| RestrictedExpression::new_entity_uid(uid(&id))),
        any::<[u8; 4]>().prop_map(|[a, b, c, d]| RestrictedExpression::new_ip(format!("{a}.{b}.{c}.{d}"))),
        any::<i32>().prop_map(|n| RestrictedExpression::new_decimal(format!("{n}.25"))),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(RestrictedExpression::new_set),
            prop::collection::btree_map(
                prop_oneof![Just("type".to_owned()), Just("id".to_owned()), any::<String>()],
                inner,
                0..4
            )
            .prop_map(|fields| RestrictedExpression::new_record(fields).unwrap()),
        ]
    })
}

fn uid(id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id("N::U".parse().unwrap(), cedar_policy::EntityId::new(id))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn values_of_cedars_own_constructors_read_back_as_they_were(
        ids in prop::collection::vec(any::<String>(), 3),
        values in prop::collection::vec((any::<String>(), value()), 0..4),
    ) {
        let authorizer = authorizer(&WORLD.0);
        let values = || values.iter().cloned().collect::<std::collections::BTreeMap<_, _>>();
        let [who, what, above] = [0, 1, 2].map(|n| uid(&ids[n]));
        let entity = Entity::new_with_tags(what.clone(), values(), [above].into_iter().filter(|above| *above != what), values());
        let entities = Entities::from_entities([entity.unwrap()], None).unwrap();
        let context = Context::from_pairs(values()).unwrap();
        let request = Request::new(who, "Action::\"a b\"".parse().unwrap(), what, context, None).unwrap();
        let answer = authorizer.is_authorized(&request, &entities).unwrap();
        check(&answer, &entities);
    }
}

struct Shared(World);
// A store is shared by threads.
static WORLD: std::sync::LazyLock<Shared> = std::sync::LazyLock::new(|| Shared(world()));

#[test]
fn entities_as_deep_as_they_may_be_are_recorded_on_a_small_thread() {
    let world = world();
    let nested = |depth: usize| {
        format!("{}{{\"__entity\":{{\"type\":\"User\",\"id\":\"x\"}}}}{}", "[".repeat(depth), "]".repeat(depth))
    };
    let json = |depth| {
        format!(
            r#"[{{"uid": {{"type": "Doc", "id": "open"}}, "attrs": {{"deep": {}}}, "parents": []}}]"#,
            nested(depth)
        )
    };
    let deepest = limits::JSON_DEPTH - 5;
    let authorizer = authorizer(&world);
    assert_eq!(authorizer.entities_as_given(&json(deepest + 1)).unwrap_err().kind(), TooLarge);
    let entities = authorizer.entities_as_given(&json(deepest)).unwrap();
    let (request, _) = asked(&authorizer, "ann", "read", "open");
    let answer = authorizer.is_authorized(&request, &entities).unwrap();
    let on_small = move || {
        let record: DecisionRecord = answer.record(&entities).unwrap().to_string().parse().unwrap();
        record.check().unwrap();
    };
    std::thread::Builder::new().stack_size(256 * 1024).spawn(on_small).unwrap().join().unwrap();
}

#[test]
fn other_lines_are_refused_with_their_problem() {
    let world = world();
    let (answer, entities) = answer(&world, "ann");
    let line = answer.record(&entities).unwrap().to_string();
    let read = |line: &str| line.parse::<DecisionRecord>();
    let json = (Invalid, "json");
    for (line, problem) in [
        ("", "EOF"),
        ("[]", "invalid length"),
        ("{}", "missing field `v`"),
        ("{\"v\":1}", "expected `receipt` and `request`"),
        ("{\"v\":0}", "`v` must be 1"),
        (&line.replace("\"receipt\":", "\"Receipt\":"), "both `receipt` and `request`"),
        (&line.replace("\"entities\":", "\"Entities\":"), "either `entities` or `entities_sha`"),
        (&line.replace("{\"v\":1,", "{\"v\":1,\"v\":1,"), "duplicate field"),
        (&line.replace("{\"v\":1,", "{\"v\":1,\n"), "one line"),
    ] {
        refused(read(line), json, problem);
    }
    refused(read("{\"v\":2,\"receipt\":17}"), (Unavailable, "newer_format"), "form of a decision record is 2");
    refused(read(&" ".repeat(limits::RECORD_LINE_BYTES + 1)), (TooLarge, "too_large"), "decision record");
    // What Cedar reads is refused when it is read.
    let other = |from: &str, to: &str| read(&line.replacen(from, to, 1)).unwrap();
    refused(other("\"context\":{}", "\"context\":{\"mfa\":1,\"mfa\":1}").request(), json, "duplicate key `mfa`");
    refused(
        other("{\"type\":\"User\",\"id\":\"ann\"}", "{\"type\":\"U ser\",\"id\":\"ann\"}").request(),
        (Invalid, "request"),
        "principal",
    );
    refused(other("\"level\":3", "\"level\":1.5").entities(), json, "1.5");
    // Inputs of another decision.
    let mismatch = (Conflict, "receipt_mismatch");
    refused(other("\"context\":{}", "\"context\":{\"mfa\":true}").check(), mismatch, "request_sha");
    refused(other("\"level\":3", "\"level\":4").check(), mismatch, "entities_sha");
}

#[test]
fn a_log_writes_entities_once_and_each_line_in_one_call() {
    let world = world();
    let lines = Arc::new(Mutex::new(Vec::new()));
    let log = DecisionLog::new(Calls(lines.clone(), None));
    let [(ann, entities), (bob, _)] = ["ann", "bob"].map(|who| answer(&world, who));
    let sha = inputs::entities_sha(&entities).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5 {
                    assert_eq!(log.write(&ann, &entities).unwrap(), ann.receipt(&entities).unwrap());
                    log.write_known(&bob, &entities, sha).unwrap();
                }
            });
        }
    });
    log.write(&ann, &Entities::empty()).unwrap();
    log.write(&ann, &entities).unwrap();
    let lines = lines.lock().unwrap().clone();
    assert!(lines.iter().all(|line| line.ends_with('\n') && line.matches('\n').count() == 1), "{lines:?}");
    let sets: Vec<_> = (0..lines.len()).filter(|n| lines[*n].contains("\"entities\":")).collect();
    assert_eq!((lines.len(), sets.as_slice()), (40 + 1 + 3, [0, 41].as_slice()));
    assert!(lines[0].starts_with(&format!("{{\"v\":1,\"entities_sha\":\"{sha}\",\"entities\":[{{")), "{}", lines[0]);
    assert!(lines[1].starts_with(&format!("{{\"v\":1,\"entities_sha\":\"{sha}\",\"receipt\":{{")), "{}", lines[1]);
    refused(lines[1].parse::<DecisionRecord>(), (Invalid, "json"), "on an earlier line");
    refused(lines[0].parse::<DecisionRecord>(), (Invalid, "json"), "no decision");
}

#[test]
fn a_log_writes_entities_again_after_many_others() {
    let world = world();
    let authorizer = authorizer(&world);
    let lines = Arc::new(Mutex::new(Vec::new()));
    let log = DecisionLog::new(Calls(lines.clone(), None));
    let (request, _) = asked(&authorizer, "ann", "read", "open");
    let large = |n: usize| {
        let nick = "x".repeat(3 << 20);
        let json = format!(
            r#"[{{"uid": {{"type": "User", "id": "{n}"}}, "attrs": {{"level": 1, "nick": "{nick}"}}, "parents": []}}]"#
        );
        authorizer.entities(&json).unwrap()
    };
    let first = large(0);
    for entities in [&first, &first, &large(1), &large(2), &large(3), &first, &large(4), &large(5), &first] {
        log.write(&authorizer.is_authorized(&request, entities).unwrap(), entities).unwrap();
    }
    let lines = lines.lock().unwrap().clone();
    let sets: Vec<_> = lines.iter().map(|line| u8::from(line.contains("\"entities\":["))).collect();
    assert_eq!(sets, [1, 0, 0, 1, 0, 1, 0, 1, 0, 0, 1, 0, 1, 0, 1, 0], "0 0 1 2 3 0 4 5, and 0 again after 16 MiB");
}

#[test]
fn a_log_goes_on_after_a_failure_with_a_line_of_its_own() {
    let world = world();
    let (answer, entities) = answer(&world, "ann");
    let lines = Arc::new(Mutex::new(Vec::new()));
    let log = DecisionLog::new(Calls(lines.clone(), Some(1)));
    refused(log.write(&answer, &entities), (Unavailable, "storage"), "write a decision record");
    log.write(&answer, &entities).unwrap();
    log.write(&answer, &entities).unwrap();
    let text = lines.lock().unwrap().concat();
    let kinds: Vec<_> = text.lines().map(|line| (line.is_empty(), line.len() > 100)).collect();
    // The set, a part of a decision, then two whole ones.
    assert_eq!(kinds, [(false, true), (false, false), (false, true), (false, true)], "{text}");
    assert!(text.lines().nth(1).unwrap().starts_with("{\"v\":1,"));
}

/// Keeps each call of a writer. The call of a number fails in the middle.
struct Calls(Arc<Mutex<Vec<String>>>, Option<usize>);

impl Write for Calls {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut calls = self.0.lock().unwrap();
        if self.1 == Some(calls.len()) {
            calls.push(String::from_utf8(bytes[..20].to_vec()).unwrap());
            return Err(io::Error::other("full"));
        }
        calls.push(String::from_utf8(bytes.to_vec()).unwrap());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
