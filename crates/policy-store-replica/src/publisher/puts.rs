//! Puts many objects at once, within a limit of requests and of bytes in memory.

use bytes::Bytes;
use tokio::task::JoinSet;

use crate::bucket::{Bucket, Created};
use crate::error::{Error, Result};
use crate::object::CONTENT_BYTES;
use crate::object::bundle::read_content;
use policy_store::ContentAddress;

/// Requests at once.
const REQUESTS: usize = 16;
/// Bytes in memory. One object may be larger.
const BYTES: usize = 32 * 1024 * 1024;

/// The kinds of puts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Put {
    /// An object with only one possible form.
    Same,
    /// A content pack: packed values can have several forms, and all of them are good.
    Pack,
    /// One packed value.
    Piece,
    /// An object that is replaced.
    Replace,
}

/// Puts under way. Dropping it stops them.
pub(super) struct Puts {
    bucket: Bucket,
    running: JoinSet<Result<usize>>,
    bytes: usize,
}

impl Puts {
    pub(super) fn new(bucket: &Bucket) -> Self {
        Self { bucket: bucket.clone(), running: JoinSet::new(), bytes: 0 }
    }

    /// Begins a put, as soon as there is room for it.
    ///
    /// # Errors
    ///
    /// The error of this or an earlier put.
    pub(super) async fn add(&mut self, name: String, bytes: impl Into<Bytes>, put: Put) -> Result<()> {
        let bytes = bytes.into();
        while self.running.len() >= REQUESTS || self.bytes > 0 && self.bytes + bytes.len() > BYTES {
            self.next().await?;
        }
        self.bytes += bytes.len();
        let bucket = self.bucket.clone();
        self.running.spawn(async move {
            let length = bytes.len();
            match put {
                Put::Same => bucket.create_same(&name, bytes).await?,
                Put::Pack => create_content(&bucket, &name, bytes, addresses_of_pack).await?,
                Put::Piece => create_content(&bucket, &name, bytes, address_of_piece).await?,
                Put::Replace => bucket.put(&name, bytes).await?,
            }
            Ok(length)
        });
        Ok(())
    }

    /// Waits for all puts.
    pub(super) async fn finish(&mut self) -> Result<()> {
        while !self.running.is_empty() {
            self.next().await?;
        }
        Ok(())
    }

    async fn next(&mut self) -> Result<()> {
        match self.running.join_next().await {
            Some(Ok(outcome)) => self.bytes = self.bytes.saturating_sub(outcome?),
            Some(Err(problem)) => return Err(Error::unavailable("puts", problem)),
            None => {}
        }
        Ok(())
    }
}

/// Creates an object of content. One with other bytes is as good if it has the same content: a writer before this one may have
/// packed it otherwise.
async fn create_content(
    bucket: &Bucket,
    name: &str,
    bytes: Bytes,
    addresses: impl Fn(&[u8]) -> Option<Vec<ContentAddress>>,
) -> Result<()> {
    if bucket.create(name, bytes.clone()).await? == Created::Yes {
        return Ok(());
    }
    let found = bucket.get(name, CONTENT_BYTES).await?.as_deref().and_then(&addresses);
    if found.is_some() && found == addresses(&bytes) {
        return Ok(());
    }
    Err(Error::damaged(name, "exists with other content"))
}

fn addresses_of_pack(bytes: &[u8]) -> Option<Vec<ContentAddress>> {
    read_content(bytes).ok()?.iter().map(|value| ContentAddress::of_value(value).ok()).collect()
}

fn address_of_piece(bytes: &[u8]) -> Option<Vec<ContentAddress>> {
    Some(vec![ContentAddress::of_value(bytes).ok()?])
}
