//! Signed rules: an authorizer without a store decides as the store's, with the same receipts; and no file shows rules that the
//! log does not have in force.

use cedar_policy::Decision;
use policy_store::ErrorKind::{Conflict, Invalid, NotBound, NotFound};
use policy_store::evidence::{ProvenEntry, SignedRules, VerifiedRules};
use policy_store::log::Entry;
use policy_store::note::{NoteKey, SignedCheckpoint, Trust};
use policy_store::proof::ProofError;
use policy_store::{
    Authorizer, Checkpoint, DecisionLog, NewPolicy, NewPolicySet, NewPolicyVersion, Rationale, ReplayOptions, RootHash,
    Target, TargetType, Timestamp,
};

use super::attesting;
use super::evidence::{flipped, forked, leaves};
use super::seals::{NAME, signed, signer, trust};
use super::support::{ENTITIES, FORBID, PERMIT, V1, World, customer, pinning, platform, refused};

/// A `permit` that fails for the user `bob`.
const FAILS: &str = "permit(principal, action, resource) when { principal.level + 1 == 4 };";
const GUARD: &str = "forbid(principal == User::\"bob\", action == Action::\"write\", resource);";

/// The file for a target at the newest state.
pub(super) fn file(world: &World, target: Target) -> SignedRules {
    let zone = world.zone();
    zone.signed_rules_with(target, signed(&zone.checkpoint().unwrap()).signed()).unwrap()
}

/// The same, verified after it was read from its text.
pub(super) fn rules(world: &World, target: Target) -> VerifiedRules {
    verified(&file(world, target), &trust()).unwrap()
}

/// An authorizer without the store.
pub(super) fn edge(world: &World, target: Target) -> Authorizer {
    Authorizer::of_rules(&rules(world, target)).unwrap()
}

fn verified(rules: &SignedRules, trust: &Trust) -> Result<VerifiedRules, ProofError> {
    let text = rules.to_string();
    let read: SignedRules = text.parse()?;
    assert_eq!((&read, read.to_string()), (rules, text));
    read.verify(trust)
}

/// The same with a change.
fn with(rules: &SignedRules, change: impl FnOnce(&mut SignedRules)) -> SignedRules {
    let mut changed = rules.clone();
    change(&mut changed);
    changed
}

#[track_caller]
fn code(rules: &SignedRules) -> &'static str {
    verified(rules, &trust()).map_or_else(|error| error.code(), |_| "verified")
}

/// Binds a version with these texts to a user.
fn bind_user(world: &World, user: &str, texts: &[&str]) {
    let versions: Vec<_> =
        texts.iter().enumerate().map(|(n, text)| world.version(&format!("{user}{n}"), text)).collect();
    world
        .write(|zone| {
            zone.create_policy_set(NewPolicySet::named(user).id(user).target_type(TargetType::User))?;
            let version = zone.create_policy_set_version(user, pinning(&versions.iter().collect::<Vec<_>>()))?;
            zone.bind(&version.id, Target::user(user))
        })
        .unwrap();
}

pub(super) fn guard(world: &World, text: &str) {
    world
        .write_as(&platform(), |zone| {
            if zone.policy("g").is_err() {
                zone.create_policy(NewPolicy::named("g").id("g"))?;
                zone.create_policy_set(NewPolicySet::named("guard").id("guard"))?;
            }
            let version = zone.create_policy_version("g", NewPolicyVersion::cedar(V1, text))?;
            let set = zone.create_policy_set_version("guard", pinning(&[&version]))?;
            zone.bind_guardrail(&set.id)
        })
        .unwrap();
}

/// The zone and a user are bound, with a reason.
pub(super) fn world() -> World {
    let world = World::in_file();
    let set =
        world.set_version("s", &[&world.version("a", PERMIT), &world.version("b", FORBID), &world.version("c", FAILS)]);
    let why = Rationale::new().with_reason("Secret documents stay shut.").unwrap().with_reference("TICKET-17").unwrap();
    world
        .store
        .write(&customer("bea"), |w| {
            w.rationale(why)?;
            let mut zone = w.zone("acme")?;
            zone.create_policy(NewPolicy::named("first in its write"))?;
            zone.activate(&set.id)
        })
        .unwrap();
    bind_user(&world, "ann", &[FAILS, FORBID]);
    world
}

/// Every question of the small world, by both: the same answers, explanations and receipts.
#[track_caller]
fn same(world: &World, stored: &Authorizer, edge: &Authorizer) -> [usize; 3] {
    assert_eq!(edge.log_end(), stored.log_end());
    let log = [DecisionLog::new(Vec::new()), DecisionLog::new(Vec::new())];
    let mut seen = [0; 3];
    for (who, act, doc) in
        ["ann", "bob"].iter().flat_map(|who| [(who, "read", "open"), (who, "read", "shut"), (who, "write", "open")])
    {
        let [by_store, by_edge] = [stored, edge].map(|authorizer| {
            let request = authorizer.request(("User", *who), format!("Action::\"{act}\""), ("Doc", doc), "{}").unwrap();
            let entities = authorizer.entities(ENTITIES).unwrap();
            (authorizer.is_authorized(&request, &entities).unwrap(), request, entities)
        });
        let (answer, request, entities) = &by_edge;
        assert_eq!(answer.decision(), by_store.0.decision());
        assert_eq!(answer.determining(), by_store.0.determining());
        assert_eq!(answer.errors(), by_store.0.errors());
        let told = |answer: &policy_store::Answer| format!("{:?}", answer.explain(entities).unwrap());
        assert_eq!(told(answer), told(&by_store.0));
        let receipt = answer.receipt(entities).unwrap();
        assert_eq!(receipt, by_store.0.receipt(&by_store.2).unwrap());
        world.store.replay(&receipt, request, entities).unwrap().agrees_with(&receipt).unwrap();
        let evidence = world.zone().evidence_with(&receipt, signed(&world.zone().checkpoint().unwrap()).signed());
        evidence.unwrap().verify(&trust()).unwrap();
        log[0].write(&by_store.0, &by_store.2).unwrap();
        log[1].write(answer, entities).unwrap();
        seen[0] += usize::from(answer.decision() == Decision::Allow);
        seen[1] += answer.errors().len();
        seen[2] += answer.determining().iter().filter(|it| it.layer == policy_store::Layer::Guardrail).count();
    }
    let [by_store, by_edge] = log.map(DecisionLog::into_inner);
    assert_eq!(by_edge, by_store);
    let report = world.store.replay_decisions(by_edge.as_slice(), &ReplayOptions::new()).unwrap();
    assert!(report.agrees() && report.decisions == 6, "{report:?}");
    seen
}

#[test]
fn without_a_store_the_decisions_and_receipts_are_those_of_the_store() {
    let world = world();
    let targets = [Target::Zone, Target::user("ann")];
    let all = |world: &World| {
        targets
            .clone()
            .map(|target| same(world, &world.zone().authorizer(target.clone()).unwrap(), &edge(world, target)))
    };
    assert_eq!(all(&world), [[4, 3, 0], [2, 3, 0]]);
    guard(&world, GUARD);
    assert_eq!(all(&world), [[3, 3, 1], [2, 3, 1]]);
    // A failing `forbid` denies, where that is asked for.
    guard(&world, "forbid(principal, action, resource) when { principal.level + 1 == 9 };");
    let strict = |authorizer: Authorizer| authorizer.deny_on_forbid_error();
    let (stored, edge) = (strict(world.zone().authorizer(Target::Zone).unwrap()), strict(edge(&world, Target::Zone)));
    assert_eq!(same(&world, &stored, &edge), [2, 6, 2]);
    world.write_as(&platform(), |zone| zone.unbind_guardrail()).unwrap();
    assert_eq!(all(&world), [[4, 3, 0], [2, 3, 0]]);
    let (world, _folder) = forked(world);
    assert_eq!(all(&world), [[4, 3, 0], [2, 3, 0]]);
    world.live("s", &[]);
    assert_eq!(all(&world), [[0, 0, 0], [2, 3, 0]]);
}

#[test]
fn signed_rules_show_who_put_what_in_force_when_and_why() {
    let world = world();
    guard(&world, GUARD);
    let witness = policy_store::attestation::Ed25519Signer::new("w", &[9; 32]).unwrap();
    let key = NoteKey::cosigner("witness.example", witness.jwk().as_bytes()).unwrap();
    let checkpoint = world.zone().checkpoint().unwrap();
    let mut signed = SignedCheckpoint::sign(&checkpoint, NAME, &signer()).unwrap();
    let time = Timestamp::from_micros(1_771_939_205_000_000);
    signed.cosign(&key, &witness, time).unwrap();
    let rules = world.zone().signed_rules_with(Target::Zone, &signed).unwrap();
    let shown = verified(&rules, &trust().witness(key).quorum(1)).unwrap();
    assert_eq!((shown.zone_id().as_str(), shown.log_id(), shown.target()), ("acme", checkpoint.log_id, &Target::Zone));
    assert_eq!((shown.checkpoint(), shown.log_end().size, shown.is_sealed()), (checkpoint, checkpoint.size, false));
    assert_eq!(shown.signed().cosigned()[0].time, time);
    let binding = &shown.rules().binding;
    assert_eq!(binding, &world.zone().in_force(Target::Zone).unwrap());
    assert_eq!((binding.by.id(), binding.rationale.as_ref().unwrap().reference()), ("bea", Some("TICKET-17")));
    assert_eq!(shown.guardrail().unwrap().binding.by.id(), "ops");
    let texts: Vec<_> = shown.rules().version.policies.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(texts, [PERMIT, FORBID, FAILS]);
    assert_eq!(shown.newest_at(), world.history().last().unwrap().created_at);
    let told = shown.to_string();
    for part in [
        "policy set `s`, zone `acme`",
        "In force   the zone since",
        "bound by customer `bea`",
        "see: TICKET-17",
        "Guardrail  the zone since",
        "witness `witness.example` at 2026-02-24T13:20:05",
        "chain of 3 bindings",
        "hashes of manifest, schema and 4 policy texts",
        NAME,
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[test]
fn the_rules_are_those_at_the_end_of_the_checkpoint() {
    let world = world();
    let zone = world.zone();
    refused(zone.signed_rules(Target::Zone), (NotFound, "no_checkpoint"), "zone `acme`");
    let then = signed(&zone.checkpoint().unwrap());
    world.store.keep_checkpoint(&platform(), &then).unwrap();
    let at = then.checkpoint().size - 1;
    world.live("s", &[]);
    world.write(|zone| zone.unbind(Target::user("ann"))).unwrap();
    guard(&world, GUARD);
    // Of then, by the checkpoint that is kept.
    for target in [Target::Zone, Target::user("ann")] {
        let rules = zone.signed_rules(target.clone()).unwrap();
        let edge = Authorizer::of_rules(&verified(&rules, &trust()).unwrap()).unwrap();
        let stored = zone.authorizer_at(target, policy_store::At::Position(at)).unwrap();
        assert!(edge.guardrail().is_none() && edge.log_end().size == at + 1);
        same(&world, &stored, &edge);
    }
    // A seal that is kept has more entries.
    world.store.seal(&platform()).unwrap();
    refused(
        zone.signed_rules_with(Target::Zone, &SignedCheckpoint::sign(&sealed_before(&world), NAME, &signer()).unwrap()),
        (NotFound, "no_checkpoint"),
        "zone `acme`",
    );
    let of_store = signed(&world.store.checkpoint().unwrap());
    let given = zone.signed_rules_with(Target::Zone, of_store.signed()).unwrap();
    world.store.keep_checkpoint(&platform(), &of_store).unwrap();
    assert_eq!(zone.signed_rules(Target::Zone).unwrap(), given);
    let shown = verified(&given, &trust()).unwrap();
    assert!(shown.is_sealed() && shown.checkpoint() == zone.checkpoint().unwrap());
    same(&world, &zone.authorizer(Target::Zone).unwrap(), &Authorizer::of_rules(&shown).unwrap());
    refused(zone.signed_rules(Target::user("ann")), (NotBound, "not_bound"), "user `ann`");
    // A checkpoint of the zone with more entries is newer than the seal.
    world.live("s", &[]);
    world.store.keep_checkpoint(&platform(), &signed(&zone.checkpoint().unwrap())).unwrap();
    assert!(!verified(&zone.signed_rules(Target::Zone).unwrap(), &trust()).unwrap().is_sealed());
}

/// The checkpoint of the store's log before its last entry.
fn sealed_before(world: &World) -> Checkpoint {
    let now = world.store.checkpoint().unwrap();
    let bytes: Vec<_> = (0..now.size - 1).map(|position| world.store.entry_bytes(position).unwrap()).collect();
    Checkpoint { size: now.size - 1, root: root(&bytes), ..now }
}

fn root(entries: &[Vec<u8>]) -> RootHash {
    let leaves = entries.iter().map(|bytes| *policy_store::EntryHash::of(bytes).as_bytes()).collect();
    policy_store::proof::Levels::new(leaves).root()
}

#[test]
fn a_checkpoint_that_is_not_of_the_log_or_within_a_write_gives_no_rules() {
    let world = world();
    let zone = world.zone();
    let now = zone.checkpoint().unwrap();
    let with = |checkpoint: Checkpoint| {
        zone.signed_rules_with(Target::Zone, &SignedCheckpoint::sign(&checkpoint, NAME, &signer()).unwrap())
    };
    let mismatch = (Conflict, "checkpoint_mismatch");
    refused(with(Checkpoint { root: [1; 32].into(), ..now }), mismatch, "root");
    refused(with(Checkpoint { size: now.size + 1, ..now }), mismatch, "root");
    refused(with(world.store.zone("other").unwrap().checkpoint().unwrap()), mismatch, "log_id");
    // The last write has three entries.
    let bytes: Vec<_> = (0..now.size - 1).map(|position| zone.entry_bytes(position).unwrap()).collect();
    let within = Checkpoint { size: now.size - 1, root: root(&bytes), ..now };
    refused(with(within), mismatch, "end of a write");
    // Nor is such a file believed.
    let mut forged = file(&world, Target::Zone);
    forged.checkpoint = SignedCheckpoint::sign(&within, NAME, &signer()).unwrap().to_string();
    forged.entries = proven(&world, within.size);
    let refused = verified(&forged, &trust()).unwrap_err();
    assert!(refused.to_string().contains("end of the newest write"), "{refused}");
    super::support::refused(zone.signed_rules(Target::user("")), (NotFound, "no_checkpoint"), "");
    let checkpoint = signed(&now);
    super::support::refused(
        zone.signed_rules_with(Target::user(""), checkpoint.signed()),
        (Invalid, "invalid_input"),
        "target id",
    );
}

/// All entries of the zone's log, each with its proof in the tree of `size` entries.
fn proven(world: &World, size: u64) -> Vec<ProvenEntry> {
    let zone = world.zone();
    let entry = |position| ProvenEntry {
        bytes: zone.entry_bytes(position).unwrap(),
        hashes: zone.inclusion_proof(position, size).unwrap().hashes,
    };
    (0..size).map(entry).collect()
}

fn position(entry: &ProvenEntry) -> u64 {
    Entry::decode(&entry.bytes).unwrap().position
}

#[test]
fn rules_that_were_replaced_are_refused_however_they_are_put_together() {
    let world = world();
    let before = file(&world, Target::Zone);
    let user_before = file(&world, Target::user("ann"));
    let user_before_size = world.zone().checkpoint().unwrap().size;
    world.live("s", &[]);
    world.write(|zone| zone.unbind(Target::user("ann"))).unwrap();
    let now = file(&world, Target::Zone);
    assert_eq!(code(&now), "verified");
    // The texts of before under the checkpoint of now, with every entry of the log.
    let mut forged = with(&now, |it| it.rules = before.rules.clone());
    assert_eq!(code(&forged), "mismatch");
    forged.entries = proven(&world, world.zone().checkpoint().unwrap().size);
    assert_eq!(code(&forged), "mismatch");
    // Without the entry that replaced them, the chain is not complete.
    let replaced = world.zone().in_force(Target::Zone).unwrap().position;
    forged.entries.retain(|entry| position(entry) != replaced);
    assert_eq!(code(&forged), "missing");
    let user = with(&now, |it| {
        it.target = Target::user("ann");
        it.rules = user_before.rules.clone();
    });
    let refused = verified(&user, &trust()).unwrap_err();
    assert!(refused.to_string().contains("nothing is in force for user `ann`"), "{refused}");
    // The checkpoint of before with the entries of now, and the other way round.
    for (checkpoint, entries) in [(&before, &now), (&now, &before)] {
        let mixed = with(checkpoint, |it| it.entries = entries.entries.clone());
        assert_ne!(code(&mixed), "verified");
    }
    // Of another target.
    let other = with(&user_before, |it| it.target = Target::Zone);
    assert_eq!(code(&other), "missing");
    let other = with(&other, |it| it.entries = proven(&world, user_before_size));
    assert_eq!(code(&other), "mismatch");
    assert_eq!(code(&with(&user_before, |it| it.target = Target::user("bob"))), "missing");
    assert_eq!(code(&with(&user_before, |it| it.target = Target::user("a\u{1b}b"))), "malformed");
}

#[test]
fn a_guardrail_cannot_be_left_out_or_added() {
    let world = world();
    guard(&world, GUARD);
    bind_user(&world, "late", &[PERMIT]);
    let rules = file(&world, Target::user("late"));
    assert_eq!(code(&rules), "verified");
    let mut without = with(&rules, |it| it.guardrail = None);
    let refused = verified(&without, &trust()).unwrap_err();
    assert_eq!(refused.to_string(), "missing: texts of the guardrail");
    // The chain of the user's own binding does not reach the guardrail: the walk goes on, and meets a gap.
    let guardrail = verified(&rules, &trust()).unwrap().guardrail().unwrap().binding.position;
    without.entries.retain(|entry| position(entry) != guardrail);
    let refused = verified(&without, &trust()).unwrap_err();
    assert_eq!((refused.code(), refused.to_string().contains("guardrail")), ("missing", true), "{refused}");
    let mut other = rules.clone();
    other.guardrail.as_mut().unwrap().policies[0] = FORBID.to_owned();
    assert_eq!(code(&other), "mismatch");
    let own = with(&rules, |it| it.guardrail = Some(rules.rules.clone()));
    assert_eq!(code(&own), "mismatch");
    world.write_as(&platform(), |zone| zone.unbind_guardrail()).unwrap();
    let none = file(&world, Target::user("late"));
    let added = with(&none, |it| it.guardrail = Some(none.rules.clone()));
    assert_eq!(code(&added), "malformed");
}

#[test]
fn no_value_of_the_file_can_be_changed_and_no_entry_left_out_that_counts() {
    let world = world();
    guard(&world, GUARD);
    let key = attesting::signer("2026-a");
    let prepared = world.zone().prepare_attested_version(&customer("alice"), "s", pinning(&[]), &key).unwrap();
    let version = world.write(|zone| zone.create_attested_version(prepared)).unwrap();
    world.write(|zone| zone.activate(&version.id)).unwrap();
    let trust = trust().attesters(attesting::verifier(&[&key]));
    let rules = file(&world, Target::Zone);
    let shown = verified(&rules, &trust).unwrap();
    assert!(shown.attestations_checked() && shown.attestations().len() == 1);
    let value = serde_json::to_value(&rules).unwrap();
    let mut pointers = Vec::new();
    leaves(&value, String::new(), &mut pointers);
    assert!(pointers.len() > 40, "{}", pointers.len());
    for pointer in &pointers {
        let mut changed = value.clone();
        let place = changed.pointer_mut(pointer).unwrap();
        *place = match &*place {
            serde_json::Value::Number(number) => (number.as_u64().unwrap() + 1).into(),
            serde_json::Value::String(text) => flipped(text).into(),
            other => panic!("{pointer}: {other}"),
        };
        let verified = changed.to_string().parse::<SignedRules>().and_then(|rules| rules.verify(&trust).map(drop));
        assert!(verified.is_err(), "{pointer}");
    }
    // An entry that is left out is missed, but for the first of the binding's write where that is the binding.
    for left_out in 0..rules.entries.len() {
        let mut fewer = rules.clone();
        fewer.entries.remove(left_out);
        assert!(fewer.verify(&trust).is_err(), "entry {left_out}");
    }
    let mut fewer = rules.clone();
    fewer.attestations.clear();
    assert_eq!(verified(&fewer, &trust).unwrap_err().code(), "attestation");
}

#[test]
fn rules_of_another_zone_store_or_key_are_not_taken_for_these() {
    let world = world();
    let rules = file(&world, Target::Zone);
    let stranger = policy_store::attestation::Ed25519Signer::new("k", &[8; 32]).unwrap();
    let key = NoteKey::ed25519(NAME, stranger.jwk().as_bytes()).unwrap();
    assert_eq!(verified(&rules, &Trust::new().log_key(key)).unwrap_err().code(), "not_signed");
    let witness = NoteKey::cosigner("w.example", stranger.jwk().as_bytes()).unwrap();
    assert_eq!(verified(&rules, &trust().witness(witness).quorum(1)).unwrap_err().code(), "quorum");
    // Even under the store's own signature of the other zone's log.
    let other = world.store.zone("other").unwrap().checkpoint().unwrap();
    let moved = Checkpoint { log_id: other.log_id, ..world.zone().checkpoint().unwrap() };
    for checkpoint in [other, moved] {
        let mut forged = rules.clone();
        forged.checkpoint = signed(&checkpoint).signed().to_string();
        assert_ne!(code(&forged), "verified");
    }
    // Rules of the other zone say so.
    world
        .write_store(|w| {
            let mut zone = w.zone("other")?;
            zone.create_policy_set(NewPolicySet::named("s").id("s"))?;
            let version = zone.create_policy_set_version("s", pinning(&[]))?;
            zone.activate(&version.id)
        })
        .unwrap();
    let zone = world.store.zone("other").unwrap();
    let other = zone.signed_rules_with(Target::Zone, signed(&zone.checkpoint().unwrap()).signed()).unwrap();
    let shown = verified(&other, &trust()).unwrap();
    assert_eq!((shown.zone_id().as_str(), shown.log_id()), ("other", zone.info().unwrap().log_id));
    for forged in
        [with(&rules, |it| it.entries = other.entries.clone()), with(&rules, |it| it.rules = other.rules.clone())]
    {
        assert_ne!(code(&forged), "verified");
    }
}

#[test]
fn a_fork_keeps_the_rules_and_needs_its_entry_to_show_them() {
    let world = world();
    let before = rules(&world, Target::Zone);
    let (world, _folder) = forked(world);
    world.write(|zone| zone.create_policy(NewPolicy::named("after the fork"))).unwrap();
    let file = file(&world, Target::Zone);
    let after = verified(&file, &trust()).unwrap();
    assert_ne!(before.log_id(), after.log_id());
    assert_eq!(before.rules().binding_entry, after.rules().binding_entry);
    let mut without = file;
    without
        .entries
        .retain(|entry| !matches!(Entry::decode(&entry.bytes).unwrap().change, policy_store::Change::LogForked { .. }));
    let refused = verified(&without, &trust()).unwrap_err();
    assert!(refused.to_string().contains("log of an entry"), "{refused}");
}
