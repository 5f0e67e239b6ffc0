//! Operations on a store, with their open choices as numbers.
//!
//! A number selects a resource when the operation runs. So every sequence of operations is valid, also with any of them
//! left out.

use policy_store::{Order, Target};

use super::texts::{Draft, Statement};

/// An existing resource at the time of the operation, or a missing one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pick(pub u8);

#[derive(Clone, Debug)]
pub enum Operation {
    /// A call of a write: `joined` to the write of the previous call, or in a new one.
    Call {
        joined: bool,
        actor: usize,
        ending: Ending,
        /// Whether the write is an import. The first of joined calls decides.
        import: Option<When>,
        zone: String,
        under: Under,
        call: Call,
    },
    /// A write of its own that erases a zone.
    Erase {
        zone: String,
        actor: usize,
    },
    /// A copy into a new store.
    Copy {
        zones: Vec<String>,
        actor: usize,
    },
    /// A preflight of a zone or of all zones.
    Preflight {
        zone: Option<String>,
        tried: Tried,
    },
    Clock(Tick),
    Prepare {
        schema: Pick,
        draft: Draft,
        own: Option<String>,
    },
    List {
        zone: String,
        list: usize,
        parent: Pick,
        /// The filter of policies and policy sets; from 128 on, policy sets are sorted by status.
        filter: u8,
        limit: Option<usize>,
        order: Order,
        from: From,
    },
    /// A decision by the version in force or by another version, and whether the authorizer is kept.
    Decide {
        zone: String,
        by: By,
        strict: bool,
        keep: bool,
        asked: u8,
    },
    /// A replay of a receipt, unchanged or with a wrong value.
    Replay {
        receipt: Pick,
        change: u8,
    },
    Get {
        zone: String,
        what: u8,
        id: Pick,
        number: u32,
    },
    Upkeep(Upkeep),
}

/// The schema of a preflight: a new one, with its name and its number in `texts`, or an existing one.
#[derive(Clone, Debug)]
pub enum Tried {
    New(String, u8),
    Published(Pick),
}

/// How a write ends, if the call is its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Commit,
    Error,
    Panic,
}

/// The time of an import.
#[derive(Clone, Copy, Debug)]
pub enum When {
    /// This many microseconds before now; after now if negative.
    Before(i64),
    /// This many microseconds after the earliest time that the zone's last entry can have been given.
    AfterLast(i64),
}

/// The idempotency key and the preconditions of a call.
#[derive(Clone, Debug)]
pub struct Under {
    pub id: Id,
    pub claims: Vec<Claim>,
}

impl Under {
    pub fn nothing() -> Self {
        Self { id: Id::None, claims: Vec::new() }
    }

    #[cfg(test)]
    pub fn fresh() -> Self {
        Self { id: Id::Fresh, ..Self::nothing() }
    }
}

#[derive(Clone, Copy, Debug)]
pub enum Id {
    None,
    Fresh,
    /// The key of a call in any log.
    Known(Pick),
}

/// A precondition: its kind, a resource of the zone or a target, and whether it holds.
#[derive(Clone, Debug)]
pub struct Claim {
    pub kind: u8,
    pub of: Pick,
    pub target: Target,
    pub holds: bool,
}

#[derive(Clone, Debug)]
pub enum Call {
    /// A repeated call with an idempotency key, of the zone or of the store.
    Again {
        in_store: bool,
        request: Pick,
    },
    PublishSchema {
        version: String,
        source: u8,
    },
    SetSchemaStatus {
        schema: Pick,
        status: u8,
    },
    CreateZone {
        id: String,
    },
    /// A nested write.
    Nested,
    CreatePolicy {
        own: Option<String>,
        name: String,
        description: Option<String>,
    },
    UpdatePolicy {
        policy: Pick,
        name: Option<String>,
        description: Option<Option<String>>,
    },
    ArchivePolicy {
        policy: Pick,
    },
    CreateVersion {
        policy: Pick,
        schema: Pick,
        own: Option<String>,
        input: Input,
    },
    ArchiveVersion {
        version: Pick,
    },
    CreateSet {
        own: Option<String>,
        name: String,
        for_users: bool,
    },
    RenameSet {
        set: Pick,
        name: String,
    },
    ArchiveSet {
        set: Pick,
    },
    CreateSetVersion {
        set: Pick,
        schema: Pick,
        own: Option<String>,
        pins: Vec<Pick>,
        style: Style,
    },
    ArchiveSetVersion {
        version: Pick,
    },
    Bind {
        version: Pick,
        target: Target,
    },
    Unbind {
        target: Target,
    },
    BindShadow {
        version: Pick,
        target: Target,
    },
    UnbindShadow {
        target: Target,
    },
    BindGuardrail {
        version: Pick,
    },
    UnbindGuardrail,
    Rollback {
        target: Target,
    },
    KeepTests {
        version: Pick,
        suite: u8,
    },
    RequireTests {
        required: bool,
    },
    Suspend,
    Resume,
    SetDefaultSchema {
        schema: Option<Pick>,
    },
}

#[derive(Clone, Debug)]
pub enum Input {
    New(Draft),
    /// Both forms, or neither.
    Either(bool),
    Prepared(Pick),
    /// Prepared in another store, which has another schema under the same name.
    Foreign,
}

/// The way to build a manifest, and its flaw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Pins,
    PinsWithSha,
    /// Read each version and pin it.
    Builder,
    /// Start from the newest version of the set, without the first policy.
    Next,
    WrongSha,
    UnknownVersion,
    UnknownPolicy,
    ForeignPolicy,
    Twice,
    OtherZone,
    TooMany,
}

#[derive(Clone, Copy, Debug)]
pub enum Tick {
    By(i64),
    /// Sets it to exactly this many microseconds before a zone's last entry.
    Behind(i64),
}

#[derive(Clone, Debug)]
pub enum From {
    Start,
    /// An earlier cursor, for its own list or for any other.
    After(Pick, Whose),
    Before(Pick, Whose),
    Both(Pick),
    Forged(Pick, u8),
    Junk(&'static str),
    TooLong,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    Own,
    Any,
}

#[derive(Clone, Debug)]
pub enum By {
    Now(Target),
    /// By the shadow.
    Observed(Target),
    Position(Target, u8),
    Time(Target, u8),
    Version(Pick),
    Kept(Pick),
}

#[derive(Clone, Copy, Debug)]
pub enum Upkeep {
    Everything,
    Reopen { caches: bool },
    Recover,
    Rebuild,
    Verify,
}

/// The statements, as bytes, of a policy with enough of them for the store to look up the ones that can match a
/// request.
const MANY: [u8; 20] = [
    // Permits everything and forbids reading.
    0, 9, //
    // Permits of every other scope.
    2, 4, 8, 10, 12, 16, 18, 20, //
    // `forbid` statements that never apply.
    163, 165, 169, 177, //
    // `permit` and `forbid` statements that fail for some principals.
    194, 196, 200, 208, 197, 213,
];

impl Call {
    /// The first writes of every run: two schemas, one deprecated; and two zones, of which the first has resources of a
    /// customer and of the platform, and a version in force. Each write is by the platform or not.
    pub fn first() -> [(bool, Vec<(&'static str, Self)>); 3] {
        let own = |id: &str| Some(id.to_owned());
        let schema = |version: &str, source| Self::PublishSchema { version: version.to_owned(), source };
        let zone = |id: &str| Self::CreateZone { id: id.to_owned() };
        let policy = |id| Self::CreatePolicy { own: own(id), name: "name 0".to_owned(), description: None };
        let version = |policy: Pick, bytes: &[u8]| {
            let draft = Draft::text(bytes.iter().map(|byte| Statement::new(*byte)).collect(), false);
            Self::CreateVersion { policy, schema: Pick(0), own: None, input: Input::New(draft) }
        };
        let set = |id, for_users| Self::CreateSet { own: own(id), name: "name 0".to_owned(), for_users };
        let pinning = |pins: &[u8]| Self::CreateSetVersion {
            set: Pick(0),
            schema: Pick(0),
            own: None,
            pins: pins.iter().map(|pin| Pick(*pin)).collect(),
            style: Style::Pins,
        };
        let stage = vec![
            ("none", schema("s0", 0)),
            ("none", schema("s1", 4)),
            ("none", Self::SetSchemaStatus { schema: Pick(111), status: 100 }),
            ("none", zone("z0")),
            ("none", zone("z1")),
            ("z1", policy("p0")),
            ("z1", version(Pick(0), &[0])),
        ];
        let platforms = vec![
            ("z0", policy("theirs")),
            ("z0", version(Pick(0), &[0])),
            ("z0", set("theirs", true)),
            ("z0", pinning(&[0])),
            ("z0", policy("guard")),
            ("z0", version(Pick(0), &[9])),
            ("z0", set("guard", false)),
            ("z0", pinning(&[0])),
        ];
        let customers = vec![
            ("z0", policy("p0")),
            ("z0", policy("p1")),
            // Two versions at adjacent positions, of policies with ids in the reverse order.
            ("z0", version(Pick(0), &[2, 193])),
            ("z0", version(Pick(1), &MANY)),
            ("z0", set("users", true)),
            ("z0", pinning(&[0, 1])),
            ("z0", set("live", false)),
            ("z0", pinning(&[0, 1])),
            ("z0", Self::Bind { version: Pick(0), target: Target::Zone }),
        ];
        [(false, stage), (true, platforms), (false, customers)]
    }

    /// The name of the operation: the first word of its `Debug` output.
    pub fn name(&self) -> String {
        format!("{self:?}").chars().take_while(char::is_ascii_alphabetic).collect()
    }
}
