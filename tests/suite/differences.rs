//! Differences between policy set versions.

use policy_store::{ErrorKind, NewPolicySetVersion, NewSchema, PolicyUpdate, StatementChange};

use super::support::{FORBID, PERMIT, SCHEMA, V1, World, pinning, refused};

#[test]
fn a_difference_names_the_policies_versions_and_statements() {
    let world = World::new();
    let (a1, b1, c1) = (world.version("a", PERMIT), world.version("b", FORBID), world.version("c", PERMIT));
    let one = world.set_version("s", &[&a1, &b1, &c1]);
    let a2 = world.version("a", &format!("{PERMIT}\n@id(\"x\") {FORBID}"));
    let d1 = world.version("d", FORBID);
    let two = world.set_version("s", &[&a2, &c1, &d1]);
    world.write(|zone| zone.update_policy("d", PolicyUpdate::new().name("0 first"))).unwrap();

    let found = world.zone().difference(&one.id, &two.id).unwrap();
    assert!(!found.is_none());
    assert_eq!((found.from.version, found.to.version, found.from.policy_set_id.as_str()), (1, 2, "s"));
    let shape: Vec<_> = found
        .policies
        .iter()
        .map(|policy| {
            let number = |side: &Option<policy_store::ChangedVersion>| side.as_ref().map(|side| side.version);
            (policy.name.as_str(), number(&policy.from), number(&policy.to), policy.statements.len())
        })
        .collect();
    assert_eq!(shape, [("0 first", None, Some(1), 1), ("a", Some(1), Some(2), 1), ("b", Some(1), None, 1)]);
    let [StatementChange::Added { to }] = found.policies[1].statements.as_slice() else { panic!("{found:?}") };
    assert_eq!(
        (to.statement, to.id.as_deref(), to.text.as_str()),
        (1, Some("x"), format!("@id(\"x\") {FORBID}").as_str())
    );

    // Back: the same with its sides exchanged.
    let back = world.zone().difference(&two.id, &one.id).unwrap();
    assert_eq!((back.policies.len(), &back.to, &back.from), (3, &found.from, &found.to));
    assert_eq!(back.policies[0].to, None);
    assert!(world.zone().difference(&one.id, &one.id).unwrap().is_none());
}

#[test]
fn another_schema_or_another_set_alone_is_a_difference_without_policies() {
    let world = World::new();
    world.write_store(|w| w.publish_schema(NewSchema::cedar("2", SCHEMA))).unwrap();
    let a1 = world.version("a", PERMIT);
    let one = world.set_version("s", &[&a1]);
    let two = world.write(|zone| zone.create_policy_set_version("s", NewPolicySetVersion::new("2").pin(&a1))).unwrap();
    let found = world.zone().difference(&one.id, &two.id).unwrap();
    assert_eq!((found.policies.len(), found.is_none()), (0, false));
    assert_eq!((found.from.schema_version.as_str(), found.to.schema_version.as_str()), (V1, "2"));
    let other = world.set_version("t", &[&a1]);
    assert!(world.zone().difference(&one.id, &other.id).unwrap().is_none());
}

#[test]
fn versions_must_exist_and_a_write_sees_its_own() {
    let world = World::new();
    let a1 = world.version("a", PERMIT);
    let one = world.set_version("s", &[&a1]);
    refused(world.zone().difference(&one.id, "none"), (ErrorKind::NotFound, "not_found"), "none");
    refused(world.zone().difference("none", &one.id), (ErrorKind::NotFound, "not_found"), "none");
    let elsewhere = world.store.zone("other").unwrap().difference(&one.id, &one.id);
    refused(elsewhere, (ErrorKind::NotFound, "not_found"), one.id.as_str());
    let found = world.write(|zone| {
        let two = zone.create_policy_set_version("s", pinning(&[]))?;
        zone.difference(&one.id, &two.id)
    });
    assert_eq!(found.unwrap().policies.len(), 1);
}
