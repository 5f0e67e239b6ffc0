//! The seals of the store's log, each compared with those before it.

use std::collections::BTreeMap;

use policy_store_verify::proof::Levels;

use crate::record::{Body, SealedZone, ZonesSealed};
use crate::types::hash::EntryHash;
use crate::types::id::LogId;

/// The checkpoints of zones in the seals so far: each with the position of its entry.
#[derive(Default)]
pub(super) struct Seals(pub BTreeMap<LogId, (u64, SealedZone)>);

impl Seals {
    /// Adds an entry of the store's log. The error is the problem with it.
    pub(super) fn note(&mut self, position: u64, body: &Body) -> Result<(), String> {
        match body {
            Body::ZonesSealed(ZonesSealed { zones, seal }) => {
                for zone in zones {
                    let before = self.0.insert(zone.log_id, (position, zone.clone()));
                    if before.is_some_and(|(_, before)| before.size >= zone.size) {
                        return Err(format!("sealed log {} has not grown since the last seal", zone.log_id));
                    }
                }
                let Some(seal) = seal else { return Ok(()) };
                let leaves = self.0.values().map(|(_, zone)| EntryHash::of(&zone.leaf()).0).collect();
                let is_right = Levels::new(leaves).root().0 == seal.root && self.0.len() as u64 == seal.zones;
                if is_right { Ok(()) } else { Err("seal does not match the checkpoints of the zones".to_owned()) }
            }
            body => {
                if let Some(log_id) = body.ended_log() {
                    self.0.remove(&log_id);
                }
                Ok(())
            }
        }
    }
}
