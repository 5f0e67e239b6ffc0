//! The context input of a request: JSON as text, or as a value.

use std::borrow::Cow;

use serde_json::Value;

use super::gate::too_deep;
use crate::types::error::{ErrorDetail, Result};
use crate::types::limits;

/// The context of a request: a JSON object, as text or as a [`Value`].
///
/// Cedar's own `Context` is not accepted, because the store cannot see the depth of its values.
///
/// ```
/// use policy_store::ContextInput;
/// let value = serde_json::json!({"mfa": true});
/// let [_, _]: [ContextInput<'_>; 2] = [r#"{"mfa": true}"#.into(), (&value).into()];
/// ```
#[derive(Clone, Debug)]
pub struct ContextInput<'a>(Given<'a>);

#[derive(Clone, Debug)]
enum Given<'a> {
    Text(Cow<'a, str>),
    Value(&'a Value),
}

from_text!(ContextInput: &'a str, String, &'a String, Cow<'a, str>);

impl<'a> From<&'a Value> for ContextInput<'a> {
    fn from(value: &'a Value) -> Self {
        Self(Given::Value(value))
    }
}

impl<'a> ContextInput<'a> {
    /// The context as JSON text. Checks the depth of a value before writing it, because writing recurses.
    pub(super) fn text(self) -> Result<Cow<'a, str>> {
        match self.0 {
            Given::Text(text) => Ok(text),
            Given::Value(value) => {
                let mut open = vec![(value, 1)];
                while let Some((value, depth)) = open.pop() {
                    let within: &mut dyn Iterator<Item = &Value> = match value {
                        Value::Array(items) => &mut items.iter(),
                        Value::Object(members) => &mut members.values(),
                        _ => continue,
                    };
                    if depth > limits::JSON_DEPTH {
                        return Err(too_deep("context", limits::JSON_DEPTH, 0));
                    }
                    open.extend(within.map(|value| (value, depth + 1)));
                }
                let text = serde_json::to_string(value)
                    .map_err(|error| ErrorDetail::Json { what: "context", message: error.to_string() })?;
                Ok(text.into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_taken_as_its_text_is_and_no_deeper() {
        let value = json!({"mfa": true, "who": ["a", {"b": 1}]});
        assert_eq!(ContextInput::from(&value).text().unwrap(), value.to_string());
        let nested = |depth: usize| (0..depth).fold(json!(1), |inner, _| json!([inner]));
        assert!(ContextInput::from(&nested(limits::JSON_DEPTH)).text().is_ok());
        assert_eq!(ContextInput::from(&nested(limits::JSON_DEPTH + 1)).text().unwrap_err().code(), "too_deep");
    }

    #[test]
    fn a_value_of_any_depth_is_refused_on_a_small_thread() {
        let mut value = json!(1);
        for _ in 0..100_000 {
            value = Value::Array(vec![value]);
        }
        // A drop would recurse.
        let value: &'static Value = Box::leak(Box::new(value));
        let refused =
            std::thread::Builder::new().stack_size(256 * 1024).spawn(move || ContextInput::from(value).text());
        assert_eq!(refused.unwrap().join().unwrap().unwrap_err().code(), "too_deep");
    }
}
