//! The results to print, in order, by the names in the benchmarks.

/// A group of the table.
pub struct Group {
    pub name: &'static str,
    /// The description of the floor.
    pub floor: &'static str,
    pub lines: &'static [&'static str],
}

/// The table of the store and its floors.
pub const STORE: &[Group] = &[
    Group {
        name: "create a version in its own commit",
        floor: "Cedar's parse, strict validation and JSON; one raw two-phase commit of as many rows and bytes",
        lines: &["one version"],
    },
    Group {
        name: "import of 10,000 versions in one write",
        floor: "Cedar's parse, strict validation and JSON on as many threads; one raw two-phase commit of as many rows \
                and bytes",
        lines: &["on one thread", "prepared on two threads"],
    },
    Group {
        name: "get a version by (zone, policy, version), both forms",
        floor: "one raw get of as many bytes as the file has of a version, in one row",
        lines: &["cached", "never cached", "first time, file just opened"],
    },
    Group {
        name: "a page of 100 of 100,000 versions",
        floor: "raw ranges of the same entries and of the same content, in the same file",
        lines: &[
            "both forms, seen before",
            "both forms, never seen",
            "text, seen before",
            "text, never seen",
            "metadata only, seen before",
            "metadata only, never seen",
        ],
    },
    Group {
        name: "compile a set",
        floor: "cold: Cedar's parse of the same text; after a change: a new Cedar set of parsed policies",
        lines: &[
            "100 policies, cold",
            "100 policies, after a change of 3",
            "1,000 policies, cold",
            "1,000 policies, after a change of 3",
        ],
    },
    Group {
        name: "take an authorizer and decide",
        floor: "Cedar's authorizer with the same statements",
        lines: &[
            "10 statements",
            "100 statements",
            "1,000 statements",
            "10,000 statements",
            "10 statements, no scope constrained",
            "1,000 statements, no scope constrained",
        ],
    },
    Group {
        name: "open a store of 100,000 versions",
        floor: "raw opening of the same file, and redb's check of its integrity where the store makes it",
        lines: &[
            "closed, not checked",
            "closed, integrity checked",
            "after a kill, not checked",
            "after a kill, integrity checked",
        ],
    },
    Group {
        name: "verify a store of 100,000 versions",
        floor: "every row read raw, in order, and hashed once with BLAKE3",
        lines: &["everything"],
    },
    Group {
        name: "verify 1,000 versions after 100,000",
        floor: "as many entries and pieces of content read raw, and hashed once with BLAKE3",
        lines: &["since a checkpoint"],
    },
    Group {
        name: "prove in a log of 1,000,000 entries",
        floor: "one raw get of the tile of leaves at each end of the proof, and the hashes within it",
        lines: &["an entry", "an entry, in an earlier tree", "an earlier tree, in a later one"],
    },
    Group {
        name: "verify a proof in a log of 1,000,000 entries",
        floor: "the hashes of the path from the entry to the root, or of those to both roots",
        lines: &["an entry", "an earlier tree"],
    },
    Group {
        name: "replay of 10,000 recorded decisions, 1,000 statements",
        floor: "Cedar's authorizer with the same statements on one thread, without reading a line",
        lines: &["entities of earlier lines, on one thread", "entities of earlier lines", "entities of their own"],
    },
    Group {
        name: "receipt of a decision",
        floor: "the decision itself, by Cedar's authorizer with the same ten statements",
        lines: &["10 entities", "10 entities, hashed before"],
    },
    Group {
        name: "sign 1,000 receipts at once",
        floor: "the JSON of each receipt, and an Ed25519 signature of its own",
        lines: &["for each receipt"],
    },
    Group {
        name: "evidence of a decision, from a log of 1,000,000 entries",
        floor: "make: one raw get for each entry, for the tile that has its hash, and for each text; verify: one Ed25519 \
                verification, and one SHA-256 over all entries and texts",
        lines: &["make", "verify"],
    },
    Group {
        name: "seal 1,000 zones",
        floor: "one raw range over as many heads and rows of the last seal; one raw two-phase commit of as many rows and \
                bytes",
        lines: &["all have grown", "one has grown"],
    },
    Group {
        name: "size of the file",
        floor: "the bytes of text and JSON of all versions",
        lines: &[
            "100,000 versions in 10 writes",
            "100,000 versions, compacted",
            "2,000 zones that share 50 policies",
            "2,000 zones that share 50 policies, compacted",
        ],
    },
];

/// The table of the store and its peers.
pub const PEERS: &[Group] = &[
    Group {
        name: "peers: create a version in its own commit",
        floor: "",
        lines: &["with Cedar's work", "storage alone"],
    },
    Group {
        name: "peers: 16 threads, each its own small durable writes",
        floor: "",
        lines: &["16 threads, for each write", "one thread, for each write"],
    },
    Group { name: "peers: import of 10,000 prepared versions in one commit", floor: "", lines: &["storage alone"] },
    Group {
        name: "peers: get a version by (zone, policy, version), both forms",
        floor: "",
        lines: &["the same 100", "all over the file"],
    },
    Group { name: "peers: the newest 100 of 100,000 versions", floor: "", lines: &["both forms", "metadata only"] },
    Group { name: "peers: size of the file", floor: "", lines: &["100,000 versions"] },
];

/// The engines of the second table. The first is this crate.
pub const ENGINES: [&str; 3] = ["policy-store", "SQLite", "LMDB"];
