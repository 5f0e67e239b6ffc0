//! Operations: what can be asked of a store, with the choices that are open left as numbers.
//!
//! What an operation names, it names by a number that is looked up when its turn comes. So any operation can be left out,
//! and what remains still makes sense.

use policy_store::{Order, Target};

use super::texts::{Draft, Statement};

/// One of the things that there are when the operation's turn comes, or one that there is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pick(pub u8);

#[derive(Clone, Debug)]
pub enum Operation {
    /// A call of a write: `joined` to the write of the call before, or one of its own.
    Call {
        joined: bool,
        actor: usize,
        ending: Ending,
        /// Whether the write is one of earlier history; of joined calls, the first says it.
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
    /// What would still validate with a schema, in a zone or in all.
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
        /// Of policies and of policy sets; from 128 on, policy sets are sorted by status.
        filter: u8,
        limit: Option<usize>,
        order: Order,
        from: From,
    },
    /// A decision by what is in force or by a set version, and whether the authorizer is kept for later.
    Decide {
        zone: String,
        by: By,
        strict: bool,
        keep: bool,
        asked: u8,
    },
    /// A receipt replayed, as it was given or with something in it changed.
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

/// The schema of a preflight: a new one, by its name and as `texts` numbers them, or one that is there.
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

/// When earlier history happened.
#[derive(Clone, Copy, Debug)]
pub enum When {
    /// So many microseconds before now; after it, if negative.
    Before(i64),
    /// So many microseconds after what the zone's last entry may have been given.
    AfterLast(i64),
}

/// What a call is asked under: a request id, and demands.
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
    /// That of a request of any log.
    Known(Pick),
}

/// A demand: of one kind, of something in the zone or of a target, holding or not.
#[derive(Clone, Debug)]
pub struct Claim {
    pub kind: u8,
    pub of: Pick,
    pub target: Target,
    pub holds: bool,
}

#[derive(Clone, Debug)]
pub enum Call {
    /// A call that was carried out under a request id, of the zone or of the store, once more.
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
    /// A write in a write.
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
    /// Prepared in another store, where the schema's name stands for another schema.
    Foreign,
}

/// How a manifest is given, and what is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Pins,
    PinsWithSha,
    /// By reading each version and pinning it.
    Builder,
    /// Starting from the newest version of the set, with the first policy left out.
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
    /// To exactly this many microseconds behind a zone's last entry.
    Behind(i64),
}

#[derive(Clone, Debug)]
pub enum From {
    Start,
    /// A cursor that was given out before, to the list that gave it out or to any other.
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
    /// By what is under observation.
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

/// The statements of a policy that is long enough for the store to look up which of them a request can match; as bytes.
const MANY: [u8; 20] = [
    // Everything is permitted, and reading forbidden.
    0, 9, //
    // Permits of every other scope.
    2, 4, 8, 10, 12, 16, 18, 20, //
    // `forbid`s that never hold.
    163, 165, 169, 177, //
    // Permits and `forbid`s that fail for some principals.
    194, 196, 200, 208, 197, 213,
];

impl Call {
    /// What every run starts with: two schemas, one deprecated; and two zones, the first with things of a customer's and of
    /// the platform's, and something in force. As writes, each by the platform or not.
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
            // Two versions at neighbouring positions, of policies whose ids stand in the other order.
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

    /// What it is called: the first word of how it prints.
    pub fn name(&self) -> String {
        format!("{self:?}").chars().take_while(char::is_ascii_alphabetic).collect()
    }
}
