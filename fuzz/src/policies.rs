//! What is owed by a policy that is accepted, in whichever form it was given.

use std::sync::Mutex;

use cedar_policy::{Entities, Policy, PolicyId, PolicySet, Request};
use policy_store::{
    HistoryFilter, Include, NewPolicy, NewPolicySet, NewPolicySetVersion, NewPolicyVersion, NewSchema, PageRequest,
    PolicyStore, PolicyVersion, Result, Syntax,
};

use crate::{actor, decide_alike, on_stack_of, store};

const SCHEMA: &str = "entity G; entity U in [G] { b: Bool, n: Long, s: String, u: U, o?: Set<Long> };
    action a, c appliesTo { principal: U, resource: [U, G], context: { b: Bool } };";
const ENTITIES: &str = r#"[{"uid":{"type":"U","id":"u"},"attrs":{"b":true,"n":7,"s":"a*b","u":{"type":"U","id":"u"},
    "o":[1,2]},"parents":[{"type":"G","id":"g"}]}]"#;

/// A store that takes policies for a while: a new one follows before it has grown much.
struct World {
    store: PolicyStore,
    taken: u32,
}

static WORLD: Mutex<Option<World>> = Mutex::new(None);
const AT_MOST: u32 = 64;

fn world() -> World {
    let store = store();
    let write = store.write(&actor(), |w| {
        w.publish_schema(NewSchema::cedar("s", SCHEMA))?;
        let mut zone = w.create_zone("z")?;
        zone.create_policy(NewPolicy::named("p").id("p"))?;
        zone.create_policy_set(NewPolicySet::named("s").id("s"))
    });
    write.unwrap();
    World { store, taken: 0 }
}

/// Offers a policy. What is refused leaves nothing behind; what is accepted is stored, read again, given back in both
/// forms, compiled, and decides alike on every stack.
pub fn offer(syntax: Syntax, source: &str) {
    let new = match syntax {
        Syntax::Cedar => NewPolicyVersion::cedar("s", source),
        Syntax::Json => NewPolicyVersion::json("s", source),
    };
    let mut place = WORLD.lock().unwrap();
    let world = place.get_or_insert_with(world);
    let store = &world.store;
    let prepared = match store.prepare_policy_version(new.clone()) {
        Ok(prepared) => prepared,
        Err(refused) => {
            if refused.kind() != policy_store::ErrorKind::TooLarge {
                // The write refuses it for the same reason, and goes on as if it had not been asked.
                let latest = store.zone("z").unwrap().policy("p").unwrap().latest_version;
                let write = store.write(&actor(), |w| {
                    let mut zone = w.zone("z")?;
                    let again = zone.create_policy_version("p", new).unwrap_err();
                    assert_eq!(again.code(), refused.code());
                    assert_eq!(zone.policy("p")?.latest_version, latest);
                    Err::<(), _>(again)
                });
                assert!(write.is_err());
            }
            return;
        }
    };
    let sha = prepared.sha();
    let created: Result<PolicyVersion> = store.write(&actor(), |w| w.zone("z")?.create_policy_version("p", prepared));
    let created = created.unwrap();
    let read = store.zone("z").unwrap().policy_version(&created.id, Include::Both).unwrap();
    assert_eq!(*read, created);
    assert_eq!(read.sha, sha);
    let text = read.cedar_raw.as_deref().unwrap();
    match syntax {
        Syntax::Cedar => assert_eq!(text, source),
        Syntax::Json => on_stack_of(16 << 10, || same_as_given(source, text)),
    }
    given_back(store, &read);
    decides(store, &read);
    world.taken += 1;
    if world.taken == AT_MOST {
        let report = store.verify().unwrap();
        assert!(report.is_clean(), "{:?}", report.findings);
        assert!(
            !store.zone("z").unwrap().history(&HistoryFilter::new(), &PageRequest::new()).unwrap().items.is_empty()
        );
        *place = None;
    }
}

/// The text makes the same version again; the JSON makes one with the same statements.
fn given_back(store: &PolicyStore, read: &PolicyVersion) {
    let (text, json) = (read.cedar_raw.as_deref().unwrap(), read.cedar_json.as_deref().unwrap());
    let create = |new| store.write(&actor(), |w| w.zone("z")?.create_policy_version("p", new));
    let again = create(NewPolicyVersion::cedar("s", text)).unwrap();
    assert_eq!((&again.cedar_raw, &again.cedar_json, again.sha), (&read.cedar_raw, &read.cedar_json, read.sha));
    assert_eq!((again.statements, &again.warnings), (read.statements, &read.warnings));
    match create(NewPolicyVersion::json("s", json)) {
        Ok(rendered) => {
            assert_eq!(rendered.statements, read.statements);
            let rendered = rendered.cedar_raw.as_deref().unwrap();
            on_stack_of(16 << 10, || assert_eq!(statements(text), statements(rendered), "{json}"));
        }
        // JSON takes more room than text, and more may nest in text.
        Err(error) => {
            let limit = error.kind() == policy_store::ErrorKind::TooLarge
                || error.code() == "too_deep"
                || error.to_string().contains("nests deeper");
            assert!(limit, "{error}: {json}");
        }
    }
}

/// The text has the statements of the JSON, whatever became of their keys.
fn same_as_given(json: &str, text: &str) {
    let given = PolicySet::from_json_str(json).unwrap();
    let mut rendered: Vec<Policy> = statements(text).iter().map(plain).collect();
    for policy in given.policies().map(plain) {
        let place = rendered.iter().position(|statement| *statement == policy);
        rendered.swap_remove(place.unwrap_or_else(|| panic!("{policy} is not in {text}")));
    }
    assert!(rendered.is_empty());
}

/// A statement without its id and its annotations.
fn plain(policy: &Policy) -> Policy {
    let mut json = policy.to_json().unwrap();
    json.as_object_mut().unwrap().remove("annotations");
    Policy::from_json(None, json).unwrap()
}

/// The statements as Cedar itself reads them, in their order.
fn statements(text: &str) -> Vec<Policy> {
    let set: PolicySet = text.parse().unwrap();
    let count = set.policies().count();
    (0..count).map(|number| set.policy(&PolicyId::new(format!("policy{number}"))).unwrap().clone()).collect()
}

fn decides(store: &PolicyStore, read: &PolicyVersion) {
    let set =
        store.write(&actor(), |w| w.zone("z")?.create_policy_set_version("s", NewPolicySetVersion::new("s").pin(read)));
    let authorizer = store.zone("z").unwrap().authorizer_of_version(&set.unwrap().id).unwrap();
    let entities: Entities = authorizer.entities(ENTITIES).unwrap();
    let request: Request = authorizer.request("U::\"u\"", "Action::\"a\"", "G::\"g\"", r#"{"b":true}"#).unwrap();
    let answer = decide_alike(&authorizer, &request, &entities);
    let receipt = answer.receipt(&entities).unwrap();
    store.replay(&receipt, &request, &entities).unwrap().agrees_with(&receipt).unwrap();
}
