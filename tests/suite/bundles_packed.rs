//! Bundles that other programs packed from a folder; the bytes are those programs' output.

use policy_store::{Bundle, BundlePolicy};

/// The same folder, packed by GNU tar 1.34 with `tar czf … .` and with `tar czf … manifest.json schema.cedarschema
/// policies`, and by Python 3.11's `tarfile`, as `.`, in its default format and in GNU's.
const PACKED: [(&str, &[u8]); 4] = [
    ("gnu-tar-folder", include_bytes!("../fixtures/bundle-gnu-tar-folder.tgz")),
    ("gnu-tar-members", include_bytes!("../fixtures/bundle-gnu-tar-members.tgz")),
    ("python-pax", include_bytes!("../fixtures/bundle-python-pax.tgz")),
    ("python-gnu", include_bytes!("../fixtures/bundle-python-gnu.tgz")),
];

#[test]
fn a_folder_that_other_programs_packed_is_the_bundle_of_its_files() {
    let policies = [
        BundlePolicy::of("a".parse().unwrap(), "permit (principal, action, resource);"),
        BundlePolicy::of("b".parse().unwrap(), "forbid (principal, action, resource) when { resource.secret };"),
    ];
    let expected = Bundle::new("2026-02-24".parse().unwrap(), policies.to_vec()).unwrap();
    let expected = expected.with_schema("entity U;").unwrap();
    for (program, bytes) in PACKED {
        let read = Bundle::from_bytes(bytes).unwrap_or_else(|error| panic!("{program}: {error}"));
        assert_eq!(read, expected, "{program}");
        assert_eq!(read.digest(), expected.digest(), "{program}");
        assert_eq!(read.to_bytes(), expected.to_bytes(), "{program}");
    }
}
