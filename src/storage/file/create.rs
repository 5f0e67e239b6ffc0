//! Creating a store's file: made whole under another name and then given its own, because a crash inside redb's creation
//! leaves a file that never opens. What a crash has left under such a name is removed when a store is opened beside it.

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::path::Path;

use redb::backends::FileBackend;
use tempfile::NamedTempFile;

use super::format::{OpenOptions as Options, builder, initialise};
use super::handle::{database_error, io_error, missing};
use crate::types::environment::Environment;
use crate::types::error::{ErrorDetail, Result};

const PREFIX: &str = ".policy-store-";
const SUFFIX: &str = ".new";
/// Random characters between the two.
const RANDOM: usize = 6;
/// How often a file is made anew after another process has taken it for one that was left over.
const ATTEMPTS: u32 = 8;

/// Makes a whole store under a temporary name beside `path`, then gives it its name unless that was taken meanwhile.
pub(in crate::storage) fn create_file(path: &Path, options: &Options, environment: &Environment) -> Result<()> {
    for _ in 0..ATTEMPTS {
        if try_to_create(path, options, environment)? {
            return Ok(());
        }
    }
    let cause = "another process removed the new file before it was linked to its path";
    Err(ErrorDetail::failed(format!("create `{}`", path.display()), cause).into())
}

/// False if another process took the new file for one that was left over.
fn try_to_create(path: &Path, options: &Options, environment: &Environment) -> Result<bool> {
    let directory = directory_of(path);
    if let Err(error) = std::fs::metadata(directory) {
        return Err(missing(path, "create", error));
    }
    let failed = |error| io_error("create", path, error);
    let temporary = tempfile::Builder::new()
        .prefix(PREFIX)
        .suffix(SUFFIX)
        .rand_bytes(RANDOM)
        .tempfile_in(directory)
        .map_err(failed)?;
    // The storage engine locks it, so that it is not taken for one that was left over.
    let file = temporary.as_file().try_clone().map_err(failed)?;
    let engine_failed = |error| database_error("create", path, error);
    let database = match builder(options).create_with_backend(FileBackend::new(file).map_err(engine_failed)?) {
        Ok(database) => database,
        Err(redb::DatabaseError::DatabaseAlreadyOpen) => return Ok(false),
        Err(error) => return Err(engine_failed(error)),
    };
    initialise(&database, environment)?;
    database.close().map_err(engine_failed)?;
    give_name(temporary, path, directory)
}

fn give_name(temporary: NamedTempFile, path: &Path, directory: &Path) -> Result<bool> {
    // Closing has unlocked it.
    if temporary.as_file().try_lock().is_err() {
        return Ok(false);
    }
    match temporary.persist_noclobber(path) {
        Ok(_) => sync_directory(directory).map(|()| true),
        // Another process was faster: its store is opened instead.
        Err(refused) if refused.error.kind() == ErrorKind::AlreadyExists => Ok(true),
        Err(refused) if refused.error.kind() == ErrorKind::NotFound => Ok(false),
        Err(refused) => Err(io_error("create", path, refused.error)),
    }
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Makes a new name durable. Where directories cannot be opened (Windows), the system does that by itself.
fn sync_directory(directory: &Path) -> Result<()> {
    if cfg!(unix) {
        File::open(directory).and_then(|file| file.sync_all()).map_err(|error| io_error("sync", directory, error))?;
    }
    Ok(())
}

/// Removes what processes that were killed have left beside `path` while they made a store. Whoever is making one holds
/// a lock; the moment before it is locked, and the one before it has its name, are those in which `create_file` starts
/// anew. That something could not be removed is no reason not to open a store.
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
    // For reading and writing, so that it does not wait if it is none of ours after all.
    let Ok(file) = OpenOptions::new().read(true).write(true).open(path) else { return };
    if file.try_lock().is_ok() {
        let _ = std::fs::remove_file(path);
    }
}

/// Whether it is a name that `create_file` makes.
fn is_temporary(name: &str) -> bool {
    let random = name.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix(SUFFIX));
    random.is_some_and(|random| random.len() == RANDOM && random.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}
