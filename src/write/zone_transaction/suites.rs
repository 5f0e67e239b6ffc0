//! Writes test suites of policy set versions, and the zone's demand for them.

use super::ZoneTransaction;
use crate::record::fingerprint::Fingerprint;
use crate::record::{Content, ContentKind, PolicySetVersionCreated, TestsKept, TestsRequired};
use crate::resource::policy_set_version::PolicySetVersion;
use crate::resource::version::VersionRecord;
use crate::resource::zone::ZoneInfo;
use crate::rules::test_demand;
use crate::suite::TestSuite;
use crate::types::error::{ErrorDetail, Resource, Result};

/// Test suites.
impl ZoneTransaction<'_, '_> {
    /// Keeps a test suite with a policy set version, as its newest; earlier ones stay in the history. Does nothing if it is
    /// the version's newest already. The suite is kept whether or not the version passes it.
    ///
    /// ```
    /// # use policy_store::{Actor, PolicySetVersion, PolicyStore, Result, TestSuite};
    /// fn keep(store: &PolicyStore, actor: &Actor, version: &PolicySetVersion, json: &str) -> Result<PolicySetVersion> {
    ///     let suite = TestSuite::from_json(json)?;
    ///     store.write(actor, |w| w.zone("acme")?.keep_tests(&version.id, &suite))
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) for a suite without cases; [`Forbidden`](crate::ErrorKind::Forbidden) if a
    /// customer keeps it with a version of a platform actor; [`Archived`](crate::ErrorKind::Archived) if the version or its
    /// set is archived; otherwise as any call: see [`ZoneTransaction`](Self#errors).
    pub fn keep_tests(
        &mut self,
        policy_set_version_id: impl AsRef<str>,
        suite: &TestSuite,
    ) -> Result<PolicySetVersion> {
        let id = policy_set_version_id.as_ref();
        self.once(
            Fingerprint::of("keep_tests").text(id).bytes(&suite.sha().0),
            |zone| zone.add_tests(id, suite),
            |reader, _| reader.policy_set_version(&VersionRecord::by_id(reader, id)?),
        )
    }

    fn add_tests(&mut self, id: &str, suite: &TestSuite) -> Result<PolicySetVersion> {
        let found = self.read(|reader| VersionRecord::<PolicySetVersionCreated>::by_id(reader, id))?;
        let version = found.body()?;
        let owner = found.entry.envelope.actor.owner_type();
        self.may_change(Resource::PolicySetVersion, id, owner, found.row.archived.is_some())?;
        let set = self.policy_set(&version.policy_set_id)?;
        if set.archived_at.is_some() {
            return Err(ErrorDetail::Archived { what: Resource::PolicySet, id: set.id.to_string() }.into());
        }
        if suite.is_empty() {
            return Err(ErrorDetail::invalid("test suite", suite.as_json(), "must have at least one case").into());
        }
        if self.read(|reader| reader.tests_sha(version))? == Some(suite.sha()) {
            return self.policy_set_version(id);
        }
        let log = self.place.log;
        self.writer().next(log)?;
        let entry = TestsKept {
            policy_set_id: version.policy_set_id.clone(),
            version_id: version.version_id.clone(),
            version: version.version,
            sha: self.put_content(&Content::one(ContentKind::TestSuite, suite.as_json()).pack())?,
            cases: u32::try_from(suite.len()).unwrap_or(u32::MAX),
        };
        self.append(entry)?;
        self.policy_set_version(id)
    }

    /// Demands that a version passes its newest [test suite](Self::keep_tests) before it is put in force, or ceases to. Every
    /// way to put a version in force is checked: [`bind`](Self::bind), [`activate`](Self::activate),
    /// [`rollback`](Self::rollback), bundles, and [plans](Self::apply_plan). A new version of a bundle, or of a plan without tests of its
    /// own, gets the suite of the version in force for the target (of a user's first bundle, that of the zone's version). What is in
    /// force stays so. Shadow and guardrail bindings are not checked.
    ///
    /// A customer cannot lift a demand of a platform actor. A platform actor's demand takes the place of a customer's. Does
    /// nothing if it is so already.
    ///
    /// The demand is for a suite that passes, not for a certain one: whoever may keep a suite with a version chooses it. It ends
    /// with the zone, when the zone is erased.
    ///
    /// Other writes wait while tests run in a write. [`Zone::run_tests`](crate::Zone::run_tests) before it remembers that
    /// an existing version passes; a version that the same write creates is tested in it.
    ///
    /// # Errors
    ///
    /// [`Forbidden`](crate::ErrorKind::Forbidden) with the code `tests_reserved` if a customer lifts a demand of a platform
    /// actor; otherwise as any call: see [`ZoneTransaction`](Self#errors).
    pub fn require_tests(&mut self, required: bool) -> Result<ZoneInfo> {
        self.once(
            Fingerprint::of("require_tests").number(required.into()),
            |zone| {
                if zone.read(|reader| test_demand::changes(reader, zone.actor(), required))? {
                    zone.append(TestsRequired { required })?;
                }
                zone.info()
            },
            |reader, _| reader.info_as_logged(),
        )
    }
}
