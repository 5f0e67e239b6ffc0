//! A plan as it is shown: the steps for schema, policies and set, the binding, and the findings.

use policy_store::{PlannedPolicy, PlannedStep, PolicySetPlan};

use super::binding::mode_words;
use super::difference;
use crate::folder::Folder;
use crate::output::color::{ADDED, CHANGED, REMOVED, paint};
use crate::output::{Page, count, plain};

/// Adds a plan. With its folder, findings name files and lines.
pub fn print(page: &mut Page, plan: &PolicySetPlan, folder: Option<&Folder>) {
    let (set, target) = (plan.policy_set(), plan.target());
    page.heading(format!(
        "zone {}, policy set {}, for {}",
        plan.zone_id(),
        plain(&set.name),
        plain(&target.to_string())
    ));
    if plan.schema().publish {
        page.line(paint(ADDED, format!("+ schema {} (published)", plan.schema().version)));
    } else if plan.base().is_some_and(|base| base.schema_version != plan.schema().version) {
        page.line(paint(CHANGED, format!("~ schema {}", plan.schema().version)));
    }
    if set.create {
        page.line(paint(ADDED, format!("+ policy set {} (created)", plain(&set.name))));
    }
    if let Some(before) = &set.renamed_from {
        page.line(paint(CHANGED, format!("~ policy set {} is renamed to {}", plain(before), plain(&set.name))));
    }
    for policy in plan.policies() {
        print_policy(page, policy);
    }
    for finding in plan.findings() {
        let policy = folder.and_then(|folder| folder.policies.iter().find(|policy| policy.name == finding.policy));
        let (file, header) =
            policy.map_or((finding.policy.as_str(), 0), |policy| (policy.file.as_str(), policy.header_lines));
        let place = finding
            .diagnostic
            .place
            .map_or_else(String::new, |place| format!(":{}:{}", place.line.saturating_add(header), place.column));
        let kind = if finding.error { paint(REMOVED, "error") } else { paint(CHANGED, "warning") };
        page.line(format!("{kind} {}{place}: {}", plain(file), plain(&finding.diagnostic.message)));
    }
    if let Some(tests) = plan.tests().filter(|tests| tests.keep) {
        page.line(paint(CHANGED, format!("~ {} kept with the version", count(tests.cases, "test"))));
    }
    print_binding(page, plan);
}

fn print_policy(page: &mut Page, policy: &PlannedPolicy) {
    let PlannedPolicy { step, renamed_from, description, change, .. } = policy;
    let mut notes = Vec::new();
    match step {
        PlannedStep::Create => notes.push("created".to_owned()),
        PlannedStep::Pin => notes.push("pinned".to_owned()),
        PlannedStep::Unpin => notes.push("unpinned".to_owned()),
        _ => {}
    }
    notes.extend(renamed_from.as_ref().map(|before| format!("renamed from {before}")));
    notes.extend(description.as_ref().filter(|_| *step != PlannedStep::Create).map(|_| "described anew".to_owned()));
    if *step == PlannedStep::Keep && notes.is_empty() {
        return;
    }
    difference::print_policy(page, change, &plain(&notes.join(", ")));
    // All statements of a policy that goes are gone: its name says so.
    if *step != PlannedStep::Unpin {
        difference::print_statements(page, &change.statements);
    }
}

fn print_binding(page: &mut Page, plan: &PolicySetPlan) {
    let set = plan.policy_set();
    let version = plain(&format!("{}@{}", set.name, set.version));
    let is_new = set.policy_set_version_id.is_none();
    let mode = mode_words(plan.mode());
    let errors = plan.findings().iter().filter(|finding| finding.error).count();
    if errors > 0 {
        page.line(paint(REMOVED, format!("cannot be applied: {}", count(errors, "error"))));
    } else if plan.is_empty() {
        page.line(format!("no changes: {version} is {mode}"));
    } else if plan.binds() {
        let before = plan.replaces().map_or_else(String::new, |before| {
            let same = before.policy_set_id.as_str() == set.policy_set_id.as_ref().map_or("", |id| id.as_str());
            let name = if same { set.name.as_str() } else { before.policy_set_id.as_str() };
            format!(" in place of {}@{}", plain(name), before.version)
        });
        let new = if is_new { " (new)" } else { "" };
        page.line(paint(CHANGED, format!("{version}{new} {mode}{before}")));
    }
}
