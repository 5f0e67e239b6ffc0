//! A storage around another one that fails by a plan: requests are numbered, and each can have a fault. Counts requests and
//! bytes.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use policy_store_replica::object_store::path::Path;
use policy_store_replica::object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// A fault of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is done, and the request fails.
    Before,
    /// The request is carried out, and fails: its answer is lost.
    After,
    /// The answer comes late.
    Late(Duration),
    /// A read ends too early. Any other request fails.
    Cut,
    /// The request is carried out two times. The second answer counts.
    Twice,
    /// This request and all after it fail: the process or the network is gone. The request itself is carried out.
    GoneAfter,
    /// As before, and the request itself is not carried out.
    GoneBefore,
}

/// The requests of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub requests: u64,
    /// Of objects.
    pub bytes: u64,
}

#[derive(Debug, Default)]
struct Shared {
    plan: BTreeMap<u64, Fault>,
    next: u64,
    is_gone: bool,
    counts: BTreeMap<&'static str, Count>,
}

/// A storage that fails by a plan.
#[derive(Clone, Debug)]
pub struct Faulty {
    inner: Arc<dyn ObjectStore>,
    shared: Arc<Mutex<Shared>>,
}

impl Faulty {
    /// Requests have numbers from 0.
    pub fn new(inner: Arc<dyn ObjectStore>, plan: impl IntoIterator<Item = (u64, Fault)>) -> Self {
        let shared = Shared { plan: plan.into_iter().collect(), ..Shared::default() };
        Self { inner, shared: Arc::new(Mutex::new(shared)) }
    }

    /// The number of requests so far.
    pub fn requests(&self) -> u64 {
        self.shared.lock().unwrap().next
    }

    /// The requests of a kind so far: `put`, `get`, `list` or `delete`.
    pub fn count(&self, kind: &str) -> Count {
        self.shared.lock().unwrap().counts.get(kind).copied().unwrap_or_default()
    }

    /// Plans a fault of a request.
    pub fn plan(&self, number: u64, fault: Fault) {
        self.shared.lock().unwrap().plan.insert(number, fault);
    }

    fn begin(&self, kind: &'static str, bytes: usize) -> Result<Option<Fault>> {
        let mut shared = self.shared.lock().unwrap();
        let fault = shared.plan.get(&shared.next).copied();
        shared.next += 1;
        let count = shared.counts.entry(kind).or_default();
        count.requests += 1;
        count.bytes += bytes as u64;
        if shared.is_gone {
            return Err(failed("the storage is gone"));
        }
        shared.is_gone = matches!(fault, Some(Fault::GoneAfter | Fault::GoneBefore));
        match fault {
            Some(Fault::Before | Fault::GoneBefore) => Err(failed("failed before")),
            fault => Ok(fault),
        }
    }

    fn read(&self, bytes: u64) {
        self.shared.lock().unwrap().counts.entry("get").or_default().bytes += bytes;
    }
}

fn failed(problem: &str) -> Error {
    Error::Generic { store: "Faulty", source: problem.into() }
}

/// The outcome, as the fault has it.
async fn outcome<T>(fault: Option<Fault>, done: Result<T>) -> Result<T> {
    match fault {
        Some(Fault::After | Fault::GoneAfter) => Err(failed("failed after")),
        Some(Fault::Late(time)) => {
            tokio::time::sleep(time).await;
            done
        }
        _ => done,
    }
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Faulty({})", self.inner)
    }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let fault = self.begin("put", payload.content_length())?;
        if fault == Some(Fault::Cut) {
            return Err(failed("cut"));
        }
        if fault == Some(Fault::Twice) {
            drop(self.inner.put_opts(location, payload.clone(), options.clone()).await);
        }
        outcome(fault, self.inner.put_opts(location, payload, options).await).await
    }

    async fn put_multipart_opts(&self, _: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        Err(failed("not used"))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let fault = self.begin("get", 0)?;
        let found = outcome(fault, self.inner.get_opts(location, options).await).await?;
        self.read(found.meta.size);
        if fault != Some(Fault::Cut) {
            return Ok(found);
        }
        let (meta, range, attributes, extensions) =
            (found.meta.clone(), found.range.clone(), found.attributes.clone(), found.extensions.clone());
        let bytes = found.bytes().await?;
        let half = stream::once(async move { Ok(bytes.slice(..bytes.len() / 2)) }).boxed();
        Ok(GetResult { payload: GetResultPayload::Stream(half), meta, range, attributes, extensions })
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let this = self.clone();
        let one = move |location: Result<Path>| {
            let this = this.clone();
            async move {
                let location = location?;
                let fault = this.begin("delete", 0)?;
                if fault == Some(Fault::Cut) {
                    return Err(failed("cut"));
                }
                let delete = || {
                    let location = location.clone();
                    this.inner.delete_stream(stream::once(async move { Ok(location) }).boxed())
                };
                if fault == Some(Fault::Twice) {
                    delete().for_each(|_| async {}).await;
                }
                let done = delete().next().await.unwrap_or(Ok(location.clone()));
                outcome(fault, done).await
            }
        };
        locations.then(one).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.begin("list", 0) {
            Ok(None | Some(Fault::Twice | Fault::Late(_))) => self.inner.list(prefix),
            Ok(Some(_)) => self.inner.list(prefix).take(1).chain(stream::once(async { Err(failed("cut")) })).boxed(),
            Err(error) => stream::once(async { Err(error) }).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let fault = self.begin("list", 0)?;
        if fault == Some(Fault::Cut) {
            return Err(failed("cut"));
        }
        outcome(fault, self.inner.list_with_delimiter(prefix).await).await
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(failed("not used"))
    }
}
