//! The storages to measure: memory, which is the baseline, a folder, and an S3-compatible server if the environment names one.

use std::sync::Arc;

use policy_store_replica::object_store::ObjectStore;
use policy_store_replica::object_store::local::LocalFileSystem;
use policy_store_replica::object_store::memory::InMemory;
use tempfile::TempDir;

#[cfg(feature = "aws")]
#[path = "../../tests/s3/client.rs"]
mod client;

/// An empty storage.
pub struct Storage {
    pub name: &'static str,
    pub objects: Arc<dyn ObjectStore>,
    /// Removes the folder at the end.
    _folder: Option<TempDir>,
}

impl Storage {
    pub fn memory() -> Self {
        Self { name: "memory", objects: Arc::new(InMemory::new()), _folder: None }
    }

    /// As `Bucket::folder` has it.
    pub fn folder() -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let objects = LocalFileSystem::new_with_prefix(folder.path()).unwrap().with_fsync(true);
        Self { name: "folder", objects: Arc::new(objects), _folder: Some(folder) }
    }

    #[cfg(feature = "aws")]
    fn s3() -> Option<Self> {
        client::storage("bench").map(|objects| Self { name: "s3", objects, _folder: None })
    }

    #[cfg(not(feature = "aws"))]
    fn s3() -> Option<Self> {
        None
    }

    pub fn all() -> Vec<Self> {
        [Some(Self::memory()), Some(Self::folder()), Self::s3()].into_iter().flatten().collect()
    }
}
