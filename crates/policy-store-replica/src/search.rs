//! The newest head, found by reads alone: a web server without lists will do.
//!
//! Heads have numbers without gaps. So it goes ahead in steps that double until a head is absent, and bisects. Does not verify
//! heads.

use bytes::Bytes;

use crate::bucket::Bucket;
use crate::error::Result;
use crate::head::HEAD_BYTES;
use crate::object::layout;

/// The newest head from a known one on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Newest {
    pub number: u64,
    pub bytes: Bytes,
    /// The bytes of the known one now.
    pub known: Bytes,
}

/// The newest head from `known` on; none if `known` is absent.
pub(crate) async fn newest(bucket: &Bucket, known: u64) -> Result<Option<Newest>> {
    let get = async |number| bucket.get(&layout::head(number), HEAD_BYTES).await;
    let Some(bytes) = get(known).await? else { return Ok(None) };
    let mut newest = (known, bytes.clone());
    let (mut step, mut absent) = (1_u64, None);
    while absent.is_none()
        && let Some(next) = newest.0.checked_add(step)
    {
        match get(next).await? {
            Some(bytes) => newest = (next, bytes),
            None => absent = Some(next),
        }
        step = step.saturating_mul(2);
    }
    let mut absent = absent.unwrap_or(u64::MAX);
    while absent - newest.0 > 1 {
        let middle = newest.0 + (absent - newest.0) / 2;
        match get(middle).await? {
            Some(bytes) => newest = (middle, bytes),
            None => absent = middle,
        }
    }
    Ok(Some(Newest { number: newest.0, bytes: newest.1, known: bytes }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_newest_head_is_found_from_every_known_one() {
        for count in 0..40_u64 {
            let bucket = Bucket::memory();
            for number in 0..count {
                bucket.put(&layout::head(number), number.to_string().into()).await.unwrap();
            }
            for known in 0..count + 2 {
                let found = newest(&bucket, known).await.unwrap();
                let text = |number: u64| Bytes::from(number.to_string());
                let newest = || Newest { number: count - 1, bytes: text(count - 1), known: text(known) };
                let expected = (known < count).then(newest);
                assert_eq!(found, expected, "{count} heads, {known} known");
            }
        }
    }

    #[tokio::test]
    async fn a_head_at_the_end_of_numbers_is_found() {
        let bucket = Bucket::memory();
        for number in [u64::MAX - 1, u64::MAX] {
            bucket.put(&layout::head(number), "x".into()).await.unwrap();
            assert_eq!(newest(&bucket, number).await.unwrap().map(|found| found.number), Some(number));
        }
        bucket.put(&layout::head(0), vec![0; HEAD_BYTES + 1].into()).await.unwrap();
        assert_eq!(newest(&bucket, 0).await.unwrap_err().code(), "damaged");
    }
}
