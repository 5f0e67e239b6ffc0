//! The order of the folders in `src`: a folder imports only from folders above it, and files do not import in circles.
//!
//! Defends against parts that can only be understood together. docs/architecture.md describes the folders.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The folders, from the bottom up.
const FOLDERS: [&str; 18] = [
    "types",
    "cedar",
    "suite",
    "record",
    "attestation",
    "storage",
    "resource",
    "engine",
    "list",
    "decide",
    "bundle",
    "preflight",
    "change",
    "rules",
    "plan",
    "read",
    "write",
    "store",
];
/// These files export from every folder.
const ROOTS: [&str; 2] = ["lib", "fuzzing"];

/// A module, as the segments of its path.
type Module = Vec<String>;

/// Every module of `src`, with its source without tests.
fn modules() -> BTreeMap<Module, String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut modules = BTreeMap::new();
    let mut folders = vec![source.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let relative = path.strip_prefix(&source).unwrap().with_extension("");
                let mut module: Module = relative.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
                if module.last().unwrap() == "mod" {
                    module.pop();
                }
                modules.insert(module, std::fs::read_to_string(path).unwrap());
            }
        }
    }
    // The parent declares whether a file is only for tests.
    let only_tests: BTreeSet<Module> = modules
        .iter()
        .flat_map(|(parent, text)| {
            let lines: Vec<_> = text.lines().collect();
            let children = lines.windows(2).filter(|lines| lines[0].trim() == "#[cfg(test)]").filter_map(|lines| {
                let name = lines[1].trim_start_matches("pub(crate) ").strip_prefix("mod ")?.strip_suffix(';')?;
                Some([parent.as_slice(), &[name.to_owned()]].concat())
            });
            children.collect::<Vec<_>>()
        })
        .collect();
    modules.retain(|module, _| !only_tests.iter().any(|tests| module.starts_with(tests)));
    modules.values_mut().for_each(|text| *text = without_tests(text));
    modules
}

/// The part of a file before its unit tests, without comments.
fn without_tests(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    code.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// The absolute paths that a module imports or names.
fn paths(module: &Module, text: &str) -> Vec<Module> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("use ") {
        let starts = rest[..at].chars().next_back().is_none_or(|before| before.is_whitespace());
        rest = &rest[at + 4..];
        if starts && let Some(end) = rest.find(';') {
            expand(&rest[..end].split_whitespace().collect::<String>(), String::new(), &mut found);
        }
    }
    for (at, _) in text.match_indices("crate::") {
        let path = text[at..].chars().take_while(|c| c.is_alphanumeric() || "_:".contains(*c));
        found.push(path.collect());
    }
    found.into_iter().filter_map(|path| absolute(module, &path)).collect()
}

/// The paths in a tree of imports such as `a::{b, c::{d, e}}`.
fn expand(tree: &str, prefix: String, found: &mut Vec<String>) {
    let Some(open) = tree.find('{') else { return found.push(prefix + tree) };
    let prefix = prefix + &tree[..open];
    let (mut depth, mut part) = (0, String::new());
    for c in tree[open + 1..tree.len() - 1].chars().chain([',']) {
        match c {
            ',' if depth == 0 => {
                if !part.is_empty() {
                    expand(&std::mem::take(&mut part), prefix.clone(), found);
                }
                continue;
            }
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        part.push(c);
    }
}

fn absolute(module: &Module, path: &str) -> Option<Module> {
    let mut segments = path.split("::").peekable();
    let mut absolute = match segments.peek() {
        Some(&"crate") => Vec::new(),
        Some(&("super" | "self")) => module.clone(),
        _ => return None,
    };
    for segment in segments {
        match segment {
            "crate" | "self" => {}
            "super" => {
                absolute.pop();
            }
            name => absolute.push(name.to_owned()),
        }
    }
    Some(absolute)
}

/// The imports of each module.
fn imports() -> BTreeMap<Module, BTreeSet<Module>> {
    let modules = modules();
    let of = |path: Module| (0..=path.len()).rev().map(|end| path[..end].to_vec()).find(|it| modules.contains_key(it));
    let is_root = |module: &Module| module.len() == 1 && ROOTS.contains(&module[0].as_str());
    let imports = modules.iter().filter(|(module, _)| !is_root(module)).map(|(module, text)| {
        let mut used: BTreeSet<_> = paths(module, text).into_iter().filter_map(of).collect();
        used.remove(module);
        (module.clone(), used)
    });
    imports.collect()
}

fn floor(module: &Module) -> usize {
    let folder = module.first().expect("a module of a folder");
    FOLDERS
        .iter()
        .position(|known| known == folder)
        .unwrap_or_else(|| panic!("`src/{folder}` is in no folder of the order"))
}

#[test]
fn folders_import_only_from_folders_above_them() {
    let imports = imports();
    assert!(imports.len() > 100, "the modules of src were not found");
    for (module, used) in &imports {
        for other in used.iter().filter(|other| !other.is_empty()) {
            let (from, to) = (module.join("::"), other.join("::"));
            assert!(floor(other) <= floor(module), "`{from}` imports `{to}`, which comes after it");
        }
    }
}

/// A parent and its child may name each other.
#[test]
fn files_do_not_import_in_circles() {
    let imports = imports();
    let is_family = |a: &Module, b: &Module| a.starts_with(b) || b.starts_with(a);
    let mut open: BTreeMap<_, BTreeSet<_>> = imports
        .iter()
        .map(|(module, used)| (module, used.iter().filter(|other| !is_family(module, other)).collect()))
        .collect();
    loop {
        let done: Vec<_> = open.iter().filter(|(_, used)| used.is_empty()).map(|(module, _)| *module).collect();
        if done.is_empty() {
            break;
        }
        for module in done {
            open.remove(module);
            for used in open.values_mut() {
                used.remove(module);
            }
        }
    }
    assert!(open.is_empty(), "in circles, or above one: {:?}", open.keys().map(|it| it.join("::")).collect::<Vec<_>>());
}
