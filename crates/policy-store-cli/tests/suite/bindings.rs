//! Rollback, shadow, promote.

use super::support::World;

#[test]
fn a_rollback_goes_to_the_version_before_or_the_one_given() {
    let world = World::new();
    let to = world.json(0, "rollback acme --to 2 --reason Tighter --reference T-2 --actor platform:ops");
    assert_eq!((to["changed"].as_bool(), to["replaced"].as_str()), (Some(true), Some("live@1")));
    assert_eq!(to["binding"]["rationale"]["reason"], "Tighter");
    assert_eq!(to["binding"]["by"], serde_json::json!({"owner_type": "platform", "id": "ops"}));
    let text = world.text(0, "rollback acme");
    assert!(text.contains("live@2 → live@1"), "{text}");
    let text = world.text(0, "rollback acme --to live@1");
    assert!(text.contains("nothing changed"), "{text}");
}

#[test]
fn a_shadow_is_observed_and_promoted() {
    let world = World::new();
    assert!(world.text(0, "shadow acme 2").contains("live@2 under observation for the zone"));
    let status = world.json(0, "status acme");
    assert_eq!(status["bindings"].as_array().map(Vec::len), Some(2));
    assert!(world.text(0, "promote acme --reason ok").contains("live@1 → live@2 in force"));
    let status = world.json(0, "status acme");
    assert_eq!(status["bindings"].as_array().map(Vec::len), Some(1));
    assert_eq!(status["bindings"][0]["version"], 2);
    assert_eq!(world.error("promote acme").1["code"], "not_bound");
    world.text(0, "shadow acme live@1");
    assert_eq!(world.json(0, "shadow acme --end")["replaced"], "live@1");
    assert_eq!(world.error("shadow acme --end").1["code"], "not_bound");
}
