//! The names that a suite may use for the statements of a set. Does not know the names of policies.

use std::collections::{HashMap, HashSet};

use crate::cedar::CompiledSet;

/// A statement: its member of the set, and its number in the member's text.
pub(super) type Place = (usize, usize);

/// The statements of a set by their names.
pub(super) struct Names<'a> {
    /// The ids of the policies, in the order of the members.
    policies: &'a [&'a str],
    /// The member of each policy.
    members: HashMap<&'a str, usize>,
    /// All statements, in the order of the members.
    all: Vec<Place>,
    /// The number of statements with each `@id` annotation.
    annotated: HashMap<&'a str, usize>,
    /// The annotation of each statement that has one.
    annotations: HashMap<Place, &'a str>,
}

/// The statements with one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Named<'a> {
    Annotated(&'a str),
    One(Place),
    Member(usize),
}

impl<'a> Names<'a> {
    pub(super) fn new(set: &'a CompiledSet, policies: &'a [&'a str]) -> Self {
        let members = policies.iter().enumerate().map(|(member, id)| (*id, member)).collect();
        let mut names =
            Self { policies, members, all: Vec::new(), annotated: HashMap::new(), annotations: HashMap::new() };
        for (member, statement, policy) in set.all() {
            let place = (member, statement);
            names.all.push(place);
            if let Some(id) = policy.annotation("id") {
                *names.annotated.entry(id).or_default() += 1;
                names.annotations.insert(place, id);
            }
        }
        names
    }

    /// The statements with this name; `None` if there are none.
    pub(super) fn find(&self, name: &str) -> Option<Named<'_>> {
        if let Some((id, _)) = self.annotated.get_key_value(name) {
            return Some(Named::Annotated(id));
        }
        let numbered = name.strip_prefix("policy").and_then(number).and_then(|number| self.all.get(number));
        if let Some(place) = numbered {
            return Some(Named::One(*place));
        }
        if let Some(member) = self.members.get(name) {
            return Some(Named::Member(*member));
        }
        let (policy, statement) = name.rsplit_once('.')?;
        let place = (*self.members.get(policy)?, number(statement)?);
        // The statements are in this order.
        self.all.binary_search(&place).is_ok().then_some(Named::One(place))
    }

    /// All names of these statements, for many look-ups.
    pub(super) fn all_of(&self, statements: &[Place]) -> HashSet<Named<'_>> {
        let annotated = |place: &Place| self.annotations.get(place).map(|id| Named::Annotated(id));
        let names = |place: &Place| [Some(Named::One(*place)), Some(Named::Member(place.0)), annotated(place)];
        statements.iter().flat_map(names).flatten().collect()
    }

    /// A name of a statement: one that no other statement has, if possible.
    pub(super) fn of(&self, place: Place) -> String {
        let (member, statement) = place;
        let id = self.annotations.get(&place);
        if let Some(id) = id.filter(|id| self.annotated.get(**id) == Some(&1)) {
            return (*id).to_owned();
        }
        let name = format!("{}.{statement}", self.policies.get(member).copied().unwrap_or_default());
        match (self.find(&name), self.all.binary_search(&place)) {
            (Some(Named::One(found)), _) if found == place => name,
            (_, Ok(number)) => format!("policy{number}"),
            _ => name,
        }
    }
}

/// A number in its one decimal form.
fn number(text: &str) -> Option<usize> {
    text.parse().ok().filter(|number: &usize| number.to_string() == text)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::cedar::ParsedPolicy;

    const PLAIN: &str = "permit(principal, action, resource);";

    fn set(texts: &[&str]) -> CompiledSet {
        CompiledSet::assemble(texts.iter().map(|text| Arc::new(ParsedPolicy::parse(*text).unwrap())).collect())
    }

    #[test]
    fn a_name_is_an_annotation_or_a_number_or_a_policy_or_its_statement() {
        let annotated = format!("@id(\"first\") {PLAIN} {PLAIN}");
        let set = set(&[&annotated, PLAIN]);
        let names = Names::new(&set, &["a", "b.1"]);
        for (name, found) in [
            ("first", Some(Named::Annotated("first"))),
            ("policy0", Some(Named::One((0, 0)))),
            ("policy2", Some(Named::One((1, 0)))),
            ("policy3", None),
            ("policy02", None),
            ("policy", None),
            ("a", Some(Named::Member(0))),
            ("b.1", Some(Named::Member(1))),
            ("a.1", Some(Named::One((0, 1)))),
            ("a.2", None),
            ("a.01", None),
            ("b.1.0", Some(Named::One((1, 0)))),
            ("b", None),
            ("", None),
            (".0", None),
        ] {
            assert_eq!(names.find(name), found, "{name}");
        }
    }

    #[test]
    fn the_first_meaning_of_a_name_wins() {
        let set = set(&[&format!("{PLAIN} @id(\"policy0\") {PLAIN} @id(\"b\") {PLAIN}"), PLAIN, PLAIN]);
        let names = Names::new(&set, &["a", "a.0", "policy1"]);
        assert_eq!(names.find("policy0"), Some(Named::Annotated("policy0")));
        assert_eq!(names.find("b"), Some(Named::Annotated("b")));
        assert_eq!(names.find("a.0"), Some(Named::Member(1)));
        assert_eq!(names.find("policy1"), Some(Named::One((0, 1))));
        assert_eq!(names.find("a.1"), Some(Named::One((0, 1))));
    }

    #[test]
    fn the_name_that_is_told_leads_back_to_the_statement() {
        let twice = format!("@id(\"one\") {PLAIN} @id(\"two\") {PLAIN} @id(\"two\") {PLAIN} {PLAIN}");
        let set = set(&[&twice, PLAIN]);
        let names = Names::new(&set, &["a", "a.3"]);
        let told: Vec<_> = names.all.iter().map(|place| names.of(*place)).collect();
        // `a.3` is a policy, so its statement of this number is told by its number in the set.
        assert_eq!(told, ["one", "a.1", "a.2", "policy3", "a.3.0"]);
        for (name, place) in told.iter().zip(&names.all) {
            let found = names.find(name).unwrap();
            assert!(names.all_of(&[*place]).contains(&found), "{name}");
            let others: Vec<_> = names.all.iter().copied().filter(|other| other != place).collect();
            assert!(!names.all_of(&others).contains(&found), "{name}");
        }
    }
}
