//! The file name of a policy's name. A name that a file cannot have stands in the header instead.

use std::fmt::Write;

/// The longest stem in bytes: with the extension, it is a valid name on all common systems.
const LONGEST: usize = 120;

/// The stem of the file of a policy, and whether it is the name itself on every system.
pub fn stem(name: &str, id: &str) -> (String, bool) {
    let encoded = encode(name);
    if encoded.len() > LONGEST {
        return (encode(id), false);
    }
    // Systems differ in how they compose letters with marks: only plain ASCII comes back as it was.
    let is_name = encoded == name && name.is_ascii();
    (encoded, is_name)
}

/// The stem of another policy with the same file name.
pub fn stem_with_id(name: &str, id: &str) -> String {
    let stem = format!("{}~{}", encode(name), encode(id));
    if stem.len() > LONGEST { encode(id) } else { stem }
}

/// The name with everything percent-encoded that some system refuses in a file name.
fn encode(name: &str) -> String {
    let mut encoded = String::new();
    let reserved = is_reserved(name);
    let last = name.chars().count().saturating_sub(1);
    for (index, character) in name.chars().enumerate() {
        let at_edge = index == 0 || index == last;
        let refused = character.is_control()
            || "<>:\"/\\|?*%".contains(character)
            || (at_edge && matches!(character, '.' | ' '))
            || (index == 0 && reserved);
        if refused {
            let mut bytes = [0; 4];
            for byte in character.encode_utf8(&mut bytes).bytes() {
                let _ = write!(encoded, "%{byte:02X}");
            }
        } else {
            encoded.push(character);
        }
    }
    encoded
}

/// Whether Windows takes the name for a device, with any extension.
fn is_reserved(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    let numbered = ["com", "lpt"].iter().any(|device| {
        stem.strip_prefix(device).is_some_and(|number| number.chars().count() == 1 && "0123456789¹²³".contains(number))
    });
    numbered || matches!(stem.as_str(), "con" | "prn" | "aux" | "nul")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_name_is_its_own_stem() {
        for name in ["mfa", "night shift", "v1.2", "a-b_c", "CONSOLE", "com10"] {
            assert_eq!(stem(name, "id"), (name.to_owned(), true), "{name}");
        }
    }

    #[test]
    fn what_a_system_refuses_is_encoded() {
        for (name, file) in [
            ("a/b", "a%2Fb"),
            ("..", "%2E%2E"),
            (".hidden", "%2Ehidden"),
            ("end ", "end%20"),
            ("100%", "100%25"),
            ("a:b*c?", "a%3Ab%2Ac%3F"),
            ("con", "%63on"),
            ("Aux.x", "%41ux.x"),
            ("lpt1", "%6Cpt1"),
            ("a\u{7f}", "a%7F"),
        ] {
            assert_eq!(stem(name, "id"), (file.to_owned(), false), "{name}");
        }
        assert_eq!(stem("zoë", "id"), ("zoë".to_owned(), false));
        assert_eq!(stem(&"x".repeat(121), "a:b"), ("a%3Ab".to_owned(), false));
        assert_eq!(stem_with_id("mfa", "p2"), "mfa~p2");
        assert_eq!(stem_with_id(&"x".repeat(120), "p2"), "p2");
    }
}
