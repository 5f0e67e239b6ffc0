//! `pstore init`: creates the store's file and zones.

use clap::Args;
use serde::Serialize;

use crate::Exit;
use crate::args;
use crate::failure::Result;
use crate::output::color::{ADDED, paint};
use crate::output::{Page, Reply, plain};
use crate::session::Session;

/// Create the store's file if there is none, and zones in it
#[derive(Args)]
pub struct Init {
    /// Zones to create; those that exist stay as they are
    #[arg(value_name = "ZONE")]
    zones: Vec<String>,
    #[command(flatten)]
    why: args::Why,
}

#[derive(Serialize)]
struct Reported {
    store: String,
    created: bool,
    zones: Vec<InitZone>,
}

#[derive(Serialize)]
struct InitZone {
    id: String,
    created: bool,
}

impl Reply for Reported {
    fn text(&self, page: &mut Page) {
        let said = |created: bool| if created { paint(ADDED, "created") } else { "is there already".to_owned() };
        page.line(format!("store {} {}", plain(&self.store), said(self.created)));
        for zone in &self.zones {
            page.line(format!("zone {} {}", zone.id, said(zone.created)));
        }
    }
}

impl Init {
    /// Runs the command.
    pub fn run(self, session: &Session) -> Result<Exit> {
        let created = !session.path().exists();
        let actor = session.actor()?;
        let why = self.why.rationale()?;
        let store = session.creator()?;
        let zones = if self.zones.is_empty() {
            Vec::new()
        } else {
            store.write(&actor, |w| {
                w.rationale(why)?;
                let mut zones = Vec::new();
                for id in &self.zones {
                    let created = match w.zone(id) {
                        Ok(_) => false,
                        Err(error) if error.code() == "not_found" => {
                            w.create_zone(id)?;
                            true
                        }
                        Err(error) => return Err(error),
                    };
                    zones.push(InitZone { id: id.clone(), created });
                }
                Ok(zones)
            })?
        };
        let store = session.path().display().to_string();
        session.out.reply(&Reported { store, created, zones })
    }
}
