//! Random sequences of plans, compared with a map of names to texts: what a plan announces is what the log then has.

use std::collections::BTreeMap;

use policy_store::{BindingMode, Change, DesiredPolicy, DesiredPolicySet, Include, PlannedStep, PolicySetPlan, Target};
use proptest::prelude::*;

use super::support::{SCHEMA, World, customer};

/// The names of a folder's policies, each with the number of its text.
type Folder = BTreeMap<u8, u8>;

fn text(number: u8) -> String {
    format!("permit(principal, action, resource) when {{ principal.level == {number} }};")
}

fn desired(folder: &Folder, schema: u8) -> DesiredPolicySet {
    let schema_text = format!("{SCHEMA}// {schema}\n");
    let set = DesiredPolicySet::new(format!("schema-{schema}")).cedar_schema(schema_text).named("production");
    folder.iter().fold(set, |set, (name, number)| set.policy(DesiredPolicy::new(format!("p{name}"), text(*number))))
}

/// The entries that a plan announces: policies, versions, set, set version, binding.
fn announced(plan: &PolicySetPlan) -> [usize; 5] {
    let count = |wanted: &[PlannedStep]| plan.policies().iter().filter(|policy| wanted.contains(&policy.step)).count();
    [
        count(&[PlannedStep::Create]),
        count(&[PlannedStep::Create, PlannedStep::Update]),
        usize::from(plan.policy_set().create),
        usize::from(plan.policy_set().policy_set_version_id.is_none()),
        usize::from(plan.binds()),
    ]
}

fn written(world: &World, from: usize) -> [usize; 5] {
    let mut counts = [0; 5];
    for entry in &world.history()[from..] {
        let kind = match entry.change {
            Change::PolicyCreated { .. } => 0,
            Change::PolicyVersionCreated { .. } => 1,
            Change::PolicySetCreated { .. } => 2,
            Change::PolicySetVersionCreated { .. } => 3,
            Change::Bound { .. } => 4,
            ref other => panic!("not announced: {other:?}"),
        };
        counts[kind] += 1;
    }
    counts
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_announces_what_the_log_then_has_and_puts_the_folder_in_force(
        folders in prop::collection::vec((prop::collection::btree_map(0..5_u8, 0..4_u8, 0..5), 0..2_u8, any::<bool>()), 1..8)
    ) {
        let world = World::new();
        let alice = customer("alice");
        for (folder, schema, shadow) in folders {
            let mode = if shadow { BindingMode::Shadow } else { BindingMode::Active };
            let make = || world.zone().plan(&alice, Target::Zone, mode, desired(&folder, schema)).unwrap();
            let plan = make();
            let read = PolicySetPlan::from_json(&serde_json::to_string(&plan).unwrap()).unwrap();
            prop_assert_eq!(&read, &plan);
            let from = world.history().len();
            let applied = world.write(|zone| zone.apply_plan(&read)).unwrap();
            prop_assert_eq!(written(&world, from), announced(&plan));
            prop_assert_eq!((applied.changed, plan.is_empty()), (world.history().len() > from, !applied.changed));

            let zone = world.zone();
            let version = &applied.policy_set_version;
            prop_assert_eq!(version.schema_version.as_str(), format!("schema-{schema}"));
            let pinned = zone.pinned_policy_versions_iter(version.id.as_str(), Include::Cedar, &Default::default());
            let mut found = BTreeMap::new();
            for version in pinned {
                let version = version.unwrap();
                let name = zone.policy(&version.policy_id).unwrap().name;
                prop_assert!(found.insert(name, version.cedar_raw.as_deref().unwrap().to_owned()).is_none());
            }
            let expected: BTreeMap<_, _> =
                folder.iter().map(|(name, number)| (format!("p{name}"), text(*number))).collect();
            prop_assert_eq!(found, expected);
            let again = make();
            prop_assert!(again.is_empty());
            prop_assert_eq!(announced(&again), [0; 5]);
        }
        prop_assert!(world.store.verify().unwrap().is_clean());
    }
}
