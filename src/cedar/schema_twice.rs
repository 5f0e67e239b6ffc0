//! Finds attributes that a schema text declares twice in one record.
//!
//! In entity types, records and contexts, Cedar silently takes the last declaration. It refuses all other duplicate
//! names itself. Works on text that Cedar parses only.

use std::borrow::Cow;
use std::collections::HashMap;

use cedar_policy::SchemaFragment;
use serde_json::Value;

use super::token::{Token, Tokens};
use crate::types::error::{Diagnostic, Result, SourcePlace, cut};

/// The maximum number of findings.
const MOST: usize = 20;

/// A name before a `:`.
struct Key<'a> {
    /// The number of the innermost pair of braces.
    braces: usize,
    at: usize,
    /// The spelling: a word, or a string with its quotes.
    spelled: &'a str,
}

/// The duplicate attributes, in the order of the text.
pub(super) fn attributes(text: &str) -> Result<Vec<Diagnostic>> {
    let keys = keys(text);
    let names = names(&keys)?;
    let mut first: HashMap<(usize, &str), usize> = HashMap::new();
    let mut found = Vec::new();
    for (key, name) in keys.iter().zip(&names) {
        let Some(&before) = first.get(&(key.braces, &**name)) else {
            first.insert((key.braces, name), key.at);
            continue;
        };
        let before = SourcePlace::new(text, before, 0);
        let message =
            format!("duplicate attribute `{}`: already declared at {}:{}", cut(name), before.line, before.column);
        let place = Some(SourcePlace::new(text, key.at, key.spelled.len()));
        found.push(Diagnostic { message, statement: None, place, count: 1 });
        if found.len() == MOST {
            break;
        }
    }
    Ok(found)
}

fn keys(text: &str) -> Vec<Key<'_>> {
    let (mut open, mut opened, mut last) = (vec![0], 0, None);
    let mut keys = Vec::new();
    for (at, token) in Tokens::new(text) {
        let rest = text.get(at..).unwrap_or_default();
        match token {
            // An optional attribute has a `?` between its name and the colon.
            Token::Word("?") => continue,
            Token::Word(word) => {
                last = Some((at, word));
                continue;
            }
            Token::Literal if rest.starts_with('"') => {
                last = rest.get(..Tokens::string_length(rest)).map(|spelled| (at, spelled));
                continue;
            }
            Token::Mark(":") => {
                let braces = open.last().copied().unwrap_or_default();
                keys.extend(last.map(|(at, spelled)| Key { braces, at, spelled }));
            }
            Token::Open(b'{') => {
                opened += 1;
                open.push(opened);
            }
            Token::Close(b'}') => {
                open.pop();
            }
            _ => {}
        }
        last = None;
    }
    keys
}

/// The names of the keys. Cedar decodes the escapes of all strings in one parse, as the values of an enumerated entity
/// type.
fn names<'a>(keys: &[Key<'a>]) -> Result<Vec<Cow<'a, str>>> {
    let escaped: Vec<_> = keys.iter().map(|key| key.spelled).filter(|spelled| spelled.contains('\\')).collect();
    let mut read = if escaped.is_empty() { Vec::new() } else { read(&escaped.join(", "))? }.into_iter();
    let name = |key: &Key<'a>| {
        if key.spelled.contains('\\') {
            return Cow::Owned(read.next().unwrap_or_default());
        }
        let string = key.spelled.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        Cow::Borrowed(string.unwrap_or(key.spelled))
    };
    Ok(keys.iter().map(name).collect())
}

fn read(strings: &str) -> Result<Vec<String>> {
    let failed = |message: String| crate::types::error::ErrorDetail::CedarFailed { what: "schema", message };
    let (fragment, _) = SchemaFragment::from_cedarschema_str(&format!("entity E enum [{strings}];"))
        .map_err(|error| failed(error.to_string()))?;
    let json = fragment.to_json_value().map_err(|error| failed(error.to_string()))?;
    let values = json.pointer("//entityTypes/E/enum").and_then(Value::as_array);
    let values = values.ok_or_else(|| failed("cannot read strings".to_owned()))?;
    Ok(values.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}
