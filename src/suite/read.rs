//! Reads the JSON of test suites, after the checks of the gate, and joins several. Does not read uids, contexts and
//! entities: that takes a schema.

use std::fmt::Display;

use policy_store_verify::receipt::Decision;
use serde_json::value::RawValue;

use super::case::TestCase;
use crate::cedar::{UidInput, check_json};
use crate::types::error::{Error, ErrorDetail, Result, at_most, cut};
use crate::types::{json, limits};

const WHAT: &str = "test suite";

/// The cases of a suite.
pub(super) fn cases(text: &str) -> Result<Vec<TestCase>> {
    check_json(WHAT, text, limits::SUITE_BYTES)?;
    let cases = raw_cases(text)?;
    at_most("cases of the test suite", cases.len(), limits::SUITE_CASES)?;
    cases.into_iter().enumerate().map(|(index, raw)| case(index, raw)).collect()
}

/// The text of a suite with the cases of all of these, which have been read before.
pub(super) fn joined<'a>(suites: impl Iterator<Item = &'a str>) -> Result<String> {
    let mut all = Vec::new();
    for suite in suites {
        all.extend(raw_cases(suite)?.into_iter().map(RawValue::get));
        let bytes = all.iter().fold(all.len(), |bytes, case| bytes.saturating_add(case.len()));
        at_most(WHAT, bytes, limits::SUITE_BYTES)?;
    }
    Ok(format!("[{}]", all.join(",\n")))
}

/// The texts of the cases. The gate has checked the depth, and has bounded their number by the bytes.
fn raw_cases(text: &str) -> Result<Vec<&RawValue>> {
    if !text.trim_start().starts_with('[') {
        return Err(invalid("expected an array of cases"));
    }
    serde_json::from_str(text).map_err(invalid)
}

fn case(index: usize, raw: &RawValue) -> Result<TestCase> {
    let unnamed = Place { index, name: None };
    let members = unnamed.members("case", raw)?;
    let name = match find(&members, "name") {
        None => None,
        Some(raw) => unnamed.read::<Option<String>>("name", raw, "a string")?,
    };
    let place = Place { index, name: name.as_deref() };
    let get = |name: &'static str| place.get(&members, name);

    let request = place.members("request", get("request")?)?;
    let uid = |name: &'static str| place.uid(name, place.get(&request, name)?);
    let decision: String = place.read("decision", get("decision")?, DECISIONS)?;
    let entities = get("entities")?.get();
    if entities.starts_with('"') {
        return Err(place.wrong("`entities` is the name of a file: put the entities themselves in its place"));
    }
    if !entities.starts_with('[') {
        return Err(place.expected("entities", "an array of entities"));
    }
    let (principal, action, resource) = (uid("principal")?, uid("action")?, uid("resource")?);
    let context = find(&request, "context").map_or("{}", RawValue::get).to_owned();
    Ok(TestCase {
        principal,
        action,
        resource,
        context,
        entities: entities.to_owned(),
        decision: decision.parse::<Decision>().map_err(|_| place.expected("decision", DECISIONS))?,
        reason: place.read("reason", get("reason")?, "an array of names of statements")?,
        num_errors: place.read("num_errors", get("num_errors")?, "the number of statements that fail")?,
        name,
    })
}

const DECISIONS: &str = "`allow` or `deny`";

type Members<'a> = Vec<(String, &'a RawValue)>;

fn find<'a>(members: &Members<'a>, name: &str) -> Option<&'a RawValue> {
    members.iter().find(|(member, _)| member == name).map(|(_, value)| *value)
}

/// The case that an error names.
struct Place<'a> {
    index: usize,
    name: Option<&'a str>,
}

impl Place<'_> {
    fn get<'a>(&self, members: &Members<'a>, name: &'static str) -> Result<&'a RawValue> {
        find(members, name).ok_or_else(|| self.wrong(format_args!("`{name}` is missing")))
    }

    /// The members of an object. The gate has refused one that occurs twice.
    fn members<'a>(&self, name: &'static str, raw: &'a RawValue) -> Result<Members<'a>> {
        let object = serde_json::from_str::<json::Object<'a>>(raw.get());
        object.map(|object| object.members).map_err(|_| self.expected(name, "an object"))
    }

    fn read<'a, T: serde::Deserialize<'a>>(&self, name: &str, raw: &'a RawValue, expected: &str) -> Result<T> {
        serde_json::from_str(raw.get()).map_err(|_| self.expected(name, expected))
    }

    /// A uid: text, or an object with type and id, with or without Cedar's `__entity`.
    fn uid(&self, name: &'static str, raw: &RawValue) -> Result<UidInput<'static>> {
        const EXPECTED: &str = "an entity uid, `Type::\"id\"` or an object with `type` and `id`";
        if raw.get().starts_with('"') {
            return Ok(self.read::<String>(name, raw, EXPECTED)?.into());
        }
        let wrong = || self.expected(name, EXPECTED);
        let mut members = self.members(name, raw).map_err(|_| wrong())?;
        if let [(escape, within)] = members.as_slice()
            && escape == "__entity"
        {
            members = self.members(name, within).map_err(|_| wrong())?;
        }
        match (members.len(), find(&members, "type"), find(&members, "id")) {
            (2, Some(of), Some(id)) => {
                Ok((self.read::<String>(name, of, EXPECTED)?, self.read::<String>(name, id, EXPECTED)?).into())
            }
            _ => Err(wrong()),
        }
    }

    fn expected(&self, name: &str, expected: &str) -> Error {
        self.wrong(format_args!("`{name}`: expected {expected}"))
    }

    fn wrong(&self, problem: impl Display) -> Error {
        match self.name {
            Some(name) => invalid(format_args!("case {} (`{}`): {problem}", self.index, cut(name))),
            None => invalid(format_args!("case {}: {problem}", self.index)),
        }
    }
}

fn invalid(message: impl Display) -> Error {
    ErrorDetail::Json { what: WHAT, message: message.to_string() }.into()
}
