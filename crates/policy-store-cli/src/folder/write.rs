//! Writing a folder.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::header::Header;
use super::read::POLICIES;
use super::{Folder, FolderPolicy, file_name, files, schema, settings, suites};
use crate::failure::{Failure, Result};
use crate::file;

/// Writes a folder, and gives the files. The `file` of a policy is chosen here, from its name. Files of policies and tests that
/// are there and do not belong to it are refused, or removed if `replace` is set. The file of the store stays, whatever its name.
pub fn write(store: &Path, folder: &Path, content: &Folder, replace: bool) -> Result<Vec<String>> {
    let mut written = vec![(settings::FILE.to_owned(), content.settings.to_toml()?)];
    written.extend(content.schema.as_ref().map(|schema| (schema.file().to_owned(), schema.text.clone())));
    written.extend(policies(&content.policies));
    written.extend(content.tests.iter().map(|tests| (tests.file.clone(), tests.json.clone())));

    [POLICIES, suites::FOLDER].iter().try_for_each(|part| refuse_link(&folder.join(part)))?;
    for (file, _) in &written {
        refuse_link(&folder.join(file))?;
        file::refuse_store(store, &folder.join(file))?;
    }
    let stale = stale(folder, &written)?;
    stale.iter().try_for_each(|path| file::refuse_store(store, path))?;
    if let Some(path) = stale.first().filter(|_| !replace) {
        let message = format!("`{}` does not belong to the exported version", path.display());
        return Err(Failure::new("file_exists", "conflict", message)
            .help("choose an empty folder, or give `--replace` to remove such files"));
    }
    let policies = folder.join(POLICIES);
    fs::create_dir_all(&policies).map_err(|error| Failure::file("create", &policies, &error))?;
    for path in &stale {
        fs::remove_file(path).map_err(|error| Failure::file("remove", path, &error))?;
    }
    for (file, text) in &written {
        let path = folder.join(file);
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent).map_err(|error| Failure::file("create", parent, &error))?;
        file::replace(&path, text)?;
    }
    Ok(written.into_iter().map(|(file, _)| file).collect())
}

/// Refuses a link where a file or folder is to be written: it may lead out of the folder.
fn refuse_link(path: &Path) -> Result<()> {
    if path.is_symlink() {
        let message = format!("`{}` is a link: nothing is written through it", path.display());
        return Err(Failure::new("file_exists", "conflict", message).help("remove the link, or choose another folder"));
    }
    Ok(())
}

/// The files of the policies. No two have names that differ only in case.
fn policies(policies: &[FolderPolicy]) -> Vec<(String, String)> {
    let mut taken = HashSet::new();
    let mut files = Vec::new();
    for policy in policies {
        let id = policy.id.as_deref().unwrap_or_default();
        let (mut stem, mut is_name) = file_name::stem(&policy.name, id);
        if !taken.insert(stem.to_lowercase()) {
            is_name = false;
            let with_id = file_name::stem_with_id(&policy.name, id);
            stem.clone_from(&with_id);
            // The stem may be the name of another policy, or its id.
            let mut number = 2;
            while !taken.insert(stem.to_lowercase()) {
                stem = format!("{with_id}~{number}");
                number += 1;
            }
        }
        let name = (!is_name).then(|| policy.name.clone());
        let header = Header { id: policy.id.clone(), name, description: policy.description.clone() };
        files.push((format!("policies/{stem}.cedar"), header.with(&policy.text)));
    }
    files
}

/// The files in the folder that would be read as part of it and are not written.
fn stale(folder: &Path, written: &[(String, String)]) -> Result<Vec<PathBuf>> {
    let mut there: Vec<PathBuf> = [schema::TEXT_FILE, schema::JSON_FILE].iter().map(|file| folder.join(file)).collect();
    there.retain(|path| path.symlink_metadata().is_ok());
    for (part, extension, folders) in [("policies", "cedar", false), ("tests", "json", true)] {
        there.extend(files::listed(&folder.join(part), extension, folders)?.into_iter().map(|(_, path)| path));
    }
    let written: HashSet<PathBuf> = written.iter().map(|(file, _)| folder.join(file)).collect();
    there.retain(|path| !written.contains(path));
    Ok(there)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::schema::FolderSchema;
    use super::super::settings::Settings;
    use super::super::{FolderTests, read};
    use super::*;

    const NO_STORE: &str = "none.redb";

    /// Whether `content` is read after it was written.
    fn comes_back(content: &Folder) -> bool {
        let folder = tempfile::tempdir().unwrap();
        write(Path::new(NO_STORE), folder.path(), content, false).unwrap();
        read(folder.path()).unwrap().has_the_content_of(content)
    }

    fn policy(id: &str, name: &str, text: &str) -> FolderPolicy {
        let (id, name, text) = (Some(id.to_owned()), name.to_owned(), text.to_owned());
        FolderPolicy { file: String::new(), id, name, description: None, text, header_lines: 0 }
    }

    #[test]
    fn a_whole_folder_comes_back() {
        let content = Folder {
            settings: Settings { zone: Some("acme".into()), ..Settings::default() },
            schema: Some(FolderSchema { text: "entity U;\r\n".into(), is_json: false }),
            policies: vec![
                policy("1", "mfa", "a"),
                policy("2", "MFA", "b"),
                policy("3", "mfa", "c"),
                policy("4", "a/b", ""),
            ],
            tests: vec![FolderTests { file: "tests/suite.json".into(), json: "[]".into() }],
        };
        assert!(comes_back(&content));
        // Again into the same folder: the same files.
        let folder = tempfile::tempdir().unwrap();
        let first = write(Path::new(NO_STORE), folder.path(), &content, false).unwrap();
        assert_eq!(write(Path::new(NO_STORE), folder.path(), &content, false).unwrap(), first);
        assert!(first.contains(&"policies/MFA~2.cedar".to_owned()), "{first:?}");
    }

    #[test]
    fn each_policy_has_a_file_of_its_own() {
        let long = "n".repeat(130);
        for given in [
            [("a1", "b1"), ("b1", long.as_str()), ("c", "c")],
            [("1", "q"), ("2", "q~X"), ("X", "Q")],
            [("1", "B1~2"), ("b1", long.as_str()), ("B1", long.as_str())],
        ] {
            let policies = given.iter().map(|(id, name)| policy(id, name, id)).collect();
            assert!(comes_back(&Folder { policies, ..Folder::default() }), "{given:?}");
        }
    }

    #[test]
    fn files_that_do_not_belong_are_refused_or_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let mut content = Folder { policies: vec![policy("1", "old", "a")], ..Folder::default() };
        write(Path::new(NO_STORE), folder.path(), &content, false).unwrap();
        content.policies = vec![policy("1", "new", "a")];
        let refused = write(Path::new(NO_STORE), folder.path(), &content, false).unwrap_err();
        assert_eq!(refused.code, "file_exists");
        assert!(refused.message.contains("old.cedar"), "{}", refused.message);
        assert!(!folder.path().join("policies/new.cedar").exists());
        write(Path::new(NO_STORE), folder.path(), &content, true).unwrap();
        assert_eq!(read(folder.path()).unwrap().policies.len(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn nothing_is_written_or_removed_through_a_link() {
        use std::os::unix::fs::symlink;
        let content = Folder { policies: vec![policy("1", "mfa", "a")], ..Folder::default() };
        for part in ["policies", "tests", "pstore.toml", "policies/mfa.cedar"] {
            let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            fs::write(outside.path().join("stays.cedar"), "mine").unwrap();
            let is_file = part.contains('.');
            let target = if is_file { outside.path().join("stays.cedar") } else { outside.path().to_owned() };
            fs::create_dir_all(folder.path().join(part).parent().unwrap()).unwrap();
            symlink(target, folder.path().join(part)).unwrap();
            let refused = write(Path::new(NO_STORE), folder.path(), &content, true).unwrap_err();
            assert!(refused.message.contains("is a link"), "{part}: {}", refused.message);
            assert_eq!(fs::read_to_string(outside.path().join("stays.cedar")).unwrap(), "mine");
            assert_eq!(outside.path().read_dir().unwrap().count(), 1, "{part}");
        }
    }

    #[test]
    fn the_file_of_the_store_stays() {
        let folder = tempfile::tempdir().unwrap();
        let content = Folder { policies: vec![policy("1", "mfa", "a")], ..Folder::default() };
        fs::create_dir(folder.path().join("policies")).unwrap();
        for file in ["pstore.toml", "policies/stale.cedar", "policies/mfa.cedar"] {
            let store = folder.path().join(file);
            fs::write(&store, "store").unwrap();
            assert_eq!(write(&store, folder.path(), &content, true).unwrap_err().code, "invalid_input");
            assert_eq!(fs::read_to_string(&store).unwrap(), "store");
            fs::remove_file(&store).unwrap();
        }
    }

    #[test]
    fn names_that_collide_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = |file: &str| folder.path().join("policies").join(file);
        fs::create_dir(folder.path().join("policies")).unwrap();
        let refused = || read(folder.path()).unwrap_err().message;
        fs::write(path("a.cedar"), "").unwrap();
        fs::write(path("b.cedar"), "//! name: a\n").unwrap();
        assert!(refused().contains("same name `a`"), "{}", refused());
        fs::write(path("a.cedar"), "//! id: 1\n").unwrap();
        fs::write(path("b.cedar"), "//! id: 1\n").unwrap();
        assert!(refused().contains("same id `1`"), "{}", refused());
        fs::write(path("b.cedar"), "").unwrap();
        fs::write(path("A.cedar"), "").unwrap();
        // On systems that ignore case, the second is the first.
        if fs::read_dir(folder.path().join("policies")).unwrap().count() == 3 {
            assert!(refused().contains("differ only in case"), "{}", refused());
        }
        fs::remove_file(path("A.cedar")).unwrap();
        fs::write(path("notes.txt"), "").unwrap();
        assert!(refused().contains("notes.txt"), "{}", refused());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_names_and_texts_come_back(given in proptest::collection::vec(("[^\\p{Cc}]{1,60}", any::<String>(), proptest::option::of("[^\\p{Cc}]{1,30}")), 0..6)) {
            let policies = given.into_iter().enumerate().map(|(id, (name, text, description))| {
                FolderPolicy { description, ..policy(&id.to_string(), &name, &text) }
            });
            let content = Folder { policies: policies.collect(), ..Folder::default() };
            prop_assert!(comes_back(&content));
        }
    }
}
