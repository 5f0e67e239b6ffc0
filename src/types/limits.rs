//! Every bound on what the store accepts, in one place.
//!
//! A limit is enforced when something is written and, before memory is allocated, when it is read back. Limits may
//! grow in later versions and never shrink: what was stored stays readable. What a limit is for is known elsewhere.

/// Bytes of one policy version's Cedar text, as it is given.
pub const POLICY_TEXT_BYTES: usize = 64 * 1024;
/// Bytes of one policy version's Cedar text where it is as Cedar prints it, which is what is rendered of JSON. Its blanks and
/// round brackets outside strings do not count against [`POLICY_TEXT_BYTES`], as Cedar adds them.
pub const POLICY_TEXT_PRINTED_BYTES: usize = 256 * 1024;
/// Bytes of one policy version given as JSON. What is larger is taken where the policy needs it: up to twice the bytes of its
/// derived JSON, and [`POLICY_JSON_LARGEST_BYTES`], so that what is returned can be given again, laid out anew as well.
pub const POLICY_JSON_BYTES: usize = 256 * 1024;
/// Bytes of one policy version given as JSON where its derived JSON is large.
pub const POLICY_JSON_LARGEST_BYTES: usize = 2 * 1024 * 1024;
/// Bytes of a policy version's derived JSON: enough for any text. A pattern of control characters takes the most, 21 bytes
/// for each.
pub const POLICY_JSON_DERIVED_BYTES: usize = 1536 * 1024;
/// Statements in one policy version.
pub const POLICY_STATEMENTS: usize = 1_000;
/// Bytes of a schema source, and of its other form.
pub const SCHEMA_BYTES: usize = 1024 * 1024;
/// Bytes of an entities document.
pub const ENTITIES_BYTES: usize = 64 * 1024 * 1024;
/// Bytes of a request's context.
pub const CONTEXT_BYTES: usize = 1024 * 1024;
/// Bytes of a principal, action or resource as Cedar text.
pub const ENTITY_UID_BYTES: usize = 64 * 1024;
/// Bytes of a name.
pub const NAME_BYTES: usize = 256;
/// Bytes of a description.
pub const DESCRIPTION_BYTES: usize = 4 * 1024;
/// Entries in a manifest.
pub const MANIFEST_ENTRIES: usize = 1_000;
/// Characters of an id or of a schema version's name.
pub const ID_CHARS: usize = 64;
/// Bytes of an actor's id.
pub const ACTOR_ID_BYTES: usize = 256;
/// Bytes of a target's id.
pub const TARGET_ID_BYTES: usize = 256;
/// Bytes of an attestation.
pub const ATTESTATION_BYTES: usize = 16 * 1024;
/// Attestations of one policy set version: each read of the version returns all of them.
pub const VERSION_ATTESTATIONS: usize = 64;
/// Bytes, roughly, of all findings and warnings that one preflight tells. What is over it is counted.
pub const PREFLIGHT_FINDINGS_BYTES: usize = 64 * 1024 * 1024;
/// Bytes of a key's id.
pub const KEY_ID_BYTES: usize = 256;
/// Bytes of the name of a signature algorithm.
pub const ALGORITHM_BYTES: usize = 64;
/// Bytes of a JWK or a JWK set.
pub const JWKS_BYTES: usize = 256 * 1024;
/// Log entries of one write.
pub const WRITE_ENTRIES: usize = 100_000;
/// Items on one page of a list.
pub const PAGE_ITEMS: usize = 100;
/// Items on a page of a list where no limit is given.
pub const PAGE_ITEMS_DEFAULT: usize = 50;
/// Values of one kind that a list is filtered by: ids, or search terms.
pub const FILTER_VALUES: usize = 100;
/// Alternatives of one demand.
pub const PRECONDITION_ALTERNATIVES: usize = 10_000;
/// Characters of a cursor.
pub const CURSOR_CHARS: usize = 255;
/// Bytes of one encoded log entry.
pub const ENTRY_BYTES: usize = 64 * 1024;
/// Bytes of one object of content.
pub const OBJECT_BYTES: usize = 8 * 1024 * 1024;
/// Bytes of a policy bundle, packed, and of its archive, unpacked: enough for the largest set with its schema.
pub const BUNDLE_BYTES: usize = 72 * 1024 * 1024;
/// Bytes of a policy bundle's manifest.
pub const BUNDLE_MANIFEST_BYTES: usize = 1024 * 1024;
/// Bytes of the name of a new policy in a policy bundle: with `.cedar` they fill the 100 that an archive has for a name.
pub const BUNDLE_NEW_POLICY_BYTES: usize = 94;

/// Statements of a policy times types of request of the schema that it is validated against, as long as the store is not
/// opened with [another limit](crate::Builder::validation_limit).
pub const VALIDATION_COST: usize = 250_000;
/// Tokens of a policy for each of which it counts as one statement more, where that is more than it has.
pub const VALIDATION_TOKENS: usize = 64;
/// Findings, or warnings, of one policy or source. What is over it is counted.
pub const FINDINGS: usize = 100;
/// Bytes of the messages of so many findings together.
pub const FINDINGS_BYTES: usize = 16 * 1024;
/// Bytes of the message of one finding.
pub const FINDING_BYTES: usize = 2 * 1024;

/// How deeply brackets may nest in Cedar text.
pub const CEDAR_DEPTH: usize = 64;
/// How high an expression may be, the scope and all conditions of its statement joined: `a || b || c` is 2 high,
/// `a.b` is 1, and what stands in an operator's operand adds to it.
pub const CEDAR_HEIGHT: usize = 128;
/// Tokens in one policy version's text.
pub const POLICY_TOKENS: usize = 32 * 1024;
/// Tokens in one schema text.
pub const SCHEMA_TOKENS: usize = 512 * 1024;
/// Elements of one list in a schema text, such as the attributes of a record.
pub const SCHEMA_LIST: usize = 2_000;
/// Attributes and types of a schema once every common type is written out where it is used.
pub const SCHEMA_EXPANDED: usize = 256 * 1024;
/// Types of request of a schema: for each action, its principal types times its resource types. A policy is validated
/// against each of them.
pub const SCHEMA_REQUEST_TYPES: usize = 64 * 1024;
/// How deeply a schema's types may nest once every common type is written out where it is used.
pub const SCHEMA_DEPTH: usize = 100;
/// How many records of a schema's type may lie within one another: Cedar takes time exponential in that to say which type it
/// expected.
pub const SCHEMA_RECORDS: usize = 16;
/// Children times parents in a schema's hierarchy of entity types, and in that of its actions.
pub const SCHEMA_LINKS: usize = 1024 * 1024;
/// How many parents above one another an entity may have.
pub const ENTITY_DEPTH: usize = 256;
/// Ancestors of all entities of one document together.
pub const ENTITY_LINKS: usize = 4 * 1024 * 1024;
/// How deeply arrays and objects may nest in any JSON that is given, and in a policy's derived JSON.
pub const JSON_DEPTH: usize = 120;
/// How deeply `has` in a policy's JSON, or `__extn` in other JSON, may nest, as Cedar reads what is in them more than once.
pub const JSON_REREAD_DEPTH: usize = 4;
