//! What every engine does: one zone, one policy, and its versions.

use crate::content::Content;
use crate::sample::Cedar;

pub const ZONE: &str = "z";
pub const POLICY: &str = "p";
/// Bytes for pages, where an engine has such a cache of its own.
pub const PAGE_CACHE: usize = 64 << 20;

/// An open store.
pub trait Store {
    /// The next versions, in one durable commit.
    fn create(&mut self, contents: &[Content]);
    /// The next version from its text, in a durable commit of its own: the work of Cedar included.
    fn create_from_text(&mut self, cedar: &Cedar, text: String) {
        self.create(&[Content::for_peer(cedar, text)]);
    }
    /// A version by zone, policy and number: its text and its JSON.
    fn get(&mut self, version: u32) -> (String, String);
    /// The newest 100 versions by zone and policy, with both forms or none. Returns the newest one's number.
    fn page(&mut self, include: bool) -> u32;
}
