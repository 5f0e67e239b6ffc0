//! Conveniences of the API: ids of every accepted type, `Debug` of handles, and every form of uids.

use policy_store::ErrorKind::Invalid;
use policy_store::cedar_policy::{Context, Decision, EntityId, EntityUid, Request};
use policy_store::{
    Include, NewPolicy, NewPolicySet, NewPolicySetVersion, NewPolicyVersion, NewSchema, PageRequest, PolicyFilter,
    PolicyId, Precondition, Target, UidInput,
};
use serde_json::json;

use super::support::{ENTITIES, FORBID, PERMIT, SCHEMA, V1, World, refused};

#[test]
fn an_id_is_taken_as_text_as_a_string_and_as_an_id() {
    let world = World::new();
    let version = world.version("p", PERMIT);
    let id: PolicyId = version.policy_id.clone();
    let (text, string) = (id.as_str(), id.to_string());
    let zone = world.zone();
    let list = &PageRequest::new();
    // Each line is expanded for every type; that it compiles is the test.
    macro_rules! spelled {
        ($it:ident => $call:expr) => {{
            {
                let $it = text;
                assert!($call, "&str");
            }
            {
                let $it = &string;
                assert!($call, "&String");
            }
            {
                let $it = string.clone();
                assert!($call, "String");
            }
            {
                let $it = &id;
                assert!($call, "&Id");
            }
            {
                let $it = id.clone();
                assert!($call, "Id");
            }
        }};
    }
    spelled!(it => zone.policy(it).is_ok());
    spelled!(it => zone.policy_versions(it, Include::Neither, list).is_ok());
    spelled!(it => zone.policy_versions_iter(it, Include::Neither, list).count() == 1);
    spelled!(it => zone.policy_version_numbered(it, 1, Include::Neither).is_ok());
    spelled!(it => zone.policies(&PolicyFilter::new().id(it), list).unwrap().items.len() == 1);
    spelled!(it => zone.check(&Precondition::latest_policy_version(it, Some(1))).is_ok());
    spelled!(it => world.write(|zone| zone.create_policy(NewPolicy::named("p").id(it))).unwrap_err().code() == "already_exists");
    spelled!(it => world.write(|zone| zone.create_policy_version(it, NewPolicyVersion::cedar(V1, PERMIT))).is_ok());
    spelled!(it => {
        let set = NewPolicySetVersion::new(V1).pin(&version).unpin(it);
        format!("{set:?}").contains("pins: []")
    });
    let schema = zone.schema(V1, Include::Neither).unwrap().schema.version;
    assert!(zone.preflight(&schema).is_ok() && zone.preflight(schema.clone()).is_ok() && zone.preflight(V1).is_ok());
    assert_eq!(Target::user("ann"), Target::User("ann".to_owned()));
}

#[test]
fn handles_are_shown_in_a_line() {
    let world = World::in_file();
    let version = world.version("p", PERMIT);
    world.live("s", &[&version]);
    let zone = world.zone();
    let authorizer = zone.authorizer(Target::Zone).unwrap();
    let prepared = world.store.prepare_policy_version(NewPolicyVersion::cedar(V1, FORBID)).unwrap();
    let mut shown: Vec<String> = Vec::new();
    #[cfg(feature = "attestation")]
    {
        let signer = policy_store::attestation::Ed25519Signer::new("key", &[7; 32]).unwrap();
        let actor = &super::support::customer("alice");
        let new = NewPolicySetVersion::new(V1).pin(&version);
        let attested = zone.prepare_attested_version(actor, "s", new, &signer).unwrap();
        assert_eq!(format!("{attested:?}"), "AttestedPolicySetVersion(version 2 of s with 1 pins)");
        let live = zone.in_force(Target::Zone).unwrap().policy_set_version_id;
        let attestation = zone.prepare_attestation(actor, &live, &signer).unwrap();
        assert_eq!(format!("{attestation:?}"), format!("NewAttestation({live} by key)"));
    }
    shown.extend([
        format!("{:?}", world.store),
        format!("{zone:?}"),
        format!("{authorizer:?}"),
        format!("{prepared:?}"),
        format!("{:#?}", world.store),
        format!("{zone:#?}"),
    ]);
    world
        .write_store(|w| {
            shown.push(format!("{w:?}"));
            shown.push(format!("{:?}", w.zone("acme")?));
            Ok(())
        })
        .unwrap();
    for line in &shown {
        assert!(!line.contains('\n') && line.len() < 250, "{line}");
    }
    assert!(shown[0].starts_with("PolicyStore(`/") && shown[0].ends_with("store.redb`)"), "{}", shown[0]);
    assert_eq!(shown[1], "Zone(acme)");
    assert!(!shown[3].contains("resource.secret"), "{}", shown[3]);
    assert_eq!(format!("{:?}", World::new().store), "PolicyStore(in memory)");
}

#[test]
fn requests_take_uids_in_every_form_and_ids_as_they_are() {
    let world = World::new();
    let hostile = "it's \"me\" \\ \n\u{1}🦀\u{202e}";
    let text = "permit(principal, action == Action::\"read\", resource) when { context has mfa && context.mfa };";
    world.live("s", &[&world.version("p", text)]);
    let authorizer = world.zone().authorizer(Target::Zone).unwrap();
    let own = EntityUid::from_type_name_and_id("User".parse().unwrap(), EntityId::new(hostile));
    let expected = EntityUid::from_json(json!({"type": "User", "id": hostile})).unwrap();
    assert_eq!(own, expected);
    let context = json!({"mfa": true});
    let entities = authorizer.entities(ENTITIES).unwrap();
    let given: Vec<UidInput<'_>> = vec![("User", hostile).into(), (&own).into(), own.to_string().into()];
    for principal in &given {
        let request = authorizer.request(principal, r#"Action::"read""#, ("Doc", "open"), &context).unwrap();
        assert_eq!(request.principal(), Some(&own));
        let as_text =
            authorizer.request(own.clone(), ("Action", "read"), "Doc::\"open\"", context.to_string()).unwrap();
        for request in [request, as_text] {
            assert_eq!(authorizer.is_authorized(&request, &entities).unwrap().decision(), Decision::Allow);
        }
    }
    let by_hand = format!("User::\"{hostile}\"");
    let error = refused(
        authorizer.request(&by_hand, ("Action", "read"), ("Doc", "open"), "{}"),
        (Invalid, "request"),
        "principal",
    );
    assert!(error.to_string().contains("`(type, id)`"), "{error}");
    refused(
        authorizer.request(("User", "a"), ("Action", "read"), ("Doc:", "a"), "{}"),
        (Invalid, "request"),
        "resource",
    );
    refused(authorizer.request(("User", "a"), ("Action", "fly"), ("Doc", "a"), "{}"), (Invalid, "request"), "action");
    refused(
        authorizer.request(("Ghost", "a"), ("Action", "read"), ("Doc", "a"), "{}"),
        (Invalid, "request"),
        "request",
    );
}

/// Cedar's own requests and entities bypass the gate: long ids, and values as deep as Cedar's JSON reader allows. Cedar
/// compares them without a guard.
#[test]
fn requests_that_cedar_made_are_decided_on_a_small_thread() {
    const DEPTH: usize = 126;
    let world = World::new();
    let schema = SCHEMA.replace("mfa?: Bool", "d: Set<Long>, e: Set<Long>");
    world.write_store(|w| w.publish_schema(NewSchema::cedar("sets", schema))).unwrap();
    let text =
        "permit(principal, action, resource); forbid(principal, action, resource) when { context.d == context.e };";
    let version = world.write(|zone| {
        zone.create_policy(NewPolicy::named("p").id("p"))?;
        let version = zone.create_policy_version("p", NewPolicyVersion::cedar("sets", text))?;
        zone.create_policy_set(NewPolicySet::named("s").id("s"))?;
        zone.create_policy_set_version("s", NewPolicySetVersion::new("sets").pin(&version))
    });
    let authorizer = world.zone().authorizer_of_version(&version.unwrap().id).unwrap();
    let long = EntityUid::from_type_name_and_id("User".parse().unwrap(), EntityId::new("x".repeat(1_000_000)));
    let deep = |leaf: usize| format!("{}{leaf}{}", "[".repeat(DEPTH), "]".repeat(DEPTH));
    for (other, expected) in [(1, Decision::Deny), (2, Decision::Allow)] {
        let context = format!(r#"{{"d":{},"e":{}}}"#, deep(1), deep(other));
        let (authorizer, principal) = (authorizer.clone(), long.clone());
        let on_small_thread = move || {
            let (action, resource) = (r#"Action::"read""#.parse().unwrap(), r#"Doc::"shut""#.parse().unwrap());
            let large = std::thread::Builder::new().stack_size(64 << 20);
            let context = large.spawn(move || Context::from_json_str(&context, None).unwrap()).unwrap();
            let request = Request::new(principal, action, resource, context.join().unwrap(), None).unwrap();
            let entities = authorizer.entities(ENTITIES).unwrap();
            authorizer.is_authorized(&request, &entities).unwrap().decision()
        };
        let small = std::thread::Builder::new().stack_size(256 << 10).spawn(on_small_thread);
        assert_eq!(small.unwrap().join().unwrap(), expected);
    }
}
