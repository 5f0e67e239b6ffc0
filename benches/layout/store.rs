//! Writes in each layout.

use crate::*;

pub(crate) struct Store {
    pub(crate) layout: Layout,
    pub(crate) indexing: Indexing,
    pub(crate) database: Database,
    pub(crate) written: Arc<AtomicU64>,
    pub(crate) file: tempfile::NamedTempFile,
}

impl Store {
    pub(crate) fn create(layout: Layout, indexing: Indexing) -> Result<Self> {
        let file = tempfile::NamedTempFile::new()?;
        let written = Arc::new(AtomicU64::new(0));
        let backend = CountingBackend { file: FileBackend::new(file.reopen()?)?, written: written.clone() };
        // Large enough for each whole file: the benchmark measures reads from redb's warm cache.
        let database = Builder::new().set_cache_size(3 << 30).create_with_backend(backend)?;
        Ok(Self { layout, indexing, database, written, file })
    }

    pub(crate) fn for_each_layout() -> Result<Vec<Self>> {
        Layout::ALL.into_iter().map(|layout| Self::create(layout, Indexing::OneTable)).collect()
    }

    pub(crate) fn file_megabytes(&self) -> Result<f64> {
        Ok(self.file.as_file().metadata()?.len() as f64 / 1e6)
    }

    pub(crate) fn used_megabytes(&self) -> Result<f64> {
        let transaction = self.database.begin_write()?;
        let stats = transaction.stats()?;
        transaction.abort()?;
        Ok((stats.allocated_pages() * stats.page_size() as u64) as f64 / 1e6)
    }

    pub(crate) fn bytes_written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    pub(crate) fn warm_up(&self) -> Result<()> {
        let reader = self.reader()?;
        for table in [&reader.log, &reader.objects, &reader.index] {
            for row in table.iter()? {
                black_box(row?.1.value().len());
            }
        }
        Ok(())
    }

    pub(crate) fn reader(&self) -> Result<Reader> {
        let transaction = self.database.begin_read()?;
        Ok(Reader {
            log: transaction.open_table(LOG)?,
            objects: transaction.open_table(OBJECTS)?,
            index: transaction.open_table(INDEXES[0])?,
        })
    }

    /// Does one durable write, and returns its time.
    pub(crate) fn append(&self, versions: &[NewVersion]) -> Result<Duration> {
        let started = Instant::now();
        let mut transaction = self.database.begin_write()?;
        transaction.set_two_phase_commit(true);
        {
            let mut meta = transaction.open_table(META)?;
            let mut log = transaction.open_table(LOG)?;
            let mut objects = transaction.open_table(OBJECTS)?;
            let tables = self.indexing.tables().map(|table| transaction.open_table(table));
            let mut index = Index { tables: tables.collect::<Result<Vec<_>, _>>()?, indexing: self.indexing };
            let mut heads = BTreeMap::new();
            for version in versions {
                let head = match heads.entry(version.log) {
                    Entry::Occupied(head) => head.into_mut(),
                    Entry::Vacant(head) => head.insert(Head::read(&meta, version.log)?),
                };
                let entry = self.entry(version, head, &mut objects)?;
                let hash = *blake3::hash(&entry).as_bytes();
                log.insert(&*log_key(version.log, head.length), &*[&hash[..], &entry].concat())?;
                index.add_version(version, head.length)?;
                *head = Head { length: head.length + 1, last: hash };
            }
            for (log, head) in heads {
                index.add_write(log, &head)?;
                head.write(&mut meta, log)?;
            }
        }
        transaction.commit()?;
        Ok(started.elapsed())
    }

    /// Envelope and body, 254 bytes. A length of zero stands for content in an object.
    pub(crate) fn entry(&self, version: &NewVersion, head: &Head, objects: &mut WriteTable<'_>) -> Result<Vec<u8>> {
        let Content { text, json } = &*version.content;
        let (text_inline, json_inline) = (self.layout.text_inline(text), self.layout.json_inline(json));
        let (text_address, json_address) = if self.layout == Layout::OneObject {
            let both = [&u32::try_from(text.len())?.to_be_bytes()[..], text, json].concat();
            let address = address(TEXT_AND_JSON, &both);
            keep(objects, &address, &both)?;
            (address, address)
        } else {
            // Inline content has an address too, the key in the cache of parsed policies.
            let addresses = (address(TEXT, text), address(JSON, json));
            if !text_inline {
                keep(objects, &addresses.0, text)?;
            }
            if !json_inline {
                keep(objects, &addresses.1, json)?;
            }
            addresses
        };
        let mut entry = Vec::with_capacity(256 + text.len() + json.len());
        entry.extend(head.length.to_be_bytes());
        entry.extend(head.last);
        entry.extend([0x5a; 66]); // times, actor, idempotency key, kind: equal in all layouts
        entry.extend(version.policy.as_bytes());
        entry.extend(version.id.as_bytes());
        entry.extend(version.number.to_be_bytes());
        entry.extend(text_address);
        entry.extend(json_address);
        for (syntax, inline) in [(text, text_inline), (json, json_inline)] {
            let syntax = if inline { syntax.as_slice() } else { &[] };
            entry.extend(u32::try_from(syntax.len())?.to_be_bytes());
            entry.extend(syntax);
        }
        Ok(entry)
    }
}

/// Writes an object, or verifies the existing one.
pub(crate) fn keep(objects: &mut WriteTable<'_>, address: &[u8; 32], plain: &[u8]) -> Result<()> {
    if let Some(object) = objects.get(&address[..])? {
        return match object.value().split_first() {
            Some((0, found)) if found == plain => Ok(()),
            _ => Err("a damaged object".into()),
        };
    }
    objects.insert(&address[..], &*[&[0], plain].concat())?;
    Ok(())
}

/// A log's length and last hash.
#[derive(Default)]
pub(crate) struct Head {
    pub(crate) length: u64,
    pub(crate) last: [u8; 32],
}

impl Head {
    pub(crate) fn read(meta: &WriteTable<'_>, log: u32) -> Result<Self> {
        let Some(row) = meta.get(&log.to_be_bytes()[..])? else { return Ok(Self::default()) };
        let mut row = row.value();
        Ok(Self { length: u64::from_be_bytes(take(&mut row)?), last: take(&mut row)? })
    }

    pub(crate) fn write(&self, meta: &mut WriteTable<'_>, log: u32) -> Result<()> {
        meta.insert(&log.to_be_bytes()[..], &*[&self.length.to_be_bytes()[..], &self.last].concat())?;
        Ok(())
    }
}

pub(crate) struct Index<'txn> {
    pub(crate) tables: Vec<WriteTable<'txn>>,
    pub(crate) indexing: Indexing,
}

impl Index<'_> {
    pub(crate) fn add_version(&mut self, version: &NewVersion, position: u64) -> Result<()> {
        let policy = version.policy.as_bytes();
        let number = version.number.to_be_bytes();
        self.put(
            Tag::VersionNumber,
            number_key(version.log, &version.policy, version.number),
            &position.to_be_bytes(),
        )?;
        if self.indexing == Indexing::SecondVersionIndex {
            let created_at = position.to_be_bytes();
            let key = row_key(version.log, Tag::VersionCreated, &[policy, &[0], &created_at]);
            self.put(Tag::VersionCreated, key, &position.to_be_bytes())?;
        }
        let key = row_key(version.log, Tag::VersionId, &[version.id.as_bytes()]);
        self.put(Tag::VersionId, key, &position.to_be_bytes())?;
        let key = row_key(version.log, Tag::PolicyState, &[policy]);
        let state = [&number[..], &position.to_be_bytes(), &[0x5a; 20]].concat();
        self.put(Tag::PolicyState, key, &state)
    }

    /// The rows that a write adds once for each log: the number of entries, and the idempotency key.
    pub(crate) fn add_write(&mut self, log: u32, head: &Head) -> Result<()> {
        self.put(Tag::Count, row_key(log, Tag::Count, &[]), &head.length.to_be_bytes())?;
        let (request, _) = head.last.split_at(16);
        self.put(Tag::Request, row_key(log, Tag::Request, &[request]), &head.length.to_be_bytes())
    }

    pub(crate) fn put(&mut self, tag: Tag, key: Vec<u8>, value: &[u8]) -> Result<()> {
        let table = tag as usize % self.tables.len();
        let row = [value, &check(&key, value)?].concat();
        self.tables.get_mut(table).ok_or("no such table")?.insert(&*key, &*row)?;
        Ok(())
    }
}
