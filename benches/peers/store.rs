//! The operations of every engine: one zone, one policy, and its versions.

use crate::content::Content;
use crate::sample::Cedar;

pub const ZONE: &str = "z";
pub const POLICY: &str = "p";
/// Bytes of the page cache, for an engine that has one.
pub const PAGE_CACHE: usize = 64 << 20;

/// An open store.
pub trait Store {
    /// Writes the next versions in one durable commit.
    fn create(&mut self, contents: &[Content]);
    /// Writes the next version from its text in a durable commit of its own, with the work of Cedar.
    fn create_from_text(&mut self, cedar: &Cedar, text: String) {
        self.create(&[Content::for_peer(cedar, text)]);
    }
    /// Reads the text and the JSON of a version by zone, policy and number.
    fn get(&mut self, version: u32) -> (String, String);
    /// Reads the newest 100 versions by zone and policy, with text and JSON or without both. Returns the newest number.
    fn page(&mut self, include: bool) -> u32;
}

/// A store that several threads write to.
pub trait Shared: Sync {
    /// Runs `f` with a handle, or connection, of its own.
    fn with(&self, f: &mut dyn FnMut(&mut dyn Store));
}
