//! A disk in memory that records every change to it and fails at a chosen call; and the images that a power loss can
//! leave of it. Knows bytes, and nothing of the store.

use std::io::{Error, ErrorKind, Result};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::{BackendError, StorageBackend};

use crate::storage::Location;
use crate::storage::tests::disk::{Numbers, locks_of_one_process};

/// A change of the disk, or an event between two changes.
#[derive(Clone, Debug)]
pub(super) enum Event {
    Write(u64, Vec<u8>),
    SetLen(u64),
    /// A sync has ended.
    Sync,
    /// The store has acknowledged an operation.
    Acknowledged,
}

/// How a call of the disk fails.
#[derive(Clone, Copy, Debug)]
pub(super) enum Failure {
    /// With this error number of the operating system.
    Code(i32),
    /// A write changes half of its bytes, and then there is no space left. Other calls fail as with `EIO`.
    Short,
}

/// Error numbers of the operating system.
pub(super) const EIO: i32 = 5;
pub(super) const ENOSPC: i32 = 28;

/// The calls that fail.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// The number of calls before the first that fails.
    pub after: u64,
    /// Whether all later calls fail too.
    pub for_ever: bool,
    pub failure: Failure,
}

/// The disk. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Recorder(Arc<Mutex<Recorded>>);

#[derive(Debug)]
struct Recorded {
    bytes: Vec<u8>,
    events: Vec<Event>,
    plan: Option<Plan>,
    /// The number of calls since there is a plan.
    calls: u64,
    failures: u64,
}

impl Recorder {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        let recorded = Recorded { bytes, events: Vec::new(), plan: None, calls: 0, failures: 0 };
        Self(Arc::new(Mutex::new(recorded)))
    }

    /// Lets calls fail from now on.
    pub(super) fn fail(&self, plan: Plan) {
        let mut recorded = self.recorded();
        (recorded.plan, recorded.calls) = (Some(plan), 0);
    }

    pub(super) fn heal(&self) {
        self.recorded().plan = None;
    }

    /// The number of calls that have failed.
    pub(super) fn failures(&self) -> u64 {
        self.recorded().failures
    }

    pub(super) fn location(&self) -> Location {
        Location::Backend(Arc::new(self.clone()))
    }

    /// Notes that the store has acknowledged an operation.
    pub(super) fn acknowledge(&self) {
        self.recorded().events.push(Event::Acknowledged);
    }

    /// The events so far.
    pub(super) fn events(&self) -> Vec<Event> {
        self.recorded().events.clone()
    }

    fn recorded(&self) -> MutexGuard<'_, Recorded> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, event: Event) -> Result<()> {
        let mut recorded = self.recorded();
        let failed = recorded.call();
        let event = match (failed, event) {
            (None, event) => event,
            (Some(Failure::Short), Event::Write(offset, data)) => Event::Write(offset, data[..data.len() / 2].to_vec()),
            (Some(failure), _) => return Err(failure.error()),
        };
        apply(&mut recorded.bytes, &event);
        recorded.events.push(event);
        failed.map_or(Ok(()), |_| Err(Error::from_raw_os_error(ENOSPC)))
    }
}

impl Recorded {
    /// Counts a call. Returns its failure, if it fails.
    fn call(&mut self) -> Option<Failure> {
        let plan = self.plan?;
        let number = self.calls;
        self.calls += 1;
        let fails = number == plan.after || (number > plan.after && plan.for_ever);
        self.failures += u64::from(fails);
        fails.then_some(plan.failure)
    }
}

impl Failure {
    fn error(self) -> Error {
        match self {
            Self::Code(code) => Error::from_raw_os_error(code),
            Self::Short => Error::from_raw_os_error(EIO),
        }
    }
}

impl StorageBackend for Recorder {
    fn len(&self) -> Result<u64> {
        Ok(self.recorded().bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        let mut recorded = self.recorded();
        if let Some(failure) = recorded.call() {
            return Err(failure.error());
        }
        let found = recorded.bytes.get(usize::try_from(offset).unwrap()..).and_then(|rest| rest.get(..out.len()));
        out.copy_from_slice(found.ok_or_else(|| Error::from(ErrorKind::UnexpectedEof))?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.record(Event::SetLen(len))
    }

    fn sync_data(&self) -> Result<()> {
        self.record(Event::Sync)
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<()> {
        self.record(Event::Write(offset, data.to_vec()))
    }

    locks_of_one_process!();
}

/// Applies a change. A write beyond the end extends the file.
fn apply(bytes: &mut Vec<u8>, event: &Event) {
    match event {
        Event::SetLen(len) => bytes.resize(usize::try_from(*len).unwrap(), 0),
        Event::Write(offset, data) => {
            let start = usize::try_from(*offset).unwrap();
            if bytes.len() < start + data.len() {
                bytes.resize(start + data.len(), 0);
            }
            bytes[start..start + data.len()].copy_from_slice(data);
        }
        Event::Sync | Event::Acknowledged => {}
    }
}

/// The durable bytes of a recorded disk, at a point that moves forward.
pub(super) struct Replay<'a> {
    events: &'a [Event],
    /// The bytes at the last sync before the point.
    durable: Vec<u8>,
    /// The number of events in `durable`.
    synced: usize,
}

impl<'a> Replay<'a> {
    pub(super) fn new(start: Vec<u8>, events: &'a [Event]) -> Self {
        Self { events, durable: start, synced: 0 }
    }

    /// The bytes that a power loss after the first `point` events leaves, if `numbers` decides about each change that
    /// was not synced. Points must not decrease.
    pub(super) fn image_at(&mut self, point: usize, numbers: &mut Numbers) -> Vec<u8> {
        let synced = self.events[..point].iter().rposition(|event| matches!(event, Event::Sync));
        let synced = synced.map_or(self.synced, |last| last + 1);
        for event in &self.events[self.synced..synced.max(self.synced)] {
            apply(&mut self.durable, event);
        }
        self.synced = synced.max(self.synced);
        after_power_loss(&self.durable, &self.events[self.synced..point], numbers)
    }
}

/// A number below `bound`.
pub(super) fn below(numbers: &mut Numbers, bound: usize) -> usize {
    usize::try_from(numbers.next()).unwrap() % bound
}

/// The durable bytes, and any part of the changes that were not synced.
fn after_power_loss(durable: &[u8], unsynced: &[Event], numbers: &mut Numbers) -> Vec<u8> {
    let mut image = durable.to_vec();
    match below(numbers, 8) {
        // All are lost.
        0 => {}
        // None is lost: the process was killed, and the system went on.
        1 => unsynced.iter().for_each(|event| apply(&mut image, event)),
        _ => keep_some(&mut image, unsynced, numbers),
    }
    image
}

/// A file system keeps changes of the length in their order. Data moves in any order, and is lost beyond the end.
fn keep_some(image: &mut Vec<u8>, unsynced: &[Event], numbers: &mut Numbers) {
    let lengths: Vec<_> = unsynced.iter().filter(|event| matches!(event, Event::SetLen(_))).collect();
    let kept = below(numbers, lengths.len() + 1);
    lengths.into_iter().take(kept).for_each(|event| apply(image, event));
    let mut writes: Vec<_> = unsynced
        .iter()
        .filter_map(|event| match event {
            Event::Write(offset, data) => Some((usize::try_from(*offset).unwrap(), data.as_slice())),
            _ => None,
        })
        .collect();
    if below(numbers, 2) == 0 {
        for last in (1..writes.len()).rev() {
            writes.swap(last, below(numbers, last + 1));
        }
    }
    // Of some losses most is kept, of others little.
    let kept_of_8 = below(numbers, 9);
    let torn_of_8 = below(numbers, 9);
    for (start, data) in writes {
        if below(numbers, 8) >= kept_of_8 {
            continue;
        }
        if below(numbers, 8) < torn_of_8 {
            keep_torn(image, start, data, numbers);
        } else {
            keep(image, start, data);
        }
    }
}

/// A part of a write: some of its blocks or sectors, or all bytes up to one, as of a sector that was torn.
fn keep_torn(image: &mut [u8], start: usize, data: &[u8], numbers: &mut Numbers) {
    let grain = match below(numbers, 4) {
        0 => return keep(image, start, &data[..below(numbers, data.len() + 1)]),
        1 => 4_096,
        _ => 512,
    };
    let mut from = 0;
    while from < data.len() {
        let to = data.len().min(from + grain - (start + from) % grain);
        if below(numbers, 2) == 0 {
            keep(image, start + from, &data[from..to]);
        }
        from = to;
    }
}

/// Writes the part of `data` that lies before the end of the file.
fn keep(image: &mut [u8], start: usize, data: &[u8]) {
    let end = image.len().min(start + data.len());
    if start < end {
        image[start..end].copy_from_slice(&data[..end - start]);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn images(events: &[Event]) -> BTreeSet<Vec<u8>> {
        let start = vec![1; 2_048];
        let image = |seed| Replay::new(start.clone(), events).image_at(events.len(), &mut Numbers(seed));
        (0..2_000).map(image).collect()
    }

    #[test]
    fn a_synced_change_is_in_every_image_and_an_unsynced_one_in_some() {
        let write = |byte| Event::Write(0, vec![byte; 1_024]);
        assert_eq!(images(&[write(2), Event::Sync]).len(), 1);
        let found = images(&[write(2), Event::Sync, write(3)]);
        let sectors = |image: &Vec<u8>| (image[0], image[511], image[512], image[1_023], image[1_024]);
        let torn: BTreeSet<_> = found.iter().map(sectors).collect();
        for first in [2, 3] {
            for second in [2, 3] {
                assert!(torn.contains(&(first, first, second, second, 1)), "{first} {second}");
            }
        }
        assert!(found.iter().all(|image| image[..1_024].iter().all(|byte| [2, 3].contains(byte))));
        assert!(found.iter().any(|image| image[511] != image[0]), "a sector is torn");
    }

    #[test]
    fn unsynced_changes_are_reordered_and_an_extension_is_lost_with_its_data() {
        let found = images(&[Event::Write(0, vec![2; 512]), Event::Write(0, vec![3; 512])]);
        assert!([1, 2, 3].iter().all(|byte| found.iter().any(|image| image[..512] == vec![*byte; 512])));
        let found = images(&[Event::SetLen(4_096), Event::Write(2_048, vec![2; 512])]);
        let ends: BTreeSet<_> = found.iter().map(|image| (image.len(), image.get(2_048).copied())).collect();
        assert_eq!(ends, BTreeSet::from([(2_048, None), (4_096, Some(0)), (4_096, Some(2))]));
    }

    #[test]
    fn a_point_before_the_end_of_a_sync_leaves_its_changes_open() {
        let events = [Event::Write(0, vec![2; 512]), Event::Sync];
        let image = |point, seed| Replay::new(vec![1; 512], &events).image_at(point, &mut Numbers(seed))[0];
        assert_eq!((0..100).map(|seed| image(1, seed)).collect::<BTreeSet<_>>(), BTreeSet::from([1, 2]));
        assert_eq!((0..100).map(|seed| image(2, seed)).collect::<BTreeSet<_>>(), BTreeSet::from([2]));
    }
}
