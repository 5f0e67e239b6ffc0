//! The tests of a folder: files in the form of `cedar run-tests`. Entities that a case names by a file are put in their place.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use policy_store::limits;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::{FolderTests, files};
use crate::failure::{Failure, Result};

/// The folder of tests.
pub const FOLDER: &str = "tests";

/// The part of a case that may name a file.
#[derive(Deserialize)]
struct Case<'a> {
    #[serde(borrow)]
    entities: Option<&'a RawValue>,
}

/// An element of a file: a case if it has a request.
#[derive(Deserialize)]
struct Element {
    request: Option<IgnoredAny>,
}

/// The files of tests of a folder, sorted by their names. A file that a case of another one names has entities, and no tests.
pub fn read(folder: &Path) -> Result<Vec<FolderTests>> {
    let root = folder.canonicalize().map_err(|error| Failure::file("read", folder, &error))?;
    let (mut tests, mut named) = (Vec::new(), HashSet::new());
    for (stem, path) in files::listed(&folder.join(FOLDER), "json", true)? {
        let json = read_file(&path, &root, &mut named)?;
        tests.push((path, FolderTests { file: format!("{FOLDER}/{stem}.json"), json }));
    }
    let mut kept = Vec::new();
    for (path, tests) in tests {
        if !path.canonicalize().is_ok_and(|path| named.contains(&path)) {
            kept.push(tests);
        } else if has_cases(&tests.json) {
            let message = format!("`{}` has tests, and another file names it as entities", tests.file);
            return Err(Failure::invalid(message).help("write the entities into a file of their own"));
        }
    }
    Ok(kept)
}

/// Whether a file has tests: entities have no request.
fn has_cases(json: &str) -> bool {
    let elements = serde_json::from_str::<Vec<Element>>(json);
    elements.is_ok_and(|elements| elements.iter().any(|element| element.request.is_some()))
}

/// One file of tests. The entities that it names are in its folder; or in the folder of a policy set, if it is in `tests/` there.
pub fn read_one(path: &Path) -> Result<FolderTests> {
    let found = path.canonicalize().map_err(|error| Failure::file("read", path, &error))?;
    let parent = found.parent().unwrap_or(&found);
    let in_set = parent.parent().filter(|_| parent.ends_with(FOLDER));
    let root = in_set.unwrap_or(parent).to_owned();
    Ok(FolderTests { file: path.display().to_string(), json: read_file(path, &root, &mut HashSet::new())? })
}

/// The JSON of a file, with the entities of the files that it names. These are added to `named`.
fn read_file(path: &Path, root: &Path, named: &mut HashSet<PathBuf>) -> Result<String> {
    let json = files::text_in(root, path, limits::SUITE_BYTES)?;
    // Whatever has another form is refused by the library, with the case's name.
    let Ok(cases) = serde_json::from_str::<Vec<Case<'_>>>(&json) else { return Ok(json) };
    let mut inlined = String::new();
    let mut rest = json.as_str();
    for raw in cases.iter().filter_map(|case| case.entities).map(RawValue::get) {
        let Ok(file) = serde_json::from_str::<String>(raw) else { continue };
        let beside = path.parent().unwrap_or(root).join(&file);
        let found =
            beside.canonicalize().map_err(|error| Failure::file("read", &beside, &error).within(path.display()))?;
        if !found.starts_with(root) {
            let message = format!("the entities' file `{file}` is outside of `{}`", root.display());
            return Err(Failure::invalid(message).within(path.display()));
        }
        let entities = files::text(&found, limits::SUITE_BYTES)?;
        named.insert(found);
        // The value is a part of the text, so its place in it is the distance of the two.
        let at = (raw.as_ptr() as usize).saturating_sub(rest.as_ptr() as usize);
        let (before, after) = (rest.get(..at).unwrap_or(rest), rest.get(at + raw.len()..).unwrap_or_default());
        inlined.push_str(before);
        inlined.push_str(entities.trim());
        rest = after;
        if inlined.len() > limits::SUITE_BYTES {
            let message = format!("`{}` has more than {} bytes with its entities", path.display(), limits::SUITE_BYTES);
            return Err(Failure::new("too_large", "too_large", message));
        }
    }
    Ok(inlined + rest)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn named_entities_are_put_in_their_place() {
        let folder = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("entities.json", "[1]\n");
        write("tests/shared.json", "[2]");
        write("tests/data/deep.json", "[3]");
        write("tests/own.json", "[ {\"entities\": [0]} ]\n");
        let by_name = r#"[ {"a": "é", "entities": "../entities.json"}, {"entities": "shared.json" , "b": 1}, {"entities":"data/deep.json"} ]"#;
        write("tests/named.json", by_name);
        let tests = read(folder.path()).unwrap();
        let expected = r#"[ {"a": "é", "entities": [1]}, {"entities": [2] , "b": 1}, {"entities":[3]} ]"#;
        let found: Vec<_> = tests.iter().map(|tests| (tests.file.as_str(), tests.json.as_str())).collect();
        assert_eq!(found, [("tests/named.json", expected), ("tests/own.json", "[ {\"entities\": [0]} ]\n")]);
    }

    #[test]
    fn entities_outside_of_the_folder_are_refused() {
        let outside = tempfile::tempdir().unwrap();
        let folder = outside.path().join("acme");
        fs::create_dir_all(folder.join("tests")).unwrap();
        fs::write(outside.path().join("secret.json"), "[]").unwrap();
        for (file, reason) in [("../../secret.json", "outside"), ("none.json", "none.json")] {
            fs::write(folder.join("tests/a.json"), format!("[{{\"entities\":\"{file}\"}}]")).unwrap();
            let refused = read(&folder).unwrap_err();
            assert!(refused.message.contains(reason), "{}", refused.message);
        }
    }

    #[test]
    fn tests_that_another_file_names_as_entities_are_not_dropped() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("tests")).unwrap();
        fs::write(folder.path().join("tests/a.json"), r#"[{"entities":"b.json"}]"#).unwrap();
        fs::write(folder.path().join("tests/b.json"), r#"[{"uid":{}},{"request":{},"decision":"allow"}]"#).unwrap();
        let refused = read(folder.path()).unwrap_err();
        assert!(refused.message.contains("`tests/b.json` has tests"), "{}", refused.message);
    }

    #[test]
    fn other_forms_are_left_to_the_library() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("tests")).unwrap();
        for text in ["{", "[{\"entities\":\"a\",\"entities\":\"b\"}]", "[1]"] {
            fs::write(folder.path().join("tests/a.json"), text).unwrap();
            assert_eq!(read(folder.path()).unwrap()[0].json, text);
        }
    }
}
