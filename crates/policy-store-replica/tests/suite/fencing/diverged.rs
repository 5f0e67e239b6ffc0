//! Stores with one history up to a head, and other entries after it: tiles of one that belong to no head.

use std::sync::Arc;

use policy_store::note::{NoteSignature, SignedCheckpoint};
use policy_store::{NewPolicy, PolicyStore, Restore};
use policy_store_replica::object_store::path::Path;
use policy_store_replica::object_store::{ObjectStoreExt as _, PutPayload};
use policy_store_replica::{Bucket, Follower, Publisher, Witness};

use super::super::faulty::{Fault, Faulty};
use super::super::following::{copied, follower, same, trust};
use super::super::reading::Objects;
use super::super::support::{World, ops};
use super::refused;

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
