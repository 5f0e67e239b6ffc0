//! References to versions: a name, an `@`, a number. Does not know which names exist.

/// A version by its number.
#[derive(Debug, PartialEq, Eq)]
pub struct Reference<'a> {
    /// The name before the `@`; none if there is none.
    pub name: Option<&'a str>,
    /// The number of the version.
    pub version: u32,
}

impl<'a> Reference<'a> {
    /// Reads `live@7`, `@7` or `7`. The last `@` counts, since a name may have others.
    pub fn read(text: &'a str) -> Option<Self> {
        let (name, number) = text.rsplit_once('@').unwrap_or(("", text));
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let version = number.parse().ok()?;
        Some(Self { name: Some(name).filter(|name| !name.is_empty()), version })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_at_is_before_the_number() {
        let of = |name, version| Some(Reference { name, version });
        assert_eq!(Reference::read("live@7"), of(Some("live"), 7));
        assert_eq!(Reference::read("ann@example@12"), of(Some("ann@example"), 12));
        assert_eq!((Reference::read("@7"), Reference::read("7")), (of(None, 7), of(None, 7)));
        for other in ["", "live", "live@", "live@x", "live@-1", "live@+1", "live@99999999999", "a@1 "] {
            assert_eq!(Reference::read(other), None, "{other}");
        }
    }
}
