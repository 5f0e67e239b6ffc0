//! A follower: keeps a store file of its own at the newest head, and decides by it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use policy_store::{PolicyStore, ZoneChoice, ZoneId};
use policy_store_replica::{Follower, Polled, PublicationTrust, StatusHandle};
use serde::{Deserialize, Serialize};

use crate::{Result, answer_lines, doors};

/// The age from which on the rules count as old. The writer repeats its newest head each quarter of a second.
pub const MAX_AGE: Duration = Duration::from_millis(1_500);

/// The state of a follower.
#[derive(Debug, Serialize, Deserialize)]
pub struct Told {
    /// The decision in Berlin, or the code of the store's error.
    pub berlin: String,
    /// The same in Lisbon.
    pub lisbon: String,
    /// The receipt of the decision in Berlin; empty without one.
    pub receipt: String,
    /// The outcome of the last poll: `fresh`, or the code of the error.
    pub poll: String,
    /// The age of the rules; none before the first head since the process began.
    pub age: Option<Duration>,
}

/// Follows all zones, or those that are given. Answers each line with its state.
pub async fn run(folder: &Path, file: &Path, zones: &[&str]) -> Result<()> {
    let replica = PolicyStore::builder().open_replica(file)?;
    let chosen: BTreeSet<_> = zones.iter().map(|id| ZoneId::new(*id)).collect::<Result<_, _>>()?;
    let zones = if chosen.is_empty() { ZoneChoice::All } else { ZoneChoice::Only(chosen) };
    let trust = PublicationTrust::new(doors::key(doors::signer()?.jwk())?)?;
    let mut follower = Follower::new(doors::bucket(folder)?, trust, replica).zones(zones).max_age(MAX_AGE);

    let last = Arc::new(Mutex::new("nothing yet"));
    let (store, status, polled) = (follower.store().clone(), follower.status(), last.clone());
    let commands = tokio::task::spawn_blocking(move || answer_lines(|_| state(&store, &status, &polled)));
    let stop = async {
        if let Ok(Err(error)) = commands.await {
            eprintln!("a follower: {error}");
        }
    };
    follower
        .run(Duration::from_millis(20), stop, |outcome| {
            *last.lock().unwrap_or_else(PoisonError::into_inner) = match outcome {
                Ok(Polled::Empty) => "nothing yet",
                Ok(_) => "fresh",
                Err(error) => error.code(),
            };
        })
        .await;
    Ok(())
}

fn state(store: &PolicyStore, status: &StatusHandle, polled: &Mutex<&'static str>) -> Result<String> {
    let decided = |zone| doors::decide(store, zone).unwrap_or_else(|error| (error.code().to_owned(), String::new()));
    let (berlin, receipt) = decided(doors::BERLIN);
    let told = Told {
        berlin,
        receipt,
        lisbon: decided(doors::LISBON).0,
        poll: (*polled.lock().unwrap_or_else(PoisonError::into_inner)).to_owned(),
        age: status.get().map(|status| status.age),
    };
    Ok(serde_json::to_string(&told)?)
}
