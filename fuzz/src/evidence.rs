//! Evidence of a small store, edits of it, and the store's own log as the judge of all that still verifies.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use cedar_policy::Entities;
use policy_store::{
    Authorizer, NewPolicy, NewPolicySet, NewPolicySetVersion, NewPolicyVersion, NewSchema, PolicySetVersion,
    PolicyStore, Rationale, Target, TargetType, Zone,
};
use policy_store_verify::attestation::{Jwks, Verifier};
use policy_store_verify::evidence::{Evidence, Guardrail, ProvenEntry, RulesVerdict, SignedRules, Verdict};
use policy_store_verify::log::{Change, Entry};
use policy_store_verify::note::{SignedCheckpoint, Trust};
use policy_store_verify::proof::{InclusionProof, Levels, ProofError};
use policy_store_verify::receipt::{Binding, Decision, LogEnd, Receipt};
use policy_store_verify::record;
use policy_store_verify::{Actor, BindingMode, Checkpoint, EntryHash, LogId};
use serde_json::Value;

use crate::outside::{self, NAME, refused, signer};
use crate::store;

const SCHEMA: &str = "entity U; action a appliesTo { principal: U, resource: U };";
const OTHER_SCHEMA: &str = "entity U, V; action a appliesTo { principal: U, resource: [U, V] };";
const PERMIT: &str = "permit(principal, action, resource);";
const FORBID: &str = "// By hand.\nforbid(principal, action, resource) when { principal == resource };";
const GUARD: &str = "forbid(principal == U::\"g\", action, resource);";

/// The store's log of one zone, and valid evidence from it.
pub struct World {
    /// Evidence of decisions at several moments.
    pub seeds: Vec<Evidence>,
    /// Signed rules at the same moments.
    pub rules: Vec<SignedRules>,
    pub(crate) log: Vec<Entry>,
    pub(crate) proven: Vec<ProvenEntry>,
    pub(crate) checkpoint: Checkpoint,
    /// The texts of each policy set version: schema, policies in the order of the manifest.
    texts: BTreeMap<String, (&'static str, Vec<&'static str>)>,
}

pub static WORLD: LazyLock<World> = LazyLock::new(World::new);

/// The keys of the log and of the witness; and with the keys of attesters.
pub(crate) static TRUST: LazyLock<[Trust; 2]> = LazyLock::new(|| {
    let attesters = Verifier::new(Jwks::new([signer().jwk().clone()]).unwrap());
    [outside::trust(), outside::trust().attesters(attesters)]
});

/// The receipt of a decision, and the version that decided.
fn decided(authorizer: &Authorizer) -> Receipt {
    let request = authorizer.request("U::\"u\"", "Action::\"a\"", "U::\"u\"", "{}").unwrap();
    let entities = Entities::empty();
    authorizer.is_authorized(&request, &entities).unwrap().receipt(&entities).unwrap()
}

impl World {
    fn new() -> Self {
        let (store, mut receipts) = (store(), Vec::new());
        let (alice, bea) = (Actor::customer("alice").unwrap(), Actor::customer("bea").unwrap());
        let ops = Actor::platform("ops").unwrap();
        let mut texts = BTreeMap::new();
        let zone = || store.zone("z").unwrap();
        let decide = |target: &Target| decided(&zone().authorizer(target.clone()).unwrap());
        let user = Target::user("ann");

        store
            .write(&ops, |w| {
                w.publish_schema(NewSchema::cedar("s1", SCHEMA))?;
                w.publish_schema(NewSchema::cedar("s2", OTHER_SCHEMA))?;
                w.create_zone("other")?;
                w.create_zone("z").map(drop)
            })
            .unwrap();
        let version = |set: &str, schema: &str, kind, policies: &[(&str, &str)]| -> PolicySetVersion {
            let made = store.write(&alice, |w| {
                let mut zone = w.zone("z")?;
                if zone.policy_set(set).is_err() {
                    zone.create_policy_set(NewPolicySet::named(set).id(set).target_type(kind))?;
                }
                let mut pins = NewPolicySetVersion::new(schema);
                for (policy, text) in policies {
                    let id = format!("{set}.{policy}");
                    if zone.policy(&id).is_err() {
                        zone.create_policy(NewPolicy::named(&id).id(&id))?;
                    }
                    pins = pins.pin(&zone.create_policy_version(&id, NewPolicyVersion::cedar(schema, *text))?);
                }
                zone.create_policy_set_version(set, pins)
            });
            made.unwrap()
        };
        let mut made = |set, schema: &str, kind, policies: &[(&str, &'static str)]| {
            let version = version(set, schema, kind, policies);
            let source = if schema == "s1" { SCHEMA } else { OTHER_SCHEMA };
            texts.insert(version.id.to_string(), (source, policies.iter().map(|(_, text)| *text).collect()));
            version
        };

        let first = made("s", "s1", TargetType::Zone, &[("a", PERMIT)]);
        store
            .write(&bea, |w| {
                w.rationale(Rationale::new().with_reason("Open\nto all.")?.with_reference("T-17")?)?;
                let mut zone = w.zone("z")?;
                zone.create_policy(NewPolicy::named("first in its write"))?;
                zone.activate(&first.id)
            })
            .unwrap();
        receipts.push(decide(&Target::Zone));
        let users = made("u", "s1", TargetType::User, &[("a", PERMIT)]);
        store.write(&alice, |w| w.zone("z")?.bind(&users.id, user.clone())).unwrap();
        receipts.push(decide(&user));
        let second = made("s", "s2", TargetType::Zone, &[("a", FORBID), ("b", PERMIT)]);
        store.write(&bea, |w| w.zone("z")?.activate(&second.id)).unwrap();
        receipts.push(decide(&Target::Zone));
        let guard = made("g", "s1", TargetType::Zone, &[("a", GUARD)]);
        store.write(&ops, |w| w.zone("z")?.bind_guardrail(&guard.id)).unwrap();
        receipts.push(decide(&Target::Zone));
        receipts.push(decide(&user));
        // The same rules again, with an attestation.
        let again = NewPolicySetVersion::from_pins("s2", second.manifest.entries.iter().map(Into::into));
        let prepared = zone().prepare_attested_version(&alice, "s", again, &signer()).unwrap();
        let third = store.write(&alice, |w| w.zone("z")?.create_attested_version(prepared)).unwrap();
        texts.insert(third.id.to_string(), (OTHER_SCHEMA, vec![FORBID, PERMIT]));
        store.write(&alice, |w| w.zone("z")?.activate(&third.id)).unwrap();
        receipts.push(decide(&Target::Zone));
        store.write(&ops, |w| w.zone("z")?.unbind_guardrail()).unwrap();
        store.write(&alice, |w| w.zone("z")?.unbind(user.clone())).unwrap();
        receipts.push(decide(&Target::Zone));
        receipts.push(decided(&zone().authorizer_of_version(&first.id).unwrap()));
        Self::of(&store, &zone(), &ops, receipts, texts)
    }

    fn of(
        store: &PolicyStore,
        zone: &Zone,
        ops: &Actor,
        receipts: Vec<Receipt>,
        texts: BTreeMap<String, (&'static str, Vec<&'static str>)>,
    ) -> Self {
        let checkpoint = zone.checkpoint().unwrap();
        let signed = SignedCheckpoint::sign(&checkpoint, NAME, &signer()).unwrap();
        let own = receipts.iter().map(|receipt| zone.evidence_with(receipt, &signed).unwrap());
        let own: Vec<_> = own.collect();
        // Without a checkpoint of the zone that is kept, evidence has the store's, with a seal.
        store.seal(ops).unwrap();
        let of_store = SignedCheckpoint::sign(&store.checkpoint().unwrap(), NAME, &signer()).unwrap();
        store.keep_checkpoint(ops, &of_store.verify(&TRUST[0]).unwrap()).unwrap();
        let sealed = receipts.iter().map(|receipt| zone.evidence(receipt).unwrap());
        let seeds = own.into_iter().chain(sealed).collect();
        let bytes: Vec<_> = (0..checkpoint.size).map(|position| zone.entry_bytes(position).unwrap()).collect();
        let bound =
            receipts.iter().filter_map(|receipt| Some((receipt.log_end?.size, &receipt.binding.as_ref()?.target)));
        let at_end = |(size, target): (u64, &Target)| {
            let root = Levels::new(bytes.iter().take(size as usize).map(|bytes| outside::leaf(bytes)).collect()).root();
            let signed = SignedCheckpoint::sign(&Checkpoint { size, root, ..checkpoint }, NAME, &signer()).unwrap();
            zone.signed_rules_with(target.clone(), &signed).unwrap()
        };
        let of_store = zone.signed_rules(Target::Zone).unwrap();
        let rules = bound.map(at_end).chain([of_store]).collect();
        let log = bytes.iter().map(|bytes| Entry::decode(bytes).unwrap()).collect();
        let proven = (0..).zip(bytes).map(|(position, bytes)| {
            let proof = zone.inclusion_proof(position, checkpoint.size).unwrap();
            ProvenEntry { bytes, hashes: proof.hashes }
        });
        Self { seeds, rules, log, proven: proven.collect(), checkpoint, texts }
    }

    /// Reads a text as evidence. All that it shows is so.
    pub fn judge(&self, text: &str) -> [bool; 2] {
        let evidence = match text.parse::<Evidence>() {
            Ok(evidence) => evidence,
            Err(error) => {
                refused(&error);
                return [false; 2];
            }
        };
        let again: Evidence = evidence.to_string().parse().expect("evidence is read as it was written");
        assert_eq!(again, evidence);
        TRUST.each_ref().map(|trust| match evidence.verify(trust) {
            Ok(verdict) => {
                self.is_so(&verdict);
                shown(&verdict);
                true
            }
            Err(error) => {
                refused(&error);
                false
            }
        })
    }

    /// The verdict is that of the store's own log.
    fn is_so(&self, verdict: &Verdict) {
        let Verdict { receipt, rules, .. } = verdict;
        assert_eq!(verdict.checkpoint, self.checkpoint);
        assert_eq!((receipt.zone_id.as_str(), receipt.log_id), ("z", self.checkpoint.log_id));
        let end = receipt.log_end.unwrap();
        let before = &self.log[..usize::try_from(end.size).unwrap()];
        let newest = before.last().unwrap();
        assert_eq!((newest.hash, newest.write.1, newest.created_at), (end.last, end.size - 1, verdict.newest_at));
        if let Some(binding) = &verdict.binding {
            self.bound(before, binding, rules, &binding.target, binding.mode);
            assert_eq!(receipt.binding.as_ref(), Some(binding));
        }
        self.created(before, rules);
        assert_eq!(receipt.policy_set_version_id, rules.policy_set_version_id);
        let guardrail = in_force(before, &Target::Zone, BindingMode::Guardrail);
        match &verdict.guardrail {
            Guardrail::InForce { binding, rules, .. } => {
                self.bound(before, binding, rules, &Target::Zone, BindingMode::Guardrail);
                self.created(before, rules);
            }
            Guardrail::None => assert_eq!(guardrail, None, "a guardrail is hidden"),
            Guardrail::NotShown => assert!(receipt.guardrail.is_none()),
            other => panic!("{other:?}"),
        }
        let attested = |entry: &&Entry| matches!(&entry.change, Change::Attested { policy_set_version_id, .. } if *policy_set_version_id == rules.policy_set_version_id);
        let attested = self.log.iter().filter(attested).count();
        assert!(attested > 0 || verdict.attestations.is_empty());
        assert!(!verdict.attestations_checked || !verdict.attestations.is_empty());
        for statement in receipt.determining.iter().chain(&receipt.failed) {
            verdict.policy_of(statement).unwrap();
        }
    }

    /// The binding is the last one of its target and mode, and of this version.
    pub(crate) fn bound(
        &self,
        before: &[Entry],
        binding: &Binding,
        rules: &RulesVerdict,
        target: &Target,
        mode: BindingMode,
    ) {
        assert_eq!((&binding.target, binding.mode, binding.zone_id.as_str()), (target, mode, "z"));
        assert_eq!(in_force(before, target, mode), Some(binding.position), "the binding was replaced");
        let entry = &self.log[usize::try_from(binding.position).unwrap()];
        assert_eq!((&binding.by, binding.since), (&entry.created_by, entry.created_at));
        let first = &self.log[usize::try_from(entry.write.0).unwrap()];
        assert_eq!(binding.rationale, first.rationale);
        let Change::Bound { to, .. } = &entry.change else { panic!("{entry:?}") };
        assert_eq!((&to.policy_set_version_id, to.version), (&rules.policy_set_version_id, rules.version));
        assert_eq!((&binding.policy_set_version_id, binding.version), (&rules.policy_set_version_id, rules.version));
        assert_eq!((&to.policy_set_id, &binding.policy_set_id), (&rules.policy_set_id, &rules.policy_set_id));
    }

    /// The version was created before, with these texts.
    pub(crate) fn created(&self, before: &[Entry], rules: &RulesVerdict) {
        let created = before.iter().find(|entry| {
            matches!(&entry.change, Change::PolicySetVersionCreated { policy_set_version_id, policy_set_id, version, schema_version, .. }
                if *policy_set_version_id == rules.policy_set_version_id && *policy_set_id == rules.policy_set_id
                && *version == rules.version && *schema_version == rules.schema_version)
        });
        let created = created.expect("the version was created before the decision");
        assert_eq!((&rules.created_by, rules.created_at), (&created.created_by, created.created_at));
        let (schema, texts) = &self.texts[rules.policy_set_version_id.as_str()];
        assert_eq!(rules.schema, *schema);
        assert_eq!(rules.policies.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), *texts);
    }
}

/// The position of the binding in force.
pub(crate) fn in_force(before: &[Entry], of: &Target, as_mode: BindingMode) -> Option<u64> {
    before.iter().rev().find_map(|entry| match &entry.change {
        Change::Bound { target, mode, .. } if target == of && *mode == as_mode => Some(Some(entry.position)),
        Change::Unbound { target, mode, .. } if target == of && *mode == as_mode => Some(None),
        _ => None,
    })?
}

/// What a person reads: plain lines, and no line that a value could have put there.
fn shown(verdict: &Verdict) {
    const LABELS: [&str; 9] = [
        "Decision   ",
        "In force   ",
        "Created    ",
        "Guardrail  ",
        "Statements ",
        "Failed     ",
        "Checked    ",
        "Not shown  ",
        "           ",
    ];
    let told = verdict.to_string();
    let plain = |c: char| !(c.is_control() && c != '\n' && c != '\t') && !is_invisible(c);
    assert!(told.chars().all(plain), "{told:?}");
    assert!(told.lines().all(|line| LABELS.iter().any(|label| line.starts_with(label))), "{told}");
    let once = |label: &str| told.lines().filter(|line| line.starts_with(label)).count();
    assert_eq!(
        (once("Decision   "), once("In force   "), once("Created    "), once("Checked    ")),
        (1, 1, 1, 1),
        "{told}"
    );
}

/// Whether it changes the direction or the lines of a text.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Bytes of one edit.
pub(crate) const WIDTH: usize = 8;
/// Limits the time of one input.
pub(crate) const EDITS: usize = 24;

/// One edit: the operation, and three numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edit {
    pub op: u8,
    pub which: usize,
    pub place: usize,
    pub value: u32,
}

impl Edit {
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let [op, which, p0, p1, v0, v1, v2, v3] = *bytes else { return None };
        let place = usize::from(u16::from_le_bytes([p0, p1]));
        Some(Self { op, which: which.into(), place, value: u32::from_le_bytes([v0, v1, v2, v3]) })
    }
}

/// The item at a place, counted round.
pub(crate) fn at<T>(items: &mut [T], place: usize) -> Option<&mut T> {
    let place = place.checked_rem(items.len())?;
    items.get_mut(place)
}

/// Reads the bytes as edits: the first byte is a seed, then eight bytes for each edit. Seeds from 128 on are logs that the
/// trusted key signed after the edits.
pub fn edited(bytes: &[u8]) {
    let Some((seed, rows)) = bytes.split_first() else { return };
    let edits: Vec<Edit> = rows.chunks(WIDTH).filter_map(Edit::of).take(EDITS).collect();
    let seed_evidence = &WORLD.seeds[usize::from(seed % 128) % WORLD.seeds.len()];
    if *seed >= 128 {
        return forged(seed_evidence.clone(), &edits);
    }
    let (mut evidence, mut json) = (seed_evidence.clone(), Vec::new());
    for edit in &edits {
        if !part(&mut evidence, edit) {
            json.push(edit);
        }
    }
    let mut file = serde_json::to_value(&evidence).unwrap();
    for edit in json {
        value(&mut file, edit);
    }
    let verified = WORLD.judge(&file.to_string());
    assert!(!edits.is_empty() || verified[0], "valid evidence is refused");
}

/// Edits a part of the evidence. False for an edit of the JSON.
fn part(evidence: &mut Evidence, edit: &Edit) -> bool {
    let Edit { op, which, place, value } = *edit;
    let other = &WORLD.seeds[which % WORLD.seeds.len()];
    let entries = &mut evidence.entries;
    match op % 32 {
        0 if !entries.is_empty() => drop(entries.remove(place % entries.len())),
        1 if !entries.is_empty() => entries.push(entries[place % entries.len()].clone()),
        2 if !entries.is_empty() => {
            let (one, two) = (which % entries.len(), place % entries.len());
            entries.swap(one, two);
        }
        3 => {
            let bytes = at(entries, which).map(|entry| &mut entry.bytes);
            if let Some(byte) = bytes.and_then(|bytes| at(bytes, place)) {
                *byte ^= value.to_le_bytes()[0].max(1);
            }
        }
        4 => {
            let hash = at(entries, which).and_then(|entry| at(&mut entry.hashes, place));
            if let Some(byte) = hash.and_then(|hash| at(hash, value as usize)) {
                *byte ^= 1 << (value >> 5 & 7);
            }
        }
        5 => entries.push(WORLD.proven[place % WORLD.proven.len()].clone()),
        6 => *entries = WORLD.proven.clone(),
        7 => evidence.receipt = other.receipt.clone(),
        8 => evidence.rules = other.rules.clone(),
        9 => evidence.guardrail = other.guardrail.clone(),
        10 => evidence.guardrail = Some(other.rules.clone()),
        11 => (evidence.checkpoint, evidence.seal) = (other.checkpoint.clone(), other.seal.clone()),
        12 => evidence.attestations = other.attestations.clone(),
        13 => evidence.attestations.extend(other.attestations.iter().cloned()),
        14 => {
            let end = entry_of(place, value, |entry| entry.position == entry.write.1);
            evidence.receipt.log_end = Some(LogEnd { size: end.position + 1, last: end.hash });
        }
        15 => {
            let bound = entry_of(place, value, |entry| matches!(entry.change, Change::Bound { .. }));
            bind(&mut evidence.receipt, bound, value);
        }
        16 => (evidence.receipt.binding, evidence.receipt.binding_entry) = (None, None),
        17 => evidence.receipt.guardrail = None,
        18 => evidence.receipt.guardrail = other.receipt.guardrail.clone(),
        19 => {
            let is_created = |entry: &Entry| matches!(entry.change, Change::PolicySetVersionCreated { .. });
            create(evidence, entry_of(place, value, is_created), value);
        }
        20 => {
            let statements =
                if value & 1 == 0 { &mut evidence.receipt.determining } else { &mut evidence.receipt.failed };
            match at(statements, place) {
                Some(statement) if value & 2 == 0 => statement.statement = value,
                _ => statements.extend(other.receipt.determining.iter().cloned()),
            }
        }
        21 => evidence.receipt.determining.clear(),
        22 => {
            let decision = &mut evidence.receipt.decision;
            *decision = if *decision == Decision::Allow { Decision::Deny } else { Decision::Allow };
        }
        23 => evidence.receipt.v = value % 5,
        24 => evidence.seal = None,
        25 => {
            if let Some(seal) = &mut evidence.seal {
                lengthen(&mut seal.hashes, value & 1 == 0);
            }
        }
        26 => {
            if let Some(entry) = at(entries, which) {
                lengthen(&mut entry.hashes, value & 1 == 0);
            }
        }
        27 => {
            let policies = &mut evidence.rules.policies;
            let by = which.min(policies.len());
            policies.rotate_left(by);
        }
        _ => return false,
    }
    true
}

/// An entry of the log: usually of one kind, and any if the value says so.
fn entry_of(place: usize, value: u32, is_of: impl Fn(&Entry) -> bool) -> &'static Entry {
    let of_kind: Vec<_> = WORLD.log.iter().filter(|entry| value & 0xf0 == 0xf0 || is_of(entry)).collect();
    of_kind[place % of_kind.len()]
}

/// One hash more, or one less.
pub(crate) fn lengthen(hashes: &mut Vec<outside::Hash>, by_one: bool) {
    let length = if by_one { hashes.len() + 1 } else { hashes.len().saturating_sub(1) };
    hashes.resize(length, [0; 32]);
}

/// Lets a receipt name an entry as its binding, with the values of that entry if it is one.
fn bind(receipt: &mut Receipt, truth: &Entry, value: u32) {
    let named = WORLD.seeds.iter().find_map(|seed| seed.receipt.binding.clone());
    let Some(mut binding) = receipt.binding.take().or(named) else { return };
    (binding.since, binding.by, binding.position) = (truth.created_at, truth.created_by.clone(), truth.position);
    binding.rationale = WORLD.log[usize::try_from(truth.write.0).unwrap()].rationale.clone();
    if let Change::Bound { target, mode, to, .. } = &truth.change {
        (binding.target, binding.mode, binding.version) = (target.clone(), *mode, to.version);
        (binding.policy_set_id, binding.policy_set_version_id) =
            (to.policy_set_id.clone(), to.policy_set_version_id.clone());
    }
    if value & 1 == 1
        && let Some(guardrail) = &mut receipt.guardrail
    {
        (guardrail.binding, guardrail.binding_entry) = (binding, Some(truth.hash));
    } else {
        (receipt.binding, receipt.binding_entry) = (Some(binding), Some(truth.hash));
    }
}

/// Lets a receipt name an entry as its version, with the values of that entry if it is one, and the texts that belong to it.
fn create(evidence: &mut Evidence, truth: &Entry, value: u32) {
    let receipt = &mut evidence.receipt;
    receipt.policy_set_version_entry = truth.hash;
    let Change::PolicySetVersionCreated { policy_set_id, policy_set_version_id, version, manifest_sha, schema_version } =
        &truth.change
    else {
        return;
    };
    let of_schema = WORLD.seeds.iter().find(|seed| seed.receipt.schema_version == *schema_version);
    let schema_sha = of_schema.map_or(receipt.schema_sha, |seed| seed.receipt.schema_sha);
    if value & 1 == 1
        && let Some(guardrail) = &mut receipt.guardrail
    {
        guardrail.policy_set_version_entry = truth.hash;
        (guardrail.manifest_sha, guardrail.schema_version) = (*manifest_sha, schema_version.clone());
        guardrail.schema_sha = schema_sha;
        return;
    }
    (receipt.policy_set_id, receipt.policy_set_version_id) = (policy_set_id.clone(), policy_set_version_id.clone());
    (receipt.policy_set_version, receipt.manifest_sha) = (*version, *manifest_sha);
    (receipt.schema_version, receipt.schema_sha) = (schema_version.clone(), schema_sha);
    let texts = WORLD.seeds.iter().find(|seed| seed.receipt.policy_set_version_id == *policy_set_version_id);
    if let Some(seed) = texts {
        evidence.rules = seed.rules.clone();
    }
}

/// Edits a value of the JSON.
pub(crate) fn value(file: &mut Value, edit: &Edit) {
    let mut pointers = Vec::new();
    leaves(file, String::new(), &mut pointers);
    let pointer = |number: usize| pointers.get(number.checked_rem(pointers.len())?);
    let Some(name) = pointer(edit.place) else { return };
    let other = pointer(edit.place + edit.which).and_then(|name| file.pointer(name)).cloned().unwrap_or_default();
    let Some(place) = file.pointer_mut(name) else { return };
    *place = match (edit.op % 4, place.take()) {
        (0, _) => other,
        (1, _) => match edit.value % 4 {
            0 => Value::Null,
            1 => Value::Array(vec![other]),
            2 => edit.value.into(),
            _ => Value::Bool(edit.value & 4 == 0),
        },
        (_, Value::Number(number)) => number.as_u64().unwrap_or(0).wrapping_add(edit.value.into()).into(),
        (2, Value::String(text)) => with_character(&text, edit.which, edit.value).into(),
        (_, Value::String(text)) => {
            let cut = text.char_indices().nth(edit.which).map_or(text.len(), |(cut, _)| cut);
            text[..cut].into()
        }
        (_, Value::Bool(value)) => (!value).into(),
        (_, other) => other,
    };
}

/// The text with another character in it, or one more.
fn with_character(text: &str, at: usize, value: u32) -> String {
    let Some(c) = char::from_u32(value & 0xffff) else { return String::new() };
    let place = text.char_indices().nth(at).map_or(text.len(), |(place, _)| place);
    let (before, after) = text.split_at(place);
    let after = if value >> 16 & 1 == 0 {
        after
    } else {
        after.get(after.chars().next().map_or(0, char::len_utf8)..).unwrap_or("")
    };
    format!("{before}{c}{after}")
}

/// The pointers to all values that have no parts.
fn leaves(value: &Value, path: String, into: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| leaves(value, format!("{path}/{name}"), into))
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| leaves(value, format!("{path}/{index}"), into));
        }
        _ => into.push(path),
    }
}

/// A log that the trusted key signed, with any entries in it: refused, or shown as its entries say.
fn forged(mut evidence: Evidence, edits: &[Edit]) {
    let mut log: Vec<record::Entry> =
        WORLD.proven.iter().map(|entry| record::Entry::decode(&entry.bytes).unwrap().0).collect();
    let mut named = [None; 4];
    for edit in edits {
        entry(&mut log, edit, &mut named);
    }
    let bytes: Vec<Vec<u8>> = log.iter().filter_map(|entry| Some(entry.encode().ok()?.0)).collect();
    let tree = Levels::new(bytes.iter().map(|bytes| outside::leaf(bytes)).collect());
    let checkpoint = Checkpoint { log_id: WORLD.checkpoint.log_id, size: bytes.len() as u64, root: tree.root() };
    evidence.checkpoint = SignedCheckpoint::sign(&checkpoint, NAME, &signer()).unwrap().to_string();
    evidence.seal = None;
    let proven = |(index, bytes): (u64, &Vec<u8>)| -> Option<ProvenEntry> {
        let InclusionProof { hashes, .. } = tree.proof(index)?;
        Some(ProvenEntry { bytes: bytes.clone(), hashes })
    };
    evidence.entries = (0..).zip(&bytes).filter_map(proven).collect();
    rename(&mut evidence.receipt, &bytes, named);
    let before = evidence.clone();
    match evidence.verify(&TRUST[0]) {
        Ok(verdict) => {
            shown(&verdict);
            assert_eq!(verdict.receipt, before.receipt);
            let read: Vec<_> =
                bytes.iter().map(|bytes| Entry::decode(bytes)).collect::<Result<_, ProofError>>().unwrap();
            if let Some(binding) = &verdict.binding {
                let entry = read.iter().find(|entry| Some(entry.hash) == verdict.receipt.binding_entry).unwrap();
                assert_eq!((&binding.by, binding.position), (&entry.created_by, entry.position));
                assert!(
                    matches!(&entry.change, Change::Bound { to, .. } if to.policy_set_version_id == verdict.rules.policy_set_version_id)
                );
            }
        }
        Err(error) => refused(&error),
    }
}

/// Edits a log. `named` are the places of the entries that the receipt is to name: end, binding, version, guardrail.
pub(crate) fn entry(log: &mut Vec<record::Entry>, edit: &Edit, named: &mut [Option<usize>; 4]) {
    let Edit { op, which, place, value } = *edit;
    let length = log.len();
    if length == 0 {
        return;
    }
    match op % 12 {
        0 => drop(log.remove(place % length)),
        1 => log.insert(place % length, log[which % length].clone()),
        2 => log.swap(which % length, place % length),
        3 => named[which % 4] = Some(place),
        4 => (0..).zip(log.iter_mut()).for_each(|(position, entry)| entry.envelope.position = position),
        5 => log[place % length].envelope.position = value.into(),
        6 => log[place % length].envelope.last_binding = (value > 0).then(|| u64::from(value) - 1),
        7 => log[place % length].envelope.group = record::Group { index: value & 0xffff, size: value >> 16 },
        8 => log[place % length].envelope.log_id = LogId([which as u8; 16]),
        9 => log[place % length].kind = value as u16,
        10 => {
            if let Some(byte) = at(&mut log[place % length].body, which) {
                *byte ^= value.to_le_bytes()[0].max(1);
            }
        }
        _ => log.truncate((place % length).max(1)),
    }
}

/// Lets the receipt name the entries of a forged log.
fn rename(receipt: &mut Receipt, log: &[Vec<u8>], named: [Option<usize>; 4]) {
    let hash = |place: usize| EntryHash::of(&log[place % log.len()]);
    // By default, those that it names in the log as it was.
    let now = |of: EntryHash| WORLD.log.iter().position(|entry| entry.hash == of).filter(|place| *place < log.len());
    if log.is_empty() {
        return;
    }
    let end = named[0].or(receipt.log_end.and_then(|end| now(end.last)));
    receipt.log_end = end.map(|end| LogEnd { size: (end % log.len()) as u64 + 1, last: hash(end) }).or(receipt.log_end);
    let of = |place: Option<usize>, own: EntryHash| place.or(now(own)).map_or(own, hash);
    receipt.binding_entry = receipt.binding_entry.map(|own| of(named[1], own));
    receipt.policy_set_version_entry = of(named[2], receipt.policy_set_version_entry);
    if let Some(guardrail) = &mut receipt.guardrail {
        guardrail.binding_entry = guardrail.binding_entry.map(|own| of(named[3], own));
        guardrail.policy_set_version_entry = of(None, guardrail.policy_set_version_entry);
    }
    if let (Some(binding), Some(entry)) = (&mut receipt.binding, receipt.binding_entry) {
        let entry = log.iter().filter_map(|bytes| Entry::decode(bytes).ok()).find(|read| read.hash == entry);
        if let Some(entry) = entry {
            (binding.position, binding.since, binding.by) = (entry.position, entry.created_at, entry.created_by);
        }
    }
}
