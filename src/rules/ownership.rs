//! Who may change what.

use crate::types::actor::{Actor, OwnerType};
use crate::types::error::{ErrorDetail, Resource, Result};

/// Only a platform actor changes what a platform actor made.
pub(crate) fn check_owner(actor: &Actor, what: Resource, id: &str, owner: OwnerType) -> Result<()> {
    if owner == OwnerType::Platform && actor.owner_type() != OwnerType::Platform {
        return Err(ErrorDetail::PlatformOwned { what, id: id.to_owned() }.into());
    }
    Ok(())
}

/// What is archived does not change either.
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
