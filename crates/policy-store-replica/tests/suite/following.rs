//! Followers: at every head the original, and nothing else; what is older, of another history, too old or unsigned is refused
//! by name.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use policy_store::note::{NoteKey, Trust};
use policy_store::{PolicyStore, Replica, Restore, Timestamp, ZoneChoice, ZoneId};
use policy_store_replica::object_store::memory::InMemory;
use policy_store_replica::object_store::path::Path;
use policy_store_replica::object_store::{ObjectStore, ObjectStoreExt as _, PutPayload};
use policy_store_replica::{Bucket, Error, Follower, Polled, PublicationTrust, Result};

use super::faulty::{Fault, Faulty};
use super::reading::Objects;
use super::support::{NAME, World, key, ops, signer};

pub fn trust() -> PublicationTrust {
    PublicationTrust::new(key(1)).unwrap()
}

pub fn replica() -> Replica {
    PolicyStore::builder().replica_in_memory().unwrap()
}

pub fn follower(objects: &Arc<dyn ObjectStore>) -> Follower {
    Follower::new(Bucket::new(objects.clone()), trust(), replica())
}

/// Checks that the follower has what the store has.
#[track_caller]
pub fn same(follower: &Follower, store: &PolicyStore) {
    let own = follower.store();
    assert_eq!(own.checkpoint().unwrap(), store.checkpoint().unwrap());
    let list = policy_store::PageRequest::new().limit(100);
    let zones = store.zones(&list).unwrap().items;
    assert_eq!(own.zones(&list).unwrap().items, zones);
    for zone in zones {
        let [own, original] = [own, store].map(|store| store.zone(&zone.id).unwrap().checkpoint().unwrap());
        assert_eq!(own, original);
    }
    let report = own.verify().unwrap();
    assert!(report.is_clean(), "{:?}", report.findings);
}

async fn published(world: &World) {
    world.publisher().publish().await.unwrap();
    world.pass(1);
}

fn code(polled: Result<Polled>) -> &'static str {
    polled.expect_err("it should be refused").code()
}

/// Another bucket with the same objects.
pub async fn copied(from: &Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore> {
    let copy: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    put_all(&copy, &Objects::read(&**from).await).await;
    copy
}

/// Makes the objects of a bucket these, and no others.
async fn put_all(into: &Arc<dyn ObjectStore>, objects: &Objects) {
    for (name, bytes) in &objects.0 {
        into.put(&Path::from(name.as_str()), PutPayload::from(bytes.clone())).await.unwrap();
    }
    for name in Objects::read(&**into).await.0.keys().filter(|name| !objects.0.contains_key(*name)) {
        into.delete(&Path::from(name.as_str())).await.unwrap();
    }
}

#[tokio::test]
async fn a_follower_is_the_original_at_every_head_whenever_it_looks() {
    let world = World::new();
    let mut followers: Vec<_> = (0..4).map(|_| follower(&world.objects)).collect();
    assert_eq!(followers[0].poll().await.unwrap(), Polled::Empty);
    assert!(followers[0].status().get().is_none());
    let mut publisher = world.builder(world.objects.clone()).tiles_after(3).build().unwrap();
    for round in 1..=14_usize {
        match round % 5 {
            0 => drop(world.zone(&format!("later-{round}"))),
            1 => world.large_schema(&format!("large-{round}")),
            2 if round > 7 => drop(world.store.erase_zone(&ops(), "zone-5").unwrap()),
            3 if round > 5 => (0..300).for_each(|n| world.change("zone-10", &format!("p{n}"))),
            _ => {}
        }
        if round == 1 {
            world.zone("zone-5");
            world.zone("zone-10");
        }
        world.change("zone-10", "again");
        let head = publisher.publish().await.unwrap();
        for (index, follower) in followers.iter_mut().enumerate() {
            // The last one looks once, at the end.
            if round % (index + 1) == 0 && index < 3 || round == 14 {
                let polled = follower.poll().await.unwrap();
                assert!(matches!(polled, Polled::Applied(_)));
                assert_eq!(follower.status().get().unwrap().head, head.number);
                assert_eq!(follower.poll().await.unwrap(), Polled::Unchanged);
                same(follower, &world.store);
            }
        }
        world.pass(1);
    }
}

#[tokio::test]
async fn looking_and_a_change_take_a_few_requests() {
    let world = World::new();
    world.zone("acme");
    let mut publisher = world.publisher();
    publisher.publish().await.unwrap();
    let counted = Faulty::new(world.objects.clone(), []);
    let objects: Arc<dyn ObjectStore> = Arc::new(counted.clone());
    let mut follower = follower(&objects);
    follower.poll().await.unwrap();
    let before = counted.requests();
    follower.poll().await.unwrap();
    assert_eq!(counted.requests() - before, 2);
    let (before, read) = (counted.requests(), counted.count("get").bytes);
    world.change("acme", "p");
    publisher.publish().await.unwrap();
    follower.poll().await.unwrap();
    assert_eq!(counted.requests() - before, 5);
    assert!(counted.count("get").bytes - read < 8 * 1024);
    assert_eq!(counted.count("get").requests, counted.requests());
    same(&follower, &world.store);
}

#[tokio::test]
async fn a_restart_continues_and_more_zones_can_be_chosen() {
    let world = World::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("replica");
    let open = |zones: &[&str]| {
        let replica = PolicyStore::builder().open_replica(&path).unwrap();
        let zones = zones.iter().map(|id| ZoneId::new(*id).unwrap()).collect();
        Follower::new(Bucket::new(world.objects.clone()), trust(), replica).zones(ZoneChoice::Only(zones))
    };
    world.zone("one");
    world.zone("two");
    world.change("one", "p");
    world.change("two", "p");
    let mut publisher = world.builder(world.objects.clone()).tiles_after(4).build().unwrap();
    publisher.publish().await.unwrap();
    let mut first = open(&["one"]);
    first.poll().await.unwrap();
    assert_eq!(first.store().zone("two").unwrap_err().code(), "zone_not_held");
    drop(first);
    for round in 0..6 {
        // After the tiles, and at a head that has been applied.
        world.change("two", &format!("q{round}"));
        publisher.publish().await.unwrap();
        let mut again = open(&["one"]);
        again.poll().await.unwrap();
        assert_eq!(again.poll().await.unwrap(), Polled::Unchanged);
        drop(again);
    }
    let mut both = open(&["one", "two"]);
    assert!(matches!(both.poll().await.unwrap(), Polled::Applied(applied) if applied.zones.len() == 1));
    same(&both, &world.store);
}

#[tokio::test]
async fn an_old_copy_of_the_bucket_is_refused_and_the_follower_goes_on_deciding() {
    let world = World::new();
    world.zone("acme");
    published(&world).await;
    let old = Objects::read(&*world.objects).await;
    world.change("acme", "p");
    published(&world).await;
    let new = Objects::read(&*world.objects).await;
    let mut live = follower(&world.objects);
    live.poll().await.unwrap();

    put_all(&world.objects, &old).await;
    let error = live.poll().await.unwrap_err();
    assert_eq!((error.code(), error.object()), ("rollback", Some("heads/00000000000000000001")));
    same(&live, &world.store);
    // After a restart it knows its own size only.
    let path = tempfile::tempdir().unwrap();
    let file = path.path().join("replica");
    let open = || PolicyStore::builder().open_replica(&file).unwrap();
    put_all(&world.objects, &new).await;
    Follower::new(Bucket::new(world.objects.clone()), trust(), open()).poll().await.unwrap();
    put_all(&world.objects, &old).await;
    let mut restarted = Follower::new(Bucket::new(world.objects.clone()), trust(), open());
    let error = restarted.poll().await.unwrap_err();
    assert_eq!((error.code(), error.object()), ("rollback", Some("heads/00000000000000000000")));
    same(&restarted, &world.store);
    put_all(&world.objects, &Objects([].into())).await;
    assert_eq!(code(live.poll().await), "rollback");
    assert_eq!(code(restarted.poll().await), "rollback");

    put_all(&world.objects, &new).await;
    assert_eq!(live.poll().await.unwrap(), Polled::Unchanged);
    world.change("acme", "q");
    published(&world).await;
    for follower in [&mut live, &mut restarted] {
        follower.poll().await.unwrap();
        same(follower, &world.store);
    }
}

/// The bucket is put back, and the publisher goes on: the same history in other heads.
#[tokio::test]
async fn a_follower_goes_on_when_the_publisher_has_made_up_for_an_old_copy_of_the_bucket() {
    let world = World::new();
    world.zone("acme");
    published(&world).await;
    let old = Objects::read(&*world.objects).await;
    for name in ["p", "q"] {
        world.change("acme", name);
        published(&world).await;
    }
    let mut live = follower(&world.objects);
    live.poll().await.unwrap();
    put_all(&world.objects, &old).await;
    world.pass(9);
    let mut codes = Vec::new();
    for round in 0..3 {
        world.change("acme", &format!("r{round}"));
        published(&world).await;
        codes.push(live.poll().await.map_or_else(|error| error.code(), |_| "followed"));
        assert!(live.status().get().is_some());
    }
    assert_eq!(codes, ["rollback", "followed", "followed"]);
    same(&live, &world.store);
}

/// A storage that hangs: a poll that is dropped leaves the replica free.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poll_that_is_dropped_ends_and_the_next_one_goes_on() {
    let world = World::new();
    world.zone("acme");
    published(&world).await;
    let faulty = Faulty::new(world.objects.clone(), (3..9).map(|n| (n, Fault::Late(Duration::from_secs(3_600)))));
    let objects: Arc<dyn ObjectStore> = Arc::new(faulty.clone());
    let replica = replica();
    let mut hangs = Follower::new(Bucket::new(objects), trust(), replica.clone());
    assert!(tokio::time::timeout(Duration::from_millis(300), hangs.poll()).await.is_err());
    assert!(faulty.requests() > 3, "it hangs in the replica's write");
    let mut next = Follower::new(Bucket::new(world.objects.clone()), trust(), replica);
    tokio::time::timeout(Duration::from_secs(20), next.poll()).await.unwrap().unwrap();
    same(&next, &world.store);
}

/// A publisher with a restored backup, while followers are ahead; the bucket is put back as well, so nothing stops it.
#[tokio::test]
async fn another_history_is_refused_as_a_fork() {
    let folder = tempfile::tempdir().unwrap();
    let [path, older, replica_path] = ["store", "older", "replica"].map(|name| folder.path().join(name));
    let world = World::of(PolicyStore::builder().open(&path).unwrap());
    world.zone("acme");
    published(&world).await;
    world.store.backup(&older).unwrap();
    let objects = copied(&world.objects).await;
    world.change("acme", "p");
    published(&world).await;
    let open = || PolicyStore::builder().open_replica(&replica_path).unwrap();
    let mut live = follower(&world.objects);
    live.poll().await.unwrap();
    Follower::new(Bucket::new(world.objects.clone()), trust(), open()).poll().await.unwrap();

    let mut forked = World::of(PolicyStore::builder().restore(Restore::Resume).open(&older).unwrap());
    forked.objects = objects;
    forked.pass(100);
    for round in 0..6 {
        // The heads of the fork are first smaller, then equal, then larger.
        forked.change("acme", &format!("other-{round}"));
        published(&forked).await;
        put_all(&world.objects, &Objects::read(&*forked.objects).await).await;
        let mut restarted = Follower::new(Bucket::new(world.objects.clone()), trust(), open());
        for follower in [&mut live, &mut restarted] {
            let before = follower.store().checkpoint().unwrap();
            let error = follower.poll().await.unwrap_err();
            assert!(matches!(error, Error::Fork { .. } | Error::Rollback { .. }), "round {round}: {error}");
            assert!(round == 0 || error.code() == "fork", "round {round}: {error}");
            assert_eq!(follower.store().checkpoint().unwrap(), before);
            // It is still so at the next poll.
            assert_eq!(follower.poll().await.unwrap_err().code(), error.code());
        }
    }
    same(&live, &world.store);
    // And the publisher of the original stops, too.
    assert_eq!(world.publisher().publish().await.unwrap_err().code(), "behind");
}

#[tokio::test]
async fn what_is_too_old_or_from_the_future_says_so_and_a_repeated_head_is_fresh() {
    let world = World::new();
    world.zone("acme");
    published(&world).await;
    let seconds = Arc::new(AtomicI64::new(world.now()));
    let clock = seconds.clone();
    let at = move || Timestamp::from_micros(clock.load(Ordering::SeqCst) * 1_000_000);
    let mut follower = follower(&world.objects).clock(at).max_age(Duration::from_secs(120));
    let set = |to: i64| seconds.store(to, Ordering::SeqCst);
    follower.poll().await.unwrap();
    let signed = world.now() - 1;
    set(signed + 120);
    assert_eq!(follower.poll().await.unwrap(), Polled::Unchanged);
    set(signed + 121);
    let error = follower.poll().await.unwrap_err();
    assert_eq!((error.code(), error.object()), ("frozen", Some("heads/00000000000000000000")));
    assert_eq!(follower.status().get().unwrap().age, Duration::from_secs(121));
    same(&follower, &world.store);
    // The clock jumps back.
    set(signed - 300);
    assert_eq!(follower.poll().await.unwrap(), Polled::Unchanged);
    assert_eq!(follower.status().get().unwrap().age, Duration::ZERO);
    set(signed - 301);
    assert_eq!(code(follower.poll().await), "clock");
    set(signed + 1_000);
    assert_eq!(code(follower.poll().await), "frozen");
    // The publisher repeats its head, with nothing new in it.
    world.pass(998);
    published(&world).await;
    assert!(matches!(follower.poll().await.unwrap(), Polled::Applied(applied) if applied.entries == 0));
    assert!(follower.status().check_fresh(Duration::from_secs(60)).is_ok());
    // What is new is applied, even if it comes too late.
    world.change("acme", "p");
    published(&world).await;
    set(world.now() + 500);
    assert_eq!(code(follower.poll().await), "frozen");
    same(&follower, &world.store);
}

#[tokio::test]
async fn heads_of_other_keys_are_refused_and_witnesses_are_demanded() {
    let world = World::new();
    world.zone("acme");
    published(&world).await;
    let bucket = || Bucket::new(world.objects.clone());
    let mut other = Follower::new(bucket(), PublicationTrust::new(key(2)).unwrap(), replica());
    assert_eq!(code(other.poll().await), "not_signed");
    let witness = NoteKey::cosigner("witness.example", signer(9).jwk().as_bytes()).unwrap();
    let witnesses = Trust::new().witness(witness).quorum(1);
    let mut strict = Follower::new(bucket(), trust().witnesses(witnesses), replica());
    assert_eq!(code(strict.poll().await), "not_signed");
    assert_eq!(strict.store().checkpoint().unwrap().size, 0);
    let name = NoteKey::ed25519(format!("{NAME}/other"), signer(1).jwk().as_bytes()).unwrap();
    let mut renamed = Follower::new(bucket(), PublicationTrust::new(name).unwrap(), replica());
    assert_eq!(code(renamed.poll().await), "not_signed");
}

/// Reads an old state of the bucket while the publisher goes on and removes what belongs to it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn followers_follow_while_the_publisher_prunes_and_erases() {
    let world = Arc::new(World::new());
    world.zone("acme");
    let publishing = world.clone();
    let publisher = tokio::spawn(async move {
        let mut publisher = publishing.builder(publishing.objects.clone()).tiles_after(2).build().unwrap();
        for round in 0..40 {
            if round % 7 == 3 {
                publishing.zone("short");
                publishing.change("short", "p");
            }
            publishing.change("acme", &format!("p{round}"));
            publisher.publish().await.unwrap();
            if round % 7 == 5 {
                publishing.store.erase_zone(&ops(), "short").unwrap();
            }
            publishing.pass(1);
        }
        publisher.publish().await.unwrap();
    });
    let mut followers: Vec<_> = (0..3).map(|_| follower(&world.objects)).collect();
    let mut applied = 0;
    while !publisher.is_finished() {
        for follower in &mut followers {
            let before = follower.store().checkpoint().unwrap().size;
            match follower.poll().await {
                Ok(Polled::Applied(_)) => applied += 1,
                Ok(_) => {}
                Err(error) => panic!("{error}: {:?}", std::error::Error::source(&error)),
            }
            assert!(follower.store().checkpoint().unwrap().size >= before);
        }
    }
    publisher.await.unwrap();
    assert!(applied > 3);
    for mut follower in followers {
        follower.poll().await.unwrap();
        same(&follower, &world.store);
    }
}
