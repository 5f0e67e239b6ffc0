//! Runs random operations on a store and on an independent model; both must give the same results.
//!
//! Plain `proptest` over rows of bytes. `proptest-state-machine` draws every step from its model before the store has
//! answered; here, generated ids, cursors and receipts come from the store. A fuzz target uses the same rows.

use std::cell::RefCell;

use policy_store::{Order, Target};
use proptest::bool::weighted;
use proptest::collection::vec;
use proptest::prelude::{Strategy, any};
use proptest::test_runner::{Config, RngSeed, TestRunner};

use crate::model::filters::{POLICIES, SETS};
use crate::model::operation::{
    By, Call, Claim, Ending, From as Place, Id, Input, Pick, Style, Tried, Under, Upkeep, When, Whose,
};
use crate::model::texts::{Draft, Statement};
use crate::model::{self, Operation};

/// The number of cases, and of operations in a case. `POLICY_STORE_SWEEP` multiplies the cases.
const CASES: u32 = 20;
const OPERATIONS: usize = 200;

/// The minimum that every sweep must reach: successful calls, decisions, and errors.
const MET: &str = "CreatePolicy UpdatePolicy ArchivePolicy CreateVersion ArchiveVersion CreateSet RenameSet ArchiveSet \
    CreateSetVersion ArchiveSetVersion Bind Unbind BindShadow UnbindShadow Observed BindGuardrail UnbindGuardrail GuardrailDenies Rollback KeepTests RequireTests tests_missing tests_failed tests_reserved Suspend Resume SetDefaultSchema Again \
    Replayed Import Erase Copy CopyRefused PreflightClean PreflightFails PolicyRevisionHolds PolicyRevisionFails SetRevisionHolds SetRevisionFails \
    BindingsRevisionHolds BindingsRevisionFails LatestPolicyVersionHolds LatestPolicyVersionFails \
    LatestSetVersionHolds LatestSetVersionFails ActiveVersionHolds ActiveVersionFails PublishSchema SetSchemaStatus \
    CreateZone AsOf before_zone AllowOfFew DenyOfFew \
    AllowOfMany DenyOfMany DeniedByErrorOfMany already_exists already_open archived clock_behind conflicting_id \
    duplicate_policy empty_policy exactly_one foreign_version guardrail_permits guardrail_reserved guardrail_schema in_force invalid_cursor invalid_input json nested_write \
    imported_out_of_order newer_format no_earlier_binding not_bound not_found platform_owned policy_validation precondition_failed prepared_elsewhere receipt_mismatch \
    request request_conflict schema_transition suspended syntax template template_links too_deep too_large wrong_sha wrong_target";

/// Operations that are rare by chance: every bad draft, bad schema, kind of pin, use of a cursor, and changed receipt.
fn seldom() -> Vec<Operation> {
    let first = Pick(0);
    let call = |call| asked(0, None, Under::nothing(), call);
    let draft = |bad| {
        let input = Input::New(Draft::bad(bad));
        call(Call::CreateVersion { policy: first, schema: first, own: None, input })
    };
    let schema = |source| call(Call::PublishSchema { version: "s2".to_owned(), source });
    let manifest = |style| {
        call(Call::CreateSetVersion { set: first, schema: first, own: None, pins: vec![first, Pick(1)], style })
    };
    let styles = [
        Style::Pins,
        Style::PinsWithSha,
        Style::Builder,
        Style::Next,
        Style::WrongSha,
        Style::UnknownVersion,
        Style::UnknownPolicy,
        Style::ForeignPolicy,
        Style::Twice,
        Style::OtherZone,
        Style::TooMany,
    ];
    let decision = |asked| {
        let by = By::Now(Target::Zone);
        Operation::Decide { zone: "z0".to_owned(), by, strict: true, keep: false, asked }
    };
    let page = |from| {
        let (zone, order) = ("z0".to_owned(), Order::Descending);
        Operation::List { zone, list: 5, parent: first, filter: 0, limit: Some(2), order, from }
    };
    let filtered = |(list, filter, order)| {
        let (zone, from) = ("z0".to_owned(), Place::Start);
        Operation::List { zone, list, parent: first, filter, limit: None, order, from }
    };
    let filters = (0..2 * SETS).map(|filter| (2, filter % SETS + filter / SETS * 128, Order::Descending));
    let filters = filters.chain((0..POLICIES).map(|filter| (0, filter, Order::Ascending)));
    let places = [
        Place::Start,
        Place::After(first, Whose::Own),
        Place::Before(first, Whose::Own),
        Place::After(first, Whose::Any),
        Place::Before(first, Whose::Any),
        Place::Both(first),
        Place::Forged(first, 1),
        Place::Junk(""),
        Place::Junk("é"),
        Place::TooLong,
    ];
    let mut operations = observed_users();
    operations.extend((0..13).map(draft));
    operations.extend((8..12).map(schema));
    operations.extend(styles.map(manifest));
    operations.extend((0..6).map(decision));
    operations.extend((0..13).map(|change| Operation::Replay { receipt: first, change }));
    operations.extend(places.map(page));
    operations.extend(filters.map(filtered));
    operations.push(Operation::Upkeep(Upkeep::Reopen { caches: true }));
    operations.extend(under_requests());
    operations.extend(tried_and_copied());
    operations
}

/// A call in `z0`, in its own write.
fn asked(actor: usize, import: Option<When>, under: Under, call: Call) -> Operation {
    Operation::Call { joined: false, actor, ending: Ending::Commit, import, zone: "z0".to_owned(), under, call }
}

/// Preflights of every schema in all zones, also without pins of archived versions; and copies of existing and missing
/// zones. To be run last, when a zone's default was a schema that it does not use.
fn tried_and_copied() -> Vec<Operation> {
    let (first, plain) = (Pick(0), |call| asked(0, None, Under::nothing(), call));
    let alone = |archive| {
        let input = Input::New(Draft::text(vec![Statement::new(2)], false));
        let policy = Call::CreatePolicy { own: None, name: "alone".to_owned(), description: None };
        let version = Call::CreateVersion { policy: first, schema: first, own: None, input };
        [policy, version, archive].map(plain)
    };
    let archived = [Call::ArchivePolicy { policy: first }, Call::ArchiveVersion { version: first }].map(alone);
    let tried = |tried| Operation::Preflight { zone: None, tried };
    let copy = |zones: &[&str]| {
        let zones = zones.iter().map(|zone| (*zone).to_owned()).collect();
        Operation::Copy { zones, actor: 2 }
    };
    let new = (0..12).map(|source| tried(Tried::New("next".to_owned(), source)));
    let published = [0, 111, 255].map(|pick| tried(Tried::Published(Pick(pick))));
    let taken = tried(Tried::New("s0".to_owned(), 0));
    let copies = [copy(&["z1", "z0"]), copy(&["z1"]), copy(&["z0", "none"]), copy(&["z1", "z1"]), copy(&[])];
    archived.into_iter().flatten().chain(new).chain(published).chain([taken]).chain(copies).collect()
}

/// A user set is the shadow of one user; once active for a user, it stays that user's for ever. To be run first, so
/// that the set's version is the second newest.
fn observed_users() -> Vec<Operation> {
    let plain = |call| asked(0, None, Under::nothing(), call);
    let user = |id: &str| Target::User(id.to_owned());
    let (version, ann) = (Pick(1), || user("ann"));
    let shadow = |target| plain(Call::BindShadow { version, target });
    let decide = |by| Operation::Decide { zone: "z0".to_owned(), by, strict: false, keep: true, asked: 0 };
    vec![
        shadow(ann()),
        shadow(user("an")),
        plain(Call::Bind { version, target: user("an") }),
        plain(Call::ArchiveSet { set: Pick(1) }),
        decide(By::Observed(ann())),
        plain(Call::UnbindShadow { target: ann() }),
        shadow(user("an")),
        plain(Call::UnbindShadow { target: user("an") }),
        plain(Call::Bind { version, target: ann() }),
        plain(Call::Unbind { target: ann() }),
        shadow(user("an")),
    ]
}

/// A guardrail that is bound, decides, and keeps customers from the platform's resources; a guardrail that does not
/// validate against every schema; and a rollback. In its own store.
fn guardrails() -> Vec<Operation> {
    let by = |actor, call| asked(actor, None, Under::nothing(), call);
    let (customers, platforms) = (|call| by(0, call), |call| by(2, call));
    let named = |call| asked(2, None, Under::fresh(), call);
    let guard = |version| Call::BindGuardrail { version: Pick(version) };
    let decide = |by| Operation::Decide { zone: "z0".to_owned(), by, strict: false, keep: true, asked: 0 };
    let back = || customers(Call::Rollback { target: Target::Zone });
    let draft = Draft::text(vec![Statement::new(213)], false);
    let policy = Call::CreatePolicy { own: None, name: "guard".to_owned(), description: None };
    let version = Call::CreateVersion { policy: Pick(0), schema: Pick(0), own: None, input: Input::New(draft) };
    let set = Call::CreateSet { own: None, name: "guard".to_owned(), for_users: false };
    let pinning = |pins: Vec<Pick>, schema| Call::CreateSetVersion {
        set: Pick(0),
        schema: Pick(schema),
        own: None,
        pins,
        style: Style::Pins,
    };
    vec![
        // The newest version permits; the third last only forbids.
        customers(guard(2)),
        platforms(guard(0)),
        named(guard(2)),
        platforms(Call::Again { in_store: false, request: Pick(0) }),
        named(guard(2)),
        decide(By::Now(Target::Zone)),
        Operation::Replay { receipt: Pick(0), change: 0 },
        Operation::Replay { receipt: Pick(0), change: 11 },
        Operation::Replay { receipt: Pick(0), change: 12 },
        customers(Call::Suspend),
        customers(Call::UnbindGuardrail),
        Operation::Erase { zone: "z0".to_owned(), actor: 0 },
        Operation::Copy { zones: vec!["z0".to_owned()], actor: 0 },
        platforms(Call::ArchiveSetVersion { version: Pick(2) }),
        // One that needs an attribute, and a schema that does not have it.
        platforms(policy),
        platforms(version),
        platforms(set.clone()),
        platforms(pinning(vec![Pick(0)], 0)),
        platforms(guard(0)),
        customers(Call::PublishSchema { version: "s3".to_owned(), source: 5 }),
        customers(set),
        customers(pinning(Vec::new(), 110)),
        customers(Call::Bind { version: Pick(0), target: Target::Zone }),
        decide(By::Version(Pick(0))),
        back(),
        named(Call::UnbindGuardrail),
        platforms(Call::UnbindGuardrail),
        // It validates without a guardrail; then no version that it does not validate against can be bound.
        customers(Call::Bind { version: Pick(0), target: Target::Zone }),
        platforms(guard(1)),
        back(),
        back(),
        back(),
        // Under a schema without the requested action.
        customers(pinning(Vec::new(), 112)),
        Operation::Decide { zone: "z0".to_owned(), by: By::Version(Pick(0)), strict: false, keep: false, asked: 3 },
        Operation::Upkeep(Upkeep::Everything),
    ]
}

/// A demand for tests: every way to bind, versions without a suite, with one that fails and one that passes, and the rights
/// of the actors. In its own store.
fn demands() -> Vec<Operation> {
    let by = |actor, call| asked(actor, None, Under::nothing(), call);
    let (customers, platforms) = (|call| by(0, call), |call| by(2, call));
    let named = |call| asked(2, None, Under::fresh(), call);
    let require = |required| Call::RequireTests { required };
    let keep = |version, suite| Call::KeepTests { version: Pick(version), suite };
    let bind = |version| customers(Call::Bind { version: Pick(version), target: Target::Zone });
    let next = || {
        let (set, schema, own, style) = (Pick(0), Pick(0), None, Style::Pins);
        customers(Call::CreateSetVersion { set, schema, own, pins: vec![Pick(0)], style })
    };
    let mut operations = vec![customers(require(false)), customers(require(true)), customers(require(true)), next()];
    // Of all suites, some pass.
    for suite in 0..24 {
        operations.extend([bind(0), customers(keep(0, suite)), bind(0), bind(1)]);
    }
    operations.extend([
        customers(Call::Rollback { target: Target::Zone }),
        customers(require(false)),
        next(),
        bind(0),
        platforms(require(true)),
        named(require(true)),
        customers(require(true)),
        customers(require(false)),
        customers(Call::Rollback { target: Target::Zone }),
        platforms(Call::BindShadow { version: Pick(1), target: Target::Zone }),
        named(keep(1, 0)),
        named(keep(1, 0)),
        platforms(keep(1, 1)),
        platforms(Call::Again { in_store: false, request: Pick(0) }),
        // A version of the platform, and an archived one.
        customers(keep(3, 0)),
        next(),
        customers(Call::ArchiveSetVersion { version: Pick(0) }),
        customers(keep(0, 0)),
        named(require(false)),
        Operation::Copy { zones: vec!["z0".to_owned()], actor: 2 },
        Operation::Upkeep(Upkeep::Rebuild),
        Operation::Upkeep(Upkeep::Everything),
    ]);
    operations
}

/// Every change of a schema's status, with writes of a zone that chooses it as its default between them.
fn statuses() -> Vec<Operation> {
    let plain = |call| asked(2, None, Under::nothing(), call);
    let schema = Pick(111);
    let rename = |n: usize| Call::RenameSet { set: Pick(0), name: format!("name {n}") };
    let mut operations = vec![plain(Call::SetDefaultSchema { schema: Some(schema) })];
    for (n, status) in [100, 0, 100, 0, 100, 200].into_iter().enumerate() {
        operations.push(plain(Call::SetSchemaStatus { schema, status }));
        operations.push(plain(rename(n)));
    }
    operations.push(plain(Call::Suspend));
    operations
}

/// Calls with preconditions and idempotency keys, in a suspended zone and as earlier history; and the rest after a zone
/// is erased.
fn under_requests() -> Vec<Operation> {
    let first = Pick(0);
    let plain = |call| asked(2, None, Under::nothing(), call);
    let named = |call| asked(2, None, Under::fresh(), call);
    let again = |request| plain(Call::Again { in_store: false, request: Pick(request) });
    let rename = |name: &str| Call::RenameSet { set: first, name: name.to_owned() };
    let mut operations = Vec::new();
    for kind in 0..6 {
        for holds in [true, false] {
            let claims = vec![Claim { kind, of: first, target: Target::Zone, holds }];
            operations.push(asked(2, None, Under { id: Id::Fresh, claims }, rename(&format!("name {kind}"))));
            operations.push(again(0));
        }
    }
    let default = Call::SetDefaultSchema { schema: Some(Pick(111)) };
    operations.extend([
        named(default.clone()),
        named(Call::Suspend),
        plain(rename("refused")),
        plain(Call::Again { in_store: false, request: Pick(1) }),
        // Archived, so that it is no longer the default.
        plain(Call::SetSchemaStatus { schema: Pick(111), status: 200 }),
        again(0),
        again(1),
        named(Call::Resume),
        plain(default),
        // By another actor, and a call that reuses a key.
        asked(0, None, Under::nothing(), Call::Again { in_store: false, request: Pick(200) }),
        asked(2, None, Under { id: Id::Known(first), claims: Vec::new() }, rename("taken")),
        named(Call::BindShadow { version: first, target: Target::Zone }),
        named(Call::BindShadow { version: first, target: Target::Zone }),
        Operation::Decide {
            zone: "z0".to_owned(),
            by: By::Observed(Target::Zone),
            strict: false,
            keep: true,
            asked: 0,
        },
        plain(Call::ArchiveSetVersion { version: first }),
        named(Call::UnbindShadow { target: Target::Zone }),
        again(2),
        asked(0, Some(When::Before(0)), Under::fresh(), rename("earlier")),
        asked(2, Some(When::AfterLast(0)), Under::fresh(), rename("earlier")),
        asked(2, Some(When::AfterLast(-1)), Under::fresh(), rename("too early")),
        asked(2, Some(When::Before(-1)), Under::fresh(), rename("too late")),
        named(Call::CreateZone { id: "z2".to_owned() }),
        Operation::Erase { zone: "z1".to_owned(), actor: 0 },
        Operation::Erase { zone: "z1".to_owned(), actor: 0 },
        plain(Call::CreateZone { id: "z1".to_owned() }),
        Operation::Erase { zone: "z2".to_owned(), actor: 2 },
        plain(Call::Again { in_store: true, request: first }),
        Operation::Upkeep(Upkeep::Everything),
    ]);
    operations
}

#[test]
fn the_store_and_the_model_say_the_same_whatever_is_done() {
    let sweep = std::env::var("POLICY_STORE_SWEEP").ok().and_then(|text| text.parse().ok()).unwrap_or(1_u32).max(1);
    let config = Config {
        cases: CASES.saturating_mul(sweep),
        // The same operations on every run, so that the coverage is the same.
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        max_shrink_iters: 1_000,
        ..Config::default()
    };
    let operation = any::<[u8; model::WIDTH]>().prop_map(|bytes| Operation::new(&bytes));
    // Most stores are in memory, where a commit does not wait for the disk.
    let cases = (vec(operation, 0..=OPERATIONS), weighted(0.2));
    let total = RefCell::new(model::run(&seldom(), true));
    for operations in [guardrails(), demands()] {
        for (name, count) in model::run(&operations, true) {
            *total.borrow_mut().entry(name).or_default() += count;
        }
    }
    let result = TestRunner::new(config).run(&cases, |(operations, in_file)| {
        for (name, count) in model::run(&operations, in_file) {
            *total.borrow_mut().entry(name).or_default() += count;
        }
        Ok(())
    });
    if let Err(failed) = result {
        panic!("{failed}");
    }
    let total = total.into_inner();
    let missed: Vec<_> = MET.split_whitespace().filter(|name| !total.contains_key(*name)).collect();
    assert!(missed.is_empty(), "no case came to {missed:?}: {total:?}");
}

/// With each write later than everything before, all reads as of a point answer as they did then, those of schemas too.
#[test]
fn every_zone_can_be_read_as_it_was() {
    let sweep = std::env::var("POLICY_STORE_SWEEP").ok().and_then(|text| text.parse().ok()).unwrap_or(1_u32).max(1);
    let config = Config {
        cases: (CASES / 4).saturating_mul(sweep),
        rng_seed: RngSeed::Fixed(2),
        failure_persistence: None,
        max_shrink_iters: 300,
        ..Config::default()
    };
    let operation = any::<[u8; model::WIDTH]>().prop_map(|bytes| Operation::new(&bytes));
    let total = RefCell::new(model::run_ticking(&guardrails()));
    model::run_ticking(&statuses());
    model::run_ticking(&demands());
    let result = TestRunner::new(config).run(&vec(operation, 0..=OPERATIONS), |operations| {
        for (name, count) in model::run_ticking(&operations) {
            *total.borrow_mut().entry(name).or_default() += count;
        }
        Ok(())
    });
    if let Err(failed) = result {
        panic!("{failed}");
    }
    let points = total.into_inner().get("AsOf").copied().unwrap_or_default();
    assert!(points > 50, "{points} points");
}
