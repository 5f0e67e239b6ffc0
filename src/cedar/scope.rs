//! Which statements a request can match at all: statements grouped by their scope, and the groups found by a request.
//!
//! A statement's scope (its constraints on principal, action and resource) comes first in what Cedar evaluates and
//! cannot fail, so a statement whose scope does not hold neither determines an answer nor fails. What else a statement
//! says is not known here.
//!
//! Each group is filed under the rarest of its three constraints: under the entities, or the type, that it names. A
//! request looks under its principal, action and resource, under their ancestors and types, and checks the whole
//! scope of what it finds.

use std::collections::HashMap;

use cedar_policy::{
    ActionConstraint, Entities, EntityTypeName, EntityUid, Policy, PrincipalConstraint, Request, ResourceConstraint,
};

/// What a scope demands of the principal, the action or the resource.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Constraint {
    Any,
    Is(EntityTypeName),
    Equals(EntityUid),
    /// One of these or a descendant of one, and of this type if one is given.
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

/// The scope of a statement: its constraints on principal, resource and action, in the order in which it is rather
/// filed under one of several that are equally rare.
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

    /// The scope of everything.
    pub(super) const ANY: Self = Self([Constraint::Any, Constraint::Any, Constraint::Any]);

    fn holds(&self, fingerprint: &[&EntityUid; 3], entities: &Entities) -> bool {
        self.0.iter().zip(fingerprint).all(|(constraint, uid)| constraint.holds(uid, entities))
    }
}

/// The groups that are filed under one part of the scope.
#[derive(Debug, Default)]
struct Shelf {
    by_uid: HashMap<EntityUid, Vec<usize>>,
    by_type: HashMap<EntityTypeName, Vec<usize>>,
}

impl Shelf {
    fn file(&mut self, constraint: &Constraint, group: usize) {
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

    /// Adds the groups filed under the entity, its ancestors and its type.
    fn look_up(&self, uid: &EntityUid, entities: &Entities, found: &mut Vec<usize>) {
        if !self.by_uid.is_empty() {
            found.extend(self.by_uid.get(uid).into_iter().flatten());
            if let Some(ancestors) = entities.ancestors(uid) {
                // Whichever are fewer are gone through: an entity may have more ancestors than there are groups.
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

/// How many groups name each entity and each type in one part of their scopes.
#[derive(Default)]
struct Crowd<'a> {
    by_uid: HashMap<&'a EntityUid, usize>,
    by_type: HashMap<&'a EntityTypeName, usize>,
}

impl<'a> Crowd<'a> {
    fn count(&mut self, constraint: &'a Constraint) {
        match constraint {
            Constraint::Any => {}
            Constraint::Is(type_name) => *self.by_type.entry(type_name).or_default() += 1,
            Constraint::Equals(uid) => *self.by_uid.entry(uid).or_default() += 1,
            Constraint::In(_, uids) => uids.iter().for_each(|uid| *self.by_uid.entry(uid).or_default() += 1),
        }
    }

    /// How many groups stand beside one with this constraint; none if it cannot be filed by it.
    fn around(&self, constraint: &Constraint) -> Option<usize> {
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
    /// Where the groups are filed, for each part of a scope.
    shelves: [Shelf; 3],
    /// The groups whose scope demands nothing.
    unfiled: Vec<usize>,
}

impl<G> ScopeIndex<G> {
    pub(super) fn new(groups: Vec<(Scope, G)>) -> Self {
        let mut crowds: [Crowd<'_>; 3] = Default::default();
        for (scope, _) in &groups {
            crowds.iter_mut().zip(&scope.0).for_each(|(crowd, constraint)| crowd.count(constraint));
        }
        let (mut shelves, mut unfiled): ([Shelf; 3], Vec<usize>) = Default::default();
        for (number, (scope, _)) in groups.iter().enumerate() {
            let ways = shelves.iter_mut().zip(&crowds).zip(&scope.0);
            let rarest = ways
                .filter_map(|((shelf, crowd), constraint)| Some((crowd.around(constraint)?, shelf, constraint)))
                .min_by_key(|(around, ..)| *around);
            match rarest {
                Some((_, shelf, constraint)) => shelf.file(constraint, number),
                None => unfiled.push(number),
            }
        }
        Self { groups, shelves, unfiled }
    }

    /// The groups whose scope holds for a request, each once.
    pub(super) fn matching(&self, request: &Request, entities: &Entities) -> impl Iterator<Item = &G> {
        let fingerprint = match (request.principal(), request.resource(), request.action()) {
            (Some(principal), Some(resource), Some(action)) => Some([principal, resource, action]),
            // What is not known could match anything.
            _ => None,
        };
        let found = match &fingerprint {
            Some(fingerprint) => self.find(fingerprint, entities),
            None => (0..self.groups.len()).collect(),
        };
        found.into_iter().filter_map(move |number| {
            let (scope, group) = self.groups.get(number)?;
            fingerprint.as_ref().is_none_or(|fingerprint| scope.holds(fingerprint, entities)).then_some(group)
        })
    }

    fn find(&self, fingerprint: &[&EntityUid; 3], entities: &Entities) -> Vec<usize> {
        let mut found = self.unfiled.clone();
        for (shelf, uid) in self.shelves.iter().zip(fingerprint) {
            shelf.look_up(uid, entities, &mut found);
        }
        // A group that names several entities is filed under each.
        found.sort_unstable();
        found.dedup();
        found
    }
}
