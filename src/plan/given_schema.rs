//! The schema version that a plan publishes, parsed and converted before the write.

use std::sync::Arc;

use super::desired::DesiredPolicySet;
use crate::cedar::ParsedSchema;
use crate::engine::compiler::Compiler;
use crate::resource::schema::{self, PreparedSchema};
use crate::resource::zone::ZoneReader;
use crate::types::error::{ErrorKind, Result};

/// A schema version that is not published yet.
#[derive(Clone)]
pub(crate) struct GivenSchema {
    pub new: PreparedSchema,
    pub parsed: Arc<ParsedSchema>,
}

impl GivenSchema {
    /// The schema of the desired content, parsed and converted, if it is not published.
    pub(crate) fn of(zone: ZoneReader<'_>, desired: &DesiredPolicySet, compiler: &Compiler) -> Result<Option<Self>> {
        let Some(new) = desired.new_schema() else { return Ok(None) };
        match schema::find(&zone, &new.version) {
            Ok(_) => return Ok(None),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let (parsed, converted) = new.convert()?;
        let new = PreparedSchema { new, converted: converted.into() };
        Ok(Some(Self { new, parsed: Arc::new(compiler.limited(parsed)) }))
    }
}
