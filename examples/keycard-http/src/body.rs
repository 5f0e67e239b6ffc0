//! Parses bodies as JSON objects. Types that need the client's exact bytes keep them. Does not know how bodies are
//! received.

use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use crate::failure::Failure;
use crate::incoming::Received;

/// Limit on the characters of a content coding in an error.
const SHOWN_CHARS: usize = 80;
/// The first bytes of encodings other than UTF-8, and their names. Without this check, the parser reports a missing
/// value.
const NOT_JSON: [(&[u8], &str); 4] = [
    (b"\xef\xbb\xbf", "starts with a byte order mark"),
    (b"\xff\xfe", "is in UTF-16"),
    (b"\xfe\xff", "is in UTF-16"),
    (b"\x1f\x8b", "is compressed with gzip"),
];
/// The parser's words at the start of its messages, with JSON's names for them.
const WORDS: [(&str, &str); 5] = [
    ("missing field ", "missing member "),
    ("duplicate field ", "member given twice: "),
    ("unknown variant ", "unknown value "),
    ("invalid type: map, ", "invalid type: object, "),
    ("invalid type: sequence, ", "invalid type: array, "),
];

/// Refuses every content coding except `identity`, before the body is read.
pub fn check_encoding(headers: &HeaderMap) -> Result<(), Failure> {
    for line in headers.get_all(CONTENT_ENCODING) {
        let line = String::from_utf8_lossy(line.as_bytes());
        let mut codings = line.split(',').map(str::trim).filter(|coding| !coding.is_empty());
        if let Some(other) = codings.find(|coding| !coding.eq_ignore_ascii_case("identity")) {
            return Err(Failure::encoded(&other.chars().take(SHOWN_CHARS).collect::<String>()));
        }
    }
    Ok(())
}

/// A body and the media type in its header.
#[derive(Debug, Default)]
pub struct Body {
    content_type: Option<String>,
    received: Received,
}

impl Body {
    /// The received bytes, with the type from these headers.
    pub fn of(headers: &HeaderMap, received: Received) -> Self {
        let content_type =
            headers.get(CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        Self { content_type, received }
    }

    /// A body of a media type.
    #[cfg(test)]
    pub fn sample(content_type: &str, bytes: Vec<u8>) -> Self {
        Self { content_type: Some(content_type.to_owned()), received: Received::from(bytes) }
    }

    /// The body as a JSON object. Ignores members unknown to `T`; refuses duplicates of known ones.
    pub fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Failure> {
        self.check_type(&["application/json"])?;
        let bytes = &self.received.bytes;
        if let Some((_, problem)) = NOT_JSON.iter().find(|(start, _)| bytes.starts_with(start)) {
            return Err(Failure::invalid_body(format_args!("the body {problem}: expected JSON in UTF-8")));
        }
        let Object(value) = serde_json::from_slice(bytes).map_err(|error| Failure::invalid_body(in_words(error)))?;
        Ok(value)
    }

    /// An optional body without content of interest: empty or a JSON object.
    pub fn unused(&self) -> Result<(), Failure> {
        if self.received.bytes.is_empty() { Ok(()) } else { self.json::<serde::de::IgnoredAny>().map(drop) }
    }

    /// The unchanged body, if it has one of these media types.
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
        Err(Failure::unsupported_media_type(message))
    }
}

/// The parser's message in JSON's words.
fn in_words(error: serde_json::Error) -> String {
    let message = error.to_string();
    let told = WORDS.iter().find_map(|(word, other)| message.strip_prefix(word).map(|rest| format!("{other}{rest}")));
    told.unwrap_or(message)
}

/// Accepts only a JSON object. Without it, serde would also read structs from arrays.
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

/// For members that may be absent but not null: wraps the value.
pub fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use serde::Deserialize;
    use serde_json::value::RawValue;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Change<'a> {
        #[serde(default, deserialize_with = "present")]
        name: Option<String>,
        #[serde(default, deserialize_with = "present")]
        description: Option<Option<String>>,
        #[serde(default, borrow)]
        raw: Option<&'a RawValue>,
    }

    #[derive(Debug, Deserialize)]
    struct Entries {
        #[serde(rename = "entries")]
        _entries: u8,
    }

    fn body(text: &str) -> Body {
        Body::sample("Application/JSON; charset=utf-8", text.as_bytes().to_vec())
    }

    #[test]
    fn only_the_identity_coding_is_accepted() {
        let check = |lines: &[&'static str]| {
            let lines = lines.iter().map(|line| (CONTENT_ENCODING, HeaderValue::from_static(line)));
            check_encoding(&lines.collect())
        };
        for accepted in [&[][..], &[""], &["identity"], &["Identity, ,identity", "identity"]] {
            assert!(check(accepted).is_ok(), "{accepted:?}");
        }
        for (lines, named) in [
            (&["gzip"][..], "`gzip`"),
            (&["identity", "identity, br"], "`br`"),
            (&["x-gzip ,identity"], "`x-gzip`"),
            (&["unknown coding"], "`unknown coding`"),
        ] {
            let failure = format!("{:?}", check(lines).unwrap_err());
            assert!(failure.contains("415") && failure.contains(named), "{failure}");
        }
    }

    #[test]
    fn messages_are_in_the_words_of_json() {
        for (text, told) in [
            ("{}", "missing member `entries`"),
            (r#"{"entries":1,"entries":1}"#, "member given twice: `entries`"),
            (r#"{"entries":{}}"#, "invalid type: object, expected u8"),
            ("[]", "invalid type: array, expected an object"),
            ("\u{feff}{}", "the body starts with a byte order mark: expected JSON in UTF-8"),
        ] {
            let failure = format!("{:?}", body(text).json::<Entries>().unwrap_err());
            assert!(failure.contains(told), "{failure}");
        }
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
