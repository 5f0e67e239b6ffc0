//! Shared reads of policy versions and policy set versions: by id, by number, and whether they are archived.

use std::marker::PhantomData;
use std::sync::Arc;

use crate::record::{Body, LogEntry, PolicySetVersionCreated, PolicyVersionCreated};
use crate::resource::zone::ZoneReader;
use crate::storage::key::RowKind;
use crate::storage::{PositionRow, VersionRow, key, wrong_row};
use crate::types::actor::Actor;
use crate::types::error::{Error, ErrorDetail, ErrorKind, Resource, Result};
use crate::types::time::Timestamp;

/// The entry that creates a version.
pub(crate) trait Versioned: Sized {
    /// The rows by parent and number.
    const BY_NUMBER: RowKind;
    /// The rows by id.
    const BY_ID: RowKind;
    /// The rows of the parents: policies or policy sets.
    const PARENT: RowKind;
    /// The resource of the parent.
    const PARENT_RESOURCE: Resource;
    /// The resource of the version.
    const RESOURCE: Resource;

    fn of(body: &Body) -> Option<&Self>;
    fn id(&self) -> &str;
    fn parent(&self) -> &str;
    fn version(&self) -> u32;
}

impl Versioned for PolicyVersionCreated {
    const BY_NUMBER: RowKind = RowKind::PolicyVersion;
    const BY_ID: RowKind = RowKind::PolicyVersionId;
    const PARENT: RowKind = RowKind::Policy;
    const PARENT_RESOURCE: Resource = Resource::Policy;
    const RESOURCE: Resource = Resource::PolicyVersion;

    fn of(body: &Body) -> Option<&Self> {
        if let Body::PolicyVersionCreated(body) = body { Some(body) } else { None }
    }

    fn id(&self) -> &str {
        self.version_id.as_str()
    }

    fn parent(&self) -> &str {
        self.policy_id.as_str()
    }

    fn version(&self) -> u32 {
        self.version
    }
}

impl Versioned for PolicySetVersionCreated {
    const BY_NUMBER: RowKind = RowKind::PolicySetVersion;
    const BY_ID: RowKind = RowKind::PolicySetVersionId;
    const PARENT: RowKind = RowKind::PolicySet;
    const PARENT_RESOURCE: Resource = Resource::PolicySet;
    const RESOURCE: Resource = Resource::PolicySetVersion;

    fn of(body: &Body) -> Option<&Self> {
        if let Body::PolicySetVersionCreated(body) = body { Some(body) } else { None }
    }

    fn id(&self) -> &str {
        self.version_id.as_str()
    }

    fn parent(&self) -> &str {
        self.policy_set_id.as_str()
    }

    fn version(&self) -> u32 {
        self.version
    }
}

/// A version's entry and row, each checked against the other.
pub(crate) struct VersionRecord<V> {
    pub entry: Arc<LogEntry>,
    pub row: VersionRow,
    version: PhantomData<V>,
}

impl<V: Versioned> VersionRecord<V> {
    /// Looks up a version by its id.
    pub(crate) fn by_id(zone: ZoneReader<'_>, id: &str) -> Result<Self> {
        let row: Option<PositionRow> = zone.row(&key::by_id(zone.log, V::BY_ID, id))?;
        let PositionRow { created } = row.ok_or_else(|| zone.not_found(V::RESOURCE, id))?;
        let entry = zone.entry(zone.log, created)?;
        let body = V::of(&entry.body).filter(|body| body.id() == id).ok_or_else(|| wrong_row(V::BY_ID, id))?;
        let row = zone.row(&key::by_version(zone.log, V::BY_NUMBER, body.parent(), body.version()))?;
        let row = row.filter(|row: &VersionRow| row.created == created).ok_or_else(|| wrong_row(V::BY_NUMBER, id))?;
        Ok(Self { entry, row, version: PhantomData })
    }

    /// Looks up a version that stored data refers to. A missing version is damage.
    pub(crate) fn named(zone: ZoneReader<'_>, id: &str) -> Result<Self> {
        Self::by_id(zone, id).map_err(|error| zone.missing(error))
    }

    /// Looks up a version of `parent` before the newest. Numbers have no gaps, so a missing version is damage.
    pub(crate) fn earlier(zone: ZoneReader<'_>, parent: &str, version: u32) -> Result<Self> {
        Self::by_number(zone, parent, version).map_err(|error| zone.missing(error))
    }

    /// Looks up a version by its parent and its number.
    pub(crate) fn by_number(zone: ZoneReader<'_>, parent: &str, version: u32) -> Result<Self> {
        match zone.row(&key::by_version(zone.log, V::BY_NUMBER, parent, version))? {
            Some(row) => Self::at_row(zone, parent, version, row),
            None if zone.has_row(&key::by_id(zone.log, V::PARENT, parent))? => {
                Err(ErrorDetail::not_found(V::RESOURCE, &format!("{version} of {parent}")).into())
            }
            None => Err(zone.not_found(V::PARENT_RESOURCE, parent)),
        }
    }

    /// Looks up the version that a row by number points to.
    pub(crate) fn at_row(zone: ZoneReader<'_>, parent: &str, version: u32, row: VersionRow) -> Result<Self> {
        let entry = zone.entry(zone.log, row.created)?;
        let fits = V::of(&entry.body).is_some_and(|body| body.parent() == parent && body.version() == version);
        if fits { Ok(Self { entry, row, version: PhantomData }) } else { Err(wrong_row(V::BY_NUMBER, parent)) }
    }

    /// The body of the entry.
    pub(crate) fn body(&self) -> Result<&V> {
        V::of(&self.entry.body).ok_or_else(|| wrong_row(V::BY_NUMBER, ""))
    }
}

impl ZoneReader<'_> {
    /// The error for something that must exist.
    fn missing(self, error: Error) -> Error {
        match error.kind() {
            ErrorKind::NotFound => ErrorDetail::corrupt(format_args!("the index of zone `{}`", self.id), error).into(),
            _ => error,
        }
    }

    /// The time and author of the archiving entry at `position`, if any. `fits` checks that it is the right entry.
    pub(crate) fn archiving(
        self,
        position: Option<u64>,
        fits: impl FnOnce(&Body) -> bool,
    ) -> Result<Option<(Timestamp, Actor)>> {
        let Some(position) = position else { return Ok(None) };
        let entry = self.entry(self.log, position)?;
        if !fits(&entry.body) {
            return Err(ErrorDetail::corrupt(
                format_args!("the index of zone `{}`", self.id),
                "index row points to an entry of the wrong kind or id",
            )
            .into());
        }
        Ok(Some((entry.envelope.created_at, entry.envelope.actor.clone())))
    }
}

/// The number of the next version.
pub(crate) fn next_version(latest: Option<u32>) -> Result<u32> {
    let next = latest.unwrap_or(0).checked_add(1);
    next.ok_or_else(|| {
        let limit = u32::MAX as usize;
        ErrorDetail::TooLarge { what: "version numbers of the policy or policy set", limit, actual: limit }.into()
    })
}
