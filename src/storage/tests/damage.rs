//! Damage to the bytes of a closed file. Defends against: wrong, missing or outdated data without an error; a panic.
//!
//! Reproduced by flipping single bits and by truncating the file. By default, a few hundred bytes are tried;
//! `POLICY_STORE_SWEEP` multiplies their number.

use super::disk::*;
use crate::storage::verify::Kept;
use crate::types::progress::Watch;
use crate::*;

/// Opens a damaged image. Returns `None` if that detects the damage.
pub(super) fn open_damaged(image: Vec<u8>, checked: bool) -> Result<Option<PolicyStore>, String> {
    match builder().record_cache_bytes(0).check_integrity(checked).open_at(Disk::new(image).location()) {
        Ok(store) => Ok(Some(store)),
        Err(error) if is_damage(&error) => Ok(None),
        Err(error) => Err(format!("opening: {error:?}")),
    }
}

/// Opens a damaged image and compares every read with the expected result. Returns `true` if the damage was detected.
pub(super) fn judge(image: Vec<u8>, checked: bool, expected: &[(String, String)]) -> Result<bool, String> {
    let Some(store) = open_damaged(image, checked)? else { return Ok(true) };
    let mut noticed = false;
    for ((name, read), (_, right)) in read_all(&store).into_iter().zip(expected) {
        match read {
            Ok(read) if read == *right => {}
            Ok(read) => return Err(format!("{name}: {read}")),
            Err(error) if is_damage(&error) => noticed = true,
            Err(error) => return Err(format!("{name}: {error:?}")),
        }
    }
    Ok(noticed)
}

/// The bytes to damage: the header, and a sample of the other non-zero bytes.
fn places(image: &[u8], budget: u64) -> Vec<usize> {
    let used: Vec<usize> = (320..image.len()).filter(|place| image[*place] != 0).collect();
    let stride = (used.len() as u64 / (budget * sweep())).max(1);
    let stride = usize::try_from(stride).unwrap();
    (0..320).filter(|place| image[*place] != 0 || *place < 16).chain(used.into_iter().step_by(stride)).collect()
}

fn flips(checked: bool, budget: u64) {
    let (image, expected) = closed();
    let mut numbers = Numbers(1);
    let mut wrong = Vec::new();
    let mut noticed = 0;
    let places = places(&image, budget);
    for place in &places {
        let bit = if *place == 9 { 0 } else { numbers.next() % 8 };
        let mut image = image.clone();
        image[*place] ^= 1 << bit;
        match judge(image, checked, &expected) {
            Ok(seen) => noticed += usize::from(seen),
            Err(problem) => {
                wrong.push(format!("byte {place}, bit {bit}: {}", problem.chars().take(300).collect::<String>()))
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {} flips ({noticed} noticed):\n{}", wrong.len(), places.len(), wrong.join("\n"));
    assert!(noticed > 0);
}

#[test]
fn a_flipped_bit_is_noticed_by_the_check_at_open() {
    flips(true, 120);
}

#[test]
fn without_the_check_at_open_no_read_is_wrong() {
    flips(false, 200);
}

#[test]
fn a_cut_file_is_refused_or_read_right() {
    let (image, expected) = closed();
    let steps = usize::try_from(24 * sweep()).unwrap();
    for checked in [true, false] {
        for step in 0..steps {
            let length = image.len() * step / steps;
            // In memory, an empty image is a new store. `open` tests empty files.
            if length == 0 {
                continue;
            }
            let judged = judge(image[..length].to_vec(), checked, &expected);
            assert_eq!(judged, Ok(true), "cut to {length} bytes");
        }
    }
}

/// After a crash, redb chooses between the last two commits. A damaged header must not make it choose the older one.
/// One bit can, because no checksum covers it: the lowest bit of byte 9, which selects the last commit. The file is
/// then the same as after a crash between the two phases of that commit.
#[test]
fn a_flipped_bit_in_the_header_of_an_unclean_file_brings_no_older_state() {
    let (_, expected) = closed();
    // The storage engine itself demands two phases if several processes can have the file.
    for mode in [Concurrency::Exclusive, Concurrency::SingleWriter] {
        let disk = Disk::default();
        let store = builder().record_cache_bytes(0).concurrency(mode).open_at(disk.location()).unwrap();
        fill(&store);
        let image = disk.image();
        assert_eq!(judge(image.clone(), true, &expected), Ok(false));
        for flip in (1..8).map(|bit| (9, bit)).chain((0..320).map(|place| (place, place % 8))) {
            let mut image = image.clone();
            image[flip.0] ^= 1 << flip.1;
            judge(image, true, &expected).unwrap_or_else(|problem| panic!("{mode}: {flip:?}: {problem}"));
        }
    }
}

/// A store with inner pages in its tables, and its zones.
pub(super) fn large() -> (Vec<u8>, Vec<String>) {
    let disk = Disk::default();
    let store = open(&disk).unwrap();
    fill(&store);
    let more: Vec<String> = (0..24).map(|number| format!("z{number}")).collect();
    for id in &more {
        let write = |w: &mut WriteTransaction<'_, '_>| {
            let mut zone = w.create_zone(id)?;
            zone.create_policy_set(NewPolicySet::named("set").id("set"))?;
            let version = zone.create_policy_set_version("set", NewPolicySetVersion::new("s1").id("set.1"))?;
            zone.activate(&version.id)
        };
        store.write(&actor(), write).unwrap();
    }
    drop(store);
    (disk.image(), more)
}

/// The non-zero bytes of all file pages of a kind that `verify` reads: 1 is a leaf, 2 an inner page, of which only the
/// start is used.
fn bytes_of_pages(image: &[u8], kind: u8) -> Vec<usize> {
    let disk = Disk::new(image.to_vec());
    let store = builder().record_cache_bytes(0).page_cache_bytes(0).check_integrity(false).open_at(disk.location());
    let store = store.unwrap();
    assert!(store.verify().unwrap().is_clean());
    let read: Vec<_> = disk.touched().into_iter().map(|place| usize::try_from(place).unwrap()).collect();
    let pages = read.into_iter().filter(|page| *page > 0 && page % 4096 == 0 && image[*page] == kind);
    let length = if kind == 2 { 300 } else { 4096 };
    pages
        .flat_map(|page| page..page + length)
        .filter(|place| image.get(*place).is_some_and(|byte| *byte != 0))
        .collect()
}

/// Damage in an inner page misdirects lookups but not scans, so the test does both. A later write must not make damage
/// permanent that `verify` has found.
#[test]
fn a_check_that_finds_nothing_means_that_every_answer_is_right() {
    let (image, zones) = large();
    let answers = |store: &PolicyStore| {
        let mut all = read_all(store);
        for id in &zones {
            let zone = || store.zone(id);
            all.push((
                format!("{id} in force"),
                zone().and_then(|zone| Ok(format!("{:?}", zone.in_force(Target::Zone)?))),
            ));
            all.push((format!("{id} set"), zone().and_then(|zone| Ok(format!("{:?}", zone.policy_set("set")?)))));
        }
        all
    };
    let expected = answers(&open(&Disk::new(image.clone())).unwrap());
    let mut numbers = Numbers(3);
    let (mut clean, mut found) = (0, 0);
    for (kind, budget) in [(2, 80), (1, 30)] {
        let places = bytes_of_pages(&image, kind);
        let stride = usize::try_from((places.len() as u64 / (budget * sweep())).max(1)).unwrap();
        for place in places.into_iter().step_by(stride) {
            let bit = numbers.next() % 8;
            let mut image = image.clone();
            image[place] ^= 1 << bit;
            let damaged = image.clone();
            let disk = Disk::new(image);
            let store = builder().record_cache_bytes(0).check_integrity(false).open_at(disk.location());
            let Ok(store) = store else { continue };
            let on_threads = [1, 3].map(|threads| {
                let store = builder().record_cache_bytes(0).check_integrity(false);
                let store = store.open_at(Disk::new(damaged.clone()).location()).unwrap();
                format!("{:?}", store.engine.storage.verify_with(Watch::NONE, Kept::new(), true, threads))
            });
            assert_eq!(on_threads[0], on_threads[1], "byte {place}, bit {bit}: the same on one thread and on three");
            match store.verify() {
                Ok(report) if report.is_clean() => {
                    clean += 1;
                    for ((name, read), (_, right)) in answers(&store).iter().zip(&expected) {
                        let same = read.as_ref().ok() == right.as_ref().ok();
                        assert!(same, "byte {place}, bit {bit}: {name}: {read:?}");
                    }
                }
                Ok(_) => {
                    found += 1;
                    let written = store.write(&actor(), |w| w.create_zone("new").map(drop));
                    assert_eq!(written.unwrap_err().code(), "writes_stopped", "byte {place}, bit {bit}");
                }
                Err(error) => {
                    found += 1;
                    assert!(is_damage(&error), "byte {place}, bit {bit}: {error:?}");
                }
            }
        }
    }
    assert!(found > 8 && clean > 0, "{found} found, {clean} clean");
}
