//! `pstore preflight`: which policies would still validate with another schema.

use std::path::PathBuf;

use clap::Args;
use policy_store::{Candidate, NewSchema, PolicySetVersionCheck, PolicyVersionCheck, ZonePreflight};
use serde::Serialize;

use crate::Exit;
use crate::failure::{Failure, Result};
use crate::folder::schema::FolderSchema;
use crate::name::known::KnownNames;
use crate::output::color::{ADDED, REMOVED, paint};
use crate::output::progress::LongWork;
use crate::output::{Page, Reply, count, plain};
use crate::session::Session;
use crate::shown::diagnostic;

/// Show which policy versions would still validate with another schema
#[derive(Args)]
pub struct Preflight {
    /// The schema's file: `.cedarschema`, or `.json`
    #[arg(value_name = "FILE", required_unless_present = "version")]
    file: Option<PathBuf>,
    /// A published schema version in place of a file
    #[arg(long, value_name = "NAME", conflicts_with = "file")]
    version: Option<String>,
    /// Only this zone
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// Only what is in force, shadow or guardrail, or the newest version
    #[arg(long)]
    current: bool,
}

/// The name of a schema that is not published. It stands in the report.
const CANDIDATE: &str = "candidate";

#[derive(Serialize)]
struct Reported {
    clean: bool,
    zones: Vec<ZonePreflight>,
    #[serde(skip)]
    names: Vec<Vec<String>>,
}

impl Reply for Reported {
    fn text(&self, page: &mut Page) {
        for (zone, names) in self.zones.iter().zip(&self.names) {
            let (all, failing) = (zone.policy_versions.len(), zone.failing().count());
            let state = if zone.is_clean() { paint(ADDED, "clean") } else { paint(REMOVED, format!("{failing} fail")) };
            page.heading(format!("zone {}", zone.zone_id));
            page.line(format!("  {}, {state}", count(all, "policy version")));
            for (check, name) in zone.policy_versions.iter().zip(names).filter(|(check, _)| !check.valid) {
                print_check(page, name, check);
            }
            print_sets(page, zone);
        }
        if self.zones.is_empty() {
            page.line("no zones");
        }
    }

    fn exit(&self) -> Exit {
        if self.clean { Exit::Done } else { Exit::Differs }
    }
}

fn print_check(page: &mut Page, name: &str, check: &PolicyVersionCheck) {
    page.line(format!("  {} {}", paint(REMOVED, "fails"), plain(name)));
    for finding in check.findings.iter() {
        diagnostic::print(page, 4, finding);
    }
    if check.omitted > 0 {
        page.line(format!("    {} more", check.omitted));
    }
}

fn print_sets(page: &mut Page, zone: &ZonePreflight) {
    for set in zone.failing_sets() {
        let mut uses: Vec<String> = Vec::new();
        uses.extend(set.active.as_ref().map(|target| format!("in force for {target}")));
        uses.extend(set.shadow.as_ref().map(|target| format!("shadow for {target}")));
        uses.extend(set.guardrail.then(|| "the guardrail".to_owned()));
        if !uses.is_empty() {
            let uses = uses.join(", ");
            page.line(plain(&format!(
                "  set version {} of {}, {uses}, pins {} of them",
                set.version,
                set.policy_set_id,
                set.failing.len()
            )));
        }
    }
}

impl Preflight {
    /// Runs the command.
    pub fn run(self, session: &Session) -> Result<Exit> {
        let candidate = match (&self.file, &self.version) {
            (Some(file), _) => match FolderSchema::read(file)? {
                FolderSchema { text, is_json: true, .. } => Candidate::from(NewSchema::json(CANDIDATE, text)),
                FolderSchema { text, .. } => Candidate::from(NewSchema::cedar(CANDIDATE, text)),
            },
            (None, Some(version)) => Candidate::from(version.as_str()),
            (None, None) => return Err(Failure::invalid("expected a schema's file or `--version`")),
        };
        let store = session.reader()?;
        let mut zones = match &self.zone {
            Some(zone) => vec![session.zone(&store, zone)?.preflight(candidate)?],
            None => {
                let work = LongWork::new();
                store.watched(work.observer()).preflight(candidate)?.zones
            }
        };
        if self.current {
            zones.iter_mut().for_each(keep_current);
        }
        let mut names = Vec::new();
        for zone in &zones {
            let handle = store.zone(&zone.zone_id)?;
            let mut known = KnownNames::new(&handle);
            let name = |check: &PolicyVersionCheck| format!("{}@{}", known.policy(&check.policy_id), check.version);
            names.push(zone.policy_versions.iter().map(name).collect());
        }
        session.out.reply(&Reported { clean: zones.iter().all(ZonePreflight::is_clean), zones, names })
    }
}

/// Whether a policy set version is bound, in any mode.
fn is_bound(set: &PolicySetVersionCheck) -> bool {
    set.active.is_some() || set.shadow.is_some() || set.guardrail
}

/// Leaves the newest versions, and the failing ones that are bound.
fn keep_current(zone: &mut ZonePreflight) {
    zone.policy_set_versions.retain(|set| set.latest || is_bound(set));
    let bound: Vec<_> =
        zone.policy_set_versions.iter().filter(|set| is_bound(set)).flat_map(|set| &set.failing).collect();
    zone.policy_versions.retain(|check| check.latest || bound.contains(&&check.id));
}
