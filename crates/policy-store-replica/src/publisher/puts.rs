//! Puts many objects at once, within a limit of requests and of bytes in memory. Replaces objects that belong to no head.
//!
//! Does not decide which objects belong to a head.

use bytes::Bytes;
use policy_store::{ContentAddress, LogId};
use tokio::task::JoinSet;

use crate::bucket::{Bucket, Created};
use crate::error::{Error, Result};
use crate::head::HEAD_BYTES;
use crate::object::CONTENT_BYTES;
use crate::object::bundle::read_content;
use crate::object::layout::{self, Tile};

/// Requests at once.
const REQUESTS: usize = 16;
/// Bytes in memory. One object may be larger.
const BYTES: usize = 32 * 1024 * 1024;

/// The kinds of puts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Put {
    /// A tile of hashes or entries: it has only one possible form.
    Same,
    /// A content pack: packed values can have several forms, and all of them are good.
    Pack,
    /// One packed value.
    Piece,
    /// An object that is replaced.
    Replace,
}

/// The head that the objects belong to. It decides about tiles that exist with other bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// A head that this publisher has put: tiles with other bytes are replaced.
    Own,
    /// The head that this publisher is about to put. While it is absent, tiles with other bytes belong to no head: they are of
    /// a publisher that lost, or died. They are replaced.
    Next(u64),
}

/// Puts under way. Dropping it stops them.
pub(super) struct Puts {
    bucket: Bucket,
    owner: Owner,
    running: JoinSet<Result<Done>>,
    bytes: usize,
    replaced: Vec<(LogId, Tile)>,
}

struct Done {
    bytes: usize,
    replaced: Option<(LogId, Tile)>,
}

impl Puts {
    pub(super) fn new(bucket: &Bucket, owner: Owner) -> Self {
        Self { bucket: bucket.clone(), owner, running: JoinSet::new(), bytes: 0, replaced: Vec::new() }
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
        let (bucket, owner) = (self.bucket.clone(), self.owner);
        self.running.spawn(async move {
            let length = bytes.len();
            let replaced = one(&bucket, owner, &name, bytes, put).await?;
            Ok(Done { bytes: length, replaced })
        });
        Ok(())
    }

    /// Waits for all puts. Returns the tiles that existed with other bytes, and were replaced.
    pub(super) async fn finish(&mut self) -> Result<Vec<(LogId, Tile)>> {
        while !self.running.is_empty() {
            self.next().await?;
        }
        Ok(std::mem::take(&mut self.replaced))
    }

    async fn next(&mut self) -> Result<()> {
        match self.running.join_next().await {
            Some(Ok(outcome)) => {
                let Done { bytes, replaced } = outcome?;
                self.bytes = self.bytes.saturating_sub(bytes);
                self.replaced.extend(replaced);
            }
            Some(Err(problem)) => return Err(Error::unavailable("puts", problem)),
            None => {}
        }
        Ok(())
    }
}

/// Puts one object. Returns the tile if it was replaced.
async fn one(bucket: &Bucket, owner: Owner, name: &str, bytes: Bytes, put: Put) -> Result<Option<(LogId, Tile)>> {
    let addresses: fn(&[u8]) -> Option<Vec<ContentAddress>> = match put {
        Put::Same => |_| None,
        Put::Pack => addresses_of_pack,
        Put::Piece => address_of_piece,
        Put::Replace => {
            bucket.put(name, bytes).await?;
            return Ok(None);
        }
    };
    if bucket.create(name, bytes.clone()).await? == Created::Yes {
        return Ok(None);
    }
    if put != Put::Same && has_content(bucket, name, addresses(&bytes), addresses).await? {
        return Ok(None);
    }
    // The name of a larger piece has the hash of its value, for every publisher the same.
    let Some(tile) = Tile::parse(name) else { return Err(Error::damaged(name, "exists with other content")) };
    if let Owner::Next(number) = owner {
        let object = layout::head(number);
        if bucket.get(&object, HEAD_BYTES).await?.is_some() {
            return Err(Error::Fenced { object });
        }
    }
    bucket.put(name, bytes).await?;
    Ok(Some(tile))
}

/// Whether an object with other bytes has the same content: a writer before this one may have packed it otherwise.
async fn has_content(
    bucket: &Bucket,
    name: &str,
    expected: Option<Vec<ContentAddress>>,
    addresses: impl Fn(&[u8]) -> Option<Vec<ContentAddress>>,
) -> Result<bool> {
    let found = match bucket.get(name, CONTENT_BYTES).await {
        Ok(found) => found.as_deref().and_then(addresses),
        // It is too large.
        Err(Error::Damaged { .. }) => None,
        Err(error) => return Err(error),
    };
    Ok(found.is_some() && found == expected)
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
        let mut puts = Puts::new(bucket, Owner::Next(3));
        puts.add(name.to_owned(), bytes.to_vec(), put).await?;
        puts.finish().await.map(drop)
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
        let mut puts = Puts::new(&bucket, Owner::Next(0));
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
