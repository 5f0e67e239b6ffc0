//! An index of statements by scope: finds the groups of statements that a request can match.
//!
//! The scope of a statement is its constraints on principal, action and resource. Cedar evaluates it first, and it
//! cannot fail. So a statement with a scope that does not match neither determines an answer nor fails. Does not know
//! the conditions of a statement.
//!
//! Each group is indexed by the rarest of its three constraints: by the entities or the type in it. A look-up takes the
//! groups of the request's principal, action and resource, of their ancestors and of their types, and checks the whole
//! scope of each.

use std::collections::HashMap;

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

/// The scope of a statement: its constraints on principal, resource and action. The first of equally rare constraints
/// is indexed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Scope([Constraint; 3]);

impl Scope {
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
        Self([principal, resource, action])
    }

    /// The scope without constraints.
    pub(super) const ANY: Self = Self([Constraint::Any, Constraint::Any, Constraint::Any]);

    fn holds(&self, uids: &[&EntityUid; 3], entities: &Entities) -> bool {
        self.0.iter().zip(uids).all(|(constraint, uid)| constraint.holds(uid, entities))
    }
}

/// The groups that are indexed by one part of the scope.
#[derive(Debug, Default)]
struct PartIndex {
    by_uid: HashMap<EntityUid, Vec<usize>>,
    by_type: HashMap<EntityTypeName, Vec<usize>>,
}

impl PartIndex {
    fn insert(&mut self, constraint: &Constraint, group: usize) {
        match constraint {
            Constraint::Any => {}
            Constraint::Is(type_name) => self.by_type.entry(type_name.clone()).or_default().push(group),
            Constraint::Equals(uid) => self.by_uid.entry(uid.clone()).or_default().push(group),
            Constraint::In(_, uids) => {
                for uid in uids {
                    self.by_uid.entry(uid.clone()).or_default().push(group);
                }
            }
        }
    }

    /// Adds the groups of the entity, of its ancestors and of its type to `found`.
    fn look_up(&self, uid: &EntityUid, entities: &Entities, found: &mut Vec<usize>) {
        if !self.by_uid.is_empty() {
            found.extend(self.by_uid.get(uid).into_iter().flatten());
            if let Some(ancestors) = entities.ancestors(uid) {
                // Iterates over the smaller side: an entity may have more ancestors than there are indexed entities.
                if ancestors.size_hint().0 <= self.by_uid.len() {
                    found.extend(ancestors.filter_map(|ancestor| self.by_uid.get(ancestor)).flatten());
                } else {
                    let above = self.by_uid.iter().filter(|(other, _)| entities.is_ancestor_of(other, uid));
                    found.extend(above.flat_map(|(_, groups)| groups));
                }
            }
        }
        if !self.by_type.is_empty() {
            found.extend(self.by_type.get(uid.type_name()).into_iter().flatten());
        }
    }
}

/// The number of groups that name each entity and each type in one part of their scopes.
#[derive(Default)]
struct Counts<'a> {
    by_uid: HashMap<&'a EntityUid, usize>,
    by_type: HashMap<&'a EntityTypeName, usize>,
}

impl<'a> Counts<'a> {
    fn add(&mut self, constraint: &'a Constraint) {
        match constraint {
            Constraint::Any => {}
            Constraint::Is(type_name) => *self.by_type.entry(type_name).or_default() += 1,
            Constraint::Equals(uid) => *self.by_uid.entry(uid).or_default() += 1,
            Constraint::In(_, uids) => uids.iter().for_each(|uid| *self.by_uid.entry(uid).or_default() += 1),
        }
    }

    /// The number of groups that share an entity or the type of this constraint. None if the constraint cannot be
    /// indexed.
    fn of(&self, constraint: &Constraint) -> Option<usize> {
        let of_uid = |uid: &EntityUid| self.by_uid.get(uid).copied().unwrap_or_default();
        match constraint {
            Constraint::Any => None,
            Constraint::Is(type_name) => Some(self.by_type.get(type_name).copied().unwrap_or_default()),
            Constraint::Equals(uid) => Some(of_uid(uid)),
            Constraint::In(_, uids) => Some(uids.iter().map(of_uid).sum()),
        }
    }
}

/// Groups of statements, each with the scope that all of its statements have.
#[derive(Debug)]
pub(super) struct ScopeIndex<G> {
    groups: Vec<(Scope, G)>,
    /// The indexed groups, for each part of a scope.
    parts: [PartIndex; 3],
    /// The groups without constraints.
    unconstrained: Vec<usize>,
}

impl<G> ScopeIndex<G> {
    pub(super) fn new(groups: Vec<(Scope, G)>) -> Self {
        let mut counts: [Counts<'_>; 3] = Default::default();
        for (scope, _) in &groups {
            counts.iter_mut().zip(&scope.0).for_each(|(counts_of_part, constraint)| counts_of_part.add(constraint));
        }
        let (mut parts, mut unconstrained): ([PartIndex; 3], Vec<usize>) = Default::default();
        for (number, (scope, _)) in groups.iter().enumerate() {
            let choices = parts.iter_mut().zip(&counts).zip(&scope.0);
            let rarest = choices
                .filter_map(|((part, counts_of_part), constraint)| {
                    Some((counts_of_part.of(constraint)?, part, constraint))
                })
                .min_by_key(|(count, ..)| *count);
            match rarest {
                Some((_, part, constraint)) => part.insert(constraint, number),
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
            part.look_up(uid, entities, &mut found);
        }
        // A group that names several entities is indexed by each.
        found.sort_unstable();
        found.dedup();
        found
    }
}
