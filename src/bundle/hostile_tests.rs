//! Bundles from an untrusted source: the accepted ones, and the refused ones with the member in the error.
//!
//! Defends against: a member that other programs read differently (a name that a second header changes, duplicate
//! members, data after the end); content that is unpacked outside its folder; sizes beyond the data sent; a panic on
//! arbitrary bytes.

use proptest::prelude::*;

use super::pin_tests::{sample, unpacked};
use super::*;
use crate::types::error::ErrorKind;

const EMPTY: &str = r#"{"schema": {"version": "s"}, "policies": []}"#;
const ONE: &str = r#"{"schema": {"version": "s"}, "policies": [{"public_id": "a"}]}"#;
const PERMIT: &str = "permit (principal, action, resource);";

/// A member of an archive, built without the code under test.
struct Member {
    header: [u8; 512],
    content: Vec<u8>,
}

impl Member {
    /// Replaces bytes of the header at some offsets.
    fn with(name: impl AsRef<[u8]>, content: impl AsRef<[u8]>, patches: &[(usize, &[u8])]) -> Self {
        let (name, content) = (name.as_ref(), content.as_ref().to_vec());
        let mut header = [0; 512];
        header[..name.len()].copy_from_slice(name);
        header[100..108].copy_from_slice(b"0000600\0");
        header[124..136].copy_from_slice(format!("{:011o} ", content.len()).as_bytes());
        header[156] = b'0';
        header[257..265].copy_from_slice(b"ustar\x0000");
        for (at, bytes) in patches {
            header[*at..*at + bytes.len()].copy_from_slice(bytes);
        }
        let mut member = Self { header, content };
        member.sum();
        member
    }

    fn file(name: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Self {
        Self::with(name, content, &[])
    }

    fn kind(name: &str, kind: u8) -> Self {
        Self::with(name, "", &[(156, &[kind])])
    }

    fn sum(&mut self) {
        self.header[148..156].fill(b' ');
        let sum: u32 = self.header.iter().map(|byte| u32::from(*byte)).sum();
        self.header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
}

fn archive(members: &[Member]) -> Vec<u8> {
    let mut archive = Vec::new();
    for Member { header, content } in members {
        archive.extend(header);
        archive.extend(content);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive
}

fn read_archive(archive: &[u8]) -> Result<Bundle> {
    Bundle::from_bytes(&gzip::pack(archive))
}

fn read(members: &[Member]) -> Result<Bundle> {
    read_archive(&[archive(members), vec![0; 1024]].concat())
}

fn manifest(json: &str) -> Member {
    Member::file("manifest.json", json)
}

/// Reads a manifest with one policy, its file, and one more member.
fn with(member: Member) -> Result<Bundle> {
    read(&[manifest(ONE), Member::file("policies/a.cedar", PERMIT), member])
}

/// Expects an error about the member, with this reason.
#[track_caller]
fn refused(read: Result<Bundle>, name: Option<&str>, part: &str) {
    let error = read.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Invalid, "bundle_invalid"), "{error}");
    let ErrorDetail::Bundle { member, reason } = error.detail() else { panic!("{error:?}") };
    assert_eq!(member.as_deref(), name, "{error}");
    assert!(reason.contains(part), "{error}");
}

#[test]
fn archives_of_other_programs_are_read() {
    let policy = || Member::file("policies/a.cedar", PERMIT);
    let plain = read(&[manifest(ONE), policy()]).unwrap();
    assert_eq!(plain.policies(), [BundlePolicy::of("a".parse().unwrap(), PERMIT)]);
    assert_eq!((plain.schema(), plain.target_type(), plain.target_id()), (None, None, None));

    let gnu = |name: &str, content: &str| Member::with(name, content, &[(257, b"ustar  \0"), (108, b"0001750\0root")]);
    let padded = [archive(&[manifest(ONE), policy()]), vec![0; 10_240]].concat();
    let split = Member::with("a.cedar", PERMIT, &[(345, b"policies")]);
    let others = [
        read(&[policy(), manifest(ONE)]),
        read(&[gnu("manifest.json", ONE), gnu("policies/a.cedar", PERMIT)]),
        read(&[Member::with("manifest.json", ONE, &[(156, b"\0")]), policy()]),
        read(&[manifest(ONE), split]),
        read_archive(&padded),
    ];
    for other in others {
        assert_eq!(other.unwrap(), plain);
    }
    let schema = with(Member::file("schema.cedarschema", "not a schema")).unwrap();
    assert_eq!(schema.schema(), Some("not a schema"));
}

#[test]
fn a_folder_packed_as_a_whole_is_read() {
    let plain =
        read(&[manifest(ONE), Member::file("policies/a.cedar", PERMIT), Member::file("schema.cedarschema", "x")]);
    let file = Member::file;
    let folder = |name: &str| Member::kind(name, b'5');
    for members in [
        vec![folder("./"), folder("./policies/"), file("./policies/a.cedar", PERMIT), file("./manifest.json", ONE)],
        vec![folder("."), file("./manifest.json", ONE), folder("./policies"), file("./policies/a.cedar", PERMIT)],
        vec![file("manifest.json", ONE), folder("policies"), folder("empty/"), file("policies/a.cedar", PERMIT)],
        vec![file("policies/a.cedar", PERMIT), folder("policies/"), file("./manifest.json", ONE)],
    ] {
        let all: Vec<_> = members.into_iter().chain([file("./schema.cedarschema", "x")]).collect();
        let read = read(&all).unwrap();
        assert_eq!(&read, plain.as_ref().unwrap());
        assert_eq!(read.to_bytes(), plain.as_ref().unwrap().to_bytes());
        assert_eq!(read.digest(), plain.as_ref().unwrap().digest());
    }
}

#[test]
fn members_that_do_not_belong_are_refused_by_name() {
    for name in [
        "policies/a/b.cedar",
        "/manifest.json",
        "/policies/b.cedar",
        "../manifest.json",
        "policies/../b.cedar",
        "././manifest.json",
        ".//manifest.json",
        "./../manifest.json",
        "././policies/b.cedar",
        "./policies/./b.cedar",
        "policies/./b.cedar",
        ".\\manifest.json",
        "./",
        ".",
        "policies//b.cedar",
        "policies/.cedar",
        "policies/b.cedar/",
        "policies/b.txt",
        "policies/b.CEDAR",
        "policies\\b.cedar",
        "Manifest.json",
        "manifest.json ",
        "README",
        "",
        "policies/",
    ] {
        refused(with(Member::file(name, "x")), Some(name), "unknown member");
    }
    for name in ["manifest.json", "policies/a.cedar", "./manifest.json", "./policies/a.cedar"] {
        refused(with(Member::file(name, "x")), Some(name), "duplicate member");
    }
    let schema = || Member::file("schema.cedarschema", "x");
    refused(read(&[schema(), schema(), manifest(EMPTY)]), Some("schema.cedarschema"), "duplicate member");
    let dotted = Member::file("./schema.cedarschema", "x");
    refused(read(&[dotted, schema(), manifest(EMPTY)]), Some("schema.cedarschema"), "duplicate member");
    // The same name, once with its folder in the prefix field.
    let split = Member::with("a.cedar", PERMIT, &[(345, b"policies")]);
    refused(with(split), Some("policies/a.cedar"), "duplicate member");
    let lossy = with(Member::file(b"policies/\xff.cedar", "x"));
    refused(lossy, Some("policies/\u{fffd}.cedar"), "name must be UTF-8");
    let long = "x".repeat(100);
    refused(with(Member::file(&long, "x")), Some(&format!("{}…", &long[..80])), "unknown member");
}

#[test]
fn only_plain_files_are_read_and_no_header_changes_another() {
    for (kind, reason) in [
        (b'1', "links"),
        (b'2', "links"),
        (b'3', "devices"),
        (b'4', "devices"),
        (b'5', "expected a file, found a directory"),
        (b'6', "devices"),
        (b'7', "expected a regular file"),
        (b'S', "expected a regular file"),
        (b'g', "extended headers"),
        (b'L', "extended headers"),
        (b'K', "extended headers"),
        (b'Z', "expected a regular file"),
    ] {
        refused(with(Member::kind("policies/b.cedar", kind)), Some("policies/b.cedar"), reason);
    }
    for directory in ["manifest.json/", "./schema.cedarschema", "./policies/b.cedar/"] {
        refused(with(Member::kind(directory, b'5')), Some(directory), "expected a file, found a directory");
    }
    for directory in ["/", "", "/policies/", "..", "../", "policies/../", "././", "././policies/", "policies//", "./.."]
    {
        refused(with(Member::kind(directory, b'5')), Some(directory), "a path within the bundle");
    }
    refused(with(Member::with("policies/", "x", &[(156, b"5")])), Some("policies/"), "no content");
    let pax = Member::with("PaxHeaders/a", "30 path=policies/other.cedar\n\n", &[(156, b"x")]);
    refused(read(&[pax, manifest(EMPTY)]), Some("PaxHeaders/a"), "extended header");
    // Times and owners are ignored; some programs write them for every file.
    let of = |records: &str| Member::with("PaxHeaders/a", records, &[(156, b"x")]);
    assert!(read(&[of("20 mtime=1700000.25\n12 uid=1000\n"), manifest(EMPTY)]).is_ok());
    for (records, problem) in [
        ("20 mtime=1700000.25\n30 path=policies/other.cedar\n\n", "extended header"),
        ("9 size=7\n", "extended header"),
        ("99 mtime=1\n", "malformed"),
        ("0 mtime=1\n", "malformed"),
        ("-1 mtime=1\n", "malformed"),
        ("11 mtime=1", "malformed"),
        ("mtime", "malformed"),
        ("4 =\n", "extended header"),
    ] {
        refused(read(&[of(records), manifest(EMPTY)]), Some("PaxHeaders/a"), problem);
    }
    assert_eq!(read(&[of(&"x".repeat(5_000)), manifest(EMPTY)]).unwrap_err().code(), "too_large");
    let long = Member::with("././@LongLink", "policies/other.cedar\0", &[(156, b"L"), (257, b"ustar  \0")]);
    refused(read(&[long, manifest(EMPTY)]), Some("././@LongLink"), "extended headers");
    // GNU tar stores the map of a sparse file in place of the prefix.
    let sparse = Member::with("manifest.json", EMPTY, &[(257, b"ustar  \0"), (386, b"00000000001\0")]);
    refused(read(&[sparse]), Some("manifest.json"), "GNU extensions");
}

#[test]
fn damaged_headers_are_refused() {
    let mut wrong_sum = manifest(EMPTY);
    wrong_sum.header[100] ^= 1;
    refused(read(&[wrong_sum]), Some("manifest.json"), "checksum");
    let old = Member::with("manifest.json", EMPTY, &[(257, &[0; 8])]);
    refused(read(&[old]), Some("manifest.json"), "ustar format");
    for size in [&b"-0000000001\0"[..], b"\x80\0\0\0\0\0\0\0\0\0\0\x2c", b"0000000002z\0", b"            "] {
        let member = Member::with("manifest.json", EMPTY, &[(124, size)]);
        refused(read(&[member]), Some("manifest.json"), "octal");
    }
    for garbage in [&b""[..], b"\x1f\x8b", b"PK\x03\x04", b"{}", &[0; 600]] {
        assert_eq!(Bundle::from_bytes(garbage).unwrap_err().code(), "bundle_invalid");
    }
    refused(read_archive(&[b'x'; 2000]), Some(&format!("{}…", "x".repeat(80))), "not a tar archive");
}

#[test]
fn an_archive_has_its_end_and_nothing_behind_it() {
    let whole = [archive(&[manifest(ONE), Member::file("policies/a.cedar", PERMIT)]), vec![0; 1024]].concat();
    assert_eq!(whole.len(), 6 * 512);
    for end in 0..whole.len() {
        let error = read_archive(&whole[..end]).unwrap_err();
        assert!(error.to_string().contains("cut short"), "{end}: {error}");
    }
    read_archive(&[&whole[..], &[0; 77]].concat()).unwrap();
    refused(read_archive(&[&whole[..], b"\0\0x"].concat()), None, "after the end of the archive");
    // A member between the two blocks of zeros, or after both.
    let behind = archive(&[Member::file("policies/a.cedar", "forbid (principal, action, resource);")]);
    refused(read_archive(&[&whole[..5 * 512], &behind, &[0; 1024]].concat()), None, "after the end of the archive");
    refused(read_archive(&[&whole[..], &behind, &[0; 1024]].concat()), None, "after the end of the archive");
}

#[test]
fn sizes_are_refused_by_name_before_anything_is_read() {
    // Only the header has the size; there is no content.
    let huge = |name: &str, size: usize| {
        let member = Member::with(name, "", &[(124, format!("{size:012o}").as_bytes())]);
        read_archive(&archive(&[manifest(ONE), Member::file("policies/a.cedar", ""), member]))
    };
    for (name, limit) in
        [("schema.cedarschema", limits::SCHEMA_BYTES), ("policies/b.cedar", limits::POLICY_TEXT_PRINTED_BYTES)]
    {
        for size in [limit + 1, 0o777_777_777_777] {
            let error = huge(name, size).unwrap_err();
            assert_eq!((error.kind(), error.code()), (ErrorKind::TooLarge, "too_large"));
            let ErrorDetail::BundleMemberTooLarge { member, limit: told, actual } = error.detail() else {
                panic!("{error:?}")
            };
            assert_eq!((member.as_str(), *told, *actual), (name, limit, size));
        }
        refused(huge(name, limit), Some(name), "cut short within this member");
    }
    let json = format!("{EMPTY}{}", " ".repeat(limits::BUNDLE_MANIFEST_BYTES));
    let error = read(&[manifest(&json)]).unwrap_err();
    assert!(error.code() == "too_large" && error.to_string().contains("`manifest.json`"), "{error}");

    let policy = |n| Member::file(format!("policies/p{n}.cedar"), "");
    let files: Vec<Member> = (0..=1000).map(policy).collect();
    assert_eq!(read(&files).unwrap_err().code(), "too_large");
    let many = vec![r#"{"public_id": "a"}"#; 1001].join(",");
    let json = format!(r#"{{"schema": {{"version": "s"}}, "policies": [{many}]}}"#);
    assert_eq!(read(&[manifest(&json)]).unwrap_err().code(), "too_large");
    let entries = (0..1001).map(|n| BundlePolicy::new(n.to_string(), ""));
    assert_eq!(Bundle::new("s".parse().unwrap(), entries.collect()).unwrap_err().code(), "too_large");
    let long = BundlePolicy::new("a", "x".repeat(limits::POLICY_TEXT_PRINTED_BYTES + 1));
    assert_eq!(Bundle::new("s".parse().unwrap(), vec![long]).unwrap_err().code(), "too_large");
    assert_eq!(sample().with_schema("x".repeat(limits::SCHEMA_BYTES + 1)).unwrap_err().code(), "too_large");
}

#[test]
fn the_manifest_and_the_files_name_the_same_policies() {
    refused(read(&[Member::file("policies/a.cedar", PERMIT)]), Some("manifest.json"), "missing");
    refused(read(&[manifest(ONE)]), Some("policies/a.cedar"), "missing");
    refused(with(Member::file("policies/b.cedar", PERMIT)), Some("policies/b.cedar"), "not listed in the manifest");
    refused(with(Member::file("policies/A.cedar", PERMIT)), Some("policies/A.cedar"), "not listed in the manifest");
    for entries in [
        r#"{"public_id": "a"}, {"public_id": "a"}"#,
        r#"{"public_id": "a"}, {"new_policy": "a"}"#,
        r#"{"new_policy": "a"}, {"new_policy": "a"}"#,
    ] {
        let json = format!(r#"{{"schema": {{"version": "s"}}, "policies": [{entries}]}}"#);
        let read = read(&[manifest(&json), Member::file("policies/a.cedar", PERMIT)]);
        refused(read, Some("policies/a.cedar"), "listed more than once");
    }
    let twice = vec![BundlePolicy::new("a", ""), BundlePolicy::of("a".parse().unwrap(), "")];
    refused(Bundle::new("s".parse().unwrap(), twice), Some("policies/a.cedar"), "listed more than once");
    // The schema's bytes are ignored.
    assert_eq!(with(Member::file("schema.cedarschema", b"\xff")).unwrap().schema(), None);
    let latin = Member::file("policies/a.cedar", b"\xe9");
    refused(read(&[manifest(ONE), latin]), Some("policies/a.cedar"), "expected UTF-8");
}

#[test]
fn what_a_manifest_says_of_hashes_does_not_count_and_unknown_members_neither() {
    let json = r#"{"version": 2.5, "schema": {"version": "s", "sha": "wrong", "url": null}, "target_type": "",
        "target_id": null, "policies": [{"public_id": "a", "new_policy": "", "name": "", "sha": 7, "tags": [{}]}]}"#;
    let read = read(&[manifest(json), Member::file("policies/a.cedar", PERMIT)]).unwrap();
    assert_eq!(read, Bundle::new("s".parse().unwrap(), vec![BundlePolicy::of("a".parse().unwrap(), PERMIT)]).unwrap());
    assert_eq!(read.policies()[0].sha(), Sha256::of(PERMIT.as_bytes()));
}

#[test]
fn manifests_that_are_wrong_are_refused_with_the_reason() {
    let policies = |entry: &str| format!(r#"{{"schema": {{"version": "s"}}, "policies": [{entry}]}}"#);
    for (json, reason) in [
        (String::new(), "EOF"),
        ("[]".to_owned(), "expected a JSON object"),
        (format!("{EMPTY} {EMPTY}"), "trailing"),
        (format!("\u{feff}{EMPTY}"), "expected value"),
        (EMPTY.replace("}, ", ", "), "EOF"),
        (EMPTY.replace("\"policies\"", "\"schema\": {}, \"policies\""), "duplicate key `schema`"),
        (EMPTY.replace("{\"schema\"", "{\"x\": {\"y\": 1, \"y\": 1}, \"schema\""), "duplicate key `y`"),
        (EMPTY.replace("[]", &format!("{}{}", "[".repeat(500), "]".repeat(500))), "nested deeper"),
        (EMPTY.replace("schema", "Schema"), "`schema` must be an object"),
        (EMPTY.replace("{\"version\": \"s\"}", "[\"s\"]"), "`schema` must be an object"),
        (EMPTY.replace("version", "Version"), "`schema.version` is missing"),
        (EMPTY.replace("\"s\"", "1"), "`version` must be a string"),
        (EMPTY.replace("\"s\"", "\"a/b\""), "schema version `a/b`"),
        (EMPTY.replace("[]", "{}"), "`policies` must be an array"),
        (EMPTY.replace(", \"policies\": []", ""), "`policies` must be an array"),
        (
            EMPTY.replace("\"policies\"", "\"target_type\": \"group\", \"policies\""),
            "`target_type` must be `zone` or `user`",
        ),
        (EMPTY.replace("\"policies\"", "\"target_id\": 1, \"policies\""), "`target_id` must be a string"),
        (EMPTY.replace("\"policies\"", "\"target_id\": \"a\\n\", \"policies\""), "control characters"),
        (policies("\"a\""), "must be an object"),
        (policies("{}"), "found neither"),
        (policies(r#"{"public_id": "", "new_policy": null}"#), "found neither"),
        (policies(r#"{"public_id": "a", "new_policy": "b"}"#), "found both"),
        (policies(r#"{"public_id": ["a"]}"#), "`public_id` must be a string"),
        (policies(r#"{"public_id": "../a"}"#), "policy id `../a`"),
        (policies(r#"{"public_id": "a", "public_id": "a"}"#), "duplicate key `public_id`"),
    ] {
        refused(read(&[manifest(&json)]), Some("manifest.json"), reason);
    }
    let file = || Member::file("policies/a.cedar", "");
    for (name, reason) in
        [(r#""a\nb""#, "control characters"), (&format!("{:?}", "x".repeat(257)), "257 bytes, limit 256")]
    {
        let json = policies(&format!(r#"{{"public_id": "a", "name": {name}}}"#));
        refused(read(&[manifest(&json), file()]), Some("manifest.json"), reason);
    }
}

#[test]
fn a_new_policys_name_is_a_files_name_everywhere() {
    let named = |name: &str| Bundle::new("s".parse().unwrap(), vec![BundlePolicy::new(name, "")]);
    let longest = "é".repeat(47);
    for good in ["night shift", "a.b", "ünïcode ☃", "-", longest.as_str()] {
        let bundle = named(good).unwrap();
        assert_eq!(Bundle::from_bytes(&bundle.to_bytes()).unwrap(), bundle);
    }
    let too_long = "x".repeat(95);
    for (bad, reason) in [
        ("", "empty"),
        (".", "dot"),
        ("..", "dot"),
        (".hidden", "dot"),
        ("a/b", "slash"),
        ("..\\b", "dot"),
        ("a\\b", "slash"),
        ("a\nb", "control"),
        ("a\u{85}b", "control"),
        (too_long.as_str(), "94 bytes"),
    ] {
        let error = named(bad).unwrap_err();
        assert!(error.code() == "bundle_invalid" && error.to_string().contains(reason), "{bad:?}: {error}");
    }
    let json = r#"{"schema": {"version": "s"}, "policies": [{"new_policy": "..\\b"}]}"#;
    refused(read(&[manifest(json), Member::file("policies/..\\b.cedar", "")]), Some("policies/..\\b.cedar"), "dot");
}

/// Expects an error, or a bundle that round-trips.
fn check(read: Result<Bundle>) {
    match read {
        Ok(bundle) => assert_eq!(Bundle::from_bytes(&bundle.to_bytes()).unwrap(), bundle),
        Err(error) => assert!(["bundle_invalid", "too_large"].contains(&error.code()), "{error}"),
    }
}

#[test]
fn no_flipped_bit_is_more_than_a_refusal() {
    let packed = sample().to_bytes();
    for at in 0..packed.len() * 8 {
        let mut changed = packed.clone();
        changed[at / 8] ^= 1 << (at % 8);
        // The time in the gzip header and the bits after the last block are ignored; the checksum covers the content.
        match Bundle::from_bytes(&changed) {
            Ok(read) => assert_eq!(read, sample(), "{at}"),
            Err(error) => assert_eq!(error.code(), "bundle_invalid", "{at}"),
        }
    }
}

proptest! {
    #[test]
    fn whatever_is_changed_in_an_archive_is_refused_or_read_whole(
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        sums in any::<bool>(),
    ) {
        let mut archive = unpacked(&sample().to_bytes());
        for (at, byte) in flips {
            let at = at.index(archive.len());
            archive[at] = byte;
        }
        if sums {
            for block in archive.chunks_mut(512).filter(|block| block.get(257..262) == Some(b"ustar")) {
                let mut member = Member { header: block.try_into().unwrap(), content: vec![] };
                member.sum();
                block.copy_from_slice(&member.header);
            }
        }
        check(read_archive(&archive));
    }

    #[test]
    fn no_bytes_do_more_than_to_be_refused(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        check(Bundle::from_bytes(&bytes));
        check(read_archive(&bytes));
        check(Bundle::from_bytes(&[&gzip::pack(b"")[..10], &bytes].concat()));
        if let Ok(json) = String::from_utf8(bytes) {
            check(read(&[manifest(&json)]));
        }
    }
}
