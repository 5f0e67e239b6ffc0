//! Checks the structure of expressions in policy JSON, and of the values in them. Does not check types.

use serde_json::Value;

use super::shape::{Object, Path, Problem, either, entity};
use crate::types::error::cut;
use crate::types::limits;

const VARIABLES: [&str; 4] = ["principal", "action", "resource", "context"];

/// Checks an expression. `has` is the number of `has` that contain it in their `left`.
pub(super) fn check(path: &Path<'_>, value: &Value, has: usize) -> Result<(), Problem> {
    let mut members = value.as_object().ok_or_else(|| path.expected(EXPRESSION, value))?.iter();
    let (Some((operator, operands)), None) = (members.next(), members.next()) else {
        return Err(path.wrong(format!("must have exactly one member, expected {EXPRESSION}")));
    };
    let at = path.member(operator);
    let operand = |object: &Object<'_>, name: &str| check(&object.path(name), object.get(name), has);
    match operator.as_str() {
        "Value" => self::value(&at, operands),
        "Var" => match operands.as_str() {
            Some(name) if VARIABLES.contains(&name) => Ok(()),
            _ => Err(at.expected(&either(&VARIABLES), operands)),
        },
        "Slot" => Err(Problem::Template),
        "!" | "neg" | "isEmpty" => operand(&Object::at(&at, operands, &["arg"], &[])?, "arg"),
        "==" | "!=" | "in" | "<" | "<=" | ">" | ">=" | "&&" | "||" | "+" | "-" | "*" | "contains" | "containsAll"
        | "containsAny" | "getTag" | "hasTag" => {
            let object = Object::at(&at, operands, &["left", "right"], &[])?;
            operand(&object, "left")?;
            operand(&object, "right")
        }
        "." => {
            let object = Object::at(&at, operands, &["left", "attr"], &[])?;
            object.string("attr")?;
            operand(&object, "left")
        }
        "has" => self::has(&at, operands, has + 1),
        "like" => {
            let object = Object::at(&at, operands, &["left", "pattern"], &[])?;
            pattern(&object.path("pattern"), object.get("pattern"))?;
            operand(&object, "left")
        }
        "is" => {
            let object = Object::at(&at, operands, &["left", "entity_type"], &["in"])?;
            object.string("entity_type")?;
            operand(&object, "left")?;
            match object.find("in") {
                None | Some(Value::Null) => Ok(()),
                Some(within) => check(&object.path("in"), within, has),
            }
        }
        "if-then-else" => {
            let object = Object::at(&at, operands, &["if", "then", "else"], &[])?;
            ["if", "then", "else"].iter().try_for_each(|name| operand(&object, name))
        }
        "Record" => {
            let attributes = operands.as_object().ok_or_else(|| at.expected("an object of expressions", operands))?;
            attributes.iter().try_for_each(|(name, value)| check(&at.member(name), value, has))
        }
        // Cedar checks the names of extension functions and methods.
        "Set" => all(&at, operands, has),
        _ if operands.is_array() => all(&at, operands, has),
        name => Err(path.wrong(format!("has the unknown operator `{}`", cut(name)))),
    }
}

const EXPRESSION: &str = "an expression: an object with one operator, such as `Value`, `Var` or `==`";

fn all(path: &Path<'_>, values: &Value, has: usize) -> Result<(), Problem> {
    let values = path.array(values, "expressions")?.iter().enumerate();
    values.into_iter().try_for_each(|(number, value)| check(&path.index(number), value, has))
}

/// Checks a `has`. Cedar reads its left side more than once, so its depth has a limit of its own.
fn has(path: &Path<'_>, value: &Value, has: usize) -> Result<(), Problem> {
    let object = Object::at(path, value, &["left", "attr"], &[])?;
    let attr = object.get("attr");
    // Cedar prints the names of a path unquoted, so they must be identifiers.
    let is_name = |name: &str| {
        let mut chars = name.chars();
        chars.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
            && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let is_path = |names: &Vec<Value>| !names.is_empty() && names.iter().all(|name| name.as_str().is_some_and(is_name));
    if !attr.is_string() && !attr.as_array().is_some_and(is_path) {
        return Err(object.path("attr").expected("a string, or an array of at least one identifier", attr));
    }
    if has > limits::JSON_REREAD_DEPTH {
        return Err(Problem::Has(has));
    }
    check(&object.path("left"), object.get("left"), has)
}

fn pattern(path: &Path<'_>, value: &Value) -> Result<(), Problem> {
    const ELEMENTS: &str = "`\"Wildcard\"`, or an object with `Literal`";
    for (number, element) in path.array(value, ELEMENTS)?.iter().enumerate() {
        let path = path.index(number);
        if element.as_str() == Some("Wildcard") {
            continue;
        }
        if !element.is_object() {
            return Err(path.expected(ELEMENTS, element));
        }
        Object::at(&path, element, &["Literal"], &[])?.string("Literal")?;
    }
    Ok(())
}

/// A value, with the escapes for entities and extensions.
fn value(path: &Path<'_>, value: &Value) -> Result<(), Problem> {
    match value {
        Value::Null => Err(path.wrong("is null, which Cedar does not support".to_owned())),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
        Value::Array(values) => {
            let mut values = values.iter().enumerate();
            values.try_for_each(|(number, value)| self::value(&path.index(number), value))
        }
        Value::Object(members) => {
            let only = if members.len() == 1 { members.iter().next() } else { None };
            match only {
                Some((name, _)) if name == "__entity" => entity(path, value),
                Some((name, call)) if name == "__extn" => {
                    let path = path.member("__extn");
                    let argument = if call.get("args").is_some() { "args" } else { "arg" };
                    let object = Object::at(&path, call, &["fn", argument], &[])?;
                    object.string("fn")?;
                    if argument == "args" {
                        object.path("args").array(object.get("args"), "values")?;
                    }
                    self::value(&object.path(argument), object.get(argument))
                }
                Some((name, _)) if name == "__expr" => {
                    Err(path.wrong("has `__expr`, which Cedar no longer supports".to_owned()))
                }
                _ => members.iter().try_for_each(|(name, value)| self::value(&path.member(name), value)),
            }
        }
    }
}
