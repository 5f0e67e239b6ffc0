//! Which bindings a list is asked for.

use std::collections::BTreeSet;

use super::bytes::{Field, FilterBytes, flag, only};
use crate::types::error::{Result, at_most};
use crate::types::limits;
use crate::types::target::{BindingMode, Target};

/// Which bindings to list. The default is every binding that the zone ever had.
///
/// Repeated values of one field are alternatives; different fields must all match.
///
/// ```
/// use policy_store::{BindingFilter, BindingMode, Target};
/// let enforced_for_the_zone = BindingFilter::new().target(Target::Zone).mode(BindingMode::Active);
/// let of_now = BindingFilter::new().ended(false);
/// ```
#[derive(Clone, Debug, Default)]
pub struct BindingFilter {
    targets: BTreeSet<Target>,
    modes: BTreeSet<BindingMode>,
    ended: BTreeSet<bool>,
}

impl BindingFilter {
    /// All bindings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Of this target: up to 100 of them.
    pub fn target(mut self, target: Target) -> Self {
        self.targets.insert(target);
        self
    }

    /// In this mode.
    pub fn mode(mut self, mode: BindingMode) -> Self {
        self.modes.insert(mode);
        self
    }

    /// Those that have ended, or those that still last.
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

/// A filter of bindings that was checked.
#[derive(Clone, Debug)]
pub(crate) struct WantedBindings {
    targets: BTreeSet<Target>,
    modes: BTreeSet<BindingMode>,
    /// Whether it has ended; none for either.
    pub ended: Option<bool>,
}

impl WantedBindings {
    pub(crate) fn takes(&self, target: &Target, mode: BindingMode) -> bool {
        (self.targets.is_empty() || self.targets.contains(target))
            && (self.modes.is_empty() || self.modes.contains(&mode))
    }

    /// What cursors are bound to.
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
