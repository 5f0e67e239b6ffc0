//! The time from a commit to the first decision of a follower by it, while both sides run.

use std::future::Future;
use std::time::Duration;

use policy_store::PolicyStore;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::run;
use crate::storage::Storage;
use crate::world::{World, decides_by, follower};

/// The interval of the follower, and of the publisher's looks at its store.
const POLL: Duration = Duration::from_millis(50);

/// Prints the lags. Baseline: storage in memory, where only the intervals and the stores take time.
pub fn lag(runtime: &Runtime) {
    if !run::takes("lag") {
        return;
    }
    println!("\nFrom the return of a commit to the first decision by it. Intervals of both sides: {}.", run::ms(POLL));
    run::row(["Storage", "Changes", "Median", "95 of 100", "Most", "Median in polls"]);
    run::row(["---"; 6]);
    for storage in Storage::all() {
        let world = World::new(run::size(1_000, 50));
        let lags = lags(runtime, &world, &storage, run::size(200, 4));
        let [median, most_of, most] = [0.5, 0.95, 1.0].map(|part| run::quantile(&lags, part));
        let polls = format!("{:.2}", median.as_secs_f64() / POLL.as_secs_f64());
        let changes = lags.len().to_string();
        run::row([storage.name, &changes, &run::ms(median), &run::ms(most_of), &run::ms(most), &polls]);
    }
}

/// The sorted lags of changes at all moments of the intervals.
fn lags(runtime: &Runtime, world: &World, storage: &Storage, changes: usize) -> Vec<Duration> {
    let mut publisher = world.publisher(storage.objects.clone()).poll_every(POLL).build().unwrap();
    let mut follower = follower(storage.objects.clone(), world.replica("lag"));
    runtime.block_on(async {
        publisher.publish().await.unwrap();
        follower.poll().await.unwrap();
    });
    let store = follower.store().clone();
    let (stop, stopped) = watch::channel(());
    let until = |mut stopped: watch::Receiver<()>| async move { drop(stopped.changed().await) };
    let publishing = runtime.spawn({
        let stopped = until(stopped.clone());
        async move { publisher.run(stopped).await.unwrap() }
    });
    let following = runtime.spawn(follow(follower, until(stopped)));
    let mut lags: Vec<_> = (0..changes).map(|n| one(world, &store, n)).collect();
    drop(stop);
    runtime.block_on(async { (publishing.await.unwrap(), following.await.unwrap()) });
    lags.sort_unstable();
    lags
}

async fn follow(mut follower: policy_store_replica::Follower, stop: impl Future<Output = ()>) {
    follower.run(POLL, stop, |outcome| assert!(outcome.is_ok(), "{outcome:?}")).await;
}

/// The lag of one change. The `n`th comes at another moment of the intervals.
fn one(world: &World, store: &PolicyStore, n: usize) -> Duration {
    std::thread::sleep(POLL / 2 + POLL * (n * 7 % 20) as u32 / 20);
    let change = world.change();
    let committed = Instant::now();
    while !decides_by(store, change) {
        assert!(committed.elapsed() < Duration::from_secs(60), "not followed");
        std::thread::sleep(Duration::from_micros(500));
    }
    committed.elapsed()
}
