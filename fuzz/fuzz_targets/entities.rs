//! Text as entities, checked by the schema and as given: refused, or a request is decided with them, alike on every
//! stack and again from its receipt.
#![no_main]

use std::sync::LazyLock;

use policy_store::{Authorizer, PolicyStore};
use policy_store_fuzz::{authorizer, decide_alike};

const SCHEMA: &str =
    "entity G in [G]; entity U in [G] { b?: Bool, v?: Set<Set<Long>>, u?: U, d?: decimal } tags Set<String>;
    action a appliesTo { principal: U, resource: U };";
const POLICY: &str = "permit(principal, action, resource) when { principal has v && resource has v && principal.v == resource.v };
    permit(principal, action, resource) when { principal has u.u.b && principal.u.u.b };
    forbid(principal in G::\"g\", action, resource) unless { principal has d && principal.d.lessThan(decimal(\"1.5\")) };
    forbid(principal, action, resource) when { principal.hasTag(\"t\") && principal.getTag(\"t\").contains(\"x\") };";

static WORLD: LazyLock<(PolicyStore, Authorizer)> = LazyLock::new(|| authorizer(SCHEMA, POLICY));

libfuzzer_sys::fuzz_target!(|text: &str| {
    let (store, authorizer) = &*WORLD;
    for entities in [authorizer.entities(text), authorizer.entities_as_given(text)].into_iter().flatten() {
        let request = authorizer.request("U::\"u\"", "Action::\"a\"", "U::\"v\"", "{}").unwrap();
        let receipt = decide_alike(authorizer, &request, &entities).receipt();
        store.replay(&receipt, &request, &entities).unwrap().agrees_with(&receipt).unwrap();
    }
});
