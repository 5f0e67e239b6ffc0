//! Plain redb with the rows of the store, without the store's logic.

use std::path::Path;

use policy_store::Include;
use redb::{Database, ReadTransaction, ReadableDatabase, TableDefinition};

pub type Bytes = &'static [u8];
pub const META: TableDefinition<Bytes, Bytes> = TableDefinition::new("meta");
pub const LOG: TableDefinition<Bytes, Bytes> = TableDefinition::new("log");
pub const OBJECTS: TableDefinition<Bytes, Bytes> = TableDefinition::new("objects");
pub const INDEX: TableDefinition<Bytes, Bytes> = TableDefinition::new("index");

/// The size of the store's page cache.
const PAGE_CACHE: usize = 64 << 20;
/// The number of the log of the first zone.
const LOG_NUMBER: u32 = 1;
/// The position of the first version in the log, after the zone and the policy.
const FIRST_POSITION: usize = 2;

// Lengths of the store's values, with their hash or check; `import::check_floor` compares them.
const ENTRY: usize = 315;
const POLICY_ROW: usize = 12;
const VERSION_ROW: usize = 11;
const HEAD: usize = 57;
/// The length of a version's id, a part of a key.
const UUID: usize = 36;

pub fn builder() -> redb::Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(PAGE_CACHE);
    builder
}

pub fn open(path: &Path) -> Database {
    builder().open(path).unwrap()
}

/// The address of a text and of its JSON: two keys of `OBJECTS`.
pub fn addresses(text: &str, json: &str) -> [[u8; 32]; 2] {
    let address = |kind, plain: &str| blake3::Hasher::new().update(&[kind]).update(plain.as_bytes()).finalize();
    [*address(1, text).as_bytes(), *address(2, json).as_bytes()]
}

/// The key of the entry of the `n`th version.
pub fn entry(n: usize) -> [u8; 12] {
    let mut key = [0; 12];
    key[..4].copy_from_slice(&LOG_NUMBER.to_be_bytes());
    key[4..].copy_from_slice(&((n + FIRST_POSITION) as u64).to_be_bytes());
    key
}

/// One two-phase commit with the number and lengths of rows that the store writes for versions: the head of the log,
/// and for each version an entry, two objects, two index rows and the row of its policy.
pub fn commit(database: &Database, first: u64, contents: &[(String, String)]) {
    let mut transaction = database.begin_write().unwrap();
    transaction.set_two_phase_commit(true);
    {
        let [mut meta, mut log, mut objects, mut index] =
            [META, LOG, OBJECTS, INDEX].map(|table| transaction.open_table(table).unwrap());
        for (n, (text, json)) in (first..).zip(contents) {
            let number = n.to_be_bytes();
            log.insert([[0; 4].as_slice(), &number].concat().as_slice(), [1; ENTRY].as_slice()).unwrap();
            for (address, content) in addresses(text, json).iter().zip([text, json]) {
                objects.insert(address.as_slice(), [&[0], content.as_bytes()].concat().as_slice()).unwrap();
            }
            let of_policy = b"....\x10p\x00";
            index.insert(of_policy.as_slice(), [2; POLICY_ROW].as_slice()).unwrap();
            let by_number = [b"....\x12p\x00".as_slice(), &number[4..]].concat();
            index.insert(by_number.as_slice(), [2; VERSION_ROW].as_slice()).unwrap();
            let by_id = [b"....\x13".as_slice(), &number, &[b'x'; UUID - 8], b"\x00"].concat();
            index.insert(by_id.as_slice(), [2; VERSION_ROW].as_slice()).unwrap();
        }
        meta.insert(b"head:....".as_slice(), [0; HEAD].as_slice()).unwrap();
    }
    transaction.commit().unwrap();
}

/// The rows of the versions before the `end`th, newest first: entries by range, content by address.
pub fn page(transaction: &ReadTransaction, end: usize, addresses: &[[[u8; 32]; 2]], include: Include) -> Vec<Vec<u8>> {
    let log = transaction.open_table(LOG).unwrap();
    let objects = transaction.open_table(OBJECTS).unwrap();
    let start = end - 100;
    let mut rows = Vec::new();
    let range = log.range::<&[u8]>(entry(start).as_slice()..entry(end).as_slice()).unwrap();
    for (row, [text, json]) in range.rev().zip(addresses[start..end].iter().rev()) {
        rows.push(row.unwrap().1.value().to_vec());
        let asked = match include {
            Include::Both => [Some(text), Some(json)],
            Include::Cedar => [Some(text), None],
            Include::Json => [None, Some(json)],
            Include::Neither => [None, None],
        };
        for address in asked.into_iter().flatten() {
            rows.push(objects.get(address.as_slice()).unwrap().unwrap().value().to_vec());
        }
    }
    rows
}

/// All rows of the four tables.
pub fn for_each_row(database: &Database, mut f: impl FnMut(&[u8], &[u8])) {
    let transaction = database.begin_read().unwrap();
    for table in [META, LOG, OBJECTS, INDEX] {
        for row in transaction.open_table(table).unwrap().range::<&[u8]>(..).unwrap() {
            let (key, value) = row.unwrap();
            f(key.value(), value.value());
        }
    }
}

/// The number of rows in a file, and the bytes of their keys and values.
pub fn rows_and_bytes(path: &Path) -> (usize, usize) {
    let (mut rows, mut bytes) = (0, 0);
    for_each_row(&open(path), |key, value| {
        rows += 1;
        bytes += key.len() + value.len();
    });
    (rows, bytes)
}
