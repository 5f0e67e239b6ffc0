//! Text as a schema, in Cedar's syntax and as JSON: published, or refused without a trace.
#![no_main]

use std::sync::LazyLock;

use policy_store::{Actor, ErrorDetail, NewSchema, PolicyStore, Result};

static STORE: LazyLock<PolicyStore> = LazyLock::new(|| PolicyStore::builder().in_memory().unwrap());

libfuzzer_sys::fuzz_target!(|text: &str| {
    let actor = Actor::customer("fuzz").unwrap();
    for schema in [NewSchema::cedar("s", text), NewSchema::json("s", text)] {
        // Given up in the end, so that the store stays empty.
        let outcome: Result<()> = STORE.write(&actor, |w| {
            w.publish_schema(schema)?;
            Err(ErrorDetail::EmptyPolicy.into())
        });
        assert!(outcome.is_err());
    }
});
