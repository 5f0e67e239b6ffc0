//! An edge: decides as the store does, takes over newer rules while requests run, and costs little while there are none.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use policy_store::cedar_policy::{Decision, Entities};
use policy_store::{
    Authorizer, NewPolicy, NewPolicySet, NewPolicySetVersion, NewPolicyVersion, Target, TargetType, Timestamp,
};
use policy_store_replica::object_store::ObjectStore;
use policy_store_replica::{
    Bucket, Edge, Outcome, PublicationTrust, Published, Publisher, PublisherBuilder, RulesOutcome,
};

use super::faulty::{Fault, Faulty};
use super::support::{V1, World, key, ops};

pub const PERMIT: &str = "permit (principal, action, resource);";
pub const FORBID: &str = "forbid (principal, action, resource);";

/// Binds a version with one text to a target of a zone.
pub fn bind(world: &World, zone: &str, target: Target, text: &str) {
    let set = if target == Target::Zone { "zone" } else { "user" };
    let made = world.store.write(&ops(), |w| {
        let mut zone = w.zone(zone)?;
        if zone.policy_set(set).is_err() {
            zone.create_policy_set(NewPolicySet::named(set).id(set).target_type(target.target_type()))?;
            zone.create_policy(NewPolicy::named(set).id(set))?;
        }
        let version = zone.create_policy_version(set, NewPolicyVersion::cedar(V1, text))?;
        let version = zone.create_policy_set_version(set, NewPolicySetVersion::new(V1).pin(&version))?;
        zone.bind(&version.id, target).map(drop)
    });
    made.unwrap();
}

pub fn guard(world: &World, zone: &str, text: &str) {
    let made = world.store.write(&ops(), |w| {
        let mut zone = w.zone(zone)?;
        zone.create_policy_set(NewPolicySet::named("guard").id("guard").target_type(TargetType::Zone))?;
        zone.create_policy(NewPolicy::named("guard").id("guard"))?;
        let version = zone.create_policy_version("guard", NewPolicyVersion::cedar(V1, text))?;
        let version = zone.create_policy_set_version("guard", NewPolicySetVersion::new(V1).pin(&version))?;
        zone.bind_guardrail(&version.id).map(drop)
    });
    made.unwrap();
}

/// A zone whose rules permit.
pub fn world() -> World {
    let world = World::new();
    world.zone("acme");
    bind(&world, "acme", Target::Zone, PERMIT);
    world
}

/// A publisher of the rules of the zone.
pub fn builder(world: &World, objects: Arc<dyn ObjectStore>) -> PublisherBuilder {
    world.builder(objects).rules("acme", Target::Zone)
}

pub fn publisher(world: &World) -> Publisher {
    builder(world, world.objects.clone()).build().unwrap()
}

pub fn trust() -> PublicationTrust {
    PublicationTrust::new(key(1)).unwrap()
}

pub fn edge_of(world: &World, objects: Arc<dyn ObjectStore>, target: Target) -> Edge {
    let clock = world.clock();
    Edge::new(Bucket::new(objects), trust(), "acme", target).unwrap().clock(clock)
}

pub fn edge(world: &World) -> Edge {
    edge_of(world, world.objects.clone(), Target::Zone)
}

pub fn decide(authorizer: &Authorizer, user: &str) -> Decision {
    let request = authorizer.request(("User", user), "Action::\"view\"", ("Doc", "d"), "{}").unwrap();
    authorizer.is_authorized(&request, &Entities::empty()).unwrap().decision()
}

pub fn decision(edge: &Edge) -> Decision {
    decide(&edge.authorizer().unwrap(), "ann")
}

/// The outcomes of the rules, in short.
pub fn short(published: &Published) -> Vec<String> {
    let short = |outcome: &RulesOutcome| match outcome {
        RulesOutcome::Put => "put".to_owned(),
        RulesOutcome::Unchanged => "unchanged".to_owned(),
        RulesOutcome::NotBound => "not bound".to_owned(),
        RulesOutcome::Failed(error) => error.code().to_owned(),
        other => panic!("{other:?}"),
    };
    published.rules.iter().map(|rules| short(&rules.outcome)).collect()
}

async fn publishes(publisher: &mut Publisher, outcome: Outcome, rules: &[&str]) {
    let published = publisher.publish().await.unwrap();
    assert_eq!((published.outcome, short(&published)), (outcome, rules.iter().map(|it| (*it).to_owned()).collect()));
}

/// Both decide alike, with one receipt, which the store replays.
#[track_caller]
fn same(world: &World, edge: &Edge, target: Target) -> Vec<Decision> {
    let (by_edge, by_store) =
        (edge.authorizer().unwrap(), world.store.zone("acme").unwrap().authorizer(target).unwrap());
    assert_eq!(by_edge.log_end(), by_store.log_end());
    let decide = |user: &&str| {
        let answers = [&*by_edge, &by_store].map(|authorizer| {
            let request = authorizer.request(("User", *user), "Action::\"view\"", ("Doc", "d"), "{}").unwrap();
            let answer = authorizer.is_authorized(&request, &Entities::empty()).unwrap();
            let receipt = answer.receipt(&Entities::empty()).unwrap();
            (request, answer.decision(), receipt)
        });
        let [(request, decision, receipt), by_store] = &answers;
        assert_eq!((decision, receipt), (&by_store.1, &by_store.2));
        world.store.replay(receipt, request, &Entities::empty()).unwrap().agrees_with(receipt).unwrap();
        *decision
    };
    ["ann", "bob"].iter().map(decide).collect()
}

#[tokio::test]
async fn an_edge_decides_as_the_store_does_and_its_receipts_replay_there() {
    let world = world();
    bind(&world, "acme", Target::user("ann"), FORBID);
    let user = || Target::user("ann");
    let publisher = builder(&world, world.objects.clone()).rules("acme", user()).rules("acme", Target::Zone);
    let mut publisher = publisher.build().unwrap();
    let edges = [edge(&world), edge_of(&world, world.objects.clone(), user())];
    let polled = async || [edges[0].poll().await.unwrap(), edges[1].poll().await.unwrap()];
    assert_eq!(polled().await, [false, false]);
    assert!(edges[0].authorizer().is_none() && edges[0].status().is_none());
    publishes(&mut publisher, Outcome::New, &["put", "put"]).await;
    assert_eq!(polled().await, [true, true]);
    let (allow, deny) = (Decision::Allow, Decision::Deny);
    assert_eq!(same(&world, &edges[0], Target::Zone), [allow, allow]);
    assert_eq!(same(&world, &edges[1], user()), [deny, deny]);
    let status = edges[0].status().unwrap();
    let zone = world.store.zone("acme").unwrap();
    assert_eq!((status.checkpoint, status.time.as_micros()), (zone.checkpoint().unwrap(), world.now() * 1_000_000));

    let kept = edges[0].authorizer().unwrap();
    guard(&world, "acme", "forbid (principal == User::\"bob\", action, resource);");
    bind(&world, "acme", user(), PERMIT);
    publishes(&mut publisher, Outcome::New, &["put", "put"]).await;
    assert_eq!(polled().await, [true, true]);
    assert_eq!(polled().await, [false, false]);
    for (edge, target) in edges.iter().zip([Target::Zone, user()]) {
        assert_eq!(same(&world, edge, target), [allow, deny]);
    }
    // A request that runs goes on by the rules that it began with.
    assert_eq!(decide(&kept, "bob"), allow);
    // In a folder too, by a new edge.
    let folder = tempfile::tempdir().unwrap();
    let bucket = || Bucket::folder(folder.path()).unwrap().with_prefix("policies/production").unwrap();
    let objects = Publisher::builder(&world.store, bucket(), key(1), Arc::new(super::support::signer(1)), ops());
    let rules = objects.rules("acme", user()).build().unwrap().publish().await.unwrap();
    assert_eq!(short(&rules), ["put"]);
    let edge = Edge::new(bucket(), trust(), "acme", user()).unwrap();
    assert!(edge.poll().await.unwrap() && !edge.poll().await.unwrap());
    assert_eq!(same(&world, &edge, user()), [allow, deny]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_are_taken_over_while_threads_decide() {
    let world = world();
    let mut publisher = publisher(&world);
    publisher.publish().await.unwrap();
    let edge = Arc::new(edge(&world));
    edge.poll().await.unwrap();
    let (stop, decided) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (edge, stop, decided) = (edge.clone(), stop.clone(), decided.clone());
            std::thread::spawn(move || {
                while !stop.load(Ordering::SeqCst) {
                    // Both of one request are by the same rules.
                    let authorizer = edge.authorizer().unwrap();
                    assert_eq!(decide(&authorizer, "ann"), decide(&authorizer, "bob"));
                    decided.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    for round in 0..6 {
        let (text, expected) = if round % 2 == 0 { (FORBID, Decision::Deny) } else { (PERMIT, Decision::Allow) };
        bind(&world, "acme", Target::Zone, &format!("// {round}\n{text}"));
        publisher.publish().await.unwrap();
        // Polls at once take turns.
        let (one, two) = futures_util::future::join(edge.poll(), edge.poll()).await;
        assert_eq!([one.unwrap(), two.unwrap()].iter().filter(|newer| **newer).count(), 1);
        assert_eq!(decision(&edge), expected);
        let before = decided.load(Ordering::SeqCst);
        while decided.load(Ordering::SeqCst) < before + 4 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    stop.store(true, Ordering::SeqCst);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[tokio::test]
async fn rules_are_put_when_they_change_or_grow_old_and_not_else() {
    let world = world();
    world.zone("other");
    let faulty = Faulty::new(world.objects.clone(), []);
    let mut publisher = builder(&world, Arc::new(faulty.clone())).build().unwrap();
    publishes(&mut publisher, Outcome::New, &["put"]).await;
    let requests = faulty.requests();
    publishes(&mut publisher, Outcome::Unchanged, &["unchanged"]).await;
    assert_eq!(faulty.requests(), requests);
    // Another zone, and what is not in force.
    world.pass(1);
    world.change("other", "p");
    publishes(&mut publisher, Outcome::New, &["unchanged"]).await;
    world.change("acme", "p");
    publishes(&mut publisher, Outcome::New, &["unchanged"]).await;
    publishes(&mut publisher, Outcome::Unchanged, &["unchanged"]).await;
    // Binding the rules anew, and a guardrail.
    bind(&world, "acme", Target::Zone, FORBID);
    publishes(&mut publisher, Outcome::New, &["put"]).await;
    guard(&world, "acme", FORBID);
    publishes(&mut publisher, Outcome::New, &["put"]).await;
    let edge = edge(&world);
    edge.poll().await.unwrap();
    let first = edge.status().unwrap();
    assert_eq!(first.age, Duration::ZERO);
    // A store in which something else is always new: no head is repeated.
    for second in 1..=70_i64 {
        world.pass(1);
        world.change("other", &format!("p{second}"));
        publishes(&mut publisher, Outcome::New, &[if second == 60 { "put" } else { "unchanged" }]).await;
    }
    assert!(!edge.poll().await.unwrap());
    let status = edge.status().unwrap();
    assert_eq!((status.checkpoint, status.age), (first.checkpoint, Duration::from_secs(10)));
    // With a repeated head always, even if it is soon.
    world.pass(60);
    publishes(&mut publisher, Outcome::Repeated, &["put"]).await;
    assert!(!edge.poll().await.unwrap());
    assert_eq!(edge.status().unwrap().age, Duration::ZERO);
    world.pass(10);
    world.change("other", "last");
    publishes(&mut publisher, Outcome::New, &["unchanged"]).await;
    world.pass(-60);
    publishes(&mut publisher, Outcome::Repeated, &["put"]).await;
}

#[tokio::test]
async fn polls_without_news_read_no_bytes() {
    let world = world();
    let mut publisher = publisher(&world);
    publisher.publish().await.unwrap();
    let faulty = Faulty::new(world.objects.clone(), []);
    let edge = edge_of(&world, Arc::new(faulty.clone()), Target::Zone);
    assert!(edge.poll().await.unwrap());
    let first = faulty.count("get");
    assert!(first.requests == 1 && first.bytes > 1_000 && faulty.requests() == 1);
    for _ in 0..3 {
        assert!(!edge.poll().await.unwrap());
    }
    assert_eq!((faulty.count("get").requests, faulty.count("get").bytes, faulty.requests()), (4, first.bytes, 4));
}

#[tokio::test]
async fn a_target_that_fails_does_not_stop_heads_and_is_tried_again() {
    let world = world();
    let publisher = builder(&world, world.objects.clone()).rules("late", Target::Zone);
    let mut publisher = publisher.rules("acme", Target::user("ann")).build().unwrap();
    publishes(&mut publisher, Outcome::New, &["put", "store", "not bound"]).await;
    let published = publisher.publish().await.unwrap();
    let RulesOutcome::Failed(error) = &published.rules[1].outcome else { panic!() };
    assert!(std::error::Error::source(&**error).unwrap().to_string().contains("`late`"), "{error:?}");
    assert_eq!((published.rules[1].zone_id.as_str(), &published.rules[2].target), ("late", &Target::user("ann")));
    world.zone("late");
    publishes(&mut publisher, Outcome::New, &["unchanged", "not bound", "not bound"]).await;
    bind(&world, "late", Target::Zone, PERMIT);
    bind(&world, "acme", Target::user("ann"), PERMIT);
    publishes(&mut publisher, Outcome::New, &["unchanged", "put", "put"]).await;
    // The rules of a target that is not bound any more stay, and become old.
    world.store.write(&ops(), |w| w.zone("acme")?.unbind(Target::user("ann")).map(drop)).unwrap();
    world.pass(60);
    publishes(&mut publisher, Outcome::New, &["put", "put", "not bound"]).await;
    let edge = edge_of(&world, world.objects.clone(), Target::user("ann")).max_age(Duration::from_secs(59));
    assert_eq!(edge.poll().await.unwrap_err().code(), "frozen");
    assert_eq!(decision(&edge), Decision::Allow);
}

#[tokio::test]
async fn ids_that_break_a_rule_are_refused() {
    let world = world();
    for (zone, target) in [("a/b", Target::Zone), ("acme", Target::user("")), ("acme", Target::user("x".repeat(257)))] {
        let built = world.builder(world.objects.clone()).rules(zone, target.clone()).build();
        assert_eq!(built.err().unwrap().code(), "store", "{zone}");
        assert_eq!(Edge::new(Bucket::memory(), trust(), zone, target).unwrap_err().code(), "store", "{zone}");
    }
}

/// In real time: a wait for a commit stops the paused clock.
#[tokio::test]
async fn the_loops_try_again_and_observe() {
    let world = world();
    let faulty = Faulty::new(world.objects.clone(), []);
    let seen: Arc<std::sync::Mutex<Vec<(Outcome, String)>>> = Arc::default();
    let observed = seen.clone();
    let observer = move |outcome: &policy_store_replica::Result<Published>| {
        let published = outcome.as_ref().unwrap();
        observed.lock().unwrap().push((published.outcome, short(published).concat()));
    };
    let publisher = builder(&world, Arc::new(faulty.clone())).poll_every(Duration::from_millis(100)).observer(observer);
    let mut publisher = publisher.build().unwrap();
    publishes(&mut publisher, Outcome::New, &["put"]).await;
    bind(&world, "acme", Target::Zone, FORBID);
    // The delta, the head, and the rules three times.
    for number in 2..5 {
        faulty.plan(faulty.requests() + number, Fault::Before);
    }
    let edge = edge(&world);
    let mut polled = Vec::new();
    // Until the rules are put and read, or much too long.
    let is_put = || seen.lock().unwrap().last().is_some_and(|(_, rules)| rules == "put");
    let stop = || async {
        for _ in 0..600 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            if is_put() {
                return tokio::time::sleep(Duration::from_secs(2)).await;
            }
        }
    };
    let loops = futures_util::future::join(
        publisher.run(stop()),
        edge.run(Duration::from_millis(50), stop(), |outcome| polled.push(*outcome.as_ref().unwrap())),
    );
    loops.await.0.unwrap();
    let failed = (Outcome::Unchanged, "unavailable".to_owned());
    let expected = [(Outcome::New, failed.1.clone()), failed.clone(), failed, (Outcome::Unchanged, "put".to_owned())];
    assert_eq!(*seen.lock().unwrap(), expected);
    assert_eq!(polled.iter().filter(|newer| **newer).count(), 2, "{polled:?}");
    assert_eq!((decision(&edge), polled.len() > 2), (Decision::Deny, true), "{polled:?}");
}

#[tokio::test]
async fn a_failing_forbid_denies_where_that_is_asked_for() {
    let world = world();
    let fails = "forbid (principal, action, resource) when { 9223372036854775807 + 1 == 0 };";
    guard(&world, "acme", fails);
    publisher(&world).publish().await.unwrap();
    let (lenient, strict) = (edge(&world), edge(&world).deny_on_forbid_error());
    assert!(lenient.poll().await.unwrap() && strict.poll().await.unwrap());
    assert_eq!((decision(&lenient), decision(&strict)), (Decision::Allow, Decision::Deny));
    // Also by later rules.
    bind(&world, "acme", Target::Zone, &format!("// new\n{PERMIT}"));
    publisher(&world).publish().await.unwrap();
    assert!(strict.poll().await.unwrap());
    assert_eq!(decision(&strict), Decision::Deny);
    // Rules of before count for nothing when it is asked for later.
    let later = lenient.deny_on_forbid_error();
    assert!(later.authorizer().is_none() && later.poll().await.unwrap());
    assert_eq!(decision(&later), Decision::Deny);
    assert_eq!(later.status().unwrap().time, Timestamp::from_micros(world.now() * 1_000_000));
}
