//! Reads requests: gate, parse, validation against a schema.
//!
//! Does not know policies or decisions.

use cedar_policy::{Context, ContextJsonError, Request};

use super::context::ContextInput;
use super::json;
use super::schema::ParsedSchema;
use super::stack::{self, on_grown_stack};
use super::uid::UidInput;
use crate::types::error::{ErrorDetail, Result};
use crate::types::limits;

impl ParsedSchema {
    /// A request, validated against the schema. The context is Cedar JSON.
    pub(crate) fn request<'a>(
        &self,
        principal: impl Into<UidInput<'a>>,
        action: impl Into<UidInput<'a>>,
        resource: impl Into<UidInput<'a>>,
        context: impl Into<ContextInput<'a>>,
    ) -> Result<Request> {
        self.request_of([principal.into(), action.into(), resource.into()], context.into())
    }

    fn request_of(&self, uids: [UidInput<'_>; 3], context: ContextInput<'_>) -> Result<Request> {
        let [principal, action, resource] = uids;
        principal.gate("principal")?;
        action.gate("action")?;
        resource.gate("resource")?;
        let context = context.text()?;
        let depth = json::json("context", &context, limits::CONTEXT_BYTES)?;
        on_grown_stack(stack::json(depth, 0), "request", || {
            let principal = principal.read("principal")?;
            let action = action.read("action")?;
            let resource = resource.read("resource")?;
            let context =
                Context::from_json_str(&context, Some((self.schema(), &action))).map_err(|error| match error {
                    ContextJsonError::MissingAction(_) => invalid("action", &error),
                    _ => invalid("context", &error),
                })?;
            context.validate(self.schema(), &action).map_err(|error| invalid("context", &error))?;
            Request::new(principal, action, resource, context, Some(self.schema()))
                .map_err(|error| invalid("request", &error))
        })?
    }
}

fn invalid(what: &'static str, error: &dyn std::error::Error) -> crate::types::error::Error {
    ErrorDetail::Request { what, message: super::diagnose::chain(error) }.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::syntax::Syntax;

    fn schema() -> ParsedSchema {
        let text = "entity U in [G] { n?: Set<Long>, at?: datetime }; entity G; entity D;
            action a appliesTo { principal: U, resource: D, context: { mfa?: Bool, ip?: ipaddr } };";
        ParsedSchema::parse(Syntax::Cedar, text).unwrap()
    }

    fn part(principal: &str, action: &str, resource: &str, context: &str) -> &'static str {
        match schema().request(principal, action, resource, context) {
            Ok(_) => "ok",
            Err(error) => match error.detail() {
                ErrorDetail::Request { what, .. } => what,
                _ => error.code(),
            },
        }
    }

    #[test]
    fn each_part_that_does_not_fit_is_named() {
        let (u, a, d) = ("U::\"u\"", "Action::\"a\"", "D::\"d\"");
        assert_eq!(part(u, a, d, r#"{"mfa":true,"ip":{"__extn":{"fn":"ip","arg":"::1"}}}"#), "ok");
        assert_eq!(part("U", a, d, "{}"), "principal");
        assert_eq!(part(u, "a", d, "{}"), "action");
        assert_eq!(part(u, a, "D::d", "{}"), "resource");
        assert_eq!(part(u, "Action::\"b\"", d, "{}"), "action");
        assert_eq!(part(u, a, d, r#"{"mfa":1}"#), "context");
        assert_eq!(part(u, a, d, "[]"), "context");
        assert_eq!(part(u, a, u, "{}"), "request");
        assert_eq!(part(d, a, d, "{}"), "request");
        assert_eq!(part(u, a, d, r#"{"mfa":true,"mfa":false}"#), "json");
        assert_eq!(part(&"(".repeat(65), a, d, "{}"), "too_deep");
    }

    #[test]
    fn entities_must_fit_the_schema() {
        let code = |attrs: &str, parent: &str| {
            let json = format!(
                r#"[{{"uid":{{"type":"U","id":"u"}},"attrs":{attrs},"parents":[{{"type":"{parent}","id":"g"}}]}}]"#
            );
            schema().entities(&json).map_or_else(|error| error.code(), |_| "ok")
        };
        assert_eq!(code(r#"{"n":[1,2],"at":{"__extn":{"fn":"datetime","arg":"2026-01-01"}}}"#, "G"), "ok");
        assert_eq!(code("{}", "D"), "request");
        assert_eq!(code(r#"{"n":["x"]}"#, "G"), "request");
        assert_eq!(code(r#"{"n":[1.5]}"#, "G"), "json");
        assert_eq!(code(r#"{"n":[1],"n":[2]}"#, "G"), "json");
    }
}
