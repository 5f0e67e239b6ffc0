//! Reading a folder.

use std::collections::HashMap;
use std::path::Path;

use policy_store::limits;

use super::header::Header;
use super::{Folder, FolderPolicy, FolderSchema, Settings, files, suites};
use crate::failure::{Failure, Result};

/// The largest file of a policy: the longest text that a version can have, and a header of name, description and id.
const POLICY_FILE_BYTES: usize = limits::POLICY_TEXT_PRINTED_BYTES + 8 * 1024;

/// The folder of policies.
pub const POLICIES: &str = "policies";

/// Reads a folder. Writes nothing and checks no text: the library does.
pub fn read(folder: &Path) -> Result<Folder> {
    if !folder.is_dir() {
        return Err(Failure::not_found(format!("there is no folder `{}`", folder.display())));
    }
    let policies = folder.join(POLICIES);
    // A mistyped name must not become an empty set, which `apply` would put in force.
    if !files::is_there(&policies)? {
        let message = format!("there is no folder `{}`", policies.display());
        return Err(Failure::not_found(message).help("a policy set without policies has an empty folder `policies`"));
    }
    let policies = files::listed(&policies, "cedar", false)?;
    let policies = policies.into_iter().map(|(stem, path)| policy(folder, &stem, &path)).collect::<Result<Vec<_>>>()?;
    check_names(&policies)?;
    Ok(Folder {
        settings: Settings::read(folder)?,
        schema: FolderSchema::of_folder(folder)?,
        policies,
        tests: suites::read(folder)?,
    })
}

fn policy(folder: &Path, stem: &str, path: &Path) -> Result<FolderPolicy> {
    let content = files::text_in(folder, path, POLICY_FILE_BYTES)?;
    let (header, text) = Header::split(&content).map_err(|failure| failure.within(path.display()))?;
    let header_bytes = content.len().saturating_sub(text.len());
    let lines = content.bytes().take(header_bytes).filter(|byte| *byte == b'\n').count();
    Ok(FolderPolicy {
        header_lines: u32::try_from(lines).unwrap_or(u32::MAX),
        file: format!("policies/{stem}.cedar"),
        id: header.id,
        name: header.name.unwrap_or_else(|| stem.to_owned()),
        description: header.description,
        text: text.to_owned(),
    })
}

/// Refuses two policies with one id, and two of one name unless each has an id.
fn check_names(policies: &[FolderPolicy]) -> Result<()> {
    let (mut ids, mut names) = (HashMap::new(), HashMap::new());
    for policy in policies {
        if let Some(id) = &policy.id
            && let Some(other) = ids.insert(id, &policy.file)
        {
            return Err(Failure::invalid(format!("`{other}` and `{}` have the same id `{id}`", policy.file)));
        }
        if let Some(other) = names.insert(&policy.name, policy)
            && (other.id.is_none() || policy.id.is_none())
        {
            let message = format!("`{}` and `{}` have the same name `{}`", other.file, policy.file, policy.name);
            return Err(Failure::invalid(message).help("give each a `//! name:` or an `//! id:` of its own"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn only_an_empty_folder_of_policies_is_an_empty_set() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("polices")).unwrap();
        let refused = read(folder.path()).unwrap_err();
        assert!(refused.code == "not_found" && refused.message.contains("policies`"), "{}", refused.message);
        fs::create_dir(folder.path().join("policies")).unwrap();
        assert_eq!(read(folder.path()).unwrap(), Folder::default());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_out_of_the_folder_is_not_read() {
        let outside = tempfile::tempdir().unwrap();
        let secret = outside.path().join("secret");
        fs::write(&secret, "").unwrap();
        for part in ["policies/a.cedar", "tests/a.json", "pstore.toml", "schema.cedarschema", "schema.cedarschema.json"]
        {
            let folder = tempfile::tempdir().unwrap();
            for inner in ["policies", "tests", "inside"] {
                fs::create_dir(folder.path().join(inner)).unwrap();
            }
            std::os::unix::fs::symlink(&secret, folder.path().join(part)).unwrap();
            let refused = read(folder.path()).unwrap_err();
            assert!(refused.message.contains("leads out of") && refused.message.contains(part), "{}", refused.message);
        }
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(outside.path(), folder.path().join("policies")).unwrap();
        fs::rename(&secret, outside.path().join("a.cedar")).unwrap();
        assert!(read(folder.path()).unwrap_err().message.contains("leads out of"));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_leads_nowhere_is_not_absent() {
        for part in ["policies", "tests", "pstore.toml", "schema.cedarschema", "schema.cedarschema.json"] {
            let folder = tempfile::tempdir().unwrap();
            if part != "policies" {
                fs::create_dir(folder.path().join("policies")).unwrap();
            }
            std::os::unix::fs::symlink("nowhere", folder.path().join(part)).unwrap();
            let refused = read(folder.path()).unwrap_err();
            assert!(refused.code == "file" && refused.message.contains(part), "{part}: {}", refused.message);
        }
    }
}
