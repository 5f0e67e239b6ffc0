//! The zones of a store, as a list.

use super::cursor::ListName;
use super::page::{Page, PageRequest};
use super::scan::{count, in_order};
use crate::resource::zone::{self, ZoneInfo};
use crate::storage::Snapshot;
use crate::storage::key::{LogNumber, RowKind, STORE_LOG};
use crate::types::error::Result;

/// The rows of the order in which zones were created.
const ORDER: (LogNumber, RowKind) = (STORE_LOG, RowKind::ZoneOrder);

/// A page of the zones.
pub(crate) fn page(snapshot: &Snapshot<'_>, list: &PageRequest) -> Result<Page<ZoneInfo>> {
    let (cursor_key, log_id) = (snapshot.store()?.cursor_key, snapshot.head(STORE_LOG)?.log_id);
    let may_lack = snapshot.may_lack_logs()?;
    let held = |_, id: &str| if may_lack { zone::is_held(snapshot, id) } else { Ok(true) };
    let page = ListName::new(cursor_key, log_id, ORDER.1.name(), "").page(
        list,
        || if may_lack { count(snapshot, ORDER, held) } else { Ok(snapshot.store_state()?.zones) },
        |from, direction, count| in_order(snapshot, ORDER, from, direction, count, held),
    )?;
    page.try_map(|id| zone::info(snapshot, &id))
}
