//! Tells a store's log of another history from a damaged one: by the tree over its entries alone.

use policy_store::{Checkpoint, EntryHash, ReplicaSource as _};
use policy_store_verify::record::Frontier;

use super::fetch::Fetch;
use crate::error::{Error, Result};
use crate::object::layout;

/// Whether the log that ends with the checkpoint `to` begins with that of `own`. Reads all of its entries and keeps none.
pub(super) fn begins_with(fetch: &mut Fetch, own: &Checkpoint, to: &Checkpoint) -> Result<bool> {
    fetch.announce(&[policy_store::LogRange::new(to.log_id, 0, to.size)]);
    let (mut tree, mut at_own, mut position) = (Frontier::default(), None, 0);
    while position < to.size {
        let part = fetch.part_of(to.log_id, position, to.size)?;
        if part.entries.is_empty() {
            return Err(Error::damaged(layout::log(to.log_id), format!("entry {position} is missing")));
        }
        for entry in &part.entries {
            tree.append(position, EntryHash::of(entry));
            position += 1;
            if position == own.size {
                at_own = Some(tree.root());
            }
        }
    }
    if tree.root() != to.root.0 {
        return Err(Error::damaged(layout::log(to.log_id), "its entries do not have the root of the head"));
    }
    Ok(at_own == Some(own.root.0))
}
