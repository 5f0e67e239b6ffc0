//! Zones as of an earlier point of their history. Does not know how a log is read as of an earlier length.

use super::moment::{AsOf, Committed};
use super::zone::Zone;
use crate::resource::binding::At;
use crate::types::error::Result;

/// A zone as it was at an earlier point of its history.
///
/// [`Zone::as_of`] gives one. It can be cloned and sent to other threads, and holds a snapshot: see
/// [`ZoneSnapshot`](crate::ZoneSnapshot) for the price of that, and for its end at a recovery.
pub type ZoneAsOf = Zone<AsOf>;

impl<M: Committed> Zone<M> {
    /// The zone as it was at an earlier position of its log or at an earlier time. All reads answer as they did then:
    /// resources, lists and their counts, bindings, authorizers, history, the [checkpoint](Self::checkpoint). A point between
    /// the entries of one write is after all of them, see [`At`]. Positions after the point are refused, as those after
    /// the log's end are. [`At::Now`] gives a [snapshot](crate::ZoneSnapshot).
    ///
    /// Schema versions are in the store's own log. They are read as of the same moment:
    ///
    /// - For a position, with the writes up to the [clock](crate::HistoryEntry::clock) of the position's write. So a point in
    ///   imported history has the schema versions that were there when it was imported.
    /// - For a time, with the writes up to that time too.
    /// - For each point, with the write that brought the zone into this store. So a point before a
    ///   [copy](crate::PolicyStore::copy_zones) has the schema versions as the copy left them.
    /// - For each point, with the write that published the zone's default schema. If the clock went back, times do not
    ///   tell the order of writes in two logs, and the schema versions are those of a moment in the stretch that the
    ///   clock passed twice.
    ///
    /// After a fork, the zone's log has its present id at each point, in receipts, cursors and checkpoints too.
    ///
    /// A read finds most earlier values again from the present ones in a few steps. If there are too many later changes,
    /// it reads the zone's log once from its start, for all later reads of this value and its clones.
    ///
    /// ```
    /// # fn main() -> policy_store::Result<()> {
    /// use policy_store::{Actor, At, NewPolicy, PageRequest, PolicyFilter, PolicyStore, PolicyUpdate};
    /// let (store, ann) = (PolicyStore::builder().in_memory()?, Actor::customer("ann")?);
    /// let policy = store.write(&ann, |w| w.create_zone("acme")?.create_policy(NewPolicy::named("old").id("p")))?;
    /// store.write(&ann, |w| {
    ///     let mut zone = w.zone("acme")?;
    ///     zone.create_policy(NewPolicy::named("second"))?;
    ///     zone.update_policy("p", PolicyUpdate::new().name("new"))
    /// })?;
    ///
    /// let then = store.zone("acme")?.as_of(At::Position(policy.revision))?;
    /// assert_eq!(then.policy("p")?, policy);
    /// assert_eq!(then.policies(&PolicyFilter::new(), &PageRequest::new().total_count())?.total_count, Some(1));
    /// assert_eq!(store.zone("acme")?.as_of(policy.created_at)?.policy("p")?.name, "old");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) for a position that the log does not have;
    /// [`NotFound`](crate::ErrorKind::NotFound) with the code `before_zone` for a point before the zone's first entry.
    pub fn as_of(&self, at: impl Into<At>) -> Result<ZoneAsOf> {
        let moment = self.moment.as_of(&self.engine, &self.place, at.into())?;
        Ok(Zone { engine: self.engine.clone(), place: self.place.clone(), moment })
    }
}
