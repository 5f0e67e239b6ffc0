//! Publishers that are killed, answers that are lost, and zones that are erased: the rules in the bucket are those of the newest
//! head in the end, and an edge never has others than the store had.

use std::sync::Arc;

use policy_store::Target;
use policy_store::cedar_policy::Decision;
use policy_store_replica::Outcome;
use policy_store_replica::object_store::path::Path;
use policy_store_replica::object_store::{ObjectStoreExt as _, PutPayload};

use super::edge::{FORBID, PERMIT, bind, builder, decision, edge, edge_of, publisher, short, world};
use super::faulty::{Fault, Faulty};
use super::reading::Objects;
use super::support::{World, ops};

#[tokio::test]
async fn a_publisher_that_was_killed_between_head_and_rules_catches_up() {
    for (fault, has_grown) in [(Fault::GoneBefore, true), (Fault::GoneBefore, false), (Fault::GoneAfter, false)] {
        let world = world();
        let faulty = Faulty::new(world.objects.clone(), []);
        let mut killed = builder(&world, Arc::new(faulty.clone())).build().unwrap();
        killed.publish().await.unwrap();
        let edge = edge(&world);
        edge.poll().await.unwrap();
        bind(&world, "acme", Target::Zone, FORBID);
        // The delta, the head, and the rules.
        faulty.plan(faulty.requests() + 2, fault);
        let published = killed.publish().await.unwrap();
        assert_eq!((published.outcome, short(&published)), (Outcome::New, vec!["unavailable".to_owned()]));
        assert_eq!(Objects::read(&*world.objects).await.heads().len(), 2);
        assert_eq!(edge.poll().await.unwrap(), fault == Fault::GoneAfter);
        if has_grown {
            world.pass(1);
            world.change("acme", "p");
        }
        let published = publisher(&world).publish().await.unwrap();
        let expected = if has_grown { Outcome::New } else { Outcome::Unchanged };
        assert_eq!((published.outcome, short(&published)), (expected, vec!["put".to_owned()]));
        edge.poll().await.unwrap();
        assert_eq!(decision(&edge), Decision::Deny);
    }
}

#[tokio::test]
async fn a_publisher_that_comes_back_after_another_puts_its_rules_again() {
    let world = world();
    let (mut one, mut two) = (publisher(&world), publisher(&world));
    one.publish().await.unwrap();
    two.publish().await.unwrap();
    bind(&world, "acme", Target::Zone, FORBID);
    assert_eq!(short(&two.publish().await.unwrap()), ["put"]);
    world.pass(1);
    bind(&world, "acme", Target::Zone, PERMIT);
    assert_eq!(one.publish().await.unwrap_err().code(), "fenced");
    assert_eq!(short(&one.publish().await.unwrap()), ["put"]);
    // The same rules too: the other one may have put older ones late.
    let older = Objects::read(&*world.objects).await.0["rules/acme/zone"].clone();
    world.change("acme", "p");
    world.pass(1);
    assert_eq!(two.publish().await.unwrap_err().code(), "fenced");
    two.publish().await.unwrap();
    world.change("acme", "q");
    world.pass(1);
    assert_eq!(one.publish().await.unwrap_err().code(), "fenced");
    put(&world, "rules/acme/zone", &older).await;
    assert_eq!(short(&one.publish().await.unwrap()), ["put"]);
    let edge = edge(&world);
    edge.poll().await.unwrap();
    assert_eq!(decision(&edge), Decision::Allow);
}

/// Publishes each state, with one fault; a new publisher takes over if the storage is gone.
async fn run(fault: Option<(u64, Fault)>) -> u64 {
    let world = world();
    let faulty = Faulty::new(world.objects.clone(), fault);
    let mut publisher = builder(&world, Arc::new(faulty.clone())).build().unwrap();
    let edge = edge(&world);
    for (n, text) in [PERMIT, FORBID, PERMIT].iter().enumerate() {
        bind(&world, "acme", Target::Zone, &format!("// {n}\n{text}"));
        world.pass(1);
        let mut done = false;
        for _ in 0..4 {
            let outcome = publisher.publish().await;
            done = outcome.as_ref().is_ok_and(|published| short(published) != ["unavailable"]);
            assert!(outcome.as_ref().map_or_else(|error| error.code() == "unavailable", |_| true), "{outcome:?}");
            // Whatever is there is good.
            edge.poll().await.unwrap();
            if done {
                break;
            }
            if matches!(fault, Some((_, Fault::GoneBefore | Fault::GoneAfter))) {
                publisher = builder(&world, world.objects.clone()).build().unwrap();
            }
        }
        assert!(done, "not published");
        let expected = if *text == PERMIT { Decision::Allow } else { Decision::Deny };
        assert_eq!(decision(&edge), expected, "{n}");
        let end = edge.status().unwrap().checkpoint;
        assert_eq!(end, world.store.zone("acme").unwrap().checkpoint().unwrap());
    }
    faulty.requests()
}

#[tokio::test]
async fn lost_answers_of_the_publisher_are_survived() {
    let requests = run(None).await;
    assert!(requests > 15, "{requests}");
    let faults = [Fault::Before, Fault::After, Fault::GoneBefore, Fault::GoneAfter, Fault::Twice, Fault::Cut];
    for number in 0..requests {
        let fault = faults[usize::try_from(number).unwrap() % faults.len()];
        eprintln!("request {number}: {fault:?}");
        run(Some((number, fault))).await;
    }
}

#[tokio::test]
async fn lost_answers_of_an_edge_are_survived() {
    let world = world();
    let mut publisher = publisher(&world);
    publisher.publish().await.unwrap();
    let faulty = Faulty::new(world.objects.clone(), []);
    let edge = edge_of(&world, Arc::new(faulty.clone()), Target::Zone);
    for (n, fault) in [Fault::Before, Fault::After, Fault::Cut].into_iter().enumerate() {
        let text = if n % 2 == 0 { FORBID } else { PERMIT };
        bind(&world, "acme", Target::Zone, &format!("// {n}\n{text}"));
        publisher.publish().await.unwrap();
        faulty.plan(faulty.requests(), fault);
        let before = edge.status();
        let error = edge.poll().await.unwrap_err();
        assert_eq!((error.code(), error.object(), edge.status()), ("unavailable", Some("rules/acme/zone"), before));
        assert!(edge.poll().await.unwrap());
        assert_eq!(decision(&edge), if n % 2 == 0 { Decision::Deny } else { Decision::Allow });
    }
}

async fn put(world: &World, name: &str, bytes: &[u8]) {
    world.objects.put(&Path::from(name), PutPayload::from(bytes.to_vec())).await.unwrap();
}

#[tokio::test]
async fn the_rules_of_an_erased_zone_leave_the_bucket() {
    let world = world();
    world.zone("kept");
    bind(&world, "kept", Target::Zone, PERMIT);
    bind(&world, "acme", Target::user("ann"), PERMIT);
    let user = || Target::user("ann");
    let all = |world: &World| {
        let chosen = builder(world, world.objects.clone()).rules("kept", Target::Zone);
        chosen.rules("acme", user()).build().unwrap()
    };
    let mut publisher = all(&world);
    publisher.publish().await.unwrap();
    let before = Objects::read(&*world.objects).await;
    assert_eq!(before.names("rules/"), ["rules/acme/user-616e6e", "rules/acme/zone", "rules/kept/zone"]);
    world.store.erase_zone(&ops(), "acme").unwrap();
    assert_eq!(short(&publisher.publish().await.unwrap()), ["store", "unchanged", "store"]);
    let names = async || Objects::read(&*world.objects).await.names("rules/").join(" ");
    assert_eq!(names().await, "rules/kept/zone");

    // A zone with the same id keeps its own, and a publisher that was killed has left those of the erased one.
    world.zone("acme");
    bind(&world, "acme", Target::Zone, FORBID);
    assert_eq!(short(&publisher.publish().await.unwrap()), ["put", "unchanged", "not bound"]);
    for name in ["rules/acme/user-616e6e", "rules/kept/zone"] {
        put(&world, name, &before.0[name]).await;
    }
    put(&world, "rules/acme/notes.txt", b"no rules").await;
    put(&world, "rules/notes.txt", b"of somebody else").await;
    let only = world.builder(world.objects.clone()).build();
    assert_eq!(only.unwrap().publish().await.unwrap().outcome, Outcome::Unchanged);
    assert_eq!(names().await, "rules/acme/zone rules/kept/zone rules/notes.txt");
    let edge = edge(&world);
    edge.poll().await.unwrap();
    assert_eq!(decision(&edge), Decision::Deny);
    // The next erasure removes only its own.
    world.store.erase_zone(&ops(), "kept").unwrap();
    publisher.publish().await.unwrap();
    assert_eq!(names().await, "rules/acme/zone rules/notes.txt");
}
