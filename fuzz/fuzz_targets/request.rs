//! Text as an entity uid and, after its first line, as a context: refused, or decided alike on every stack.
#![no_main]

use std::sync::LazyLock;

use policy_store::{Authorizer, PolicyStore};
use policy_store_fuzz::{authorizer, decide_alike};

const SCHEMA: &str = "entity G; entity U in [G];
    action a appliesTo { principal: U, resource: U, context: { b?: Bool, v?: Set<Set<Long>>, i?: ipaddr, u?: U } };";
const POLICY: &str =
    "permit(principal, action, resource) when { context has v && context.v.contains([1]) || principal == resource };
    forbid(principal, action, resource) when { context has i && context.i.isLoopback() };
    forbid(principal, action, resource) when { context has u && context.u == principal };";

static WORLD: LazyLock<(PolicyStore, Authorizer)> = LazyLock::new(|| authorizer(SCHEMA, POLICY));

libfuzzer_sys::fuzz_target!(|text: &str| {
    const UID: &str = "U::\"u\"";
    const ACTION: &str = "Action::\"a\"";
    let authorizer = &WORLD.1;
    let (uid, context) = text.split_once('\n').unwrap_or((text, "{}"));
    let entities = authorizer.entities("[]").unwrap();
    for (principal, action, resource) in [(uid, ACTION, UID), (UID, uid, UID), (UID, ACTION, uid)] {
        if let Ok(request) = authorizer.request(principal, action, resource, context) {
            decide_alike(authorizer, &request, &entities);
        }
    }
});
