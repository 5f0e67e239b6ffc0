//! A storage that fails at any one request: the publication is whole in the end, and never shown half.
//!
//! A run without faults counts the requests. Then one request of each run has a fault.

use std::sync::Arc;

use policy_store_replica::Publisher;

use super::faulty::{Fault, Faulty};
use super::reading::Objects;
use super::support::{World, ops};

/// The steps of a run, each followed by a publication.
const STEPS: usize = 5;

fn step(world: &World, step: usize) {
    match step {
        0 => {
            world.zone("gone");
            world.zone("kept");
            world.change("gone", "a");
        }
        1 => {
            world.change("kept", "b");
            world.change("gone", "c");
        }
        2 => drop(world.store.erase_zone(&ops(), "gone").unwrap()),
        3 => world.pass(60),
        _ => world.change("kept", "d"),
    }
    world.pass(1);
}

/// Publishes until it succeeds. If the storage is gone, a new publisher takes over. Whenever the newest head is read, it can be
/// followed.
async fn publish(world: &World, publisher: &mut Publisher, is_gone: &dyn Fn() -> bool) {
    for _ in 0..4 {
        match publisher.publish().await {
            Ok(_) => return,
            Err(error) => assert_eq!(error.code(), "unavailable", "{error} {:?}", std::error::Error::source(&error)),
        }
        let objects = Objects::read(&*world.objects).await;
        if !objects.heads().is_empty() {
            objects.follow();
        }
        if is_gone() {
            *publisher = world.publisher();
        }
    }
    panic!("not published");
}

async fn run(faults: &[(u64, Fault)]) -> u64 {
    let world = World::new();
    let faulty = Faulty::new(world.objects.clone(), faults.iter().copied());
    let mut publisher = world.builder(Arc::new(faulty.clone())).tiles_after(3).build().unwrap();
    let goes = faults.iter().any(|(_, fault)| matches!(fault, Fault::GoneAfter | Fault::GoneBefore));
    let mut gone = None;
    for n in 0..STEPS {
        if n == 2 {
            gone = Some(world.log("gone"));
        }
        step(&world, n);
        publish(&world, &mut publisher, &|| goes).await;
    }
    let objects = Objects::read(&*world.objects).await;
    assert_eq!(objects.follow().store().checkpoint().unwrap(), world.store.checkpoint().unwrap());
    objects.check_tiles(&world.store);
    let left = objects.names(&format!("logs/{}/", gone.unwrap()));
    assert!(left.is_empty(), "{left:?}");
    // No delta has it.
    let heads = objects.heads().len() as u64;
    let first = (0..heads).find(|number| objects.delta(*number).is_some()).unwrap();
    let names_gone = |number| {
        objects
            .delta(number)
            .and_then(|delta| delta.logs)
            .is_some_and(|logs| logs.iter().any(|log| Some(log.log_id) == gone))
    };
    assert!((first..heads).all(|number| !names_gone(number)));
    faulty.requests()
}

const FAULTS: [Fault; 6] = [Fault::GoneBefore, Fault::After, Fault::Cut, Fault::GoneAfter, Fault::Twice, Fault::Before];

/// Gives each second request two of the faults in turn, or more with `POLICY_STORE_SWEEP`.
async fn sweep(first: usize) {
    let requests = usize::try_from(run(&[]).await).unwrap();
    assert!(requests > 40, "{requests}");
    let sweep: usize = std::env::var("POLICY_STORE_SWEEP").map_or(1, |sweep| sweep.parse().unwrap());
    for number in (first..requests).step_by(2) {
        for turn in 0..(2 * sweep).min(FAULTS.len()) {
            let fault = FAULTS[(number + turn) % FAULTS.len()];
            eprintln!("request {number}: {fault:?}");
            run(&[(number as u64, fault)]).await;
        }
    }
}

#[tokio::test]
async fn faults_of_even_requests_are_survived() {
    sweep(0).await;
}

#[tokio::test]
async fn faults_of_odd_requests_are_survived() {
    sweep(1).await;
}
