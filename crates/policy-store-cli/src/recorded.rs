//! One recorded decision of a file, by its line, with the entities that an earlier line has. Reads lines in order, once.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use policy_store::{DecisionRecord, Sha256, limits};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::failure::{Failure, Result};

/// The members of a line. Others are the service's own.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    v: &'a RawValue,
    entities_sha: Option<Sha256>,
    #[serde(borrow)]
    receipt: Option<&'a RawValue>,
    #[serde(borrow)]
    request: Option<&'a RawValue>,
    #[serde(borrow)]
    entities: Option<&'a RawValue>,
}

/// The longest line with its end.
const MOST: u64 = limits::RECORD_LINE_BYTES as u64 + 1;

/// Entities that later lines name by their SHA-256, the newest last.
#[derive(Default)]
struct Kept {
    entities: VecDeque<(Sha256, String)>,
    bytes: usize,
}

/// The size of an entry beside its JSON.
const ENTRY_BYTES: usize = 128;

/// The start of a file: the whole of a receipt, or at least the first line.
pub fn start(path: &Path) -> Result<Vec<u8>> {
    let (failed, mut start) = (|error| Failure::file("read", path, &error), Vec::new());
    File::open(path).map_err(failed)?.take(MOST).read_to_end(&mut start).map_err(failed)?;
    Ok(start)
}

/// The decision on the first line of the start of a file.
pub fn first(start: &[u8]) -> Result<DecisionRecord> {
    in_lines(start, 1, Failure::from)
}

/// The decision on a line of a file, counted from 1.
pub fn at_line(path: &Path, number: usize) -> Result<DecisionRecord> {
    let failed = |error| Failure::file("read", path, &error);
    let found = in_lines(BufReader::new(File::open(path).map_err(failed)?), number, failed);
    found.map_err(|failure| if failure.code == "file" { failure } else { failure.within(path.display()) })
}

fn in_lines(
    mut input: impl BufRead,
    number: usize,
    failed: impl Fn(std::io::Error) -> Failure,
) -> Result<DecisionRecord> {
    let (mut kept, mut line) = (Kept::default(), Vec::new());
    for at in 1..=number {
        line.clear();
        if input.by_ref().take(MOST).read_until(b'\n', &mut line).map_err(&failed)? == 0 {
            break;
        }
        let is_whole = line.last() == Some(&b'\n') || line.len() <= limits::RECORD_LINE_BYTES;
        if at == number {
            if !is_whole {
                let message = format!("line {at} has more than {} bytes", limits::RECORD_LINE_BYTES);
                return Err(Failure::new("too_large", "too_large", message));
            }
            let text = String::from_utf8(line).map_err(|_| Failure::invalid(format!("line {at} is not UTF-8")))?;
            return kept.decision(&text);
        }
        if is_whole {
            kept.add(&line);
        } else {
            input.skip_until(b'\n').map_err(&failed)?;
        }
    }
    Err(Failure::not_found(format!("there is no line {number}")))
}

impl Kept {
    /// Keeps the entities of a line that has nothing else. The oldest go beyond the limit.
    fn add(&mut self, line: &[u8]) {
        let Ok(Line { entities_sha: Some(sha), entities: Some(json), receipt: None, .. }) =
            serde_json::from_slice(line)
        else {
            return;
        };
        self.bytes = self.bytes.saturating_add(json.get().len() + ENTRY_BYTES);
        self.entities.push_back((sha, json.get().to_owned()));
        while self.bytes > limits::RECORDED_ENTITIES_KEPT_BYTES {
            let Some((_, oldest)) = self.entities.pop_front() else { return };
            self.bytes = self.bytes.saturating_sub(oldest.len() + ENTRY_BYTES);
        }
    }

    /// The decision of a line, with its entities put in place of their SHA-256.
    fn decision(&self, line: &str) -> Result<DecisionRecord> {
        if let Ok(Line { v, entities_sha: Some(sha), receipt: Some(receipt), request: Some(request), entities: None }) =
            serde_json::from_str(line)
        {
            let known = self.entities.iter().rev().find(|(known, _)| *known == sha);
            let (_, entities) =
                known.ok_or_else(|| Failure::not_found(format!("the entities `{sha}` are on no earlier line")))?;
            let whole = format!(r#"{{"v":{v},"receipt":{receipt},"request":{request},"entities":{entities}}}"#);
            return Ok(whole.parse()?);
        }
        Ok(line.parse()?)
    }
}
