//! Pages of 100 versions, newest first.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion};
use policy_store::{Include, PageRequest, PolicyStore, Zone};
use redb::{Database, ReadableDatabase};

use crate::floor;
use crate::large::large;

const FORMS: [(&str, Include); 3] =
    [("both forms", Include::Both), ("text", Include::Cedar), ("metadata only", Include::Neither)];

/// Floor: the same entries and the same content by raw ranges, from the same file. `seen before` reads the
/// newest page repeatedly. `never seen` reads the list page by page, and opens the file again at its end.
pub fn page(c: &mut Criterion) {
    let mut group = c.benchmark_group("a page of 100 of 100,000 versions");
    group.sample_size(20);
    for (name, include) in FORMS {
        let line = format!("{name}, seen before");
        group.bench_function(BenchmarkId::new("store", &line), |b| {
            let store = large().open(|options| options);
            let zone = store.zone("z").unwrap();
            let list = PageRequest::new().limit(100);
            b.iter(|| zone.policy_versions("p", include, &list).unwrap());
        });
        group.bench_function(BenchmarkId::new("floor", &line), |b| {
            let large = large();
            let database = floor::open(&large.path());
            b.iter(|| floor::page(&database.begin_read().unwrap(), large.versions(), wants(include)));
        });
        let line = format!("{name}, never seen");
        group.bench_function(BenchmarkId::new("store", &line), |b| {
            let large = large();
            b.iter_custom(|pages| {
                time_walks(pages, || {
                    let store = large.open(|options| options);
                    Walk::start(&store, include)
                })
            });
        });
        group.bench_function(BenchmarkId::new("floor", &line), |b| {
            let large = large();
            b.iter_custom(|pages| {
                time_walks(pages, || RawWalk {
                    database: floor::open(&large.path()),
                    end: large.versions(),
                    wanted: wants(include),
                })
            });
        });
    }
    group.finish();
}

/// The time to read this many pages, without the time to open files.
#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn time_walks<W: Iterator<Item = ()>>(pages: u64, start: impl Fn() -> W) -> Duration {
    let mut total = Duration::ZERO;
    let mut left = pages;
    while left > 0 {
        let mut walk = start();
        let started = Instant::now();
        while left > 0 && walk.next().is_some() {
            left -= 1;
        }
        total += started.elapsed();
    }
    total
}

struct Walk {
    zone: Zone,
    include: Include,
    /// Reads the next page, if there is one.
    next: Option<PageRequest>,
}

impl Walk {
    fn start(store: &PolicyStore, include: Include) -> Self {
        Self { zone: store.zone("z").unwrap(), include, next: Some(PageRequest::new().limit(100)) }
    }
}

impl Iterator for Walk {
    type Item = ();

    fn next(&mut self) -> Option<()> {
        let page = self.zone.policy_versions("p", self.include, &self.next.take()?).unwrap();
        self.next = page.after_cursor.as_ref().map(|cursor| PageRequest::new().limit(100).after(cursor));
        black_box(page);
        Some(())
    }
}

/// Whether a page has content.
fn wants(include: Include) -> bool {
    !matches!(include, Include::Neither)
}

struct RawWalk {
    database: Database,
    end: usize,
    wanted: bool,
}

impl Iterator for RawWalk {
    type Item = ();

    fn next(&mut self) -> Option<()> {
        let start = self.end.checked_sub(100)?;
        black_box(floor::page(&self.database.begin_read().unwrap(), self.end, self.wanted));
        self.end = start;
        Some(())
    }
}
