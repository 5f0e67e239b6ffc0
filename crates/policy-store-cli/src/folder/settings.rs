//! The settings of a folder: `pstore.toml`.

use std::path::Path;

use policy_store::Target;
use serde::{Deserialize, Serialize};

use super::files;
use crate::args;
use crate::failure::{Failure, Result};

/// The name of the file.
pub const FILE: &str = "pstore.toml";
/// The largest file.
const BYTES: usize = 64 * 1024;

/// The keys of `pstore.toml`. All are optional; others are refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// The name of the policy set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_set: Option<String>,
    /// The id of the policy set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_set_id: Option<String>,
    /// The version name of the schema.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema_version: Option<String>,
    /// The target: `zone` or `user:ID`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

impl Settings {
    /// The settings of a folder; empty ones without the file.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE);
        if !files::is_there(&path)? {
            return Ok(Self::default());
        }
        Self::parse(&files::text_in(folder, &path, BYTES)?).map_err(|failure| failure.within(path.display()))
    }

    fn parse(text: &str) -> Result<Self> {
        let settings: Self =
            toml::from_str(text).map_err(|error| Failure::invalid(error.to_string().trim().to_owned()))?;
        settings.target()?;
        Ok(settings)
    }

    /// The settings as TOML.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self).map_err(|error| Failure::invalid(error.to_string()))
    }

    /// The target, if there is one.
    pub fn target(&self) -> Result<Option<Target>> {
        let target = self.target.as_deref().map(args::target).transpose();
        target.map_err(|reason| Failure::invalid(format!("invalid target: {reason}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_keys_are_read_and_others_are_refused() {
        let settings = Settings::parse("zone = \"acme\"\ntarget = \"user:ann\"\n").unwrap();
        assert_eq!(settings.zone.as_deref(), Some("acme"));
        assert_eq!(settings.target().unwrap(), Some(Target::user("ann")));
        assert_eq!(Settings::parse(&settings.to_toml().unwrap()).unwrap(), settings);
        assert_eq!(Settings::parse("").unwrap(), Settings::default());
        let unknown = Settings::parse("zones = \"acme\"").unwrap_err();
        assert!(unknown.message.contains("zones"), "{}", unknown.message);
        for wrong in ["zone = 1", "zone = \"a\"\nzone = \"b\"", "target = \"ann\"", "["] {
            assert_eq!(Settings::parse(wrong).unwrap_err().code, "invalid_input", "{wrong}");
        }
    }
}
