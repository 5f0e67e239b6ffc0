//! Bodies: read up to a limit, and parsed as JSON objects. Bytes that must stay as the client sent them are kept as such by
//! the types that are parsed into.

use axum::body::{Body as Stream, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderMap};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use policy_store::limits::BUNDLE_BYTES;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use crate::failure::Failure;
use crate::policy_bundle;

/// Bytes of a body, but for a policy bundle's.
const BODY_BYTES: usize = 1024 * 1024;
/// Bytes beyond the limit that are read and thrown away, because a client that is still sending would not see an answer.
const DRAINED_BYTES: usize = 8 * 1024 * 1024;

/// Reads the body of each request before anything else is done, whatever the answer will be: a server that answers while its
/// client is still sending has to close the connection.
pub async fn read_first(mut request: Request, next: Next) -> Response {
    let stream = std::mem::take(request.body_mut());
    let limit = if request.uri().path() == policy_bundle::PATH { BUNDLE_BYTES } else { BODY_BYTES };
    match read(stream, limit).await {
        Ok(bytes) => {
            request.extensions_mut().insert(bytes);
            next.run(request).await
        }
        Err(failure) => failure.closing().into_response(),
    }
}

async fn read(mut stream: Stream, limit: usize) -> Result<Bytes, Failure> {
    let too_large = || {
        let message = format!("the body has over {limit} bytes");
        Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", message)
    };
    let drained = limit.saturating_add(DRAINED_BYTES);
    if stream.size_hint().lower() > u64::try_from(drained).unwrap_or(u64::MAX) {
        return Err(too_large());
    }
    let (mut bytes, mut length) = (Vec::new(), 0_usize);
    while let Some(frame) = stream.frame().await {
        let frame = frame.map_err(|_| Failure::invalid_body("the body broke off"))?;
        let Ok(data) = frame.into_data() else { continue };
        length = length.saturating_add(data.len());
        if length <= limit {
            bytes.extend_from_slice(&data);
        } else if length > drained {
            break;
        }
    }
    if length > limit { Err(too_large()) } else { Ok(bytes.into()) }
}

/// A body and the type that it has by its header.
#[derive(Debug, Default)]
pub struct Body {
    content_type: Option<String>,
    bytes: Bytes,
}

impl Body {
    /// The body that was read first.
    pub fn of(headers: &HeaderMap, bytes: Bytes) -> Self {
        let content_type =
            headers.get(CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        Self { content_type, bytes }
    }

    /// The body as a JSON object. Members that `T` does not know are ignored; one that is given twice is refused.
    pub fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Failure> {
        self.check_type(&["application/json"])?;
        let Object(value) = serde_json::from_slice(&self.bytes).map_err(Failure::invalid_body)?;
        Ok(value)
    }

    /// A body that may be left out, and of which nothing is used: empty or a JSON object.
    pub fn unused(&self) -> Result<(), Failure> {
        if self.bytes.is_empty() { Ok(()) } else { self.json::<serde::de::IgnoredAny>().map(drop) }
    }

    /// The body as it is, if it has one of these types.
    pub fn bytes(&self, types: &[&str]) -> Result<&[u8], Failure> {
        self.check_type(types).map(|()| self.bytes.as_ref())
    }

    fn check_type(&self, expected: &[&str]) -> Result<(), Failure> {
        let given = self.content_type.as_deref().unwrap_or_default();
        let media_type = given.split(';').next().unwrap_or_default().trim();
        if expected.iter().any(|expected| media_type.eq_ignore_ascii_case(expected)) {
            return Ok(());
        }
        let message = format!("expected a body of type `{}`", expected.join("` or `"));
        Err(Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message))
    }
}

/// What is a JSON object. Without it, serde's structs would also be read from arrays.
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfMap<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for OfMap<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }
        deserializer.deserialize_map(OfMap(std::marker::PhantomData))
    }
}

/// For members that may be left out but not be null: wraps what is there.
pub fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::value::RawValue;

    #[derive(Debug, Deserialize)]
    struct Change<'a> {
        #[serde(default, deserialize_with = "present")]
        name: Option<String>,
        #[serde(default, deserialize_with = "present")]
        description: Option<Option<String>>,
        #[serde(default, borrow)]
        raw: Option<&'a RawValue>,
    }

    fn body(text: &str) -> Body {
        Body { content_type: Some("Application/JSON; charset=utf-8".to_owned()), bytes: text.to_owned().into() }
    }

    #[test]
    fn objects_are_read_and_nothing_else() {
        let text = r#" {"description": null, "more": [[{}]], "raw": {"a" :1, "a":2}} "#;
        let kept = body(text);
        let change: Change<'_> = kept.json().unwrap();
        assert_eq!((change.name, change.description), (None, Some(None)));
        assert_eq!(change.raw.unwrap().get(), r#"{"a" :1, "a":2}"#);
        for wrong in
            [r#"["n"]"#, r#"{"name":null}"#, r#"{"name":1}"#, r#"{"name":"a","name":"a"}"#, "", "{}{}", "\"n\""]
        {
            assert!(body(wrong).json::<Change<'_>>().is_err(), "{wrong}");
        }
        assert!(body(&"[".repeat(1_000_000)).json::<Change<'_>>().is_err());
        assert!(body(&format!("{{\"more\":{}", "[".repeat(1_000_000))).json::<Change<'_>>().is_err());
    }
}
