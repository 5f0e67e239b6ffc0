//! Parses schemas in both syntaxes, and converts a schema into its other syntax.
//!
//! Does not know names of schema versions or stored content.

use cedar_policy::ffi::DetailedError;
use cedar_policy::{Schema, SchemaFragment, Validator};
use serde_json::Value;

use super::described::Described;
use super::schema_model::Model;
use super::stack::{PARSE, on_grown_stack};
use super::{canonical, diagnose, expansion, gate, json, schema_fault, schema_json, schema_text, schema_twice};
use crate::types::error::{Diagnostic, ErrorDetail, Result, SourcePlace, at_most};
use crate::types::limits;
use crate::types::syntax::Syntax;

const WHAT: &str = "schema";
const WHAT_JSON: &str = "schema JSON";

/// A parsed schema, with its validator.
pub(crate) struct ParsedSchema {
    validator: Validator,
    described: Described,
    weight: usize,
    request_types: usize,
    validation_limit: usize,
}

/// Approximate bytes of a small schema in memory.
const SMALL_SCHEMA: usize = 48 * 1024;

impl ParsedSchema {
    /// Parses a schema and resolves its names.
    pub(crate) fn parse(syntax: Syntax, source: &str) -> Result<Self> {
        gate(syntax, source)?;
        on_grown_stack(PARSE, WHAT, || Ok(Understood::new(syntax, source)?.parsed(source)))?
    }

    /// Cedar's schema.
    pub(crate) fn schema(&self) -> &Schema {
        self.validator.schema()
    }

    pub(super) fn described(&self) -> &Described {
        &self.described
    }

    pub(super) fn validator(&self) -> &Validator {
        &self.validator
    }

    /// The number of request types.
    pub(crate) fn request_types(&self) -> usize {
        self.request_types
    }

    /// The limit of statements times request types in the validation of one policy.
    pub(crate) fn validation_limit(&self) -> usize {
        self.validation_limit
    }

    /// The schema with another validation limit.
    pub(crate) fn with_validation_limit(self, validation_limit: usize) -> Self {
        Self { validation_limit, ..self }
    }

    /// An estimate of its bytes in memory.
    pub(crate) fn weight(&self) -> usize {
        self.weight
    }
}

/// Parses a schema, and writes it in its other syntax. The written schema reads back as an equal schema with the same
/// annotations.
///
/// The written schema is accepted as input, and so is its own conversion.
pub(crate) fn prepare_schema(syntax: Syntax, source: &str) -> Result<(ParsedSchema, String)> {
    gate(syntax, source)?;
    on_grown_stack(PARSE, WHAT, || {
        let mut given = Understood::new(syntax, source)?;
        if syntax == Syntax::Cedar {
            refuse(schema_twice::attributes(source)?)?;
        }
        given.model.write_out_shapes();
        let other = given.written_in(syntax.other())?;
        let read = gate(syntax.other(), &other).and_then(|()| Understood::new(syntax.other(), &other));
        let read = read.map_err(|error| unfaithful(format!("{}: {error}", written(syntax.other()))))?;
        if given.model != read.model {
            return Err(unfaithful("names, types or annotations change".to_owned()));
        }
        // Cedar compares schemas with all names resolved and all common types written out.
        if given.as_cedar_compares(syntax)?.as_ref().unwrap_or(&given.schema).as_ref() != read.schema.as_ref() {
            return Err(unfaithful("the meaning of the schema changes".to_owned()));
        }
        // The other syntax must be accepted as input, so its own conversion must pass the gate.
        let again = read.written_in(syntax)?;
        gate(syntax, &again).map_err(|error| unfaithful(format!("{}: {error}", written(syntax))))?;
        Ok((given.parsed(source), other))
    })?
}

fn written(syntax: Syntax) -> &'static str {
    match syntax {
        Syntax::Cedar => "written in Cedar's syntax",
        Syntax::Json => "written in JSON",
    }
}

/// A schema as Cedar's, as JSON, and as a model with resolved names.
struct Understood {
    schema: Schema,
    /// The schema's JSON.
    json: Value,
    model: Model,
    /// The number of attributes and types with all common types expanded.
    expanded: usize,
}

impl Understood {
    /// Parses a schema without other fragments, and resolves its names.
    fn new(syntax: Syntax, source: &str) -> Result<Self> {
        let fragment = fragment(syntax, source)?;
        let mut json = fragment.clone().to_json_value().map_err(|error| unfaithful(error.to_string()))?;
        schema_json::repair_contexts(&mut json);
        let namespaces = schema_json::read(&json).map_err(|error| unfaithful(error.to_string()))?;
        let model = Model::new(namespaces);
        let expanded = expansion::check(&model)?;
        let schema = Schema::from_schema_fragments([fragment]);
        let schema = schema.map_err(|error| refused(syntax, source, DetailedError::from(&error)))?;
        let request_types = schema.request_envs().take(limits::SCHEMA_REQUEST_TYPES + 1).count();
        at_most("request types of the schema", request_types, limits::SCHEMA_REQUEST_TYPES)?;
        Ok(Self { schema, json, model, expanded })
    }

    fn parsed(self, source: &str) -> ParsedSchema {
        // Measured 17 to 67 KB for schemas of a few entities. Expanded common types add to that.
        let described = Described::of(&self.model);
        let weight = SMALL_SCHEMA + 2 * source.len() + 256 * self.expanded + described.weight();
        let (request_types, validation_limit) = (self.schema.request_envs().count(), limits::VALIDATION_COST);
        ParsedSchema { validator: Validator::new(self.schema), described, weight, request_types, validation_limit }
    }

    fn written_in(&self, syntax: Syntax) -> Result<String> {
        let (text, what) = match syntax {
            Syntax::Cedar => {
                (schema_text::write(&self.model).map_err(unfaithful)?, "bytes of the schema written in Cedar's syntax")
            }
            Syntax::Json => {
                let json = canonical::to_string(&self.json).map_err(|error| unfaithful(error.to_string()))?;
                (json, "bytes of the schema written in JSON")
            }
        };
        at_most(what, text.len(), limits::SCHEMA_BYTES)?;
        Ok(text)
    }

    /// The schema without `appliesTo` of actions that no request can have. Cedar's syntax cannot express an action with
    /// principals and without resources, or the reverse; for requests, it makes no difference. None if no action is
    /// such.
    fn as_cedar_compares(&self, syntax: Syntax) -> Result<Option<Schema>> {
        let mut json = self.json.clone();
        if syntax == Syntax::Cedar || !schema_json::remove_vain_applies_to(&mut json) {
            return Ok(None);
        }
        let fragment = SchemaFragment::from_json_value(json).map_err(|error| unfaithful(error.to_string()))?;
        let schema = Schema::from_schema_fragments([fragment]).map_err(|error| unfaithful(error.to_string()))?;
        Ok(Some(schema))
    }
}

fn gate(syntax: Syntax, source: &str) -> Result<()> {
    match syntax {
        Syntax::Cedar if source.starts_with(json::BYTE_ORDER_MARK) => {
            let place = Some(SourcePlace::new(source, 0, json::BYTE_ORDER_MARK.len_utf8()));
            refuse(vec![Diagnostic { message: json::MARKED.to_owned(), statement: None, place, count: 1 }])
        }
        Syntax::Cedar => gate::schema_text(source),
        Syntax::Json => {
            at_most("bytes of schema JSON", source.len(), limits::SCHEMA_BYTES)?;
            json::policy(WHAT_JSON, source, limits::SCHEMA_BYTES).map(drop)
        }
    }
}

fn fragment(syntax: Syntax, source: &str) -> Result<SchemaFragment> {
    match syntax {
        Syntax::Cedar => SchemaFragment::from_cedarschema_str(source)
            .map(|(fragment, _)| fragment)
            .map_err(|error| refused(syntax, source, DetailedError::from(&error))),
        Syntax::Json => {
            let invalid = |message| crate::types::error::Error::from(ErrorDetail::Json { what: WHAT_JSON, message });
            let value = serde_json::from_str(source).map_err(|error| invalid(error.to_string()))?;
            // Cedar refuses action attributes only after reading them, and rereads nested ones at every level.
            if let Some(message) = schema_fault::action_attributes(&value) {
                return Err(invalid(message));
            }
            SchemaFragment::from_json_str(source).map_err(|error| {
                let cedars = || schema_fault::in_words(&messages(source, DetailedError::from(&error)));
                invalid(schema_fault::find(&value).unwrap_or_else(cedars))
            })
        }
    }
}

fn refused(syntax: Syntax, source: &str, report: DetailedError) -> crate::types::error::Error {
    match syntax {
        Syntax::Cedar => ErrorDetail::Syntax { what: WHAT, diagnostics: findings(source, report) }.into(),
        Syntax::Json => ErrorDetail::Json { what: WHAT_JSON, message: messages(source, report) }.into(),
    }
}

fn findings(source: &str, report: DetailedError) -> Vec<Diagnostic> {
    let mut diagnostics = diagnose::findings(source, 0, None, report);
    diagnose::sort(&mut diagnostics);
    diagnostics
}

fn messages(source: &str, report: DetailedError) -> String {
    findings(source, report).into_iter().map(|finding| finding.message).collect::<Vec<_>>().join("; ")
}

/// Refuses a text with findings.
fn refuse(diagnostics: Vec<Diagnostic>) -> Result<()> {
    if diagnostics.is_empty() { Ok(()) } else { Err(ErrorDetail::Syntax { what: WHAT, diagnostics }.into()) }
}

fn unfaithful(reason: String) -> crate::types::error::Error {
    ErrorDetail::Unfaithful { what: WHAT, reason }.into()
}

#[cfg(test)]
pub(super) fn convert_schema(syntax: Syntax, source: &str) -> Result<String> {
    prepare_schema(syntax, source).map(|(_, other)| other)
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

    fn parse(syntax: Syntax, source: &str) -> &'static str {
        ParsedSchema::parse(syntax, source).map_or_else(|error| error.code(), |_| "ok")
    }

    #[test]
    fn forms_convert_into_each_other_and_back() {
        let json = convert_schema(Syntax::Cedar, RICH).unwrap();
        let text = convert_schema(Syntax::Json, &json).unwrap();
        let again = convert_schema(Syntax::Cedar, &text).unwrap();
        assert_eq!(convert_schema(Syntax::Json, &again).unwrap(), text);
        for kept in ["Spare", "odd key", "doc", "zip", "note"] {
            assert!(json.contains(kept) && text.contains(kept) && again.contains(kept), "{kept}: {text}");
        }
    }

    #[test]
    fn the_derived_bytes_are_the_same_each_time() {
        let json = convert_schema(Syntax::Cedar, RICH).unwrap();
        let text = convert_schema(Syntax::Json, &json).unwrap();
        for _ in 0..20 {
            assert_eq!(convert_schema(Syntax::Cedar, RICH).unwrap(), json);
            assert_eq!(convert_schema(Syntax::Json, &json).unwrap(), text);
        }
    }

    #[test]
    fn what_cannot_be_written_in_the_other_form_is_refused() {
        // JSON can distinguish an entity type and a common type of one name.
        let json = r#"{"":{"commonTypes":{"T":{"type":"Long"}},"entityTypes":{"T":{},
            "E":{"shape":{"type":"Record","attributes":{"a":{"type":"Entity","name":"T"}}}}},"actions":{}}}"#;
        let error = convert_schema(Syntax::Json, json).unwrap_err();
        assert!(["unfaithful", "json"].contains(&error.code()), "{error}");
    }

    #[test]
    fn schemas_that_do_not_stand_alone_are_refused() {
        assert_eq!(parse(Syntax::Cedar, "entity E { a: Missing };"), "syntax");
        assert_eq!(parse(Syntax::Cedar, "entity E { a: Long"), "syntax");
        assert_eq!(parse(Syntax::Cedar, "entity E; entity E;"), "syntax");
        assert_eq!(parse(Syntax::Cedar, ""), "ok");
        assert_eq!(parse(Syntax::Json, r#"{"":{"entityTypes":{},"actions":{}}}"#), "ok");
        assert_eq!(parse(Syntax::Json, r#"{"":{"entityTypes":{},"entityTypes":{},"actions":{}}}"#), "json");
        assert_eq!(parse(Syntax::Json, r#"{"":{"entityTypes":{"E":{"shape":{"type":"Nope"}}},"actions":{}}}"#), "json");
    }

    #[test]
    fn an_error_in_schema_text_has_its_place() {
        let error = ParsedSchema::parse(Syntax::Cedar, "entity A;\nentity B in [Missing];").err().unwrap();
        let ErrorDetail::Syntax { diagnostics, .. } = error.detail() else { panic!("{error}") };
        assert_eq!(diagnostics[0].place.map(|place| place.line), Some(2), "{error}");
    }

    #[test]
    fn a_form_has_a_name_in_snake_case() {
        assert_eq!(serde_json::to_string(&[Syntax::Cedar, Syntax::Json]).unwrap(), r#"["cedar","json"]"#);
    }

    #[test]
    fn a_schema_has_only_so_many_types_of_request() {
        let schema = |types: usize| {
            let names: Vec<_> = (0..types).map(|n| format!("E{n}")).collect();
            let names = names.join(", ");
            format!("entity {names}; action a appliesTo {{ principal: [{names}], resource: [{names}] }};")
        };
        assert!(ParsedSchema::parse(Syntax::Cedar, &schema(256)).is_ok());
        assert_eq!(ParsedSchema::parse(Syntax::Cedar, &schema(257)).err().unwrap().code(), "too_large");
    }
}
