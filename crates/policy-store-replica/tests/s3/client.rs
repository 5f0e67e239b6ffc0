//! The S3-compatible server that the environment names. `run` starts one.

use std::env;
use std::sync::Arc;

use policy_store::Timestamp;
use policy_store_replica::object_store::ObjectStore;
use policy_store_replica::object_store::aws::{AmazonS3Builder, S3ConditionalPut};
use policy_store_replica::object_store::prefix::PrefixStore;

/// A new, empty folder in the bucket; none if the environment names no server. Credentials and region are in the usual variables.
pub fn storage(name: &str) -> Option<Arc<dyn ObjectStore>> {
    let endpoint = env::var("POLICY_STORE_S3_ENDPOINT").ok()?;
    let bucket = env::var("POLICY_STORE_S3_BUCKET").unwrap_or_else(|_| "policies".to_owned());
    let client = AmazonS3Builder::from_env()
        .with_endpoint(endpoint)
        .with_bucket_name(bucket)
        .with_virtual_hosted_style_request(false)
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_allow_http(true)
        .build()
        .unwrap();
    let now = Timestamp::now().as_micros();
    Some(Arc::new(PrefixStore::new(client, format!("{name}-{now}"))))
}
