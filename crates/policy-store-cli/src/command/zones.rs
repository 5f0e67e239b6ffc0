//! `pstore zones`: the zones of the store.

use clap::Args;
use policy_store::{Order, Target, ZoneInfo};
use serde::Serialize;

use crate::Exit;
use crate::failure::Result;
use crate::name::known::KnownNames;
use crate::name::pages;
use crate::output::color::{CHANGED, DIM};
use crate::output::table::{Table, cell, styled};
use crate::output::{Page, Reply};
use crate::session::Session;
use crate::shown::actor;
use crate::shown::binding::ShownBinding;

/// List the zones, with the version in force for each
#[derive(Args)]
pub struct Zones {}

#[derive(Serialize)]
struct Reported {
    zones: Vec<ShownZone>,
}

#[derive(Serialize)]
struct ShownZone {
    #[serde(flatten)]
    zone: ZoneInfo,
    in_force: Option<ShownBinding>,
}

impl Reply for Reported {
    fn text(&self, page: &mut Page) {
        if self.zones.is_empty() {
            page.line("no zones: `pstore init ZONE` creates one");
            return;
        }
        let mut table = Table::new(&["zone", "in force", "since", "by", "created", ""]);
        for ShownZone { zone, in_force } in &self.zones {
            let (version, since, by) = match in_force {
                Some(bound) => (bound.version(), page.time(bound.binding.since), actor(&bound.binding.by)),
                None => ("-".to_owned(), String::new(), String::new()),
            };
            let state = if zone.suspended { styled(CHANGED, "suspended") } else { cell("") };
            let created = styled(DIM, page.time(zone.created_at));
            table.row([cell(zone.id.as_str()), cell(version), cell(since), cell(by), created, state]);
        }
        table.print(0, page);
    }
}

impl Zones {
    /// Runs the command.
    pub fn run(self, session: &Session) -> Result<Exit> {
        let store = session.reader()?;
        let snapshot = store.snapshot()?;
        let mut zones = Vec::new();
        let mut page = snapshot.zones(&pages().order(Order::Ascending))?;
        let mut infos = std::mem::take(&mut page.items);
        while let Some(after) = page.after_cursor.take() {
            page = snapshot.zones(&pages().order(Order::Ascending).after(after))?;
            infos.append(&mut page.items);
        }
        for zone in infos {
            let reader = snapshot.zone(&zone.id)?;
            let in_force = match reader.in_force(Target::Zone) {
                Ok(binding) => Some(ShownBinding::new(&mut KnownNames::new(&reader), binding)),
                Err(error) if error.code() == "not_bound" => None,
                Err(error) => return Err(error.into()),
            };
            zones.push(ShownZone { zone, in_force });
        }
        session.out.reply(&Reported { zones })
    }
}
