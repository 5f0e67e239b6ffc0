//! The loop: publishes soon, repeats when idle, tries again, stops.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use policy_store_replica::Outcome;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

use super::faulty::{Fault, Faulty};
use super::reading::Objects;
use super::support::World;

/// The number of a head, or the code of an error.
type Seen = Result<(u64, Outcome), String>;

#[tokio::test(start_paused = true)]
async fn the_loop_publishes_repeats_tries_again_and_stops() {
    let world = Arc::new(World::new());
    let faulty = Faulty::new(world.objects.clone(), []);
    let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
    let observed = seen.clone();
    let observer = move |outcome: &policy_store_replica::Result<_>| {
        let outcome: Result<&policy_store_replica::Published, _> = outcome.as_ref();
        let short = outcome.map(|found| (found.number, found.outcome)).map_err(|error| error.code().to_owned());
        observed.lock().unwrap().push(short);
    };
    let builder = world.builder(Arc::new(faulty.clone())).poll_every(Duration::from_millis(100)).observer(observer);
    let mut publisher = builder.build().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let (ended, took) = (async { drop(stopped.await) }, Instant::now());
    let looped = tokio::spawn(async move { publisher.run(ended).await });

    sleep(Duration::from_millis(950)).await;
    assert_eq!(*seen.lock().unwrap(), [Ok((0, Outcome::New))]);
    world.zone("acme");
    sleep(Duration::from_millis(150)).await;
    assert_eq!(seen.lock().unwrap()[1..], [Ok((1, Outcome::New))]);
    world.pass(60);
    sleep(Duration::from_millis(150)).await;
    assert_eq!(seen.lock().unwrap()[2..], [Ok((2, Outcome::Repeated))]);

    // It tries again, with growing pauses.
    for n in 0..8 {
        faulty.plan(faulty.requests() + n, Fault::Before);
    }
    world.change("acme", "p");
    sleep(Duration::from_secs(120)).await;
    let found = seen.lock().unwrap().clone();
    let (failed, last) = found[3..].split_at(found.len() - 4);
    assert!(
        (4..=8).contains(&failed.len()) && failed.iter().all(|outcome| *outcome == Err("unavailable".to_owned())),
        "{found:?}"
    );
    assert!(matches!(last, [Ok((3, Outcome::New))]), "{found:?}");
    stop.send(()).unwrap();
    looped.await.unwrap().unwrap();
    assert!(took.elapsed() < Duration::from_secs(130));
    Objects::read(&*world.objects).await.follow();
}

#[tokio::test(start_paused = true)]
async fn the_loop_ends_with_an_error_that_waiting_does_not_change() {
    let (world, other) = (World::new(), World::new());
    world.publisher().publish().await.unwrap();
    let mut publisher = other.builder(world.objects.clone()).build().unwrap();
    let error = publisher.run(std::future::pending()).await.unwrap_err();
    assert_eq!(error.code(), "fork");
}

#[tokio::test(start_paused = true)]
async fn a_publication_that_is_dropped_is_finished_by_the_next_call() {
    let world = World::new();
    world.zone("acme");
    let faulty = Faulty::new(world.objects.clone(), []);
    let mut publisher = world.builder(Arc::new(faulty.clone())).build().unwrap();
    for n in 0..30 {
        faulty.plan(n, Fault::Late(Duration::from_secs(1)));
    }
    let mut tries = 0;
    while tokio::time::timeout(Duration::from_millis(2_500), publisher.publish()).await.is_err() {
        tries += 1;
        assert!(tries < 40);
    }
    assert!(tries > 1);
    let objects = Objects::read(&*world.objects).await;
    objects.check_tiles(&world.store);
    assert_eq!(objects.follow().store().checkpoint().unwrap(), world.store.checkpoint().unwrap());
}
