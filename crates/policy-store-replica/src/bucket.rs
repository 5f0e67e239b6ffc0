//! A publication's place in an object storage: puts that create, reads within a limit, lists and removals, by name.
//!
//! Tries each request once. Does not know the objects.

use std::fmt;
use std::path::Path as FilePath;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{Error as StorageError, GetOptions, ObjectStore, PutMode, PutOptions, PutPayload};

use crate::error::{Error, Result};

/// An object storage, and the prefix of one publication in it.
///
/// Any [`ObjectStore`] does that can create an object only if there is none: S3, GCS, Azure, a folder, memory. A follower only
/// reads, so it can also read from a web server that serves the files. It must be told that an object is absent: S3 says so only to
/// those who may list the bucket (`s3:ListBucket`). Set time limits and retries of requests where the client
/// of the storage is built.
///
/// ```
/// use policy_store_replica::Bucket;
/// let bucket = Bucket::memory().with_prefix("policies/production")?;
/// assert_eq!(bucket.to_string(), "InMemory: policies/production");
/// # Ok::<(), policy_store_replica::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Bucket {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
}

/// The outcome of a put that creates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Created {
    /// The object is there with these bytes: from this put, or from an earlier one whose answer was lost.
    Yes,
    /// The object is there with other bytes.
    Differs,
}

/// The answer to a read that names the version that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fetched {
    /// The object is not there.
    Absent,
    /// It is the version that is known.
    Unchanged,
    /// Its bytes, and the tag of this version if the storage has tags.
    Bytes(Bytes, Option<String>),
}

impl Bucket {
    /// The storage, without a prefix.
    #[must_use]
    pub fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self { store, prefix: Path::ROOT }
    }

    /// A storage in memory, for tests.
    #[must_use]
    pub fn memory() -> Self {
        Self::new(Arc::new(InMemory::new()))
    }

    /// A folder, which must exist. Every object is synced to the disk before the next one is written.
    ///
    /// # Errors
    ///
    /// `unavailable` for a folder that does not exist.
    pub fn folder(folder: impl AsRef<FilePath>) -> Result<Self> {
        let folder = folder.as_ref();
        let store = LocalFileSystem::new_with_prefix(folder)
            .map_err(|source| Error::unavailable(folder.display().to_string(), source))?;
        Ok(Self::new(Arc::new(store.with_fsync(true))))
    }

    /// The same storage with a prefix before all names, such as `policies/production`.
    ///
    /// # Errors
    ///
    /// `store` with the detail `invalid_input` for a prefix with empty or relative parts, or with characters that object
    /// storages treat differently.
    pub fn with_prefix(self, prefix: &str) -> Result<Self> {
        let reason = "expected parts without special characters and `..`, with one slash between them";
        let prefix = Path::parse(prefix).map_err(|_| Error::invalid("prefix", prefix, reason))?;
        Ok(Self { prefix, ..self })
    }

    fn path(&self, name: &str) -> Result<Path> {
        let full = if self.prefix.as_ref().is_empty() { name.to_owned() } else { format!("{}/{name}", self.prefix) };
        Path::parse(full).map_err(|source| Error::unavailable(name, source))
    }

    /// The name without the prefix.
    fn name(&self, path: &Path) -> String {
        let path = path.as_ref();
        path.strip_prefix(self.prefix.as_ref()).unwrap_or(path).trim_start_matches('/').to_owned()
    }

    /// The bytes of an object; none if it is not there. An object over the limit is not read.
    pub(crate) async fn get(&self, name: &str, limit: usize) -> Result<Option<Bytes>> {
        match self.get_changed(name, limit, None).await? {
            Fetched::Bytes(bytes, _) => Ok(Some(bytes)),
            Fetched::Absent => Ok(None),
            Fetched::Unchanged => {
                Err(Error::unavailable(name, "not modified since another version, and none was named"))
            }
        }
    }

    /// The bytes of an object, unless the storage says that it is still the one with the tag. The tags of a storage are not
    /// verified, and some have none.
    pub(crate) async fn get_changed(&self, name: &str, limit: usize, tag: Option<&str>) -> Result<Fetched> {
        let unavailable = |source: StorageError| Error::unavailable(name, source);
        let too_large = |size: &dyn fmt::Display| Error::damaged(name, format!("{size} bytes, limit {limit}"));
        let options = GetOptions { if_none_match: tag.map(str::to_owned), ..GetOptions::default() };
        let found = match self.store.get_opts(&self.path(name)?, options).await {
            Ok(found) => found,
            Err(StorageError::NotFound { .. }) => return Ok(Fetched::Absent),
            Err(StorageError::NotModified { .. }) => return Ok(Fetched::Unchanged),
            Err(source) => return Err(unavailable(source)),
        };
        let tag = found.meta.e_tag.clone();
        let size = usize::try_from(found.meta.size).ok().filter(|size| *size <= limit);
        let size = size.ok_or_else(|| too_large(&found.meta.size))?;
        let mut stream = found.into_stream();
        let mut bytes = Vec::with_capacity(size);
        while let Some(part) = stream.next().await {
            let part = part.map_err(unavailable)?;
            // A storage may send more than it has announced.
            if bytes.len() + part.len() > size {
                return Err(Error::unavailable(name, format!("more than the announced {size} bytes")));
            }
            bytes.extend_from_slice(&part);
        }
        if bytes.len() < size {
            return Err(Error::unavailable(name, format!("ended after {} of {size} bytes", bytes.len())));
        }
        Ok(Fetched::Bytes(bytes.into(), tag))
    }

    /// Puts an object if there is none. If there is one, its bytes decide: the answer to an earlier try may have been lost.
    pub(crate) async fn create(&self, name: &str, bytes: Bytes) -> Result<Created> {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.store.put_opts(&self.path(name)?, PutPayload::from(bytes.clone()), options).await {
            Ok(_) => return Ok(Created::Yes),
            Err(StorageError::AlreadyExists { .. } | StorageError::Precondition { .. }) => {}
            Err(source) => return Err(Error::unavailable(name, source)),
        }
        match self.get(name, bytes.len()).await {
            Ok(Some(found)) if found == bytes => Ok(Created::Yes),
            // It is longer.
            Ok(Some(_)) | Err(Error::Damaged { .. }) => Ok(Created::Differs),
            Ok(None) => Err(Error::unavailable(name, "refused as existing, and then not found")),
            Err(error) => Err(error),
        }
    }

    /// Creates an object that can only have these bytes.
    pub(crate) async fn create_same(&self, name: &str, bytes: Bytes) -> Result<()> {
        match self.create(name, bytes).await? {
            Created::Yes => Ok(()),
            Created::Differs => Err(Error::damaged(name, "exists with other bytes")),
        }
    }

    /// Puts an object over the one that is there.
    pub(crate) async fn put(&self, name: &str, bytes: Bytes) -> Result<()> {
        let path = self.path(name)?;
        let put = self.store.put_opts(&path, PutPayload::from(bytes), PutOptions::default()).await;
        put.map(drop).map_err(|source| Error::unavailable(name, source))
    }

    /// The names of all objects in a folder and its folders.
    pub(crate) async fn list(&self, folder: &str) -> Result<Vec<String>> {
        let listed = self.store.list(Some(&self.path(folder)?)).map_ok(|object| self.name(&object.location));
        listed.try_collect().await.map_err(|source| Error::unavailable(folder, source))
    }

    /// The folders in a folder.
    pub(crate) async fn folders(&self, folder: &str) -> Result<Vec<String>> {
        match self.store.list_with_delimiter(Some(&self.path(folder)?)).await {
            Ok(listed) => Ok(listed.common_prefixes.iter().map(|folder| self.name(folder)).collect()),
            // A file system has no empty folders of objects.
            Err(StorageError::NotFound { .. }) => Ok(Vec::new()),
            Err(source) => Err(Error::unavailable(folder, source)),
        }
    }

    /// Removes objects, those that are gone already too.
    pub(crate) async fn remove(&self, names: Vec<String>) -> Result<()> {
        let paths = names.iter().map(|name| self.path(name)).collect::<Result<Vec<_>>>()?;
        let paths = futures_util::stream::iter(paths.into_iter().map(Ok)).boxed();
        let mut removed = self.store.delete_stream(paths);
        while let Some(outcome) = removed.next().await {
            match outcome {
                Ok(_) | Err(StorageError::NotFound { .. }) => {}
                Err(source) => {
                    return Err(Error::unavailable(names.first().cloned().unwrap_or_default(), source));
                }
            }
        }
        Ok(())
    }

    /// Removes all objects of a folder, a thousand at a time.
    pub(crate) async fn remove_folder(&self, folder: &str) -> Result<()> {
        let mut listed = self.store.list(Some(&self.path(folder)?)).chunks(1_000);
        while let Some(chunk) = listed.next().await {
            let names = chunk.into_iter().map(|object| match object {
                Ok(object) => Ok(self.name(&object.location)),
                Err(source) => Err(Error::unavailable(folder, source)),
            });
            self.remove(names.collect::<Result<_>>()?).await?;
        }
        Ok(())
    }
}

impl fmt::Display for Bucket {
    /// The storage and the prefix.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.store, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn behaves(bucket: Bucket) {
        assert_eq!(bucket.get("a/1", 9).await.unwrap(), None);
        assert_eq!(bucket.create("a/1", "one".into()).await.unwrap(), Created::Yes);
        assert_eq!(bucket.create("a/1", "one".into()).await.unwrap(), Created::Yes);
        for other in ["two", "on", "ones", ""] {
            assert_eq!(bucket.create("a/1", other.into()).await.unwrap(), Created::Differs, "{other}");
        }
        let error = bucket.create_same("a/1", "two".into()).await.unwrap_err();
        assert_eq!((error.code(), error.object()), ("damaged", Some("a/1")));
        assert_eq!(bucket.get("a/1", 3).await.unwrap().unwrap(), "one");
        let error = bucket.get("a/1", 2).await.unwrap_err();
        assert_eq!(error.to_string(), "`a/1` is damaged: 3 bytes, limit 2");
        bucket.put("a/b/2", "two".into()).await.unwrap();
        let Fetched::Bytes(_, Some(tag)) = bucket.get_changed("a/b/2", 9, None).await.unwrap() else { panic!() };
        let changed = async || bucket.get_changed("a/b/2", 9, Some(&tag)).await.unwrap();
        assert_eq!(changed().await, Fetched::Unchanged);
        bucket.put("a/b/2", "second".into()).await.unwrap();
        assert!(matches!(changed().await, Fetched::Bytes(bytes, Some(other)) if bytes == "second" && other != tag));
        assert_eq!(bucket.get_changed("a/b", 9, Some(&tag)).await.unwrap(), Fetched::Absent);
        assert_eq!(bucket.get("a/b/2", 9).await.unwrap().unwrap(), "second");
        bucket.put("ab/3", "three".into()).await.unwrap();
        let mut listed = bucket.list("a").await.unwrap();
        listed.sort();
        assert_eq!(listed, ["a/1", "a/b/2"]);
        assert_eq!(bucket.folders("a").await.unwrap(), ["a/b"]);
        assert!(bucket.folders("none").await.unwrap().is_empty() && bucket.list("none").await.unwrap().is_empty());
        bucket.remove(vec!["a/1".into(), "a/1".into(), "none".into()]).await.unwrap();
        bucket.remove_folder("a").await.unwrap();
        bucket.remove_folder("none").await.unwrap();
        assert_eq!((bucket.list("a").await.unwrap().len(), bucket.list("ab").await.unwrap().len()), (0, 1));
    }

    #[tokio::test]
    async fn objects_are_created_once_and_read_within_a_limit() {
        behaves(Bucket::memory()).await;
        behaves(Bucket::memory().with_prefix("one/two").unwrap()).await;
        let folder = tempfile::tempdir().unwrap();
        behaves(Bucket::folder(folder.path()).unwrap()).await;
        behaves(Bucket::folder(folder.path()).unwrap().with_prefix("one").unwrap()).await;
    }

    #[tokio::test]
    async fn prefixes_keep_publications_apart() {
        let whole = Bucket::memory();
        let (one, two) = (whole.clone().with_prefix("one").unwrap(), whole.clone().with_prefix("one2").unwrap());
        one.put("a", "1".into()).await.unwrap();
        two.put("a", "2".into()).await.unwrap();
        assert_eq!(one.get("a", 9).await.unwrap().unwrap(), "1");
        assert_eq!(whole.list("one2").await.unwrap(), ["one2/a"]);
        for wrong in ["../a", "a//b", "a/./b", "a\u{0}b"] {
            assert_eq!(Bucket::memory().with_prefix(wrong).unwrap_err().code(), "store", "{wrong}");
        }
        assert_eq!(Bucket::folder("/no/such/folder").unwrap_err().code(), "unavailable");
    }
}
