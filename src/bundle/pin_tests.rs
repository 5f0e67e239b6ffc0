//! Pins the archive, the packed bytes and the digest of one bundle, and checks that bundles round-trip.
//!
//! Another program (Python's `tarfile`, `json` and `hashlib`) computed the hashes of archive and digest from the
//! documented layout.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use super::gzip::Unpacker;
use super::*;

pub(super) const SCHEMA_TEXT: &str = "entity U; action a appliesTo { principal: U, resource: U };\n";

/// A bundle with a name of the maximum length, and with characters that JSON escapes.
pub(super) fn sample() -> Bundle {
    let mut members = BundlePolicy::of("A".parse().unwrap(), "permit (principal, action, resource);\n");
    members.name = Some("a \\ \"b\" </é>".to_owned());
    let empty = BundlePolicy::of("p:1".parse().unwrap(), "");
    let night = BundlePolicy::new(format!("né{}", "x".repeat(91)), "forbid (principal, action, resource);\n");
    let bundle = Bundle::new("2026-02-24".parse().unwrap(), vec![empty, members, night]).unwrap();
    bundle.with_schema(SCHEMA_TEXT).unwrap().with_target(TargetType::User, "zoë \"z\"").unwrap()
}

/// The archive in a bundle's bytes.
pub(super) fn unpacked(packed: &[u8]) -> Vec<u8> {
    let mut archive = vec![0; 1 << 20];
    let filled = Unpacker::new(packed).unwrap().fill(&mut archive).unwrap();
    assert!(filled < archive.len());
    archive.truncate(filled);
    archive
}

#[test]
fn a_bundle_has_its_bytes() {
    let packed = sample().to_bytes();
    let archive = Sha256::of(&unpacked(&packed)).to_string();
    assert_eq!(archive, "c13a81e0be7c9186a24763f814826f3e9af29939fd4e454304da9641a491d9dd");
    let pinned = include_bytes!("pinned.tar.gz");
    assert!(packed == pinned, "packed differently: another version of the compressor is a line in CHANGELOG.md");
    assert_eq!(Bundle::from_bytes(pinned).unwrap(), sample());
}

#[test]
fn the_digest_is_of_all_but_the_names() {
    let digest = sample().digest();
    assert_eq!(digest.to_string(), "ebc324c91b20c878e4bc343cd82ebbc8d07bc01b53d8ce8b38a7a7540f6d8b98");
    let judge = manifest::printed(&sample());
    let mut judge: serde_json::Value = serde_json::from_str(&judge).unwrap();
    for policy in judge["policies"].as_array_mut().unwrap() {
        policy.as_object_mut().unwrap().remove("name");
    }
    assert_eq!(manifest::canonical(&sample().summary()), serde_json_canonicalizer::to_string(&judge).unwrap());

    let version = sample().schema_version;
    let changed = |change: fn(&mut Vec<BundlePolicy>)| {
        let mut policies = sample().policies;
        change(&mut policies);
        let bundle = Bundle::new(version.clone(), policies).unwrap().with_schema(SCHEMA_TEXT).unwrap();
        bundle.with_target(TargetType::User, "zoë \"z\"").unwrap().digest()
    };
    assert_eq!(changed(|policies| policies.reverse()), digest);
    assert_eq!(changed(|policies| policies[1].name = None), digest);
    assert_ne!(changed(|policies| policies[1].cedar_raw.push(' ')), digest);
    assert_ne!(changed(|policies| drop(policies.pop())), digest);
    assert_ne!(sample().with_target(TargetType::Zone, "zoë \"z\"").unwrap().digest(), digest);
    assert_ne!(sample().with_schema("entity U;").unwrap().digest(), digest);
}

#[test]
fn the_manifest_is_printed_as_json_is_with_two_spaces() {
    let printed = manifest::printed(&sample());
    let value: serde_json::Value = serde_json::from_str(&printed).unwrap();
    // The comparison ignores the order of members; the hash of the archive pins it.
    let sorted = |text: String| {
        let mut lines: Vec<String> = text.lines().map(|line| line.trim_end_matches(',').to_owned()).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(serde_json::to_string_pretty(&value).unwrap()), sorted(printed));
    let empty = manifest::printed(&Bundle::new("s".parse().unwrap(), vec![]).unwrap());
    assert_eq!(empty, "{\n  \"schema\": {\n    \"version\": \"s\"\n  },\n  \"policies\": []\n}");
}

#[test]
fn the_longest_manifest_is_within_its_limit() {
    let name = "\"".repeat(limits::NAME_BYTES);
    let new = |n: usize| {
        let stem = "\"".repeat(limits::BUNDLE_NEW_POLICY_BYTES - 3);
        BundlePolicy { name: Some(name.clone()), ..BundlePolicy::new(format!("{n:03}{stem}"), "") }
    };
    let bundle = Bundle::new("s".repeat(64).parse().unwrap(), (0..1000).map(new).collect()).unwrap();
    let bundle = bundle.with_target(TargetType::User, "\"".repeat(limits::TARGET_ID_BYTES)).unwrap();
    assert!(Bundle::from_bytes(&bundle.to_bytes()).unwrap() == bundle);
}

#[test]
fn a_thread_with_a_small_stack_is_enough() {
    let small = std::thread::Builder::new().stack_size(64 * 1024);
    let again = small.spawn(|| Bundle::from_bytes(&sample().to_bytes()).unwrap()).unwrap();
    assert_eq!(again.join().unwrap(), sample());
}

fn policy() -> impl Strategy<Value = BundlePolicy> {
    let key = prop_oneof![
        "[a-zA-Z0-9][a-zA-Z0-9._:-]{0,63}".prop_map(|id| BundleKey::PublicId(id.parse().unwrap())),
        "[^\\p{Cc}/\\\\.][^\\p{Cc}/\\\\]{0,22}".prop_map(BundleKey::NewPolicy),
    ];
    let text = prop_oneof!["\\PC{0,40}", "[\\x00-\\x7f\\PC]{0,700}", "x{500,530}"];
    (key, of("\\PC{1,40}"), text).prop_map(|(key, name, cedar_raw)| BundlePolicy { key, name, cedar_raw })
}

pub(super) fn bundle() -> impl Strategy<Value = Bundle> {
    let target = of((any::<bool>(), "\\PC{1,40}"));
    (of("\\PC{0,600}"), target, vec(policy(), 0..6)).prop_map(|(schema, target, mut policies)| {
        policies.sort_by(|a, b| a.key.as_str().cmp(b.key.as_str()));
        policies.dedup_by(|a, b| a.key.as_str() == b.key.as_str());
        let bundle = Bundle::new("s".parse().unwrap(), policies).unwrap();
        let bundle = schema.into_iter().fold(bundle, |bundle, schema| bundle.with_schema(schema).unwrap());
        target.into_iter().fold(bundle, |bundle, (zone, id)| {
            bundle.with_target(if zone { TargetType::Zone } else { TargetType::User }, id).unwrap()
        })
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_as_the_same_and_written_as_the_same(bundle in bundle()) {
        let bytes = bundle.to_bytes();
        let again = Bundle::from_bytes(&bytes).unwrap();
        prop_assert_eq!(&again, &bundle);
        prop_assert_eq!(again.digest(), bundle.digest());
        prop_assert!(again.to_bytes() == bytes);
    }
}
