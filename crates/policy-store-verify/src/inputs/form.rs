//! The canonical form of a request and of entities, and its SHA-256: receipts name the inputs of a decision by it.
//!
//! `docs/format.md`, "Request and entities of a decision", has the rules. The form is of Cedar's values and not of the
//! JSON that they were read from, so inputs that no policy can tell apart have one form. Inputs without a form are
//! errors: unknowns of a partial evaluation, records with a reserved key, values that nest too deep, extension types
//! that the rules do not name.
//!
//! Does not know schemas, policies or receipts. Uses Cedar's public interface only. That interface converts a whole
//! value before its depth can be seen, and takes stack for each level: measured 2.4 KiB in debug builds, 1.3 KiB in
//! release builds. Cedar takes more to make the value, so a stack that made it is large enough.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::io::Write as _;
use std::net::IpAddr;
use std::sync::LazyLock;

use cedar_policy::{Entities, Entity, EntityUid, EvalResult, Expression, Request};
use sha2::{Digest as _, Sha256};

/// How many sets and records nest within each other in the value of an attribute, of a tag, or of a key of the context.
/// As deep as Cedar's JSON.
const DEPTH: usize = 128;

/// Cedar's JSON escapes. A record with such a key could be taken for one, so Cedar writes no record with it either.
const RESERVED: [&str; 3] = ["__entity", "__extn", "__expr"];

/// The only way to a whole context in Cedar's public interface that does not name its keys.
static CONTEXT: LazyLock<Result<Expression, String>> =
    LazyLock::new(|| "context".parse().map_err(|error: cedar_policy::ParseErrors| error.to_string()));

/// The canonical form of a request.
pub fn request_form(request: &Request) -> Result<String, String> {
    text(request_bytes(request)?)
}

/// The SHA-256 of the canonical form of a request.
pub fn request_sha(request: &Request) -> Result<[u8; 32], String> {
    Ok(Sha256::digest(request_bytes(request)?).into())
}

/// The canonical form of entities.
pub fn entities_form(entities: &Entities) -> Result<String, String> {
    let mut form = Vec::new();
    each_part(entities, |part| form.extend_from_slice(part))?;
    text(form)
}

/// The SHA-256 of the canonical form of entities. Keeps the form of one entity at a time.
pub fn entities_sha(entities: &Entities) -> Result<[u8; 32], String> {
    let mut hasher = Sha256::new();
    each_part(entities, |part| hasher.update(part))?;
    Ok(hasher.finalize().into())
}

fn text(form: Vec<u8>) -> Result<String, String> {
    String::from_utf8(form).map_err(|error| error.to_string())
}

fn request_bytes(request: &Request) -> Result<Vec<u8>, String> {
    let unknown = |part: &str| format!("{part} is unknown");
    let mut out = Vec::with_capacity(512);
    out.extend_from_slice(b"{\"action\":");
    uid(&mut out, &Uid::from(request.action().ok_or_else(|| unknown("action"))?))?;
    out.extend_from_slice(b",\"context\":");
    context(&mut out, request).map_err(|error| format!("context: {error}"))?;
    out.extend_from_slice(b",\"principal\":");
    uid(&mut out, &Uid::from(request.principal().ok_or_else(|| unknown("principal"))?))?;
    out.extend_from_slice(b",\"resource\":");
    uid(&mut out, &Uid::from(request.resource().ok_or_else(|| unknown("resource"))?))?;
    out.push(b'}');
    Ok(out)
}

fn context(out: &mut Vec<u8>, request: &Request) -> Result<(), String> {
    let expression = CONTEXT.as_ref().map_err(Clone::clone)?;
    // Partial contexts are an error here: they have no value.
    let value = cedar_policy::eval_expression(request, &Entities::empty(), expression);
    let EvalResult::Record(record) = value.map_err(|error| error.to_string())? else {
        return Err("expected a record".to_owned());
    };
    members(out, record.iter().map(|(key, value)| (key.as_str(), value)).collect(), 0)
}

/// Hands out the form of entities piece by piece, in order.
fn each_part(entities: &Entities, mut hand_out: impl FnMut(&[u8])) -> Result<(), String> {
    let uids: Vec<_> = entities.iter().map(|entity| (entity.uid(), entity)).collect();
    let mut sorted: Vec<_> = uids.iter().map(|(uid, entity)| (Uid::from(uid), uid, *entity)).collect();
    sorted.sort_unstable_by(|(one, ..), (other, ..)| one.cmp(other));
    hand_out(b"[");
    let mut out = Vec::with_capacity(512);
    for (place, (named, uid, entity)) in sorted.iter().enumerate() {
        out.clear();
        if place > 0 {
            out.push(b',');
        }
        one_entity(&mut out, entities, named, uid, entity).map_err(|error| format!("entity `{uid}`: {error}"))?;
        hand_out(&out);
    }
    hand_out(b"]");
    Ok(())
}

fn one_entity(
    out: &mut Vec<u8>,
    entities: &Entities,
    named: &Uid<'_>,
    own: &EntityUid,
    entity: &Entity,
) -> Result<(), String> {
    let ancestors = entities.ancestors(own).ok_or("is not among the entities")?;
    let mut ancestors: Vec<_> = ancestors.map(Uid::from).collect();
    ancestors.sort_unstable();
    out.extend_from_slice(b"{\"ancestors\":[");
    for (place, ancestor) in ancestors.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        uid(out, ancestor)?;
    }
    out.extend_from_slice(b"],\"attrs\":");
    members(out, known(entity.attrs())?, 0)?;
    out.extend_from_slice(b",\"tags\":");
    members(out, known(entity.tags())?, 0)?;
    out.extend_from_slice(b",\"uid\":");
    uid(out, named)?;
    out.push(b'}');
    Ok(())
}

/// The values of attributes or tags. Refuses unknowns.
fn known<'a, E: std::fmt::Display>(
    values: impl Iterator<Item = (&'a str, Result<EvalResult, E>)>,
) -> Result<Vec<(&'a str, EvalResult)>, String> {
    values.map(|(key, value)| value.map(|value| (key, value)).map_err(|error| format!("`{key}`: {error}"))).collect()
}

/// The uid of an entity, in the order of the form: by type, then by id, by their bytes.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Uid<'a> {
    type_name: String,
    id: &'a str,
}

impl<'a> From<&'a EntityUid> for Uid<'a> {
    fn from(uid: &'a EntityUid) -> Self {
        Self { type_name: uid.type_name().to_string(), id: uid.id().unescaped() }
    }
}

fn uid(out: &mut Vec<u8>, uid: &Uid<'_>) -> Result<(), String> {
    out.extend_from_slice(b"{\"id\":");
    string(out, uid.id)?;
    out.extend_from_slice(b",\"type\":");
    string(out, &uid.type_name)?;
    out.push(b'}');
    Ok(())
}

/// A string with the escapes of RFC 8785, which are those of `serde_json`.
fn string(out: &mut Vec<u8>, text: &str) -> Result<(), String> {
    serde_json::to_writer(out, text).map_err(|error| error.to_string())
}

/// `depth` is the number of sets and records around the value.
fn value(out: &mut Vec<u8>, value: &EvalResult, depth: usize) -> Result<(), String> {
    match value {
        EvalResult::Bool(true) => out.extend_from_slice(b"true"),
        EvalResult::Bool(false) => out.extend_from_slice(b"false"),
        EvalResult::Long(number) => write!(out, "{number}").map_err(|error| error.to_string())?,
        EvalResult::String(text) => string(out, text)?,
        EvalResult::EntityUid(entity) => {
            out.extend_from_slice(b"{\"__entity\":");
            uid(out, &Uid::from(entity))?;
            out.push(b'}');
        }
        EvalResult::Set(values) => set(out, values, deeper(depth)?)?,
        EvalResult::Record(record) => {
            if let Some(key) = RESERVED.into_iter().find(|key| record.contains_attribute(key)) {
                return Err(format!("the key `{key}` of a record is reserved"));
            }
            members(out, record.iter().map(|(key, value)| (key.as_str(), value)).collect(), deeper(depth)?)?;
        }
        EvalResult::ExtensionValue(call) => extension(out, call)?,
    }
    Ok(())
}

fn deeper(depth: usize) -> Result<usize, String> {
    if depth < DEPTH { Ok(depth + 1) } else { Err(format!("a value nests deeper than {DEPTH} levels")) }
}

/// A JSON object of these members.
fn members<V: Borrow<EvalResult>>(out: &mut Vec<u8>, mut members: Vec<(&str, V)>, depth: usize) -> Result<(), String> {
    members.sort_unstable_by(|(one, _), (other, _)| by_utf16(one, other));
    out.push(b'{');
    for (place, (key, member)) in members.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        string(out, key)?;
        out.push(b':');
        value(out, member.borrow(), depth)?;
    }
    out.push(b'}');
    Ok(())
}

/// The order of keys in RFC 8785. UTF-8 has another one: there, U+FFFF is before U+10000.
fn by_utf16(one: &str, other: &str) -> Ordering {
    one.encode_utf16().cmp(other.encode_utf16())
}

/// A JSON array of the set's values, sorted by the bytes of their forms. Cedar's set has each value once, and two values
/// never have one form.
fn set(out: &mut Vec<u8>, values: &cedar_policy::Set, depth: usize) -> Result<(), String> {
    let mut forms = Vec::with_capacity(values.len());
    for member in values.iter() {
        let mut form = Vec::new();
        value(&mut form, member, depth)?;
        forms.push(form);
    }
    forms.sort_unstable();
    out.push(b'[');
    for (place, form) in forms.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        out.extend_from_slice(form);
    }
    out.push(b']');
    Ok(())
}

/// An extension value, from the call that Cedar prints for it. Cedar keeps the argument as it was written, and its
/// `==` does not see the spelling. So neither does the form.
fn extension(out: &mut Vec<u8>, call: &str) -> Result<(), String> {
    let argument = |function: &str| call.strip_prefix(function)?.strip_prefix("(\"")?.strip_suffix("\")");
    let form = if let Some(address) = argument("ip") {
        ip(address).map(|address| escape("ip", &address))
    } else if let Some(number) = argument("decimal") {
        decimal(number).map(|number| escape("decimal", &number))
    } else if let Some(span) = argument("duration") {
        milliseconds(span).map(duration)
    } else if let Some(time) = argument("datetime") {
        since_1970(time).map(datetime)
    } else {
        // Cedar prints a computed `datetime` like this.
        let offset = call.strip_prefix("datetime(\"1970-01-01\").offset(duration(\"");
        offset.and_then(|rest| milliseconds(rest.strip_suffix("\"))")?)).map(datetime)
    };
    out.extend_from_slice(form.ok_or_else(|| format!("the extension value `{call}` has no form"))?.as_bytes());
    Ok(())
}

/// The arguments are digits, letters and punctuation of ASCII, and need no escapes.
fn escape(function: &str, argument: &str) -> String {
    format!(r#"{{"__extn":{{"arg":"{argument}","fn":"{function}"}}}}"#)
}

fn duration(milliseconds: i64) -> String {
    escape("duration", &format!("{milliseconds}ms"))
}

/// The one form that has room for every `datetime`: Cedar's text of years ends at 9999.
fn datetime(since_1970: i64) -> String {
    let [epoch, offset] = [escape("datetime", "1970-01-01"), duration(since_1970)];
    format!(r#"{{"__extn":{{"args":[{epoch},{offset}],"fn":"offset"}}}}"#)
}

/// An address with its prefix. Groups of IPv6 are written out, because programs differ in how they shorten them.
fn ip(text: &str) -> Option<String> {
    let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
    Some(match address.parse().ok()? {
        IpAddr::V4(address) => format!("{address}/{}", prefix.unwrap_or("32")),
        IpAddr::V6(address) => {
            let groups = address.segments().map(|group| format!("{group:04x}"));
            format!("{}/{}", groups.join(":"), prefix.unwrap_or("128"))
        }
    })
}

/// A decimal with four digits after the point, as Cedar counts them.
fn decimal(text: &str) -> Option<String> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let (whole, fraction) = digits.split_once('.')?;
    let whole = whole.trim_start_matches('0');
    let is_zero = whole.is_empty() && fraction.bytes().all(|digit| digit == b'0');
    let sign = if negative && !is_zero { "-" } else { "" };
    let whole = if whole.is_empty() { "0" } else { whole };
    Some(format!("{sign}{whole}.{fraction:0<4}"))
}

/// The milliseconds of a duration, such as `-1d2h3m4s5ms`.
fn milliseconds(text: &str) -> Option<i64> {
    let (sign, mut rest) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let mut sum = 0_i128;
    while !rest.is_empty() {
        let (number, unit) = rest.split_at_checked(rest.find(|c: char| !c.is_ascii_digit())?)?;
        let units = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
        let (of, after) = units.into_iter().find_map(|(name, of)| Some((of, unit.strip_prefix(name)?)))?;
        sum = sum.checked_add(i128::from(number.parse::<u64>().ok()?) * of)?;
        rest = after;
    }
    i64::try_from(sign * sum).ok()
}

/// The milliseconds from 1970-01-01 in UTC to a time, such as `2026-02-24`, `2026-02-24T13:20:00Z` or
/// `2026-02-24T13:20:00.001-0530`. Cedar has checked the text.
fn since_1970(text: &str) -> Option<i64> {
    let number = |text: &str, from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let day = days(number(text, 0, 4)?, number(text, 5, 7)?, number(text, 8, 10)?) * 86_400_000;
    let Some(time) = text.get(10..)?.strip_prefix('T') else { return (text.len() == 10).then_some(day) };
    let seconds = number(time, 0, 2)? * 3_600 + number(time, 3, 5)? * 60 + number(time, 6, 8)?;
    let rest = time.get(8..)?;
    let (fraction, zone) = if rest.starts_with('.') { (number(rest, 1, 4)?, rest.get(4..)?) } else { (0, rest) };
    let zone_minutes = || Some(number(zone, 1, 3)? * 60 + number(zone, 3, 5)?);
    let east = match zone.as_bytes().first()? {
        b'Z' => 0,
        b'+' => zone_minutes()?,
        b'-' => -zone_minutes()?,
        _ => return None,
    };
    Some(day + (seconds - east * 60) * 1_000 + fraction)
}

/// The days from 1970-01-01 to a day of the Gregorian calendar. Years begin in March here, so that a leap day is the
/// last day of its year.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month > 2 { year } else { year - 1 };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + day_of_year - 719_468
}
