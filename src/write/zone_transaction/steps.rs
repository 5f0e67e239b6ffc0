//! Carries out the steps for the policies of a new policy set version. Checks nothing: the plans of the steps did.

use super::ZoneTransaction;
use crate::rules::new_ids::Ids;
use crate::rules::steps::Step;
use crate::types::error::Result;
use crate::types::manifest_entry::ManifestEntry;

impl ZoneTransaction<'_, '_> {
    /// Creates the policies and versions of the steps, and returns the manifest's entries.
    pub(super) fn take_steps(&mut self, steps: Vec<Step>) -> Result<Vec<ManifestEntry>> {
        let mut entries = Vec::with_capacity(steps.len());
        for step in steps {
            let (policy_id, version) = match step {
                Step::Keep(entry) => {
                    entries.push(entry);
                    continue;
                }
                Step::Edit(policy_id, version) => (policy_id, version),
                Step::Create(new, version) => (self.create_policy(new)?.id, version),
            };
            let version = self.create_policy_version(&policy_id, version)?;
            entries.push(ManifestEntry { policy_id, policy_version_id: version.id, sha: version.sha });
        }
        Ok(entries)
    }

    /// Gives new policies and versions their ids before they are created: the order of the policies depends on them, and so
    /// does the result of tests.
    pub(super) fn give_ids(&mut self, steps: &mut [Step]) -> Result<()> {
        let log = self.place.log;
        let (_, _, now) = self.writer().next(log)?;
        let drawn = self.read(|reader| Ok(Ids::draw(&self.engine, reader, now, steps.len())))?;
        drawn.give(steps);
        Ok(())
    }

    /// Refuses entries for which the write has no room.
    pub(super) fn room_for_entries(&mut self, entries: usize) -> Result<()> {
        self.writer().room_for(entries)?;
        let log = self.place.log;
        self.writer().next(log).map(drop)
    }
}
