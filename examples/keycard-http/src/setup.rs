//! Prepares the store, its zones and its schema versions before the first request. Existing ones stay the same, so
//! starting again is harmless.

use std::error::Error;
use std::fs;

use policy_store::{
    Actor, ErrorKind, Include, NewSchema, PolicyStore, Result as StoreResult, SchemaStatus, Sha256, WriteTransaction,
};

use crate::args::{Args, SchemaArg};

/// Opens the store and creates the missing parts, in one write.
pub fn open(args: &Args) -> Result<PolicyStore, Box<dyn Error + Send + Sync>> {
    let mut sources = Vec::new();
    for schema in &args.schemas {
        let source = fs::read_to_string(&schema.file)
            .map_err(|error| format!("cannot read the schema `{}`: {error}", schema.file.display()))?;
        sources.push((schema, source));
    }
    let store = PolicyStore::open(&args.store)?;
    // Parse and convert before the write.
    let mut missing = Vec::new();
    for (schema, source) in sources {
        let SchemaArg { version, file, .. } = schema;
        match found(store.schema(version, Include::Neither))? {
            None => missing.push((version, store.prepare_schema(new_schema(schema, source))?)),
            Some(stored) if stored.sha == Sha256::of(source.as_bytes()) => {}
            Some(_) => {
                return Err(format!("schema `{version}` in the store differs from `{}`", file.display()).into());
            }
        }
    }
    store.write(&actor()?, |w| {
        for (version, schema) in missing {
            // The same schema may be given twice; another one with that name is an error.
            if found(w.schema(version, Include::Neither))?.is_none_or(|stored| stored.sha != schema.sha()) {
                w.publish_schema(schema)?;
            }
        }
        for zone in &args.zones {
            if found(w.zone(zone).map(drop))?.is_none() {
                w.create_zone(zone)?;
            }
        }
        args.schemas.iter().try_for_each(|schema| set_status(w, schema))?;
        for zone in args.zones.iter().filter(|_| args.default_schema.is_some()) {
            let mut zone = w.zone(zone)?;
            if zone.info()?.default_schema.is_none() {
                zone.set_default_schema(args.default_schema.as_deref())?;
            }
        }
        Ok(())
    })?;
    Ok(store)
}

/// The actor of the setup: the server itself.
pub fn actor() -> StoreResult<Actor> {
    Ok(Actor::platform("keycard-http")?)
}

fn new_schema(schema: &SchemaArg, source: String) -> NewSchema {
    if schema.file.extension().is_some_and(|extension| extension == "json") {
        NewSchema::json(&schema.version, source)
    } else {
        NewSchema::cedar(&schema.version, source)
    }
}

/// An active schema must be deprecated before it is archived.
fn set_status(w: &mut WriteTransaction<'_, '_>, SchemaArg { version, status, .. }: &SchemaArg) -> StoreResult<()> {
    let now = w.schema(version, Include::Neither)?.status;
    if (now, *status) == (SchemaStatus::Active, SchemaStatus::Archived) {
        w.set_schema_status(version, SchemaStatus::Deprecated)?;
    }
    w.set_schema_status(version, *status).map(drop)
}

/// `None` if it does not exist.
fn found<T>(result: StoreResult<T>) -> StoreResult<Option<T>> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}
