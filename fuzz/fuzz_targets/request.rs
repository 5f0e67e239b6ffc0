//! Text as an entity uid and, after its first line, as a context: refused, or decided the same on every stack size and
//! in Cedar.
#![no_main]

use std::sync::LazyLock;

use policy_store_fuzz::World;

const SCHEMA: &str = "entity G; entity U in [G]; action g; action a, b in [g] appliesTo { principal: U, resource: U,
    context: { b?: Bool, n?: Long, v?: Set<Set<Long>>, i?: ipaddr, u?: U } };";
/// Scopes of every form.
const POLICY: &str = r#"
    permit(principal, action, resource) when { context has v && context.v.contains([1]) || principal == resource };
    permit(principal == U::"u", action, resource) when { context has n && context.n + 1 > 0 };
    permit(principal == U::"v", action, resource);
    permit(principal in G::"g", action == Action::"a", resource);
    permit(principal is U, action == Action::"b", resource);
    permit(principal is U in G::"g", action, resource == U::"v");
    permit(principal, action in Action::"g", resource is U) when { context has b && context.b };
    permit(principal, action in [Action::"a", Action::"b"], resource in G::"g");
    permit(principal, action in [Action::"g"], resource is U in G::"g") when { context has n && context.n * 2 > 0 };
    permit(principal is G, action, resource);
    forbid(principal, action, resource) when { context has i && context.i.isLoopback() };
    forbid(principal, action, resource) when { context has u && context.u == principal };
    forbid(principal == U::"v", action == Action::"b", resource);
    forbid(principal in G::"g", action, resource in G::"g") when { context has n && context.n - 1 < 0 };
    forbid(principal is U in G::"h", action, resource);
    forbid(principal, action == Action::"b", resource == U::"u") when { context has n && context.n == 7 };
    forbid(principal, action in [Action::"b"], resource is U) when { context has b && context.b };
    forbid(principal in G::"h", action, resource);
"#;
const ENTITIES: &str = r#"[{"uid":{"type":"U","id":"u"},"attrs":{},"parents":[{"type":"G","id":"g"}]},
    {"uid":{"type":"U","id":"w"},"attrs":{},"parents":[{"type":"G","id":"h"}]}]"#;

static WORLD: LazyLock<World> = LazyLock::new(|| World::new(SCHEMA, POLICY));

libfuzzer_sys::fuzz_target!(|text: &str| {
    const UID: &str = "U::\"u\"";
    const ACTION: &str = "Action::\"a\"";
    let authorizer = &WORLD.authorizer;
    let (uid, context) = text.split_once('\n').unwrap_or((text, "{}"));
    let entities = authorizer.entities(ENTITIES).unwrap();
    for (principal, action, resource) in [(uid, ACTION, UID), (UID, uid, UID), (UID, ACTION, uid)] {
        if let Ok(request) = authorizer.request(principal, action, resource, context) {
            WORLD.decide(&request, &entities);
        }
    }
});
