//! The schema of a folder: in Cedar's text or in its JSON.

use std::path::Path;

use policy_store::limits;

use super::files;
use crate::failure::{Failure, Result};

/// A schema with its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderSchema {
    /// The schema's text or JSON, byte for byte.
    pub text: String,
    /// Whether it is JSON.
    pub is_json: bool,
}

/// The file of a schema in Cedar's text.
pub const TEXT_FILE: &str = "schema.cedarschema";
/// The file of a schema in JSON.
pub const JSON_FILE: &str = "schema.cedarschema.json";

impl FolderSchema {
    /// The schema in a file: JSON if the name ends in `.json`.
    pub fn read(path: &Path) -> Result<Self> {
        let is_json = path.extension().is_some_and(|extension| extension == "json");
        Ok(Self { text: files::text(path, limits::SCHEMA_BYTES)?, is_json })
    }

    fn read_in(folder: &Path, path: &Path, is_json: bool) -> Result<Option<Self>> {
        Ok(Some(Self { text: files::text_in(folder, path, limits::SCHEMA_BYTES)?, is_json }))
    }

    /// The schema of a folder; none if it has no file of one.
    pub fn of_folder(folder: &Path) -> Result<Option<Self>> {
        let (text, json) = (folder.join(TEXT_FILE), folder.join(JSON_FILE));
        match (files::is_there(&text)?, files::is_there(&json)?) {
            (true, true) => {
                let message = format!("`{}` has both `{TEXT_FILE}` and `{JSON_FILE}`", folder.display());
                Err(Failure::invalid(message).help("remove one of them"))
            }
            (true, false) => Self::read_in(folder, &text, false),
            (false, true) => Self::read_in(folder, &json, true),
            (false, false) => Ok(None),
        }
    }

    /// The name of its file in a folder.
    pub fn file(&self) -> &'static str {
        if self.is_json { JSON_FILE } else { TEXT_FILE }
    }
}
