//! The public hashes, as other programs compute them: none was copied from the store.

use policy_store::{Include, NewPolicy, NewPolicySet, NewPolicySetVersion, NewPolicyVersion};

use super::support::{V1, World};

/// `printf 'permit(principal, action, resource);' | sha256sum`, and `printf '// é\r\npermit(…' | sha256sum`.
const PLAIN: &str = "bacfa3fab8b34a87fbe68d2b949b8fb62bc093942a84fd9a08543f15a0b63ee2";
const COMMENTED: &str = "8ddc7e36783f036d939692d1e5982e477464923eee5056cbd32412d78b823d36";
/// The SHA-256 of the text in [`manifest`], and of `{"entries":[]}`.
const MANIFEST: &str = "36bfaa6db349a80fbe23aa13b7fd501eab25ea11f22ba1e64c1ee9827826e93f";
const EMPTY: &str = "d801aa1fb7ddcc330a5e3173372ea6af4a3d08ec58074478e85aa5603e926658";

/// The text that a user would build for `sha256sum`: sorted by policy id, capitals first.
fn manifest() -> String {
    format!(
        r#"{{"entries":[{{"policy_id":"B","policy_version_id":"b:1","sha":"{PLAIN}"}},{{"policy_id":"a","policy_version_id":"a.1_-","sha":"{COMMENTED}"}}]}}"#
    )
}

#[test]
fn anybody_can_recompute_the_hashes_of_policies_and_manifests() {
    let world = World::new();
    let (plain, commented, set, empty) = world
        .write(|zone| {
            let text = "permit(principal, action, resource);";
            zone.create_policy(NewPolicy::named("a").id("a"))?;
            zone.create_policy(NewPolicy::named("B").id("B"))?;
            let commented = NewPolicyVersion::cedar(V1, format!("// é\r\n{text}")).id("a.1_-");
            let commented = zone.create_policy_version("a", commented)?;
            let plain = zone.create_policy_version("B", NewPolicyVersion::cedar(V1, text).id("b:1"))?;
            zone.create_policy_set(NewPolicySet::named("s").id("s"))?;
            let pins = NewPolicySetVersion::new(V1).pin(&commented).pin(&plain);
            let set = zone.create_policy_set_version("s", pins)?;
            let empty = zone.create_policy_set_version("s", NewPolicySetVersion::new(V1))?;
            Ok((plain, commented, set, empty))
        })
        .unwrap();
    let zone = world.zone();
    let sha = |id| zone.policy_version(id, Include::Neither).unwrap().sha.to_string();
    assert_eq!((sha(&plain.id), sha(&commented.id)), (PLAIN.to_owned(), COMMENTED.to_owned()));
    let manifest_sha = |id| zone.policy_set_version(id).unwrap().manifest_sha.to_string();
    assert_eq!(manifest_sha(&set.id), MANIFEST, "{}", manifest());
    assert_eq!(manifest_sha(&empty.id), EMPTY);
}
