//! Query strings: single and repeatable parameters, and deprecated names. Unknown parameters are ignored; unknown
//! values of known parameters are errors.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use policy_store::{Include, Order, OwnerType, PageRequest};

use crate::failure::Failure;

/// The values of `filter[owner_type]`.
pub const OWNER_TYPES: [(&str, OwnerType); 2] = [("platform", OwnerType::Platform), ("customer", OwnerType::Customer)];

/// The decoded parameters of a request, in order.
#[derive(Debug, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    pub fn parse(query: &str) -> Result<Self, Failure> {
        let parameters = query.split('&').filter(|parameter| !parameter.is_empty());
        let pairs = parameters.map(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            Ok((decoded(name)?, decoded(value)?))
        });
        pairs.collect::<Result<_, _>>().map(Self)
    }

    /// The values of a repeatable parameter.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// The value of a single parameter.
    pub fn one<'a>(&'a self, name: &'a str) -> Result<Option<&'a str>, Failure> {
        let mut values = self.all(name);
        let first = values.next();
        match values.next() {
            None => Ok(first),
            Some(_) => Err(Failure::invalid_query(format!("`{name}` is given more than once"))),
        }
    }

    /// The value of a single parameter with a fixed set of values.
    pub fn choice<T: Copy>(&self, name: &str, choice: &[(&str, T)]) -> Result<Option<T>, Failure> {
        self.one(name)?.map(|value| chosen(name, value, choice)).transpose()
    }

    /// The values of a repeatable parameter with a fixed set of values.
    pub fn choices<T: Copy>(&self, name: &str, choice: &[(&str, T)]) -> Result<Vec<T>, Failure> {
        self.all(name).map(|value| chosen(name, value, choice)).collect()
    }

    /// The values of a parameter with two names. Both may be given with the same values.
    pub fn twins(&self, name: &str, twin: &str) -> Result<Vec<&str>, Failure> {
        let sorted = |name| {
            let mut values: Vec<_> =
                self.0.iter().filter(|(given, _)| given == name).map(|(_, v)| v.as_str()).collect();
            values.sort_unstable();
            values.dedup();
            values
        };
        let (values, others) = (sorted(name), sorted(twin));
        match (values.is_empty(), others.is_empty()) {
            (_, true) => Ok(values),
            (true, false) => Ok(others),
            (false, false) if values == others => Ok(values),
            (false, false) => Err(Failure::invalid_query(format!("`{name}` and `{twin}` disagree"))),
        }
    }

    /// A boolean parameter with a deprecated name.
    pub fn flag(&self, name: &str, twin: &str) -> Result<Option<bool>, Failure> {
        const CHOICE: [(&str, bool); 2] = [("true", true), ("false", false)];
        match (self.choice(name, &CHOICE)?, self.choice(twin, &CHOICE)?) {
            (Some(flag), Some(other)) if flag != other => {
                Err(Failure::invalid_query(format!("`{name}` and `{twin}` disagree")))
            }
            (flag, other) => Ok(flag.or(other)),
        }
    }

    /// The expansions of a single resource. There is no directory of users, so nothing is expanded.
    pub fn expand(&self) -> Result<(), Failure> {
        self.expansions(&["user"]).map(drop)
    }

    /// The requested expansions, out of the allowed ones.
    fn expansions(&self, choice: &[&str]) -> Result<Vec<&str>, Failure> {
        let choice: Vec<_> = choice.iter().map(|value| (*value, ())).collect();
        let values = self.twins("expand[]", "expand")?;
        values.iter().try_for_each(|value| chosen("expand[]", value, &choice))?;
        Ok(values)
    }

    /// The requested Cedar representations.
    pub fn include(&self, default: Include) -> Result<Include, Failure> {
        Ok(self.choice("format", &[("cedar", Include::Cedar), ("json", Include::Json)])?.unwrap_or(default))
    }

    /// The parameters of every list: limit, order, cursors and expansions.
    pub fn list(&self) -> Result<PageRequest, Failure> {
        let mut list = PageRequest::new();
        if self.expansions(&["total_count", "user"])?.contains(&"total_count") {
            list = list.total_count();
        }
        if let Some(limit) = self.one("limit")? {
            // Rust also parses numbers with a sign.
            let digits = limit.bytes().all(|byte| byte.is_ascii_digit());
            let limit = limit.parse().ok().filter(|_| digits);
            list = list.limit(limit.ok_or_else(|| Failure::invalid_query("`limit` must be a whole number"))?);
        }
        if let Some(order) = self.choice("order", &[("asc", Order::Ascending), ("desc", Order::Descending)])? {
            list = list.order(order);
        }
        if let Some(cursor) = self.one("after")? {
            list = list.after(cursor);
        }
        if let Some(cursor) = self.one("before")? {
            list = list.before(cursor);
        }
        Ok(list)
    }
}

/// Decodes a form-encoded name or value.
fn decoded(text: &str) -> Result<String, Failure> {
    let bytes = text.replace('+', " ");
    let decoded = percent_decode_str(&bytes).decode_utf8();
    decoded.map(Cow::into_owned).map_err(|_| Failure::invalid_query("decoded query is not UTF-8"))
}

fn chosen<T: Copy>(name: &str, value: &str, choice: &[(&str, T)]) -> Result<T, Failure> {
    if let Some((_, chosen)) = choice.iter().find(|(known, _)| *known == value) {
        return Ok(*chosen);
    }
    let known: Vec<_> = choice.iter().map(|(known, _)| format!("`{known}`")).collect();
    let known = known.join(", ");
    let value: String = value.chars().take(80).collect();
    let hint = if value.contains(',') { format!(": to ask for several, repeat `{name}`") } else { String::new() };
    Err(Failure::invalid_query(format!("`{name}` cannot be `{value}`, expected one of {known}{hint}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query {
        Query::parse(text).unwrap()
    }

    #[test]
    fn twins_may_agree_but_not_disagree() {
        assert_eq!(query("expand=user").twins("expand[]", "expand").unwrap(), ["user"]);
        let both = query("expand=a&expand%5B%5D=b&expand%5B%5D=a&expand=b&expand=a");
        assert_eq!(both.twins("expand[]", "expand").unwrap(), ["a", "b"]);
        assert!(query("expand=a&expand[]=b").twins("expand[]", "expand").is_err());
        assert_eq!(query("active=true&filter[active]=true").flag("filter[active]", "active").unwrap(), Some(true));
        assert!(query("active=true&filter[active]=false").flag("filter[active]", "active").is_err());
    }

    #[test]
    fn values_are_known_and_given_once() {
        let choice = [("platform", 1), ("customer", 2)];
        assert_eq!(query("o=customer&o=platform").choices("o", &choice).unwrap(), [2, 1]);
        assert!(query("o=customer&o=customer").choice("o", &choice).is_err());
        let error = format!("{:?}", query("o=platform,customer").choices("o", &choice).unwrap_err());
        assert!(error.contains("repeat `o`"), "{error}");
    }

    #[test]
    fn queries_are_decoded_as_forms_are_and_strictly() {
        let decoded = query("&a+b=%C3%BC%2B+c=d&&e&=f&%zz=%&r=%EF%BF%BD&");
        let pairs = [("a b", "ü+ c=d"), ("e", ""), ("", "f"), ("%zz", "%"), ("r", "\u{fffd}")];
        assert_eq!(decoded.0, pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
        for wrong in ["o=%ff", "%C3=o", "o=%ED%A0%80", "o=%C0%AF"] {
            assert!(Query::parse(wrong).is_err(), "{wrong}");
        }
    }
}
