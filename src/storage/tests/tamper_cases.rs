//! For tests: kinds of damage in a valid redb file, each with the expected reaction of the store.

use redb::{Database, ReadableTable, TableDefinition, WriteTransaction};

use super::disk::*;
use crate::record::{Content, ContentKind, Entry, Envelope, PackedContent, Plain};
use crate::storage::index::key::{self, RowKind};
use crate::storage::index::row::{Head, LogsRow, NextContentRow, PolicyRow, Row, ZoneStateRow, ZoneWitnessRow};
use crate::types::hash::EntryHash;
use crate::*;

pub(in crate::storage) type Definition = TableDefinition<'static, &'static [u8], &'static [u8]>;
pub(in crate::storage) const META: Definition = TableDefinition::new("meta");
pub(in crate::storage) const LOG: Definition = TableDefinition::new("log");
pub(in crate::storage) const CONTENT: Definition = TableDefinition::new("content");
pub(in crate::storage) const ADDRESSES: Definition = TableDefinition::new("addresses");
pub(in crate::storage) const INDEX: Definition = TableDefinition::new("index");

pub(in crate::storage) fn get(txn: &WriteTransaction, table: Definition, row_key: &[u8]) -> Vec<u8> {
    txn.open_table(table).unwrap().get(row_key).unwrap().expect("the row is there").value().to_vec()
}

pub(in crate::storage) fn put(txn: &WriteTransaction, table: Definition, row_key: &[u8], value: &[u8]) {
    txn.open_table(table).unwrap().insert(row_key, value).unwrap();
}

pub(in crate::storage) fn remove(txn: &WriteTransaction, table: Definition, row_key: &[u8]) {
    assert!(txn.open_table(table).unwrap().remove(row_key).unwrap().is_some());
}

pub(in crate::storage) fn flip(txn: &WriteTransaction, table: Definition, row_key: &[u8]) {
    let mut value = get(txn, table, row_key);
    *value.last_mut().unwrap() ^= 1;
    put(txn, table, row_key, &value);
}

fn head(txn: &WriteTransaction, log: u32) -> Head {
    Head::from_value(&key::head(log), &get(txn, META, &key::head(log))).unwrap()
}

pub(in crate::storage) fn put_head(txn: &WriteTransaction, log: u32, change: impl FnOnce(&mut Head)) {
    let mut head = head(txn, log);
    change(&mut head);
    put(txn, META, &key::head(log), &head.to_value(&key::head(log)).unwrap());
}

pub(in crate::storage) fn hash_at(txn: &WriteTransaction, log: u32, position: u64) -> EntryHash {
    Entry::from_stored(&get(txn, LOG, &key::entry(log, position))).unwrap().1
}

/// Replaces an entry with one of another actor, with the correct hash of its bytes.
fn forge(txn: &WriteTransaction, log: u32, position: u64) {
    let (mut entry, _) = Entry::from_stored(&get(txn, LOG, &key::entry(log, position))).unwrap();
    entry.envelope.actor = Actor::customer("mallory").unwrap();
    let (bytes, hash) = entry.encode().unwrap();
    put(txn, LOG, &key::entry(log, position), &Entry::stored(&bytes, hash));
}

/// Changes the envelopes of a log, with correct hashes throughout.
pub(in crate::storage) fn rewrite(txn: &WriteTransaction, log: u32, change: impl Fn(&mut Envelope)) {
    let Head { log_id, length, .. } = head(txn, log);
    let mut rewritten = Head::empty(log_id);
    for position in 0..length {
        let (mut entry, _) = Entry::from_stored(&get(txn, LOG, &key::entry(log, position))).unwrap();
        entry.envelope.previous = rewritten.last;
        change(&mut entry.envelope);
        let (bytes, hash) = entry.encode().unwrap();
        put(txn, LOG, &key::entry(log, position), &Entry::stored(&bytes, hash));
        rewritten.append(hash);
    }
    put_head(txn, log, |head| *head = rewritten);
}

fn policy_row() -> Vec<u8> {
    key::by_id(1, RowKind::Policy, "p1")
}

/// The key of the content with this text.
pub(in crate::storage) fn content_key(txn: &WriteTransaction, text: &str) -> Vec<u8> {
    let table = txn.open_table(CONTENT).unwrap();
    let mut rows = table.iter().unwrap().map(|row| row.unwrap());
    let is_it = |value: &[u8]| Plain::unpack(value).is_ok_and(|plain| plain.parts().0 == text);
    rows.find(|(_, value)| is_it(value.value())).expect("the content is there").0.value().to_vec()
}

/// The key of the forms of a policy version.
pub(in crate::storage) fn text_key(txn: &WriteTransaction) -> Vec<u8> {
    content_key(txn, &format!("// 1\n{PERMIT}"))
}

/// The address of the content with this text, which has no value.
pub(in crate::storage) fn address_key(txn: &WriteTransaction, text: &str) -> Vec<u8> {
    let number = content_key(txn, text);
    let table = txn.open_table(ADDRESSES).unwrap();
    let mut keys = table.iter().unwrap().map(|row| row.unwrap().0.value().to_vec());
    keys.find(|address| address.ends_with(&number)).expect("the address is there")
}

/// The expected effect of a rebuild.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::storage) enum Rebuild {
    /// All rows are restored.
    Repairs,
    /// The rebuild is refused, and nothing changes.
    Refused,
    /// The damage is not in the index.
    Leaves,
    /// As [`Leaves`], and the number of the damaged content leaves the index.
    Forgets,
}
use Rebuild::{Forgets, Leaves, Refused, Repairs};

pub(in crate::storage) struct Case {
    pub name: &'static str,
    pub tamper: fn(&WriteTransaction),
    /// The places that `verify` must report.
    pub places: &'static [&'static str],
    pub rebuild: Rebuild,
    /// Whether a write in zone `a` is refused.
    pub refused: bool,
}

/// Zone `a` (log 1) has 14 entries, of which the last binds; zone `b` (log 2) has 10.
pub(in crate::storage) const CASES: &[Case] = &[
    Case {
        name: "an entry is missing",
        tamper: |txn| remove(txn, LOG, &key::entry(1, 5)),
        places: &["log `a`"],
        rebuild: Refused,
        refused: false,
    },
    Case {
        name: "an entry is changed",
        tamper: |txn| flip(txn, LOG, &key::entry(1, 5)),
        places: &["entry 5 of log `a`"],
        rebuild: Refused,
        refused: false,
    },
    Case {
        name: "the last entry is changed",
        tamper: |txn| flip(txn, LOG, &key::entry(1, 13)),
        places: &["entry 13 of log `a`"],
        rebuild: Refused,
        refused: true,
    },
    Case {
        name: "an entry is forged: the next one does not chain to it",
        tamper: |txn| forge(txn, 1, 5),
        places: &["entry 6 of log `a`"],
        rebuild: Refused,
        refused: false,
    },
    Case {
        name: "the last entry is forged",
        tamper: |txn| forge(txn, 1, 13),
        places: &["log `a`"],
        rebuild: Refused,
        refused: true,
    },
    Case {
        name: "two entries are swapped",
        tamper: |txn| {
            let (five, six) = (get(txn, LOG, &key::entry(1, 5)), get(txn, LOG, &key::entry(1, 6)));
            put(txn, LOG, &key::entry(1, 5), &six);
            put(txn, LOG, &key::entry(1, 6), &five);
        },
        places: &["entry 5 of log `a`", "entry 6 of log `a`"],
        rebuild: Refused,
        refused: false,
    },
    Case {
        name: "an entry of another log is pasted in",
        tamper: |txn| put(txn, LOG, &key::entry(1, 3), &get(txn, LOG, &key::entry(2, 3))),
        places: &["entry 3 of log `a`"],
        rebuild: Refused,
        refused: false,
    },
    Case {
        name: "the tail is cut off",
        tamper: |txn| remove(txn, LOG, &key::entry(1, 13)),
        places: &["log `a`"],
        rebuild: Refused,
        refused: true,
    },
    Case {
        name: "the head is moved back",
        tamper: |txn| {
            let last = hash_at(txn, 1, 12);
            put_head(txn, 1, |head| (head.length, head.last) = (13, last));
        },
        places: &["log `a`"],
        rebuild: Refused,
        refused: true,
    },
    Case {
        name: "the head is moved back to nothing",
        tamper: |txn| put_head(txn, 1, |head| (head.length, head.last) = (0, EntryHash::NONE)),
        places: &["log `a`"],
        rebuild: Refused,
        refused: true,
    },
    Case {
        name: "the head is moved on",
        tamper: |txn| put_head(txn, 1, |head| head.length += 1),
        places: &["log `a`"],
        rebuild: Refused,
        refused: true,
    },
    Case {
        name: "the head has another hash",
        tamper: |txn| put_head(txn, 1, |head| head.last = EntryHash::NONE),
        places: &["log `a`"],
        rebuild: Refused,
        refused: true,
    },
    Case {
        name: "the head has another log's id",
        tamper: |txn| put_head(txn, 1, |head| head.log_id = LogId([1; 16])),
        places: &["log `a`", "log `number 1`"],
        rebuild: Refused,
        refused: true,
    },
    Case {
        name: "the head is damaged",
        tamper: |txn| flip(txn, META, &key::head(1)),
        places: &["meta rows"],
        rebuild: Refused,
        refused: true,
    },
    Case {
        name: "a zone's log is missing",
        tamper: |txn| {
            (0..10).for_each(|position| remove(txn, LOG, &key::entry(2, position)));
            remove(txn, META, &key::head(2));
        },
        places: &["log `b`"],
        rebuild: Refused,
        refused: false,
    },
    Case {
        name: "a zone's entries are missing",
        tamper: |txn| (0..10).for_each(|position| remove(txn, LOG, &key::entry(2, position))),
        places: &["log `b`"],
        rebuild: Refused,
        refused: false,
    },
    Case {
        name: "two logs have changed places",
        tamper: |txn| {
            for position in 0..10 {
                let (one, two) = (key::entry(1, position), key::entry(2, position));
                let (first, second) = (get(txn, LOG, &one), get(txn, LOG, &two));
                put(txn, LOG, &one, &second);
                put(txn, LOG, &two, &first);
            }
            for position in 10..14 {
                put(txn, LOG, &key::entry(2, position), &get(txn, LOG, &key::entry(1, position)));
                remove(txn, LOG, &key::entry(1, position));
            }
            let (one, two) = (head(txn, 1), head(txn, 2));
            put_head(txn, 1, |head| *head = two);
            put_head(txn, 2, |head| *head = one);
        },
        places: &["index row 00000000016100 of log `store`"],
        rebuild: Leaves,
        refused: true,
    },
    Case {
        name: "an index row is damaged",
        tamper: |txn| flip(txn, INDEX, &policy_row()),
        places: &["index row 00000001107031"],
        rebuild: Repairs,
        refused: false,
    },
    Case {
        name: "an index row has another row's value",
        tamper: |txn| {
            let other = get(txn, INDEX, &key::by_id(1, RowKind::Policy, "p0"));
            put(txn, INDEX, &policy_row(), &other);
        },
        places: &["index row 00000001107031"],
        rebuild: Repairs,
        refused: false,
    },
    Case {
        name: "an index row of another zone is pasted in",
        tamper: |txn| put(txn, INDEX, &policy_row(), &get(txn, INDEX, &key::by_id(2, RowKind::Policy, "p1"))),
        places: &["index row 00000001107031"],
        rebuild: Repairs,
        refused: false,
    },
    Case {
        name: "a binding of another zone is pasted in",
        tamper: |txn| {
            let [one, two] =
                [(1, 13), (2, 9)].map(|(log, at)| key::binding(log, BindingMode::Active, &Target::Zone, at));
            put(txn, INDEX, &one, &get(txn, INDEX, &two));
        },
        places: &["index row 0000000130"],
        rebuild: Repairs,
        refused: false,
    },
    Case {
        name: "an index row leads to another thing's entries",
        tamper: |txn| {
            let row = PolicyRow::from_value(&policy_row(), &get(txn, INDEX, &policy_row())).unwrap();
            let row = PolicyRow { created: 1, ..row };
            put(txn, INDEX, &policy_row(), &row.to_value(&policy_row()).unwrap());
        },
        places: &["index row 00000001107031"],
        rebuild: Repairs,
        refused: false,
    },
    Case {
        name: "an index row is doubled",
        tamper: |txn| put(txn, INDEX, &key::by_id(1, RowKind::Policy, "p3"), &get(txn, INDEX, &policy_row())),
        places: &["index row 00000001107033"],
        rebuild: Repairs,
        refused: false,
    },
    Case {
        name: "an index row belongs to no log",
        tamper: |txn| put(txn, INDEX, &key::by_id(9, RowKind::Policy, "p1"), &get(txn, INDEX, &policy_row())),
        places: &["meta rows"],
        rebuild: Repairs,
        refused: false,
    },
    Case {
        name: "content is missing",
        tamper: |txn| remove(txn, CONTENT, &text_key(txn)),
        places: &["entry 4 of log `a`"],
        rebuild: Forgets,
        refused: false,
    },
    Case {
        name: "content is changed",
        tamper: |txn| flip(txn, CONTENT, &text_key(txn)),
        places: &["content "],
        rebuild: Forgets,
        refused: false,
    },
    Case {
        name: "content is added",
        tamper: |txn| {
            let PackedContent { id, value } = Content::one(ContentKind::SchemaText, "stray").pack();
            put(txn, CONTENT, &key::content(99), &value);
            put(txn, ADDRESSES, &key::address(&id.key(), 99), &[]);
            let next = NextContentRow { next: 100 };
            put(txn, META, key::META_CONTENT, &next.to_value(key::META_CONTENT).unwrap());
        },
        places: &["content "],
        rebuild: Leaves,
        refused: false,
    },
    Case {
        name: "content has another number",
        tamper: |txn| {
            // Only `a` names it.
            let number = content_key(txn, FORBID);
            let value = get(txn, CONTENT, &number);
            remove(txn, CONTENT, &number);
            put(txn, CONTENT, &key::content(99), &value);
        },
        places: &["meta rows"],
        rebuild: Forgets,
        refused: false,
    },
    Case {
        name: "content is doubled",
        tamper: |txn| put(txn, CONTENT, &key::content(99), &get(txn, CONTENT, &text_key(txn))),
        places: &["content 99", "meta rows"],
        rebuild: Repairs,
        refused: false,
    },
    Case {
        name: "an address is missing",
        tamper: |txn| remove(txn, ADDRESSES, &address_key(txn, &format!("// 1\n{PERMIT}"))),
        places: &["meta rows"],
        rebuild: Repairs,
        refused: false,
    },
    Case {
        name: "an address leads to other content",
        tamper: |txn| {
            let address = address_key(txn, &format!("// 1\n{PERMIT}"));
            remove(txn, ADDRESSES, &address);
            put(txn, ADDRESSES, &[&address[..17], &key::content(0)].concat(), &[]);
        },
        places: &["meta rows"],
        rebuild: Repairs,
        refused: false,
    },
    Case {
        name: "the number of the next content is moved back",
        tamper: |txn| {
            let next = NextContentRow { next: 1 };
            put(txn, META, key::META_CONTENT, &next.to_value(key::META_CONTENT).unwrap());
        },
        places: &["meta rows"],
        rebuild: Leaves,
        refused: false,
    },
    Case {
        name: "the head has another tree",
        tamper: |txn| put_head(txn, 1, |head| head.frontier.hashes[0][0] ^= 1),
        places: &["log `a`"],
        rebuild: Refused,
        refused: false,
    },
    Case {
        name: "the head has the tree of another length",
        tamper: |txn| put_head(txn, 1, |head| head.frontier.hashes.truncate(2)),
        places: &["log `a`"],
        rebuild: Refused,
        refused: true,
    },
    Case {
        name: "the envelopes are forged: none names the binding before it",
        tamper: |txn| rewrite(txn, 1, |envelope| envelope.last_binding = None),
        places: &["entry 10 of log `a`"],
        rebuild: Refused,
        refused: false,
    },
    Case {
        name: "the store's id is missing",
        tamper: |txn| remove(txn, META, key::META_STORE),
        places: &["meta rows"],
        rebuild: Leaves,
        refused: false,
    },
    Case {
        name: "the number of logs is missing",
        tamper: |txn| remove(txn, META, key::META_LOGS),
        places: &["meta rows"],
        rebuild: Leaves,
        refused: false,
    },
    Case {
        name: "the number of logs is moved back",
        tamper: |txn| put(txn, META, key::META_LOGS, &LogsRow { next: 1 }.to_value(key::META_LOGS).unwrap()),
        places: &["meta rows"],
        rebuild: Leaves,
        refused: false,
    },
    Case {
        name: "the number of commits is missing",
        tamper: |txn| remove(txn, META, key::META_COMMITS),
        places: &["meta rows"],
        rebuild: Repairs,
        refused: true,
    },
    Case {
        name: "a witness is missing",
        tamper: |txn| remove(txn, META, &key::witness(&key::by_id(0, RowKind::Zone, "a"))),
        places: &["meta rows"],
        rebuild: Repairs,
        refused: true,
    },
    Case {
        name: "a witness says that nothing was bound",
        tamper: |txn| remove(txn, META, &key::newest_binding(1, BindingMode::Active, &Target::Zone)),
        places: &["meta rows"],
        rebuild: Repairs,
        refused: false,
    },
    Case {
        name: "a witness of a zone's state is an older one",
        tamper: |txn| {
            let row_key = key::witness(&key::state(1));
            let older = ZoneWitnessRow { suspended: None, default_schema: None, bindings: Some(9) };
            put(txn, META, &row_key, &older.to_value(&row_key).unwrap());
        },
        places: &["meta rows"],
        rebuild: Repairs,
        refused: true,
    },
    Case {
        name: "a zone's state and its witness are older ones",
        tamper: |txn| {
            let row_key = key::state(1);
            let row = ZoneStateRow::from_value(&row_key, &get(txn, INDEX, &row_key)).unwrap();
            put(txn, INDEX, &row_key, &ZoneStateRow { bindings: Some(9), ..row }.to_value(&row_key).unwrap());
            let row_key = key::witness(&row_key);
            let older = ZoneWitnessRow { suspended: None, default_schema: None, bindings: Some(9) };
            put(txn, META, &row_key, &older.to_value(&row_key).unwrap());
        },
        places: &["meta rows", "index row 0000000100"],
        rebuild: Repairs,
        refused: true,
    },
    Case {
        name: "a witness belongs to no log",
        tamper: |txn| {
            let row_key = key::witness(&key::state(9));
            put(txn, META, &row_key, &LogsRow { next: 3 }.to_value(&row_key).unwrap());
        },
        places: &["meta rows"],
        rebuild: Repairs,
        refused: false,
    },
    Case {
        name: "a binding is missing in the index",
        tamper: |txn| remove(txn, INDEX, &key::binding(1, BindingMode::Active, &Target::Zone, 13)),
        places: &["index row 0000000130"],
        rebuild: Repairs,
        refused: false,
    },
    Case {
        name: "an earlier binding is missing in the index",
        tamper: |txn| remove(txn, INDEX, &key::binding(1, BindingMode::Active, &Target::Zone, 9)),
        places: &["index row 0000000130"],
        rebuild: Repairs,
        refused: false,
    },
    Case {
        name: "a zone is missing in the index",
        tamper: |txn| remove(txn, INDEX, &key::by_id(0, RowKind::Zone, "a")),
        places: &["index row 00000000016100"],
        rebuild: Repairs,
        refused: true,
    },
    Case {
        name: "a schema is missing in the index",
        tamper: |txn| remove(txn, INDEX, &key::by_id(0, RowKind::Schema, "s1")),
        places: &["index row 00000000037331"],
        rebuild: Repairs,
        refused: false,
    },
    Case {
        name: "a meta row is added",
        tamper: |txn| put(txn, META, b"head\xff", &LogsRow { next: 3 }.to_value(b"head\xff").unwrap()),
        places: &["meta rows"],
        rebuild: Leaves,
        refused: false,
    },
];

/// Changes the tables without the store.
pub(in crate::storage) fn tampered(image: Vec<u8>, tamper: impl FnOnce(&WriteTransaction)) -> Disk {
    let disk = Disk::new(image);
    let database = Database::builder().create_with_backend(disk.clone()).unwrap();
    let mut txn = database.begin_write().unwrap();
    txn.set_two_phase_commit(true);
    tamper(&txn);
    txn.commit().unwrap();
    database.close().unwrap();
    disk
}
