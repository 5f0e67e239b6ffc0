//! Turns bytes into operations, for the property test and the fuzz target.
//!
//! Every row of bytes is an operation, and its first byte is the kind. Smaller bytes mean simpler operations, so
//! failures shrink by removing rows and by making bytes smaller.

use policy_store::{Order, Target};

use super::operation::{
    By, Call, Claim, Ending, From, Id, Input, Operation, Pick, Style, Tick, Tried, Under, Upkeep, When, Whose,
};
use super::texts::{Draft, Statement};

/// The bytes of one operation: the call, followed by its idempotency key and preconditions.
pub const WIDTH: usize = ASKED + 4;

/// The bytes of the call.
const ASKED: usize = 12;

/// Reads bytes one after another.
struct Bytes<'a>(std::slice::Iter<'a, u8>);

impl Bytes<'_> {
    fn next(&mut self) -> u8 {
        self.0.next().copied().unwrap_or_default()
    }

    fn pick(&mut self) -> Pick {
        Pick(self.next())
    }

    fn zone(&mut self) -> String {
        match self.next() {
            0..190 => "z0",
            190..235 => "z1",
            235..251 => "z2",
            _ => "none",
        }
        .to_owned()
    }

    /// An id chosen by the caller, or none.
    fn own(&mut self) -> Option<String> {
        match self.next() {
            0..130 => None,
            byte @ 130..244 => Some(format!("k{}", byte % 7)),
            byte => Some(malformed(byte)),
        }
    }

    fn name(&mut self) -> String {
        match self.next() {
            byte @ 0..244 => format!("name {}", byte % 3),
            244..248 => "x".repeat(257),
            248..250 => "é".repeat(128),
            250..253 => String::new(),
            _ => "a\u{7f}".to_owned(),
        }
    }

    fn description(&mut self) -> Option<String> {
        match self.next() {
            0..100 => None,
            byte @ 100..240 => Some(format!("text {}", byte % 3)),
            240..246 => Some(String::new()),
            246..251 => Some("x".repeat(4_097)),
            _ => Some("a\nb".to_owned()),
        }
    }

    fn target(&mut self) -> Target {
        let user = |id: &str| Target::User(id.to_owned());
        match self.next() {
            0..150 => Target::Zone,
            150..205 => user("ann"),
            205..248 => user("an"),
            248..250 => user(""),
            250..253 => user("a\0n"),
            _ => user(&"x".repeat(257)),
        }
    }

    fn draft(&mut self) -> Draft {
        let (choice, count) = (self.next(), self.next());
        let statements = (0..1 + count % 3).map(|_| Statement::new(self.next())).collect();
        match choice {
            0..130 => Draft::text(statements, false),
            130..160 => Draft::text(statements, true),
            160..185 => Draft::json(statements, false),
            185..204 => Draft::json(statements, true),
            _ => Draft::bad(choice - 204),
        }
    }
}

fn malformed(byte: u8) -> String {
    match byte % 5 {
        0 => String::new(),
        1 => "-k".to_owned(),
        2 => "k k".to_owned(),
        3 => "k".repeat(65),
        _ => "ké".to_owned(),
    }
}

impl Operation {
    /// Decodes a row of bytes. The first byte is the kind of operation.
    pub fn new(bytes: &[u8]) -> Self {
        let (asked, rest) = bytes.split_at(bytes.len().min(ASKED));
        let mut bytes = Bytes(asked.iter());
        match bytes.next() {
            kind @ 0..193 => Self::call(kind, &mut bytes, rest),
            197..200 => Self::Erase {
                zone: match bytes.next() {
                    0..140 => "z2",
                    140..210 => "z1",
                    210..240 => "z0",
                    _ => "none",
                }
                .to_owned(),
                actor: usize::from(bytes.next() % 3),
            },
            193..197 => Self::Prepare { own: bytes.own(), schema: bytes.pick(), draft: bytes.draft() },
            200..207 => Self::Clock(Self::tick(bytes.next())),
            207..224 => Self::list(&mut bytes),
            224..237 => Self::decide(&mut bytes),
            237..244 => Self::Replay { receipt: bytes.pick(), change: bytes.next() },
            244..247 => Self::Get {
                zone: bytes.zone(),
                what: bytes.next(),
                id: bytes.pick(),
                number: match bytes.next() {
                    255 => u32::MAX,
                    number => u32::from(number % 5),
                },
            },
            247..249 => Self::Preflight {
                zone: Some(bytes.next()).filter(|all| *all >= 90).map(|_| bytes.zone()),
                tried: match bytes.next() {
                    byte @ 0..150 => Tried::New(if byte < 140 { "next" } else { "s0" }.to_owned(), bytes.next()),
                    150..160 => Tried::New(malformed(bytes.next()), 0),
                    _ => Tried::Published(bytes.pick()),
                },
            },
            249 => Self::Copy {
                zones: match bytes.next() {
                    0..100 => ["z0"].as_slice(),
                    100..150 => &["z1", "z0"],
                    150..190 => &["z1"],
                    190..230 => &["z0", "z2", "z1"],
                    230..243 => &["z0", "none"],
                    _ => &["z0", "z1", "z0"],
                }
                .iter()
                .map(|zone| (*zone).to_owned())
                .collect(),
                actor: usize::from(bytes.next() % 3),
            },
            _ => Self::Upkeep(match bytes.next() {
                0..60 => Upkeep::Verify,
                60..110 => Upkeep::Everything,
                110..200 => Upkeep::Reopen { caches: true },
                200..225 => Upkeep::Reopen { caches: false },
                225..240 => Upkeep::Recover,
                _ => Upkeep::Rebuild,
            }),
        }
    }

    fn call(kind: u8, bytes: &mut Bytes<'_>, rest: &[u8]) -> Self {
        let header = bytes.next();
        Self::Call {
            joined: header % 5 >= 3,
            ending: match header / 5 % 16 {
                0..14 => Ending::Commit,
                14 => Ending::Error,
                _ => Ending::Panic,
            },
            actor: match header {
                0..110 => 0,
                110..200 => 1,
                _ => 2,
            },
            import: import(rest.get(3).copied().unwrap_or_default()),
            zone: bytes.zone(),
            under: Under::new(&mut Bytes(rest.iter())),
            call: Call::new(kind, bytes),
        }
    }

    fn tick(byte: u8) -> Tick {
        const HOUR: i64 = 3_600 * 1_000_000;
        match byte {
            0..100 => Tick::By(1_000),
            100..140 => Tick::By(1),
            140..165 => Tick::By(HOUR),
            165..180 => Tick::By(-HOUR),
            180..215 => Tick::By(26 * HOUR),
            215..230 => Tick::By(-26 * HOUR),
            230..243 => Tick::Behind(24 * HOUR),
            _ => Tick::Behind(24 * HOUR + 1),
        }
    }

    fn list(bytes: &mut Bytes<'_>) -> Self {
        let (zone, list, parent) = (bytes.zone(), bytes.next(), bytes.pick());
        let limit = match bytes.next() {
            0..20 => None,
            byte @ 20..236 => Some(usize::from(byte % 5) + 1),
            236..241 => Some(0),
            241..246 => Some(101),
            _ => Some(100),
        };
        let (choice, cursor) = (bytes.next(), bytes.pick());
        let from = match choice {
            0..80 => From::Start,
            80..150 => From::After(cursor, Whose::Own),
            150..205 => From::Before(cursor, Whose::Own),
            205..220 => From::After(cursor, Whose::Any),
            220..230 => From::Before(cursor, Whose::Any),
            230..236 => From::Both(cursor),
            236..245 => From::Forged(cursor, bytes.next()),
            245..249 => From::Junk(""),
            249..252 => From::Junk("é"),
            _ => From::TooLong,
        };
        let order = if bytes.next().is_multiple_of(3) { Order::Ascending } else { Order::Descending };
        let list = match list {
            0..200 => list % 9,
            200..218 => 11,
            218..238 => 10,
            _ => 9,
        };
        Self::List { zone, list: usize::from(list), parent, filter: bytes.next(), limit, order, from }
    }

    fn decide(bytes: &mut Bytes<'_>) -> Self {
        let (zone, choice, target) = (bytes.zone(), bytes.next(), bytes.target());
        let by = match choice {
            0..65 => By::Now(target),
            65..100 => By::Observed(target),
            100..145 => By::Position(target, bytes.next()),
            145..180 => By::Time(target, bytes.next()),
            180..230 => By::Version(bytes.pick()),
            _ => By::Kept(bytes.pick()),
        };
        let flags = bytes.next();
        Self::Decide { zone, by, strict: flags & 1 == 1, keep: flags & 6 == 6, asked: bytes.next() }
    }
}

impl Call {
    fn new(kind: u8, bytes: &mut Bytes<'_>) -> Self {
        match kind {
            0..18 => Self::CreatePolicy { own: bytes.own(), name: bytes.name(), description: bytes.description() },
            46..58 => Self::Again { in_store: bytes.next().is_multiple_of(5), request: bytes.pick() },
            18..46 => Self::CreateVersion {
                policy: bytes.pick(),
                schema: bytes.pick(),
                own: bytes.own(),
                input: match bytes.next() {
                    0..210 => Input::New(bytes.draft()),
                    210..245 => Input::Prepared(bytes.pick()),
                    byte @ 245..251 => Input::Either(byte % 2 == 0),
                    _ => Input::Foreign,
                },
            },
            58..70 => Self::CreateSet { for_users: bytes.next() % 3 == 2, own: bytes.own(), name: bytes.name() },
            70..104 => Self::CreateSetVersion {
                set: bytes.pick(),
                schema: bytes.pick(),
                own: bytes.own(),
                style: Style::new(bytes.next()),
                pins: (0..bytes.next() % 5).map(|_| bytes.pick()).collect(),
            },
            124..128 => Self::KeepTests { version: bytes.pick(), suite: bytes.next() },
            128 => Self::RequireTests { required: bytes.next() < 160 },
            104..124 => Self::Bind { version: bytes.pick(), target: bytes.target() },
            129..134 => Self::BindGuardrail { version: bytes.pick() },
            134..138 => Self::BindShadow { version: bytes.pick(), target: bytes.target() },
            142 => Self::UnbindGuardrail,
            138..142 => Self::Unbind { target: bytes.target() },
            143..146 => Self::UnbindShadow { target: bytes.target() },
            146..152 => Self::UpdatePolicy {
                policy: bytes.pick(),
                name: (!bytes.next().is_multiple_of(3)).then(|| bytes.name()),
                description: bytes.next().is_multiple_of(3).then(|| bytes.description()),
            },
            155 => Self::Suspend,
            156 => Self::Resume,
            152 => Self::Rollback { target: bytes.target() },
            153..155 => Self::RenameSet { set: bytes.pick(), name: bytes.name() },
            161 => Self::Resume,
            157..161 => Self::ArchiveVersion { version: bytes.pick() },
            162..164 => Self::ArchivePolicy { policy: bytes.pick() },
            164..171 => Self::ArchiveSetVersion { version: bytes.pick() },
            171..175 => Self::ArchiveSet { set: bytes.pick() },
            175..181 => Self::PublishSchema {
                version: match bytes.next() {
                    byte @ 0..240 => format!("s{}", byte % 6),
                    byte => malformed(byte),
                },
                source: bytes.next(),
            },
            185..188 => {
                let (chosen, schema) = (bytes.next(), bytes.pick());
                Self::SetDefaultSchema { schema: (!chosen.is_multiple_of(4)).then_some(schema) }
            }
            181..185 => Self::SetSchemaStatus { schema: bytes.pick(), status: bytes.next() },
            188..191 => Self::CreateZone {
                id: match bytes.next() {
                    0..140 => "z2".to_owned(),
                    140..200 => "z0".to_owned(),
                    200..225 => "z1".to_owned(),
                    byte => malformed(byte),
                },
            },
            _ => Self::Nested,
        }
    }
}

impl Under {
    fn new(bytes: &mut Bytes<'_>) -> Self {
        let (id, claim, of) = (bytes.next(), bytes.next(), bytes.pick());
        let target = match of.0 % 3 {
            0 => Target::Zone,
            1 => Target::User("ann".to_owned()),
            _ if of.0 < 250 => Target::User("an".to_owned()),
            _ => Target::User(String::new()),
        };
        let kind = claim % 6;
        let own = Claim { kind, of, target, holds: !(claim / 6).is_multiple_of(4) };
        let other = Claim { kind: (kind + 1) % 6, holds: true, ..own.clone() };
        Self {
            id: match id {
                0..140 => Id::None,
                140..235 => Id::Fresh,
                _ => Id::Known(of),
            },
            claims: match claim {
                0..190 => Vec::new(),
                190..235 => vec![own],
                _ => vec![other, own],
            },
        }
    }
}

fn import(byte: u8) -> Option<When> {
    match byte {
        0..195 => None,
        195..210 => Some(When::Before(0)),
        210..220 => Some(When::Before(1)),
        220..228 => Some(When::Before(500)),
        228..238 => Some(When::AfterLast(0)),
        238..246 => Some(When::AfterLast(1)),
        246..251 => Some(When::AfterLast(-1)),
        _ => Some(When::Before(-1)),
    }
}

impl Style {
    fn new(byte: u8) -> Self {
        match byte {
            0..60 => Self::Pins,
            60..90 => Self::PinsWithSha,
            90..130 => Self::Builder,
            130..170 => Self::Next,
            170..185 => Self::WrongSha,
            185..198 => Self::UnknownVersion,
            198..210 => Self::UnknownPolicy,
            210..222 => Self::ForeignPolicy,
            222..236 => Self::Twice,
            236..250 => Self::OtherZone,
            _ => Self::TooMany,
        }
    }
}
