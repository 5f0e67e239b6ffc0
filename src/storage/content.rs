//! Reads content: by its number, or by its hashes through the table of addresses. What is returned was hashed. Adds
//! content to a write, each piece once.

use std::sync::Arc;

use super::index::key;
use super::log_writer::LogWriter;
use super::snapshot::Snapshot;
use super::tables::{Direction, Table, TableReader};
use crate::record::{Body, ContentId, PackedContent, Plain};
use crate::types::error::{Error, ErrorDetail, Result};

/// The text and the JSON of a policy version, as far as they were asked for.
pub(crate) type Forms = (Option<Arc<str>>, Option<Arc<str>>);

impl Snapshot<'_> {
    /// The text of the content `id`, which must exist.
    pub(crate) fn content(&self, id: &ContentId) -> Result<Arc<str>> {
        if let Some(text) = self.cached_content(id.sha) {
            return Ok(text);
        }
        let (_, plain) = find(self.source(), id)?.ok_or_else(|| damaged(id, "missing"))?;
        let text = Arc::<str>::from(plain.parts().0);
        self.keep_content(id.sha, &text);
        Ok(text)
    }

    /// The forms of a policy version, of which at least one is wanted. Only what is wanted is hashed.
    pub(crate) fn forms(&self, id: &ContentId, number: Option<u64>, (text, json): (bool, bool)) -> Result<Forms> {
        let plain = self.plain(id, number)?;
        // The caller keeps the whole version.
        let owned = |part: Result<&str, String>| part.map(Arc::from).map_err(|problem| damaged(id, problem));
        let text = text.then(|| owned(plain.text(id))).transpose()?;
        let json = json.then(|| owned(plain.json(id))).transpose()?;
        Ok((text, json))
    }

    /// The content `id` as it is stored, to copy it.
    pub(crate) fn packed(&self, id: &ContentId) -> Result<PackedContent> {
        let (_, plain) = find(self.source(), id)?.ok_or_else(|| damaged(id, "missing"))?;
        Ok(plain.content().pack())
    }

    /// The content from disk. Callers compare its hashes.
    fn plain(&self, id: &ContentId, number: Option<u64>) -> Result<Plain> {
        let read = match number {
            Some(number) => read(self.source(), number)?,
            None => find(self.source(), id)?.map(|(_, plain)| Ok(plain)),
        };
        read.unwrap_or_else(|| Err("missing".to_owned())).map_err(|problem| damaged(id, problem))
    }
}

impl LogWriter<'_> {
    /// Adds content. If it is already stored, verifies the stored bytes.
    pub(crate) fn put_content(&mut self, content: &PackedContent) -> Result<ContentId> {
        self.step(|writer| writer.add_content(content))
    }

    /// Uses content that is already stored. `false` if there is none.
    pub(super) fn adopt_content(&mut self, id: &ContentId) -> Result<bool> {
        if self.contents.contains_key(id) {
            return Ok(true);
        }
        let found = self.guarded(|| find(&*self.tables, id))?;
        Ok(found.is_some_and(|(number, _)| {
            self.contents.insert(*id, number);
            true
        }))
    }

    /// Whether the write has put the content `id`.
    pub(crate) fn has_put(&self, id: &ContentId) -> bool {
        self.contents.contains_key(id)
    }

    fn add_content(&mut self, content: &PackedContent) -> Result<ContentId> {
        if self.contents.contains_key(&content.id) {
            return Ok(content.id);
        }
        let number = match find(&*self.tables, &content.id)? {
            Some((number, _)) => number,
            None => {
                let number = self.next_content()?;
                self.tables.put(Table::Content, key::content(number).to_vec(), content.value.clone())?;
                self.tables.put(Table::Addresses, key::address(&content.id.key(), number), Vec::new())?;
                number
            }
        };
        self.contents.insert(content.id, number);
        Ok(content.id)
    }

    /// Takes the next number of content. The row with it is written at the end.
    fn next_content(&mut self) -> Result<u64> {
        let number = match self.next_content {
            Some(next) => next,
            None => self.snapshot_unguarded().next_content()?,
        };
        self.next_content = Some(number.saturating_add(1));
        Ok(number)
    }

    /// The number of the forms that an entry names, for `derive`. The write has put them.
    pub(super) fn forms_of(&self, body: &Body) -> Result<Option<u64>> {
        let Some(id) = body.forms() else { return Ok(None) };
        match self.contents.get(&id) {
            Some(number) => Ok(Some(*number)),
            None => Err(damaged(&id, "not in the store")),
        }
    }
}

/// The content with a number; the inner error is the problem with it.
fn read(source: &dyn TableReader, number: u64) -> Result<Option<Result<Plain, String>>> {
    let mut read = None;
    source.get(Table::Content, &key::content(number), &mut |value| read = Some(Plain::unpack(value)))?;
    Ok(read)
}

/// The numbers of all content that may be `id`, by its address.
fn candidates(source: &dyn TableReader, id: &ContentId) -> Result<Vec<u64>> {
    let range = key::addresses(&id.key());
    let range = range.start.as_slice()..range.end.as_slice();
    let mut numbers = Vec::new();
    source.scan(Table::Addresses, range, Direction::Ascending, &mut |row_key, _| {
        numbers.extend(key::position(row_key));
        Ok(true)
    })?;
    Ok(numbers)
}

/// The content `id` and its number; `None` if there is no such content. What lies under its address is hashed, so that no
/// two pieces are taken for each other.
pub(super) fn find(source: &dyn TableReader, id: &ContentId) -> Result<Option<(u64, Plain)>> {
    let mut problem = None;
    for number in candidates(source, id)? {
        match read(source, number)? {
            Some(Ok(plain)) if plain.id() == *id => return Ok(Some((number, plain))),
            Some(Ok(_)) => problem = Some("does not match its address".to_owned()),
            Some(Err(found)) => problem = Some(found),
            None => problem = Some("missing".to_owned()),
        }
    }
    problem.map_or(Ok(None), |problem| Err(damaged(id, problem)))
}

pub(super) fn damaged(id: &ContentId, problem: impl std::fmt::Display) -> Error {
    ErrorDetail::corrupt(format_args!("content {}", id.sha), problem).into()
}
