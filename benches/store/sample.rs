//! The sample policies, plain Cedar's work on a new one, and the folder of files.

use cedar_policy::{PolicySet, Schema, ValidationMode, Validator};
use tempfile::TempDir;

use crate::run;

pub const SCHEMA_VERSION: &str = "2026-02-24";
pub const SCHEMA: &str = "entity Team; entity User in [Team] { level: Long, mail: String };
    entity Folder; entity Doc in [Folder] { owner: User, public: Bool, labels: Set<String> };
    action view, edit, share appliesTo { principal: User, resource: Doc, context: { mfa: Bool, hour: Long } };";

/// The text of the `n`th policy: about 330 bytes, different for each `n`.
pub fn text(n: usize) -> String {
    let effect = if n % 10 == 9 { "forbid" } else { "permit" };
    format!(
        "// Rule {n}: who is in the team, or owns the document, during the day.\n\
         {effect} (principal in Team::\"t{n}\", action in [Action::\"view\", Action::\"edit\"], resource in Folder::\"f{n}\")\n\
         when {{ principal.level >= {} || resource.owner == principal }}\n\
         unless {{ context.hour > 20 && !context.mfa || resource.labels.contains(\"sealed-{n}\") }};\n",
        n % 7
    )
}

/// Plain Cedar: the floor of all work on a new policy version.
pub struct Cedar(Validator);

impl Cedar {
    pub fn new() -> Self {
        Self(Validator::new(Schema::from_cedarschema_str(SCHEMA).unwrap().0))
    }

    /// Parses, validates in strict mode, and returns the JSON.
    pub fn json(&self, text: &str) -> String {
        let set: PolicySet = text.parse().unwrap();
        assert!(self.0.validate(&set, ValidationMode::Strict).validation_passed());
        set.to_json().unwrap().to_string()
    }
}

/// `full` in a run that measures, and a hundredth of it in any other run.
pub fn size(full: usize) -> usize {
    if run::measures() { full } else { full / 100 }
}

/// The number of the version to read in the `n`th read, of `versions` in all. The stride is prime, so consecutive reads
/// are not adjacent in the file.
pub fn scattered(n: u64, versions: usize) -> u32 {
    (n * 7_919 % versions as u64) as u32 + 1
}

/// An empty folder in the target folder, so that files are on a disk and not in memory.
pub fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}
