//! Publication on an S3-compatible server, where conditional puts are the fence. `tests/s3/run` starts one.

use std::sync::Arc;

use policy_store::{PolicyStore, Replica};
use policy_store_replica::object_store::ObjectStore;
use policy_store_replica::{Bucket, Follower, Outcome, Polled, PublicationTrust};

use super::reading::Objects;
use super::s3_client::storage;
use super::support::{World, key, ops};

/// A world on the server. None, with a message, if the environment names no server.
fn world(name: &str) -> Option<World> {
    let Some(objects) = storage(name) else {
        eprintln!("skipped: POLICY_STORE_S3_ENDPOINT is not set");
        return None;
    };
    let mut world = World::new();
    world.objects = objects;
    Some(world)
}

fn follower(objects: &Arc<dyn ObjectStore>, replica: Replica) -> Follower {
    Follower::new(Bucket::new(objects.clone()), PublicationTrust::new(key(1)).unwrap(), replica)
}

/// Polls, and expects the newest state of the store.
async fn follows(follower: &mut Follower, world: &World) {
    let polled = follower.poll().await.unwrap();
    assert!(matches!(polled, Polled::Applied(_)), "{polled:?}");
    assert_eq!(follower.store().checkpoint().unwrap(), world.store.checkpoint().unwrap());
    assert_eq!(follower.poll().await.unwrap(), Polled::Unchanged);
}

#[tokio::test]
async fn a_follower_on_s3_has_all_that_was_published_and_nothing_that_was_erased() {
    let Some(world) = world("follows") else { return };
    let mut follower = follower(&world.objects, PolicyStore::builder().replica_in_memory().unwrap());
    assert_eq!(follower.poll().await.unwrap(), Polled::Empty);
    let gone = world.zone("gone");
    world.zone("kept");
    let mut publisher = world.builder(world.objects.clone()).tiles_after(2).build().unwrap();
    for name in ["a", "b", "c", "d"] {
        world.change("gone", name);
        world.change("kept", name);
        assert_eq!(publisher.publish().await.unwrap().outcome, Outcome::New);
        follows(&mut follower, &world).await;
    }
    // One piece of content is an object of its own.
    world.large_schema("large");
    publisher.publish().await.unwrap();
    follows(&mut follower, &world).await;
    world.store.erase_zone(&ops(), "gone").unwrap();
    publisher.publish().await.unwrap();
    follows(&mut follower, &world).await;
    assert_eq!(follower.store().zone("gone").unwrap_err().code(), "not_found");
    let objects = Objects::read(&*world.objects).await;
    objects.check_tiles(&world.store);
    assert_eq!((objects.names("deltas/").len(), objects.names(&format!("logs/{gone}/")).len()), (1, 0));
    objects.follow();
}

#[tokio::test]
async fn of_two_publishers_on_s3_one_is_fenced() {
    let Some(world) = world("fenced") else { return };
    world.zone("acme");
    let (mut old, mut new) = (world.publisher(), world.publisher());
    for publisher in [&mut old, &mut new] {
        publisher.publish().await.unwrap();
    }
    world.change("acme", "by the new one");
    assert_eq!(new.publish().await.unwrap().number, 1);
    world.change("acme", "by both");
    let error = old.publish().await.unwrap_err();
    assert_eq!((error.code(), error.object()), ("fenced", Some("heads/00000000000000000001")));
    assert_eq!(new.publish().await.unwrap().number, 2);
    let mut follower = follower(&world.objects, PolicyStore::builder().replica_in_memory().unwrap());
    follows(&mut follower, &world).await;
    assert_eq!(Objects::read(&*world.objects).await.heads().len(), 3);
}

#[tokio::test]
async fn publisher_and_follower_go_on_from_s3_after_a_restart() {
    let Some(world) = world("restart") else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = || PolicyStore::builder().open_replica(folder.path().join("replica")).unwrap();
    world.zone("acme");
    for number in 0..5 {
        world.change("acme", &format!("p{number}"));
        let mut publisher = world.builder(world.objects.clone()).tiles_after(3).build().unwrap();
        let published = publisher.publish().await.unwrap();
        assert_eq!((published.number, published.outcome), (number, Outcome::New));
        drop(publisher);
        assert_eq!(world.publisher().publish().await.unwrap().outcome, Outcome::Unchanged);
        if number % 2 == 0 {
            follows(&mut follower(&world.objects, file()), &world).await;
        }
    }
    Objects::read(&*world.objects).await.check_tiles(&world.store);
}
