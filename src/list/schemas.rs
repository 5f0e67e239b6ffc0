//! The list of schema versions, for the store and for a zone, which may have one of them as its default.

use super::cursor::ListName;
use super::filter::SchemaFilter;
use super::page::{Page, PageRequest};
use super::scan::in_order;
use crate::resource::schema::{self, SchemaVersion, ZoneSchema};
use crate::resource::zone::ZoneReader;
use crate::storage::Snapshot;
use crate::storage::key::{LogNumber, RowKind, STORE_LOG};
use crate::types::error::Result;
use crate::types::syntax::Include;

/// The rows in order of publication.
const ORDER: (LogNumber, RowKind) = (STORE_LOG, RowKind::SchemaOrder);

/// The page of the store's schema versions for a page request.
pub(crate) fn page(snapshot: &Snapshot<'_>, include: Include, list: &PageRequest) -> Result<Page<SchemaVersion>> {
    let (cursor_key, log_id) = (snapshot.store()?.cursor_key, snapshot.head(STORE_LOG)?.log_id);
    let page = ListName::new(cursor_key, log_id, ORDER.1.name(), "").page(
        list,
        || Ok(snapshot.store_state()?.schemas),
        |from, direction, count| in_order(snapshot, ORDER, from, direction, count, |_, _| Ok(true)),
    )?;
    page.try_map(|version| schema::load(snapshot, &version, include))
}

impl ZoneReader<'_> {
    /// The page of a zone's schema versions for a page request. The versions are the store's. The cursors are the
    /// zone's, because the default is.
    pub(crate) fn schemas(
        self,
        filter: &SchemaFilter,
        include: Include,
        list: &PageRequest,
    ) -> Result<Page<ZoneSchema>> {
        let (bytes, cursor_key) = (filter.bytes(), self.store()?.cursor_key);
        let default = self.default_schema()?;
        let is_default = |version: &str| default.as_ref().is_some_and(|default| default == version);
        let is_wanted = |_, version: &str| Ok(filter.wanted().is_none_or(|wanted| wanted == is_default(version)));
        let name = ListName { filter: &bytes, ..ListName::new(cursor_key, self.log_id, ORDER.1.name(), "") };
        let page = name.page(
            list,
            || {
                let defaults = u64::from(default.is_some());
                Ok(match filter.wanted() {
                    None => self.store_state()?.schemas,
                    Some(true) => defaults,
                    Some(false) => self.store_state()?.schemas.saturating_sub(defaults),
                })
            },
            |from, direction, count| in_order(&self, ORDER, from, direction, count, is_wanted),
        )?;
        page.try_map(|version| {
            Ok(ZoneSchema { is_default: is_default(&version), schema: schema::load(&self, &version, include)? })
        })
    }

    /// A schema version, and whether it is the zone's default.
    pub(crate) fn schema(self, version: &str, include: Include) -> Result<ZoneSchema> {
        let is_default = self.default_schema()?.is_some_and(|default| default == *version);
        Ok(ZoneSchema { is_default, schema: schema::load(&self, version, include)? })
    }
}
