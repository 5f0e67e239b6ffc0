//! The names of signed rules. Does not know their bytes: [`SignedRules`](policy_store::evidence::SignedRules) has the format.

use std::fmt::Write as _;

use policy_store::{Sha256, Target, ZoneId, limits};

/// The folder of all signed rules.
pub const RULES: &str = "rules";

/// The largest object of signed rules.
pub const RULES_BYTES: usize = limits::EVIDENCE_BYTES;

/// The longest user id whose name has its bytes. The names of files in a folder have at most 255 bytes.
const ID_BYTES: usize = 96;

/// The name of the signed rules of a target.
///
/// ```
/// use policy_store::{Target, ZoneId};
/// use policy_store_replica::object::rules;
/// let acme = ZoneId::new("acme")?;
/// assert_eq!(rules::name(&acme, &Target::Zone), "rules/acme/zone");
/// assert_eq!(rules::name(&acme, &Target::user("ann")), "rules/acme/user-616e6e");
/// let long = rules::name(&acme, &Target::user("a".repeat(97)));
/// assert!(long.starts_with("rules/acme/user-sha256-") && long.len() == 23 + 64);
/// # Ok::<(), policy_store::Error>(())
/// ```
#[must_use]
pub fn name(zone_id: &ZoneId, target: &Target) -> String {
    let file = match target {
        Target::Zone => "zone".to_owned(),
        Target::User(id) if id.len() > ID_BYTES => format!("user-sha256-{}", Sha256::of(id.as_bytes())),
        Target::User(id) => id.bytes().fold("user-".to_owned(), |mut name, byte| {
            // Writing to a text cannot fail.
            let _ = write!(name, "{byte:02x}");
            name
        }),
    };
    format!("{}/{file}", folder(zone_id))
}

/// The folder of the signed rules of a zone.
#[must_use]
pub fn folder(zone_id: &ZoneId) -> String {
    format!("{RULES}/{zone_id}")
}

/// The zone of a folder; none for another name.
#[must_use]
pub fn zone_of_folder(name: &str) -> Option<ZoneId> {
    name.strip_prefix(RULES)?.strip_prefix('/')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_a_name_of_its_own_that_a_file_can_have() {
        let zone = ZoneId::new("Z.1:a-b_c").unwrap();
        let users = ["a", "ab", "A", "\u{e4}", "../x", "a b"].map(str::to_owned);
        let long = (95..=limits::TARGET_ID_BYTES).map(|length| "x".repeat(length));
        let targets = users.into_iter().chain(long).map(Target::User).chain([Target::Zone]);
        let names: Vec<_> = targets.map(|target| name(&zone, &target)).collect();
        let alone: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(alone.len(), names.len());
        for name in &names {
            let file = name.strip_prefix("rules/Z.1:a-b_c/").unwrap();
            assert!(
                file.len() <= 200 && file.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'),
                "{file}"
            );
        }
        assert_eq!(zone_of_folder(&folder(&zone)), Some(zone));
        assert_eq!(
            (zone_of_folder("rules/a/zone"), zone_of_folder("rulesa"), zone_of_folder("logs/a")),
            (None, None, None)
        );
    }
}
