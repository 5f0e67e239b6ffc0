//! The words of the crate's enums: printing, parsing and JSON use the same ones.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use crate::{ErrorKind, Include, Layer, Order, Resource, Sort};

/// Each value prints as its word and parses from it. No other text parses.
fn alike<T: FromStr<Err = policy_store_verify::Error> + Display + Debug + PartialEq + Copy>(words: &[(T, &str)]) {
    for (value, word) in words {
        assert_eq!((value.to_string().as_str(), word.parse::<T>().unwrap()), (*word, *value));
        assert_eq!(format!("[{value:<22}]"), format!("[{word:<22}]"));
        for wrong in [word.to_uppercase(), format!("{word} "), String::new(), format!("{value:?}x")] {
            let error = crate::Error::from(wrong.parse::<T>().unwrap_err());
            assert_eq!(error.code(), "invalid_input", "{wrong}");
            assert!(error.to_string().contains(&format!("`{word}`")), "{error}");
        }
    }
}

#[test]
fn every_value_is_printed_and_read_by_its_word() {
    alike(&[(Layer::Target, "target"), (Layer::Guardrail, "guardrail")]);
    for (layer, word) in [(Layer::Target, "target"), (Layer::Guardrail, "guardrail")] {
        assert_eq!(serde_json::to_value(layer).unwrap(), word);
    }
    alike(&[(Order::Ascending, "ascending"), (Order::Descending, "descending")]);
    alike(&[(Sort::CreatedAt, "created_at"), (Sort::Status, "status")]);
    alike(&[
        (Include::Both, "both"),
        (Include::Cedar, "cedar"),
        (Include::Json, "json"),
        (Include::Neither, "neither"),
    ]);
    alike(&[(ErrorKind::PreconditionFailed, "precondition_failed"), (ErrorKind::NotBound, "not_bound")]);
    alike(&[(Resource::Zone, "zone"), (Resource::PolicySetVersion, "policy set version")]);
}
