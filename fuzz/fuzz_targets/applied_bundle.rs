//! Bytes as a policy bundle, and text as its policies, through a store: refused without a trace, or in force as given, in a
//! store that is whole.
#![no_main]

use std::sync::LazyLock;

use policy_store::{Bundle, BundlePolicy, ErrorKind, NewPolicy, NewSchema, PolicyId, PolicyStore, SchemaName, Target};
use policy_store_fuzz::{actor, give_up, store};

const SCHEMA: &str = "entity U; action a appliesTo { principal: U, resource: U };";
const TEXT: &str = "permit(principal, action, resource);";

/// A store with one policy in force, and one that is not.
fn filled() -> PolicyStore {
    let store = store();
    let filled = store.write(&actor(), |w| {
        w.publish_schema(NewSchema::cedar("s", SCHEMA))?;
        let mut zone = w.create_zone("z")?;
        zone.create_policy(NewPolicy::named("p1").id("p1"))?;
        zone.create_policy(NewPolicy::named("p0").id("p0"))?;
        let bundle = Bundle::new(SchemaName::new("s")?, vec![BundlePolicy::of(PolicyId::new("p0")?, TEXT)])?;
        zone.apply_bundle(Target::Zone, bundle)
    });
    filled.unwrap();
    store
}

static STORE: LazyLock<PolicyStore> = LazyLock::new(filled);

/// The counts of everything, after `verify` found nothing.
fn extent(store: &PolicyStore) -> [u64; 4] {
    let report = store.verify().unwrap();
    assert!(report.is_clean(), "{:?}", report.findings);
    [report.logs, report.entries, report.content, report.index_rows]
}

/// The policies' texts, sorted.
fn texts(bundle: &Bundle) -> Vec<&str> {
    let mut texts: Vec<&str> = bundle.policies().iter().map(|policy| policy.cedar_raw.as_ref()).collect();
    texts.sort_unstable();
    texts
}

fn offer(bundle: &Bundle) {
    static BEFORE: LazyLock<[u64; 4]> = LazyLock::new(|| extent(&STORE));
    let before = *BEFORE;
    let mut applied = None;
    let tried = STORE.write(&actor(), |w| {
        applied = Some(w.zone("z")?.apply_bundle(Target::Zone, bundle.clone()).map(drop));
        Err::<(), _>(give_up())
    });
    tried.unwrap_err();
    assert_eq!(extent(&STORE), before, "a write that was given up left a trace");
    match applied.unwrap() {
        Ok(()) => {
            let store = filled();
            let applied = store.write(&actor(), |w| w.zone("z")?.apply_bundle(Target::Zone, bundle.clone()));
            applied.unwrap();
            assert_eq!(texts(&store.zone("z").unwrap().bundle(Target::Zone).unwrap()), texts(bundle));
            extent(&store);
        }
        Err(refused) => {
            assert!(!matches!(refused.kind(), ErrorKind::Corrupt | ErrorKind::Unavailable), "{refused:?}");
            // Refused in a write that goes on.
            let store = filled();
            let ignored = store.write(&actor(), |w| {
                let again = w.zone("z")?.apply_bundle(Target::Zone, bundle.clone()).unwrap_err();
                assert_eq!(again.code(), refused.code());
                Ok(())
            });
            ignored.unwrap();
            assert_eq!(extent(&store), before, "a refused bundle left a trace");
        }
    }
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(bundle) = Bundle::from_bytes(bytes) {
        offer(&bundle);
    }
    // Parts between lines `--`: a policy's id or name, a line break, its text.
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let policies = text.split("\n--\n").filter_map(|part| part.split_once('\n')).take(8);
    let policies = policies.map(|(key, text)| match PolicyId::new(key) {
        Ok(id) if ["p0", "p1"].contains(&key) => BundlePolicy::of(id, text),
        _ => BundlePolicy::new(key, text),
    });
    if let Ok(bundle) = Bundle::new(SchemaName::new("s").unwrap(), policies.collect()) {
        offer(&bundle);
    }
});
