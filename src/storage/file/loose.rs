//! A file backend that can be closed under the storage engine. A database in which redb has panicked cannot be dropped:
//! it would panic again on its own poisoned locks, twice, and abort the process. So the database is leaked, and its
//! file is closed here. This releases the file's locks, and the file can be opened again.

use std::fs::File;
use std::io::{Error, ErrorKind, Result};
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock};

use redb::backends::FileBackend;
use redb::{BackendError, DatabaseError, StorageBackend};

/// The result of a lock call.
type Locked<T> = std::result::Result<T, BackendError>;

fn closed() -> Error {
    Error::new(ErrorKind::NotConnected, "the file was closed")
}

/// The file, or another storage. Clones share it.
#[derive(Clone, Debug)]
pub(in crate::storage) struct Loose(Arc<RwLock<Option<Arc<dyn StorageBackend>>>>);

impl Loose {
    pub(in crate::storage) fn new(file: File) -> std::result::Result<Self, DatabaseError> {
        Ok(Self::of(Arc::new(FileBackend::new(file)?)))
    }

    /// A storage that is no file.
    pub(in crate::storage) fn of(storage: Arc<dyn StorageBackend>) -> Self {
        Self(Arc::new(RwLock::new(Some(storage))))
    }

    /// Closes the file for all clones.
    pub(in crate::storage) fn close(&self) {
        let file = self.0.write().unwrap_or_else(PoisonError::into_inner).take();
        // A process that is being forked keeps the file open. This releases the locks all the same.
        let _ = file.map(|file| file.close());
    }

    fn with<T>(&self, f: impl FnOnce(&dyn StorageBackend) -> Result<T>) -> Result<T> {
        match &*self.0.read().unwrap_or_else(PoisonError::into_inner) {
            Some(file) => f(&**file),
            None => Err(closed()),
        }
    }

    fn lock<T>(&self, f: impl FnOnce(&dyn StorageBackend) -> Locked<T>) -> Locked<T> {
        match &*self.0.read().unwrap_or_else(PoisonError::into_inner) {
            Some(file) => f(&**file),
            None => Err(BackendError::Io(closed())),
        }
    }
}

impl StorageBackend for Loose {
    fn len(&self) -> Result<u64> {
        self.with(|file| file.len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        self.with(|file| file.read(offset, out))
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.with(|file| file.set_len(len))
    }

    fn sync_data(&self) -> Result<()> {
        self.with(|file| file.sync_data())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<()> {
        self.with(|file| file.write(offset, data))
    }

    fn close(&self) -> Result<()> {
        self.with(|file| file.close())
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Locked<bool> {
        self.lock(|file| file.try_lock_range(start, end))
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Locked<bool> {
        self.lock(|file| file.try_lock_shared_range(start, end))
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Locked<()> {
        self.lock(|file| file.lock_range(start, end))
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Locked<()> {
        self.lock(|file| file.lock_shared_range(start, end))
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Locked<()> {
        self.lock(|file| file.unlock_range(start, end))
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Locked<bool> {
        self.lock(|file| file.query_lock_range(start, end))
    }
}
