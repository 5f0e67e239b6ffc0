//! The policies that are measured, what plain Cedar does with a new one, and where files are made.

use cedar_policy::{PolicySet, Schema, ValidationMode, Validator};
use tempfile::TempDir;

use crate::run;

pub const SCHEMA_VERSION: &str = "2026-02-24";
pub const SCHEMA: &str = "entity Team; entity User in [Team] { level: Long, mail: String };
    entity Folder; entity Doc in [Folder] { owner: User, public: Bool, labels: Set<String> };
    action view, edit, share appliesTo { principal: User, resource: Doc, context: { mfa: Bool, hour: Long } };";

/// The text of the `n`th policy: about 330 bytes, no two alike.
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

/// Cedar alone: the floor of all work on a new policy version.
pub struct Cedar(Validator);

impl Cedar {
    pub fn new() -> Self {
        Self(Validator::new(Schema::from_cedarschema_str(SCHEMA).unwrap().0))
    }

    /// Parses, validates in strict mode, and returns the JSON form.
    pub fn json(&self, text: &str) -> String {
        let set: PolicySet = text.parse().unwrap();
        assert!(self.0.validate(&set, ValidationMode::Strict).validation_passed());
        set.to_json().unwrap().to_string()
    }
}

/// `full` in a run that measures, a hundredth of it in one that only shows that the program works.
pub fn size(full: usize) -> usize {
    if run::measures() { full } else { full / 100 }
}

/// The number of the version to read as the `n`th, from `versions` of them. The stride is prime, so that neighbours in
/// time are no neighbours in the file.
pub fn scattered(n: u64, versions: usize) -> u32 {
    (n * 7_919 % versions as u64) as u32 + 1
}

/// An empty folder beside what was built, so that files lie on a disk and not in memory.
pub fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}
