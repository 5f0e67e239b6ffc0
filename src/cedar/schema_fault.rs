//! Finds the place where schema JSON departs from the format, with errors in the words of the format.
//!
//! Cedar's own messages for JSON name its Rust types. Runs only for JSON that Cedar has refused. If it finds no fault,
//! the caller uses Cedar's message without those names.

use serde_json::{Map, Value};

use crate::types::error::cut;

const TEXT: &str = "text";
const OBJECT: &str = "an object";
const LIST: &str = "a list";

/// The result of a check, with a message if the value is wrong.
type Checked = Result<(), String>;

/// The first fault, with its place and the expected value.
pub(super) fn find(schema: &Value) -> Option<String> {
    let schema = At { path: "", value: schema };
    let is_field = |key: &str| ["entityTypes", "actions", "commonTypes"].contains(&key);
    let checked = schema.each(|namespace, key| {
        let checked = namespace.check_namespace();
        let hint = "expected namespaces by name, such as `\"\"`, each with its `entityTypes`";
        checked.map_err(|fault| if is_field(key) { format!("{fault}; {hint}") } else { fault })
    });
    checked.err()
}

/// The first action with attributes. Cedar does not support them.
pub(super) fn action_attributes(schema: &Value) -> Option<String> {
    for (name, namespace) in schema.as_object()? {
        for (id, action) in namespace.get("actions").and_then(Value::as_object).into_iter().flatten() {
            if action.get("attributes").is_some_and(|attributes| !attributes.is_null()) {
                let path = format!("/{}/actions/{}/attributes", escaped(name), escaped(id));
                return Some(At { path: &path, value: &Value::Null }.fault("an action must have no attributes"));
            }
        }
    }
    None
}

/// A key as a part of a JSON Pointer.
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Cedar's message about JSON, without the names of Rust types.
pub(super) fn in_words(message: &str) -> String {
    const RUST: [&str; 7] = ["struct", "enum", "variant", "map", "sequence", "unit", "newtype"];
    let names_types = |text: &str| text.split([' ', ':', ',']).any(|word| RUST.contains(&word));
    let kept = match message.split_once(", expected ") {
        Some((found, expected)) if names_types(expected) => {
            let place = expected.find(" at line ").and_then(|at| expected.get(at..)).unwrap_or_default();
            format!("{found}{place}")
        }
        _ => message.to_owned(),
    };
    if names_types(&kept) {
        return "not a Cedar schema".to_owned();
    }
    let kinds = ["`Id`", "`AnyId`", "`Unreserved Id`", "`Name`", "`internal name`"];
    kinds.iter().fold(kept, |kept, kind| kept.replace(&format!("{kind} needs to be"), "a name needs to be"))
}

/// A value and its path.
struct At<'a> {
    path: &'a str,
    value: &'a Value,
}

impl At<'_> {
    fn expected(&self, expected: &str) -> String {
        let found = match self.value {
            Value::Null => "`null`",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => TEXT,
            Value::Array(_) => LIST,
            Value::Object(_) => OBJECT,
        };
        self.fault(&format!("expected {expected}, found {found}"))
    }

    fn fault(&self, problem: &str) -> String {
        // The end of a long path is more useful than its beginning.
        let path = match self.path.char_indices().rev().nth(200) {
            Some((start, _)) => format!("…{}", self.path.get(start..).unwrap_or_default()),
            None => self.path.to_owned(),
        };
        if path.is_empty() { problem.to_owned() } else { format!("at `{path}`: {problem}") }
    }

    fn object(&self) -> Result<&Map<String, Value>, String> {
        self.value.as_object().ok_or_else(|| self.expected(OBJECT))
    }

    /// Checks each member of an object.
    fn each(&self, check: impl Fn(At<'_>, &str) -> Checked) -> Checked {
        for (key, value) in self.object()? {
            let path = format!("{}/{}", self.path, escaped(key));
            check(At { path: &path, value }, key)?;
        }
        Ok(())
    }

    /// Checks each item of a list.
    fn items(&self, check: impl Fn(At<'_>) -> Checked) -> Checked {
        for (number, value) in self.value.as_array().ok_or_else(|| self.expected(LIST))?.iter().enumerate() {
            check(At { path: &format!("{}/{number}", self.path), value })?;
        }
        Ok(())
    }

    /// Checks that an object has all required fields and no unknown field.
    fn fields(&self, required: &[&str], optional: &[&str]) -> Checked {
        let object = self.object()?;
        let known = || required.iter().chain(optional);
        if let Some(unknown) = object.keys().find(|key| !known().any(|field| field == key)) {
            let known: Vec<_> = known().map(|field| format!("`{field}`")).collect();
            return Err(self.fault(&format!("unknown field `{}`, expected {}", cut(unknown), known.join(", "))));
        }
        match required.iter().find(|field| !object.contains_key(**field)) {
            Some(missing) => Err(self.fault(&format!("missing field `{missing}`"))),
            None => Ok(()),
        }
    }

    fn check_text(self) -> Checked {
        if self.value.is_string() { Ok(()) } else { Err(self.expected(TEXT)) }
    }

    fn check_bool(self) -> Checked {
        if self.value.is_boolean() { Ok(()) } else { Err(self.expected("`true` or `false`")) }
    }

    fn check_annotations(self) -> Checked {
        self.each(|value, _| if value.value.is_null() { Ok(()) } else { value.check_text() })
    }

    fn check_namespace(self) -> Checked {
        self.fields(&["entityTypes", "actions"], &["commonTypes", "annotations"])?;
        self.each(|member, key| match key {
            "entityTypes" => member.each(|entity, _| entity.check_entity_type()),
            "actions" => member.each(|action, _| action.check_action()),
            "commonTypes" => member.each(|common, _| common.check_type(&["annotations"])),
            _ => member.check_annotations(),
        })
    }

    fn check_entity_type(self) -> Checked {
        self.fields(&[], &["memberOfTypes", "shape", "tags", "enum", "external", "annotations"])?;
        self.each(|member, key| match key {
            "memberOfTypes" => member.items(|item| item.check_text()),
            "enum" if member.value.as_array().is_some_and(Vec::is_empty) => {
                Err(member.fault("expected at least one value"))
            }
            "enum" => member.items(|item| item.check_text()),
            "external" => member.check_bool(),
            "annotations" => member.check_annotations(),
            _ => member.check_type(&[]),
        })
    }

    fn check_action(self) -> Checked {
        self.fields(&[], &["appliesTo", "memberOf", "external", "attributes", "annotations"])?;
        self.each(|member, key| match key {
            "external" if !member.value.is_null() => member.check_bool(),
            "memberOf" if !member.value.is_null() => member.items(|parent| {
                parent.fields(&["id"], &["type"])?;
                parent.each(
                    |member, key| if key == "type" && member.value.is_null() { Ok(()) } else { member.check_text() },
                )
            }),
            "appliesTo" if !member.value.is_null() => member.check_applies_to(),
            "annotations" => member.check_annotations(),
            _ => Ok(()),
        })
    }

    fn check_applies_to(self) -> Checked {
        self.fields(&["principalTypes", "resourceTypes"], &["context"])?;
        self.each(|member, key| match key {
            "context" => member.check_type(&[]),
            _ => member.items(|item| item.check_text()),
        })
    }

    /// Checks a type. `more` are the additional fields that a type may have at this place.
    fn check_type(self, more: &[&str]) -> Checked {
        let Some(kind) = self.object()?.get("type") else {
            return Err(self.fault("missing field `type`"));
        };
        let (required, optional): (&[&str], &[&str]) = match kind.as_str() {
            Some("Set") => (&["type", "element"], &[]),
            Some("Record") => (&["type", "attributes"], &["additionalAttributes"]),
            Some("Entity" | "EntityOrCommon" | "Extension") => (&["type", "name"], &[]),
            _ => (&["type"], &[]),
        };
        self.fields(required, &[optional, more].concat())?;
        self.each(|member, key| match key {
            "element" => member.check_type(&[]),
            "attributes" => member.each(|attribute, _| attribute.check_type(&["required", "annotations"])),
            "required" | "additionalAttributes" => member.check_bool(),
            "annotations" => member.check_annotations(),
            _ => member.check_text(),
        })
    }
}
