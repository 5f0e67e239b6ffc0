//! Creates a store's file under a temporary name, completes it, and links it to its path: a crash during redb's
//! creation would otherwise leave a file that never opens. A backup is made in the same way. Opening a store removes such
//! leftovers from its directory.

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::path::Path;

use redb::Database;
use redb::backends::FileBackend;
use tempfile::NamedTempFile;

use super::format::{OpenOptions as Options, builder, initialise};
use super::handle::{database_error, io_error, missing};
use crate::types::concurrency::Concurrency;
use crate::types::environment::Environment;
use crate::types::error::{Error, ErrorDetail, Result};

const PREFIX: &str = ".policy-store-";
const SUFFIX: &str = ".new";
/// Number of random characters between prefix and suffix.
const RANDOM: usize = 6;
/// Attempts to create a file. Another process can remove the new file as a leftover.
const ATTEMPTS: u32 = 8;

/// Creates a store under a temporary name in the directory of `path`, and links it to `path`. If `path` exists by then,
/// keeps that file.
pub(in crate::storage) fn create_file(path: &Path, options: &Options, environment: &Environment) -> Result<()> {
    for _ in 0..ATTEMPTS {
        let unfinished = Unfinished::new(path, "create")?;
        let Some(database) = unfinished.database(options)? else { continue };
        initialise(&database, options, environment)?;
        database.close().map_err(|error| database_error("create", path, error))?;
        match unfinished.give_name()? {
            // Another process was faster: open its store.
            Named::Given | Named::Taken => return Ok(()),
            Named::Removed => {}
        }
    }
    Err(removed("create", path))
}

/// The error of a file that other processes took for a leftover.
pub(in crate::storage) fn removed(action: &str, path: &Path) -> Error {
    let cause = "another process removed the new file before it was linked to its path";
    ErrorDetail::failed(format!("{action} `{}`", path.display()), cause).into()
}

/// A new file under a temporary name, in the directory of its path. It is removed unless it gets its name.
pub(in crate::storage) struct Unfinished<'a> {
    temporary: NamedTempFile,
    path: &'a Path,
    action: &'static str,
}

/// The outcome of giving a file its name.
pub(in crate::storage) enum Named {
    Given,
    /// There is a file of this name.
    Taken,
    /// Another process has taken the file for a leftover.
    Removed,
}

impl<'a> Unfinished<'a> {
    pub(in crate::storage) fn new(path: &'a Path, action: &'static str) -> Result<Self> {
        let directory = directory_of(path);
        if let Err(error) = std::fs::metadata(directory) {
            return Err(missing(path, action, error));
        }
        let mut builder = tempfile::Builder::new();
        let temporary = builder.prefix(PREFIX).suffix(SUFFIX).rand_bytes(RANDOM).tempfile_in(directory);
        Ok(Self { temporary: temporary.map_err(|error| io_error(action, path, error))?, path, action })
    }

    pub(in crate::storage) fn temporary_path(&self) -> &Path {
        self.temporary.path()
    }

    /// Creates a database in the file. `None` if another process has taken the file for a leftover.
    pub(in crate::storage) fn database(&self, options: &Options) -> Result<Option<Database>> {
        let Self { temporary, path, action } = self;
        let file = temporary.as_file().try_clone().map_err(|error| io_error(action, path, error))?;
        let engine_failed = |error| database_error(action, path, error);
        // redb locks the whole file, which marks it as no leftover.
        let options = Options { concurrency: Concurrency::Exclusive, ..options.clone() };
        match builder(&options).create_with_backend(FileBackend::new(file).map_err(engine_failed)?) {
            Ok(database) => Ok(Some(database)),
            Err(redb::DatabaseError::DatabaseAlreadyOpen) => Ok(None),
            Err(error) => Err(engine_failed(error)),
        }
    }

    /// Marks the file as no leftover while no database has it. `false` if another process was faster.
    pub(in crate::storage) fn lock_to_read(&self) -> bool {
        self.temporary.as_file().try_lock_shared().is_ok()
    }

    /// Links the file to its path, durably. The database must be closed.
    pub(in crate::storage) fn give_name(self) -> Result<Named> {
        let Self { temporary, path, action } = self;
        // Closing the database has released the lock.
        if temporary.as_file().try_lock().is_err() {
            return Ok(Named::Removed);
        }
        match temporary.persist_noclobber(path) {
            Ok(file) => {
                let synced = sync_directory(directory_of(path)).map(|()| Named::Given);
                if synced.is_err() {
                    // Nobody has opened it: it is still locked.
                    let _ = std::fs::remove_file(path);
                }
                // A process that is being forked keeps the file open, and the lock with it.
                let _ = file.unlock();
                synced
            }
            Err(refused) => match refused.error.kind() {
                ErrorKind::AlreadyExists => Ok(Named::Taken),
                ErrorKind::NotFound => Ok(Named::Removed),
                _ => Err(io_error(action, path, refused.error)),
            },
        }
    }
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Makes the new name durable. On Windows, directories cannot be opened, and the system does this itself.
fn sync_directory(directory: &Path) -> Result<()> {
    #[cfg(test)]
    tests::SYNCED.with_borrow_mut(|synced| synced.push(directory.to_owned()));
    if cfg!(unix) {
        File::open(directory).and_then(|file| file.sync_all()).map_err(|error| io_error("sync", directory, error))?;
    }
    Ok(())
}

/// Removes the unfinished files of killed processes from the directory of `path`. A process that is creating a store
/// holds a lock on its file, except just before the first lock and just before the link; `create_file` then tries
/// again. A failed removal is not an error.
pub(in crate::storage) fn remove_left_over(path: &Path) {
    let Ok(entries) = std::fs::read_dir(directory_of(path)) else { return };
    for entry in entries.flatten() {
        let is_file = || entry.file_type().is_ok_and(|kind| kind.is_file());
        if entry.file_name().to_str().is_some_and(is_temporary) && is_file() {
            remove_unlocked(&entry.path());
        }
    }
}

fn remove_unlocked(path: &Path) {
    // Open for reading and writing: this does not block if the file is a FIFO.
    let Ok(file) = OpenOptions::new().read(true).write(true).open(path) else { return };
    if file.try_lock().is_ok() {
        let _ = std::fs::remove_file(path);
    }
}

/// Whether the name has the pattern of `create_file`.
fn is_temporary(name: &str) -> bool {
    let random = name.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix(SUFFIX));
    random.is_some_and(|random| random.len() == RANDOM && random.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::path::PathBuf;

    use crate::{ErrorKind, PolicyStore};

    thread_local! {
        /// The directories that this thread has synced. A lost name shows only after a loss of power.
        pub(super) static SYNCED: RefCell<Vec<PathBuf>> = const { RefCell::new(Vec::new()) };
    }

    fn synced() -> Vec<PathBuf> {
        SYNCED.take()
    }

    #[test]
    fn the_name_of_a_new_store_is_synced_once_before_the_store_is_open() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.redb");
        drop(PolicyStore::open(&path).unwrap());
        assert_eq!(synced(), [folder.path()]);
        drop(PolicyStore::open(&path).unwrap());
        assert!(synced().is_empty());
        let nowhere = PolicyStore::open(folder.path().join("nowhere").join("store.redb"));
        assert_eq!(nowhere.unwrap_err().kind(), ErrorKind::Unavailable);
        assert!(synced().is_empty());
    }
}
