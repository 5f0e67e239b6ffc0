//! SQLite: WAL, each commit synced, statements prepared once.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, Statement, params};

use crate::content::{Content, Metadata, Row};
use crate::store::{PAGE_CACHE, POLICY, Shared, Store, ZONE};

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS zones (
        zone_key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, created_at INTEGER NOT NULL, created_by TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS policies (
        policy_key INTEGER PRIMARY KEY, zone_key INTEGER NOT NULL REFERENCES zones, id TEXT NOT NULL,
        name TEXT NOT NULL, latest_version INTEGER NOT NULL, created_at INTEGER NOT NULL, created_by TEXT NOT NULL,
        UNIQUE (zone_key, id));
    CREATE TABLE IF NOT EXISTS policy_versions (
        version_key INTEGER PRIMARY KEY, zone_key INTEGER NOT NULL REFERENCES zones,
        policy_key INTEGER NOT NULL REFERENCES policies, id TEXT NOT NULL, version INTEGER NOT NULL,
        schema_version TEXT NOT NULL, sha BLOB NOT NULL, form INTEGER NOT NULL, statements INTEGER NOT NULL,
        cedar_sdk TEXT NOT NULL, cedar_language TEXT NOT NULL, created_at INTEGER NOT NULL, created_by TEXT NOT NULL,
        cedar_raw TEXT NOT NULL, cedar_json TEXT NOT NULL,
        UNIQUE (policy_key, version), UNIQUE (zone_key, id));
    INSERT OR IGNORE INTO zones VALUES (1, 'z', 0, 'bench');
    INSERT OR IGNORE INTO policies VALUES (1, 1, 'p', 'p', 0, 0, 'bench');";

const NEXT: &str = "UPDATE policies SET latest_version = latest_version + 1
    WHERE zone_key = (SELECT zone_key FROM zones WHERE id = ?1) AND id = ?2
    RETURNING zone_key, policy_key, latest_version";
const INSERT: &str =
    "INSERT INTO policy_versions (zone_key, policy_key, id, version, schema_version, sha, form, statements,
    cedar_sdk, cedar_language, created_at, created_by, cedar_raw, cedar_json)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";
const METADATA: &str = "v.id, v.version, v.schema_version, v.sha, v.form, v.statements, v.cedar_sdk, v.cedar_language,
    v.created_at, v.created_by";
const FROM: &str = "FROM zones z JOIN policies p ON p.zone_key = z.zone_key
    JOIN policy_versions v ON v.policy_key = p.policy_key WHERE z.id = ?1 AND p.id = ?2";
/// The order by number is also the order by creation.
const NEWEST: &str = "ORDER BY v.version DESC LIMIT 100";

/// The longest time that a connection waits for another one.
const BUSY: Duration = Duration::from_secs(60);

struct Sqlite<'c> {
    connection: &'c Connection,
    next: Statement<'c>,
    insert: Statement<'c>,
    get: Statement<'c>,
    page_with_forms: Statement<'c>,
    page_of_metadata: Statement<'c>,
}

/// Opens or creates the store in `folder`, and closes it after `f`.
pub fn with<T>(folder: &Path, f: impl FnOnce(&mut dyn Store) -> T) -> T {
    let connection = Connection::open(folder.join("store.sqlite")).unwrap();
    connection.busy_timeout(BUSY).unwrap();
    connection.pragma_update(None, "journal_mode", "WAL").unwrap();
    connection.pragma_update(None, "synchronous", "FULL").unwrap();
    connection.pragma_update(None, "foreign_keys", "ON").unwrap();
    connection.pragma_update(None, "cache_size", -((PAGE_CACHE >> 10) as i64)).unwrap();
    connection.execute_batch(TABLES).unwrap();
    let prepare = |sql: &str| connection.prepare(sql).unwrap();
    f(&mut Sqlite {
        next: prepare(NEXT),
        insert: prepare(INSERT),
        get: prepare(&format!("SELECT {METADATA}, v.cedar_raw, v.cedar_json {FROM} AND v.version = ?3")),
        page_with_forms: prepare(&format!("SELECT {METADATA}, v.cedar_raw, v.cedar_json {FROM} {NEWEST}")),
        page_of_metadata: prepare(&format!("SELECT {METADATA} {FROM} {NEWEST}")),
        connection: &connection,
    })
}

/// The same, for threads with a connection each.
pub fn shared<T>(folder: &Path, f: impl FnOnce(&dyn Shared) -> T) -> T {
    // This connection creates the tables, and keeps the WAL while others come and go.
    with(folder, |_| f(&Connections(folder)))
}

struct Connections<'f>(&'f Path);

impl Shared for Connections<'_> {
    fn with(&self, f: &mut dyn FnMut(&mut dyn Store)) {
        with(self.0, f);
    }
}

impl Store for Sqlite<'_> {
    fn create(&mut self, contents: &[Content]) {
        self.connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        for content in contents {
            let keys = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
            let (zone, policy, version): (i64, i64, u32) = self.next.query_row([ZONE, POLICY], keys).unwrap();
            let m = Metadata::new(content, version);
            let values = params![
                zone,
                policy,
                m.id,
                m.version,
                m.schema_version,
                m.sha,
                m.syntax,
                m.statements,
                m.cedar_sdk,
                m.cedar_language,
                m.created_at,
                m.created_by,
                content.text,
                content.json
            ];
            self.insert.execute(values).unwrap();
        }
        self.connection.execute_batch("COMMIT").unwrap();
    }

    fn get(&mut self, version: u32) -> (String, String) {
        let row = self.get.query_row(params![ZONE, POLICY, version], |row| read(row, true)).unwrap();
        assert_eq!(row.metadata.version, version);
        row.include.unwrap()
    }

    fn page(&mut self, include: bool) -> u32 {
        let statement = if include { &mut self.page_with_forms } else { &mut self.page_of_metadata };
        let rows = statement.query_map([ZONE, POLICY], |row| read(row, include)).unwrap();
        let rows: Vec<Row> = rows.collect::<Result<_, _>>().unwrap();
        assert_eq!(rows.len(), 100);
        rows[0].metadata.version
    }
}

fn read(row: &rusqlite::Row<'_>, include: bool) -> rusqlite::Result<Row> {
    let metadata = Metadata {
        id: row.get(0)?,
        version: row.get(1)?,
        schema_version: row.get(2)?,
        sha: row.get(3)?,
        syntax: row.get(4)?,
        statements: row.get(5)?,
        cedar_sdk: row.get(6)?,
        cedar_language: row.get(7)?,
        created_at: row.get(8)?,
        created_by: row.get(9)?,
    };
    Ok(Row { metadata, include: if include { Some((row.get(10)?, row.get(11)?)) } else { None } })
}
