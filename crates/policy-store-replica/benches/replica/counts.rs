//! The requests and bytes of one change: of the publisher, and of a follower. Also used by tests, which assert the goals.

use std::sync::Arc;

use policy_store::PolicyStore;
use policy_store_replica::object_store::ObjectStore;
use policy_store_replica::{Follower, Publisher};

use super::faulty::Faulty;
use super::world::{World, follower};

/// Requests and bytes of objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cost {
    pub bytes: u64,
    pub puts: u64,
    pub gets: u64,
    pub lists: u64,
    /// Removed objects. S3 removes a thousand with one request.
    pub removed: u64,
}

impl Cost {
    fn of(counted: &Faulty) -> Self {
        let [put, get, list, delete] = ["put", "get", "list", "delete"].map(|kind| counted.count(kind));
        let (puts, gets, lists, removed) = (put.requests, get.requests, list.requests, delete.requests);
        Self { bytes: put.bytes + get.bytes, puts, gets, lists, removed }
    }

    fn since(self, earlier: Self) -> Self {
        Self {
            bytes: self.bytes - earlier.bytes,
            puts: self.puts - earlier.puts,
            gets: self.gets - earlier.gets,
            lists: self.lists - earlier.lists,
            removed: self.removed - earlier.removed,
        }
    }

    pub fn requests(&self) -> u64 {
        self.puts + self.gets + self.lists + self.removed
    }
}

/// The cost of one change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    pub publisher: Cost,
    pub follower: Cost,
    /// The head has tiles.
    pub has_tiles: bool,
}

/// A publisher and a follower whose requests are counted. Both have the newest state.
pub struct Counted {
    publisher: (Publisher, Faulty),
    follower: (Follower, Faulty),
    tiles_after: u64,
}

impl Counted {
    pub async fn new(world: &World, objects: &Arc<dyn ObjectStore>, tiles_after: u64) -> Self {
        let [puts, gets] = [(); 2].map(|()| Faulty::new(objects.clone(), []));
        let publisher = world.publisher(Arc::new(puts.clone())).tiles_after(tiles_after).build().unwrap();
        let follower = follower(Arc::new(gets.clone()), PolicyStore::builder().replica_in_memory().unwrap());
        let mut counted = Self { publisher: (publisher, puts), follower: (follower, gets), tiles_after };
        counted.step().await;
        counted
    }

    async fn step(&mut self) -> Change {
        let ((publisher, puts), (follower, gets)) = (&mut self.publisher, &mut self.follower);
        let before = [Cost::of(puts), Cost::of(gets)];
        let published = publisher.publish().await.unwrap();
        follower.poll().await.unwrap();
        Change {
            publisher: Cost::of(puts).since(before[0]),
            follower: Cost::of(gets).since(before[1]),
            has_tiles: published.number % self.tiles_after == 0,
        }
    }

    /// The costs of changes, published one by one.
    pub async fn changes(&mut self, world: &World, changes: usize) -> Vec<Change> {
        let mut costs = Vec::new();
        for _ in 0..changes {
            world.change();
            costs.push(self.step().await);
        }
        costs
    }

    /// The follower's store.
    pub fn store(&self) -> &PolicyStore {
        self.follower.0.store()
    }

    /// The cost of a poll that finds nothing.
    pub async fn idle(&mut self) -> Cost {
        let (follower, gets) = &mut self.follower;
        let before = Cost::of(gets);
        follower.poll().await.unwrap();
        Cost::of(gets).since(before)
    }
}
