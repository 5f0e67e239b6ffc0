//! docs/guarantees.md names the tests of each promise. A test that is renamed or removed must not stay there.

use std::collections::BTreeSet;
use std::path::Path;

/// The functions of all files of tests, with the file's name.
fn functions(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            functions(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let after = text.split("#[test]").skip(1);
            let names = after.filter_map(|rest| rest.split_once("fn ")?.1.split_once('('));
            found.extend(names.map(|(name, _)| name.to_owned()));
        }
    }
}

#[test]
fn every_test_that_the_guarantees_name_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeSet::new();
    for folder in ["src", "tests"] {
        functions(&root.join(folder), &mut found);
    }
    let text = std::fs::read_to_string(root.join("docs/guarantees.md")).unwrap();
    let promised = text.split("## Promised").nth(1).and_then(|rest| rest.split("## Not promised").next()).unwrap();
    let mut rows = 0;
    for row in promised.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| Promise ")) {
        let tests = row.rsplit(" | ").next().unwrap();
        let named: Vec<_> = tests.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "no test: {row}");
        for name in named {
            assert!(found.contains(name), "docs/guarantees.md names `{name}`, which is no test");
        }
        rows += 1;
    }
    assert!(rows > 15, "{rows} promises");
}
