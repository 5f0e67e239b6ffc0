//! Signed rules of the store of [`evidence`](crate::evidence), edits of them, and the store's own log as the judge of all that
//! still verifies.

use policy_store::{Authorizer, Target};
use policy_store_verify::evidence::{ProvenEntry, RulesInForce, SignedRules, VerifiedRules};
use policy_store_verify::log::{Change, Entry};
use policy_store_verify::note::SignedCheckpoint;
use policy_store_verify::proof::{InclusionProof, Levels};
use policy_store_verify::record;
use policy_store_verify::{BindingMode, Checkpoint};

use crate::evidence::{EDITS, Edit, TRUST, WIDTH, WORLD, at, entry, in_force, is_invisible, lengthen, value};
use crate::outside::{self, NAME, refused, signer};

/// Reads a text as signed rules. All that it shows is so.
pub fn judge(text: &str) -> bool {
    let rules = match text.parse::<SignedRules>() {
        Ok(rules) => rules,
        Err(error) => {
            refused(&error);
            return false;
        }
    };
    let again: SignedRules = rules.to_string().parse().expect("signed rules are read as they were written");
    assert_eq!(again, rules);
    let [shown, _] = TRUST.each_ref().map(|trust| match rules.verify(trust) {
        Ok(verified) => {
            is_so(&verified);
            assert_eq!(*verified.target(), rules.target);
            assert!(!verified.attestations_checked() || !verified.attestations().is_empty());
            true
        }
        Err(error) => {
            refused(&error);
            false
        }
    });
    shown
}

/// The rules are those of the store's own log at the end of the checkpoint, and an authorizer decides by them.
fn is_so(rules: &VerifiedRules) {
    let end = rules.log_end();
    assert_eq!((rules.zone_id().as_str(), rules.log_id()), ("z", WORLD.checkpoint.log_id));
    assert_eq!(rules.checkpoint().size, end.size);
    let before = &WORLD.log[..usize::try_from(end.size).unwrap()];
    let newest = before.last().unwrap();
    assert_eq!((newest.hash, newest.write.1, newest.created_at), (end.last, end.size - 1, rules.newest_at()));
    let layer = |of: &RulesInForce, target: &Target, mode| {
        WORLD.bound(before, &of.binding, &of.version, target, mode);
        WORLD.created(before, &of.version);
        assert_eq!(WORLD.log[usize::try_from(of.binding.position).unwrap()].hash, of.binding_entry);
    };
    layer(rules.rules(), rules.target(), BindingMode::Active);
    match rules.guardrail() {
        Some(guardrail) => layer(guardrail, &Target::Zone, BindingMode::Guardrail),
        None => assert_eq!(in_force(before, &Target::Zone, BindingMode::Guardrail), None, "a guardrail is hidden"),
    }
    plain(rules);
    let authorizer = Authorizer::of_rules(rules).unwrap();
    assert_eq!(authorizer.log_end(), end);
    assert_eq!(authorizer.binding(), Some(&rules.rules().binding));
}

/// A person reads plain text.
fn plain(rules: &VerifiedRules) {
    let told = rules.to_string();
    let plain = |c: char| !(c.is_control() && c != '\n' && c != '\t') && !is_invisible(c);
    assert!(told.chars().all(plain), "{told:?}");
    let once = |label: &str| told.lines().filter(|line| line.starts_with(label)).count();
    assert_eq!((once("Rules "), once("In force "), once("Created "), once("Checked ")), (1, 1, 1, 1), "{told}");
}

/// Reads the bytes as edits: the first byte is a seed, then eight bytes for each edit. Seeds from 128 on are logs that the
/// trusted key signed after the edits.
pub fn edited(bytes: &[u8]) {
    let Some((seed, rows)) = bytes.split_first() else { return };
    let edits: Vec<Edit> = rows.chunks(WIDTH).filter_map(Edit::of).take(EDITS).collect();
    let mut rules = WORLD.rules[usize::from(seed % 128) % WORLD.rules.len()].clone();
    if *seed >= 128 {
        return forged(rules, &edits);
    }
    let json: Vec<_> = edits.iter().filter(|edit| !part(&mut rules, edit)).collect();
    let mut file = serde_json::to_value(&rules).unwrap();
    for edit in json {
        value(&mut file, edit);
    }
    let is_shown = judge(&file.to_string());
    assert!(!edits.is_empty() || is_shown, "valid rules are refused");
}

/// Edits a part of the rules. False for an edit of the JSON.
fn part(rules: &mut SignedRules, edit: &Edit) -> bool {
    let Edit { op, which, place, value } = *edit;
    let other = &WORLD.rules[which % WORLD.rules.len()];
    let entries = &mut rules.entries;
    match op % 16 {
        0 if !entries.is_empty() => drop(entries.remove(place % entries.len())),
        1 if !entries.is_empty() => entries.push(entries[place % entries.len()].clone()),
        2 => {
            let bytes = at(entries, which).map(|entry| &mut entry.bytes);
            if let Some(byte) = bytes.and_then(|bytes| at(bytes, place)) {
                *byte ^= value.to_le_bytes()[0].max(1);
            }
        }
        3 => entries.extend(other.entries.get(place % other.entries.len()).cloned()),
        4 => *entries = other.entries.clone(),
        5 => *entries = WORLD.proven.clone(),
        6 => rules.rules = other.rules.clone(),
        7 => rules.guardrail = other.guardrail.clone(),
        8 => rules.guardrail = Some(other.rules.clone()),
        9 => rules.guardrail = None,
        10 => (rules.checkpoint, rules.seal) = (other.checkpoint.clone(), other.seal.clone()),
        11 => rules.target = other.target.clone(),
        12 => rules.attestations = other.attestations.clone(),
        13 => {
            if let Some(entry) = at(entries, which) {
                lengthen(&mut entry.hashes, value & 1 == 0);
            }
        }
        _ => return false,
    }
    true
}

/// A log that the trusted key signed, with any entries in it: refused, or shown as its entries say.
fn forged(mut rules: SignedRules, edits: &[Edit]) {
    let mut log: Vec<record::Entry> =
        WORLD.proven.iter().map(|entry| record::Entry::decode(&entry.bytes).unwrap().0).collect();
    for edit in edits {
        entry(&mut log, edit, &mut [None; 4]);
    }
    let bytes: Vec<Vec<u8>> = log.iter().filter_map(|entry| Some(entry.encode().ok()?.0)).collect();
    let tree = Levels::new(bytes.iter().map(|bytes| outside::leaf(bytes)).collect());
    let checkpoint = Checkpoint { log_id: WORLD.checkpoint.log_id, size: bytes.len() as u64, root: tree.root() };
    rules.checkpoint = SignedCheckpoint::sign(&checkpoint, NAME, &signer()).unwrap().to_string();
    rules.seal = None;
    let proven = |(index, bytes): (u64, &Vec<u8>)| -> Option<ProvenEntry> {
        let InclusionProof { hashes, .. } = tree.proof(index)?;
        Some(ProvenEntry { bytes: bytes.clone(), hashes })
    };
    rules.entries = (0..).zip(&bytes).filter_map(proven).collect();
    match rules.verify(&TRUST[0]) {
        Ok(verified) => {
            plain(&verified);
            let read: Vec<_> = bytes.iter().map(|bytes| Entry::decode(bytes).unwrap()).collect();
            let RulesInForce { binding, binding_entry, version, .. } = verified.rules();
            let entry = read.iter().find(|entry| entry.hash == *binding_entry).unwrap();
            assert_eq!((&binding.by, binding.position), (&entry.created_by, entry.position));
            let is_bound = |change: &Change| matches!(change, Change::Bound { to, .. } if to.policy_set_version_id == version.policy_set_version_id);
            assert!(is_bound(&entry.change));
            // Texts of another version's policies may not fit the schema. They are compiled or refused.
            let _ = Authorizer::of_rules(&verified);
        }
        Err(error) => refused(&error),
    }
}
