//! Reads content: by its number, or by its hashes through the table of addresses. What is returned was hashed.

use std::sync::Arc;

use super::index::key;
use super::snapshot::Snapshot;
use super::tables::{Direction, Table, TableReader};
use crate::record::{ContentId, PackedContent, Plain};
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
        let cached = |wanted: bool, sha| if wanted { self.cached_content(sha).map(Some) } else { Some(None) };
        if let (Some(text), Some(json)) = (cached(text, id.sha), cached(json, id.json_sha())) {
            return Ok((text, json));
        }
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

/// The numbers of the content `id`, damaged or not.
pub(super) fn all_of(source: &dyn TableReader, id: &ContentId) -> Result<Vec<u64>> {
    let mut numbers = candidates(source, id)?;
    // Only intact content can be another piece with an equal address.
    let is_other = |number| Ok(matches!(read(source, number)?, Some(Ok(plain)) if plain.id() != *id));
    let others: Vec<bool> = numbers.iter().map(|number| is_other(*number)).collect::<Result<_>>()?;
    let mut others = others.into_iter();
    numbers.retain(|_| others.next() != Some(true));
    Ok(numbers)
}

pub(super) fn damaged(id: &ContentId, problem: impl std::fmt::Display) -> Error {
    ErrorDetail::corrupt(format_args!("content {}", id.sha), problem).into()
}
