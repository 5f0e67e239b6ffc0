//! The change feed: the groups of a log, in order, as they become durable.
//!
//! Keeps nothing in the store: the consumer keeps its position.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::moment::{Latest, Moment};
use super::zone::Zone;
use crate::engine::Engine;
use crate::list::changes::{ChangeGroup, LogPlace};
use crate::resource::zone::ZoneRef;
use crate::storage::Snapshot;
use crate::storage::key::{LogNumber, STORE_LOG};
use crate::types::error::Result;

/// The changes of one log after a position, one write at a time: of a zone ([`Zone::changes`]), or of the store itself
/// ([`PolicyStore::changes`](crate::PolicyStore::changes)), whose log has the zones and the schema versions.
///
/// Each [`ChangeGroup`] has all entries that one write added to the log, in the order of their positions, once they are
/// durable. The consumer keeps [`position`](Self::position) when it has handled a group, and gives it again after a restart:
/// then it gets every group after it, once each. Several consumers of a log do not know of each other, and no write waits for
/// them. Positions order one log: a write to two zones is a group in each of them.
///
/// Within a process, a commit wakes [`wait`](Self::wait) at once. A reader, and one of several processes that write, sees
/// the commits of others within about 20 milliseconds. As any handle, this one keeps the file open.
///
/// A position is a number. If the store is put back to an older state and grows past it before the consumer starts again, only a
/// [checkpoint](Zone::checkpoint) that is kept beside it tells so: see [`Builder::not_before`](crate::Builder::not_before).
///
/// An audit sink, which keeps its position beside what it has written:
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let kept = folder.path().join("position");
/// use std::time::Duration;
/// use policy_store::{Actor, Changes, NewPolicy, PolicyStore};
/// let (store, ann) = (PolicyStore::builder().in_memory()?, Actor::customer("ann")?);
/// store.write(&ann, |w| w.create_zone("acme")?.create_policy(NewPolicy::named("staff")))?;
///
/// let position = std::fs::read_to_string(&kept).map_or(Ok(0), |text| text.parse())?;
/// let mut changes: Changes = store.zone("acme")?.changes(position)?;
/// while let Some(group) = changes.wait(Duration::from_millis(10))? {
///     for entry in &group.entries {
///         println!("{} {} {}", entry.created_at, entry.created_by, serde_json::to_string(&entry.change)?);
///     }
///     // After a crash before this line, the group comes again.
///     std::fs::write(&kept, changes.position().to_string())?;
/// }
/// assert_eq!(std::fs::read_to_string(&kept)?, "2");
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// After an error the position is unchanged, and the next call goes on from it: also after a
/// [recovery](crate::PolicyStore::recover), before which calls return [`Unavailable`](crate::ErrorKind::Unavailable).
///
/// [`NotFound`](crate::ErrorKind::NotFound) if the zone was erased, also from a `wait` that is under way;
/// [`Corrupt`](crate::ErrorKind::Corrupt) with the code `older_state` if the log no longer has the entries before the position:
/// the store was put back to an older state.
#[derive(Clone)]
pub struct Changes {
    engine: Arc<Engine>,
    /// None: the store.
    zone: Option<ZoneRef>,
    place: LogPlace,
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.zone {
            None => write!(f, "Changes({})", self.place.position),
            Some(zone) => write!(f, "Changes({}: {})", zone.id, self.place.position),
        }
    }
}

impl Changes {
    pub(crate) fn new(engine: Arc<Engine>, zone: Option<ZoneRef>, from: u64) -> Result<Self> {
        let place = read(&engine, zone.as_ref(), |snapshot, log| LogPlace::new(snapshot, log, from))?;
        Ok(Self { engine, zone, place })
    }

    /// The number of the log's entries before the next group. To be kept once they are handled.
    pub fn position(&self) -> u64 {
        self.place.position
    }

    /// The next group, if there is one by now.
    ///
    /// # Errors
    ///
    /// See [`Changes`](Self#errors).
    pub fn poll(&mut self) -> Result<Option<ChangeGroup>> {
        let place = self.place;
        let next = read(&self.engine, self.zone.as_ref(), |snapshot, log| place.next(snapshot, log))?;
        Ok(next.map(|(group, after)| {
            self.place = after;
            group
        }))
    }

    /// The next group, for which the call waits up to `timeout`. None if it did not come: [`Duration::MAX`] waits for ever.
    /// Inside the closure of a write it would wait for the write itself.
    ///
    /// # Errors
    ///
    /// See [`Changes`](Self#errors).
    pub fn wait(&mut self, timeout: Duration) -> Result<Option<ChangeGroup>> {
        let engine = self.engine.clone();
        engine.storage.wait(timeout, || self.poll())
    }
}

fn read<T>(
    engine: &Engine,
    zone: Option<&ZoneRef>,
    f: impl FnOnce(&Snapshot<'_>, LogNumber) -> Result<T>,
) -> Result<T> {
    match zone {
        None => engine.storage.read(|snapshot| f(snapshot, STORE_LOG)),
        Some(zone) => Latest.read(engine, zone, |reader| f(&reader, reader.log)),
    }
}

impl Zone {
    /// The changes of the zone after its first `from` entries, one write at a time: 0 begins with the zone's creation. See
    /// [`Changes`] for an example.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) with the code `inside_group` for a position inside a write, with the positions
    /// before and after it; [`Corrupt`](crate::ErrorKind::Corrupt) with the code `older_state` if the log has fewer than `from`
    /// entries; [`NotFound`](crate::ErrorKind::NotFound) if the zone was erased.
    pub fn changes(&self, from: u64) -> Result<Changes> {
        Changes::new(self.engine.clone(), Some(self.place.clone()), from)
    }
}
