//! Verifying and rebuilding an intact store: no findings and no changes.

use policy_store::{NewSchema, PolicyFilter, PolicySetFilter, Report, SchemaStatus, Target};

use super::support::{FORBID, PERMIT, SCHEMA, World};

/// A store with resources of every kind.
fn busy() -> World {
    let world = World::in_file();
    let (a, b) = (
        world.version("a", PERMIT),
        world.version("b", &format!("{FORBID}// warns\npermit(principal, action, resource) when {{ false }};")),
    );
    world.live("s", &[&a]);
    world.live("s", &[&a, &b]);
    world.live("t", &[&b]);
    world
        .write_store(|w| {
            w.publish_schema(NewSchema::cedar("next", format!("{SCHEMA}// next")))?;
            w.set_schema_status("next", SchemaStatus::Deprecated)?;
            let mut zone = w.zone("acme")?;
            zone.unbind(Target::Zone)?;
            zone.archive_policy("b")?;
            zone.archive_policy_set("t").map(drop)
        })
        .unwrap();
    world
}

fn report(world: &World) -> Report {
    world.store.verify().unwrap()
}

#[test]
fn verify_finds_nothing_in_a_healthy_store_and_says_how_much_it_checked() {
    let world = busy();
    let found = report(&world);
    assert!(found.is_clean(), "{:?}", found.findings);
    let store_log = 4 + 1;
    let other = 1;
    assert_eq!((found.logs, found.entries), (3, store_log + other + world.history().len() as u64));
    // Two schema texts with one JSON form; two versions and one list of warnings; three manifests.
    assert_eq!(found.content, 3 + 3 + 3);
    assert!(found.index_rows > 20);
    assert_eq!(report(&world), found, "it writes nothing");
}

#[test]
fn verify_counts_what_is_added() {
    let world = busy();
    let before = report(&world);
    world.version("a", "permit(principal, action, resource) when { principal.level == 5 };");
    let after = report(&world);
    assert_eq!(
        (after.entries, after.content, after.index_rows),
        (before.entries + 1, before.content + 1, before.index_rows + 2)
    );
}

#[test]
fn equal_content_is_kept_once_in_the_whole_store() {
    let world = busy();
    let before = report(&world);
    world
        .write_store(|w| {
            let mut other = w.zone("other")?;
            other.create_policy(policy_store::NewPolicy::named("p").id("p"))?;
            other.create_policy_version("p", policy_store::NewPolicyVersion::cedar(super::support::V1, PERMIT))
        })
        .unwrap();
    assert_eq!(report(&world).content, before.content);
}

#[test]
fn rebuilding_gives_the_same_rows_and_the_same_answers() {
    let world = busy();
    let zone = world.zone();
    let told = || {
        let list = policy_store::PageRequest::new();
        (
            zone.policies(&PolicyFilter::new(), &list).unwrap(),
            zone.policy_sets(&PolicySetFilter::new().any_target(), &list).unwrap(),
            zone.policy_set_versions("s", &list).unwrap(),
            zone.in_force_at(Target::Zone, policy_store::At::Position(9)).unwrap(),
            world.store.schemas(policy_store::Include::Both, &list).unwrap(),
        )
    };
    let before = (report(&world), told(), world.history());
    for _ in 0..2 {
        world.store.rebuild_indexes().unwrap();
        assert_eq!((report(&world), told(), world.history()), before);
    }
    world.version("a", PERMIT);
    assert!(report(&world).is_clean());
}

#[test]
fn a_rebuilt_store_reopens() {
    let world = busy();
    world.store.rebuild_indexes().unwrap();
    let before = (report(&world), world.history());
    let world = world.reopened();
    assert_eq!((report(&world), world.history()), before);
}
