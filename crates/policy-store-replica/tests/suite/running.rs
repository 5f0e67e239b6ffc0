//! The loop: publishes soon, repeats when idle, tries again, stops.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use policy_store_replica::Outcome;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

use super::faulty::{Fault, Faulty};
use super::reading::Objects;
use super::support::{World, ops};

/// The number of a head, or the code of an error.
type Seen = Result<(u64, Outcome), String>;

/// A loop under way, with the outcomes that it tells.
struct Looped {
    world: World,
    faulty: Faulty,
    seen: Arc<Mutex<Vec<Seen>>>,
    stop: oneshot::Sender<()>,
    task: tokio::task::JoinHandle<policy_store_replica::Result<()>>,
}

impl Looped {
    fn start(poll_every: Duration) -> Self {
        let (world, seen) = (World::new(), Arc::<Mutex<Vec<Seen>>>::default());
        let faulty = Faulty::new(world.objects.clone(), []);
        let observed = seen.clone();
        let observer = move |outcome: &policy_store_replica::Result<_>| {
            let outcome: Result<&policy_store_replica::Published, _> = outcome.as_ref();
            let short = outcome.map(|found| (found.number, found.outcome)).map_err(|error| error.code().to_owned());
            observed.lock().unwrap().push(short);
        };
        let builder = world.builder(Arc::new(faulty.clone())).poll_every(poll_every).observer(observer);
        let mut publisher = builder.build().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move { publisher.run(async { drop(stopped.await) }).await });
        Self { world, faulty, seen, stop, task }
    }

    /// The outcomes from one on, once the loop has put a head.
    async fn until(&self, from: usize, last: (u64, Outcome)) -> Vec<Seen> {
        let began = Instant::now();
        loop {
            let found = self.seen.lock().unwrap().get(from..).unwrap_or_default().to_vec();
            if found.last() == Some(&Ok(last)) {
                return found;
            }
            assert!(began.elapsed() < Duration::from_secs(30), "{found:?}");
            sleep(Duration::from_millis(2)).await;
        }
    }
}

#[tokio::test]
async fn the_loop_publishes_repeats_tries_again_and_stops() {
    let looped = Looped::start(Duration::from_millis(10));
    looped.until(0, (0, Outcome::New)).await;
    sleep(Duration::from_millis(100)).await;
    assert_eq!(looped.seen.lock().unwrap().len(), 1);
    looped.world.zone("acme");
    assert_eq!(looped.until(1, (1, Outcome::New)).await.len(), 1);
    looped.world.pass(60);
    assert_eq!(looped.until(2, (2, Outcome::Repeated)).await.len(), 1);

    // It tries again, with growing pauses: 20, 40, 80, 160 ms.
    for n in 0..4 {
        looped.faulty.plan(looped.faulty.requests() + n, Fault::Before);
    }
    let began = Instant::now();
    looped.world.change("acme", "p");
    let found = looped.until(3, (3, Outcome::New)).await;
    let (_, failed) = found.split_last().unwrap();
    assert!((2..=4).contains(&failed.len()), "{found:?}");
    assert!(failed.iter().all(|outcome| *outcome == Err("unavailable".to_owned())), "{found:?}");
    assert!(began.elapsed() >= Duration::from_millis(60));
    looped.stop.send(()).unwrap();
    looped.task.await.unwrap().unwrap();
    Objects::read(&*looped.world.objects).await.follow();
}

#[tokio::test]
async fn the_loop_publishes_an_erasure_that_leaves_the_number_of_entries_as_it_was() {
    let looped = Looped::start(Duration::from_millis(10));
    looped.until(0, (0, Outcome::New)).await;
    let gone = looped.world.zone("gone");
    looped.until(1, (1, Outcome::New)).await;
    sleep(Duration::from_millis(50)).await;
    let entries = looped.world.store.stats().unwrap().entries;
    looped.world.store.erase_zone(&ops(), "gone").unwrap();
    assert_eq!(looped.world.store.stats().unwrap().entries, entries);
    assert_eq!(looped.until(2, (2, Outcome::New)).await.len(), 1);
    assert!(Objects::read(&*looped.world.objects).await.names(&format!("logs/{gone}")).is_empty());
}

#[tokio::test]
async fn a_commit_wakes_the_loop_and_a_stop_ends_it_at_once() {
    // Between looks at the clock, nothing but a commit, or the stop, ends the wait.
    let looped = Looped::start(Duration::from_secs(3_600));
    looped.until(0, (0, Outcome::New)).await;
    for number in 1..=3 {
        looped.world.zone(&format!("z{number}"));
        looped.until(1, (number, Outcome::New)).await;
    }
    let began = Instant::now();
    looped.stop.send(()).unwrap();
    looped.task.await.unwrap().unwrap();
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
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
