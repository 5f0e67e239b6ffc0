//! Replicas of a small store whose source gives edited logs, or others: refused by name without a trace, or followed to a store
//! that is whole.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error as StdError;
use std::sync::LazyLock;

use policy_store::{
    Actor, Checkpoint, ContentAddress, EntryHash, LogId, LogPart, NewPolicy, NewPolicySet, NewPolicySetVersion,
    NewPolicyVersion, NewSchema, PageRequest, PolicyStore, Replica, ReplicaSource, Result, Target, TargetType,
    Timestamp, ZoneChoice, ZoneId,
};
use policy_store_verify::proof::Levels;
use policy_store_verify::record::{Body, Entry, SealRoot};

use crate::evidence::{EDITS, Edit, WIDTH, at, entry};
use crate::{outside, store};

/// The bytes of the entries of each log.
type Logs = BTreeMap<LogId, Vec<Vec<u8>>>;

/// Bytes before the edits: the moments of the replica and of the checkpoint, flags, and the entries of a part.
pub const HEADER: usize = 4;
/// Follows one zone.
pub const ONE_ZONE: u8 = 1;
/// The checkpoint has the root of the logs as they are given: whoever signs it lies.
pub const FORGED: u8 = 2;
/// Each entry names the one before it.
pub const CHAINED: u8 = 4;
/// The seals have the checkpoints of the zones' logs as they are given.
pub const SEALED: u8 = 8;
/// Content is given only when it is asked for.
pub const ON_DEMAND: u8 = 16;
/// The rest is entries and content, not edits.
pub const RAW: u8 = 32;
/// Parts may have more entries than were asked for.
pub const TOO_MANY: u8 = 64;

/// The store at a seal.
struct Moment {
    to: Checkpoint,
    logs: Logs,
}

/// A store at several moments, and all of its content.
pub struct World {
    moments: Vec<Moment>,
    content: Vec<Vec<u8>>,
}

pub static WORLD: LazyLock<World> = LazyLock::new(World::new);

impl World {
    fn new() -> Self {
        let (store, mut world) = (store(), Self { moments: Vec::new(), content: Vec::new() });
        let (alice, ops) = (Actor::customer("alice").unwrap(), Actor::platform("ops").unwrap());
        let live = |zone: &str, set: &str, kind, text: &str| {
            let made = store.write(&alice, |w| {
                let mut zone = w.zone(zone)?;
                if zone.policy_set(set).is_err() {
                    zone.create_policy(NewPolicy::named(set).id(set))?;
                    zone.create_policy_set(NewPolicySet::named(set).id(set).target_type(kind))?;
                }
                let version = zone.create_policy_version(set, NewPolicyVersion::cedar("s", text))?;
                zone.create_policy_set_version(set, NewPolicySetVersion::new("s").pin(&version))
            });
            made.unwrap().id
        };
        let write =
            |actor: &Actor, zone: &str, call: &dyn Fn(&mut policy_store::ZoneTransaction<'_, '_>) -> Result<()>| {
                store.write(actor, |w| call(&mut w.zone(zone)?)).unwrap();
            };

        store
            .write(&ops, |w| {
                w.publish_schema(NewSchema::cedar("s", "entity U; action a appliesTo { principal: U, resource: U };"))?;
                w.create_zone("a")?;
                w.create_zone("b").map(drop)
            })
            .unwrap();
        let first = live("a", "s", TargetType::Zone, "permit(principal, action, resource);");
        write(&alice, "a", &|zone| zone.activate(&first).map(drop));
        world.seal(&store, &ops);

        let of_user = live("b", "u", TargetType::User, "permit(principal == U::\"u\", action, resource);");
        write(&alice, "b", &|zone| zone.bind(&of_user, Target::user("ann")).map(drop));
        let guard = live("a", "g", TargetType::Zone, "forbid(principal == U::\"g\", action, resource);");
        write(&ops, "a", &|zone| zone.bind_guardrail(&guard).map(drop));
        let second = live("a", "s", TargetType::Zone, "// By hand.\npermit(principal, action, resource == U::\"r\");");
        write(&alice, "a", &|zone| zone.activate(&second).map(drop));
        world.seal(&store, &ops);

        store.erase_zone(&ops, "b").unwrap();
        store.write(&ops, |w| w.create_zone("c").map(drop)).unwrap();
        write(&ops, "a", &|zone| zone.unbind_guardrail().map(drop));
        write(&ops, "a", &|zone| zone.suspend().map(drop));
        world.seal(&store, &ops);
        world
    }

    fn seal(&mut self, store: &PolicyStore, ops: &Actor) {
        let to = store.seal(ops).unwrap().checkpoint;
        let snapshot = store.snapshot().unwrap();
        let zones = snapshot.zones(&PageRequest::new()).unwrap().into_iter();
        let zones = zones.map(|zone| snapshot.zone(&zone.id).unwrap().checkpoint().unwrap());
        let mut logs = Logs::new();
        for Checkpoint { log_id, size, .. } in zones.chain([to]) {
            let part = snapshot.log_part(log_id, 0..size).unwrap();
            logs.insert(log_id, part.entries);
            self.content.extend(part.content);
        }
        self.content.sort();
        self.content.dedup();
        self.moments.push(Moment { to, logs });
    }

    /// The entries of the logs in the last moment: the store's first.
    pub fn entries(&self) -> Vec<Vec<Vec<u8>>> {
        let Moment { to, logs } = self.moments.last().unwrap();
        let zones = logs.iter().filter(|(id, _)| **id != to.log_id).map(|(_, entries)| entries.clone());
        [logs[&to.log_id].clone()].into_iter().chain(zones).collect()
    }
}

/// Gives these logs, and this content.
struct Given {
    logs: Logs,
    content: Vec<Vec<u8>>,
    flags: u8,
    most: usize,
}

impl ReplicaSource for Given {
    fn part(&mut self, log: LogId, start: u64, end: u64) -> Result<LogPart, Box<dyn StdError + Send + Sync>> {
        let entries = self.logs.get(&log).ok_or("no such log")?;
        let asked = if self.flags & TOO_MANY == 0 { usize::try_from(end - start)? } else { usize::MAX };
        let entries = entries.iter().skip(usize::try_from(start)?).take(self.most.min(asked)).cloned().collect();
        let content = if self.flags & ON_DEMAND == 0 { self.content.clone() } else { Vec::new() };
        Ok(LogPart::new(entries, content))
    }

    fn content(&mut self, _: LogId, address: &ContentAddress) -> Result<Vec<u8>, Box<dyn StdError + Send + Sync>> {
        let is_it = |value: &&Vec<u8>| ContentAddress::of_value(value).is_ok_and(|found| found == *address);
        // Otherwise any content, which the replica must refuse.
        Ok(self.content.iter().find(is_it).or(self.content.first()).ok_or("no content")?.clone())
    }
}

/// Runs an input: brings a replica to a moment, and then applies a checkpoint from a source that lies.
pub fn run(bytes: &[u8]) {
    let Some(([moment, target, flags, most], rest)) = bytes.split_first_chunk::<HEADER>() else { return };
    let moments = &WORLD.moments;
    let (moment, target) = (usize::from(*moment) % (moments.len() + 1), usize::from(*target) % moments.len());
    let only = [ZoneId::new("a").unwrap()];
    let zones = if flags & ONE_ZONE == 0 { ZoneChoice::All } else { ZoneChoice::Only(BTreeSet::from(only)) };
    let clock = || Timestamp::from_micros(1_771_939_200_000_000);
    let replica = PolicyStore::builder().clock(clock).id_seed(2).replica_in_memory().unwrap();
    for Moment { to, logs } in &moments[..moment] {
        replica.apply(to, &zones, &mut honest(logs, usize::MAX)).unwrap();
    }

    let Moment { to, logs } = &moments[target];
    let (mut to, most) = (*to, usize::from(*most).max(1));
    let mut given = Given { flags: *flags, ..honest(logs, most) };
    if *flags & RAW != 0 {
        add_raw(&mut given, rest, to.log_id, moment);
    } else {
        edit(&mut given, rest, to.log_id);
    }
    forge(&mut given, &mut to);
    let is_honest = to == moments[target].to && given.logs == *logs && given.content == WORLD.content;

    let before = seen(&replica);
    match replica.apply(&to, &zones, &mut given) {
        Ok(applied) => {
            assert!(to.size == 0 || applied.checkpoint == to);
            assert!(!is_honest || target + 1 >= moment);
            if to != moments[target].to {
                return lied_to(&replica);
            }
        }
        Err(error) => {
            refused(&error);
            assert_eq!(seen(&replica), before, "a trace of {error}");
            let code = if target + 1 < moment { "replica_rollback" } else { "replica_input" };
            assert!(!is_honest || error.code() == code && (target + 1 < moment || flags & TOO_MANY != 0), "{error:?}");
        }
    }
    is_whole(&replica);
    // It follows the store as if nothing had been.
    let newest = moments.last().unwrap();
    replica.apply(&newest.to, &zones, &mut honest(&newest.logs, usize::MAX)).unwrap();
    is_whole(&replica);
}

/// The holder of the key has signed another history, which has the form of one. Only `verify` compares all of its entries with each
/// other. Reads are answers or errors.
fn lied_to(replica: &Replica) {
    let store = replica.store();
    drop(store.zone("a").and_then(|zone| zone.authorizer(Target::Zone)));
    drop(store.verify().map(|report| report.findings));
    drop(store.zone("a").and_then(|zone| zone.authorizer(Target::Zone)));
    let newest = WORLD.moments.last().unwrap();
    drop(replica.apply(&newest.to, &ZoneChoice::All, &mut honest(&newest.logs, usize::MAX)));
}

fn honest(logs: &Logs, most: usize) -> Given {
    Given { logs: logs.clone(), content: WORLD.content.clone(), flags: 0, most }
}

/// A refusal names the input. It never says that the replica itself is damaged.
fn refused(error: &policy_store::Error) {
    const CODES: [&str; 5] = ["newer_format", "replica_fork", "replica_input", "replica_rollback", "replica_source"];
    assert!(CODES.contains(&error.code()), "{error:?}");
}

fn is_whole(replica: &Replica) {
    let report = replica.store().verify().unwrap();
    assert!(report.is_clean(), "{:?}", report.findings);
}

/// The zones with their checkpoints, and the number of rows of all tables.
fn seen(replica: &Replica) -> Vec<String> {
    let (store, list) = (replica.store(), PageRequest::new());
    let zones = store.zones(&list).unwrap().into_iter();
    let zones = zones.map(|zone| format!("{zone:?} {:?}", store.zone(&zone.id).unwrap().checkpoint().unwrap()));
    let stats = store.stats().unwrap();
    let counts = (stats.zones, stats.schemas, stats.entries, stats.content, stats.tables);
    zones.chain([format!("{:?} {counts:?}", replica.checkpoint().unwrap())]).collect()
}

/// Edits the logs and the content. The operation's tens say which.
fn edit(given: &mut Given, rows: &[u8], of_store: LogId) {
    let mut read: BTreeMap<LogId, Vec<Entry>> = BTreeMap::new();
    for edit in rows.chunks(WIDTH).filter_map(Edit::of).take(EDITS) {
        let zones: Vec<LogId> = given.logs.keys().copied().filter(|id| *id != of_store).collect();
        let log_id = match edit.op / 12 {
            0..10 => of_store,
            group @ 10..19 => zones.get(usize::from(group) % zones.len().max(1)).copied().unwrap_or(of_store),
            _ => {
                of_content(&mut given.content, &edit);
                continue;
            }
        };
        let log = read
            .entry(log_id)
            .or_insert_with(|| given.logs[&log_id].iter().map(|bytes| Entry::decode(bytes).unwrap().0).collect());
        entry(log, &edit, &mut [None; 4]);
    }
    for (log_id, log) in read {
        given.logs.insert(log_id, log.iter().filter_map(|entry| Some(entry.encode().ok()?.0)).collect());
    }
}

fn of_content(content: &mut Vec<Vec<u8>>, edit: &Edit) {
    if content.is_empty() {
        return;
    }
    let which = edit.which % content.len();
    match edit.op % 3 {
        0 => drop(content.remove(which)),
        1 => content[which].truncate(edit.place),
        _ => {
            if let Some(byte) = at(&mut content[which], edit.place) {
                *byte ^= edit.value.to_le_bytes()[0].max(1);
            }
        }
    }
}

/// Puts entries after those that the replica has, and content. Each is a kind, a length in two bytes, and its bytes.
fn add_raw(given: &mut Given, mut rest: &[u8], of_store: LogId, moment: usize) {
    let held = moment.checked_sub(1).map(|moment| &WORLD.moments[moment].logs);
    for (log_id, log) in &mut given.logs {
        log.truncate(held.and_then(|logs| logs.get(log_id)).map_or(0, Vec::len));
    }
    while let Some(([kind, low, high], after)) = rest.split_first_chunk() {
        let (bytes, after) = after.split_at(after.len().min(usize::from(u16::from_le_bytes([*low, *high]))));
        rest = after;
        let zones: Vec<LogId> = given.logs.keys().copied().filter(|id| *id != of_store).collect();
        let log_id = match kind % 4 {
            0 => of_store,
            1 | 2 => zones.get(usize::from(kind / 4) % zones.len().max(1)).copied().unwrap_or(of_store),
            _ => {
                given.content.push(bytes.to_vec());
                continue;
            }
        };
        given.logs.entry(log_id).or_default().push(bytes.to_vec());
    }
}

/// Makes the lie consistent, as far as the flags say: zones, the seals over them, the chain, and the root.
fn forge(given: &mut Given, to: &mut Checkpoint) {
    let flags = given.flags;
    if flags & CHAINED != 0 {
        given.logs.iter_mut().filter(|(id, _)| **id != to.log_id).for_each(|(_, log)| chain(log));
    }
    if flags & SEALED != 0 {
        seal(given, to.log_id);
    }
    if flags & CHAINED != 0 {
        chain(given.logs.get_mut(&to.log_id).unwrap());
    }
    if flags & FORGED != 0 {
        let log = &given.logs[&to.log_id];
        (to.size, to.root) = (log.len() as u64, root(log));
    }
}

fn root(log: &[Vec<u8>]) -> policy_store::RootHash {
    Levels::new(log.iter().map(|bytes| outside::leaf(bytes)).collect()).root()
}

/// Lets each entry that can be read name the one before it.
fn chain(log: &mut [Vec<u8>]) {
    let mut previous = EntryHash::of(&[]);
    for (position, bytes) in log.iter_mut().enumerate() {
        if position > 0
            && let Ok((mut read, _)) = Entry::decode(bytes)
        {
            read.envelope.previous = previous;
            *bytes = read.encode().map_or_else(|_| bytes.clone(), |(bytes, _)| bytes);
        }
        previous = EntryHash::of(bytes);
    }
}

/// Gives the last seal of each log the checkpoint of that log as it is given, and all seals the roots of their trees.
fn seal(given: &mut Given, of_store: LogId) {
    let log = &given.logs[&of_store];
    let mut read: Vec<_> = log.iter().map(|bytes| Entry::decode(bytes).ok().map(|(entry, _)| entry)).collect();
    let mut bodies: Vec<_> =
        read.iter().map(|entry| entry.as_ref().and_then(|entry| Body::decode(entry.kind, &entry.body)?.ok())).collect();
    let mut done = BTreeSet::new();
    for body in bodies.iter_mut().rev().flatten() {
        let Body::ZonesSealed(sealed) = body else { continue };
        for zone in sealed.zones.iter_mut().filter(|zone| done.insert(zone.log_id)) {
            if let Some(log) = given.logs.get(&zone.log_id) {
                (zone.size, zone.root) = (log.len() as u64, root(log).0);
            }
        }
    }
    let mut zones = BTreeMap::new();
    for body in bodies.iter_mut().flatten() {
        match body {
            Body::ZonesSealed(sealed) => {
                zones.extend(sealed.zones.iter().map(|zone| (zone.log_id, zone.clone())));
                if let Some(seal) = &mut sealed.seal {
                    let tree = Levels::new(zones.values().map(|zone| outside::leaf(&zone.leaf())).collect());
                    *seal = SealRoot { zones: zones.len() as u64, root: tree.root().0 };
                }
            }
            Body::ZoneErased(erased) => drop(zones.remove(&erased.log_id)),
            _ => {}
        }
    }
    let sealed = read.iter_mut().zip(&bodies).zip(given.logs.get_mut(&of_store).unwrap());
    for ((entry, body), bytes) in sealed {
        if let (Some(entry), Some(body @ Body::ZonesSealed(_))) = (entry, body)
            && let Ok(encoded) = body.encode()
        {
            entry.body = encoded;
            *bytes = entry.encode().map_or_else(|_| bytes.clone(), |(bytes, _)| bytes);
        }
    }
}
