//! The body of a request: read into memory within a limit, a time and a share of the memory for bodies, or discarded.
//! Knows neither its content nor the permission to send it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body as Stream, Bytes, HttpBody};
use axum::http::header::{CONNECTION, EXPECT};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use http_body_util::BodyExt;
use policy_store::limits::BUNDLE_BYTES;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::failure::Failure;

/// Limit on a body, in bytes, except for a policy bundle.
pub const BODY_BYTES: usize = 1024 * 1024;
/// Limit on all bodies in memory, in bytes, except for policy bundles.
const BODIES_BYTES: usize = 128 * BODY_BYTES;
/// Limit on all policy bundles in memory, in bytes. They have their own budget, so that a few of them do not delay all
/// other requests.
const BUNDLES_BYTES: usize = 4 * BUNDLE_BYTES;
/// Limit on the bytes of a discarded body; after it, the connection is closed.
const DRAINED_BYTES: usize = 8 * 1024 * 1024;
/// Limit on the time of discarding a body.
const DRAINED_WITHIN: Duration = Duration::from_secs(5);

/// The limits that all bodies share: memory, with one permit for each byte, and time for each body.
#[derive(Debug)]
pub struct Bodies {
    ordinary: Arc<Semaphore>,
    bundles: Arc<Semaphore>,
    patience: Duration,
}

impl Bodies {
    pub fn new(patience: Duration) -> Self {
        let [ordinary, bundles] = [BODIES_BYTES, BUNDLES_BYTES].map(|bytes| Arc::new(Semaphore::new(bytes)));
        Self { ordinary, bundles, patience }
    }

    /// Takes memory for a body up to this limit. `None` if there is none in time.
    async fn share(&self, limit: usize, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let budget = if limit > BODY_BYTES { &self.bundles } else { &self.ordinary };
        let permits = u32::try_from(bytes).ok()?;
        timeout(self.patience, budget.clone().acquire_many_owned(permits)).await.ok()?.ok()
    }
}

/// A complete body, with its share of the memory.
#[derive(Debug, Default)]
pub struct Received {
    pub bytes: Bytes,
    _share: Option<OwnedSemaphorePermit>,
}

#[cfg(test)]
impl From<Vec<u8>> for Received {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes: bytes.into(), _share: None }
    }
}

/// A body that has not been read completely.
#[derive(Debug)]
pub struct Incoming {
    stream: Stream,
    /// Whether the client waits for `100 Continue`, which the first read sends.
    on_request: bool,
    /// The rest of the body cannot be read any more.
    broken: bool,
}

impl Incoming {
    pub fn new(stream: Stream, headers: &HeaderMap) -> Self {
        Self { stream, on_request: headers.contains_key(EXPECT), broken: false }
    }

    /// Reads the whole body, up to `limit` bytes.
    pub async fn read(&mut self, bodies: &Bodies, limit: usize) -> Result<Received, Failure> {
        let size = self.stream.size_hint();
        let length = size.exact().map_or(Some(limit), |exact| usize::try_from(exact).ok());
        let length = length.filter(|length| *length <= limit).ok_or_else(|| too_large(limit))?;
        if length == 0 {
            return Ok(Received::default());
        }
        let Some(share) = bodies.share(limit, length).await else {
            let message = "server is overloaded: no memory for the body in time";
            return Err(Failure::new(StatusCode::TOO_MANY_REQUESTS, "busy", message));
        };
        self.on_request = false;
        let read = timeout(bodies.patience, self.up_to(length, limit)).await;
        let bytes = read.unwrap_or_else(|_| {
            self.broken = true;
            let message = format!("body did not arrive within {} seconds", bodies.patience.as_secs());
            Err(Failure::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", message))
        })?;
        Ok(Received { bytes: bytes.into(), _share: Some(share) })
    }

    /// Reads up to `length` bytes.
    async fn up_to(&mut self, length: usize, limit: usize) -> Result<Vec<u8>, Failure> {
        // The system does not allocate pages that are never written.
        let mut bytes = Vec::with_capacity(length);
        while let Some(data) = self.next().await? {
            if data.len() > length.saturating_sub(bytes.len()) {
                return Err(too_large(limit));
            }
            bytes.extend_from_slice(&data);
        }
        Ok(bytes)
    }

    /// The next bytes. Ignores trailers.
    async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        while let Some(frame) = self.stream.frame().await {
            match frame.map(|frame| frame.into_data()) {
                Ok(Ok(data)) => return Ok(Some(data)),
                Ok(Err(_trailers)) => {}
                Err(_) => {
                    self.broken = true;
                    return Err(Failure::invalid_body("body is incomplete"));
                }
            }
        }
        Ok(None)
    }

    /// Discards the rest of the body and returns the response. If the rest is too large, the connection closes after
    /// the response; the client may not see it, because it is still sending then.
    pub async fn answered(mut self, mut answer: Response) -> Response {
        if !timeout(DRAINED_WITHIN, self.drained()).await.unwrap_or_default() {
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }

    async fn drained(&mut self) -> bool {
        let drained = u64::try_from(DRAINED_BYTES).unwrap_or(u64::MAX);
        if self.stream.is_end_stream() {
            return true;
        }
        if self.broken || self.on_request || self.stream.size_hint().lower() > drained {
            return false;
        }
        let mut length = 0_usize;
        while let Ok(data) = self.next().await {
            let Some(data) = data else { return true };
            length = length.saturating_add(data.len());
            if length > DRAINED_BYTES {
                return false;
            }
        }
        false
    }
}

fn too_large(limit: usize) -> Failure {
    let message = format!("too large: body: over {limit} bytes");
    Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incoming(text: &'static str) -> Incoming {
        Incoming::new(Stream::from(text), &HeaderMap::new())
    }

    #[tokio::test]
    async fn bodies_that_are_kept_share_the_memory_and_others_are_refused_at_last() {
        let [ordinary, bundles] = [10, BODY_BYTES].map(|bytes| Arc::new(Semaphore::new(bytes)));
        let bodies = Bodies { ordinary, bundles, patience: Duration::from_millis(20) };
        let kept = incoming("12345678").read(&bodies, 8).await.unwrap();
        assert_eq!(kept.bytes, "12345678");
        let failure = format!("{:?}", incoming("123").read(&bodies, 8).await.unwrap_err());
        assert!(failure.contains("429") && failure.contains("busy"), "{failure}");
        assert_eq!(incoming("12").read(&bodies, 8).await.unwrap().bytes, "12");
        assert_eq!(incoming("123").read(&bodies, BODY_BYTES + 1).await.unwrap().bytes, "123");
        let mut waiting = incoming("123");
        let (read, ()) = tokio::join!(waiting.read(&bodies, 8), async { drop(kept) });
        assert_eq!(read.unwrap().bytes, "123");
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_not_read() {
        let mut body = incoming("123456789");
        let failure = format!("{:?}", body.read(&Bodies::new(Duration::from_secs(9)), 8).await.unwrap_err());
        assert!(failure.contains("413") && failure.contains("8 bytes"), "{failure}");
        assert!(body.drained().await && body.stream.is_end_stream());
    }
}
