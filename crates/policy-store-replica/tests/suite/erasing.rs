//! Erased zones leave the bucket.

use super::reading::Objects;
use super::support::{World, ops};
use policy_store_replica::Outcome;

#[tokio::test]
async fn an_erased_zone_leaves_the_bucket_with_all_earlier_deltas() {
    let world = World::new();
    let (gone, kept) = (world.zone("gone"), world.zone("kept"));
    world.change("gone", "secret");
    let mut publisher = world.publisher();
    publisher.publish().await.unwrap();
    world.change("gone", "more");
    publisher.publish().await.unwrap();
    let before = Objects::read(&*world.objects).await;
    assert!(!before.names(&format!("logs/{gone}/")).is_empty() && before.names("deltas/").len() == 2);

    world.store.erase_zone(&ops(), "gone").unwrap();
    let published = publisher.publish().await.unwrap();
    assert_eq!((published.number, published.outcome), (2, Outcome::New));
    let objects = Objects::read(&*world.objects).await;
    assert!(objects.names(&format!("logs/{gone}")).is_empty());
    assert_eq!((objects.names("deltas/").len(), objects.delta(2).unwrap().tiles), (1, 2));
    let logs = objects.delta(2).unwrap().logs.unwrap();
    assert!(logs.iter().all(|log| log.log_id != gone));
    objects.check_tiles(&world.store);
    let replica = objects.follow();
    assert_eq!(replica.store().zone("kept").unwrap().checkpoint().unwrap().log_id, kept);
    assert_eq!(replica.store().zone("gone").unwrap_err().code(), "not_found");
    // The zone's id is free again.
    world.zone("gone");
    world.change("gone", "again");
    publisher.publish().await.unwrap();
    Objects::read(&*world.objects).await.follow();
}

#[tokio::test]
async fn a_new_publisher_removes_the_objects_that_a_killed_one_left() {
    let world = World::new();
    let (gone, _) = (world.zone("gone"), world.zone("kept"));
    world.change("gone", "secret");
    world.publisher().publish().await.unwrap();
    let before = Objects::read(&*world.objects).await;
    world.store.erase_zone(&ops(), "gone").unwrap();
    world.publisher().publish().await.unwrap();
    // As if the removal had not happened, and a delta of a lost head were there.
    for (name, bytes) in &before.0 {
        let is_left = name.starts_with("deltas/") || name.starts_with(&format!("logs/{gone}/"));
        if is_left {
            put(&world, name, bytes).await;
        }
    }
    put(&world, "deltas/00000000000000000001-0123456789abcdef", b"{}").await;
    put(&world, "logs/notes.txt", b"of somebody else").await;
    let foreign = format!("logs/{}/checkpoint", "77".repeat(16));
    put(&world, &foreign, b"of somebody else").await;

    assert_eq!(world.publisher().publish().await.unwrap().outcome, Outcome::Unchanged);
    let objects = Objects::read(&*world.objects).await;
    assert!(objects.names(&format!("logs/{gone}")).is_empty());
    assert_eq!(objects.names("deltas/").len(), 1);
    assert!(objects.delta(1).is_some());
    // It knows nothing of these.
    assert!(objects.0.contains_key("logs/notes.txt") && objects.0.contains_key(&foreign));
}

#[tokio::test]
async fn an_object_of_an_erased_zone_that_comes_back_is_removed_with_the_next_tiles() {
    let world = World::new();
    let (gone, _) = (world.zone("gone"), world.zone("kept"));
    world.change("gone", "secret");
    let mut publisher = world.publisher();
    publisher.publish().await.unwrap();
    let before = Objects::read(&*world.objects).await;
    world.store.erase_zone(&ops(), "gone").unwrap();
    publisher.publish().await.unwrap();
    // A put that was under way arrives.
    for name in before.names(&format!("logs/{gone}/")) {
        put(&world, name, &before.0[name]).await;
    }
    world.pass(60);
    assert_eq!(publisher.publish().await.unwrap().outcome, Outcome::Repeated);
    let objects = Objects::read(&*world.objects).await;
    assert!(objects.names(&format!("logs/{gone}")).is_empty());
    objects.check_tiles(&world.store);
}

async fn put(world: &World, name: &str, bytes: &[u8]) {
    use policy_store_replica::object_store::{ObjectStoreExt as _, PutPayload, path::Path};
    world.objects.put(&Path::from(name), PutPayload::from(bytes.to_vec())).await.unwrap();
}
