//! Files that a command writes: never the store's own file; replaced as a whole or not at all.

use std::fs;
use std::io::Write;
use std::path::Path;

use crate::failure::{Failure, Result};

/// Refuses a file to write that is the store's file, by whatever path or link.
pub fn refuse_store(store: &Path, file: &Path) -> Result<()> {
    if is_same(store, file) {
        let message = format!("`{}` is the store's file: it would be destroyed", file.display());
        return Err(Failure::invalid(message).help("name another file"));
    }
    Ok(())
}

/// Whether two paths lead to one file. A path that leads nowhere is no other's file.
fn is_same(one: &Path, other: &Path) -> bool {
    let (Ok(first), Ok(second)) = (one.canonicalize(), other.canonicalize()) else { return false };
    first == second || is_same_inode(&first, &second)
}

/// Whether two paths are names of one file, as hard links are.
#[cfg(unix)]
fn is_same_inode(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (one.metadata(), other.metadata()) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_same_inode(_: &Path, _: &Path) -> bool {
    false
}

/// Writes a file, in place of the one there: first beside it, then under its name. What is no regular file, such as a pipe, is
/// written to.
pub fn replace(path: &Path, text: &str) -> Result<()> {
    let failed = |error| Failure::file("write", path, &error);
    // The target of a link is replaced, and the link stays.
    let found = path.canonicalize();
    let place = found.as_deref().unwrap_or(path);
    let there = place.metadata().ok();
    if there.as_ref().is_some_and(|there| !there.is_file()) {
        return fs::write(place, text).map_err(failed);
    }
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut written = builder.tempfile_in(folder).map_err(failed)?;
    written.write_all(text.as_bytes()).map_err(failed)?;
    if let Some(there) = there {
        written.as_file().set_permissions(there.permissions()).map_err(failed)?;
    }
    written.persist(place).map_err(|error| failed(error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.json");
        for text in ["first", "2"] {
            replace(&path, text).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
        assert_eq!(replace(&folder.path().join("none/plan.json"), "").unwrap_err().code, "file");
    }

    #[test]
    fn the_file_of_the_store_is_known_by_any_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = |file: &str| folder.path().join(file);
        fs::write(path("store"), "").unwrap();
        fs::write(path("other"), "").unwrap();
        fs::create_dir(path("sub")).unwrap();
        assert!(is_same(&path("store"), &path("sub/../store")));
        assert!(!is_same(&path("store"), &path("other")) && !is_same(&path("store"), &path("none")));
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("store", path("link")).unwrap();
            fs::hard_link(path("store"), path("hard")).unwrap();
            assert!(is_same(&path("store"), &path("link")) && is_same(&path("store"), &path("hard")));
        }
    }
}
