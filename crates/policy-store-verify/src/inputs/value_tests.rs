//! The canonical form of single values: sets, extension values, keys, integers, and the values without a form.

use std::thread;

use cedar_policy::{Context, Entities, Entity, EvalResult, RestrictedExpression, eval_expression};
use serde_json::{Value, json};

use super::form::{entities_form, request_form};
use super::form_tests::{canonical, entities, extn, form_of, request, request_of, uid};

#[test]
fn a_set_is_sorted_by_its_forms_and_has_each_value_once() {
    assert_eq!(form_of(&json!([])), "[]");
    assert_eq!(form_of(&json!([3, "3", 20, 3, 100, true, -1])), r#"["3",-1,100,20,3,true]"#);
    // `"` is after the space and `!`, and `\` is before letters.
    assert_eq!(form_of(&json!(["a!", "a", "a ", "a\"", "aa"])), r#"["a ","a!","a","a\"","aa"]"#);
    assert_eq!(form_of(&json!([[2, 1], [1, 2, 2], [], [[]]])), "[[1,2],[[]],[]]");
    assert_eq!(form_of(&json!([{"b": 1, "a": [2, 1]}, {"a": [1, 2], "b": 1}])), r#"[{"a":[1,2],"b":1}]"#);
}

/// Cedar keeps one of the spellings, not always the first one.
#[test]
fn equal_extension_values_in_a_set_are_one_in_any_order() {
    for (one, other) in [
        (extn("decimal", "1.0"), extn("decimal", "01.00")),
        (extn("ip", "10.0.0.1"), extn("ip", "10.0.0.1/32")),
        (extn("duration", "1d"), extn("duration", "24h")),
        (extn("datetime", "2026-02-24"), extn("datetime", "2026-02-24T01:00:00+0100")),
    ] {
        assert_eq!(form_of(&json!([one, other, 1])), form_of(&json!([1, other, one])));
        assert_eq!(form_of(&one), form_of(&other));
        assert_eq!(form_of(&json!([one, other])), format!("[{}]", form_of(&one)));
    }
}

/// Evaluates an expression on a value, as `context.v`.
fn by_cedar(value: &Value, expression: &str) -> EvalResult {
    eval_expression(&request(&json!({"v": value})), &Entities::empty(), &expression.parse().unwrap()).unwrap()
}

#[test]
fn each_extension_value_has_one_spelling() {
    for (function, argument, expected) in [
        ("ip", "10.0.0.1", "10.0.0.1/32"),
        ("ip", "10.0.0.1/8", "10.0.0.1/8"),
        ("ip", "0.0.0.0/0", "0.0.0.0/0"),
        ("ip", "::", "0000:0000:0000:0000:0000:0000:0000:0000/128"),
        ("ip", "FE80::1/64", "fe80:0000:0000:0000:0000:0000:0000:0001/64"),
        ("ip", "::ffff:c0a8:0101", "0000:0000:0000:0000:0000:ffff:c0a8:0101/128"),
        ("decimal", "0.0", "0.0000"),
        ("decimal", "-0.0", "0.0000"),
        ("decimal", "-000.01", "-0.0100"),
        ("decimal", "0012.3", "12.3000"),
        ("decimal", "100.00", "100.0000"),
        ("decimal", "922337203685477.5807", "922337203685477.5807"),
        ("decimal", "-922337203685477.5808", "-922337203685477.5808"),
        ("duration", "0ms", "0ms"),
        ("duration", "-0d", "0ms"),
        ("duration", "1d2h3m4s5ms", "93784005ms"),
        ("duration", "-5h", "-18000000ms"),
        ("duration", "007m", "420000ms"),
        ("duration", "9223372036854775807ms", "9223372036854775807ms"),
        ("duration", "-9223372036854775808ms", "-9223372036854775808ms"),
    ] {
        let form = extn(function, expected);
        assert_eq!(form_of(&extn(function, argument)), canonical(&form), "{function} {argument}");
        // The form is Cedar's JSON of an equal value.
        let equal = by_cedar(&form, &format!("context.v == {function}(\"{argument}\")"));
        assert_eq!(equal, EvalResult::Bool(true), "{function} {argument}");
    }
}

pub(super) fn datetime_form(milliseconds: i64) -> Value {
    let argument = format!("{milliseconds}ms");
    json!({"__extn": {"fn": "offset", "args": [extn("datetime", "1970-01-01"), extn("duration", &argument)]}})
}

#[test]
fn a_datetime_is_an_offset_in_milliseconds() {
    for (text, milliseconds) in [
        ("1970-01-01", 0),
        ("1969-12-31T23:59:59.999Z", -1),
        ("2026-02-24T13:20:00.001-0530", 1_771_959_000_001),
        ("2026-02-24T13:20:00.001+0530", 1_771_919_400_001),
        ("0000-01-01", -62_167_219_200_000),
        ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
    ] {
        assert_eq!(form_of(&extn("datetime", text)), canonical(&datetime_form(milliseconds)), "{text}");
    }
    for milliseconds in [i64::MIN, i64::MAX] {
        let form = datetime_form(milliseconds);
        assert_eq!(form_of(&form), canonical(&form));
    }
    let midnight = extn("datetime", "2026-02-24T13:20:00Z");
    assert_eq!(
        form_of(&json!({"__extn": {"fn": "toDate", "arg": midnight}})),
        form_of(&extn("datetime", "2026-02-24"))
    );
    assert_eq!(form_of(&json!({"__extn": {"fn": "toTime", "arg": midnight}})), form_of(&extn("duration", "13h20m")));
}

/// Cedar counts the milliseconds here.
#[test]
fn every_day_has_the_milliseconds_that_cedar_counts() {
    let lengths = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let leap = |year: u32| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    for year in [0, 1, 4, 100, 1600, 1899, 1900, 1969, 1970, 1999, 2000, 2024, 2026, 2100, 9996, 9999] {
        for (month, length) in (1..).zip(lengths) {
            let length = if month == 2 && !leap(year) { 28 } else { length };
            for day in [1, 15, length] {
                let value = extn("datetime", &format!("{year:04}-{month:02}-{day:02}T06:07:08.009+0130"));
                let counted = by_cedar(&value, "context.v.durationSince(datetime(\"1970-01-01\")).toMilliseconds()");
                let EvalResult::Long(milliseconds) = counted else { panic!("{counted:?}") };
                assert_eq!(form_of(&value), canonical(&datetime_form(milliseconds)), "{value}");
            }
        }
    }
}

#[test]
fn a_call_of_another_function_is_its_result() {
    let address = extn("ip", "::1");
    assert_eq!(form_of(&json!({"__extn": {"fn": "isIpv6", "arg": address}})), "true");
    assert_eq!(form_of(&json!({"__extn": {"fn": "toSeconds", "arg": extn("duration", "1h")}})), "3600");
}

#[test]
fn keys_are_in_the_order_of_utf_16() {
    let keys = [
        "\u{ffff}",
        "\u{10000}",
        "\u{e000}",
        "\u{10ffff}",
        "\u{d7ff}",
        "a",
        "aa",
        "",
        "Z",
        "é",
        "a\u{10000}",
        "a\u{ffff}",
    ];
    let all: Value = keys.iter().map(|key| (key.to_string(), json!(1))).collect::<serde_json::Map<_, _>>().into();
    assert_eq!(form_of(&all), canonical(&all));
    assert_eq!(form_of(&json!({"\u{ffff}": 1, "\u{10000}": 2})), "{\"\u{10000}\":2,\"\u{ffff}\":1}");
    let own = uid("U::\"u\"");
    let value = || keys.iter().map(|key| (key.to_string(), RestrictedExpression::new_long(1)));
    let entity = Entity::new_with_tags(own, value(), [], value()).unwrap();
    let form = entities_form(&Entities::from_entities([entity], None).unwrap()).unwrap();
    let expected = json!([{"uid": {"type": "U", "id": "u"}, "ancestors": [], "attrs": all, "tags": all}]);
    assert_eq!(form, canonical(&expected));
}

#[test]
fn integers_are_written_in_full() {
    for (number, text) in [
        (i64::MAX, "9223372036854775807"),
        (i64::MIN, "-9223372036854775808"),
        ((1 << 53) + 1, "9007199254740993"),
        (0, "0"),
        (-1, "-1"),
    ] {
        assert_eq!(form_of(&json!(number)), text);
        let document = json!([{"uid": {"type": "U", "id": "u"}, "attrs": {"n": number}, "parents": []}]);
        assert!(entities_form(&entities(&document)).unwrap().contains(&format!(r#""n":{text}}}"#)));
    }
}

/// A value of so many sets, or of so many records, within each other.
fn nested(depth: usize, records: bool) -> RestrictedExpression {
    (0..depth).fold(RestrictedExpression::new_long(1), |within, _| {
        if records {
            RestrictedExpression::new_record([("k".to_owned(), within)]).unwrap()
        } else {
            RestrictedExpression::new_set([within])
        }
    })
}

/// Runs on a stack that is large enough for Cedar to make a deep value. Not all of it is used.
fn with_stack<T: Send + 'static>(mebibytes: usize, run: impl FnOnce() -> T + Send + 'static) -> T {
    thread::Builder::new().stack_size(mebibytes << 20).spawn(run).unwrap().join().unwrap()
}

#[test]
fn a_value_nests_128_levels_and_no_more() {
    let check = |records: bool| {
        let value = |depth| nested(depth, records);
        let in_context =
            |depth| request_form(&request_of(Context::from_pairs([("v".to_owned(), value(depth))]).unwrap()));
        let in_entity = |attribute: bool, depth| {
            let (with, without) = ([("v".to_owned(), value(depth))], []);
            let (attrs, tags) = if attribute { (&with[..], &without[..]) } else { (&without[..], &with[..]) };
            let entity = Entity::new_with_tags(uid("U::\"u\""), attrs.to_vec(), [], tags.to_vec()).unwrap();
            entities_form(&Entities::from_entities([entity], None).unwrap())
        };
        let text = if records { r#"{"k":"#.repeat(128) } else { "[".repeat(128) };
        assert!(in_context(128).unwrap().contains(&format!(r#""v":{text}1"#)));
        assert!(in_entity(true, 128).unwrap().contains(&format!(r#""v":{text}1"#)));
        assert!(in_entity(false, 128).unwrap().contains(&format!(r#""v":{text}1"#)));
        for depth in [129, 130, 1_500] {
            assert_eq!(in_context(depth).unwrap_err(), "context: a value nests deeper than 128 levels");
            let of_entity = r#"entity `U::"u"`: a value nests deeper than 128 levels"#;
            assert_eq!(in_entity(true, depth).unwrap_err(), of_entity);
            assert_eq!(in_entity(false, depth).unwrap_err(), of_entity);
        }
    };
    with_stack(256, move || [false, true].map(check));
}

/// In debug builds, Cedar itself needs more than 2 MiB to make the value.
#[test]
fn a_value_of_400_levels_is_refused_on_a_usual_thread() {
    for records in [false, true] {
        let request =
            with_stack(16, move || request_of(Context::from_pairs([("v".to_owned(), nested(400, records))]).unwrap()));
        let form = with_stack(2, move || request_form(&request));
        assert_eq!(form.unwrap_err(), "context: a value nests deeper than 128 levels");
    }
}

#[test]
fn a_record_with_a_key_of_an_escape_has_no_form() {
    for key in ["__entity", "__extn", "__expr"] {
        let message = format!("context: the key `{key}` of a record is reserved");
        for value in [json!({key: 1}), json!({key: {"type": "U", "id": "u"}, "more": 1}), json!([{"a": {key: []}}])] {
            let context = Context::from_json_value(json!({"v": value}), None).unwrap();
            // Cedar does not write it either.
            assert!(context.to_json_value().is_err());
            assert_eq!(request_form(&request_of(context)).unwrap_err(), message);
        }
        // Names of a context, of attributes and of tags are not in the place of a value.
        let value = || [(key.to_owned(), RestrictedExpression::new_long(1))];
        let context = Context::from_pairs(value()).unwrap();
        assert!(request_form(&request_of(context)).unwrap().contains(&format!(r#""context":{{"{key}":1}}"#)));
        let entity = Entity::new_with_tags(uid("U::\"u\""), value(), [], value()).unwrap();
        let form = entities_form(&Entities::from_entities([entity], None).unwrap()).unwrap();
        assert!(form.contains(&format!(r#""attrs":{{"{key}":1}},"tags":{{"{key}":1}}"#)), "{form}");
    }
    // A key that only looks like it.
    assert_eq!(form_of(&json!({"__Entity": 1, "entity": 2})), r#"{"__Entity":1,"entity":2}"#);
}
