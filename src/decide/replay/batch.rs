//! Batches of lines: read from the input in order, each line with the entities of the earlier line that it names.

use std::io::{BufRead, Read};
use std::ops::Range;
use std::str;
use std::sync::Arc;

use super::left_out::{LeftOut, Refusal};
use super::sets::{SetText, Window};
use crate::decide::record::line::{EntitiesLine, Reference};
use crate::types::error::{ErrorDetail, Result};
use crate::types::limits;

/// Bytes of the lines of a batch. A larger line is a batch of its own.
const BATCH_BYTES: usize = 256 * 1024;

/// Lines that one thread decides.
#[derive(Default)]
pub(super) struct Batch {
    text: Vec<u8>,
    lines: Vec<Found>,
    /// Bytes of the input, those of lines without a decision included.
    pub bytes: u64,
}

/// A line of a batch.
struct Found {
    number: u64,
    place: Result<Range<usize>, Refusal>,
    earlier: Option<Arc<SetText>>,
}

/// A line to decide.
pub(super) struct Given<'a> {
    /// Counted from 1.
    pub number: u64,
    pub text: Result<&'a str, Refusal>,
    /// The set of an earlier line that it names, if there is one.
    pub earlier: Option<&'a SetText>,
}

impl Batch {
    /// The lines, in order.
    pub(super) fn lines(&self) -> impl Iterator<Item = Given<'_>> {
        self.lines.iter().map(|found| {
            let text = match &found.place {
                Ok(place) => text(self.text.get(place.clone()).unwrap_or_default()),
                Err(refusal) => Err(refusal.clone()),
            };
            Given { number: found.number, text, earlier: found.earlier.as_deref() }
        })
    }
}

fn text(bytes: &[u8]) -> Result<&str, Refusal> {
    str::from_utf8(bytes).map_err(|_| Refusal::new(LeftOut::Malformed, "the line is not UTF-8"))
}

/// Reads batches.
pub(super) struct Lines<R> {
    input: R,
    number: u64,
    window: Window,
    /// The line under way.
    line: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, number: 0, window: Window::default(), line: Vec::new() }
    }

    /// The next lines; none at the end of the input.
    pub(super) fn batch(&mut self) -> Result<Option<Batch>> {
        let mut batch = Batch::default();
        while batch.bytes < BATCH_BYTES as u64 {
            let Some(bytes) = self.read()? else { break };
            batch.bytes += bytes;
            self.number += 1;
            self.add(&mut batch);
        }
        Ok((batch.bytes > 0).then_some(batch))
    }

    /// Reads a line, without its end, and returns its bytes. Of a line over the limit, only as much as shows that.
    fn read(&mut self) -> Result<Option<u64>> {
        self.line.clear();
        let most = limits::RECORD_LINE_BYTES as u64 + 2;
        let mut bytes = self.until_the_end(most)?;
        if bytes == 0 {
            return Ok(None);
        }
        if self.line.last() == Some(&b'\n') {
            self.line.pop();
            if self.line.last() == Some(&b'\r') {
                self.line.pop();
            }
            return Ok(Some(bytes));
        }
        // The rest of a line that is too long. The last line may have no end.
        let kept = self.line.len();
        while bytes % most == 0 {
            let more = self.until_the_end(most)?;
            bytes += more;
            let has_ended = more < most || self.line.last() == Some(&b'\n');
            self.line.truncate(kept);
            if has_ended {
                break;
            }
        }
        Ok(Some(bytes))
    }

    fn until_the_end(&mut self, most: u64) -> Result<u64> {
        let read = self.input.by_ref().take(most).read_until(b'\n', &mut self.line);
        Ok(read.map_err(|error| ErrorDetail::io("read decision records", error))? as u64)
    }

    /// Adds the line to a batch. A line of entities is kept for later lines.
    fn add(&mut self, batch: &mut Batch) {
        let number = self.number;
        if self.line.len() > limits::RECORD_LINE_BYTES {
            let refusal = Refusal::new(LeftOut::Malformed, "the line is too large");
            return batch.lines.push(Found { number, place: Err(refusal), earlier: None });
        }
        if self.line.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        let mut earlier = None;
        match str::from_utf8(&self.line).map_or(Reference::None, Reference::of) {
            Reference::Entities(EntitiesLine { sha, json }) => return self.window.add(sha, json),
            Reference::Earlier(sha) => earlier = self.window.get(&sha),
            Reference::None => {}
        }
        let start = batch.text.len();
        batch.text.extend_from_slice(&self.line);
        batch.lines.push(Found { number, place: Ok(start..batch.text.len()), earlier });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::hash::Sha256;

    /// The numbers and texts of all lines, and the bytes of the batches.
    fn read(input: &[u8]) -> (Vec<(u64, String)>, u64) {
        // A small buffer, so that lines cross its end.
        let mut lines = Lines::new(std::io::BufReader::with_capacity(7, input));
        let (mut found, mut bytes) = (Vec::new(), 0);
        while let Some(batch) = lines.batch().unwrap() {
            bytes += batch.bytes;
            found.extend(batch.lines().map(|line| match line.text {
                Ok(text) => (line.number, text.to_owned()),
                Err(refusal) => (line.number, format!("{}: {}", refusal.reason, refusal.message)),
            }));
        }
        (found, bytes)
    }

    fn texts(input: &[u8]) -> Vec<(u64, String)> {
        let (found, bytes) = read(input);
        assert_eq!(bytes, input.len() as u64);
        found
    }

    #[test]
    fn lines_are_numbered_with_the_empty_ones() {
        let expected = [(1, "a"), (3, "b"), (5, "c d"), (6, "malformed: the line is not UTF-8"), (7, "e")];
        let expected = expected.map(|(number, text)| (number, text.to_owned()));
        assert_eq!(texts(b"a\n\nb\r\n \t\nc d\n\xff\ne"), expected);
        assert_eq!(texts(b"a\n\nb\n\nc d\n\xff\ne\n"), expected);
        assert_eq!(texts(b""), []);
        assert_eq!(texts(b"\n"), []);
    }

    #[test]
    fn a_line_over_the_limit_is_left_out_and_the_next_one_is_read() {
        let limit = limits::RECORD_LINE_BYTES;
        for (length, is_read) in
            [(limit, true), (limit + 1, false), (limit + 2, false), (limit + 3, false), (3 * limit, false)]
        {
            for end in ["\n", "\r\n"] {
                let input = [vec![b'x'; length], end.into(), b"y".to_vec()].concat();
                let mut lines = Lines::new(input.as_slice());
                let (mut first, mut second) = (lines.batch().unwrap().unwrap(), lines.batch().unwrap().unwrap());
                assert_eq!(first.bytes + second.bytes, input.len() as u64, "{length}");
                assert_eq!(first.lines().next().unwrap().text.is_ok(), is_read, "{length}");
                assert_eq!(second.lines().next().unwrap().text.unwrap(), "y");
                (first.text, second.text) = (Vec::new(), Vec::new());
            }
        }
        assert!(read(&vec![b'x'; limit + 2]).0[0].1.contains("too large"));
    }

    #[test]
    fn a_line_has_the_set_of_the_last_earlier_line_with_its_hash() {
        let sha = Sha256::of(b"x");
        let set = |json: &str| format!("{{\"v\":1,\"entities_sha\":\"{sha}\",\"entities\":{json}}}\n");
        let decision = format!("{{\"v\":1,\"entities_sha\":\"{sha}\",\"receipt\":{{}}}}\n");
        let swapped = format!("{{ \"receipt\": {{}}, \"entities_sha\": \"{sha}\", \"v\": 1 }}\n");
        let swapped_set = format!("{{ \"entities\": [3], \"entities_sha\": \"{sha}\", \"v\": 1 }}\n");
        let later = set("[4]").replace("\"v\":1", "\"v\":2");
        let parts = [
            &decision,
            &set("[1]"),
            &decision,
            &swapped,
            &set("[2]"),
            &decision,
            &swapped_set,
            &decision,
            &later,
            &decision,
        ];
        let input = parts.map(String::as_str).concat();
        let mut lines = Lines::new(input.as_bytes());
        let batch = lines.batch().unwrap().unwrap();
        let found: Vec<_> = batch.lines().map(|line| (line.number, line.earlier.map(SetText::json))).collect();
        let expected = [
            (1, None),
            (3, Some("[1]")),
            (4, Some("[1]")),
            (6, Some("[2]")),
            (8, Some("[3]")),
            (9, None),
            (10, Some("[3]")),
        ];
        assert_eq!(found, expected);
    }
}
