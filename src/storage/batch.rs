//! The rows of a write in memory, and the state of the store with them.
//!
//! Does not know what the rows mean, nor when they are committed.

use std::collections::BTreeMap;
use std::collections::btree_map::{Entry, Range as Rows};
use std::ops::{Bound, Range};
use std::sync::Arc;

use super::tables::{Direction, Each, Table, TableReader, TableWriter, Visit};
use crate::types::error::Result;

/// The new value of a row; `None` for a row that is removed.
pub(super) type Change = Option<Vec<u8>>;

/// The changed rows of one or more writes, in the order of their keys.
#[derive(Clone, Debug, Default)]
pub(super) struct Batch {
    changes: Each<BTreeMap<Vec<u8>, Change>>,
    /// The number of writes.
    pub writes: u64,
}

impl Batch {
    /// The changed rows of a table.
    pub(super) fn rows(&self, table: Table) -> &BTreeMap<Vec<u8>, Change> {
        self.changes.of(table)
    }

    /// Adds the change of a row.
    pub(super) fn change(&mut self, table: Table, key: Vec<u8>, change: Change) {
        self.changes.of_mut(table).insert(key, change);
    }

    /// Adds the changes of a later write.
    pub(super) fn absorb(&mut self, mut later: Self) {
        self.writes += later.writes;
        for table in Table::ALL {
            let mut newer = std::mem::take(later.changes.of_mut(table));
            let rows = self.changes.of_mut(table);
            // Moves the fewer rows. A newer change replaces an older one of the same row.
            if rows.len() < newer.len() {
                for (key, change) in std::mem::take(rows) {
                    if let Entry::Vacant(free) = newer.entry(key) {
                        free.insert(change);
                    }
                }
                *rows = newer;
            } else {
                rows.extend(newer);
            }
        }
    }
}

/// A committed state, with the changes of earlier writes that are not committed yet, and those of one more write.
pub(super) struct Overlay<'a> {
    own: Batch,
    /// The changes of earlier writes, the newest first.
    earlier: Vec<Arc<Batch>>,
    base: &'a dyn TableReader,
}

impl<'a> Overlay<'a> {
    /// The state without changes of its own.
    pub(super) fn new(base: &'a dyn TableReader, earlier: Vec<Arc<Batch>>) -> Self {
        Self { own: Batch::default(), earlier, base }
    }

    /// Its own changes, those of one write.
    pub(super) fn into_own(self) -> Batch {
        Batch { writes: 1, ..self.own }
    }

    /// The changes of a table, the newest first.
    fn layers(&self, table: Table) -> impl Iterator<Item = &BTreeMap<Vec<u8>, Change>> {
        let batches = std::iter::once(&self.own).chain(self.earlier.iter().map(|batch| &**batch));
        batches.map(move |batch| batch.rows(table)).filter(|rows| !rows.is_empty())
    }

    fn changed(&self, table: Table, key: &[u8]) -> Option<&Change> {
        self.layers(table).find_map(|rows| rows.get(key))
    }
}

impl TableReader for Overlay<'_> {
    fn get(&self, table: Table, key: &[u8], f: &mut dyn FnMut(&[u8])) -> Result<bool> {
        match self.changed(table, key) {
            Some(change) => Ok(change.as_deref().map(f).is_some()),
            None => self.base.get(table, key, f),
        }
    }

    fn scan(&self, table: Table, range: Range<&[u8]>, direction: Direction, f: &mut Visit<'_>) -> Result<()> {
        if range.is_empty() {
            return Ok(());
        }
        let mut changes = Changes::new(self.layers(table), &range, direction);
        let mut goes_on = true;
        self.base.scan(table, range, direction, &mut |key, value| {
            goes_on = changes.pass_before(Some(key), f)?;
            if goes_on {
                goes_on = match changes.next_at(key) {
                    None => f(key, value)?,
                    Some(None) => true,
                    Some(Some(changed)) => f(key, changed)?,
                };
            }
            Ok(goes_on)
        })?;
        if goes_on {
            changes.pass_before(None, f)?;
        }
        Ok(())
    }

    fn is_committed(&self, table: Table, key: &[u8]) -> bool {
        self.changed(table, key).is_none() && self.base.is_committed(table, key)
    }
}

impl TableWriter for Overlay<'_> {
    fn put(&mut self, table: Table, key: Vec<u8>, value: Vec<u8>) -> Result<()> {
        self.own.change(table, key, Some(value));
        Ok(())
    }

    fn remove(&mut self, table: Table, key: &[u8]) -> Result<()> {
        self.own.change(table, key.to_vec(), None);
        Ok(())
    }

    fn remove_range(&mut self, table: Table, range: &Range<Vec<u8>>) -> Result<()> {
        let mut keys = Vec::new();
        let range = range.start.as_slice()..range.end.as_slice();
        self.scan(table, range, Direction::Ascending, &mut |key, _| {
            keys.push(key.to_vec());
            Ok(true)
        })?;
        keys.into_iter().for_each(|key| self.own.change(table, key, None));
        Ok(())
    }
}

/// The changes of several layers, in the direction of a scan. Of the changes of one row, only the newest counts.
struct Changes<'a> {
    /// The newest first.
    layers: Vec<Layer<'a>>,
    direction: Direction,
}

/// The rest of one layer, and its next change.
struct Layer<'a> {
    rest: Rows<'a, Vec<u8>, Change>,
    next: Option<(&'a [u8], Option<&'a [u8]>)>,
}

impl Layer<'_> {
    fn advance(&mut self, direction: Direction) {
        let next = match direction {
            Direction::Ascending => self.rest.next(),
            Direction::Descending => self.rest.next_back(),
        };
        self.next = next.map(|(key, change)| (key.as_slice(), change.as_deref()));
    }
}

impl<'a> Changes<'a> {
    fn new(
        layers: impl Iterator<Item = &'a BTreeMap<Vec<u8>, Change>>,
        range: &Range<&[u8]>,
        direction: Direction,
    ) -> Self {
        let bounds = (Bound::Included(range.start), Bound::Excluded(range.end));
        let layers = layers.map(|rows| {
            let mut layer = Layer { rest: rows.range::<[u8], _>(bounds), next: None };
            layer.advance(direction);
            layer
        });
        Self { layers: layers.collect(), direction }
    }

    /// Whether a scan reaches `key` before `other`.
    fn is_before(&self, key: &[u8], other: &[u8]) -> bool {
        match self.direction {
            Direction::Ascending => key < other,
            Direction::Descending => key > other,
        }
    }

    /// The key of the next change.
    fn key(&self) -> Option<&'a [u8]> {
        let keys = self.layers.iter().filter_map(|layer| layer.next.map(|(key, _)| key));
        keys.reduce(|first, key| if self.is_before(key, first) { key } else { first })
    }

    /// Takes the next change if it is one of the row `key`.
    fn next_at(&mut self, key: &[u8]) -> Option<Option<&'a [u8]>> {
        let mut found = None;
        for layer in &mut self.layers {
            if let Some((next, change)) = layer.next
                && next == key
            {
                // Older layers follow.
                found.get_or_insert(change);
                layer.advance(self.direction);
            }
        }
        found
    }

    /// Passes the changed rows before `end`, or all of them, to `f`. Returns `false` if `f` ended the scan.
    fn pass_before(&mut self, end: Option<&[u8]>, f: &mut Visit<'_>) -> Result<bool> {
        while let Some(key) = self.key().filter(|key| end.is_none_or(|end| self.is_before(key, end))) {
            if let Some(Some(value)) = self.next_at(key)
                && !f(key, value)?
            {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;

    use super::*;

    /// A base in memory, for all tables.
    struct Base(BTreeMap<Vec<u8>, Vec<u8>>);

    impl TableReader for Base {
        fn get(&self, _: Table, key: &[u8], f: &mut dyn FnMut(&[u8])) -> Result<bool> {
            Ok(self.0.get(key).map(|value| f(value)).is_some())
        }

        fn scan(&self, _: Table, range: Range<&[u8]>, direction: Direction, f: &mut Visit<'_>) -> Result<()> {
            let rows = self.0.range::<[u8], _>((Bound::Included(range.start), Bound::Excluded(range.end)));
            let ordered: Vec<_> = match direction {
                Direction::Ascending => rows.collect(),
                Direction::Descending => rows.rev().collect(),
            };
            for (key, value) in ordered {
                if !f(key, value)? {
                    break;
                }
            }
            Ok(())
        }
    }

    type Found = Vec<(Vec<u8>, Vec<u8>)>;

    /// The first `most` rows of a scan.
    fn scan(tables: &dyn TableReader, range: Range<&[u8]>, direction: Direction, most: usize) -> Found {
        let mut found = Vec::new();
        tables
            .scan(Table::Index, range, direction, &mut |key, value| {
                found.push((key.to_vec(), value.to_vec()));
                Ok(found.len() < most)
            })
            .unwrap();
        found
    }

    fn key() -> impl Strategy<Value = Vec<u8>> {
        vec(0_u8..4, 1..4)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        /// Random layers over a random base read like one map with all changes in order.
        #[test]
        fn layers_read_like_one_map(
            base in btree_map(key(), vec(any::<u8>(), 1), 0..30),
            layers in vec(vec((key(), proptest::option::of(vec(any::<u8>(), 1))), 0..12), 0..4),
            own in vec((key(), proptest::option::of(vec(any::<u8>(), 1))), 0..12),
            removed in proptest::option::of((key(), key())),
            (from, to) in (key(), key()),
            most in 1_usize..40,
        ) {
            let mut model = base.clone();
            let mut apply = |key: &Vec<u8>, change: &Change| match change {
                Some(value) => drop(model.insert(key.clone(), value.clone())),
                None => drop(model.remove(key)),
            };
            let mut earlier = Vec::new();
            for layer in &layers {
                let mut batch = Batch::default();
                for (key, change) in layer {
                    apply(key, change);
                    batch.change(Table::Index, key.clone(), change.clone());
                }
                earlier.insert(0, Arc::new(batch));
            }
            // Layers that are merged read like layers.
            let mut merged = Batch::default();
            earlier.iter().rev().for_each(|batch| merged.absorb(Batch::clone(batch)));
            let base = Base(base);
            for earlier in [earlier, vec![Arc::new(merged)]] {
                let mut model = model.clone();
                let mut overlay = Overlay::new(&base, earlier);
                for (key, change) in &own {
                    match change {
                        Some(value) => {
                            model.insert(key.clone(), value.clone());
                            overlay.put(Table::Index, key.clone(), value.clone()).unwrap();
                        }
                        None => {
                            model.remove(key);
                            overlay.remove(Table::Index, key).unwrap();
                        }
                    }
                }
                if let Some((from, to)) = &removed {
                    model.retain(|key, _| key < from || key >= to);
                    overlay.remove_range(Table::Index, &(from.clone()..to.clone())).unwrap();
                }
                for key in model.keys().chain(own.iter().map(|(key, _)| key)).chain([&from, &to]) {
                    let mut value = None;
                    let there = overlay.get(Table::Index, key, &mut |found| value = Some(found.to_vec())).unwrap();
                    prop_assert_eq!(there, value.is_some());
                    prop_assert_eq!(value.as_ref(), model.get(key));
                }
                for range in [from.as_slice()..to.as_slice(), to.as_slice()..from.as_slice(), [].as_slice()..&[9]] {
                    let mut rows: Found = model.clone().into_iter().collect();
                    rows.retain(|(key, _)| range.start <= key.as_slice() && key.as_slice() < range.end);
                    let first: Found = rows.iter().take(most).cloned().collect();
                    prop_assert_eq!(scan(&overlay, range.clone(), Direction::Ascending, most), first);
                    let last: Found = rows.iter().rev().take(most).cloned().collect();
                    prop_assert_eq!(scan(&overlay, range, Direction::Descending, most), last);
                }
            }
        }
    }

    #[test]
    fn only_an_unchanged_row_is_committed() {
        let base = Base(BTreeMap::from([(vec![1], vec![1]), (vec![2], vec![2])]));
        let mut earlier = Batch::default();
        earlier.change(Table::Log, vec![2], Some(vec![3]));
        let mut overlay = Overlay::new(&base, vec![Arc::new(earlier)]);
        overlay.put(Table::Log, vec![3], vec![3]).unwrap();
        let committed = [1_u8, 2, 3].map(|key| overlay.is_committed(Table::Log, &[key]));
        assert_eq!(committed, [true, false, false]);
        assert!(overlay.is_committed(Table::Index, &[2]), "another table");
    }
}
