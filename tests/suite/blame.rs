//! Blame: the version that brought each statement, and the binding since which it is in force.

use policy_store::ErrorKind::{Invalid, NotBound, NotFound};
use policy_store::cedar_policy::Effect;
use policy_store::{
    At, Blame, Layer, NewPolicy, NewPolicySet, NewPolicyVersion, PolicySetVersion, PolicyVersion, Rationale, Target,
    TargetType,
};
use proptest::collection::vec;
use proptest::prelude::*;

use super::support::{FORBID, PERMIT, V1, World, customer, pinning, platform, refused};

const ZONE: Target = Target::Zone;

/// Each statement as its policy, the number of its version, and the version of its binding.
fn told(blamed: &[Blame]) -> Vec<(&str, u32, Option<u64>)> {
    let told = |blame: &Blame| blame.in_force_since.as_ref().map(|binding| binding.position);
    blamed.iter().map(|blame| (&*blame.policy_name, blame.since_version.version, told(blame))).collect()
}

/// Binds a version for the zone, and returns the position of the binding.
fn bind(world: &World, version: &PolicySetVersion) -> u64 {
    world.write(|zone| zone.activate(&version.id)).unwrap().binding.position
}

#[test]
fn a_statement_is_as_old_as_the_versions_that_have_it_without_a_gap() {
    let world = World::new();
    let mfa = "@id(\"mfa\") permit(principal, action, resource) when { context has mfa };";
    let one = world.version("p", PERMIT);
    let two = world.version("p", &format!("{mfa}\n{PERMIT}"));
    // Gone, and back.
    let three = world.version("p", mfa);
    // Another layout, another order, a comment.
    let moved = format!("// all\npermit(principal,\n action, resource);\n{}", mfa.replace(") permit", ")\npermit"));
    let four = world.version("p", &moved);
    let at = [&one, &two, &three, &four].map(|version| bind(&world, &world.set_version("s", &[version])));
    let blamed = world.zone().blame(ZONE).unwrap();
    assert_eq!(told(&blamed), [("p", 4, Some(at[3])), ("p", 2, Some(at[1]))]);
    let [permit, with_mfa] = &blamed[..] else { panic!("{blamed:?}") };
    assert_eq!(permit.statement.text, "permit(principal,\n action, resource);");
    assert_eq!((permit.statement.effect, permit.statement.id()), (Effect::Permit, None));
    assert_eq!((with_mfa.statement.id(), with_mfa.statement.reference.statement), (Some("mfa"), 1));
    assert_eq!(with_mfa.statement.reference.policy_version_id, four.id);
    assert_eq!(with_mfa.since_version.policy_version_id, two.id);
    assert_eq!(
        (with_mfa.since_version.created_at, &with_mfa.since_version.created_by),
        (two.created_at, &two.created_by)
    );
    assert_eq!(with_mfa.in_force_since, Some(world.zone().in_force_at(ZONE, At::Position(at[1])).unwrap()));
    // Then, of the version before.
    let then = world.zone().as_of(At::Position(at[1])).unwrap().blame(ZONE).unwrap();
    assert_eq!(told(&then), [("p", 2, Some(at[1])), ("p", 1, Some(at[0]))]);
    let held = world.zone().snapshot().unwrap();
    world.live("s", &[]);
    assert_eq!(held.blame(ZONE).unwrap(), blamed);
    assert_eq!(world.zone().blame(ZONE).unwrap(), []);
}

#[test]
fn a_statement_that_is_there_twice_is_as_old_as_the_versions_that_have_it_twice() {
    let world = World::new();
    let texts = [
        PERMIT.to_owned(),
        PERMIT.repeat(2),
        format!("{PERMIT}{FORBID}{PERMIT}"),
        format!("{PERMIT}{PERMIT}{PERMIT}{FORBID}"),
    ];
    let versions = texts.map(|text| world.version("p", &text));
    let live = world.set_version("s", &[&versions[3]]);
    let versions = |blamed: Vec<Blame>| blamed.iter().map(|blame| blame.since_version.version).collect::<Vec<_>>();
    assert_eq!(versions(world.zone().blame_of(&live.id).unwrap()), [1, 2, 4, 3]);
}

/// The text of one policy has other statements of the pinned version of another.
#[test]
fn policies_that_had_one_text_are_told_apart() {
    let world = World::new();
    for id in ["p", "q"] {
        world.version(id, PERMIT);
    }
    let pins = [world.version("p", &format!("{PERMIT}{FORBID}")), world.version("q", &format!("{FORBID}{PERMIT}"))];
    world.live("s", &pins.each_ref());
    let blamed = world.zone().blame(ZONE).unwrap();
    let versions: Vec<_> = blamed.iter().map(|blame| blame.since_version.version).collect();
    assert_eq!(versions, [1, 2, 2, 1]);
}

#[test]
fn who_and_why_are_those_of_the_version_and_of_the_binding() {
    let world = World::new();
    let why = |reason: &str| Rationale::new().with_reason(reason).unwrap();
    let version = world.store.write(&customer("ann"), |w| {
        w.rationale(why("audit"))?;
        let mut zone = w.zone("acme")?;
        zone.create_policy(NewPolicy::named("staff").id("p"))?;
        zone.create_policy_version("p", NewPolicyVersion::cedar(V1, PERMIT))
    });
    let set = world.set_version("s", &[&version.unwrap()]);
    world
        .store
        .write(&customer("bea"), |w| {
            w.rationale(why("go live"))?;
            w.zone("acme")?.activate(&set.id).map(drop)
        })
        .unwrap();
    let blamed = world.zone().blame(ZONE).unwrap().remove(0);
    let (since, binding) = (blamed.since_version, blamed.in_force_since.unwrap());
    assert_eq!(
        (since.created_by, since.rationale.as_ref().and_then(Rationale::reason)),
        (customer("ann"), Some("audit"))
    );
    assert_eq!(
        (binding.by, binding.rationale.as_ref().and_then(Rationale::reason)),
        (customer("bea"), Some("go live"))
    );
    assert_eq!(blamed.policy_name, "staff");
}

#[test]
fn in_force_goes_back_over_other_sets_and_ends_at_an_unbinding() {
    let world = World::new();
    let version = world.version("p", PERMIT);
    let other = world.version("q", FORBID);
    let (one, two) = (world.set_version("s", &[&version]), world.set_version("t", &[&version, &other]));
    bind(&world, &one);
    world.write(|zone| zone.unbind(ZONE)).unwrap();
    let first = bind(&world, &one);
    let second = bind(&world, &two);
    let blame = || world.zone().blame(ZONE).unwrap();
    assert_eq!(told(&blame()), [("p", 1, Some(first)), ("q", 1, Some(second))]);
    // Observation is not force.
    world.write(|zone| zone.bind_shadow(&one.id, ZONE)).unwrap();
    assert_eq!(told(&blame()), [("p", 1, Some(first)), ("q", 1, Some(second))]);
    // Without the policy in between, it is in force anew.
    bind(&world, &world.set_version("empty", &[]));
    let third = bind(&world, &two);
    assert_eq!(told(&blame()), [("p", 1, Some(third)), ("q", 1, Some(third))]);
    world.write(|zone| zone.unbind(ZONE)).unwrap();
    refused(world.zone().blame(ZONE), (NotBound, "not_bound"), "acme");
    refused(world.zone().blame(Target::user("ann")), (NotBound, "not_bound"), "ann");
}

/// Force is a matter of the version that is pinned: an older one may be bound after a newer one.
#[test]
fn a_statement_that_a_rollback_took_away_is_in_force_anew() {
    let world = World::new();
    let old = world.version("p", FORBID);
    let new = world.version("p", &format!("{FORBID}{PERMIT}"));
    let (one, two) = (world.set_version("s", &[&old]), world.set_version("s", &[&new]));
    let first = bind(&world, &one);
    bind(&world, &two);
    world.write(|zone| zone.rollback(ZONE)).unwrap();
    let last = bind(&world, &two);
    assert_eq!(told(&world.zone().blame(ZONE).unwrap()), [("p", 1, Some(first)), ("p", 2, Some(last))]);
    // Of the older version, which only the newer one followed.
    bind(&world, &one);
    assert_eq!(told(&world.zone().blame(ZONE).unwrap()), [("p", 1, Some(first))]);
}

#[test]
fn a_version_can_be_blamed_whether_or_not_it_is_in_force() {
    let world = World::new();
    let version = world.version("p", PERMIT);
    let (one, two) = (world.set_version("s", &[&version]), world.set_version("s", &[&version]));
    let blame = |id: &str| world.zone().blame_of(id);
    assert_eq!(told(&blame(one.id.as_str()).unwrap()), [("p", 1, None)]);
    let first = bind(&world, &one);
    bind(&world, &two);
    assert_eq!(told(&blame(two.id.as_str()).unwrap()), [("p", 1, Some(first))]);
    assert_eq!(told(&blame(one.id.as_str()).unwrap()), [("p", 1, None)], "no longer in force");
    refused(blame("nope"), (NotFound, "not_found"), "nope");
    let own = world.write(|zone| {
        zone.create_policy_set(NewPolicySet::named("u").id("u").target_type(TargetType::User))?;
        let own = zone.create_policy_set_version("u", pinning(&[&version]))?;
        let at = zone.bind(&own.id, Target::user("ann"))?.binding.position;
        // A write reads what it has done.
        assert_eq!(told(&zone.blame(Target::user("ann"))?), [("p", 1, Some(at))]);
        Ok((own, at))
    });
    let (own, at) = own.unwrap();
    assert_eq!(told(&blame(own.id.as_str()).unwrap()), [("p", 1, Some(at))]);
    assert_eq!(told(&world.zone().blame(Target::user("ann")).unwrap()), [("p", 1, Some(at))]);
    // Archived versions are blamed as others are.
    world.write(|zone| zone.archive_policy_set_version(&one.id)).unwrap();
    assert_eq!(told(&blame(one.id.as_str()).unwrap()), [("p", 1, None)]);
}

#[test]
fn the_guardrail_has_statements_of_its_own_layer() {
    let world = World::new();
    assert_eq!(world.zone().blame_guardrail().unwrap(), []);
    let version = world.version("guard", FORBID);
    let (one, two) = (world.set_version("g", &[&version]), world.set_version("g", &[&version]));
    let live = bind(&world, &one);
    let guard = |id: &PolicySetVersion| {
        world.write_as(&platform(), |zone| zone.bind_guardrail(&id.id)).unwrap().binding.position
    };
    let first = guard(&two);
    let blamed = world.zone().blame_guardrail().unwrap();
    assert_eq!(told(&blamed), [("guard", 1, Some(first))]);
    assert_eq!((blamed[0].statement.reference.layer, blamed[0].statement.effect), (Layer::Guardrail, Effect::Forbid));
    assert_eq!(world.zone().blame_of(&two.id).unwrap(), blamed);
    let active = world.zone().blame(ZONE).unwrap();
    assert_eq!((told(&active), active[0].statement.reference.layer), (vec![("guard", 1, Some(live))], Layer::Target));
    // As both, the version in force counts.
    guard(&one);
    assert_eq!(told(&world.zone().blame_guardrail().unwrap()), [("guard", 1, Some(first))]);
    assert_eq!(world.zone().blame_of(&one.id).unwrap(), active);
}

#[test]
fn a_blame_is_json() {
    let world = World::new();
    let first = bind(
        &world,
        &world.set_version("s", &[&world.version("p", "@id(\"all\") permit(principal, action, resource);")]),
    );
    let printed = serde_json::to_value(world.zone().blame(ZONE).unwrap()).unwrap();
    let blame = &printed[0];
    assert_eq!(
        (&blame["statement"]["effect"], &blame["statement"]["annotations"]["id"]),
        (&"permit".into(), &"all".into())
    );
    assert_eq!((&blame["since_version"]["version"], &blame["in_force_since"]["position"]), (&1.into(), &first.into()));
    assert_eq!(blame["since_version"]["created_by"]["id"], "alice");
}

#[test]
fn the_binding_that_a_rollback_would_repeat_is_told_before() {
    let world = World::new();
    let nothing = (NotBound, "no_earlier_binding");
    let before = || world.zone().previous_binding(ZONE);
    refused(before(), nothing, "acme");
    let one = world.live("s", &[]);
    let first = world.zone().in_force(ZONE).unwrap();
    refused(before(), nothing, "acme");
    world.live("s", &[]);
    let second = world.zone().in_force(ZONE).unwrap();
    assert_eq!(before().unwrap(), first);
    assert_eq!(world.write(|zone| zone.rollback(ZONE)).unwrap().binding.policy_set_version_id, one.id);
    assert_eq!(before().unwrap(), second);
    // The version in force is never the one before, however often it was bound.
    world.write(|zone| zone.unbind(ZONE)).unwrap();
    world.write(|zone| zone.activate(&one.id)).unwrap();
    assert_eq!(before().unwrap(), second);
    // If nothing is in force, the last binding.
    let last = world.zone().in_force(ZONE).unwrap();
    world.write(|zone| zone.unbind(ZONE)).unwrap();
    assert_eq!(before().unwrap(), last);
    let then = world.zone().as_of(At::Position(second.position)).unwrap();
    assert_eq!(then.previous_binding(ZONE).unwrap(), first);
    refused(world.zone().previous_binding(Target::user("")), (Invalid, "invalid_input"), "target id");
}

/// A change of the property: of a policy's text, by the numbers of its statements, or of the binding.
#[derive(Clone, Debug)]
enum Step {
    Version(usize, Vec<usize>),
    /// Binds a new set version with a version of each policy, as far as there is one: the newest but this many.
    Bind([Option<usize>; 2]),
    /// Binds an earlier set version.
    Again(usize),
    Unbind,
}

fn step() -> impl Strategy<Value = Step> {
    let back = || prop::option::weighted(0.8, 0..3_usize);
    prop_oneof![
        4 => (0..2_usize, vec(0..4_usize, 1..5)).prop_map(|(policy, text)| Step::Version(policy, text)),
        3 => [back(), back()].prop_map(Step::Bind),
        2 => (0..9_usize).prop_map(Step::Again),
        1 => Just(Step::Unbind),
    ]
}

const STATEMENTS: [&str; 4] = [
    "permit(principal, action, resource);",
    "forbid(principal, action, resource);",
    "@id(\"a\") permit(principal, action, resource);",
    "permit(principal, action, resource) when { context has mfa };",
];

/// Whether a text has statement `index` of `of` as the same among its equals.
fn has(text: &[usize], of: &[usize], index: usize) -> bool {
    let rank = of[..index].iter().filter(|other| **other == of[index]).count();
    text.iter().filter(|other| **other == of[index]).count() > rank
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Of any sequence of versions and bindings: the versions and bindings that a plain walk over all of them gives.
    #[test]
    fn blame_is_that_of_a_plain_walk(steps in vec(step(), 1..24)) {
        let world = World::new();
        let mut texts: [Vec<(Vec<usize>, PolicyVersion)>; 2] = Default::default();
        // The set versions with the version of each policy, and the bindings since the last unbinding.
        let (mut sets, mut bindings) = (Vec::<(PolicySetVersion, [Option<usize>; 2])>::new(), Vec::<(u64, usize)>::new());
        for step in steps {
            match step {
                Step::Version(policy, text) => {
                    let source: Vec<_> = text.iter().map(|n| STATEMENTS[*n]).collect();
                    let version = world.version(["p", "q"][policy], &source.join("\n"));
                    texts[policy].push((text, version));
                }
                Step::Bind(back) => {
                    let chosen = [0, 1].map(|n: usize| texts[n].len().checked_sub(1 + back[n]?));
                    let pins: Vec<_> = (0..2).filter_map(|n| Some(&texts[n][chosen[n]?].1)).collect();
                    let set = world.set_version("s", &pins);
                    bindings.push((bind(&world, &set), sets.len()));
                    sets.push((set, chosen));
                }
                Step::Again(n) if !sets.is_empty() => {
                    let n = n % sets.len();
                    if bindings.last().is_none_or(|(_, last)| *last != n) {
                        bindings.push((bind(&world, &sets[n].0), n));
                    }
                }
                Step::Unbind if !bindings.is_empty() => {
                    world.write(|zone| zone.unbind(ZONE)).unwrap();
                    bindings.clear();
                }
                _ => {}
            }
        }
        let Some((_, live)) = bindings.last().copied() else {
            prop_assert!(world.zone().blame(ZONE).is_err());
            return Ok(());
        };
        let mut expected = Vec::new();
        for policy in 0..2 {
            let Some(pinned) = sets[live].1[policy] else { continue };
            let all = &texts[policy];
            for index in 0..all[pinned].0.len() {
                let there = |version: usize| has(&all[version].0, &all[pinned].0, index);
                let since = (0..=pinned).rev().take_while(|version| there(*version)).last().unwrap();
                let has = |(_, set): &&(u64, usize)| sets[*set].1[policy].is_some_and(there);
                let in_force = bindings.iter().rev().take_while(has).last().unwrap().0;
                expected.push((["p", "q"][policy], since as u32 + 1, Some(in_force)));
            }
        }
        let blamed = world.zone().blame(ZONE).unwrap();
        prop_assert_eq!(told(&blamed), expected);
        prop_assert_eq!(world.zone().blame_of(&sets[live].0.id).unwrap(), blamed);
    }
}
