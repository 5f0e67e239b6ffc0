//! Bodies as JSON objects. Bytes that must stay as the client sent them are kept as such by the types that are parsed into.
//! How they are received is not known here.

use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderMap};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use crate::failure::Failure;
use crate::incoming::Received;

/// A body and the type that it has by its header.
#[derive(Debug, Default)]
pub struct Body {
    content_type: Option<String>,
    received: Received,
}

impl Body {
    /// What was received under these headers.
    pub fn of(headers: &HeaderMap, received: Received) -> Self {
        let content_type =
            headers.get(CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        Self { content_type, received }
    }

    /// The body as a JSON object. Members that `T` does not know are ignored; one that it knows is
    /// refused if it is given twice.
    pub fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Failure> {
        self.check_type(&["application/json"])?;
        let Object(value) = serde_json::from_slice(&self.received.bytes).map_err(Failure::invalid_body)?;
        Ok(value)
    }

    /// A body that may be left out, and of which nothing is used: empty or a JSON object.
    pub fn unused(&self) -> Result<(), Failure> {
        if self.received.bytes.is_empty() { Ok(()) } else { self.json::<serde::de::IgnoredAny>().map(drop) }
    }

    /// The body as it is, if it has one of these types.
    pub fn bytes(&self, types: &[&str]) -> Result<&[u8], Failure> {
        self.check_type(types).map(|()| self.received.bytes.as_ref())
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
        let content_type = Some("Application/JSON; charset=utf-8".to_owned());
        Body { content_type, received: Received::from(text.to_owned()) }
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
