//! An index of statements by scope: finds the groups of statements that a request can match.
//!
//! The scope of a statement is its constraints on principal, action and resource. Cedar evaluates it first, and it
//! cannot fail. So a statement with a scope that does not match neither determines an answer nor fails. Does not know
//! the conditions of a statement.
//!
//! Each group is indexed by the rarest of its three constraints: by the entities or the type in it. A look-up takes the
//! groups of the request's principal, action and resource, of their ancestors and of their types, and checks the whole
//! scope of each. So the index has the hashes of entities and types, which are made once for a statement, and not their
//! names: two names with one hash only cost a comparison.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};
use std::sync::{Arc, LazyLock};

use cedar_policy::{
    ActionConstraint, Entities, EntityTypeName, EntityUid, Policy, PrincipalConstraint, Request, ResourceConstraint,
};

/// The constraint of a scope on the principal, the action or the resource.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Constraint {
    Any,
    Is(EntityTypeName),
    Equals(EntityUid),
    /// One of these entities or a descendant of one, and of this type if there is one.
    In(Option<EntityTypeName>, Vec<EntityUid>),
}

impl Constraint {
    fn holds(&self, uid: &EntityUid, entities: &Entities) -> bool {
        match self {
            Self::Any => true,
            Self::Is(type_name) => uid.type_name() == type_name,
            Self::Equals(other) => uid == other,
            Self::In(type_name, ancestors) => {
                type_name.as_ref().is_none_or(|type_name| uid.type_name() == type_name)
                    && ancestors.iter().any(|other| uid == other || entities.is_ancestor_of(other, uid))
            }
        }
    }
}

/// The hash of an entity or of a type, in this process.
fn key(name: impl Hash) -> u64 {
    static STATE: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    STATE.hash_one(name)
}

fn uid_key(uid: &EntityUid) -> u64 {
    key((0_u8, uid))
}

fn type_key(type_name: &EntityTypeName) -> u64 {
    key((1_u8, type_name))
}

/// A map whose keys are hashes already.
pub(super) type Keyed<K, V> = HashMap<K, V, BuildHasherDefault<Prehashed>>;

/// Takes a hash as it is.
#[derive(Default)]
pub(super) struct Prehashed(u64);

impl Hasher for Prehashed {
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The scope of a statement: its constraints on principal, resource and action. The first of equally rare constraints
/// is indexed.
#[derive(Debug)]
pub(super) struct Scope {
    constraints: [Constraint; 3],
    /// The keys of the entities in each constraint, or of the type.
    keys: [Vec<u64>; 3],
    hash: u64,
}

impl PartialEq for Scope {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.constraints == other.constraints
    }
}

impl Eq for Scope {}

impl Hash for Scope {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl Scope {
    fn new(constraints: [Constraint; 3]) -> Self {
        let keys = constraints.each_ref().map(|constraint| match constraint {
            Constraint::Any => Vec::new(),
            Constraint::Is(type_name) => vec![type_key(type_name)],
            Constraint::Equals(uid) => vec![uid_key(uid)],
            Constraint::In(_, uids) => uids.iter().map(uid_key).collect(),
        });
        Self { hash: key(&constraints), constraints, keys }
    }

    pub(super) fn of(statement: &Policy) -> Self {
        let principal = match statement.principal_constraint() {
            PrincipalConstraint::Any => Constraint::Any,
            PrincipalConstraint::Is(type_name) => Constraint::Is(type_name),
            PrincipalConstraint::Eq(uid) => Constraint::Equals(uid),
            PrincipalConstraint::In(uid) => Constraint::In(None, vec![uid]),
            PrincipalConstraint::IsIn(type_name, uid) => Constraint::In(Some(type_name), vec![uid]),
        };
        let resource = match statement.resource_constraint() {
            ResourceConstraint::Any => Constraint::Any,
            ResourceConstraint::Is(type_name) => Constraint::Is(type_name),
            ResourceConstraint::Eq(uid) => Constraint::Equals(uid),
            ResourceConstraint::In(uid) => Constraint::In(None, vec![uid]),
            ResourceConstraint::IsIn(type_name, uid) => Constraint::In(Some(type_name), vec![uid]),
        };
        let action = match statement.action_constraint() {
            ActionConstraint::Any => Constraint::Any,
            ActionConstraint::Eq(uid) => Constraint::Equals(uid),
            ActionConstraint::In(uids) => Constraint::In(None, uids),
        };
        Self::new([principal, resource, action])
    }

    /// The scope without constraints.
    pub(super) fn any() -> &'static Arc<Self> {
        static ANY: LazyLock<Arc<Scope>> =
            LazyLock::new(|| Arc::new(Scope::new([Constraint::Any, Constraint::Any, Constraint::Any])));
        &ANY
    }

    fn holds(&self, uids: &[&EntityUid; 3], entities: &Entities) -> bool {
        self.constraints.iter().zip(uids).all(|(constraint, uid)| constraint.holds(uid, entities))
    }

    /// The scope's parts that can be indexed: their numbers and keys.
    fn indexable(&self) -> impl Iterator<Item = (usize, &[u64])> {
        let parts = self.constraints.iter().zip(&self.keys).enumerate();
        parts.filter(|(_, (constraint, _))| **constraint != Constraint::Any).map(|(part, (_, keys))| (part, &**keys))
    }
}

/// The groups that are indexed by one part of the scope, by the keys of that part.
type PartIndex = Keyed<u64, Vec<usize>>;

/// Adds the groups of the entity, of its ancestors and of its type to `found`.
fn look_up(index: &PartIndex, uid: &EntityUid, entities: &Entities, found: &mut Vec<usize>) {
    if index.is_empty() {
        return;
    }
    let groups = |key: u64| index.get(&key).into_iter().flatten();
    match entities.ancestors(uid) {
        // An entity may have more ancestors than there are indexed entities. The caller checks what is found.
        Some(ancestors) if ancestors.size_hint().0 > index.len() => return found.extend(index.values().flatten()),
        Some(ancestors) => found.extend(ancestors.flat_map(|ancestor| groups(uid_key(ancestor)))),
        None => {}
    }
    found.extend(groups(uid_key(uid)));
    found.extend(groups(type_key(uid.type_name())));
}

/// Groups of statements, each with the scope that all of its statements have.
#[derive(Debug)]
pub(super) struct ScopeIndex<G> {
    groups: Vec<(Arc<Scope>, G)>,
    /// The indexed groups, for each part of a scope.
    parts: [PartIndex; 3],
    /// The groups without constraints.
    unconstrained: Vec<usize>,
}

impl<G> ScopeIndex<G> {
    pub(super) fn new(groups: Vec<(Arc<Scope>, G)>) -> Self {
        // The number of groups that name each entity and each type, for each part of a scope.
        let mut counts: [Keyed<u64, usize>; 3] = Default::default();
        for (scope, _) in &groups {
            for (counts, keys) in counts.iter_mut().zip(&scope.keys) {
                keys.iter().for_each(|key| *counts.entry(*key).or_default() += 1);
            }
        }
        let sharing = |part: usize, keys: &[u64]| -> usize {
            let counts = counts.get(part);
            keys.iter().filter_map(|key| counts?.get(key)).sum()
        };
        let (mut parts, mut unconstrained): ([PartIndex; 3], Vec<usize>) = Default::default();
        for (number, (scope, _)) in groups.iter().enumerate() {
            let rarest = scope.indexable().min_by_key(|(part, keys)| sharing(*part, keys));
            match rarest.and_then(|(part, keys)| Some((parts.get_mut(part)?, keys))) {
                Some((part, keys)) => keys.iter().for_each(|key| part.entry(*key).or_default().push(number)),
                None => unconstrained.push(number),
            }
        }
        Self { groups, parts, unconstrained }
    }

    /// The groups with a scope that matches a request, each once.
    pub(super) fn matching(&self, request: &Request, entities: &Entities) -> impl Iterator<Item = &G> {
        let uids = match (request.principal(), request.resource(), request.action()) {
            (Some(principal), Some(resource), Some(action)) => Some([principal, resource, action]),
            // An unknown entity could match any scope.
            _ => None,
        };
        let found = match &uids {
            Some(uids) => self.find(uids, entities),
            None => (0..self.groups.len()).collect(),
        };
        found.into_iter().filter_map(move |number| {
            let (scope, group) = self.groups.get(number)?;
            uids.as_ref().is_none_or(|uids| scope.holds(uids, entities)).then_some(group)
        })
    }

    fn find(&self, uids: &[&EntityUid; 3], entities: &Entities) -> Vec<usize> {
        let mut found = self.unconstrained.clone();
        for (part, uid) in self.parts.iter().zip(uids) {
            look_up(part, uid, entities, &mut found);
        }
        // A group that names several entities is indexed by each.
        found.sort_unstable();
        found.dedup();
        found
    }
}
