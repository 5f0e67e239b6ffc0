//! Instruments: a counter of written bytes, and the table of results.

use crate::*;

/// A file that counts the bytes written to it: a cost of a commit that does not depend on the speed of the disk.
#[derive(Debug)]
pub(crate) struct CountingBackend {
    pub(crate) file: FileBackend,
    pub(crate) written: Arc<AtomicU64>,
}

impl StorageBackend for CountingBackend {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.written.fetch_add(data.len() as u64, Ordering::Relaxed);
        self.file.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }
}

/// The bytes that each store has written since a moment.
pub(crate) struct BytesWritten<'a> {
    pub(crate) stores: &'a [Store],
    pub(crate) before: Vec<u64>,
}

impl<'a> BytesWritten<'a> {
    pub(crate) fn since_now(stores: &'a [Store]) -> Self {
        Self { stores, before: stores.iter().map(Store::bytes_written).collect() }
    }

    pub(crate) fn per(&self, writes: usize, unit: f64) -> Vec<f64> {
        let per = |(store, before): (&Store, &u64)| (store.bytes_written() - before) as f64 / unit / writes as f64;
        self.stores.iter().zip(&self.before).map(per).collect()
    }
}

pub(crate) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// A Markdown table with a row for each measurement and a column for each store.
pub(crate) struct Report {
    pub(crate) title: String,
    pub(crate) columns: Vec<&'static str>,
    pub(crate) rows: Vec<(String, Vec<f64>)>,
}

impl Report {
    pub(crate) fn new(title: String, stores: &[Store]) -> Self {
        let indexings_differ = stores.iter().any(|store| store.indexing != Indexing::OneTable);
        let name = |store: &Store| if indexings_differ { store.indexing.name() } else { store.layout.name() };
        Self { title, columns: stores.iter().map(name).collect(), rows: Vec::new() }
    }

    pub(crate) fn add(&mut self, label: impl Into<String>, values: Vec<f64>) {
        self.rows.push((label.into(), values));
    }

    pub(crate) fn add_medians(&mut self, label: impl Into<String>, samples: Vec<Vec<f64>>) {
        let medians = samples.into_iter().map(|mut samples| {
            samples.sort_by(f64::total_cmp);
            samples.get(samples.len() / 2).copied().unwrap_or(f64::NAN)
        });
        self.add(label, medians.collect());
    }

    /// Writes each value, with its ratio to the best of the row in brackets.
    pub(crate) fn print(&self) {
        println!("\n### {}\n\n| | {} |", self.title, self.columns.join(" | "));
        println!("|---|{}", "---:|".repeat(self.columns.len()));
        for (label, values) in &self.rows {
            let best = values.iter().copied().fold(f64::INFINITY, f64::min);
            let decimals = if best < 10.0 { 2 } else { usize::from(best < 100.0) };
            let cells: Vec<_> = values.iter().map(|v| format!("{v:.decimals$} ({:.2}×)", v / best)).collect();
            println!("| {label} | {} |", cells.join(" | "));
        }
    }
}
