//! Reading for a check: whatever a scan comes across must lie in its order, and must be found by its key as well. A damaged
//! key in an inner page leads look-ups astray and not scans, so one that only scans would take the table for whole.

use std::cell::RefCell;
use std::ops::Range;

use super::tables::{Direction, Source, Space, Visit};
use crate::error::{ErrorKind, Result};

/// A row that is not where it should be.
pub(super) struct Misplaced {
    pub space: Space,
    pub key: Vec<u8>,
    pub problem: String,
}

/// What can be read, with a second look at each row of a scan.
pub(super) struct Careful<'a> {
    source: &'a dyn Source,
    found: RefCell<Vec<Misplaced>>,
}

impl<'a> Careful<'a> {
    pub(super) fn new(source: &'a dyn Source) -> Self {
        Self { source, found: RefCell::default() }
    }

    /// What was found since the last call.
    pub(super) fn take(&self) -> Vec<Misplaced> {
        self.found.take()
    }

    fn note(&self, space: Space, key: &[u8], problem: impl Into<String>) {
        self.found.borrow_mut().push(Misplaced { space, key: key.to_vec(), problem: problem.into() });
    }

    fn look_up(&self, space: Space, key: &[u8], value: &[u8]) -> Result<()> {
        let mut same = false;
        match self.source.get(space, key, &mut |found| same = found == value) {
            Ok(true) if same => {}
            Ok(true) => self.note(space, key, "a look-up of its key finds another row"),
            Ok(false) => self.note(space, key, "a look-up of its key does not find it"),
            Err(error) if error.kind() == ErrorKind::Corrupt => self.note(space, key, error.to_string()),
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

impl Source for Careful<'_> {
    fn get(&self, space: Space, key: &[u8], f: &mut dyn FnMut(&[u8])) -> Result<bool> {
        self.source.get(space, key, f)
    }

    fn scan(&self, space: Space, range: Range<&[u8]>, direction: Direction, f: &mut Visit<'_>) -> Result<()> {
        let mut before: Option<Vec<u8>> = None;
        self.source.scan(space, range, direction, &mut |key, value| {
            let in_order = before.as_deref().is_none_or(|before| match direction {
                Direction::Ascending => before < key,
                Direction::Descending => before > key,
            });
            if !in_order {
                self.note(space, key, "it is out of its order");
            }
            let kept = before.get_or_insert_default();
            kept.clear();
            kept.extend_from_slice(key);
            self.look_up(space, key, value)?;
            f(key, value)
        })
    }
}
