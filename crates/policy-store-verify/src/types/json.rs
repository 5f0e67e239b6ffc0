//! The members of a JSON object in order, and the name that occurs twice. Their values stay unread.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// One object, read to its end.
pub struct Object<'t> {
    /// The members, in the order given.
    pub members: Vec<(String, &'t RawValue)>,
    /// A name that occurs more than once, however it is escaped.
    pub duplicate: Option<String>,
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Object<'de>, A::Error> {
        let (mut object, mut names) = (Object { members: Vec::new(), duplicate: None }, HashSet::new());
        while let Some((name, value)) = entries.next_entry::<String, &RawValue>()? {
            if !names.insert(name.clone()) {
                object.duplicate = Some(name.clone());
            }
            object.members.push((name, value));
        }
        Ok(object)
    }
}
