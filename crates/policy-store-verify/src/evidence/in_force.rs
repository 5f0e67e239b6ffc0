//! Bindings in force: no later entry has replaced them. Does not know receipts.

use super::log::{End, ProvenLog};
use super::verdict::Import;
use crate::proof::ProofError;
use crate::receipt::Binding;
use crate::record::{Body, LogEntry};
use crate::types::hash::EntryHash;
use crate::types::limits;
use crate::types::target::{BindingMode, Target};

/// The import of the entry with a hash.
pub(super) fn import(log: &ProvenLog, hash: Option<EntryHash>) -> Result<Option<Import>, ProofError> {
    let Some(hash) = hash else { return Ok(None) };
    Ok(Import::of(&log.with_hash("binding", hash)?.envelope))
}

/// Shows that nothing had replaced the bindings at the newest entry. The first value says whether the walk shows the
/// guardrail, or that there was none; the second how many bindings and unbindings it saw.
pub(super) fn in_force(
    log: &ProvenLog,
    newest: &LogEntry,
    binding: Option<&Binding>,
    guardrail: Option<&Binding>,
) -> Result<(bool, usize), ProofError> {
    let mut walked = 0;
    if let Some(binding) = binding {
        let walk = log.last_binding(newest, &binding.target, binding.mode)?;
        still_bound(binding, &walk.end)?;
        walked = walk.walked;
    }
    let walk = log.last_binding(newest, &Target::Zone, BindingMode::Guardrail)?;
    walked = walked.max(walk.walked);
    if let Some(guardrail) = guardrail {
        still_bound(guardrail, &walk.end).map_err(|error| error.within("guardrail"))?;
        return Ok((true, walked));
    }
    match walk.end {
        End::Found(LogEntry { envelope, body: body @ Body::Bound(_), .. }) => {
            let replaced = ProofError::Replaced { position: envelope.position, change: change_of(body) };
            Err(replaced.within("guardrail that the receipt lacks"))
        }
        End::Found(_) | End::Start => Ok((true, walked)),
        // Only a zone with very many bindings is not walked back to its start.
        End::Lacks(_) if walked >= limits::EVIDENCE_BINDINGS => Ok((false, walked)),
        End::Lacks(position) => Err(lacks(position).within("guardrail that the receipt lacks")),
    }
}

/// The entry that made the binding in force at the newest entry, by the log alone; none if nothing is in force. The second value
/// says how many bindings and unbindings the walk saw.
pub(super) fn bound_at<'l>(
    log: &'l ProvenLog,
    newest: &LogEntry,
    target: &Target,
    mode: BindingMode,
) -> Result<(Option<&'l LogEntry>, usize), ProofError> {
    let walk = log.last_binding(newest, target, mode)?;
    match walk.end {
        End::Found(entry) => Ok((matches!(entry.body, Body::Bound(_)).then_some(entry), walk.walked)),
        End::Start => Ok((None, walk.walked)),
        End::Lacks(position) => Err(lacks(position)),
    }
}

fn lacks(position: u64) -> ProofError {
    ProofError::missing(format_args!("entry {position} of the log"))
}

/// Refuses a binding that is not the last one of its target.
fn still_bound(binding: &Binding, last: &End<'_>) -> Result<(), ProofError> {
    match last {
        End::Found(entry) if entry.envelope.position == binding.position => Ok(()),
        End::Found(entry) => {
            Err(ProofError::Replaced { position: entry.envelope.position, change: change_of(&entry.body) })
        }
        End::Start => Err(ProofError::missing("binding among the bindings of the log")),
        End::Lacks(position) => Err(lacks(*position)),
    }
}

fn change_of(body: &Body) -> String {
    match body {
        Body::Bound(body) => format!("binds `{}` to {} ({})", body.bound.version_id, body.target, body.mode),
        Body::Unbound(body) => format!("unbinds `{}` from {} ({})", body.replaced.version_id, body.target, body.mode),
        _ => "is of another kind".to_owned(),
    }
}
