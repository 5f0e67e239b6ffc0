//! A binding as it is shown: set and version, target, since when, by whom and why.

use policy_store::{BindOutcome, Binding, BindingMode, Committed};
use serde::Serialize;

use super::actor;
use crate::name::known::KnownNames;
use crate::output::color::{CHANGED, paint};
use crate::output::{Page, Reply, plain};

/// A binding with the name of its policy set.
#[derive(Debug, Serialize)]
pub struct ShownBinding {
    /// The name of the policy set.
    pub policy_set: String,
    /// The binding.
    #[serde(flatten)]
    pub binding: Binding,
}

impl ShownBinding {
    /// A binding with the name of its policy set, looked up.
    pub fn new<M: Committed>(names: &mut KnownNames<M>, binding: Binding) -> Self {
        Self { policy_set: names.policy_set(&binding.policy_set_id), binding }
    }

    /// The version as `live@7`.
    pub fn version(&self) -> String {
        plain(&format!("{}@{}", self.policy_set, self.binding.version))
    }

    /// One line about it, without the reason.
    pub fn line(&self, page: &Page) -> String {
        let Binding { target, mode, since, by, .. } = &self.binding;
        let (version, since) = (self.version(), page.time(*since));
        plain(&format!("{version} {} for {target} since {since} by {}", mode_words(*mode), actor(by)))
    }
}

/// The mode of a binding in words.
pub fn mode_words(mode: BindingMode) -> &'static str {
    match mode {
        BindingMode::Active => "in force",
        BindingMode::Shadow => "under observation",
        BindingMode::Guardrail => "guardrail",
    }
}

/// The reply of a command that binds or unbinds.
#[derive(Serialize)]
pub struct BindReply {
    /// Whether the command changed anything.
    pub changed: bool,
    /// The binding after the command; none if it ended one.
    pub binding: Option<ShownBinding>,
    /// The version bound before, as `live@6`; none if nothing was bound.
    pub replaced: Option<String>,
}

impl BindReply {
    /// The reply for an outcome of the library.
    pub fn new<M: Committed>(names: &mut KnownNames<M>, outcome: BindOutcome) -> Self {
        let BindOutcome { binding, replaced, changed, .. } = outcome;
        let replaced =
            replaced.map(|replaced| format!("{}@{}", names.policy_set(&replaced.policy_set_id), replaced.version));
        Self { changed, binding: Some(ShownBinding::new(names, binding)), replaced }
    }
}

impl Reply for BindReply {
    fn text(&self, page: &mut Page) {
        let replaced = self.replaced.as_deref().map(plain);
        match &self.binding {
            Some(binding) if self.changed => {
                let before = replaced.map_or_else(String::new, |replaced| format!("{replaced} → "));
                page.line(format!("{}{}", paint(CHANGED, before), binding.line(page)));
                page.rationale(2, binding.binding.rationale.as_ref());
            }
            Some(binding) => page.line(format!("nothing changed: {}", binding.line(page))),
            None => page.line(format!("{} ended", replaced.unwrap_or_default())),
        }
    }
}
