//! Two publishers, other stores, older states, other keys: who may put the next head.

use std::sync::Arc;

use policy_store::note::{NoteKey, NoteSignature, SignedCheckpoint};
use policy_store::{NewPolicy, PolicyStore, Restore, Timestamp};
use policy_store_replica::object_store::path::Path;
use policy_store_replica::object_store::{ObjectStoreExt as _, PutPayload};
use policy_store_replica::{Bucket, Error, Follower, Outcome, PublicationTrust, Publisher, Witness};

use super::faulty::{Fault, Faulty};
use super::following::{copied, follower, replica, same, trust};
use super::reading::Objects;
use super::support::{NAME, World, key, ops, signer};

fn refused(error: &Error, code: &str, object: &str) {
    assert_eq!((error.code(), error.object()), (code, Some(object)), "{error}");
}

#[tokio::test]
async fn of_two_publishers_one_wins() {
    let world = World::new();
    let (mut one, mut two) = (world.publisher(), world.publisher());
    one.publish().await.unwrap();
    assert_eq!(two.publish().await.unwrap().outcome, Outcome::Unchanged);
    world.zone("acme");
    assert_eq!(one.publish().await.unwrap().number, 1);
    world.pass(1);
    let error = two.publish().await.unwrap_err();
    refused(&error, "fenced", "heads/00000000000000000001");
    assert_eq!(error.to_string(), "`heads/00000000000000000001` was put by another publisher");
    // The winner goes on; the loser begins anew if it is told to.
    world.change("acme", "p");
    assert_eq!(one.publish().await.unwrap().number, 2);
    world.change("acme", "q");
    assert_eq!(two.publish().await.unwrap().number, 3);
    world.pass(1);
    refused(&one.publish().await.unwrap_err(), "fenced", "heads/00000000000000000003");
    Objects::read(&*world.objects).await.follow();
}

#[tokio::test]
async fn a_head_whose_answer_was_lost_is_put_again() {
    let world = World::new();
    let faulty = Faulty::new(world.objects.clone(), []);
    let mut publisher = world.builder(Arc::new(faulty.clone())).build().unwrap();
    publisher.publish().await.unwrap();
    for (fault, number) in [(Fault::After, 1), (Fault::Before, 3)] {
        world.zone(&format!("z{number}"));
        // The delta, and then the head.
        let head = faulty.requests() + 1;
        faulty.plan(head, fault);
        assert_eq!(publisher.publish().await.unwrap_err().code(), "unavailable");
        world.pass(1);
        world.change(&format!("z{number}"), "p");
        let published = publisher.publish().await.unwrap();
        assert_eq!((published.number, published.outcome), (number + 1, Outcome::New));
    }
    let objects = Objects::read(&*world.objects).await;
    assert_eq!(objects.heads().len(), 5);
    objects.follow();
}

#[tokio::test]
async fn a_head_that_was_lost_to_another_publisher_is_not_put_again() {
    let world = World::new();
    let faulty = Faulty::new(world.objects.clone(), []);
    let mut publisher = world.builder(Arc::new(faulty.clone())).build().unwrap();
    publisher.publish().await.unwrap();
    world.zone("acme");
    faulty.plan(faulty.requests() + 1, Fault::Before);
    assert_eq!(publisher.publish().await.unwrap_err().code(), "unavailable");
    world.pass(1);
    assert_eq!(world.publisher().publish().await.unwrap().number, 1);
    refused(&publisher.publish().await.unwrap_err(), "fenced", "heads/00000000000000000001");
    assert_eq!(publisher.publish().await.unwrap().outcome, Outcome::Unchanged);
}

#[tokio::test]
async fn another_store_and_an_older_state_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (path, older) = (folder.path().join("store"), folder.path().join("older"));
    let world = World::of(PolicyStore::builder().open(&path).unwrap());
    world.zone("acme");
    world.publisher().publish().await.unwrap();
    world.store.backup(&older).unwrap();
    world.change("acme", "one");
    world.publisher().publish().await.unwrap();

    let restored = PolicyStore::builder().restore(Restore::Resume).open(&older).unwrap();
    let mut older = World::of(restored);
    older.objects = world.objects.clone();
    let error = older.publisher().publish().await.unwrap_err();
    refused(&error, "behind", "heads/00000000000000000001");
    let sizes = format!("has {} entries, the store has", world.store.checkpoint().unwrap().size);
    assert!(error.to_string().contains(&sizes), "{error}");
    // It is written to, and so another history.
    for n in 0..3 {
        older.zone(&format!("other{n}"));
    }
    let error = older.publisher().publish().await.unwrap_err();
    refused(&error, "fork", "heads/00000000000000000001");
    assert!(error.to_string().contains("has another root at"), "{error}");

    let mut other = World::new();
    other.objects = world.objects.clone();
    let before = Objects::read(&*world.objects).await.0;
    let error = other.publisher().publish().await.unwrap_err();
    refused(&error, "fork", "heads/00000000000000000001");
    assert!(error.to_string().contains("it is of log"), "{error}");
    assert_eq!(Objects::read(&*world.objects).await.0, before);
}

#[tokio::test]
async fn a_bucket_that_was_put_back_is_refused() {
    let world = World::new();
    let faulty = Faulty::new(world.objects.clone(), []);
    let mut publisher = world.builder(Arc::new(faulty.clone())).build().unwrap();
    publisher.publish().await.unwrap();
    world.zone("acme");
    publisher.publish().await.unwrap();
    world.objects.delete(&Path::from("heads/00000000000000000001")).await.unwrap();
    // Without a fault, the publisher knows its own state.
    world.change("acme", "one");
    faulty.plan(faulty.requests(), Fault::Before);
    publisher.publish().await.unwrap_err();
    refused(&publisher.publish().await.unwrap_err(), "rollback", "heads/00000000000000000001");
    // Another publisher has put another head in its place.
    world.pass(1);
    assert_eq!(world.publisher().publish().await.unwrap().number, 1);
    refused(&publisher.publish().await.unwrap_err(), "rollback", "heads/00000000000000000001");
}

#[tokio::test]
async fn the_key_decides_and_a_former_key_counts_if_it_is_named() {
    let world = World::new();
    world.publisher().publish().await.unwrap();
    world.zone("acme");
    let with = |secret| {
        Publisher::builder(
            &world.store,
            Bucket::new(world.objects.clone()),
            key(secret),
            Arc::new(signer(secret)),
            ops(),
        )
    };
    let error = with(2).build().unwrap().publish().await.unwrap_err();
    refused(&error, "not_signed", "heads/00000000000000000000");
    assert_eq!(with(2).former_key(key(1)).build().unwrap().publish().await.unwrap().number, 1);
    let error = with(1).build().unwrap().publish().await.unwrap_err();
    refused(&error, "not_signed", "heads/00000000000000000001");
    // The signer has another key than the one that is named.
    let other = Publisher::builder(&world.store, Bucket::memory(), key(1), Arc::new(signer(2)), ops()).build();
    assert_eq!(other.unwrap().publish().await.unwrap_err().code(), "store");
    let witness = NoteKey::cosigner(NAME, key(1).as_bytes()).unwrap();
    let with_witness = Publisher::builder(&world.store, Bucket::memory(), witness, Arc::new(signer(1)), ops()).build();
    assert_eq!(with_witness.unwrap_err().code(), "store");
    let foreign = Path::from("heads/00000000000000000002");
    world.objects.put(&foreign, PutPayload::from_static(b"not a head")).await.unwrap();
    let error = with(2).build().unwrap().publish().await.unwrap_err();
    refused(&error, "damaged", "heads/00000000000000000002");
}

/// A witness with a key of its own, which can be away.
struct OneWitness(bool);

impl Witness for OneWitness {
    fn cosign(
        &self,
        checkpoint: &SignedCheckpoint,
    ) -> Result<Vec<NoteSignature>, Box<dyn std::error::Error + Send + Sync>> {
        if !self.0 {
            return Err("away".into());
        }
        let mut copy = checkpoint.clone();
        let key = NoteKey::cosigner("witness.example", key(9).as_bytes())?;
        copy.cosign(&key, &signer(9), Timestamp::from_micros(1_000_000))?;
        Ok(copy.note().signatures().last().cloned().into_iter().collect())
    }
}

#[tokio::test]
async fn a_head_waits_for_its_witnesses() {
    let world = World::new();
    let publisher =
        |is_there| world.builder(world.objects.clone()).witness(Arc::new(OneWitness(is_there))).build().unwrap();
    refused(&publisher(false).publish().await.unwrap_err(), "unavailable", "witness");
    assert!(Objects::read(&*world.objects).await.heads().is_empty());
    publisher(true).publish().await.unwrap();
    let objects = Objects::read(&*world.objects).await;
    let head = String::from_utf8(objects.0["heads/00000000000000000000"].to_vec()).unwrap();
    assert!(head.contains("\u{2014} witness.example "), "{head}");
    assert_eq!(objects.heads()[0].1, world.now());
}

/// Two stores with one history up to the first head, and other entries after it: as many.
struct Diverged {
    lost: World,
    /// The publisher of the first store, with the first head in its memory.
    stale: Publisher,
    successor: World,
    _folder: tempfile::TempDir,
}

/// The successor is a follower's replica that was made the writer, or a restored backup. Each store gets `policies` and a version.
async fn diverged(is_replica: bool, policies: usize) -> Diverged {
    let folder = tempfile::tempdir().unwrap();
    let [path, other] = ["store", "other"].map(|name| folder.path().join(name));
    let lost = World::of(PolicyStore::builder().open(&path).unwrap());
    lost.zone("acme");
    let mut stale = lost.builder(lost.objects.clone()).tiles_after(1).build().unwrap();
    stale.publish().await.unwrap();
    if is_replica {
        let replica = PolicyStore::builder().open_replica(&other).unwrap();
        Follower::new(Bucket::new(lost.objects.clone()), trust(), replica).poll().await.unwrap();
    } else {
        lost.store.backup(&other).unwrap();
    }
    let mut successor = World::of(PolicyStore::builder().restore(Restore::Resume).open(&other).unwrap());
    successor.objects = lost.objects.clone();
    successor.pass(5);
    for (world, name) in [(&lost, "lost"), (&successor, "made")] {
        world.change("acme", name);
        let policy = |n| NewPolicy::named(format!("{name}-{n:03}"));
        let many = |w: &mut policy_store::WriteTransaction<'_, '_>| {
            (0..policies).try_for_each(|n| w.zone("acme")?.create_policy(policy(n)).map(drop))
        };
        world.store.write(&ops(), many).unwrap();
    }
    Diverged { lost, stale, successor, _folder: folder }
}

/// The objects that a publisher puts before its next head, with tiles.
async fn before_the_head(world: &World) -> Objects {
    let (before, copy) = (Objects::read(&*world.objects).await, copied(&world.objects).await);
    world.builder(copy.clone()).tiles_after(1).build().unwrap().publish().await.unwrap();
    let mut made = Objects::read(&*copy).await;
    let is_later = |name: &str| name.starts_with("heads/") || name.ends_with("/checkpoint");
    made.0.retain(|name, _| !before.0.contains_key(name) && !is_later(name));
    made
}

async fn put_objects(world: &World, objects: &Objects) {
    for (name, bytes) in &objects.0 {
        world.objects.put(&Path::from(name.as_str()), PutPayload::from(bytes.clone())).await.unwrap();
    }
}

/// Whether a follower without anything gets the store from the tiles of the newest head.
async fn bootstraps(world: &World, number: u64) {
    let objects = Objects::read(&*world.objects).await;
    assert_eq!(objects.delta(number).unwrap().tiles, number);
    objects.check_tiles(&world.store);
    let mut new = follower(&world.objects);
    new.poll().await.unwrap();
    same(&new, &world.store);
}

#[tokio::test]
async fn tiles_of_a_publisher_that_died_before_its_head_are_replaced() {
    // Partial tiles, and full ones: names of full tiles stay the same in all later heads.
    for (is_replica, policies) in [(true, 0), (false, 0), (true, 300)] {
        let Diverged { lost, successor, _folder, .. } = diverged(is_replica, policies).await;
        let left = before_the_head(&lost).await;
        let made = before_the_head(&successor).await;
        for kind in ["/tile/0/", "/tile/entries/", "/content/"] {
            let differs =
                |name: &&String| name.contains(kind) && made.0.get(*name).is_some_and(|bytes| *bytes != left.0[*name]);
            assert!(left.0.keys().any(|name| differs(&name)), "{kind}");
            let is_full = |name: &String| name.ends_with("/000");
            assert!(policies == 0 || left.0.keys().filter(differs).any(is_full), "{kind}");
        }
        put_objects(&lost, &left).await;
        let mut publisher = successor.builder(successor.objects.clone()).tiles_after(1).build().unwrap();
        assert_eq!(publisher.publish().await.unwrap().number, 1);
        bootstraps(&successor, 1).await;
        successor.change("acme", "later");
        assert_eq!(publisher.publish().await.unwrap().number, 2);
        bootstraps(&successor, 2).await;
    }
}

#[tokio::test]
async fn tiles_that_belong_to_a_head_are_not_replaced() {
    let Diverged { lost, mut stale, successor, _folder } = diverged(false, 0).await;
    let mut winner = successor.builder(successor.objects.clone()).tiles_after(1).build().unwrap();
    winner.publish().await.unwrap();
    let before = Objects::read(&*lost.objects).await;
    // It has found the first head before.
    refused(&stale.publish().await.unwrap_err(), "fenced", "heads/00000000000000000001");
    assert_eq!(Objects::read(&*lost.objects).await.0, before.0);
    refused(&stale.publish().await.unwrap_err(), "fork", "heads/00000000000000000001");
    bootstraps(&successor, 1).await;
}

/// Puts objects again while a head is on its way: a publisher that is about to lose. The answer to the head can get lost.
struct Rival {
    world: World,
    objects: Objects,
    faulty: Faulty,
    loses_answer: bool,
}

impl Witness for Rival {
    fn cosign(&self, _: &SignedCheckpoint) -> Result<Vec<NoteSignature>, Box<dyn std::error::Error + Send + Sync>> {
        tokio::runtime::Handle::current().block_on(put_objects(&self.world, &self.objects));
        if self.loses_answer {
            // The delta, and then the head.
            self.faulty.plan(self.faulty.requests() + 1, Fault::After);
        }
        Ok(Vec::new())
    }
}

#[tokio::test]
async fn tiles_that_a_loser_puts_meanwhile_are_replaced_after_the_head() {
    for loses_answer in [false, true] {
        let Diverged { lost, successor, _folder, .. } = diverged(false, 0).await;
        let objects = before_the_head(&lost).await;
        put_objects(&lost, &objects).await;
        let faulty = Faulty::new(successor.objects.clone(), []);
        let rival = Rival { world: lost, objects, faulty: faulty.clone(), loses_answer };
        let builder = successor.builder(Arc::new(faulty)).tiles_after(1);
        let mut publisher = builder.witness(Arc::new(rival)).build().unwrap();
        if loses_answer {
            assert_eq!(publisher.publish().await.unwrap_err().code(), "unavailable");
        }
        assert_eq!(publisher.publish().await.unwrap().number, 1);
        bootstraps(&successor, 1).await;
    }
}

#[tokio::test]
async fn tiles_of_a_head_of_an_unknown_key_are_put_again() {
    let world = World::new();
    world.zone("acme");
    world.publisher().publish().await.unwrap();
    let with_second =
        || Publisher::builder(&world.store, Bucket::new(world.objects.clone()), key(2), Arc::new(signer(2)), ops());
    world.change("acme", "one");
    let mut rotated = with_second().former_key(key(1)).build().unwrap();
    assert_eq!(rotated.publish().await.unwrap().number, 1);
    world.change("acme", "two");
    // The tiles are those of the first head, which the former key has signed.
    assert_eq!(with_second().build().unwrap().publish().await.unwrap().number, 2);
    let objects = Objects::read(&*world.objects).await;
    assert_eq!((objects.delta(1).is_some(), objects.delta(2).unwrap().tiles), (false, 2));
    let second = PublicationTrust::new(key(2)).unwrap();
    let mut new = Follower::new(Bucket::new(world.objects.clone()), second, replica());
    new.poll().await.unwrap();
    same(&new, &world.store);
}
