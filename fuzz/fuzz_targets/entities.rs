//! Text as entities, checked by the schema and unchecked: refused, or used in decisions that are the same on every
//! stack size, in Cedar, and in a replay of the receipt.
#![no_main]

use std::sync::LazyLock;

use policy_store_fuzz::World;

const SCHEMA: &str = "entity G in [G];
    entity U in [G] { b?: Bool, n?: Long, v?: Set<Set<Long>>, u?: U, d?: decimal } tags Set<String>;
    action g; action a, b in [g] appliesTo { principal: U, resource: [U, G] };";
/// Scopes of every form.
const POLICY: &str = r#"
    permit(principal, action, resource) when { principal has v && resource has v && principal.v == resource.v };
    permit(principal, action, resource) when { principal has u.u.b && principal.u.u.b };
    permit(principal == U::"u", action, resource) when { principal has b && principal.b };
    permit(principal == U::"v", action, resource);
    permit(principal in G::"g", action, resource is U);
    permit(principal is U, action == Action::"a", resource) when { principal has n && principal.n + 1 > 0 };
    permit(principal is U in G::"h", action, resource);
    permit(principal, action in Action::"g", resource in G::"g");
    permit(principal, action in [Action::"a", Action::"b"], resource is U in G::"g");
    permit(principal, action == Action::"b", resource == G::"g") when { principal has n && principal.n * 2 > 0 };
    permit(principal, action, resource in G::"h") when { resource in principal || principal has d };
    permit(principal is G, action, resource);
    forbid(principal in G::"g", action, resource) unless { principal has d && principal.d.lessThan(decimal("1.5")) };
    forbid(principal, action, resource) when { principal.hasTag("t") && principal.getTag("t").contains("x") };
    forbid(principal == U::"u", action == Action::"b", resource) when { principal has n && principal.n - 1 < 0 };
    forbid(principal is U in G::"g", action in [Action::"a"], resource is G);
    forbid(principal, action, resource is U) when { resource has n && resource.n - 1 < 0 };
    forbid(principal in G::"h", action == Action::"a", resource is U in G::"h");
    forbid(principal, action in [Action::"g"], resource == U::"u");
"#;

static WORLD: LazyLock<World> = LazyLock::new(|| World::new(SCHEMA, POLICY));

libfuzzer_sys::fuzz_target!(|text: &str| {
    let World { store, authorizer, .. } = &*WORLD;
    for entities in [authorizer.entities(text), authorizer.entities_as_given(text)].into_iter().flatten() {
        for (action, resource) in [("Action::\"a\"", "U::\"v\""), ("Action::\"b\"", "G::\"g\"")] {
            let request = authorizer.request("U::\"u\"", action, resource, "{}").unwrap();
            let Ok(receipt) = WORLD.decide(&request, &entities).receipt(&entities) else { continue };
            store.replay(&receipt, &request, &entities).unwrap().agrees_with(&receipt).unwrap();
        }
    }
});
