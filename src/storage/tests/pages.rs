//! Damage to whole pages of a closed file. Defends against: rows that are hidden, changed or brought back without an
//! error.
//!
//! Reproduced by zeroing each page, by swapping pairs of pages, and by putting pages back from an older copy of the file.
//! By default a sample is tried; `POLICY_STORE_SWEEP` multiplies it.

use std::collections::BTreeSet;

use super::damage::{large, open_damaged};
use super::disk::*;
use crate::types::error::Result;
use crate::*;

/// The size of a page, and of the header.
const PAGE: usize = 4_096;
/// The number of policies, and of versions of one policy set, in zone `b`.
const POLICIES: usize = 120;
const VERSIONS: usize = 60;

/// The reads of a store, with their names.
type Reads = Vec<(String, Result<String>)>;

/// A closed file whose tables have inner pages, an older copy of it, and every read of it.
struct Wide {
    image: Vec<u8>,
    older: Vec<u8>,
    expected: Reads,
}

impl Wide {
    fn new() -> Self {
        let older = large().0;
        let disk = Disk::new(older.clone());
        let store = open(&disk).unwrap();
        store.write(&actor(), write_many).unwrap();
        let expected = answers(&store);
        assert!(expected.iter().all(|(_, read)| read.is_ok()));
        drop(store);
        Self { image: disk.image(), older, expected }
    }

    /// The places of all pages that are not empty, without the header.
    fn pages(&self) -> Vec<usize> {
        let is_used = |place: &usize| page(&self.image, *place).iter().any(|byte| *byte != 0);
        (PAGE..self.image.len()).step_by(PAGE).filter(is_used).collect()
    }

    /// The pages that the store reads. The others have bytes of an older state.
    fn pages_in_use(&self) -> Vec<usize> {
        let disk = Disk::new(self.image.clone());
        let builder = builder().record_cache_bytes(0).page_cache_bytes(0).check_integrity(false);
        assert!(builder.open_at(disk.location()).unwrap().verify().unwrap().is_clean());
        let read = disk.touched();
        self.pages().into_iter().filter(|place| read.contains(&(*place as u64))).collect()
    }

    fn swapped(&self, one: usize, other: usize) -> Vec<u8> {
        let mut image = self.image.clone();
        image[one..one + PAGE].copy_from_slice(page(&self.image, other));
        image[other..other + PAGE].copy_from_slice(page(&self.image, one));
        image
    }

    /// Opens an image, and compares every read whose name passes. Returns whether damage was noticed.
    fn judge(&self, image: Vec<u8>, checked: bool, is_compared: &dyn Fn(&str) -> bool) -> Result<bool, String> {
        let Some(store) = open_damaged(image, checked)? else { return Ok(true) };
        let mut noticed = false;
        let mut wrong = Vec::new();
        for ((name, found), (_, right)) in answers(&store).into_iter().zip(&self.expected) {
            match found {
                Err(error) if is_damage(&error) => noticed = true,
                found if found.as_ref().ok() == right.as_ref().ok() || !is_compared(&name) => {}
                found => wrong
                    .push(format!("{name}: {}", found.map_or_else(|error| error.to_string(), |_| "another".into()))),
            }
        }
        if wrong.is_empty() {
            Ok(noticed)
        } else {
            Err(format!("{} reads: {}", wrong.len(), wrong[..wrong.len().min(4)].join("; ")))
        }
    }
}

fn page(image: &[u8], place: usize) -> &[u8] {
    &image[place..(place + PAGE).min(image.len())]
}

fn write_many(w: &mut WriteTransaction<'_, '_>) -> Result<()> {
    let mut zone = w.zone("b")?;
    (0..POLICIES).try_for_each(|n| zone.create_policy(NewPolicy::named("p").id(format!("many{n}"))).map(drop))?;
    zone.create_policy_set(NewPolicySet::named("own").id("own").target_type(TargetType::User))?;
    for number in 0..VERSIONS {
        let new = NewPolicySetVersion::new("s1").id(format!("own.{number}"));
        zone.create_policy_set_version("own", new)?;
    }
    zone.bind("own.0", Target::User("ann".into())).map(drop)
}

/// Reads of the store, by id and in lists.
fn answers(store: &PolicyStore) -> Reads {
    let mut all = read_all(store);
    let mut note = |name: String, read: Result<String>| all.push((name, read));
    for number in 0..24 {
        let zone = || store.zone(format!("z{number}"));
        note(format!("z{number} in force"), zone().and_then(|zone| Ok(format!("{:?}", zone.in_force(Target::Zone)?))));
        note(format!("z{number} set"), zone().and_then(|zone| Ok(format!("{:?}", zone.policy_set("set")?))));
        note(format!("z{number} guardrail"), zone().and_then(|zone| Ok(format!("{:?}", zone.guardrail()?))));
    }
    let zone = || store.zone("b");
    for number in (0..POLICIES).step_by(7) {
        let id = format!("many{number}");
        note(id.clone(), zone().and_then(|zone| Ok(format!("{:?}", zone.policy(&id)?))));
    }
    for number in (0..VERSIONS).step_by(7) {
        let id = format!("own.{number}");
        note(id.clone(), zone().and_then(|zone| Ok(format!("{:?}", zone.policy_set_version(&id)?))));
    }
    let ann = || Target::User("ann".into());
    note("ann in force".into(), zone().and_then(|zone| Ok(format!("{:?}", zone.in_force(ann())?))));
    for order in [Order::Ascending, Order::Descending] {
        let list = PageRequest::new().order(order).limit(100);
        let policies = zone().and_then(|zone| Ok(format!("{:?}", zone.policies(&PolicyFilter::new(), &list)?)));
        let versions = zone().and_then(|zone| Ok(format!("{:?}", zone.policy_set_versions("own", &list)?)));
        let history = zone().and_then(|zone| Ok(format!("{:?}", zone.history(&HistoryFilter::new(), &list)?)));
        let bindings = zone().and_then(|zone| Ok(format!("{:?}", zone.bindings(&BindingFilter::new(), &list)?)));
        for (name, read) in
            [("policies", policies), ("versions", versions), ("history", history), ("bindings", bindings)]
        {
            note(format!("{name} {order:?}"), read);
        }
    }
    all
}

/// About `budget` of the cases, evenly.
fn sample<T>(cases: Vec<T>, budget: usize) -> impl Iterator<Item = T> {
    let stride = (cases.len() / (budget * usize::try_from(sweep()).unwrap())).max(1);
    cases.into_iter().step_by(stride)
}

fn pairs(pages: &[usize]) -> Vec<(usize, usize)> {
    let from =
        |(number, one): (usize, &usize)| pages[number + 1..].iter().map(|other| (*one, *other)).collect::<Vec<_>>();
    pages.iter().enumerate().flat_map(from).collect()
}

/// Judges the images of all cases. The damage of most must be noticed.
fn judge_all<T: std::fmt::Debug>(wide: &Wide, cases: Vec<(T, Vec<u8>)>, checked: bool) {
    judge_reads(wide, cases, checked, &|_| true);
}

fn judge_reads<T: std::fmt::Debug>(
    wide: &Wide,
    cases: Vec<(T, Vec<u8>)>,
    checked: bool,
    is_compared: &dyn Fn(&str) -> bool,
) {
    let (tried, mut noticed, mut wrong) = (cases.len(), 0, Vec::new());
    for (name, image) in cases {
        match wide.judge(image, checked, is_compared) {
            Ok(seen) => noticed += usize::from(seen),
            Err(problem) => wrong.push(format!("{name:?}: {problem}")),
        }
    }
    println!("{tried} cases, checked at opening: {checked}; damage noticed in {noticed}");
    assert!(wrong.is_empty(), "{} of {tried}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(noticed * 2 > tried, "noticed in {noticed} of {tried}");
}

#[test]
fn a_zeroed_page_changes_no_answer_without_an_error() {
    let wide = Wide::new();
    let zeroed = |place: usize| {
        let mut image = wide.image.clone();
        image[place..place + PAGE].fill(0);
        (place, image)
    };
    for checked in [true, false] {
        let cases = sample(wide.pages_in_use(), 12).map(zeroed).collect();
        judge_all(&wide, cases, checked);
    }
}

/// Without the check at opening, the row at each end of a gap must be where a look-up expects it.
#[test]
fn two_pages_in_use_that_have_changed_places_change_no_answer_without_an_error() {
    let wide = Wide::new();
    // The root of a table is an inner page. In its place, another page hides all rows but its own.
    let is_inner = |place: &usize| wide.image[*place] == 2;
    let (inner, leaves): (Vec<_>, Vec<_>) =
        pairs(&wide.pages_in_use()).into_iter().partition(|(one, other)| is_inner(one) || is_inner(other));
    assert!(inner.len() > 20, "{}", inner.len());
    for (checked, inner_budget, budget) in [(true, 10, 10), (false, 120, 30)] {
        let cases = sample(inner.clone(), inner_budget).chain(sample(leaves.clone(), budget));
        let cases = cases.map(|(one, other)| ((one, other), wide.swapped(one, other))).collect();
        judge_all(&wide, cases, checked);
    }
}

/// A page that is not in use has rows of an older state. Only the check at opening notices each of them.
#[test]
fn a_page_of_an_older_state_in_the_place_of_any_other_changes_no_decision_without_an_error() {
    let wide = Wide::new();
    let in_use: BTreeSet<_> = wide.pages_in_use().into_iter().collect();
    let is_mixed = |(one, other): &(usize, usize)| in_use.contains(one) != in_use.contains(other);
    let pairs: Vec<_> = pairs(&wide.pages()).into_iter().filter(is_mixed).collect();
    let cases = |budget| {
        let cases = sample(pairs.clone(), budget);
        cases.map(|(one, other)| ((one, other), wide.swapped(one, other))).collect()
    };
    judge_all(&wide, cases(60), true);
    let decides = |name: &str| ["in force", "decision", "guardrail", "info"].iter().any(|read| name.ends_with(read));
    judge_reads(&wide, cases(40), false, &decides);
}

#[test]
fn a_page_of_an_older_copy_is_noticed_by_the_check_at_opening() {
    let wide = Wide::new();
    let has_changed =
        |place: &usize| wide.older.len() >= place + PAGE && page(&wide.older, *place) != page(&wide.image, *place);
    let older = |place: usize| {
        let mut image = wide.image.clone();
        image[place..place + PAGE].copy_from_slice(page(&wide.older, place));
        (place, image)
    };
    let cases: Vec<_> = sample(wide.pages_in_use().into_iter().filter(has_changed).collect(), 20).map(older).collect();
    assert!(cases.len() > 5, "{}", cases.len());
    judge_all(&wide, cases, true);
}
