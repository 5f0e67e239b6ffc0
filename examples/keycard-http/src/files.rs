//! Key files: read if they are plain files of a size that they can have, and written whole or not at all. What is in them is
//! not known here.

use std::error::Error;
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;

use policy_store::limits::JWKS_BYTES;
use tempfile::Builder;
use zeroize::Zeroizing;

/// Who may read a file that is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Readers {
    Owner,
    Everybody,
}

/// A file that was read.
pub struct Found {
    /// Wiped when it is dropped.
    pub text: Zeroizing<String>,
    pub metadata: Metadata,
}

/// Reads a file; none if there is no such file.
pub fn read(path: &Path) -> Result<Option<Found>, Box<dyn Error + Send + Sync>> {
    // Before it is opened: opening a pipe would wait for a writer.
    match fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => return Err("not a regular file".into()),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    let limit = u64::try_from(JWKS_BYTES)?;
    if metadata.len() > limit {
        return Err(format!("too large: {} bytes, limit {JWKS_BYTES}", metadata.len()).into());
    }
    // All at once, so that no copy stays behind where it grew.
    let mut text = Zeroizing::new(String::with_capacity(JWKS_BYTES));
    file.take(limit).read_to_string(&mut text)?;
    Ok(Some(Found { text, metadata }))
}

/// Makes a file. Fails with [`ErrorKind::AlreadyExists`] if there is one.
pub fn create(path: &Path, text: &str, readers: Readers) -> io::Result<()> {
    put(path, text, readers, false)
}

/// Makes a file, or puts it in the place of one that is there.
pub fn replace(path: &Path, text: &str, readers: Readers) -> io::Result<()> {
    put(path, text, readers, true)
}

/// Under another name first: nobody sees a part of it, and a power loss leaves all of it or none.
fn put(path: &Path, text: &str, readers: Readers, replace: bool) -> io::Result<()> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = Builder::new();
    builder.prefix(".keycard-http-");
    // A temporary file is its owner's alone unless it is told otherwise.
    #[cfg(unix)]
    if readers == Readers::Everybody {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o644));
    }
    #[cfg(not(unix))]
    let _ = readers;
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    let put = if replace { file.persist(path) } else { file.persist_noclobber(path) };
    put.map_err(|failed| failed.error)?;
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(())
}
