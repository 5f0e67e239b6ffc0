//! A bucket with one object missing, changed, or another one's; and a storage that fails at any one request of a follower.
//! Nothing wrong is ever applied: a follower is at a head of the publisher, or where it was.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use policy_store::Checkpoint;
use policy_store_replica::object_store::path::Path;
use policy_store_replica::object_store::{ObjectStore, ObjectStoreExt as _, PutPayload};
use policy_store_replica::{Bucket, Follower, Polled};

use super::faulty::{Fault, Faulty};
use super::following::{follower, replica, same, trust};
use super::reading::Objects;
use super::support::World;

/// A publication with two zones that have the same entries but for their ids, larger content, and deltas after tiles.
async fn publication() -> World {
    let world = World::new();
    let mut publisher = world.builder(world.objects.clone()).tiles_after(3).build().unwrap();
    for id in ["one", "two"] {
        world.zone(id);
        (0..4).for_each(|n| world.change(id, &format!("p{n}")));
    }
    world.large_schema("large");
    for round in 0..5 {
        publisher.publish().await.unwrap();
        world.pass(1);
        if round < 4 {
            world.change("one", &format!("later {round}"));
            world.change("two", &format!("later {round}"));
        }
    }
    world
}

/// Polls with a damaged bucket. The state must be that of a head.
async fn never_wrong(follower: &mut Follower, heads: &HashSet<Checkpoint>, place: &str) -> bool {
    let before = follower.store().checkpoint().unwrap();
    let polled = follower.poll().await;
    let after = follower.store().checkpoint().unwrap();
    match polled {
        Ok(Polled::Applied(_)) => assert!(heads.contains(&after), "{place}"),
        Ok(_) => {}
        Err(error) => {
            assert_eq!(after, before, "{place}");
            let known = ["damaged", "rollback", "fork", "not_signed"];
            assert!(known.contains(&error.code()), "{place}: {error}");
            return false;
        }
    }
    true
}

#[tokio::test]
async fn a_missing_changed_or_swapped_object_is_never_applied() {
    let world = publication().await;
    let objects = Objects::read(&*world.objects).await;
    let heads: HashSet<Checkpoint> = objects.heads().into_iter().map(|(checkpoint, _)| checkpoint).collect();
    let newest = world.store.checkpoint().unwrap();
    let names: Vec<_> = objects.0.keys().cloned().collect();
    // A follower that is between the tiles and the newest head.
    let early = Arc::new(policy_store_replica::object_store::memory::InMemory::new());
    for (name, bytes) in objects.0.iter().filter(|(name, _)| !name.contains("0000004")) {
        early.put(&Path::from(name.as_str()), PutPayload::from(bytes.clone())).await.unwrap();
    }
    let early: Arc<dyn ObjectStore> = early;
    let sweep: usize = std::env::var("POLICY_STORE_SWEEP").map_or(1, |sweep| sweep.parse().unwrap());
    let (mut tried, mut noticed) = (0, 0);
    for (index, name) in names.iter().enumerate() {
        let path = Path::from(name.as_str());
        let original = objects.0[name].clone();
        let other = objects.0[&names[(index + 1) % names.len()]].clone();
        let of_other_zone = twin(&objects, name, &world);
        let mut changes: Vec<Option<Bytes>> =
            vec![None, Some(other), Some(Bytes::new()), Some(original.slice(..original.len() / 2))];
        changes.extend(of_other_zone.map(Some));
        for flip in 0..2 * sweep {
            let mut changed = original.to_vec();
            let byte = (flip * 7_919 + index * 31) % changed.len().max(1);
            if let Some(byte) = changed.get_mut(byte) {
                *byte ^= 1 << (flip % 8);
            }
            changes.push(Some(changed.into()));
        }
        for (which, change) in changes.into_iter().enumerate() {
            match change {
                Some(bytes) => drop(world.objects.put(&path, PutPayload::from(bytes)).await.unwrap()),
                None => world.objects.delete(&path).await.unwrap(),
            }
            let place = format!("{name}, change {which}");
            let mut fresh = follower(&world.objects);
            let mut went = never_wrong(&mut fresh, &heads, &place).await;
            let mut followers = vec![fresh];
            if !name.starts_with("logs/") {
                let behind = replica();
                Follower::new(Bucket::new(early.clone()), trust(), behind.clone()).poll().await.unwrap();
                let mut behind = Follower::new(Bucket::new(world.objects.clone()), trust(), behind);
                went &= never_wrong(&mut behind, &heads, &place).await;
                followers.push(behind);
            }
            tried += 1;
            noticed += u32::from(!went);
            world.objects.put(&path, PutPayload::from(original.clone())).await.unwrap();
            if which == 0 {
                for mut follower in followers {
                    follower.poll().await.unwrap();
                    assert_eq!(follower.store().checkpoint().unwrap(), newest, "{place}");
                    same(&follower, &world.store);
                }
            }
        }
    }
    assert!(tried > 200 && noticed > tried / 5, "{noticed} of {tried}");
}

/// The same object of the other zone.
fn twin(objects: &Objects, name: &str, world: &World) -> Option<Bytes> {
    let [one, two] = ["one", "two"].map(|zone| world.log(zone).to_string());
    let other = if name.contains(&one) { name.replace(&one, &two) } else { name.replace(&two, &one) };
    objects.0.get(&other).filter(|_| other != name).cloned()
}

#[tokio::test]
async fn a_follower_survives_a_fault_of_any_request() {
    let world = publication().await;
    let run = async |faults: &[(u64, Fault)]| {
        let faulty = Faulty::new(world.objects.clone(), faults.iter().copied());
        let objects: Arc<dyn ObjectStore> = Arc::new(faulty.clone());
        let mut follower = follower(&objects);
        let polled = follower.poll().await;
        if let Err(error) = &polled {
            assert_eq!(error.code(), "unavailable", "{faults:?}: {error}");
            assert_eq!(follower.store().checkpoint().unwrap().size, 0);
            follower.poll().await.unwrap();
        }
        same(&follower, &world.store);
        (faulty.requests(), polled.is_err())
    };
    let (requests, _) = run(&[]).await;
    assert!(requests >= 15, "{requests}");
    let mut failed = 0;
    for number in 0..requests {
        for fault in [Fault::Before, Fault::After, Fault::Cut, Fault::Twice] {
            failed += u64::from(run(&[(number, fault)]).await.1);
        }
    }
    assert!(failed >= 2 * requests, "{failed} of {requests}");
}
