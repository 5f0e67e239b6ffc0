//! `pstore export`: a policy set version as a folder, or as one bundle file.

use std::fs;
use std::path::PathBuf;

use clap::Args;
use policy_store::{At, Committed, Include, PolicySet, PolicySetVersion, Syntax, Target, Timestamp, Zone};
use serde::Serialize;

use crate::Exit;
use crate::args::TargetArg;
use crate::failure::{Failure, Result};
use crate::folder::schema::FolderSchema;
use crate::folder::settings::Settings;
use crate::folder::{self, Folder, FolderPolicy, FolderTests};
use crate::name;
use crate::output::{Page, Reply, count, plain};
use crate::session::Session;

/// Write the version in force as a folder that `plan` and `apply` read, or as one bundle file
#[derive(Args)]
pub struct Export {
    /// The zone
    zone: String,
    /// The folder; it is created if there is none
    #[arg(value_name = "DIR", required_unless_present = "bundle")]
    folder: Option<PathBuf>,
    /// Write a policy bundle to this file in place of a folder; it must not exist
    #[arg(long, value_name = "FILE", conflicts_with_all = ["folder", "version", "at", "replace"])]
    bundle: Option<PathBuf>,
    /// Another version than the one in force: `6`, or `live@6`
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// As of this time: RFC 3339, or a date
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// Remove files of policies and tests that the version does not have
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    target: TargetArg,
}

#[derive(Serialize)]
struct Reported {
    /// The version, as `live@7`.
    version: String,
    /// The folder or the bundle.
    path: String,
    files: Vec<String>,
}

impl Reply for Reported {
    fn text(&self, page: &mut Page) {
        page.line(plain(&format!("{}: {} in {}", self.version, count(self.files.len(), "file"), self.path)));
        self.files.iter().for_each(|file| page.line(format!("  {}", plain(file))));
    }
}

impl Export {
    /// Runs the command.
    pub fn run(self, session: &Session) -> Result<Exit> {
        let store = session.reader()?;
        let zone = session.zone(&store, &self.zone)?;
        let target = &self.target.target;
        if let Some(file) = &self.bundle {
            return bundle(session, &zone, target, file);
        }
        let (set, version, content) = match self.at {
            Some(time) => self.read(&zone.as_of(At::Time(time))?)?,
            None => self.read(&zone.snapshot()?)?,
        };
        let folder = self.folder.as_deref().ok_or_else(|| Failure::invalid("expected a folder"))?;
        let files = folder::write(session.path(), folder, &content, self.replace)?;
        if !folder::read(folder)?.has_the_content_of(&content) {
            let message = format!("the files in `{}` do not read back as they were written", folder.display());
            return Err(Failure::new("unfaithful", "unavailable", message).help("export to another file system"));
        }
        let version = format!("{}@{}", set.name, version.version);
        session.out.reply(&Reported { version, path: folder.display().to_string(), files })
    }

    fn read<M: Committed>(&self, zone: &Zone<M>) -> Result<(PolicySet, PolicySetVersion, Folder)> {
        let target = &self.target.target;
        let (set, version) = match &self.version {
            Some(version) => name::policy_set_version(zone, target, version)?,
            None => {
                let binding = zone.in_force(target.clone())?;
                let version = zone.policy_set_version(&binding.policy_set_version_id)?;
                (zone.policy_set(&binding.policy_set_id)?, version)
            }
        };
        let content = folder_of(zone, target, &set, &version)?;
        Ok((set, version, content))
    }
}

/// The folder of a policy set version.
pub fn folder_of<M: Committed>(
    zone: &Zone<M>,
    target: &Target,
    set: &PolicySet,
    version: &PolicySetVersion,
) -> Result<Folder> {
    let schema = zone.schema(&version.schema_version, Include::Both)?.schema;
    let is_json = schema.syntax == Syntax::Json;
    let text = if is_json { schema.cedar_schema_json } else { schema.cedar_schema };
    let mut content = Folder {
        settings: Settings {
            zone: Some(zone.id().to_string()),
            policy_set: Some(set.name.clone()),
            policy_set_id: Some(set.id.to_string()),
            schema_version: Some(version.schema_version.to_string()),
            target: match target {
                Target::User(id) => Some(format!("user:{id}")),
                _ => None,
            },
        },
        schema: text.map(|text| FolderSchema { text: text.to_string(), is_json }),
        ..Folder::default()
    };
    if let Some(suite) = zone.test_suite(&version.id)? {
        content.tests.push(FolderTests { file: "tests/suite.json".to_owned(), json: suite.as_json().to_owned() });
    }
    for pin in &version.manifest.entries {
        let policy = zone.policy(&pin.policy_id)?;
        let pinned = zone.policy_version(&pin.policy_version_id, Include::Cedar)?;
        content.policies.push(FolderPolicy {
            file: String::new(),
            id: Some(policy.id.to_string()),
            name: policy.name,
            description: policy.description,
            text: pinned.cedar_raw.as_deref().unwrap_or_default().to_owned(),
            header_lines: 0,
        });
    }
    Ok(content)
}

fn bundle(session: &Session, zone: &Zone, target: &Target, file: &std::path::Path) -> Result<Exit> {
    let bundle = zone.bundle(target.clone())?;
    let binding = zone.in_force(target.clone())?;
    let created = fs::OpenOptions::new().write(true).create_new(true).open(file);
    let written = created.and_then(|mut out| std::io::Write::write_all(&mut out, &bundle.to_bytes()));
    written.map_err(|error| Failure::file("write", file, &error))?;
    let version = format!("{}@{}", zone.policy_set(&binding.policy_set_id)?.name, binding.version);
    let files = bundle.policies().iter().map(|policy| format!("policies/{}.cedar", policy.key.as_str())).collect();
    session.out.reply(&Reported { version, path: file.display().to_string(), files })
}
