//! The file of a store: its kind, its identity, and errors that name path and cause. Reads only the first bytes of the
//! content.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

use redb::{DatabaseError, StorageError};

use crate::storage::failure::storage_error;
use crate::types::error::{Error, ErrorDetail, Result};

/// The first bytes of every redb file.
const REDB_MAGIC: &[u8; 9] = b"redb\x1a\x0a\xa9\x0d\x0a";

/// Whether `path` exists. A symbolic link counts, even a dangling one.
pub(in crate::storage) fn is_taken(path: &Path) -> Result<bool> {
    match std::fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(io_error("open", path, error)),
    }
}

/// Opens the file at `path`, if it can be a store.
pub(in crate::storage) fn open_file(path: &Path, read_only: bool) -> Result<File> {
    // Check the kind before opening: opening a FIFO would block, and opening a device can have side effects.
    let found = std::fs::metadata(path).map_err(|error| absent(path, error))?;
    check_kind(path, &found)?;
    // For reading and writing, this does not block, even if a FIFO has just replaced the file.
    let file = OpenOptions::new().read(true).write(!read_only).open(path).map_err(|error| absent(path, error))?;
    check_kind(path, &file.metadata().map_err(|error| io_error("open", path, error))?)?;
    check_magic(&file, path)?;
    Ok(file)
}

/// Refuses directories, special files and empty files.
fn check_kind(path: &Path, found: &Metadata) -> Result<()> {
    let kind = found.file_type();
    if kind.is_dir() {
        return Err(not_a_store(path, "it is a directory"));
    }
    if !kind.is_file() {
        return Err(not_a_store(path, special(kind)));
    }
    if found.len() == 0 {
        return Err(not_a_store(path, "it is empty"));
    }
    Ok(())
}

#[cfg(unix)]
fn special(kind: std::fs::FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    let kinds = [
        (kind.is_fifo(), "it is a FIFO (a named pipe)"),
        (kind.is_socket(), "it is a socket"),
        (kind.is_char_device(), "it is a character device"),
        (kind.is_block_device(), "it is a block device"),
    ];
    kinds.into_iter().find_map(|(is, name)| is.then_some(name)).unwrap_or("it is not a regular file")
}

#[cfg(not(unix))]
fn special(_: std::fs::FileType) -> &'static str {
    "it is not a regular file"
}

/// Refuses a file that does not start like a redb file: it is another file, not a damaged store.
fn check_magic(file: &File, path: &Path) -> Result<()> {
    let mut start = Vec::new();
    file.take(REDB_MAGIC.len() as u64).read_to_end(&mut start).map_err(|error| io_error("read", path, error))?;
    if start == REDB_MAGIC { Ok(()) } else { Err(not_a_store(path, "it is not a redb file")) }
}

/// The identity of a file, independent of its path. Known only on Unix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::storage) struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    #[cfg(unix)]
    pub(in crate::storage) fn of(metadata: &Metadata) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        Some(Self { device: metadata.dev(), inode: metadata.ino() })
    }

    #[cfg(not(unix))]
    pub(in crate::storage) fn of(_: &Metadata) -> Option<Self> {
        None
    }

    /// Fails if `path` now names another file or none: data in a file without a name is lost when the file is closed.
    /// Passes if the system does not provide the identity.
    pub(in crate::storage) fn check(self, path: &Path) -> Result<()> {
        let problem = match std::fs::metadata(path) {
            Ok(found) if Self::of(&found).is_none_or(|id| id == self) => return Ok(()),
            Ok(_) => "another file replaced the store's file",
            Err(error) if error.kind() == io::ErrorKind::NotFound => "the file was deleted or renamed",
            Err(_) => return Ok(()),
        };
        Err(ErrorDetail::FileReplaced { path: path.display().to_string(), problem }.into())
    }
}

/// The error of a file that cannot be opened, or does not exist.
fn absent(path: &Path, error: io::Error) -> Error {
    if error.kind() != io::ErrorKind::NotFound {
        return io_error("open", path, error);
    }
    if std::fs::symlink_metadata(path).is_ok() {
        return not_a_store(path, "it is a symbolic link to a file that does not exist");
    }
    missing(path, "open", error)
}

/// The error of a missing file or directory.
pub(in crate::storage) fn missing(path: &Path, action: &str, error: io::Error) -> Error {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty() && !parent.exists());
    let cause = match directory {
        Some(directory) => format!("the directory `{}` does not exist", directory.display()),
        None => "the file does not exist".to_owned(),
    };
    match ErrorDetail::io(named(action, path), error) {
        ErrorDetail::Storage { action, source, .. } => ErrorDetail::Storage { action, cause, source }.into(),
        other => other.into(),
    }
}

pub(in crate::storage) fn not_a_store(path: &Path, reason: &str) -> Error {
    ErrorDetail::NotAStore { path: path.display().to_string(), reason: reason.to_owned() }.into()
}

pub(in crate::storage) fn io_error(action: &str, path: &Path, error: io::Error) -> Error {
    ErrorDetail::io(named(action, path), error).into()
}

fn named(action: &str, path: &Path) -> String {
    format!("{action} `{}`", path.display())
}

pub(in crate::storage) fn database_error(action: &str, path: &Path, error: DatabaseError) -> Error {
    match error {
        DatabaseError::DatabaseAlreadyOpen => ErrorDetail::AlreadyOpen { path: path.display().to_string() }.into(),
        // The file has the magic bytes of redb, so unreadable content is damage.
        DatabaseError::Storage(StorageError::Io(error)) if error.kind() == io::ErrorKind::InvalidData => {
            ErrorDetail::corrupt(path.display(), error).into()
        }
        DatabaseError::UpgradeRequired(version) => {
            not_a_store(path, &format!("its redb file format is version {version}, which is not supported"))
        }
        DatabaseError::RepairAborted => ErrorDetail::corrupt(path.display(), "repair failed").into(),
        error => storage_error(named(action, path), error),
    }
}
