//! The observable state of a store: the heads of its logs, which hash every entry, and answers of the public API.

use std::collections::BTreeMap;

use crate::storage::index::key::LogNumber;
use crate::storage::index::row::Head;
use crate::storage::tests::disk::decide;
use crate::types::error::Result;
use crate::*;

/// The state. Two stores with equal heads have equal logs.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct State {
    heads: BTreeMap<LogNumber, Head>,
    answers: String,
}

impl State {
    pub(super) fn of(store: &PolicyStore) -> Result<Self> {
        Ok(Self { heads: store.engine.storage.read(|snapshot| snapshot.heads())?, answers: answers(store)? })
    }
}

/// The zones, and in zone `a` the policies, the last entry, and the version in force.
fn answers(store: &PolicyStore) -> Result<String> {
    let list = PageRequest::new().limit(100).total_count();
    let zones = store.zones(&list)?;
    let zones: Vec<_> = zones.items.into_iter().map(|zone| zone.id).collect();
    let zone = store.zone("a")?;
    let policies = zone.policies(&PolicyFilter::new(), &list)?;
    let names: Vec<_> = policies.items.iter().map(|policy| (&policy.id, &policy.name, policy.latest_version)).collect();
    let history = zone.history(&HistoryFilter::new(), &PageRequest::new().limit(1))?;
    let in_force = match zone.in_force(Target::Zone) {
        Ok(binding) => Some(binding.policy_set_version_id),
        Err(error) if error.kind() == ErrorKind::NotBound => None,
        Err(error) => return Err(error),
    };
    Ok(format!("{zones:?} {:?} {names:?} {:?} {in_force:?}", policies.total_count, history.items))
}

/// The decision of zone `a` about one request.
pub(super) fn decision(store: &PolicyStore) -> Result<String> {
    match store.zone("a")?.authorizer(Target::Zone) {
        Ok(authorizer) => Ok(decide(&authorizer)),
        Err(error) if error.kind() == ErrorKind::NotBound => Ok("not bound".to_owned()),
        Err(error) => Err(error),
    }
}
