//! The calls about test suites, each on the store and on the model.

use policy_store::ZoneTransaction;

use super::calls::{Doing, Touched, seen};
use super::operation::Call;
use super::state::Zone;
use super::test_rules::{SUITES, suite};

impl Doing<'_> {
    pub fn suite_call(&mut self, zone: &mut ZoneTransaction<'_, '_>, id: &str, call: &Call) {
        match call {
            Call::KeepTests { version, suite: number } => {
                let (version, number) = (self.model.pick(id, *version, Zone::set_version_ids), number % SUITES);
                let (what, given) = ((call, format!("keep_tests {version} {number}")), version.clone());
                let ask = move |zone: &mut ZoneTransaction<'_, '_>| zone.keep_tests(&given, &suite(number)).map(seen);
                self.ask(zone, what, ask, |model, _| model.keep_tests(id, &version, number));
                let told = zone.policy_set_version(&version).map(seen);
                self.read(&version, told, |model, _| model.read_set_version(id, &version));
                self.touched.push(Touched::SetVersion(id.to_owned(), version));
            }
            Call::RequireTests { required } => {
                let (what, required) = ((call, format!("require_tests {required}")), *required);
                let ask = move |zone: &mut ZoneTransaction<'_, '_>| zone.require_tests(required).map(seen);
                self.ask(zone, what, ask, |model, _| model.require_tests(id, required));
                self.read(&id, zone.info().map(seen), |model, _| model.zone(id).map(Zone::view));
                self.touched.push(Touched::Zone(id.to_owned()));
            }
            _ => {}
        }
    }
}
