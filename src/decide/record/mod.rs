//! Recorded decisions: receipt, request and entities of an answer, as one line of JSON. `docs/recorded-decisions.md` has
//! the form.
//!
//! Does not decide, and does not read the store.

pub(crate) mod line;
pub(crate) mod log;

use std::fmt;
use std::io::Write;
use std::str::FromStr;

use cedar_policy::{Entities, EntityUid, Request};
use serde::Serialize;

use super::answer::Answer;
use super::receipt::{Receipt, check_form, check_inputs};
use crate::cedar;
use crate::types::error::{Error, ErrorDetail, Result, at_most};
use crate::types::hash::Sha256;
use crate::types::limits;
use line::{DecisionLine, EntitiesOf};

/// A decision with all that it takes to decide again: the receipt, the request and the entities. Prints as one line of JSON
/// without its end, and parses from it.
///
/// ```
/// # use policy_store::{Answer, DecisionRecord, PolicyStore, Result, cedar_policy::Entities};
/// fn again(store: &PolicyStore, answer: &Answer, entities: &Entities) -> Result<()> {
///     let line = answer.record(entities)?.to_string();
///     let record: DecisionRecord = line.parse()?;
///     let (request, entities) = (record.request()?, record.entities()?);
///     store.replay(record.receipt(), &request, &entities)?.agrees_with(record.receipt())
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionRecord {
    receipt: Receipt,
    request: RequestText,
    /// As JSON.
    entities: String,
}

/// A request: its uids, and its context as JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
struct RequestText {
    uids: [UidText; 3],
    context: String,
}

/// An entity uid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct UidText {
    r#type: String,
    id: String,
}

impl DecisionRecord {
    /// The receipt.
    #[must_use]
    pub fn receipt(&self) -> &Receipt {
        &self.receipt
    }

    /// The request, as it was decided.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) or [`TooLarge`](crate::ErrorKind::TooLarge) with the part that cannot be read.
    pub fn request(&self) -> Result<Request> {
        let uids = self.request.uids.each_ref().map(|uid| (uid.r#type.as_str(), uid.id.as_str()));
        cedar::exact_request(uids, &self.request.context)
    }

    /// The entities, as the decision could see them.
    ///
    /// # Errors
    ///
    /// As [`request`](Self::request).
    pub fn entities(&self) -> Result<Entities> {
        cedar::exact_entities(&self.entities)
    }

    /// The entities as JSON, in Cedar's form.
    #[must_use]
    pub fn entities_json(&self) -> &str {
        &self.entities
    }

    /// Refuses a receipt without its form, and a request or entities other than those of the receipt, by their SHA-256.
    /// Receipts of forms 1 and 2 do not have it.
    ///
    /// # Errors
    ///
    /// [`Conflict`](crate::ErrorKind::Conflict) with the input that is another one; and as [`request`](Self::request).
    pub fn check(&self) -> Result<()> {
        check_form(&self.receipt)?;
        check_inputs(&self.receipt, &self.request()?, &self.entities()?)
    }
}

impl fmt::Display for DecisionRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let receipt = serde_json::to_string(&self.receipt).map_err(|_| fmt::Error)?;
        let request = self.request.json().map_err(|_| fmt::Error)?;
        f.write_str(&line::decision(&receipt, &request, Some(&self.entities), &Sha256([0; 32])))
    }
}

impl FromStr for DecisionRecord {
    type Err = Error;

    /// Reads a line of a decision that has its entities.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) if it is no such line, or if its entities are on an earlier line;
    /// [`TooLarge`](crate::ErrorKind::TooLarge); [`Unavailable`](crate::ErrorKind::Unavailable) for a later form.
    fn from_str(text: &str) -> Result<Self> {
        at_most("bytes of a decision record", text.len(), limits::RECORD_LINE_BYTES)?;
        let text = text.trim_end_matches(['\n', '\r']);
        if text.contains(['\n', '\r']) {
            return Err(ErrorDetail::Json { what: "decision record", message: "must be one line".to_owned() }.into());
        }
        let message = match DecisionLine::read(text)? {
            Some(DecisionLine { receipt, request, entities: EntitiesOf::Inline(json) }) => {
                let uids = request
                    .uids()
                    .map(|(entity_type, id)| UidText { r#type: entity_type.to_owned(), id: id.to_owned() });
                let request = RequestText { uids, context: request.context().to_owned() };
                return Ok(Self { receipt, request, entities: json.to_owned() });
            }
            Some(_) => "the entities are on an earlier line; replay the whole file",
            None => "a line of entities is no decision",
        };
        Err(ErrorDetail::Json { what: "decision record", message: message.to_owned() }.into())
    }
}

impl RequestText {
    fn of(request: &Request) -> Result<Self> {
        let unknown = |what| ErrorDetail::Request { what, message: "is unknown".to_owned() };
        let uid = |what, uid: Option<&EntityUid>| {
            let uid = uid.ok_or_else(|| unknown(what))?;
            Ok::<_, Error>(UidText { r#type: uid.type_name().to_string(), id: uid.id().unescaped().to_owned() })
        };
        let uids = [
            uid("principal", request.principal())?,
            uid("action", request.action())?,
            uid("resource", request.resource())?,
        ];
        Ok(Self { uids, context: cedar::context_text(request)? })
    }

    fn json(&self) -> Result<String> {
        let [principal, action, resource] = self.uids.each_ref().map(serde_json::to_string);
        let unwritable = |error: serde_json::Error| ErrorDetail::Json { what: "request", message: error.to_string() };
        Ok(format!(
            "{{\"principal\":{},\"action\":{},\"resource\":{},\"context\":{}}}",
            principal.map_err(unwritable)?,
            action.map_err(unwritable)?,
            resource.map_err(unwritable)?,
            self.context
        ))
    }
}

impl Answer {
    /// The record of the answer: its receipt, its request, and `entities`, those that it was decided with.
    ///
    /// # Errors
    ///
    /// As [`receipt`](Self::receipt); [`TooLarge`](crate::ErrorKind::TooLarge) over a limit of records, which is lower
    /// for entities (16 MiB) than that of a decision.
    pub fn record(&self, entities: &Entities) -> Result<DecisionRecord> {
        let receipt = self.receipt(entities)?;
        let (request, entities) = (RequestText::of(&self.request)?, cedar::entities_text(entities)?);
        Ok(DecisionRecord { receipt, request, entities })
    }

    /// Writes the [record](Self::record) of the answer as one line, in one call of the writer. Use a
    /// [`DecisionLog`](crate::DecisionLog) if many decisions have the same entities.
    ///
    /// ```
    /// # use policy_store::{Answer, Result, cedar_policy::Entities};
    /// fn decided(answer: &Answer, entities: &Entities, mut log: &std::fs::File) -> Result<()> {
    ///     answer.write_record(entities, &mut log)
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`record`](Self::record); [`Unavailable`](crate::ErrorKind::Unavailable) if the writer fails.
    pub fn write_record(&self, entities: &Entities, writer: &mut impl Write) -> Result<()> {
        write_line(self.record(entities)?.to_string(), writer)
    }
}

/// Writes a line in one call, so that lines of several writers do not mix.
fn write_line(mut line: String, writer: &mut impl Write) -> Result<()> {
    line.push('\n');
    writer.write_all(line.as_bytes()).map_err(|error| ErrorDetail::io("write a decision record", error).into())
}
