//! Signing: the signer of this server, and signing again after a key rotation. The files of the routes create the
//! attested versions.

use std::error::Error;
use std::fmt;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

use axum::http::StatusCode;
use policy_store::attestation::{Attestation, Signer};
use policy_store::limits::VERSION_ATTESTATIONS;
use policy_store::{
    Actor, Order, Page, PageRequest, PolicySetFilter, PolicySetVersion, PolicySetVersionId, PolicyStore,
    Result as StoreResult, Zone, ZoneInfo,
};

use crate::failure::Failure;

/// Limit on the attestations in one write.
const AT_ONCE: usize = 1000;
/// Limit on attempts to sign, if the store changes between signing and write.
const TRIES: usize = 8;
/// Items on a page.
const PAGE: usize = 100;

/// The signer of this server.
pub struct Signing {
    signer: Box<dyn Signer>,
    /// Each attestation names the previous one of its policy set, so concurrent signatures of one set conflict.
    turn: Mutex<()>,
}

impl fmt::Debug for Signing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Signing").field(&self.signer.key_id()).finish()
    }
}

impl Signing {
    pub fn new(signer: impl Signer + 'static) -> Self {
        Self { signer: Box::new(signer), turn: Mutex::new(()) }
    }

    /// Prepares with the signer, and writes. Repeats both if the store changed in between. Returns the errors of
    /// `prepare`.
    pub fn write<P, T>(
        &self,
        prepare: impl Fn(&dyn Signer) -> StoreResult<P>,
        write: impl Fn(P) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..TRIES {
            match write(prepare(&*self.signer)?) {
                Err(failure) if failure.is_unmet() => {}
                other => return other,
            }
        }
        let message = "the policy set changed while it was attested: send the request again";
        Err(Failure::new(StatusCode::TOO_MANY_REQUESTS, "busy", message))
    }

    /// Signs every policy set version that can be bound and whose newest attestation is not by this key: after a key
    /// rotation, and for versions without one. Earlier attestations stay.
    pub fn sign_again(&self, store: &PolicyStore, actor: &Actor) -> Result<(), Box<dyn Error + Send + Sync>> {
        let zones = |list: &PageRequest| store.zones(list);
        for ZoneInfo { id, suspended, .. } in all(zones)? {
            let zone = store.zone(&id)?;
            let versions = self.to_sign(&zone)?;
            if suspended && !versions.is_empty() {
                print_line(format_args!(
                    "zone `{id}` is suspended: versions that were not attested: {}",
                    versions.len()
                ));
                continue;
            }
            for versions in versions.chunks(AT_ONCE) {
                let prepared = zone.prepare_attestations(actor, versions, &*self.signer)?;
                store.write(actor, |w| {
                    let mut zone = w.zone(&id)?;
                    prepared.into_iter().try_for_each(|attestation| zone.attest(attestation).map(drop))
                })?;
            }
        }
        Ok(())
    }

    fn to_sign(&self, zone: &Zone) -> StoreResult<Vec<PolicySetVersionId>> {
        let mut to_sign = Vec::new();
        let sets = all(|list| zone.policy_sets(&PolicySetFilter::new().any_target(), list))?;
        for set in sets.into_iter().filter(|set| set.archived_at.is_none()) {
            let mut list = oldest_first();
            loop {
                let page = zone.policy_set_versions(&set.id, &list)?;
                to_sign.extend(page.items.iter().filter(|version| self.is_to_sign(version)).map(|it| it.id.clone()));
                let Some(cursor) = page.after_cursor else { break };
                list = oldest_first().after(cursor);
            }
        }
        Ok(to_sign)
    }

    fn is_to_sign(&self, version: &PolicySetVersion) -> bool {
        let newest = version.attestations.last().and_then(|jws| Attestation::parse_unverified(jws).ok());
        if version.archived_at.is_some() || newest.is_some_and(|it| it.statement().key_id == self.signer.key_id()) {
            return false;
        }
        let has_room = version.attestations.len() < VERSION_ATTESTATIONS;
        if !has_room {
            let id = &version.id;
            print_line(format_args!(
                "policy set version `{id}` already has {VERSION_ATTESTATIONS} attestations, which is the limit"
            ));
        }
        has_room
    }
}

/// Nobody may be reading standard error.
fn print_line(line: fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "keycard-http: {line}");
}

fn oldest_first() -> PageRequest {
    PageRequest::new().limit(PAGE).order(Order::Ascending)
}

/// All items of a list that fits into memory.
fn all<T>(page: impl Fn(&PageRequest) -> StoreResult<Page<T>>) -> StoreResult<Vec<T>> {
    let (mut items, mut list) = (Vec::new(), oldest_first());
    loop {
        let page = page(&list)?;
        items.extend(page.items);
        let Some(cursor) = page.after_cursor else { return Ok(items) };
        list = oldest_first().after(cursor);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use policy_store::attestation::{Ed25519Signer, Jwks};
    use policy_store::{Bundle, BundlePolicy, HistoryFilter, NewPolicySet, NewSchema};

    use super::*;
    use crate::body::Body;
    use crate::call::{App, Call};
    use crate::{policy_bundle, policy_set_versions};

    const SCHEMA: &str = "entity User; action view appliesTo { principal: User, resource: User };";
    const PERMIT: &str = "permit (principal, action, resource);";

    fn alice() -> Actor {
        Actor::customer("alice").unwrap()
    }

    /// A server with the zone `z` and its policy set `s`.
    fn app(signer: impl Signer + 'static) -> App {
        let store = PolicyStore::builder().in_memory().unwrap();
        store
            .write(&alice(), |w| {
                w.publish_schema(NewSchema::cedar("1", SCHEMA))?;
                w.create_zone("z")?.create_policy_set(NewPolicySet::named("s").id("s"))
            })
            .unwrap();
        App::new(store, Vec::new(), "z".to_owned(), Duration::from_secs(9))
            .with_keys(Some(Signing::new(signer)), Jwks::default())
    }

    fn create() -> Call {
        let body = Body::sample("application/json", br#"{"schema_version":"1","manifest":{"entries":[]}}"#.to_vec());
        Call::sample(alice(), &[("zone_id", "z"), ("policy_set_id", "s")], body)
    }

    fn put() -> Call {
        let bundle = Bundle::new("1".parse().unwrap(), vec![BundlePolicy::new("p", PERMIT)]).unwrap();
        Call::sample(alice(), &[], Body::sample(Bundle::MEDIA_TYPE, bundle.to_bytes()))
    }

    struct Broken;

    impl Signer for Broken {
        fn key_id(&self) -> &str {
            "broken"
        }

        fn algorithm(&self) -> &str {
            "EdDSA"
        }

        fn sign(&self, _: &[u8]) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
            Err("the device is gone".into())
        }
    }

    #[test]
    fn a_signer_that_fails_leaves_nothing_behind() {
        let app = app(Broken);
        let length =
            || app.store.zone("z").unwrap().history(&HistoryFilter::new(), &PageRequest::new()).unwrap().items.len();
        let before = length();
        for failed in [policy_set_versions::create(&app, &create()), policy_bundle::put(&app, &put())] {
            let failure = format!("{:?}", failed.unwrap_err());
            assert!(failure.contains("503") && failure.contains("signer") && failure.contains("broken"), "{failure}");
        }
        assert_eq!(length(), before);
    }

    /// Another version of the set is created during each of several signatures.
    struct Slow {
        key: Ed25519Signer,
        store: Arc<Mutex<Option<PolicyStore>>>,
        times: AtomicUsize,
    }

    impl Signer for Slow {
        fn key_id(&self) -> &str {
            self.key.key_id()
        }

        fn algorithm(&self) -> &str {
            self.key.algorithm()
        }

        fn sign(&self, input: &[u8]) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
            if self.times.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |times| times.checked_sub(1)).is_ok() {
                let store = self.store.lock().unwrap().clone().unwrap();
                let new = policy_store::NewPolicySetVersion::new("1");
                store.write(&alice(), |w| w.zone("z")?.create_policy_set_version("s", new))?;
            }
            self.key.sign(input)
        }
    }

    fn slow(times: usize) -> App {
        let (store, key) = (Arc::new(Mutex::new(None)), Ed25519Signer::new("k", &[7; 32]).unwrap());
        let app = app(Slow { key, store: store.clone(), times: times.into() });
        *store.lock().unwrap() = Some(app.store.clone());
        app
    }

    #[test]
    fn what_changed_while_it_was_signed_is_signed_again() {
        let app = slow(TRIES - 1);
        policy_set_versions::create(&app, &create()).unwrap();
        let zone = app.store.zone("z").unwrap();
        let versions = zone.policy_set_versions("s", &PageRequest::new().order(Order::Ascending)).unwrap().items;
        let attested: Vec<_> = versions.iter().map(|version| version.attestations.len()).collect();
        assert_eq!(attested, [0, 0, 0, 0, 0, 0, 0, 1]);
        let failure = format!("{:?}", policy_set_versions::create(&slow(TRIES), &create()).unwrap_err());
        assert!(failure.contains("429") && failure.contains("busy"), "{failure}");
    }

    #[test]
    fn a_version_without_room_and_a_suspended_zone_are_passed_over() {
        let app = app(Ed25519Signer::new("new", &[8; 32]).unwrap());
        let (store, zone) = (&app.store, app.store.zone("z").unwrap());
        policy_set_versions::create(&app, &create()).unwrap();
        let id = zone.policy_set_version_numbered("s", 1).unwrap().id;
        let old = Ed25519Signer::new("old", &[7; 32]).unwrap();
        let attested = || zone.policy_set_version(&id).unwrap().attestations.len();
        while attested() < VERSION_ATTESTATIONS {
            let again = zone.prepare_attestation(&alice(), &id, &old).unwrap();
            store.write(&alice(), |w| w.zone("z")?.attest(again)).unwrap();
        }
        policy_set_versions::create(&app, &create()).unwrap();
        let second = Signing::new(Ed25519Signer::new("second", &[9; 32]).unwrap());
        store.write(&alice(), |w| w.zone("z")?.suspend()).unwrap();
        second.sign_again(store, &alice()).unwrap();
        let counts = || [1, 2].map(|number| zone.policy_set_version_numbered("s", number).unwrap().attestations.len());
        assert_eq!(counts(), [VERSION_ATTESTATIONS, 1]);
        store.write(&alice(), |w| w.zone("z")?.resume()).unwrap();
        second.sign_again(store, &alice()).unwrap();
        assert_eq!(counts(), [VERSION_ATTESTATIONS, 2]);
        second.sign_again(store, &alice()).unwrap();
        assert_eq!(counts(), [VERSION_ATTESTATIONS, 2]);
    }
}
