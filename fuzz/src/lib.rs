//! What targets share: a small world to try things in, and threads with another stack.

pub mod decided;
pub mod evidence;
pub mod outside;
pub mod policies;
pub mod replicas;
pub mod schemas;
pub mod signed_rules;

use cedar_policy::{AuthorizationError, Entities, PolicyId, PolicySet, Request};
use policy_store::{
    Actor, Answer, Authorizer, Error, ErrorDetail, NewPolicy, NewPolicySet, NewPolicySetVersion, NewPolicyVersion,
    NewSchema, PolicyStore, Target, Timestamp,
};

/// Who writes.
pub fn actor() -> Actor {
    Actor::customer("fuzz").unwrap()
}

/// A store in memory, the same each time.
pub fn store() -> PolicyStore {
    let clock = || Timestamp::from_micros(1_771_939_200_000_000);
    PolicyStore::builder().clock(clock).id_seed(1).in_memory().unwrap()
}

/// What ends a write that is only tried.
pub fn give_up() -> Error {
    ErrorDetail::EmptyPolicy.into()
}

/// One policy, in force in the zone `z`; and the same text as Cedar itself decides by it.
pub struct World {
    pub store: PolicyStore,
    pub authorizer: Authorizer,
    plain: PolicySet,
}

impl World {
    pub fn new(schema: &str, policy: &str) -> Self {
        let plain: PolicySet = policy.parse().unwrap();
        assert!(plain.policies().count() > 16, "of so few, the store does not look up which can match");
        let store = store();
        let write = store.write(&actor(), |w| {
            w.publish_schema(NewSchema::cedar("s", schema))?;
            let mut zone = w.create_zone("z")?;
            zone.create_policy(NewPolicy::named("p").id("p"))?;
            let version = zone.create_policy_version("p", NewPolicyVersion::cedar("s", policy))?;
            zone.create_policy_set(NewPolicySet::named("s").id("s"))?;
            let set = zone.create_policy_set_version("s", NewPolicySetVersion::new("s").pin(&version))?;
            zone.activate(&set.id)
        });
        write.unwrap();
        let authorizer = store.zone("z").unwrap().authorizer(Target::Zone).unwrap();
        Self { store, authorizer, plain }
    }

    /// Decides alike on every stack, and as Cedar does: the same, for the same reasons, with the same errors.
    pub fn decide(&self, request: &Request, entities: &Entities) -> Answer {
        let answer = decide_alike(&self.authorizer, request, entities);
        let response = cedar_policy::Authorizer::new().is_authorized(request, &self.plain, entities);
        let number = |id: &PolicyId| id.to_string().strip_prefix("policy").unwrap().parse::<u32>().unwrap();
        let mut determining: Vec<_> = response.diagnostics().reason().map(number).collect();
        determining.sort_unstable();
        let errors = response.diagnostics().errors().map(|error| {
            let AuthorizationError::PolicyEvaluationError(error) = error;
            (number(error.policy_id()), error.inner().to_string())
        });
        let mut errors: Vec<_> = errors.collect();
        errors.sort_unstable();
        assert_eq!(answer.decision(), response.decision());
        assert_eq!(answer.determining().iter().map(|it| it.statement).collect::<Vec<_>>(), determining);
        let told = answer.errors().iter().map(|error| (error.statement.statement, error.message.clone()));
        assert_eq!(told.collect::<Vec<_>>(), errors);
        answer
    }
}

/// Runs `f` on a thread with so many KiB of stack.
pub fn on_stack_of<T: Send>(kib: usize, f: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        std::thread::Builder::new().stack_size(kib << 10).spawn_scoped(scope, f).unwrap().join().unwrap()
    })
}

/// Decides on this thread and on one with little stack: the same, whatever the stack.
pub fn decide_alike(authorizer: &Authorizer, request: &Request, entities: &Entities) -> Answer {
    let here = authorizer.is_authorized(request, entities).unwrap();
    let there = on_stack_of(128, || authorizer.is_authorized(request, entities).unwrap());
    match (here.receipt(entities), there.receipt(entities)) {
        (Ok(here), Ok(there)) => assert_eq!(here, there),
        // Inputs without a canonical form have no receipt, such as unchecked records with a key of Cedar's escapes.
        (Err(here), Err(there)) => {
            assert_eq!((here.code(), here.to_string()), ("json", there.to_string()));
        }
        (here, there) => panic!("{here:?} and {there:?}"),
    }
    assert_eq!(here.errors(), there.errors());
    here
}
