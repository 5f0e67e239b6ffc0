//! The words of an enum's values, in one place: printing, parsing and JSON use the same words. The file of each enum
//! documents their meaning.

/// Gives an enum without fields `as_str`, `Display` and `FromStr`. Each variant must have a word.
#[doc(hidden)]
#[macro_export]
macro_rules! text_enum {
    ($name:ty, $what:literal, { $($variant:ident => $word:literal),+ $(,)? }) => {
        impl $name {
            /// The value's word, as printed and parsed.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::Error;

            /// Reads the value's word. Case matters.
            ///
            /// # Errors
            ///
            /// An `InvalidInput` error for any other text.
            fn from_str(word: &str) -> Result<Self, Self::Err> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => {
                        let reason = concat!("expected one of" $(, " `", $word, "`")+);
                        Err($crate::Error::invalid($what, word, reason))
                    }
                }
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use std::fmt::{Debug, Display};
    use std::str::FromStr;

    use serde::Serialize;

    use crate::types::error::Error;
    use crate::{BindingMode, OwnerType, SchemaStatus, Syntax, TargetType};

    /// Each value prints as its word and parses from it. No other text parses.
    fn alike<T: FromStr<Err = Error> + Display + Debug + PartialEq + Copy>(words: &[(T, &str)]) {
        for (value, word) in words {
            assert_eq!((value.to_string().as_str(), word.parse::<T>().unwrap()), (*word, *value));
            assert_eq!(format!("[{value:<22}]"), format!("[{word:<22}]"));
            for wrong in [word.to_uppercase(), format!("{word} "), String::new(), format!("{value:?}x")] {
                let error = wrong.parse::<T>().unwrap_err();
                assert_eq!(error.code(), "invalid_input", "{wrong}");
                assert!(error.to_string().contains(&format!("`{word}`")), "{error}");
            }
        }
    }

    /// As [`alike`], and serializes as its word.
    fn as_in_json<T: Serialize + FromStr<Err = Error> + Display + Debug + PartialEq + Copy>(words: &[(T, &str)]) {
        alike(words);
        for (value, word) in words {
            assert_eq!(serde_json::to_value(value).unwrap(), *word);
        }
    }

    #[test]
    fn every_value_is_printed_and_read_by_its_word() {
        use SchemaStatus::{Active, Archived, Deprecated};
        as_in_json(&[(Active, "active"), (Deprecated, "deprecated"), (Archived, "archived")]);
        as_in_json(&[(TargetType::Zone, "zone"), (TargetType::User, "user")]);
        as_in_json(&[(OwnerType::Platform, "platform"), (OwnerType::Customer, "customer")]);
        as_in_json(&[(BindingMode::Active, "active"), (BindingMode::Shadow, "shadow")]);
        as_in_json(&[(BindingMode::Guardrail, "guardrail")]);
        as_in_json(&[(Syntax::Cedar, "cedar"), (Syntax::Json, "json")]);
        #[cfg(feature = "signatures")]
        {
            use crate::attestation::Status;
            as_in_json(&[(Status::Created, "created"), (Status::ReSigned, "re_signed")]);
        }
    }
}
