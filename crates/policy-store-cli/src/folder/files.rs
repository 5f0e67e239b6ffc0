//! Files of a folder: their names in order, and their text within a limit.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};

/// The text of a file of at most `limit` bytes.
pub fn text(path: &Path, limit: usize) -> Result<String> {
    let failed = |error| Failure::file("read", path, &error);
    // A FIFO would wait for its writer.
    if !path.metadata().map_err(failed)?.is_file() {
        return Err(Failure::invalid(format!("`{}` is not a file", path.display())));
    }
    text_of_any(path, limit)
}

/// The same, of what need not be a file: a pipe is waited for.
pub fn text_of_any(path: &Path, limit: usize) -> Result<String> {
    String::from_utf8(bytes_of_any(path, limit)?).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failure::invalid(format!("`{}` is not UTF-8 at byte {at}", path.display()))
    })
}

/// The at most `limit` bytes of a file or a pipe.
pub fn bytes_of_any(path: &Path, limit: usize) -> Result<Vec<u8>> {
    let failed = |error| Failure::file("read", path, &error);
    let (file, mut bytes) = (File::open(path).map_err(failed)?, Vec::new());
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    file.take(most).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > limit {
        return Err(Failure::new(
            "too_large",
            "too_large",
            format!("`{}` has more than {limit} bytes", path.display()),
        ));
    }
    Ok(bytes)
}

/// The same, of a file of `folder`. A link that leads out of the folder is refused.
pub fn text_in(folder: &Path, path: &Path, limit: usize) -> Result<String> {
    let canonical = |path: &Path| path.canonicalize().map_err(|error| Failure::file("read", path, &error));
    if !canonical(path)?.starts_with(canonical(folder)?) {
        return Err(Failure::invalid(format!("`{}` leads out of `{}`", path.display(), folder.display()))
            .help("copy the file into the folder"));
    }
    text(path, limit)
}

/// Whether there is something at a path, be it a link that leads nowhere. What cannot be looked at is an error: it must not be
/// taken for absent.
pub fn is_there(path: &Path) -> Result<bool> {
    match path.symlink_metadata() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Failure::file("read", path, &error)),
    }
}

/// The paths in a folder that end in `.extension`, sorted. None if there is no such folder. Names that begin with a dot are not
/// read, nor are folders if `folders` is set. Any other name is refused, so that a mistyped one does not vanish without a word.
pub fn listed(folder: &Path, extension: &str, folders: bool) -> Result<Vec<(String, PathBuf)>> {
    let failed = |error| Failure::file("read", folder, &error);
    if !is_there(folder)? {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in folder.read_dir().map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().into_string().map_err(|name| {
            Failure::invalid(format!("the name `{}` in `{}` is not UTF-8", name.display(), folder.display()))
        })?;
        if name.starts_with('.') || (folders && entry.path().is_dir()) {
            continue;
        }
        match name.strip_suffix(extension).and_then(|stem| stem.strip_suffix('.')) {
            Some(stem) if !stem.is_empty() => found.push((stem.to_owned(), entry.path())),
            _ => {
                let message =
                    format!("`{}` does not belong here: expected names in .{extension}", entry.path().display());
                return Err(Failure::invalid(message));
            }
        }
    }
    found.sort();
    for ((one, _), (other, path)) in found.iter().zip(found.iter().skip(1)) {
        if one.to_lowercase() == other.to_lowercase() {
            let message = format!("`{one}` and `{other}` in `{}` differ only in case", folder.display());
            return Err(Failure::invalid(message).help(format!("rename `{}`", path.display())));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_a_file_of_utf_8_within_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.cedar");
        let refused = |limit| text(&path, limit).unwrap_err();
        assert_eq!(refused(4).code, "file");
        std::fs::write(&path, "four").unwrap();
        assert_eq!(text(&path, 4).unwrap(), "four");
        assert_eq!(refused(3).code, "too_large");
        std::fs::write(&path, b"ab\xff").unwrap();
        assert!(refused(4).message.contains("not UTF-8 at byte 2"), "{}", refused(4).message);
        assert!(text(folder.path(), 4).unwrap_err().message.contains("is not a file"));
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        assert!(text(&path, 4).unwrap_err().message.contains("is not a file"));
    }
}
