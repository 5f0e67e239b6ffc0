//! The choice of one resource by its exact name.

use policy_store::{Policy, PolicySet};

use super::nearest;
use crate::failure::{Failure, Result};

/// A resource that could be meant.
pub struct Known {
    id: String,
    name: String,
    archived: bool,
}

impl Known {
    /// A policy.
    pub fn policy(policy: &Policy) -> Self {
        Self { id: policy.id.to_string(), name: policy.name.clone(), archived: policy.archived_at.is_some() }
    }

    /// A policy set.
    pub fn policy_set(set: &PolicySet) -> Self {
        Self { id: set.id.to_string(), name: set.name.clone(), archived: set.archived_at.is_some() }
    }
}

/// The id of the one resource with this exact name. Archived ones count only if no other has the name.
pub fn choose(kind: &str, wanted: &str, all: impl Iterator<Item = policy_store::Result<Known>>) -> Result<String> {
    let (mut named, mut others) = (Vec::new(), Vec::new());
    for known in all {
        let known = known?;
        if known.name == wanted { named.push(known) } else { others.extend([known.name, known.id]) }
    }
    if named.iter().any(|known| !known.archived) {
        named.retain(|known| !known.archived);
    }
    match named.as_slice() {
        [one] => Ok(one.id.clone()),
        [] => Err(nearest::unknown(kind, wanted, others.iter().map(String::as_str))),
        several => {
            let ids: Vec<String> = several.iter().map(|known| format!("`{}`", known.id)).collect();
            let message = format!("{} {kind} resources are named `{wanted}`", several.len());
            Err(Failure::new("ambiguous", "invalid", message).help(format!("name it by its id: {}", ids.join(", "))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(wanted: &str, known: &[(&str, &str, bool)]) -> Result<String> {
        let known = known.iter().map(|&(id, name, archived)| Known { id: id.into(), name: name.into(), archived });
        choose("policy", wanted, known.map(Ok))
    }

    #[test]
    fn an_exact_name_is_chosen_and_archived_ones_count_last() {
        let known = [("p1", "mfa", true), ("p2", "mfa", false), ("p3", "guests", true)];
        assert_eq!(chosen("mfa", &known).unwrap(), "p2");
        assert_eq!(chosen("guests", &known).unwrap(), "p3");
        let unknown = chosen("guest", &known).unwrap_err();
        assert_eq!((unknown.code.as_str(), unknown.help.as_deref()), ("not_found", Some("did you mean `guests`?")));
    }

    #[test]
    fn several_of_one_name_are_told_by_their_ids() {
        let several = chosen("mfa", &[("p1", "mfa", false), ("p2", "mfa", false)]).unwrap_err();
        assert_eq!(several.code, "ambiguous");
        assert!(several.help.unwrap().contains("`p1`, `p2`"));
    }
}
