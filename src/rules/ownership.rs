//! Ownership: the actors that may change a resource.

use crate::types::actor::{Actor, OwnerType};
use crate::types::error::{ErrorDetail, Resource, Result};

/// Refuses a customer's change of a resource that a platform actor created.
pub(crate) fn check_owner(actor: &Actor, what: Resource, id: &str, owner: OwnerType) -> Result<()> {
    if owner == OwnerType::Platform && actor.owner_type() != OwnerType::Platform {
        return Err(ErrorDetail::PlatformOwned { what, id: id.to_owned() }.into());
    }
    Ok(())
}

/// Refuses a change by the rule of [`check_owner`], and any change of an archived resource.
pub(crate) fn check_changeable(
    actor: &Actor,
    what: Resource,
    id: &str,
    owner: OwnerType,
    archived: bool,
) -> Result<()> {
    check_owner(actor, what, id, owner)?;
    if archived {
        return Err(ErrorDetail::Archived { what, id: id.to_owned() }.into());
    }
    Ok(())
}
