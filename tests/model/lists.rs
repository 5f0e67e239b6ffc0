//! Every list of the store: its items, the page after a cursor, and the cursors that it accepts.

use policy_store::{Error, Include, Order, Page, PageRequest, Result, Sort, ZoneSchema};
use serde_json::{Value, json};

use super::agreement::agree;
use super::calls::{seen, seen_schema, seen_version};
use super::filters::{self, BINDINGS, HISTORIES, POLICIES, SCHEMAS, SETS};
use super::operation::{From, Operation, Pick, Whose};
use super::runner::{Runner, read};
use super::state::{Broken, Schema, State, Zone, check};
use super::views;

/// A list, by its zone and its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listed {
    Zones,
    Schemas,
    /// With the number of a filter.
    StoreHistory(u8),
    /// With the number of a filter.
    Timeline(u8),
    /// In a zone, with the number of a filter.
    Policies(String, u8),
    Versions(String, String),
    /// In a zone, with the number of a filter, and whether it is sorted by status.
    Sets(String, u8, bool),
    SetVersions(String, String),
    Pinned(String, String),
    /// In a zone, with the number of a filter.
    History(String, u8),
    /// In a zone, with the number of a filter.
    Bindings(String, u8),
    /// The schemas of a zone, with the number of a filter.
    ZoneSchemas(String, u8),
}

/// The place of an item in its list: whether it is active in a list by status, and its index among all items, filtered
/// or not, from the oldest. In the timeline, a number made of its time and its log.
type Place = (bool, usize);

/// The meaning of a cursor of the store: a list, its order, and an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub list: Listed,
    /// The zone's log id: another zone may later have its id.
    pub log: String,
    pub order: Order,
    pub place: Place,
}

/// The start of a page.
#[derive(Clone, Debug)]
pub enum Side {
    Start,
    After(String),
    Before(String),
    Both(String),
}

/// The expected page: its items, the places of the first and last item if they have cursors, and the total count.
type Due = (Vec<Value>, Option<Place>, Option<Place>, usize);

struct Got {
    items: Vec<Value>,
    after: Option<String>,
    before: Option<String>,
    total: Option<u64>,
}

fn got<T>(page: Result<Page<T>>, seen: impl Fn(T) -> Value) -> Result<Got> {
    let Page { items, after_cursor, before_cursor, total_count, .. } = page?;
    let items = items.into_iter().map(seen).collect();
    Ok(Got { items, after: after_cursor, before: before_cursor, total: total_count })
}

impl Listed {
    /// The list of a kind, for a zone and a resource in it.
    fn new(kind: usize, zone: String, model: &State, parent: Pick, filter: u8) -> Self {
        let named = |ids: fn(&Zone) -> Vec<String>| model.pick(&zone, parent, ids);
        match kind {
            0 => Self::Policies(zone, filter % POLICIES),
            1 => Self::Versions(zone.clone(), named(Zone::policy_ids)),
            2 => Self::Sets(zone, filter % 128 % SETS, filter >= 128),
            3 => Self::SetVersions(zone.clone(), named(Zone::set_ids)),
            4 => Self::Pinned(zone.clone(), named(Zone::set_version_ids)),
            5 => Self::History(zone, filter % HISTORIES),
            6 => Self::Zones,
            7 => Self::Schemas,
            9 => Self::ZoneSchemas(zone, filter % SCHEMAS),
            10 => Self::Bindings(zone, filter % BINDINGS),
            11 => Self::Timeline(filter % HISTORIES),
            _ => Self::StoreHistory(filter % HISTORIES),
        }
    }

    fn is_by_status(&self) -> bool {
        matches!(self, Self::Sets(_, _, true))
    }

    fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    pub fn zone(&self) -> Option<&str> {
        match self {
            Self::Zones | Self::Schemas | Self::StoreHistory(_) | Self::Timeline(_) => None,
            Self::Policies(zone, _) | Self::Sets(zone, ..) | Self::History(zone, _) => Some(zone),
            Self::ZoneSchemas(zone, _) | Self::Bindings(zone, _) => Some(zone),
            Self::Versions(zone, _) | Self::SetVersions(zone, _) | Self::Pinned(zone, _) => Some(zone),
        }
    }
}

impl State {
    /// The items of a list, in ascending order of place.
    fn items(&self, list: &Listed) -> Result<Vec<(Place, Value)>, Broken> {
        let zone = list.zone().map(|zone| self.zone(zone)).transpose()?;
        let mut items = Vec::new();
        match (list, zone) {
            (Listed::Policies(_, filter), Some(zone)) => {
                filters::policy_filter_rules(*filter)?;
                for (n, policy) in zone.policies.iter().enumerate() {
                    if zone.passes(*filter, policy)? {
                        items.push(((false, n), zone.policy_view(policy)));
                    }
                }
            }
            (Listed::Sets(_, filter, by_status), Some(zone)) => {
                filters::set_filter_rules(*filter)?;
                for n in 0..zone.sets.len() {
                    if zone.set_passes(*filter, n)? {
                        items.push(((*by_status && zone.active(n).is_some(), n), zone.set_view(n)));
                    }
                }
                items.sort_by_key(|(place, _)| *place);
            }
            (Listed::ZoneSchemas(_, filter), Some(zone)) => {
                let passes = filters::schema_filter(*filter).1;
                for (n, schema) in self.schemas.iter().enumerate() {
                    let is_default = zone.default_schema.as_ref() == Some(&schema.version);
                    let mut view = schema.view();
                    view["is_default"] = json!(is_default);
                    items.extend(passes(is_default).then_some(((false, n), view)));
                }
            }
            (Listed::Bindings(_, filter), Some(zone)) => {
                let passes = filters::binding_filter(*filter).1;
                for (n, (binding, view)) in zone.binding_records().into_iter().enumerate() {
                    let is_wanted = passes(&binding.target, binding.mode, !view["ended"].is_null());
                    items.extend(is_wanted.then_some(((false, n), view)));
                }
            }
            (Listed::History(_, filter), Some(zone)) => {
                let passes = filters::history_filter(*filter)?.1;
                for (n, entry) in zone.log.entries.iter().enumerate() {
                    let view = views::entry(n, entry);
                    items.extend(passes(Some(&zone.id), &view).then_some(((false, n), view)));
                }
            }
            (Listed::StoreHistory(filter), _) => {
                let passes = filters::history_filter(*filter)?.1;
                for (n, entry) in self.log.entries.iter().enumerate() {
                    let view = views::entry(n, entry);
                    items.extend(passes(None, &view).then_some(((false, n), view)));
                }
            }
            (Listed::Timeline(filter), _) => {
                let passes = filters::history_filter(*filter)?.1;
                let zones = self.zones.iter().map(|zone| (Some(&zone.id), zone.number, &zone.log));
                for (zone, number, log) in zones.chain([(None, 0, &self.log)]) {
                    for (n, entry) in log.entries.iter().enumerate() {
                        let mut view = views::entry(n, entry);
                        if passes(zone.map(String::as_str), &view) {
                            view["zone_id"] = json!(zone);
                            items.push(((false, entry.at as usize * 1_000 + number), view));
                        }
                    }
                }
                items.sort_by_key(|(place, _)| *place);
            }
            // Zones may be erased, so their indexes change.
            (Listed::Zones, _) => items.extend(self.zones.iter().map(|zone| ((false, zone.created), zone.view()))),
            _ => items = self.unfiltered(list, zone)?.into_iter().enumerate().map(|(n, it)| ((false, n), it)).collect(),
        }
        Ok(items)
    }

    /// The items of a list without a filter, oldest first.
    fn unfiltered(&self, list: &Listed, zone: Option<&Zone>) -> Result<Vec<Value>, Broken> {
        Ok(match (list, zone) {
            (Listed::Schemas, _) => self.schemas.iter().map(Schema::view).collect(),
            (Listed::Versions(_, policy), Some(zone)) => {
                let policy = zone.policy(policy)?;
                let numbered = (1..).zip(&policy.versions);
                numbered.map(|(number, version)| zone.version_view(policy, number, version)).collect()
            }
            (Listed::SetVersions(zone_id, set), Some(zone)) => {
                zone.set(set)?;
                let place = self.set_place(zone_id, set).unwrap_or_default();
                (0..zone.sets[place].versions.len()).map(|n| zone.set_version_view(place, n)).collect()
            }
            (Listed::Pinned(_, version), Some(zone)) => {
                let (set, place) = zone.set_version(version)?;
                let mut pinned = Vec::new();
                for (_, id, _) in &zone.sets[set].versions[place].entries {
                    let (policy, number, version) = zone.version(id)?;
                    pinned.push((version.created.position, zone.version_view(policy, number, version)));
                }
                pinned.sort_by_key(|(position, _)| *position);
                pinned.into_iter().map(|(_, view)| view).collect()
            }
            // The others have filters.
            _ => Vec::new(),
        })
    }
}

impl Runner {
    fn fetch(&self, listed: &Listed, list: &PageRequest) -> Result<Got> {
        let zone = || self.new_handle(listed.zone().unwrap_or_default());
        match listed {
            Listed::Zones => got(self.store().zones(list), seen),
            Listed::Schemas => got(self.store().schemas(Include::Both, list), seen_schema),
            Listed::StoreHistory(filter) => {
                let filter = filters::any_history_filter(*filter);
                got(self.store().history(&filter, list), seen)
            }
            Listed::Timeline(filter) => {
                let filter = filters::any_history_filter(*filter);
                got(self.store().timeline(&filter, list), seen)
            }
            Listed::Policies(id, filter) => {
                let filter = self.model.zone(id).map(|zone| zone.policy_filter(*filter)).unwrap_or_default();
                read!(zone()?, zone => got(zone.policies(&filter, list), seen))
            }
            Listed::Versions(_, policy) => {
                read!(zone()?, zone => got(zone.policy_versions(policy, Include::Both, list), seen_version))
            }
            Listed::Sets(_, filter, _) => {
                read!(zone()?, zone => got(zone.policy_sets(&filters::set_filter(*filter), list), seen))
            }
            Listed::SetVersions(_, set) => read!(zone()?, zone => got(zone.policy_set_versions(set, list), seen)),
            Listed::Pinned(_, id) => {
                read!(zone()?, zone => got(zone.pinned_policy_versions(id, Include::Both, list), seen_version))
            }
            Listed::History(_, filter) => {
                let filter = filters::any_history_filter(*filter);
                read!(zone()?, zone => got(zone.history(&filter, list), seen))
            }
            Listed::Bindings(_, filter) => {
                read!(zone()?, zone => got(zone.bindings(&filters::binding_filter(*filter).0, list), seen))
            }
            Listed::ZoneSchemas(_, filter) => {
                let filter = filters::schema_filter(*filter).0;
                let view = |ZoneSchema { schema, is_default, .. }| {
                    let mut view = seen_schema(schema);
                    view["is_default"] = json!(is_default);
                    view
                };
                read!(zone()?, zone => got(zone.schemas(&filter, Include::Both, list), view))
            }
        }
    }

    /// The id of a list's log; empty for the store's log.
    fn log_of(&self, listed: &Listed) -> String {
        let zone = listed.zone().and_then(|zone| self.model.zone(zone).ok());
        zone.map(|zone| zone.log.id.clone()).unwrap_or_default()
    }

    /// The page that the model expects.
    fn expect(&self, listed: &Listed, limit: Option<usize>, order: Order, side: &Side) -> Result<Due, Broken> {
        let zone = listed.zone().map(|zone| self.model.zone(zone)).transpose()?;
        let ids = match (zone, listed) {
            (Some(zone), Listed::Policies(_, filter)) => zone.ids_given(*filter),
            _ => None,
        };
        let mut broken = Broken::new();
        let limit = limit.or(ids).unwrap_or(50);
        if !(1..=100).contains(&limit) || listed.is_by_status() && order == Order::Ascending {
            broken.insert("invalid_input".to_owned());
        }
        let mut items = self.model.items(listed).unwrap_or_else(|missing| {
            broken.extend(missing);
            Vec::new()
        });
        let place = match side {
            Side::Start => None,
            Side::After(cursor) | Side::Before(cursor) | Side::Both(cursor) => {
                if cursor.len() > 255 {
                    broken.insert("too_large".to_owned());
                }
                let own = |it: &&Cursor| it.list == *listed && it.order == order && it.log == self.log_of(listed);
                let known = self.cursors.get(cursor).filter(own).map(|it| it.place);
                let forward_only = listed.is_by_status() && !matches!(side, Side::After(_));
                if known.is_none() || matches!(side, Side::Both(_)) || forward_only || ids.is_some() {
                    broken.insert("invalid_cursor".to_owned());
                }
                known
            }
        };
        check(broken)?;
        let total = items.len();
        if order == Order::Descending {
            items.reverse();
        }
        // The items before and after the cursor's place in the given order. The cursor's own item is on neither page.
        let is_before = |it: &Place, place: &Place| if order == Order::Ascending { it < place } else { it > place };
        let before = place.map_or(0, |place| items.iter().filter(|(it, _)| is_before(it, &place)).count());
        let own = usize::from(items.get(before).is_some_and(|(it, _)| Some(*it) == place));
        let (start, end) = match side {
            Side::Before(_) => (before.saturating_sub(limit), before),
            _ => (before + own, (before + own + limit).min(total)),
        };
        let is_given = |is_there: bool| is_there && start < end && ids.is_none();
        let precedes = is_given(start > 0 && !listed.is_by_status()).then(|| items[start].0);
        let follows = is_given(end < total).then(|| items[end - 1].0);
        let items = items.drain(start..end).map(|(_, item)| item).collect();
        Ok((items, precedes, follows, total))
    }

    /// Reads and compares a page. Returns the cursors of the previous and of the next page.
    pub fn page(
        &mut self,
        listed: &Listed,
        limit: Option<usize>,
        order: Order,
        side: &Side,
    ) -> Option<(Option<String>, Option<String>)> {
        let mut list = PageRequest::new().order(order);
        if listed.is_by_status() {
            list = list.sort(Sort::Status);
        }
        // Some pages with a total count, and some without.
        let counts = limit.is_none_or(|limit| limit % 2 == 1);
        if counts {
            list = list.total_count();
        }
        if let Some(limit) = limit {
            list = list.limit(limit);
        }
        list = match side {
            Side::Start => list,
            Side::After(cursor) => list.after(cursor.as_str()),
            Side::Before(cursor) => list.before(cursor.as_str()),
            Side::Both(cursor) => list.after(cursor.as_str()).before(cursor.as_str()),
        };
        let told = self.fetch(listed, &list);
        let expected = self.expect(listed, limit, order, side);
        let what = (listed, limit, order, side);
        let (told, (items, before, after, total)) = match (told, expected) {
            (Ok(told), Ok(expected)) => (told, expected),
            (told, expected) => {
                let told: Result<Value, Error> = told.map(|page| Value::Array(page.items));
                self.agree(what, &told, expected.map(|(items, ..)| Value::Array(items)));
                return None;
            }
        };
        let Got { items: mut told_items, after: told_after, before: told_before, total: told_total } = told;
        assert_eq!(told_total, counts.then_some(total as u64), "{what:?}: how many there are");
        if matches!(listed, Listed::History(..) | Listed::StoreHistory(_) | Listed::Timeline(_)) {
            self.take_hashes(listed, &mut told_items);
        }
        agree(what, Ok(&Value::Array(told_items)), Ok(Value::Array(items)));
        assert_eq!(told_before.is_some(), before.is_some(), "{what:?}: whether something precedes");
        assert_eq!(told_after.is_some(), after.is_some(), "{what:?}: whether something follows");
        for (place, text) in [before.zip(told_before.clone()), after.zip(told_after.clone())].into_iter().flatten() {
            assert!((1..=255).contains(&text.len()), "a cursor of {} characters", text.len());
            let cursor = Cursor { list: listed.clone(), log: self.log_of(listed), order, place };
            let before = self.cursors.insert(text, cursor.clone());
            assert!(
                before.is_none_or(|before| before == cursor),
                "one cursor for two places, the second is {cursor:?}"
            );
        }
        Some((told_before, told_after))
    }

    /// Removes the hashes from entries, after a check that each entry has one that never changes.
    fn take_hashes(&mut self, listed: &Listed, entries: &mut [Value]) {
        for entry in entries {
            let Some(Value::String(hash)) = entry.as_object_mut().and_then(|entry| entry.remove("hash")) else {
                panic!("{entry} has no hash");
            };
            let log = match entry["zone_id"].as_str() {
                Some(zone) => self.model.zone(zone).map(|zone| zone.log.id.clone()).unwrap_or_default(),
                None => self.log_of(listed),
            };
            let place = (log, entry["position"].as_u64().unwrap() as usize);
            let known = self.hashes.entry(place).or_insert_with(|| hash.clone());
            assert_eq!(*known, hash, "{entry}");
        }
    }

    /// Walks a whole list forward and back.
    pub fn walk(&mut self, listed: &Listed, limit: usize, order: Order) {
        let (mut side, mut last) = (Side::Start, None);
        while let Some((before, after)) = self.page(listed, Some(limit), order, &side) {
            last = before.or(last);
            match after {
                Some(after) => side = Side::After(after),
                None => break,
            }
        }
        while let Some(cursor) = last {
            last = self.page(listed, Some(limit), order, &Side::Before(cursor)).and_then(|(before, _)| before);
        }
    }

    /// Tries the cursors of other lists of the same kind.
    pub fn offer_strange_cursors(&mut self, listed: &Listed) {
        let log = self.log_of(listed);
        let strange = |it: &(&String, &Cursor)| (it.1.list != *listed || it.1.log != log) && it.1.list.is_like(listed);
        let strange = self.cursors.iter().filter(strange).map(|(text, cursor)| (text.clone(), cursor.order));
        for (text, order) in strange.take(2).collect::<Vec<_>>() {
            self.page(listed, None, order, &Side::After(text));
        }
    }

    pub fn list(&mut self, operation: &Operation) {
        let Operation::List { zone, list, parent, filter, limit, order, from } = operation else { return };
        let (mut listed, mut order) = (Listed::new(*list, zone.clone(), &self.model, *parent, *filter), *order);
        let mut cursor = |pick: Pick, whose: Whose| {
            let chosen = usize::from(pick.0).checked_rem(self.cursors.len());
            let Some((text, cursor)) = chosen.and_then(|n| self.cursors.iter().nth(n)) else { return "01".repeat(25) };
            if whose == Whose::Own {
                (listed, order) = (cursor.list.clone(), cursor.order);
            }
            text.clone()
        };
        let side = match from {
            From::Start => Side::Start,
            From::After(pick, whose) => Side::After(cursor(*pick, *whose)),
            From::Before(pick, whose) => Side::Before(cursor(*pick, *whose)),
            From::Both(pick) => Side::Both(cursor(*pick, Whose::Own)),
            From::Forged(pick, byte) => Side::After(forged(&cursor(*pick, Whose::Own), *byte)),
            From::Junk(junk) => Side::After((*junk).to_owned()),
            From::TooLong => Side::Before("0".repeat(256)),
        };
        self.page(&listed, *limit, order, &side);
    }
}

/// A cursor with one character changed, removed, or added.
fn forged(cursor: &str, byte: u8) -> String {
    let mut characters: Vec<char> = cursor.chars().collect();
    let place = usize::from(byte) % characters.len();
    match byte % 5 {
        0 => drop(characters.pop()),
        1 => characters.push('0'),
        _ => characters[place] = if characters[place] == '0' { '1' } else { '0' },
    }
    characters.into_iter().collect()
}
