//! Replays of recorded decisions: by the rules of their receipts, and by others. What differs is what differs in Cedar.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Mutex;

use cedar_policy::{Context, Decision, Entities, PolicySet, Request, Schema};
use policy_store::ErrorKind::{Stopped, Unavailable};
use policy_store::{
    Authorizer, DecisionLog, LeftOut, NewPolicy, NewPolicySet, NewPolicySetVersion, NewPolicyVersion, NewSchema,
    PolicySetVersion, ReplayOptions, ReplayReport, Target, Work,
};

use super::support::{ENTITIES, FORBID, PERMIT, SCHEMA, V1, World, asked, customer, pinning, platform, refused};

fn in_force(world: &World) -> Authorizer {
    world.zone().authorizer(Target::Zone).unwrap()
}

/// Who, action, document.
type Question = (&'static str, &'static str, &'static str);

/// Each user, action and document.
fn questions() -> Vec<Question> {
    (0..12).map(|n| (["ann", "bob", "eve"][n % 3], ["read", "write"][n / 3 % 2], ["open", "shut"][n / 6])).collect()
}

/// Decisions on all questions, as a log writes them: one line of entities, then a line for each.
fn log(authorizer: &Authorizer) -> String {
    let log = DecisionLog::new(Vec::new());
    for (who, act, doc) in questions() {
        let (request, entities) = asked(authorizer, who, act, doc);
        log.write(&authorizer.is_authorized(&request, &entities).unwrap(), &entities).unwrap();
    }
    String::from_utf8(log.into_inner()).unwrap()
}

/// The same, each line with its entities.
fn records(authorizer: &Authorizer) -> String {
    let mut lines = Vec::new();
    for (who, act, doc) in questions() {
        let (request, entities) = asked(authorizer, who, act, doc);
        authorizer.is_authorized(&request, &entities).unwrap().write_record(&entities, &mut lines).unwrap();
    }
    String::from_utf8(lines).unwrap()
}

fn replay(world: &World, lines: &str, options: ReplayOptions) -> ReplayReport {
    world.store.replay_decisions(lines.as_bytes(), &options).unwrap()
}

/// A replay by another version.
fn with(world: &World, lines: &str, version: &PolicySetVersion) -> ReplayReport {
    let authorizer = world.zone().authorizer_of_version(&version.id).unwrap();
    replay(world, lines, ReplayOptions::new().with(authorizer))
}

/// The only line that is left out, with its reason; all others agree.
fn left_out(report: &ReplayReport) -> (u64, LeftOut, &str) {
    assert_eq!(
        (report.left_out_total(), report.left_out_lines.len(), report.flips, report.reasons_differ),
        (1, 1, 0, 0)
    );
    let line = &report.left_out_lines[0];
    assert_eq!(report.left_out, BTreeMap::from([(line.reason, 1)]));
    (line.line, line.reason, &line.message)
}

#[test]
fn every_decision_agrees_with_its_receipt_whatever_was_bound_since() {
    let world = World::new();
    let overflow = "(principal, action, resource) when { principal.level + 1 > 0 };";
    let [all, some, failing] =
        [PERMIT, "permit(principal == User::\"ann\", action, resource);", &format!("forbid{overflow}permit{overflow}")]
            .map(|text| world.version("p", text));
    let mut lines = String::new();
    for pins in [&[&all][..], &[&some], &[&failing], &[]] {
        world.live("s", pins);
        lines += &log(&in_force(&world));
        lines += &records(&in_force(&world));
        lines += &records(&in_force(&world).deny_on_forbid_error());
    }
    world.live("s", &[&all]);
    let guard = world.write_as(&platform(), |zone| {
        zone.create_policy(NewPolicy::named("g").id("g"))?;
        let version = zone.create_policy_version("g", NewPolicyVersion::cedar(V1, FORBID))?;
        zone.create_policy_set(NewPolicySet::named("g").id("g"))?;
        let version = zone.create_policy_set_version("g", pinning(&[&version]))?;
        zone.bind_guardrail(&version.id)
    });
    guard.unwrap();
    lines += &log(&in_force(&world));
    world.write_as(&platform(), |zone| zone.unbind_guardrail()).unwrap();
    world.live("s", &[]);
    let report = replay(&world, &lines, ReplayOptions::new());
    assert!(report.agrees(), "{report:?}");
    assert_eq!((report.decisions, report.same), (12 * (4 * 3 + 1), 12 * 13));
}

#[test]
fn a_receipt_that_says_something_else_is_a_flip_or_a_difference() {
    let world = World::new();
    let version = world.version(
        "p",
        &format!("{PERMIT}{PERMIT}permit(principal, action, resource) when {{ principal.level + 1 > 0 }};"),
    );
    world.live("s", &[&version]);
    let lines = records(&in_force(&world));
    let changed = |from: &str, to: &str| {
        assert!(lines.contains(from), "{from}");
        replay(&world, &lines.replacen(from, to, 1), ReplayOptions::new())
    };
    let flipped = changed("\"decision\":\"allow\"", "\"decision\":\"deny\"");
    assert_eq!((flipped.decisions, flipped.same, flipped.flips, flipped.agrees()), (12, 11, 1, false));
    assert_eq!(flipped.flips_by_statement.len(), 3);
    assert_eq!(flipped.flips_by_statement[2].first_lines, [1]);
    let version = version.id.as_str();
    let first = format!("{{\"policy_id\":\"p\",\"policy_version_id\":\"{version}\",\"statement\":0}},");
    let other = changed(&first, "");
    assert_eq!((other.same, other.flips, other.reasons_differ, other.agrees()), (12, 0, 1, false));
    assert_eq!(other.first_with_other_reasons, [1]);
    let failed = changed("\"failed\":[{", "\"failed\":[],\"was\":[{");
    assert_eq!((failed.same, failed.reasons_differ, failed.first_with_other_reasons.len()), (12, 1, 1));
    // By other rules, only the determining statements count.
    let authorizer = in_force(&world);
    let again = lines.replacen("\"failed\":[{", "\"failed\":[],\"was\":[{", 1);
    assert_eq!(replay(&world, &again, ReplayOptions::new().with(authorizer)).reasons_differ, 0);
}

/// The decision of plain Cedar.
fn plain(text: &str, (who, act, doc): Question) -> Decision {
    let schema = Schema::from_cedarschema_str(SCHEMA).unwrap().0;
    let uid = |kind: &str, id: &str| format!("{kind}::\"{id}\"").parse().unwrap();
    let request = Request::new(uid("User", who), uid("Action", act), uid("Doc", doc), Context::empty(), Some(&schema));
    let entities = Entities::from_json_str(ENTITIES, Some(&schema)).unwrap();
    let set: PolicySet = text.parse().unwrap();
    cedar_policy::Authorizer::new().is_authorized(&request.unwrap(), &set, &entities).decision()
}

#[test]
fn the_flips_of_another_version_are_those_of_plain_cedar() {
    let world = World::new();
    let texts = [
        PERMIT.to_owned(),
        format!("{PERMIT}{FORBID}"),
        "permit(principal == User::\"ann\", action, resource);permit(principal in Group::\"staff\", action == Action::\"read\", resource);".to_owned(),
        "permit(principal, action, resource) when { principal.level + 1 > 0 };".to_owned(),
        "permit(principal, action, resource) unless { resource.secret };".to_owned(),
    ];
    let versions = texts.each_ref().map(|text| world.set_version("s", &[&world.version("p", text)]));
    let mut flips = 0;
    for (old, version) in versions.iter().enumerate() {
        world.write(|zone| zone.activate(&version.id)).unwrap();
        for lines in [log(&in_force(&world)), records(&in_force(&world))] {
            let offset = lines.lines().count() as u64 - 12 + 1;
            for (new, version) in versions.iter().enumerate() {
                let report = with(&world, &lines, version);
                let expected = |from: Decision, to: Decision| -> Vec<u64> {
                    let questions = questions().into_iter().zip(offset..);
                    let flipped = questions.filter(|(question, _)| {
                        plain(&texts[old], *question) == from && plain(&texts[new], *question) == to
                    });
                    flipped.map(|(_, line)| line).collect()
                };
                let [allowed, denied] =
                    [expected(Decision::Deny, Decision::Allow), expected(Decision::Allow, Decision::Deny)];
                assert_eq!(
                    (report.decisions, report.flips),
                    (12, (allowed.len() + denied.len()) as u64),
                    "{old} {new}"
                );
                assert_eq!((report.same, report.left_out_total()), (12 - report.flips, 0));
                for group in &report.flips_by_statement {
                    let expected = if group.to == Decision::Allow { &allowed } else { &denied };
                    assert!(group.first_lines.iter().all(|line| expected.contains(line)), "{old} {new} {group:?}");
                    assert!(group.first_lines.is_sorted() && group.first_lines.len() == group.count.min(3) as usize);
                    assert_ne!(group.from, group.to);
                }
                assert!(report.flips_by_statement.is_sorted_by(|a, b| a.count >= b.count));
                assert_eq!(report.flips_by_statement.is_empty(), report.flips == 0);
                flips += report.flips;
            }
        }
    }
    assert!(flips > 50, "{flips}");
}

#[test]
fn a_flip_counts_for_the_statements_that_caused_it() {
    let world = World::new();
    let text = format!("{PERMIT}permit(principal == User::\"ann\", action, resource);");
    let old = world.version("p", &text);
    world.live("s", &[&old]);
    let lines = records(&in_force(&world));
    // All is denied by default: the flips are those of the permits that are gone.
    let nothing = world.set_version("s", &[]);
    let report = with(&world, &lines, &nothing);
    let groups: Vec<_> =
        report.flips_by_statement.iter().map(|it| (it.statement.statement, it.count, it.first_lines.clone())).collect();
    assert_eq!(groups, [(0, 12, vec![1, 2, 3]), (1, 4, vec![1, 4, 7])]);
    assert!(
        report.flips_by_statement.iter().all(|it| it.statement.policy_version_id == old.id && it.to == Decision::Deny)
    );
    // A statement forbids: the flips are its own.
    let forbid = world.version("q", FORBID);
    let report = with(&world, &lines, &world.set_version("s", &[&old, &forbid]));
    let groups: Vec<_> = report.flips_by_statement.iter().map(|it| (&it.statement.policy_id, it.count)).collect();
    assert_eq!(groups, [(&forbid.policy_id, 6)]);
    assert_eq!((report.flips, report.reasons_differ), (6, 0));
    // A new version of the same text has other statements.
    let again = world.version("p", &text);
    assert_eq!(with(&world, &lines, &world.set_version("s", &[&again])).reasons_differ, 12);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!((&json["flips"], &json["flips_by_statement"][0]["to"]), (&6.into(), &"deny".into()));
}

#[test]
fn a_line_that_cannot_be_decided_is_named_and_left_out() {
    let world = World::new();
    world.live("s", &[&world.version("p", PERMIT)]);
    let lines = log(&in_force(&world));
    let mut all: Vec<String> = lines.lines().map(str::to_owned).collect();
    let own = replay(&world, &lines, ReplayOptions::new());
    assert!(own.agrees());
    // Each change of the third line.
    let third = all[2].clone();
    let change = |from: &str, to: &str| {
        assert!(third.contains(from), "{from}");
        third.replacen(from, to, 1)
    };
    let of = |field: &str| {
        let value: serde_json::Value = serde_json::from_str(&third).unwrap();
        value["receipt"][field].as_str().unwrap().to_owned()
    };
    let other_sha = "0".repeat(64);
    for (line, reason, problem) in [
        ("not JSON".to_owned(), LeftOut::Malformed, "invalid decision record"),
        ("{}".to_owned(), LeftOut::Malformed, "missing field"),
        (third[..third.len() - 1].to_owned(), LeftOut::Malformed, "EOF"),
        (change("{\"v\":1,", "{\"v\":7,"), LeftOut::Malformed, "form of a decision record is 7"),
        (change("\"receipt\":{\"v\":3", "\"receipt\":{\"v\":9"), LeftOut::Malformed, "receipt form is 9"),
        (change("\"receipt\":{\"v\":3", "\"receipt\":{\"v\":1"), LeftOut::Malformed, "receipt form"),
        (change("\"context\":{}", "\"context\":{\"a\":1.5}"), LeftOut::Malformed, "1.5"),
        (change("\"context\":{}", "\"context\":{\"mfa\":true}"), LeftOut::OtherInputs, "request_sha"),
        (change("\"id\":\"bob\"", "\"id\":\"rob\""), LeftOut::OtherInputs, "request_sha"),
        (third.replace(&of("entities_sha"), &other_sha), LeftOut::MissingEntities, &other_sha),
        (third.replace(&of("request_sha"), &other_sha), LeftOut::OtherInputs, &other_sha),
        (third.replace(&of("manifest_sha"), &other_sha), LeftOut::OtherRules, "manifest_sha"),
        (change("\"zone_id\":\"acme\"", "\"zone_id\":\"other\""), LeftOut::OtherRules, "log_id"),
        (change("\"zone_id\":\"acme\"", "\"zone_id\":\"none\""), LeftOut::OtherRules, "none"),
        (change("\"policy_id\":\"p\"", "\"policy_id\":\"q\""), LeftOut::OtherRules, "statement 0"),
    ] {
        all[2] = line;
        let text = all.join("\n");
        for options in [ReplayOptions::new(), ReplayOptions::new().with(in_force(&world))] {
            let report = replay(&world, &text, options);
            let (number, found, message) = left_out(&report);
            assert_eq!((number, found, report.decisions), (3, reason, 11), "{message}");
            assert!(message.contains(problem), "{problem}: {message}");
        }
    }
    // Entities that are not those of their hash: all decisions with them.
    all[2] = third;
    all[0] = all[0].replacen("\"level\":3", "\"level\":4", 1);
    let report = replay(&world, &all.join("\n"), ReplayOptions::new());
    assert_eq!((report.decisions, &report.left_out), (0, &BTreeMap::from([(LeftOut::OtherInputs, 12)])));
    all[0] = all[0].replacen("\"level\":4", "\"level\":{}", 1).replacen("\"uid\":", "\"Uid\":", 1);
    let report = replay(&world, &all.join("\n"), ReplayOptions::new());
    assert_eq!((report.decisions, &report.left_out), (0, &BTreeMap::from([(LeftOut::Malformed, 12)])));
}

#[test]
fn blank_lines_other_ends_and_another_order_of_members_are_read() {
    let world = World::new();
    world.live("s", &[&world.version("p", PERMIT)]);
    let lines = log(&in_force(&world));
    let swapped = |line: &str| {
        let value: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).unwrap();
        let members: Vec<_> = value.iter().rev().map(|(key, value)| format!(" {key:?} : {value}")).collect();
        format!("\t{{{}, \"at\": \"2026-02-24\" }}", members.join(" ,"))
    };
    let text = lines.lines().map(swapped).collect::<Vec<_>>().join("\r\n \r\n\n");
    let report = replay(&world, &text, ReplayOptions::new());
    assert_eq!((report.agrees(), report.decisions), (true, 12), "{report:?}");
    // Members as in a line with its own entities, and the hash of an earlier line behind them.
    let behind = |line: &str| match line.split_once(",\"receipt\":") {
        Some((start, rest)) => {
            let sha = start.strip_prefix("{\"v\":1,").unwrap();
            format!("{{\"v\":1,\"receipt\":{},{sha}}}", rest.strip_suffix('}').unwrap())
        }
        None => line.to_owned(),
    };
    let report = replay(&world, &lines.lines().map(behind).collect::<Vec<_>>().join("\n"), ReplayOptions::new());
    assert_eq!((report.agrees(), report.decisions), (true, 12), "{report:?}");
    assert_eq!(replay(&world, "", ReplayOptions::new()), ReplayReport::default());
}

#[test]
fn receipts_of_another_zone_or_store_are_left_out() {
    let (world, elsewhere) = (
        World::new(),
        World::with(policy_store::PolicyStore::builder().in_memory().unwrap(), super::support::Clock::new()),
    );
    world.live("s", &[&world.version("p", PERMIT)]);
    elsewhere.live("s", &[&elsewhere.version("p", PERMIT)]);
    let theirs = records(&in_force(&elsewhere));
    let report = replay(&world, &theirs, ReplayOptions::new());
    assert_eq!((report.decisions, &report.left_out), (0, &BTreeMap::from([(LeftOut::OtherRules, 12)])));
    let bound = world.store.write(&customer("alice"), |w| {
        let mut zone = w.zone("other")?;
        let set = zone.create_policy_set(NewPolicySet::named("t"))?;
        let version = zone.create_policy_set_version(&set.id, NewPolicySetVersion::new(V1))?;
        zone.activate(&version.id)
    });
    bound.unwrap();
    let other = world.store.zone("other").unwrap().authorizer(Target::Zone).unwrap();
    let report = replay(&world, &records(&in_force(&world)), ReplayOptions::new().with(other));
    assert_eq!((report.decisions, &report.left_out), (0, &BTreeMap::from([(LeftOut::OtherRules, 12)])));
    assert!(report.left_out_lines[0].message.contains("of another one"), "{report:?}");
}

#[test]
fn inputs_are_read_anew_by_another_schema() {
    let world = World::new();
    world.live("s", &[&world.version("p", PERMIT)]);
    let lines = log(&in_force(&world));
    let version = |name: &str, schema: &str, text: &str| {
        world.write_store(|w| w.publish_schema(NewSchema::cedar(name, schema))).unwrap();
        let made = world.write(|zone| {
            let policy = zone.create_policy(NewPolicy::named(name))?;
            let version = zone.create_policy_version(&policy.id, NewPolicyVersion::cedar(name, text))?;
            zone.create_policy_set_version("s", NewPolicySetVersion::new(name).pin(&version))
        });
        made.unwrap()
    };
    // Another hierarchy of actions, which the schema supplies: `write` is now in `change`.
    let changed = SCHEMA.replace("action read, write", "action change; action write in [change] appliesTo { principal: User, resource: Doc, context: { mfa?: Bool } };\naction read");
    let deny = format!("{PERMIT}forbid(principal, action in Action::\"change\", resource);");
    let report = with(&world, &lines, &version("actions", &changed, &deny));
    assert_eq!((report.decisions, report.flips, report.left_out_total()), (12, 6, 0), "{report:?}");
    // Entities that do not fit.
    let typed = version("typed", &SCHEMA.replace("level: Long", "level: String"), PERMIT);
    let report = with(&world, &lines, &typed);
    assert_eq!((report.decisions, &report.left_out), (0, &BTreeMap::from([(LeftOut::Unreadable, 12)])));
    assert!(report.left_out_lines[0].message.contains("level"), "{report:?}");
    let authorizer = world.zone().authorizer_of_version(&typed.id).unwrap();
    let report = replay(&world, &lines, ReplayOptions::new().with(authorizer).entities_as_given());
    assert_eq!((report.decisions, report.left_out_total()), (12, 0));
    // Requests that do not fit.
    let fewer = version("fewer", &SCHEMA.replace("action read, write", "action read"), PERMIT);
    let report = with(&world, &lines, &fewer);
    assert_eq!((report.decisions, &report.left_out), (6, &BTreeMap::from([(LeftOut::Unreadable, 6)])));
}

/// Many batches, with lines that are left out, flips and other reasons among them.
#[test]
fn the_report_is_the_same_for_any_number_of_threads() {
    let world = World::new();
    let old = world.version("p", PERMIT);
    world.live("s", &[&old]);
    let mut lines = String::new();
    for n in 0..60 {
        lines += &if n % 2 == 0 { log(&in_force(&world)) } else { records(&in_force(&world)) };
        lines += if n % 3 == 0 { "{}\n" } else { "\n" };
    }
    let new = world.version("q", FORBID);
    let new = world.set_version("s", &[&old, &new]);
    let authorizer = world.zone().authorizer_of_version(&new.id).unwrap();
    let report =
        |threads: usize| replay(&world, &lines, ReplayOptions::new().with(authorizer.clone()).threads(threads));
    let expected = report(1);
    assert_eq!((expected.decisions, expected.flips, expected.left_out_total()), (720, 360, 20));
    for threads in [2, 3, 8] {
        assert_eq!(report(threads), expected);
    }
    assert_eq!(replay(&world, &lines, ReplayOptions::new().with(authorizer.clone())), expected);
}

#[test]
fn an_observer_is_told_of_the_bytes_and_may_stop() {
    let world = World::new();
    world.live("s", &[&world.version("p", PERMIT)]);
    let lines = records(&in_force(&world)).repeat(20);
    let told = Mutex::new(Vec::new());
    let observe = |stop_at: u64| {
        let told = &told;
        world.store.watched(move |progress| {
            told.lock().unwrap().push(progress);
            if progress.done >= stop_at { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
    };
    let size = lines.len() as u64;
    let options = ReplayOptions::new().input_bytes(size);
    let report = observe(u64::MAX).replay_decisions(lines.as_bytes(), &options).unwrap();
    assert_eq!(report.decisions, 240);
    let calls = std::mem::take(&mut *told.lock().unwrap());
    assert!(calls.len() >= 3 && calls.iter().all(|it| (it.work, it.total) == (Work::Replay, size)), "{calls:?}");
    assert_eq!((calls[0].done, calls.last().unwrap().done), (0, size));
    refused(observe(1).replay_decisions(lines.as_bytes(), &options), (Stopped, "stopped"), "replay");
    // Without the size, the observer is told of the end, too.
    observe(u64::MAX).replay_decisions(lines.as_bytes(), &ReplayOptions::new()).unwrap();
    let last = *told.lock().unwrap().last().unwrap();
    assert_eq!((last.done, last.total), (size, size));
}

#[test]
fn an_input_that_fails_ends_the_replay() {
    struct Broken;
    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("pulled out"))
        }
    }
    let world = World::new();
    let input = std::io::BufReader::new(Broken);
    refused(
        world.store.replay_decisions(input, &ReplayOptions::new()),
        (Unavailable, "storage"),
        "read decision records",
    );
}
