//! The moment that a zone is read at. Does not know what is read.
#![expect(
    private_bounds,
    private_interfaces,
    reason = "the trait is sealed by its types: callers name it in bounds only"
)]

use std::fmt;
use std::sync::Arc;

use crate::engine::Engine;
use crate::resource::binding::At;
use crate::resource::zone::{ZoneReader, ZoneRef};
use crate::storage::{HeldSnapshot, LogWriter, Point, Snapshot};
use crate::types::error::Result;

/// The moment that a [`Zone`](crate::Zone) is read at: one of the types of this module. Cannot be implemented elsewhere.
pub trait Moment {
    /// Whether only committed state is read, so that it may enter the caches.
    #[doc(hidden)]
    const COMMITTED: bool;

    /// Reads the zone at this moment.
    #[doc(hidden)]
    fn read<T>(&self, engine: &Engine, zone: &ZoneRef, f: impl FnOnce(ZoneReader<'_>) -> Result<T>) -> Result<T>;

    /// The number of commits so far if nothing else can be read by now: what was found at a number is found again at it.
    #[doc(hidden)]
    fn commits(&self, _engine: &Engine) -> Result<Option<u64>> {
        Ok(None)
    }

    /// Whether the zone is read as its own log has it, without the logs of others.
    #[doc(hidden)]
    fn is_as_logged(&self) -> bool {
        false
    }
}

/// A moment at which only committed state is read: [`Latest`], [`Held`] or [`AsOf`].
pub trait Committed: Moment + Clone + Send + Sync + 'static {
    /// The state of this moment as of an earlier point of the zone's history.
    #[doc(hidden)]
    fn as_of(&self, engine: &Engine, zone: &ZoneRef, at: At) -> Result<AsOf>;
}

/// The newest committed state, anew for each call.
#[derive(Clone, Copy, Debug)]
pub struct Latest;

/// One committed state, held until the last clone is dropped.
#[derive(Clone, Debug)]
pub struct Held(pub(crate) Arc<HeldSnapshot>);

/// A point in the zone's history, read from one committed state, which is held until the last clone is dropped.
#[derive(Clone, Debug)]
pub struct AsOf {
    held: Arc<HeldSnapshot>,
    /// None: the held state itself.
    point: Option<Arc<Point>>,
}

/// A write that is under way, with its changes so far; after a call that was carried out before under its idempotency key,
/// the state that the call left.
pub struct InWrite<'w, 'txn> {
    pub(crate) writer: &'w mut LogWriter<'txn>,
    /// The end of the log after a call that was carried out before, until the next call.
    pub(crate) end: Option<u64>,
}

impl fmt::Debug for InWrite<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InWrite").finish_non_exhaustive()
    }
}

impl Moment for Latest {
    const COMMITTED: bool = true;

    fn read<T>(&self, engine: &Engine, zone: &ZoneRef, f: impl FnOnce(ZoneReader<'_>) -> Result<T>) -> Result<T> {
        span!(TRACE, "read", zone = zone.id, log = zone.log_id);
        engine.storage.read(|snapshot| read_existing(snapshot, zone, f))
    }

    fn commits(&self, engine: &Engine) -> Result<Option<u64>> {
        engine.storage.commits()
    }
}

impl Moment for Held {
    const COMMITTED: bool = true;

    fn read<T>(&self, engine: &Engine, zone: &ZoneRef, f: impl FnOnce(ZoneReader<'_>) -> Result<T>) -> Result<T> {
        span!(TRACE, "read_held", zone = zone.id, log = zone.log_id);
        engine.storage.read_held(&self.0, |snapshot| read_existing(snapshot, zone, f))
    }
}

/// The caches of versions and compiled sets are keyed by entries, and an earlier row names the entries of then.
impl Moment for AsOf {
    const COMMITTED: bool = true;

    fn read<T>(&self, engine: &Engine, zone: &ZoneRef, f: impl FnOnce(ZoneReader<'_>) -> Result<T>) -> Result<T> {
        span!(TRACE, "read_as_of", zone = zone.id, log = zone.log_id);
        match &self.point {
            None => engine.storage.read_held(&self.held, |snapshot| read_existing(snapshot, zone, f)),
            Some(point) => engine.storage.read_point(
                &self.held,
                point,
                |snapshot| ZoneReader::new(snapshot, zone).check_exists(),
                |snapshot| f(ZoneReader::new(snapshot, zone)),
            ),
        }
    }
}

impl Moment for InWrite<'_, '_> {
    const COMMITTED: bool = false;

    fn read<T>(&self, _engine: &Engine, zone: &ZoneRef, f: impl FnOnce(ZoneReader<'_>) -> Result<T>) -> Result<T> {
        let read = |snapshot: &Snapshot<'_>| f(ZoneReader::new(snapshot, zone));
        match self.end {
            None => self.writer.read(read),
            Some(end) => self.writer.read_as_of(zone.log, end, read),
        }
    }

    fn is_as_logged(&self) -> bool {
        self.end.is_some()
    }
}

impl Committed for Latest {
    fn as_of(&self, engine: &Engine, zone: &ZoneRef, at: At) -> Result<AsOf> {
        Held(Arc::new(engine.storage.hold()?)).as_of(engine, zone, at)
    }
}

impl Committed for Held {
    fn as_of(&self, engine: &Engine, zone: &ZoneRef, at: At) -> Result<AsOf> {
        AsOf { held: self.0.clone(), point: None }.as_of(engine, zone, at)
    }
}

impl Committed for AsOf {
    fn as_of(&self, engine: &Engine, zone: &ZoneRef, at: At) -> Result<AsOf> {
        let Some((end, mut written)) = self.read(engine, zone, |reader| reader.lengths_at_point(at))? else {
            return Ok(self.clone());
        };
        if let Some(point) = &self.point {
            written = written.min(point.written());
        }
        let point = engine.storage.read_held(&self.held, |snapshot| Point::new(snapshot, zone.log, end, written))?;
        Ok(Self { held: self.held.clone(), point: Some(Arc::new(point)) })
    }
}

/// Reads the zone's log while the zone exists, and no other log that has its number: after a recovery or an erasure, the
/// number may be another zone's.
fn read_existing<T>(snapshot: &Snapshot<'_>, zone: &ZoneRef, f: impl FnOnce(ZoneReader<'_>) -> Result<T>) -> Result<T> {
    let reader = ZoneReader::new(snapshot, zone);
    reader.check_exists()?;
    f(reader)
}
