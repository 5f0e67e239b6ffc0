//! The cost of a change, in requests and bytes: it does not depend on the size of the zone.

use std::sync::Arc;

use policy_store_replica::object_store::ObjectStore;
use policy_store_replica::object_store::memory::InMemory;

use super::counts::{Change, Cost, Counted};
use super::world::{World, decides_by};

/// Heads from one with tiles to the next.
const TILES_AFTER: u64 = 32;
/// Two of them have tiles.
const CHANGES: usize = 66;

/// The costs of changes in a zone with this many versions, and that of a poll without news.
async fn costs(versions: usize) -> (Vec<Change>, Cost) {
    let world = World::in_memory(versions);
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let mut counted = Counted::new(&world, &objects, TILES_AFTER).await;
    let changes = counted.changes(&world, CHANGES).await;
    assert!(decides_by(counted.store(), CHANGES + 1));
    (changes, counted.idle().await)
}

fn median(changes: &[Change], bytes: fn(&Change) -> u64) -> u64 {
    let mut values: Vec<_> = changes.iter().map(bytes).collect();
    values.sort_unstable();
    values[values.len() / 2]
}

#[tokio::test]
async fn the_cost_of_a_change_does_not_depend_on_the_size_of_the_zone() {
    let costs = [costs(1_000).await, costs(10_000).await];
    for (changes, idle) in &costs {
        // A head and its delta. The newest head is found by four reads.
        let of_delta =
            |change: &Change| (change.publisher.puts, change.publisher.requests(), change.follower.requests());
        let of_deltas: Vec<_> = changes.iter().filter(|change| !change.has_tiles).map(of_delta).collect();
        assert_eq!(of_deltas, vec![(2, 2, 5); CHANGES - 2]);
        assert_eq!((idle.gets, idle.requests()), (2, 2));
        let both = [median(changes, |change| change.publisher.bytes), median(changes, |change| change.follower.bytes)];
        assert!(both.iter().all(|bytes| *bytes < 16 * 1024), "{both:?}");

        let tiles: Vec<_> = changes.iter().filter(|change| change.has_tiles).collect();
        for (change, removed) in tiles.iter().zip([0, TILES_AFTER]) {
            // Of two logs: up to three bundles with content and hashes, a tile of the level above, a checkpoint.
            let Cost { puts, gets, lists, removed: found, .. } = change.publisher;
            assert!((10..=24).contains(&puts), "{:?}", change.publisher);
            assert_eq!((gets, lists, found), (0, 1, removed));
            // A follower reads the delta all the same.
            assert_eq!(change.follower.requests(), 5);
        }
        assert_eq!(tiles.len(), 2);
    }
    // Numbers in entries are longer in a larger zone.
    let of_both = costs.map(|(changes, _)| median(&changes, |change| change.publisher.bytes + change.follower.bytes));
    assert!(of_both[0].abs_diff(of_both[1]) < 256, "{of_both:?}");
}
