//! Text as a cursor: no list takes one that it did not give out.
#![no_main]

use std::sync::LazyLock;

use policy_store::{Actor, List, PolicyStore};

static STORE: LazyLock<PolicyStore> = LazyLock::new(|| {
    let store = PolicyStore::builder().in_memory().unwrap();
    let actor = Actor::customer("fuzz").unwrap();
    store.write(&actor, |w| w.create_zone("z").map(drop)).unwrap();
    store
});

libfuzzer_sys::fuzz_target!(|text: &str| {
    assert!(STORE.zones(&List::new().after(text)).is_err());
    assert!(STORE.zones(&List::new().before(text)).is_err());
});
