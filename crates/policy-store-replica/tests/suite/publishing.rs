//! Heads, deltas and tiles of a store that grows.

use std::sync::Arc;

use policy_store::{Checkpoint, NewPolicy, PolicyStore};
use policy_store_replica::object::layout::{Tile, TileKind};
use policy_store_replica::{Bucket, Outcome, Publisher};

use super::faulty::{Fault, Faulty};
use super::reading::Objects;
use super::support::{World, key, ops, signer};

async fn published(publisher: &mut Publisher, number: u64, outcome: Outcome) -> Checkpoint {
    let published = publisher.publish().await.unwrap();
    assert_eq!((published.number, published.outcome), (number, outcome));
    published.checkpoint
}

/// The replica has the zones of the store as they are sealed: all of them.
fn follows(objects: &Objects, store: &PolicyStore) {
    let replica = objects.follow();
    assert_eq!(replica.store().checkpoint().unwrap(), store.checkpoint().unwrap());
    for zone in store.zones_iter(&policy_store::PageRequest::new()) {
        let id = zone.unwrap().id;
        let of = |store: &PolicyStore| store.zone(id.as_str()).unwrap().checkpoint().unwrap();
        assert_eq!(of(replica.store()), of(store));
    }
}

#[tokio::test]
async fn a_store_is_published_with_tiles_and_then_with_deltas() {
    let world = World::new();
    let acme = world.zone("acme");
    world.change("acme", "one");
    let mut publisher = world.publisher();

    let first = published(&mut publisher, 0, Outcome::New).await;
    assert_eq!(first, world.store.checkpoint().unwrap());
    let objects = Objects::read(&*world.objects).await;
    assert_eq!(objects.heads(), [(first, world.now())]);
    let delta = objects.delta(0).unwrap();
    assert_eq!((delta.tiles, delta.logs.unwrap().len()), (0, 2));
    objects.check_tiles(&world.store);
    follows(&objects, &world.store);

    published(&mut publisher, 0, Outcome::Unchanged).await;
    world.pass(1);
    world.change("acme", "two");
    let second = published(&mut publisher, 1, Outcome::New).await;
    let objects = Objects::read(&*world.objects).await;
    assert_eq!(objects.heads(), [(first, world.now() - 1), (second, world.now())]);
    let delta = objects.delta(1).unwrap();
    let mut logs = delta.logs.unwrap();
    logs.sort_by_key(|log| log.log_id != acme);
    assert_eq!((delta.tiles, logs.len(), logs[0].start, logs[0].entries.len()), (0, 2, 3, 2));
    assert_eq!((logs[1].start, logs[1].end()), (first.size, Some(second.size)));
    // The tiles and the checkpoints are those of the first head.
    assert_eq!(objects.checkpoint(first.log_id), Some(first));
    objects.check_tiles(&world.store);
    follows(&objects, &world.store);
}

#[tokio::test]
async fn an_idle_publisher_repeats_the_newest_checkpoint_with_tiles() {
    let world = World::new();
    world.zone("acme");
    let faulty = Faulty::new(world.objects.clone(), []);
    let mut publisher = world.builder(Arc::new(faulty.clone())).build().unwrap();
    published(&mut publisher, 0, Outcome::New).await;
    world.change("acme", "two");
    let newest = published(&mut publisher, 1, Outcome::New).await;

    let requests = faulty.requests();
    world.pass(59);
    published(&mut publisher, 1, Outcome::Unchanged).await;
    assert_eq!(faulty.requests(), requests);
    world.pass(1);
    assert_eq!(published(&mut publisher, 2, Outcome::Repeated).await, newest);
    let objects = Objects::read(&*world.objects).await;
    assert_eq!(objects.heads()[2], (newest, world.now()));
    let delta = objects.delta(2).unwrap();
    assert_eq!((delta.tiles, delta.logs), (2, Some(vec![])));
    objects.check_tiles(&world.store);
    assert_eq!(objects.checkpoint(newest.log_id), Some(newest));
    // The next ones cost a delta, a head, a list, and the checkpoint of the store's log.
    world.pass(60);
    let before = (faulty.count("put").requests, faulty.count("get").requests, faulty.count("list").requests);
    published(&mut publisher, 3, Outcome::Repeated).await;
    let after = (faulty.count("put").requests, faulty.count("get").requests, faulty.count("list").requests);
    assert_eq!((after.0 - before.0, after.1 - before.1, after.2 - before.2), (3, 0, 1));
    // A clock that was far ahead, and is right again, does not keep the publisher silent.
    world.pass(-1_000);
    published(&mut publisher, 4, Outcome::Repeated).await;
}

#[tokio::test]
async fn tiles_are_put_now_and_then_and_older_deltas_removed() {
    let world = World::new();
    world.zone("acme");
    let mut publisher = world.builder(world.objects.clone()).tiles_after(3).build().unwrap();
    for number in 0..8_u64 {
        world.change("acme", &format!("p{number}"));
        published(&mut publisher, number, Outcome::New).await;
        let objects = Objects::read(&*world.objects).await;
        assert_eq!(objects.delta(number).unwrap().tiles, number / 3 * 3);
        // Those since the tiles before the newest ones are there.
        let kept = (number / 3).saturating_sub(1) * 3;
        let expected: Vec<_> = (kept..=number).collect();
        let found: Vec<_> = (0..=number).filter(|number| objects.delta(*number).is_some()).collect();
        assert_eq!((found, objects.names("deltas/").len()), (expected.clone(), expected.len()));
        objects.check_tiles(&world.store);
        follows(&objects, &world.store);
    }
}

#[tokio::test]
async fn growth_that_is_too_large_for_a_delta_is_published_as_tiles() {
    let world = World::new();
    let acme = world.zone("acme");
    let mut publisher = world.publisher();
    published(&mut publisher, 0, Outcome::New).await;
    // A log with a second level of tiles.
    let many = |from: u32| {
        let policies = |w: &mut policy_store::WriteTransaction<'_, '_>| {
            let mut zone = w.zone("acme")?;
            (from..from + 2_500).try_for_each(|n| zone.create_policy(NewPolicy::named(format!("p{n}"))).map(drop))
        };
        world.store.write(&ops(), policies).unwrap();
    };
    many(0);
    published(&mut publisher, 1, Outcome::New).await;
    let objects = Objects::read(&*world.objects).await;
    let delta = objects.delta(1).unwrap();
    assert!(delta.tiles == 1 && delta.logs.is_none());
    objects.check_tiles(&world.store);
    follows(&objects, &world.store);
    let last = Tile { kind: TileKind::Entries, number: 9, width: 197 };
    let level_1 = Tile { kind: TileKind::Hashes(1), number: 0, width: 9 };
    assert!(objects.0.contains_key(&last.name(acme)) && objects.0.contains_key(&level_1.name(acme)));

    many(2_500);
    published(&mut publisher, 2, Outcome::New).await;
    let objects = Objects::read(&*world.objects).await;
    assert!(objects.delta(2).unwrap().logs.is_none());
    objects.check_tiles(&world.store);
    follows(&objects, &world.store);
    // A publisher that is new goes on from there.
    world.change("acme", "last");
    published(&mut world.publisher(), 3, Outcome::New).await;
    follows(&Objects::read(&*world.objects).await, &world.store);
}

#[tokio::test]
async fn larger_content_is_an_object_of_its_own() {
    let world = World::new();
    let mut publisher = world.publisher();
    let log = published(&mut publisher, 0, Outcome::New).await.log_id;
    let pieces = |objects: &Objects| {
        let content = format!("logs/{log}/content/");
        objects.names(&content).iter().filter(|name| Tile::parse(name).is_none()).count()
    };
    world.large_schema("v2");
    published(&mut publisher, 1, Outcome::New).await;
    let objects = Objects::read(&*world.objects).await;
    let logs = objects.delta(1).unwrap().logs.unwrap();
    assert!(logs[0].bytes() < 65_536, "{}", logs[0].bytes());
    let found = pieces(&objects);
    assert!(found > 0);
    follows(&objects, &world.store);
    // Those of a delta that was given up, too.
    for name in ["v3", "v4"] {
        world.large_schema(name);
    }
    // The delta is given up in a log that comes before the store's.
    let before = (0..64).map(|n| format!("z{n}")).find(|zone| world.zone(zone) < log).unwrap();
    let filler = "x".repeat(4_000);
    let policy = |n| NewPolicy::named(format!("p{n}")).description(&filler);
    let many = |n| world.store.write(&ops(), |w| w.zone(&before)?.create_policy(policy(n)).map(drop)).unwrap();
    (0..80).for_each(many);
    published(&mut publisher, 2, Outcome::New).await;
    let objects = Objects::read(&*world.objects).await;
    assert!(objects.delta(2).unwrap().logs.is_none());
    assert_eq!(pieces(&objects), found * 3);
    objects.check_tiles(&world.store);
    follows(&objects, &world.store);
}

#[tokio::test]
async fn a_new_publisher_goes_on_from_the_bucket() {
    let world = World::new();
    world.zone("acme");
    published(&mut world.publisher(), 0, Outcome::New).await;
    world.change("acme", "one");
    published(&mut world.publisher(), 1, Outcome::New).await;
    let before = Objects::read(&*world.objects).await;
    published(&mut world.publisher(), 1, Outcome::Unchanged).await;
    assert_eq!(Objects::read(&*world.objects).await.0, before.0);
    assert_eq!(before.delta(1).unwrap().tiles, 0);
    // A publisher that was killed after a head has not put the checkpoints of logs.
    for name in before.names("logs/").into_iter().filter(|name| name.ends_with("/checkpoint")) {
        remove(&world, name).await;
    }
    published(&mut world.publisher(), 1, Outcome::Unchanged).await;
    assert_eq!(Objects::read(&*world.objects).await.0, before.0);
    // A bucket whose newest delta is gone gets tiles again.
    remove(&world, before.names("deltas/").into_iter().max().unwrap()).await;
    world.change("acme", "two");
    published(&mut world.publisher(), 2, Outcome::New).await;
    let objects = Objects::read(&*world.objects).await;
    assert_eq!(objects.delta(2).unwrap().tiles, 2);
    follows(&objects, &world.store);
}

async fn remove(world: &World, name: &str) {
    use policy_store_replica::object_store::{ObjectStoreExt as _, path::Path};
    world.objects.delete(&Path::from(name)).await.unwrap();
}

#[tokio::test]
async fn a_folder_and_a_prefix_will_do() {
    let world = World::new();
    world.zone("acme");
    let folder = tempfile::tempdir().unwrap();
    let bucket = Bucket::folder(folder.path()).unwrap().with_prefix("policies/production").unwrap();
    let publisher = Publisher::builder(&world.store, bucket, key(1), Arc::new(signer(1)), ops()).build();
    assert_eq!(publisher.unwrap().publish().await.unwrap().outcome, Outcome::New);
    let prefix = folder.path().join("policies/production");
    let store = policy_store_replica::object_store::local::LocalFileSystem::new_with_prefix(prefix).unwrap();
    let objects = Objects::read(&store).await;
    objects.check_tiles(&world.store);
    follows(&objects, &world.store);
}

#[tokio::test]
async fn a_read_that_ends_early_is_no_damage() {
    let world = World::new();
    world.publisher().publish().await.unwrap();
    let faulty = Faulty::new(world.objects.clone(), []);
    // The heads, the delta, the tiles' head or a checkpoint.
    for number in 0..12 {
        faulty.plan(faulty.requests() + number, Fault::Cut);
        let outcome = world.builder(Arc::new(faulty.clone())).build().unwrap().publish().await;
        match outcome {
            Ok(published) => assert_eq!(published.outcome, Outcome::Unchanged),
            Err(error) => assert_eq!(error.code(), "unavailable", "{error}"),
        }
    }
}

#[tokio::test]
async fn a_distance_of_tiles_over_the_limit_is_refused() {
    let world = World::new();
    let build = |heads| world.builder(world.objects.clone()).tiles_after(heads).build();
    assert!(build(1_000).is_ok() && build(0).is_ok());
    let error = build(1_001).unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(error.code() == "store" && source.contains("heads between tiles") && source.contains("1001"), "{source}");
}
