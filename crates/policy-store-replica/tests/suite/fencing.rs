//! Two publishers, other stores, older states, other keys: who may put the next head.

mod diverged;

use std::sync::Arc;

use policy_store::note::{NoteKey, NoteSignature, SignedCheckpoint};
use policy_store::{PolicyStore, Restore, Timestamp};
use policy_store_replica::object_store::path::Path;
use policy_store_replica::object_store::{ObjectStoreExt as _, PutPayload};
use policy_store_replica::{Bucket, Error, Follower, Outcome, PublicationTrust, Publisher, Witness};

use super::faulty::{Fault, Faulty};
use super::following::{replica, same};
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
