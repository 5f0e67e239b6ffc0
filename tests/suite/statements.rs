//! The statements that an answer names, with their text and annotations.

use policy_store::cedar_policy::{Decision, Effect};
use policy_store::{NewPolicy, NewPolicyVersion, Target};

use super::support::{V1, World, asked, pinning};

#[test]
fn an_answer_tells_the_text_and_the_annotations_of_its_statements() {
    let world = World::new();
    let permit = "@id(\"all \\\"may\\\"\")\n@note\npermit (\n  principal, // anybody\n  action, resource\n);";
    let text = format!(
        "// Who may read.\n{permit} // and then\n  forbid(principal, action, resource)\nwhen {{ resource.secret }};\n"
    );
    let json = r#"{"templates":{},"templateLinks":[],"staticPolicies":{
        "policy0":{"effect":"permit","principal":{"op":"All"},"action":{"op":"All"},"resource":{"op":"All"},"conditions":[]},
        "night":{"effect":"forbid","principal":{"op":"All"},"action":{"op":"All"},"resource":{"op":"All"},
            "conditions":[{"kind":"when","body":{"Value":true}}]}}}"#;
    let first = world.version("a", &text);
    let second = world
        .write(|zone| {
            zone.create_policy(NewPolicy::named("b").id("b"))?;
            zone.create_policy_version("b", NewPolicyVersion::json(V1, json))
        })
        .unwrap();
    // Many more, so that the texts are parsed together and the statements are grouped.
    let others: Vec<_> =
        (0..20).map(|n| world.version(&format!("c{n}"), "permit(principal, action, resource is Doc);")).collect();
    let pins: Vec<_> = [&first, &second].into_iter().chain(&others).collect();
    world
        .write(|zone| {
            zone.create_policy_set(policy_store::NewPolicySet::named("s").id("s"))?;
            let version = zone.create_policy_set_version("s", pinning(&pins))?;
            zone.activate(&version.id)
        })
        .unwrap();

    let authorizer = world.zone().authorizer(Target::Zone).unwrap();
    let (request, entities) = asked(&authorizer, "ann", "read", "shut");
    let answer = authorizer.is_authorized(&request, &entities).unwrap();
    assert_eq!((answer.decision(), answer.determining().len()), (Decision::Deny, 2));
    let told: Vec<_> = answer.determining().iter().map(|it| answer.statement(it).unwrap()).collect();
    assert_eq!(told[0].text, "forbid(principal, action, resource)\nwhen { resource.secret };");
    assert_eq!((told[0].effect, told[0].id(), told[0].annotations.len()), (Effect::Forbid, None, 0));
    assert_eq!((told[0].reference.policy_id.as_str(), told[0].reference.statement), ("a", 1));
    // A policy from JSON is returned as rendered, with its key as its id.
    assert_eq!((told[1].id(), told[1].effect), (Some("night"), Effect::Forbid));
    let raw = world.zone().policy_version(&second.id, Default::default()).unwrap().cedar_raw.clone().unwrap();
    assert!(told[1].text.starts_with("@id(\"night\")\nforbid") && raw.contains(&told[1].text), "{}", told[1].text);

    // Statements that did not determine the answer can be explained too.
    let mut reference = answer.determining()[0].clone();
    reference.statement = 0;
    let other = answer.statement(&reference).unwrap();
    assert_eq!(other.text, permit);
    assert!(text.contains(&other.text));
    assert_eq!(other.id(), Some("all \"may\""));
    assert_eq!(other.annotations["note"], "");
    assert_eq!(authorizer.statement_of(&reference), Some(other));
    reference.statement = 2;
    assert_eq!(answer.statement(&reference), None);
    reference.policy_version_id = "nope".parse().unwrap();
    assert_eq!(answer.statement(&reference), None);
}
