//! Plain redb with the rows of the store, without the store's logic.

use std::hint::black_box;
use std::ops::Range;
use std::path::Path;

use redb::{Database, ReadTransaction, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition};
use sha2::{Digest, Sha256};

pub type Bytes = &'static [u8];
pub const META: TableDefinition<Bytes, Bytes> = TableDefinition::new("meta");
pub const LOG: TableDefinition<Bytes, Bytes> = TableDefinition::new("log");
pub const CONTENT: TableDefinition<Bytes, Bytes> = TableDefinition::new("content");
pub const ADDRESSES: TableDefinition<Bytes, Bytes> = TableDefinition::new("addresses");
pub const INDEX: TableDefinition<Bytes, Bytes> = TableDefinition::new("index");

/// The size of the store's page cache.
const PAGE_CACHE: usize = 64 << 20;
/// The number of the log of the first zone.
const LOG_NUMBER: u32 = 1;
/// The position of the first version in the log, after the zone and the policy.
const FIRST_POSITION: usize = 2;
/// The number of the first version's content, after both forms of the schema.
const FIRST_CONTENT: usize = 2;

// Lengths of the store's values, with their hash or check; `import::check_floor` compares them.
const ENTRY: usize = 250;
const PACKED: usize = 397;
const POLICY_ROW: usize = 19;
const VERSION_ROW: usize = 12;
const ID_ROW: usize = 10;
const HEAD: usize = 252;
const COUNT: usize = 10;
/// The checkpoint of a zone in a seal.
const SEALED: usize = 56;
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

/// The key of the entry of the `n`th version.
pub fn entry(n: usize) -> [u8; 12] {
    let mut key = [0; 12];
    key[..4].copy_from_slice(&LOG_NUMBER.to_be_bytes());
    key[4..].copy_from_slice(&((n + FIRST_POSITION) as u64).to_be_bytes());
    key
}

/// The key of the content of the `n`th version.
fn content(n: usize) -> [u8; 8] {
    ((n + FIRST_CONTENT) as u64).to_be_bytes()
}

/// One two-phase commit with the number and lengths of rows that the store writes for versions: the head of the log and
/// two counts, and for each version an entry, its content, an address, two index rows and the row of its policy.
pub fn commit(database: &Database, versions: Range<u64>) {
    let mut transaction = database.begin_write().unwrap();
    transaction.set_two_phase_commit(true);
    {
        let [mut meta, mut log, mut content, mut addresses, mut index] =
            [META, LOG, CONTENT, ADDRESSES, INDEX].map(|table| transaction.open_table(table).unwrap());
        for n in versions {
            let number = n.to_be_bytes();
            log.insert([[0; 4].as_slice(), &number].concat().as_slice(), [1; ENTRY].as_slice()).unwrap();
            content.insert(number.as_slice(), [1; PACKED].as_slice()).unwrap();
            // As random as a hash.
            let address = n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
            addresses.insert([[1].as_slice(), &address, &address, &number].concat().as_slice(), [].as_slice()).unwrap();
            let of_policy = b"....\x10p\x00";
            index.insert(of_policy.as_slice(), [2; POLICY_ROW].as_slice()).unwrap();
            let by_number = [b"....\x12p\x00".as_slice(), &number[4..]].concat();
            index.insert(by_number.as_slice(), [2; VERSION_ROW].as_slice()).unwrap();
            let by_id = [b"....\x13".as_slice(), &number, &[b'x'; UUID - 8], b"\x00"].concat();
            index.insert(by_id.as_slice(), [2; ID_ROW].as_slice()).unwrap();
        }
        meta.insert(b"head:....".as_slice(), [0; HEAD].as_slice()).unwrap();
        for count in [b"commits", b"content"] {
            meta.insert(count.as_slice(), [0; COUNT].as_slice()).unwrap();
        }
    }
    transaction.commit().unwrap();
}

/// One two-phase commit with the number and lengths of rows that the store writes for a seal of zones that have grown: an
/// entry with their checkpoints, a row for each of them, the row of the seal, the head of the log and a count. Before it,
/// reads all rows of the last seal, and as many rows and heads.
pub fn seal(database: &Database, grown: usize) {
    let mut transaction = database.begin_write().unwrap();
    transaction.set_two_phase_commit(true);
    {
        let [mut meta, mut log, mut index] = [META, LOG, INDEX].map(|table| transaction.open_table(table).unwrap());
        for table in [&meta, &index] {
            table.range::<&[u8]>(..).unwrap().for_each(|row| drop(black_box(row.unwrap().1.value().to_vec())));
        }
        let position = log.len().unwrap().to_be_bytes();
        log.insert(position.as_slice(), vec![1; ENTRY + grown * SEALED].as_slice()).unwrap();
        for n in 0..grown as u64 {
            // As random as a log id.
            let log_id = n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
            let row_key = [b"....\x05".as_slice(), &log_id, &log_id].concat();
            index.insert(row_key.as_slice(), [2; SEALED].as_slice()).unwrap();
            // A head, which the seal only reads.
            if position == [0; 8] {
                meta.insert(row_key.as_slice(), [0; HEAD].as_slice()).unwrap();
            }
        }
        index.insert(b"....\x07".as_slice(), [2; ID_ROW].as_slice()).unwrap();
        meta.insert(b"head:....".as_slice(), [0; HEAD].as_slice()).unwrap();
        meta.insert(b"commits".as_slice(), [0; COUNT].as_slice()).unwrap();
    }
    transaction.commit().unwrap();
}

/// The key of a tile of leaves of the first zone's log.
pub fn tile(number: u64) -> Vec<u8> {
    [LOG_NUMBER.to_be_bytes().as_slice(), &[0x50, 0], &number.to_be_bytes()].concat()
}

/// The hashes in the row of a full tile: before the row's check.
pub fn hashes_of_tile(value: &[u8]) -> Vec<[u8; 32]> {
    let (row, _check) = value.split_last_chunk::<8>().unwrap();
    row.last_chunk::<{ 256 * 32 }>().unwrap().as_chunks().0.to_vec()
}

/// The hash of an entry in the tree over a log (RFC 6962).
pub fn leaf(bytes: &[u8]) -> [u8; 32] {
    Sha256::new_with_prefix([0]).chain_update(bytes).finalize().into()
}

/// The hash of two neighbours in the tree over a log (RFC 6962).
pub fn node(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    Sha256::new_with_prefix([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The rows of the versions before the `end`th, newest first: entries, and content if it is wanted.
pub fn page(transaction: &ReadTransaction, end: usize, wanted: bool) -> Vec<Vec<u8>> {
    let (log, contents) = (transaction.open_table(LOG).unwrap(), transaction.open_table(CONTENT).unwrap());
    let start = end - 100;
    let rows = log.range::<&[u8]>(entry(start).as_slice()..entry(end).as_slice()).unwrap().rev();
    let mut rows: Vec<_> = rows.map(|row| row.unwrap().1.value().to_vec()).collect();
    if wanted {
        let contents = contents.range::<&[u8]>(content(start).as_slice()..content(end).as_slice()).unwrap().rev();
        rows.extend(contents.map(|row| row.unwrap().1.value().to_vec()));
    }
    rows
}

/// All rows of all tables.
pub fn for_each_row(database: &Database, mut f: impl FnMut(&[u8], &[u8])) {
    let transaction = database.begin_read().unwrap();
    for table in [META, LOG, CONTENT, ADDRESSES, INDEX] {
        for row in transaction.open_table(table).unwrap().range::<&[u8]>(..).unwrap() {
            let (key, value) = row.unwrap();
            f(key.value(), value.value());
        }
    }
}

/// The last rows of the log of the zone, and of the content.
pub fn for_each_last_row(database: &Database, rows: usize, mut f: impl FnMut(&[u8], &[u8])) {
    let transaction = database.begin_read().unwrap();
    for table in [LOG, CONTENT] {
        for row in transaction.open_table(table).unwrap().range::<&[u8]>(..).unwrap().rev().take(rows) {
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
