//! `pstore log`: the history of a zone, of the store's own log, or of all of them, newest first.

use std::collections::HashMap;

use clap::Args;
use policy_store::{
    ChangeKind, Held, HistoryEntry, HistoryFilter, Items, Order, PageRequest, StoreSnapshot, Target, Timestamp, Zone,
    ZoneId,
};
use serde::Serialize;

use crate::Exit;
use crate::args;
use crate::failure::Result;
use crate::name;
use crate::name::known::KnownNames;
use crate::output::color::{DIM, paint};
use crate::output::{Page, plain};
use crate::session::{Session, parse_actor};
use crate::shown::{actor, change};

/// Show the history of a zone, newest first; with --json one entry a line
#[derive(Args)]
pub struct Log {
    /// The zone; without it, the store's own log: zones, schemas, seals
    zone: Option<String>,
    /// All zones and the store's own log, as one timeline
    #[arg(long, conflicts_with = "zone")]
    all: bool,
    #[command(flatten)]
    wanted: Wanted,
    /// At most this many entries
    #[arg(long, short = 'n', value_name = "NUMBER")]
    limit: Option<usize>,
    /// Oldest first
    #[arg(long)]
    reverse: bool,
}

/// The entries that are wanted. Values of one option are alternatives.
#[derive(Args)]
struct Wanted {
    /// From this time on: RFC 3339, or a date
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// Before this time
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// By this author: `customer:ID` or `platform:ID`
    #[arg(long, value_name = "ACTOR")]
    by: Vec<String>,
    /// Of this kind, such as `bound` or `policy_version_created`
    #[arg(long, value_name = "KIND")]
    kind: Vec<ChangeKind>,
    /// About this policy and its versions
    #[arg(long, value_name = "NAME", requires = "zone")]
    policy: Vec<String>,
    /// About this policy set, its versions and bindings
    #[arg(long, value_name = "NAME", requires = "zone")]
    set: Vec<String>,
    /// About this schema version
    #[arg(long, value_name = "NAME")]
    schema: Vec<String>,
    /// About the bindings of this target: `zone`, or `user:ID`
    #[arg(long, value_name = "TARGET", value_parser = args::target)]
    target: Vec<Target>,
}

impl Wanted {
    fn filter(&self, zone: Option<&Zone<Held>>) -> Result<HistoryFilter> {
        let mut filter = HistoryFilter::new();
        if let Some(since) = self.since {
            filter = filter.since(since);
        }
        if let Some(until) = self.until {
            filter = filter.until(until);
        }
        for by in &self.by {
            filter = filter.by(parse_actor(by)?);
        }
        filter = self.kind.iter().fold(filter, |filter, kind| filter.kind(*kind));
        filter = self.schema.iter().fold(filter, HistoryFilter::schema);
        filter = self.target.iter().cloned().fold(filter, HistoryFilter::target);
        if let Some(zone) = zone {
            for policy in &self.policy {
                filter = filter.policy(name::policy(zone, policy)?.id);
            }
            for set in &self.set {
                filter = filter.policy_set(name::policy_set(zone, set)?.id);
            }
        }
        Ok(filter)
    }
}

impl Log {
    /// Runs the command.
    pub fn run(self, session: &Session) -> Result<Exit> {
        let store = session.reader()?;
        let order = if self.reverse { Order::Ascending } else { Order::Descending };
        let page_request = PageRequest::new().limit(self.limit.unwrap_or(100).clamp(1, 100)).order(order);
        let snapshot = store.snapshot()?;
        if let Some(zone) = &self.zone {
            let zone = session.zone(&store, zone)?.snapshot()?;
            let filter = self.wanted.filter(Some(&zone))?;
            let mut names = KnownNames::new(&zone);
            let words = |entry: &HistoryEntry| (String::new(), change::line(&mut names, &entry.change));
            return self.print(session, zone.history_iter(&filter, &page_request), |entry| entry, words);
        }
        let filter = self.wanted.filter(None)?;
        if self.all {
            let mut zones = HashMap::new();
            let timeline = snapshot.timeline_iter(&filter, &page_request);
            return self.print(
                session,
                timeline,
                |logged| &logged.entry,
                |logged| {
                    let zone = logged.zone_id.as_ref();
                    let words = zone.and_then(|id| names_of(&mut zones, &snapshot, id));
                    let words = words.map(|names| change::line(names, &logged.entry.change));
                    let place = zone.map_or_else(|| "-".to_owned(), ZoneId::to_string);
                    (format!("{place:<12}  "), words.unwrap_or_else(|| change::without_names(&logged.entry.change)))
                },
            );
        }
        let words = |entry: &HistoryEntry| (String::new(), change::without_names(&entry.change));
        self.print(session, snapshot.history_iter(&filter, &page_request), |entry| entry, words)
    }

    /// Prints entry after entry, until the reader has seen enough.
    fn print<T: Serialize>(
        &self,
        session: &Session,
        items: Items<T>,
        entry: impl Fn(&T) -> &HistoryEntry,
        mut words: impl FnMut(&T) -> (String, String),
    ) -> Result<Exit> {
        let mut last = None;
        for item in items.take(self.limit.unwrap_or(usize::MAX)) {
            let item = item?;
            let goes_on = if session.out.is_json() {
                let mut line = serde_json::to_vec(&item)?;
                line.push(b'\n');
                session.out.raw(&line)?
            } else {
                let mut page = session.out.page();
                let (place, words) = words(&item);
                // The reason belongs to the whole write: it is shown once.
                let entry = entry(&item);
                let write = Some((place.clone(), entry.write));
                print_entry(&mut page, entry, &place, &words, write != last);
                last = write;
                session.out.print(&page)?
            };
            if !goes_on {
                break;
            }
        }
        Ok(Exit::Done)
    }
}

/// The names of a zone's resources; none if the zone is gone.
fn names_of<'a>(
    zones: &'a mut HashMap<ZoneId, Option<KnownNames<Held>>>,
    snapshot: &StoreSnapshot,
    id: &ZoneId,
) -> Option<&'a mut KnownNames<Held>> {
    let look_up = || snapshot.zone(id).ok().map(|zone| KnownNames::new(&zone));
    zones.entry(id.clone()).or_insert_with(look_up).as_mut()
}

fn print_entry(page: &mut Page, entry: &HistoryEntry, place: &str, words: &str, with_reason: bool) {
    let (position, time) = (paint(DIM, format!("{:>5}", entry.position)), page.time(entry.created_at));
    let by = actor(&entry.created_by);
    let imported = entry.imported_by.as_ref().map(|by| format!(" (imported by {})", actor(by))).unwrap_or_default();
    page.line(format!("{place}{position}  {time}  {by:<18}  {}{}", plain(words), plain(&imported)));
    if with_reason {
        page.rationale(place.len() + 9, entry.rationale.as_ref());
    }
}
