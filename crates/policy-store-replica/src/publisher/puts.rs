//! Puts many objects at once, within a limit of requests and of bytes in memory.

use bytes::Bytes;
use policy_store::ContentAddress;
use tokio::task::JoinSet;

use crate::bucket::{Bucket, Created};
use crate::error::{Error, Result};
use crate::object::CONTENT_BYTES;
use crate::object::bundle::read_content;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::bundle::write_content;

    /// A manifest with the text `{}`: plain, and as an LZ4 block.
    const PLAIN: &[u8] = &[2, 0, 0, 0, 0, 2, 0, 0, 0, 0, b'{', b'}'];
    const PACKED: &[u8] = &[2, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0x20, b'{', b'}'];
    const OTHER: &[u8] = &[2, 0, 0, 0, 0, 2, 0, 0, 0, 0, b'[', b']'];

    async fn put(bucket: &Bucket, name: &str, bytes: &[u8], put: Put) -> Result<()> {
        let mut puts = Puts::new(bucket);
        puts.add(name.to_owned(), bytes.to_vec(), put).await?;
        puts.finish().await
    }

    #[tokio::test]
    async fn content_that_is_packed_otherwise_is_as_good() {
        let bucket = Bucket::memory();
        put(&bucket, "piece", PACKED, Put::Piece).await.unwrap();
        put(&bucket, "piece", PLAIN, Put::Piece).await.unwrap();
        assert_eq!(put(&bucket, "piece", OTHER, Put::Piece).await.unwrap_err().code(), "damaged");
        assert_eq!(put(&bucket, "piece", PLAIN, Put::Same).await.unwrap_err().code(), "damaged");
        let pack =
            |values: &[&[u8]]| write_content(&values.iter().map(|value| value.to_vec()).collect::<Vec<_>>()).unwrap();
        put(&bucket, "pack", &pack(&[PLAIN, OTHER]), Put::Pack).await.unwrap();
        put(&bucket, "pack", &pack(&[PACKED, OTHER]), Put::Pack).await.unwrap();
        for wrong in [pack(&[OTHER, PACKED]), pack(&[PACKED]), pack(&[])] {
            assert_eq!(put(&bucket, "pack", &wrong, Put::Pack).await.unwrap_err().code(), "damaged");
        }
        // Bytes that are no content are only as good as themselves.
        put(&bucket, "broken", b"x", Put::Piece).await.unwrap();
        put(&bucket, "broken", b"x", Put::Piece).await.unwrap();
        assert_eq!(put(&bucket, "broken", b"y", Put::Piece).await.unwrap_err().code(), "damaged");
        assert_eq!(bucket.get("piece", 99).await.unwrap().unwrap(), PACKED);
    }

    #[tokio::test]
    async fn requests_and_bytes_are_limited_and_all_puts_are_made() {
        let bucket = Bucket::memory();
        let mut puts = Puts::new(&bucket);
        for number in 0..100 {
            puts.add(format!("a/{number}"), "x", Put::Same).await.unwrap();
            assert!(puts.running.len() <= REQUESTS);
        }
        for number in 0..5 {
            puts.add(format!("b/{number}"), vec![0; BYTES / 2 + 1], Put::Replace).await.unwrap();
            assert!(puts.bytes <= BYTES);
        }
        puts.finish().await.unwrap();
        assert_eq!((bucket.list("a").await.unwrap().len(), bucket.list("b").await.unwrap().len()), (100, 5));
        assert_eq!((puts.running.len(), puts.bytes), (0, 0));
    }
}
