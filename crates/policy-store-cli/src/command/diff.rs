//! `pstore diff`: the difference between two policy set versions, by policies and statements.

use clap::Args;
use policy_store::{At, Include, PolicySetDifference, Syntax, Zone};
use serde::Serialize;

use crate::Exit;
use crate::args::TargetArg;
use crate::failure::{Failure, Result};
use crate::name::{self, known::KnownNames};
use crate::output::color::{CHANGED, paint};
use crate::output::{Page, Reply, plain};
use crate::session::Session;
use crate::shown::difference;

/// Show the difference between two policy set versions; exits with 2 if there is one
#[derive(Args)]
pub struct Diff {
    /// The zone
    zone: String,
    /// The older version, such as `live@6`; without it, the one that was in force before
    #[arg(value_name = "FROM")]
    from: Option<String>,
    /// The newer version; without it, the one in force
    #[arg(value_name = "TO")]
    to: Option<String>,
    #[command(flatten)]
    target: TargetArg,
}

#[derive(Serialize)]
struct Reported {
    differs: bool,
    #[serde(flatten)]
    difference: PolicySetDifference,
    #[serde(skip)]
    names: [String; 2],
    /// Both sources, if the schema versions differ and have one syntax.
    #[serde(skip)]
    schemas: Option<[String; 2]>,
}

impl Reply for Reported {
    fn text(&self, page: &mut Page) {
        let [from, to] = &self.names;
        if !self.differs {
            page.line(plain(&format!("no difference between {from} and {to}")));
            return;
        }
        page.heading(plain(&format!("{from} → {to}")));
        let (from, to) = (&self.difference.from.schema_version, &self.difference.to.schema_version);
        if from != to {
            page.line(paint(CHANGED, format!("~ schema {from} → {to}")));
            if let Some([from, to]) = &self.schemas {
                difference::print_texts(page, 4, from, to);
            }
        }
        for policy in &self.difference.policies {
            difference::print_policy(page, policy, "");
            difference::print_statements(page, &policy.statements);
        }
    }

    fn exit(&self) -> Exit {
        if self.differs { Exit::Differs } else { Exit::Done }
    }
}

impl Diff {
    /// Runs the command.
    pub fn run(self, session: &Session) -> Result<Exit> {
        let store = session.reader()?;
        let zone = session.zone(&store, &self.zone)?;
        let target = self.target.target;
        let version = |text: &String| Ok::<_, Failure>(name::policy_set_version(&zone, &target, text)?.1.id);
        let to = match &self.to {
            Some(to) => version(to)?,
            None => zone.in_force(target.clone())?.policy_set_version_id,
        };
        let from = match &self.from {
            Some(from) => version(from)?,
            None => {
                let now = zone.in_force(target.clone())?;
                let before = zone.in_force_at(target.clone(), At::Before(now.position));
                before.map_err(|error| never_before(error, &self.zone))?.policy_set_version_id
            }
        };
        let difference = zone.difference(from, to)?;
        session.out.reply(&report(&zone, difference)?)
    }
}

/// The failure to find the version that was in force before.
fn never_before(error: policy_store::Error, zone: &str) -> Failure {
    match error.code() {
        "not_bound" => Failure::new(error.code(), error.kind().as_str(), "no earlier version was in force")
            .within(format!("zone `{zone}`"))
            .help(format!("name the versions, as `pstore diff {zone} 1 2`")),
        _ => error.into(),
    }
}

fn report(zone: &Zone, difference: PolicySetDifference) -> Result<Reported> {
    let mut names = KnownNames::new(zone);
    let sides = [&difference.from, &difference.to];
    let named = sides.map(|side| format!("{}@{}", names.policy_set(&side.policy_set_id), side.version));
    let mut sources = Vec::new();
    for side in sides.into_iter().filter(|_| difference.from.schema_version != difference.to.schema_version) {
        let schema = zone.schema(&side.schema_version, Include::Cedar)?.schema;
        if schema.syntax == Syntax::Cedar {
            sources.extend(schema.cedar_schema.map(|text| text.to_string()));
        }
    }
    let schemas = <[String; 2]>::try_from(sources).ok();
    Ok(Reported { differs: !difference.is_none(), difference, names: named, schemas })
}
