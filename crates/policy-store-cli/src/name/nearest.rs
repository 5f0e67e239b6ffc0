//! The known name that is nearest to an unknown one.

use policy_store::PolicyStore;

use super::pages;
use crate::failure::{Failure, Result};

/// The failure for an unknown name, with the nearest known one.
pub fn unknown<'a>(kind: &str, wanted: &str, known: impl Iterator<Item = &'a str>) -> Failure {
    let failure = Failure::not_found(format!("{kind} `{wanted}` does not exist"));
    match nearest(wanted, known) {
        Some(near) => failure.help(format!("did you mean `{near}`?")),
        None => failure,
    }
}

/// The failure for an unknown zone, with the nearest known one.
pub fn zone(store: &PolicyStore, wanted: &str) -> Result<Failure> {
    let known: policy_store::Result<Vec<String>> =
        store.zones_iter(&pages()).map(|zone| Ok(zone?.id.to_string())).collect();
    let known = known?;
    let failure = unknown("zone", wanted, known.iter().map(String::as_str));
    Ok(if known.is_empty() { failure.help("the store has no zones: run `pstore init ZONE`") } else { failure })
}

/// The nearest name, if at most a third of its letters differ.
fn nearest<'a>(wanted: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = wanted.to_lowercase();
    let distance = |name: &str| strsim::damerau_levenshtein(&wanted, &name.to_lowercase());
    let (name, distance) = known.map(|name| (name, distance(name))).min_by_key(|(_, distance)| *distance)?;
    let letters = name.chars().count().max(wanted.chars().count());
    (distance * 3 <= letters.max(3)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_told_if_it_is_near() {
        let near = |wanted| nearest(wanted, ["guests", "members", "mfa"].into_iter());
        assert_eq!(
            (near("guest"), near("Members"), near("mfs"), near("memebrs")),
            (Some("guests"), Some("members"), Some("mfa"), Some("members"))
        );
        assert_eq!((near("billing"), near("xy")), (None, None));
        assert_eq!(nearest("a", [].into_iter()), None);
    }
}
