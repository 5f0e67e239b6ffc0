//! Lines for people, which verdicts and verified rules share.

use std::fmt;

use super::verdict::Import;
use crate::attestation::Attestation;
use crate::note::VerifiedCheckpoint;
use crate::receipt::Binding;
use crate::types::actor::Actor;
use crate::types::plain::plain;
use crate::types::target::BindingMode;

/// The signatures of the checkpoint.
pub(super) fn signatures(f: &mut fmt::Formatter<'_>, verified: &VerifiedCheckpoint, is_sealed: bool) -> fmt::Result {
    let signed = verified.signed();
    writeln!(
        f,
        "Checked    signature of the checkpoint of {} entries by `{}`",
        signed.unverified().size,
        plain(signed.store_name())
    )?;
    for cosigned in verified.cosigned() {
        writeln!(f, "           cosignature of witness `{}` at {}", plain(&cosigned.witness), cosigned.time)?;
    }
    if is_sealed {
        writeln!(f, "           seal of the zone's log in the store's log")?;
    }
    Ok(())
}

/// The attestations.
pub(super) fn attested(f: &mut fmt::Formatter<'_>, attestations: &[Attestation], checked: bool) -> fmt::Result {
    for attestation in attestations {
        let statement = attestation.statement();
        let how = if checked { "signature" } else { "NOT the signature" };
        let by = plain(&statement.attested_by);
        writeln!(f, "           {how} of the attestation by `{by}` of {}", statement.attested_at)?;
    }
    Ok(())
}

/// The binding, with its import and its reasons.
pub(super) fn in_force(
    f: &mut fmt::Formatter<'_>,
    label: &str,
    binding: &Binding,
    import: Option<&Import>,
) -> fmt::Result {
    let mode = if binding.mode == BindingMode::Shadow { " as a shadow" } else { "" };
    let target = plain(&binding.target.to_string());
    writeln!(f, "{label} {target} since {}{mode}, bound by {}", binding.since, told(&binding.by))?;
    imported(f, import)?;
    let Some(rationale) = &binding.rationale else { return Ok(()) };
    for (what, text) in [("why", rationale.reason()), ("see", rationale.reference())] {
        if let Some(text) = text {
            writeln!(f, "           {what}: {}", plain(text))?;
        }
    }
    Ok(())
}

pub(super) fn imported(f: &mut fmt::Formatter<'_>, import: Option<&Import>) -> fmt::Result {
    let Some(Import { by, at }) = import else { return Ok(()) };
    writeln!(f, "           imported by {} at {at}, who said the time and the author", told(by))
}

pub(super) fn told(actor: &Actor) -> String {
    format!("{} `{}`", actor.owner_type(), plain(actor.id()))
}
