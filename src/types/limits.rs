//! All limits of input and stored data.
//!
//! A write enforces its limits. A read enforces them too, before it allocates memory. Later versions may raise a limit
//! and never lower one, so stored data stays readable. Code that uses a limit enforces it; this file only has the
//! numbers.

pub use policy_store_verify::limits::*;

/// Bytes of one policy version's Cedar text, as given.
pub const POLICY_TEXT_BYTES: usize = 64 * 1024;
/// Bytes of one policy version's Cedar text if Cedar printed it, as for a policy that was given as JSON. Blanks and
/// round brackets outside strings do not count towards [`POLICY_TEXT_BYTES`] then, because Cedar adds them.
pub const POLICY_TEXT_PRINTED_BYTES: usize = 256 * 1024;
/// Bytes of one policy version given as JSON. A larger input is accepted up to twice the bytes of its derived JSON and
/// up to [`POLICY_JSON_LARGEST_BYTES`], so a client can return the JSON of a read, also with another layout.
pub const POLICY_JSON_BYTES: usize = 256 * 1024;
/// Bytes of one policy version given as JSON, if its derived JSON is large.
pub const POLICY_JSON_LARGEST_BYTES: usize = 2 * 1024 * 1024;
/// Bytes of a policy version's derived JSON: enough for any text. The largest text is a pattern of control characters,
/// with 21 bytes for each character.
pub const POLICY_JSON_DERIVED_BYTES: usize = 1536 * 1024;
/// Statements in one policy version.
pub const POLICY_STATEMENTS: usize = 1_000;
/// Bytes of a schema in each of its two syntaxes.
pub const SCHEMA_BYTES: usize = 1024 * 1024;
/// Bytes of an entities document.
pub const ENTITIES_BYTES: usize = 64 * 1024 * 1024;
/// Bytes of a request's context.
pub const CONTEXT_BYTES: usize = 1024 * 1024;
/// Bytes of a principal, action or resource as Cedar text.
pub const ENTITY_UID_BYTES: usize = 64 * 1024;
/// Approximate bytes of all findings and warnings in the result of one preflight. The rest is only counted.
pub const PREFLIGHT_FINDINGS_BYTES: usize = 64 * 1024 * 1024;
/// Statements in the explanation of one answer. The rest is only counted.
pub const EXPLAINED_STATEMENTS: usize = 100;
/// Bytes of a test suite.
pub const SUITE_BYTES: usize = 1024 * 1024;
/// Cases of a test suite.
pub const SUITE_CASES: usize = 10_000;
/// Approximate bytes of all failures in the report of one run of a test suite. The rest is only counted.
pub const TEST_FAILURES_BYTES: usize = 1024 * 1024;
/// Lines that the report of a replay names because it leaves them out. The rest is only counted.
pub const REPLAY_LINES: usize = 100;
/// Bytes of the entities of one recorded decision, as JSON.
pub const RECORDED_ENTITIES_BYTES: usize = 16 * 1024 * 1024;
/// Bytes of a line of recorded decisions.
pub const RECORD_LINE_BYTES: usize = 20 * 1024 * 1024;
/// Bytes of later entities after which a line of entities of recorded decisions is no longer in force.
pub const RECORDED_ENTITIES_KEPT_BYTES: usize = 64 * 1024 * 1024;
/// Log entries of one write.
pub const WRITE_ENTRIES: usize = 100_000;
/// Items on one page of a list.
pub const PAGE_ITEMS: usize = 100;
/// Items on a page of a list without a limit.
pub const PAGE_ITEMS_DEFAULT: usize = 50;
/// Values of one kind in a filter: ids, or search terms.
pub const FILTER_VALUES: usize = 100;
/// Alternatives of one precondition.
pub const PRECONDITION_ALTERNATIVES: usize = 10_000;
/// Characters of a cursor.
pub const CURSOR_CHARS: usize = 255;
/// Bytes of a packed policy bundle, and of its unpacked archive: enough for the largest set with its schema.
pub const BUNDLE_BYTES: usize = 72 * 1024 * 1024;
/// Bytes of a policy bundle's manifest.
pub const BUNDLE_MANIFEST_BYTES: usize = 1024 * 1024;
/// Bytes of the name of a new policy in a policy bundle. An archive has 100 bytes for a file name, and `.cedar` takes
/// six.
pub const BUNDLE_NEW_POLICY_BYTES: usize = 94;

/// Statements of a policy times request types of the schema that it is validated against. A store can be opened with
/// [another limit](crate::Builder::validation_limit).
pub const VALIDATION_COST: usize = 250_000;
/// Tokens of a policy for which validation counts one statement, if that gives more statements than the policy has.
pub const VALIDATION_TOKENS: usize = 64;
/// Findings, or warnings, of one policy or source. The rest is only counted.
pub const FINDINGS: usize = 100;
/// Bytes of the messages of all findings of one policy or source.
pub const FINDINGS_BYTES: usize = 16 * 1024;
/// Bytes of the message of one finding.
pub const FINDING_BYTES: usize = 2 * 1024;

/// Depth of nested brackets in Cedar text.
pub const CEDAR_DEPTH: usize = 64;
/// Height of a statement's expression, which joins the scope and all conditions. `a || b || c` has height 2, `a.b` has
/// height 1, and the height of an operand adds to that of its operator.
pub const CEDAR_HEIGHT: usize = 128;
/// Tokens in one policy version's text.
pub const POLICY_TOKENS: usize = 32 * 1024;
/// Tokens in one schema text.
pub const SCHEMA_TOKENS: usize = 512 * 1024;
/// Elements of one list in a schema text, such as the attributes of a record.
pub const SCHEMA_LIST: usize = 2_000;
/// Attributes and types of a schema with every common type expanded at each use.
pub const SCHEMA_EXPANDED: usize = 256 * 1024;
/// Request types of a schema: for each action, its principal types times its resource types. A policy is validated
/// against each of them.
pub const SCHEMA_REQUEST_TYPES: usize = 64 * 1024;
/// Depth of nested types in a schema with every common type expanded at each use.
pub const SCHEMA_DEPTH: usize = 100;
/// Depth of nested records in one type of a schema. Cedar takes time exponential in it to name the expected type.
pub const SCHEMA_RECORDS: usize = 16;
/// Children times parents in a schema's hierarchy of entity types, and in that of its actions.
pub const SCHEMA_LINKS: usize = 1024 * 1024;
/// Levels of parents above an entity.
pub const ENTITY_DEPTH: usize = 256;
/// Ancestors of all entities of one document together.
pub const ENTITY_LINKS: usize = 4 * 1024 * 1024;
/// Depth of nested arrays and objects in any input JSON, and in a policy's derived JSON.
pub const JSON_DEPTH: usize = 120;
/// Depth of nested `has` in a policy's JSON, or of nested `__extn` in other JSON. Cedar reads their contents more than
/// once.
pub const JSON_REREAD_DEPTH: usize = 4;
/// Bytes of a signed checkpoint that a store keeps: it is in a log entry.
pub const KEPT_NOTE_BYTES: usize = 60 * 1024;
/// Bindings in an evidence file, and in signed rules.
pub const EVIDENCE_BINDINGS_LARGEST: usize = 65_536;
