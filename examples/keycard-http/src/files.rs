//! Key files: reads regular files of a plausible size, and writes files atomically. Does not know their content.

use std::error::Error;
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;

use policy_store::limits::JWKS_BYTES;
use tempfile::Builder;
use zeroize::Zeroizing;

/// The read permissions of a written file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Readers {
    Owner,
    Everybody,
}

/// The content of a file.
pub struct Found {
    /// Zeroized on drop.
    pub text: Zeroizing<String>,
    pub metadata: Metadata,
}

/// Reads a file; `None` if it does not exist.
pub fn read(path: &Path) -> Result<Option<Found>, Box<dyn Error + Send + Sync>> {
    // Check before opening: opening a pipe would block.
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
    // Allocate once, so that no copy of the secret is left by a reallocation.
    let mut text = Zeroizing::new(String::with_capacity(JWKS_BYTES));
    file.take(limit).read_to_string(&mut text)?;
    Ok(Some(Found { text, metadata }))
}

/// Creates a file. Fails with [`ErrorKind::AlreadyExists`] if it exists.
pub fn create(path: &Path, text: &str, readers: Readers) -> io::Result<()> {
    put(path, text, readers, false)
}

/// Creates or replaces a file.
pub fn replace(path: &Path, text: &str, readers: Readers) -> io::Result<()> {
    put(path, text, readers, true)
}

/// Writes under a temporary name first: no reader sees a part of the file, and a power loss leaves all of it or
/// nothing.
fn put(path: &Path, text: &str, readers: Readers, replace: bool) -> io::Result<()> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = Builder::new();
    builder.prefix(".keycard-http-");
    // By default, only the owner can read a temporary file.
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
