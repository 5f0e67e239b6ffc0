//! `pstore status`: the versions in force in a zone, since when, by whom and why; the newer ones; the policies.

use clap::Args;
use policy_store::{At, Binding, BindingFilter, Committed, Include, Order, Target, Timestamp, Zone, ZoneInfo};
use serde::Serialize;

use crate::Exit;
use crate::args::TargetArg;
use crate::failure::Result;
use crate::name::known::KnownNames;
use crate::name::pages;
use crate::output::color::{CHANGED, DIM, paint};
use crate::output::table::{Table, cell, styled};
use crate::output::{Page, Reply, count, plain, why};
use crate::session::Session;
use crate::shown::actor;
use crate::shown::binding::ShownBinding;

/// Show the versions in force: since when, by whom, why; and which newer versions there are
#[derive(Args)]
pub struct Status {
    /// The zone
    zone: String,
    #[command(flatten)]
    target: TargetArg,
    /// As of this time: RFC 3339, or a date
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
}

#[derive(Serialize)]
struct Reported {
    zone: ZoneInfo,
    /// The target whose policies are listed.
    target: Target,
    /// Every binding that lasts: of the zone and its users, active, shadow and guardrail.
    bindings: Vec<ShownBinding>,
    /// The number of the newest version of the set in force; none if nothing is in force.
    newest_version: Option<u32>,
    schema_version: Option<String>,
    /// The number of tests kept with the version in force; none without a suite.
    tests: Option<usize>,
    policies: Vec<PinnedPolicy>,
}

#[derive(Serialize)]
struct PinnedPolicy {
    policy_id: String,
    name: String,
    description: Option<String>,
    /// The version that is in force.
    version: u32,
    /// The newest version.
    newest_version: Option<u32>,
    statements: u32,
    sha: String,
    schema_version: String,
}

impl Reply for Reported {
    fn text(&self, page: &mut Page) {
        let state = if self.zone.suspended { paint(CHANGED, ", suspended") } else { String::new() };
        page.heading(format!("zone {}{state}", self.zone.id));
        self.bindings(page);
        if self.zone.tests_required {
            page.line("  tests are demanded before a version is put in force");
        }
        page.gap();
        if self.policies.is_empty() {
            page.line(format!("nothing is in force for {}", plain(&self.target.to_string())));
            return;
        }
        let schema = self.schema_version.as_deref().unwrap_or_default();
        page.heading(format!(
            "{}, schema {schema}",
            count(self.policies.len(), "policy in force").replace("policy in forces", "policies in force")
        ));
        let mut table = Table::new(&["policy", "version", "newest", "statements", "sha", "description"]);
        for policy in &self.policies {
            let newest = policy.newest_version.filter(|newest| *newest != policy.version);
            let newest = newest.map_or_else(|| cell(""), |newest| styled(CHANGED, format!("{newest}")));
            let sha = styled(DIM, policy.sha.get(..12).unwrap_or_default());
            let (version, statements) = (cell(policy.version.to_string()), cell(policy.statements.to_string()));
            let description = cell(policy.description.as_deref().unwrap_or_default());
            table.row([cell(&policy.name), version, newest, statements, sha, description]);
        }
        (1..4).for_each(|column| table.right(column));
        table.print(2, page);
        if let Some(tests) = self.tests {
            page.line(format!("  {} kept with it", count(tests, "test")));
        }
    }
}

impl Reported {
    fn bindings(&self, page: &mut Page) {
        if self.bindings.is_empty() {
            return;
        }
        let mut table = Table::new(&["target", "mode", "version", "since", "by", "why"]);
        for shown in &self.bindings {
            let Binding { target, mode, since, by, rationale, .. } = &shown.binding;
            let newer = self.newest_version.filter(|newest| {
                *target == self.target && mode.as_str() == "active" && *newest > shown.binding.version
            });
            let version = match newer {
                Some(newest) => styled(CHANGED, format!("{} (newest: {newest})", shown.version())),
                None => cell(shown.version()),
            };
            let reason = rationale.as_ref().and_then(why).unwrap_or_default();
            let target = target_word(target);
            table.row([
                cell(target),
                cell(mode.as_str()),
                version,
                cell(page.time(*since)),
                cell(actor(by)),
                cell(reason.replace('\n', " ")),
            ]);
        }
        table.print(2, page);
    }
}

/// A target as `--target` takes it.
fn target_word(target: &Target) -> String {
    match target {
        Target::User(id) => format!("user:{id}"),
        _ => "zone".to_owned(),
    }
}

impl Status {
    /// Runs the command.
    pub fn run(self, session: &Session) -> Result<Exit> {
        let store = session.reader()?;
        let zone = session.zone(&store, &self.zone)?;
        let reported = match self.at {
            Some(time) => report(&zone.as_of(At::Time(time))?, self.target.target)?,
            None => report(&zone.snapshot()?, self.target.target)?,
        };
        session.out.reply(&reported)
    }
}

/// Reads the report at one moment.
fn report<M: Committed>(zone: &Zone<M>, target: Target) -> Result<Reported> {
    let mut names = KnownNames::new(zone);
    let lasting = BindingFilter::new().ended(false);
    let mut bindings = Vec::new();
    for record in zone.bindings_iter(&lasting, &pages().order(Order::Ascending)) {
        bindings.push(ShownBinding::new(&mut names, record?.binding));
    }
    let mut reported = Reported {
        zone: zone.info()?,
        target: target.clone(),
        bindings,
        newest_version: None,
        schema_version: None,
        tests: None,
        policies: Vec::new(),
    };
    let binding = match zone.in_force(target) {
        Err(error) if error.code() == "not_bound" => return Ok(reported),
        binding => binding?,
    };
    let version = zone.policy_set_version(&binding.policy_set_version_id)?;
    reported.newest_version = zone.policy_set(&binding.policy_set_id)?.latest_version;
    reported.tests = zone.test_suite(&version.id)?.map(|suite| suite.len());
    reported.schema_version = Some(version.schema_version.to_string());
    for pin in &version.manifest.entries {
        let policy = zone.policy(&pin.policy_id)?;
        let pinned = zone.policy_version(&pin.policy_version_id, Include::Neither)?;
        reported.policies.push(PinnedPolicy {
            policy_id: policy.id.to_string(),
            name: policy.name,
            description: policy.description,
            version: pinned.version,
            newest_version: policy.latest_version,
            statements: pinned.statements,
            sha: pinned.sha.to_string(),
            schema_version: pinned.schema_version.to_string(),
        });
    }
    Ok(reported)
}
