//! The filter of the list of bindings.

use std::collections::BTreeSet;

use super::bytes::{Field, FilterBytes, flag, only};
use crate::types::error::{Result, at_most};
use crate::types::limits;
use crate::types::target::{BindingMode, Target};

/// A filter of bindings. The default passes every binding of the zone's history.
///
/// Repeated values of one field are alternatives; different fields must all match.
///
/// ```
/// use policy_store::{BindingFilter, BindingMode, Target};
/// let enforced_for_the_zone = BindingFilter::new().target(Target::Zone).mode(BindingMode::Active);
/// let current = BindingFilter::new().ended(false);
/// ```
#[must_use]
#[derive(Clone, Debug, Default)]
pub struct BindingFilter {
    targets: BTreeSet<Target>,
    modes: BTreeSet<BindingMode>,
    ended: BTreeSet<bool>,
}

impl BindingFilter {
    /// A filter that passes all bindings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Passes bindings of this target. Up to 100 targets.
    pub fn target(mut self, target: Target) -> Self {
        self.targets.insert(target);
        self
    }

    /// Passes bindings in this mode.
    pub fn mode(mut self, mode: BindingMode) -> Self {
        self.modes.insert(mode);
        self
    }

    /// Passes bindings that have ended, or bindings that still last.
    pub fn ended(mut self, ended: bool) -> Self {
        self.ended.insert(ended);
        self
    }

    pub(crate) fn check(&self) -> Result<WantedBindings> {
        at_most("targets of the filter", self.targets.len(), limits::FILTER_VALUES)?;
        self.targets.iter().try_for_each(Target::check)?;
        Ok(WantedBindings { targets: self.targets.clone(), modes: self.modes.clone(), ended: only(&self.ended) })
    }
}

/// A checked filter of bindings.
#[derive(Clone, Debug)]
pub(crate) struct WantedBindings {
    targets: BTreeSet<Target>,
    modes: BTreeSet<BindingMode>,
    /// Whether the binding must have ended; none for both.
    pub ended: Option<bool>,
}

impl WantedBindings {
    pub(crate) fn takes(&self, target: &Target, mode: BindingMode) -> bool {
        (self.targets.is_empty() || self.targets.contains(target))
            && (self.modes.is_empty() || self.modes.contains(&mode))
    }

    /// The bytes that cursors contain.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let users = self.targets.iter().filter_map(|target| match target {
            Target::User(id) => Some(id.as_str()),
            Target::Zone => None,
        });
        let zone = self.targets.contains(&Target::Zone).then_some("zone");
        FilterBytes::default()
            .with(Field::TargetType, zone)
            .with(Field::User, users)
            .with(Field::Mode, self.modes.iter().map(|mode| mode.as_str()))
            .with(Field::Ended, self.ended.map(flag))
            .done()
    }
}
