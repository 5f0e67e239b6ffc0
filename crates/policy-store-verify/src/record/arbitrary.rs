//! Strategies for tests: entries of every kind with field values at their limits.

use proptest::collection::vec;
use proptest::prelude::*;

use super::edits::{id, number, small_number};
use super::entry::Extension;
use super::*;
use crate::types::actor::Actor;
use crate::types::hash::{EntryHash, Sha256};
use crate::types::id::*;
use crate::types::limits;
use crate::types::origin::Origin;
use crate::types::rationale::Rationale;
use crate::types::schema::*;
use crate::types::syntax::Syntax;
use crate::types::target::{BindingMode, Target, TargetType};
use crate::types::time::Timestamp;

/// An unchecked value, with the fields of another one.
pub(super) fn unchecked<T: bincode::Decode<()>>(fields: impl bincode::Encode) -> T {
    let config = bincode::config::standard();
    bincode::decode_from_slice(&bincode::encode_to_vec(fields, config).unwrap(), config).unwrap().0
}

/// The field values of bodies.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    /// The ids in a body; the last is a target's.
    pub ids: [String; 4],
    pub texts: (String, Option<String>),
    pub numbers: [u32; 2],
    pub hashes: [[u8; 32]; 4],
    pub choice: (bool, bool, u8),
}

impl Parts {
    /// A body of every kind, ordered by kind number.
    pub(super) fn bodies(&self) -> Vec<Body> {
        let Self { ids: [a, b, c, user], texts: (name, description), numbers: [version, count], hashes, choice } = self;
        let (version, name, description) = (*version, || name.clone(), || description.clone());
        let [sha, text, json, other] = *hashes;
        let syntax = if choice.0 { Syntax::Cedar } else { Syntax::Json };
        let cedar = || CedarVersion { sdk: name(), language: description().unwrap_or_default() };
        let schema = || SchemaRef { version: unchecked(c), syntax, sha: Sha256(other) };
        let bound = |version| BoundVersion { policy_set_id: unchecked(a), version_id: unchecked(b), version };
        let origin = || {
            let (zone_id, policy_id) = (unchecked(b), unchecked(c));
            let log_id = LogId(*sha.first_chunk().unwrap());
            choice.1.then_some(Origin { zone_id, log_id, policy_id, version: choice.0.then_some(*count) })
        };
        let status =
            [SchemaStatus::Active, SchemaStatus::Deprecated, SchemaStatus::Archived][usize::from(choice.2 % 3)];
        let target = || if choice.0 { Target::Zone } else { Target::User(user.clone()) };
        let mode = [BindingMode::Active, BindingMode::Shadow, BindingMode::Guardrail][usize::from(choice.2 % 3)];
        let target_type = if choice.1 { TargetType::Zone } else { TargetType::User };
        vec![
            ZoneCreated { zone_id: unchecked(a), log_id: LogId(*sha.first_chunk().unwrap()) }.into(),
            SchemaPublished {
                version: unchecked(a),
                syntax,
                sha: Sha256(sha),
                converted: Sha256(json),
                cedar: cedar(),
            }
            .into(),
            SchemaStatusChanged { version: unchecked(a), status }.into(),
            ZoneErased {
                zone_id: unchecked(a),
                log_id: LogId(*sha.first_chunk().unwrap()),
                length: u64::from(*count) << 7,
                last: EntryHash(text),
                root: json,
            }
            .into(),
            ZoneForked {
                zone_id: unchecked(a),
                from: LogId(*sha.first_chunk().unwrap()),
                to: LogId(*text.first_chunk().unwrap()),
            }
            .into(),
            ZonesSealed {
                zones: (0..u64::from(choice.2 % 3))
                    .map(|more| SealedZone {
                        log_id: LogId(*sha.first_chunk().unwrap()),
                        size: (u64::from(*count) << 7) + more,
                        root: json,
                    })
                    .collect(),
                seal: choice.0.then_some(SealRoot { zones: u64::from(version), root: text }),
            }
            .into(),
            CheckpointKept {
                log_id: LogId(*text.first_chunk().unwrap()),
                size: u64::from(*count) << 7,
                note: description().unwrap_or_default(),
            }
            .into(),
            ZoneOpened { zone_id: unchecked(a) }.into(),
            PolicyCreated { policy_id: unchecked(a), name: name(), description: description(), origin: origin() }
                .into(),
            PolicyUpdated { policy_id: unchecked(a), name: name(), description: description() }.into(),
            PolicyArchived { policy_id: unchecked(a) }.into(),
            PolicyVersionCreated {
                policy_id: unchecked(a),
                version_id: unchecked(b),
                version,
                schema: schema(),
                syntax,
                sha: Sha256(sha),
                json_sha: Sha256(json),
                statements: *count,
                warnings: choice.1.then_some(Sha256(other)),
                cedar: cedar(),
            }
            .into(),
            PolicyVersionArchived { policy_id: unchecked(a), version_id: unchecked(b), version }.into(),
            PolicySetCreated { policy_set_id: unchecked(a), name: name(), target_type }.into(),
            PolicySetUpdated { policy_set_id: unchecked(a), name: name() }.into(),
            PolicySetArchived { policy_set_id: unchecked(a) }.into(),
            PolicySetVersionCreated {
                policy_set_id: unchecked(a),
                version_id: unchecked(b),
                version,
                schema: schema(),
                manifest_sha: Sha256(sha),
                entries: *count,
                cedar: cedar(),
            }
            .into(),
            PolicySetVersionArchived { policy_set_id: unchecked(a), version_id: unchecked(b), version }.into(),
            Bound { target: target(), mode, bound: bound(version), replaced: choice.1.then(|| bound(*count)) }.into(),
            Unbound { target: target(), mode, replaced: bound(version) }.into(),
            Unchanged {}.into(),
            ZoneSuspended { suspended: choice.0 }.into(),
            DefaultSchemaChanged { schema: choice.1.then(schema) }.into(),
            Attested {
                policy_set_id: unchecked(a),
                version_id: unchecked(b),
                version,
                sha: Sha256(sha),
                previous: choice.1.then_some(Sha256(other)),
            }
            .into(),
            LogForked {
                from: LogId(*sha.first_chunk().unwrap()),
                length: u64::from(*count) << 7,
                last: EntryHash(text),
                root: json,
            }
            .into(),
            TestsKept {
                policy_set_id: unchecked(a),
                version_id: unchecked(b),
                version,
                sha: Sha256(sha),
                cases: *count,
            }
            .into(),
            TestsRequired { required: choice.0 }.into(),
        ]
    }
}

/// Text without control characters, up to `limit` bytes. At 251 bytes the encoded length grows from one byte to three.
fn text(limit: usize) -> impl Strategy<Value = String> {
    prop_oneof!["\\PC{1,40}", proptest::sample::select(vec![1, 250, 251, limit]).prop_map(|bytes| "x".repeat(bytes))]
}

pub(super) fn parts() -> impl Strategy<Value = Parts> {
    let texts = (text(limits::NAME_BYTES), proptest::option::of(text(limits::DESCRIPTION_BYTES)));
    let hashes = proptest::array::uniform4(any::<[u8; 32]>());
    let ids = (proptest::array::uniform3(id()), text(limits::TARGET_ID_BYTES));
    (ids, texts, [small_number(), small_number()], hashes, any::<(bool, bool, u8)>()).prop_map(
        |(([a, b, c], user), texts, numbers, hashes, choice)| Parts {
            ids: [a, b, c, user],
            texts,
            numbers,
            hashes,
            choice,
        },
    )
}

fn actor() -> impl Strategy<Value = Actor> {
    (any::<bool>(), text(limits::ACTOR_ID_BYTES))
        .prop_map(|(platform, id)| if platform { Actor::platform(id) } else { Actor::customer(id) }.unwrap())
}

fn time() -> impl Strategy<Value = Timestamp> {
    let edges = vec![Timestamp::EPOCH, Timestamp::from_micros(1), Timestamp::MAX];
    prop_oneof![proptest::sample::select(edges), any::<i64>().prop_map(Timestamp::from_micros)]
}

fn rationale() -> impl Strategy<Value = Rationale> {
    let reason = proptest::option::of(prop_oneof!["[\\PC\n]{1,40}", text(limits::REASON_BYTES)]);
    let stated = |(reason, reference)| Rationale::of(reason, reference).ok().filter(|stated| !stated.is_empty());
    (reason, proptest::option::of(text(limits::REFERENCE_BYTES))).prop_filter_map("states nothing", stated)
}

/// A field of a newer build that this one may ignore: its tag is odd.
fn extensions() -> impl Strategy<Value = Vec<Extension>> {
    let fields = proptest::collection::btree_map(0..0x7fff_u16, vec(any::<u8>(), 0..300), 0..3);
    fields.prop_map(|fields| fields.into_iter().map(|(tag, data)| Extension { tag: tag * 2 + 1, data }).collect())
}

/// An envelope that keeps the rules between its fields.
pub(super) fn envelope() -> impl Strategy<Value = Envelope> {
    let place = (any::<[u8; 16]>(), any::<[u8; 32]>(), number(), small_number(), small_number());
    let idempotency = proptest::option::of(any::<([u8; 16], [u8; 32])>());
    let further = (proptest::option::of(rationale()), proptest::option::of(number()), extensions());
    (place, [time(), time()], [actor(), actor()], any::<bool>(), idempotency, further).prop_map(
        |(
            (log_id, previous, position, index, size),
            [created_at, clock],
            [actor, importer],
            imported,
            idempotency,
            (rationale, last_binding, extensions),
        )| {
            let index = index.min(u32::try_from(position).unwrap_or(u32::MAX)).min(u32::MAX - 1);
            Envelope {
                log_id: LogId(log_id),
                position,
                previous: EntryHash(previous),
                created_at,
                clock_offset: Envelope::clock_offset(created_at, clock),
                actor,
                imported_by: imported.then_some(importer),
                idempotency: idempotency.map(|(id, fingerprint)| Idempotency { key: IdempotencyKey(id), fingerprint }),
                group: Group { index, size: size.max(index + 1) },
                rationale: rationale.filter(|_| index == 0),
                last_binding: last_binding.filter(|last| *last < position),
                extensions,
            }
        },
    )
}
