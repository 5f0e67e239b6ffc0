//! A folder as a policy set: a schema, policies, tests and settings in files. Does not know the store.
//!
//! ```text
//! pstore.toml                    the zone, the policy set, the schema's version; optional
//! schema.cedarschema             or schema.cedarschema.json
//! policies/mfa.cedar             one policy a file
//! tests/*.json                   in the form of `cedar run-tests`; optional
//! entities.json                  for `check --entities`; optional, not read by `plan` and `apply`
//! ```

mod file_name;
pub mod files;
mod header;
mod read;
pub mod schema;
pub mod settings;
pub mod suites;
mod write;

pub use read::read;
use schema::FolderSchema;
use settings::Settings;
pub use write::write;

/// The content of a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folder {
    /// The settings of `pstore.toml`; empty ones without that file.
    pub settings: Settings,
    /// The schema; none without its file.
    pub schema: Option<FolderSchema>,
    /// The policies, sorted by the names of their files.
    pub policies: Vec<FolderPolicy>,
    /// The files of tests, sorted by their names.
    pub tests: Vec<FolderTests>,
}

impl Folder {
    /// The file of the policy with this name.
    pub fn file_of(&self, name: &str) -> Option<&str> {
        self.policies.iter().find(|policy| policy.name == name).map(|policy| policy.file.as_str())
    }

    /// Whether both have the same content, whatever the names of the files of their policies. Each policy has an id.
    pub fn has_the_content_of(&self, other: &Self) -> bool {
        let policies = |folder: &Self| {
            let mut policies = folder.policies.clone();
            for policy in &mut policies {
                policy.file.clear();
                policy.header_lines = 0;
            }
            policies.sort_by(|one, other| one.id.cmp(&other.id));
            policies
        };
        let rest = |folder: &Self| (folder.settings.clone(), folder.schema.clone(), folder.tests.clone());
        rest(self) == rest(other) && policies(self) == policies(other)
    }
}

/// A policy of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderPolicy {
    /// Its file, below the folder.
    pub file: String,
    /// The id in its header.
    pub id: Option<String>,
    /// Its name: of the header, or else of the file.
    pub name: String,
    /// The description in its header.
    pub description: Option<String>,
    /// Its text, without the header.
    pub text: String,
    /// The number of lines before the text.
    pub header_lines: u32,
}

/// A file of tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderTests {
    /// The file, below the folder.
    pub file: String,
    /// Its JSON.
    pub json: String,
}
