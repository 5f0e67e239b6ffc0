//! Policy bundles of any content, by customers and the platform, for the zone and two users, while policies are
//! renamed, edited, archived and rolled back in between. `POLICY_STORE_SWEEP` multiplies the cases.

use std::collections::BTreeMap;

use policy_store::{
    Actor, Bundle, BundlePolicy, NewPolicyVersion, NewSchema, OwnerType, PageRequest, Policy, PolicyFilter,
    PolicyUpdate, PreparedBundle, Result, Target, ZoneTransaction,
};
use proptest::collection::vec;
use proptest::prelude::{Strategy, any};
use proptest::test_runner::{Config, TestRunner};

use super::bundles::{pins, world};
use super::support::{FORBID, PERMIT, V1, World, customer, platform};

/// The last one is refused.
const TEXTS: [&str; 5] =
    [PERMIT, FORBID, "forbid(principal, action, resource);", "permit(principal, action, resource);\n", "permit("];
const NAMES: [&str; 4] = ["x", "y", "a", "b"];
/// A schema without the attribute that [`FORBID`] uses.
const SMALLER: &str = "entity User; entity Doc; action read appliesTo { principal: User, resource: Doc };";

/// An operation, its actor, and the number of an existing policy.
#[derive(Clone, Debug)]
struct Step {
    actor: u8,
    policy: u8,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Rename(u8),
    Archive,
    ArchiveVersion,
    Edit(u8),
    Reset(u8),
    Apply { target: u8, smaller: bool, prepared: bool, policies: Vec<(bool, u8, u8)> },
}

fn step() -> impl Strategy<Value = Step> {
    let what = (any::<u8>(), any::<u8>(), any::<u8>(), any::<bool>(), vec(any::<(bool, u8, u8)>(), 0..4)).prop_map(
        |(kind, byte, target, prepared, policies)| match kind {
            0..40 => What::Rename(byte),
            40..50 => What::Archive,
            50..60 => What::ArchiveVersion,
            60..90 => What::Edit(byte),
            90..105 => What::Reset(byte),
            _ => What::Apply { target, smaller: byte < 40, prepared, policies },
        },
    );
    (any::<u8>(), any::<u8>(), what).prop_map(|(actor, policy, what)| Step { actor, policy, what })
}

fn one<T: Clone>(of: &[T], byte: u8) -> T {
    of[usize::from(byte) % of.len()].clone()
}

fn targets() -> [Target; 3] {
    [Target::Zone, Target::User("ann".to_owned()), Target::User("bob".to_owned())]
}

fn policies(world: &World) -> Vec<Policy> {
    let zone = world.zone();
    let (mut items, mut list) = (Vec::new(), PageRequest::new().limit(100));
    loop {
        let page = zone.policies(&PolicyFilter::new(), &list).unwrap();
        items.extend(page.items);
        let Some(cursor) = page.after_cursor else { return items };
        list = PageRequest::new().limit(100).after(cursor);
    }
}

fn texts(bundle: &Bundle) -> Vec<&str> {
    let mut texts: Vec<_> = bundle.policies().iter().map(|policy| policy.cedar_raw.as_str()).collect();
    texts.sort();
    texts
}

/// The versions in force for the other targets.
fn others(world: &World, target: &Target) -> BTreeMap<String, Option<Bundle>> {
    let others = targets().into_iter().filter(|other| other != target);
    others.map(|other| (other.to_string(), world.zone().bundle(other).ok())).collect()
}

fn taken(world: &World, step: &Step) {
    let actor = one(&[customer("alice"), customer("alice"), customer("bob"), platform()], step.actor);
    let known = policies(world);
    let policy = one(&known, step.policy);
    let write = |f: &dyn Fn(&mut ZoneTransaction<'_, '_>) -> Result<()>| drop(world.write_as(&actor, |zone| f(zone)));
    match &step.what {
        What::Rename(name) => {
            write(&|zone| zone.update_policy(&policy.id, PolicyUpdate::new().name(one(&NAMES, *name))).map(drop));
        }
        What::Archive => write(&|zone| zone.archive_policy(&policy.id).map(drop)),
        What::ArchiveVersion => {
            let Some(id) = &policy.latest_version_id else { return };
            write(&|zone| zone.archive_policy_version(id).map(drop));
        }
        What::Edit(text) => write(&|zone| {
            zone.create_policy_version(&policy.id, NewPolicyVersion::cedar(V1, one(&TEXTS, *text))).map(drop)
        }),
        What::Reset(user) => write(&|zone| zone.reset_bundle(one(&["ann", "bob"], *user)).map(drop)),
        What::Apply { target, smaller, prepared, policies } => {
            let mut of = Vec::<BundlePolicy>::new();
            for (is_new, name, text) in policies {
                let text = one(&TEXTS, *text);
                let next = match is_new {
                    true => BundlePolicy::new(one(&NAMES, *name), text),
                    false => BundlePolicy::of(one(&known, *name).id, text),
                };
                if of.iter().all(|other| other.key.as_str() != next.key.as_str()) {
                    of.push(next);
                }
            }
            let schema = if *smaller { "smaller" } else { V1 };
            let bundle = Bundle::new(schema.parse().unwrap(), of).unwrap();
            applied(world, &actor, &one(&targets(), *target), &bundle, *prepared);
        }
    }
}

fn applied(world: &World, actor: &Actor, target: &Target, bundle: &Bundle, is_prepared: bool) {
    let (length, before, others_before) = (world.history().len(), policies(world), others(world, target));
    let own: Vec<_> = world.zone().in_force(target.clone()).map_or(Vec::new(), |_| pins(world, target.clone()));
    let zones: Vec<_> = world.zone().in_force(Target::Zone).map_or(Vec::new(), |_| pins(world, Target::Zone));
    let prepared = world.zone().prepare_bundle(actor, target.clone(), bundle);
    let result = world.write_as(actor, |zone| {
        let input = match &prepared {
            Ok(prepared) if is_prepared => prepared.clone(),
            _ => PreparedBundle::from(bundle),
        };
        // The write continues after a refused call.
        Ok(zone.apply_bundle(target.clone(), input))
    });
    let first = match (result.unwrap(), prepared) {
        (Ok(outcome), Ok(_)) => outcome.binding,
        (Err(refused), Err(told)) => {
            assert_eq!(refused.to_string(), told.to_string());
            assert_eq!(world.history().len(), length, "a refused bundle left a trace");
            return;
        }
        (applied, prepared) => panic!("{applied:?} and {prepared:?}"),
    };
    let now = world.zone().bundle(target.clone()).unwrap();
    assert_eq!((texts(&now), now.schema_version()), (texts(bundle), bundle.schema_version()));
    assert_eq!(others(world, target), others_before, "what is in force for others has changed");
    for before in before {
        let is_own = *target == Target::Zone || own.iter().any(|(id, _)| before.id == *id.as_str());
        let is_zones = *target != Target::Zone && zones.iter().any(|(id, _)| before.id == *id.as_str());
        let is_platforms = before.owner_type == OwnerType::Platform && actor.owner_type() == OwnerType::Customer;
        if !is_own || is_zones || is_platforms || before.archived_at.is_some() {
            assert_eq!(world.zone().policy(&before.id).unwrap(), before, "what others rely on was edited");
        }
    }
    let length = world.history().len();
    for again in [bundle, &now] {
        let applied = world.write_as(actor, |zone| zone.apply_bundle(target.clone(), again)).unwrap();
        assert_eq!((applied.binding, applied.changed), (first.clone(), false));
        assert_eq!(world.history().len(), length, "the same bundle again has changed something");
    }
}

#[test]
fn bundles_keep_their_rules_whatever_is_done_in_between() {
    let sweep = std::env::var("POLICY_STORE_SWEEP").ok().and_then(|text| text.parse().ok()).unwrap_or(1_u32).max(1);
    let config = Config { cases: 24 * sweep, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&vec(step(), 1..32), |steps| {
            let world = world();
            world.write_store(|w| w.publish_schema(NewSchema::cedar("smaller", SMALLER))).unwrap();
            for step in &steps {
                taken(&world, step);
            }
            assert!(world.store.verify().unwrap().is_clean());
            Ok(())
        })
        .unwrap();
}
