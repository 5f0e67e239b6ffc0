//! The target of a policy set: the zone, or the one user that it is for.

use crate::resource::policy_set::PolicySet;
use crate::resource::zone::ZoneReader;
use crate::types::error::{ErrorDetail, Result};
use crate::types::target::{Target, TargetType};

/// Refuses a target that a set is not for. A set for users has one user: the one of its first active binding, or until then the
/// one of its shadow binding.
pub(crate) fn check_target(zone: ZoneReader<'_>, set: &PolicySet, target: &Target) -> Result<()> {
    let user = match (set.target_type, &set.target_id) {
        (TargetType::Zone, _) => None,
        (TargetType::User, Some(user)) => Some(user.clone()),
        (TargetType::User, None) => zone.observed_user(set.id.as_str())?,
    };
    let fits = match (target, set.target_type) {
        (Target::Zone, TargetType::Zone) => true,
        (Target::User(target), TargetType::User) => user.as_ref().is_none_or(|user| user == target),
        _ => false,
    };
    if fits {
        return Ok(());
    }
    let expected = match (set.target_type, user) {
        (TargetType::User, Some(user)) => Target::User(user).to_string(),
        (TargetType::User, None) => "a user".to_owned(),
        (TargetType::Zone, _) => Target::Zone.to_string(),
    };
    let (policy_set_id, target) = (set.id.to_string(), target.to_string());
    Err(ErrorDetail::WrongTarget { policy_set_id, expected, target }.into())
}
