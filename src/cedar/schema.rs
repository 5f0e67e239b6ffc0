//! Schemas: parsed from either form, and converted into the other one.
//!
//! Names and versions of schemas are not known here, nor is what is stored.

use cedar_policy::ffi::DetailedError;
use cedar_policy::{Schema, SchemaFragment, Validator};
use serde_json::Value;

use super::stack::{PARSE, on_grown_stack};
use super::{canonical, diagnose, expansion, gate, json};
use crate::error::{ErrorDetail, Result, at_most};
use crate::limits;
use crate::model::Form;

const WHAT: &str = "schema";

/// A schema that Cedar has parsed, ready to validate with.
pub(crate) struct ParsedSchema {
    validator: Validator,
    weight: usize,
    request_types: usize,
    validation_limit: usize,
}

/// What a small schema takes in memory.
const SMALL_SCHEMA: usize = 48 * 1024;

impl ParsedSchema {
    /// Parses a schema and resolves its names.
    pub(crate) fn parse(form: Form, source: &str) -> Result<Self> {
        gate(form, source)?;
        on_grown_stack(PARSE, WHAT, || {
            let (schema, expanded) = resolve(form, source, fragment(form, source)?)?;
            let request_types = schema.request_envs().count();
            // Schemas of a few entities took 17 to 67 KB; what is written out in full adds to that.
            let weight = SMALL_SCHEMA + 2 * source.len() + 256 * expanded;
            let validation_limit = limits::VALIDATION_COST;
            Ok(Self { validator: Validator::new(schema), weight, request_types, validation_limit })
        })?
    }

    /// Cedar's schema.
    pub(crate) fn schema(&self) -> &Schema {
        self.validator.schema()
    }

    pub(super) fn validator(&self) -> &Validator {
        &self.validator
    }

    /// How many types of request it has.
    pub(crate) fn request_types(&self) -> usize {
        self.request_types
    }

    /// How many statements times types of request may be validated with it in one policy.
    pub(crate) fn validation_limit(&self) -> usize {
        self.validation_limit
    }

    /// With another limit of what is validated with it.
    pub(crate) fn with_validation_limit(self, validation_limit: usize) -> Self {
        Self { validation_limit, ..self }
    }

    /// An estimate of its bytes in memory.
    pub(crate) fn weight(&self) -> usize {
        self.weight
    }
}

/// Writes a schema in the other form. What is returned reads back as an equal schema with the same annotations.
pub(crate) fn convert_schema(form: Form, source: &str) -> Result<String> {
    gate(form, source)?;
    on_grown_stack(PARSE, WHAT, || {
        let given = fragment(form, source)?;
        let converted = match form {
            Form::Cedar => as_json(&given)?.0,
            Form::Json => given.to_cedarschema().map_err(|error| unfaithful(error.to_string()))?,
        };
        at_most("bytes of the schema's other form", converted.len(), limits::SCHEMA_BYTES)?;
        gate(form.other(), &converted)?;
        let read = fragment(form.other(), &converted).map_err(|error| unfaithful(error.to_string()))?;
        if outline(&as_json(&given)?.1) != outline(&as_json(&read)?.1) {
            return Err(unfaithful("common types or annotations get lost".to_owned()));
        }
        let given = resolve(form, source, given)?.0;
        let read = resolve(form.other(), &converted, read).map_err(|error| unfaithful(error.to_string()))?.0;
        // Cedar compares schemas with all names resolved and all common types written out.
        if given.as_ref() != read.as_ref() {
            return Err(unfaithful("it becomes a different schema".to_owned()));
        }
        Ok(converted)
    })?
}

fn gate(form: Form, source: &str) -> Result<()> {
    match form {
        Form::Cedar => gate::schema_text(source),
        Form::Json => {
            at_most("bytes of schema JSON", source.len(), limits::SCHEMA_BYTES)?;
            json::json("schema JSON", source, limits::SCHEMA_BYTES).map(drop)
        }
    }
}

fn fragment(form: Form, source: &str) -> Result<SchemaFragment> {
    match form {
        Form::Cedar => SchemaFragment::from_cedarschema_str(source)
            .map(|(fragment, _)| fragment)
            .map_err(|error| refused(form, source, DetailedError::from(&error))),
        Form::Json => {
            SchemaFragment::from_json_str(source).map_err(|error| refused(form, source, DetailedError::from(&error)))
        }
    }
}

/// Resolves the names of a fragment that stands alone; also says how large it is with its common types written out.
fn resolve(form: Form, source: &str, fragment: SchemaFragment) -> Result<(Schema, usize)> {
    let expanded = expansion::check(&as_json(&fragment)?.1)?;
    let schema = Schema::from_schema_fragments([fragment]);
    let schema = schema.map_err(|error| refused(form, source, DetailedError::from(&error)))?;
    let request_types = schema.request_envs().take(limits::SCHEMA_REQUEST_TYPES + 1).count();
    at_most("types of request of the schema", request_types, limits::SCHEMA_REQUEST_TYPES)?;
    Ok((schema, expanded))
}

fn refused(form: Form, source: &str, report: DetailedError) -> crate::error::Error {
    let mut diagnostics = diagnose::findings(source, 0, None, report);
    diagnose::sort(&mut diagnostics);
    match form {
        Form::Cedar => ErrorDetail::Syntax { what: WHAT, diagnostics }.into(),
        Form::Json => {
            let messages: Vec<_> = diagnostics.into_iter().map(|finding| finding.message).collect();
            ErrorDetail::Json { what: "schema JSON", message: messages.join("; ") }.into()
        }
    }
}

/// The JSON form of a fragment, as sorted bytes and as a value.
fn as_json(fragment: &SchemaFragment) -> Result<(String, Value)> {
    let value = fragment.clone().to_json_value().map_err(|error| unfaithful(error.to_string()))?;
    let bytes = canonical::to_string(&value).map_err(|error| unfaithful(error.to_string()))?;
    Ok((bytes, value))
}

/// What Cedar's comparison of schemas leaves out: the names of the common types, and every annotation, each by its
/// path. Entity types and actions are named by the comparison itself.
fn outline(schema: &Value) -> Vec<(String, Option<String>)> {
    let mut found = Vec::new();
    let mut open = vec![(String::new(), schema)];
    while let Some((path, value)) = open.pop() {
        for (key, member) in value.as_object().into_iter().flatten() {
            let path = format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"));
            if key == "annotations" {
                found.push((path.clone(), canonical::to_string(member).ok()));
            }
            if key == "commonTypes" {
                let names = member.as_object().into_iter().flat_map(|types| types.keys());
                found.extend(names.map(|name| (format!("{path}/{name}"), None)));
            }
            open.push((path, member));
        }
    }
    found.retain(|(_, annotations)| annotations.as_deref() != Some("{}"));
    found.sort();
    found
}

fn unfaithful(reason: String) -> crate::error::Error {
    ErrorDetail::Unfaithful { what: WHAT, reason }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RICH: &str = r#"
        type Name = String;
        @doc("unused") type Spare = { "odd key"?: Set<Name> };
        @doc("people") namespace Org::People {
            type Address = { @zip street: Name, city?: String, tags: Set<Set<Long>> };
            @doc("one") @note entity User, Admin in [Group, Org::People::Group] = { home: Address, ip: ipaddr, at: datetime } tags Set<String>;
            entity Group; entity Color enum ["red", "\"green\"\n"];
            action read, "write it" in [Action::"all"] appliesTo { principal: [User, Admin], resource: Group, context: Address };
            action all;
        }
        entity Free { user: Org::People::User, price: decimal };
    "#;

    fn parse(form: Form, source: &str) -> &'static str {
        ParsedSchema::parse(form, source).map_or_else(|error| error.code(), |_| "ok")
    }

    #[test]
    fn forms_convert_into_each_other_and_back() {
        let json = convert_schema(Form::Cedar, RICH).unwrap();
        let text = convert_schema(Form::Json, &json).unwrap();
        let again = convert_schema(Form::Cedar, &text).unwrap();
        let (first, second) = [&json, &again].map(|json| fragment(Form::Json, json).unwrap()).into();
        assert_eq!(outline(&as_json(&first).unwrap().1), outline(&as_json(&second).unwrap().1));
        assert!(outline(&as_json(&first).unwrap().1).len() >= 6);
    }

    #[test]
    fn the_derived_bytes_are_the_same_each_time() {
        let json = convert_schema(Form::Cedar, RICH).unwrap();
        let text = convert_schema(Form::Json, &json).unwrap();
        for _ in 0..20 {
            assert_eq!(convert_schema(Form::Cedar, RICH).unwrap(), json);
            assert_eq!(convert_schema(Form::Json, &json).unwrap(), text);
        }
    }

    #[test]
    fn what_cannot_be_written_in_the_other_form_is_refused() {
        // In JSON, an entity type and a common type of one name can be told apart.
        let json = r#"{"":{"commonTypes":{"T":{"type":"Long"}},"entityTypes":{"T":{},
            "E":{"shape":{"type":"Record","attributes":{"a":{"type":"Entity","name":"T"}}}}},"actions":{}}}"#;
        let error = convert_schema(Form::Json, json).unwrap_err();
        assert!(["unfaithful", "json"].contains(&error.code()), "{error}");
    }

    #[test]
    fn schemas_that_do_not_stand_alone_are_refused() {
        assert_eq!(parse(Form::Cedar, "entity E { a: Missing };"), "syntax");
        assert_eq!(parse(Form::Cedar, "entity E { a: Long"), "syntax");
        assert_eq!(parse(Form::Cedar, "entity E; entity E;"), "syntax");
        assert_eq!(parse(Form::Cedar, ""), "ok");
        assert_eq!(parse(Form::Json, r#"{"":{"entityTypes":{},"actions":{}}}"#), "ok");
        assert_eq!(parse(Form::Json, r#"{"":{"entityTypes":{},"entityTypes":{},"actions":{}}}"#), "json");
        assert_eq!(parse(Form::Json, r#"{"":{"entityTypes":{"E":{"shape":{"type":"Nope"}}},"actions":{}}}"#), "json");
    }

    #[test]
    fn an_error_in_schema_text_has_its_place() {
        let error = ParsedSchema::parse(Form::Cedar, "entity A;\nentity B in [Missing];").err().unwrap();
        let ErrorDetail::Syntax { diagnostics, .. } = error.detail() else { panic!("{error}") };
        assert_eq!(diagnostics[0].place.map(|place| place.line), Some(2), "{error}");
    }

    #[test]
    fn a_form_has_a_name_in_snake_case() {
        assert_eq!(serde_json::to_string(&[Form::Cedar, Form::Json]).unwrap(), r#"["cedar","json"]"#);
    }

    #[test]
    fn a_schema_has_only_so_many_types_of_request() {
        let schema = |types: usize| {
            let names: Vec<_> = (0..types).map(|n| format!("E{n}")).collect();
            let names = names.join(", ");
            format!("entity {names}; action a appliesTo {{ principal: [{names}], resource: [{names}] }};")
        };
        assert!(ParsedSchema::parse(Form::Cedar, &schema(256)).is_ok());
        assert_eq!(ParsedSchema::parse(Form::Cedar, &schema(257)).err().unwrap().code(), "too_large");
    }
}
