//! Stores of 100,000 versions with the same content, one for each engine. The first benchmark that needs them creates
//! them.

use std::cell::OnceCell;
use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::content::{Content, contents};
use crate::engine::{ENGINES, Engine};
use crate::sample;

/// Versions in one commit.
const COMMIT: usize = 10_000;

pub struct Filled {
    pub contents: Vec<Content>,
    folders: [OnceCell<TempDir>; ENGINES.len()],
}

impl Filled {
    pub fn new() -> Self {
        Self { contents: contents(sample::size(100_000)), folders: Default::default() }
    }

    /// The folder of an engine's store.
    pub fn folder(&self, engine: Engine) -> &Path {
        let folder = self.folders[engine as usize].get_or_init(|| {
            let folder = sample::folder();
            engine.with(folder.path(), |store| {
                self.contents.chunks(COMMIT).for_each(|contents| store.create(contents));
                for (n, content) in (1..).zip(&self.contents).step_by(997) {
                    let (text, json) = store.get(n);
                    // The JSON is equal, but its members may be in another order.
                    assert_eq!((text, value(&json)), (content.text.clone(), value(&content.json)));
                }
                assert_eq!(store.page(true) as usize, self.contents.len());
                assert_eq!(store.page(false) as usize, self.contents.len());
            });
            folder
        });
        folder.path()
    }

    /// Bytes of all files of a closed store.
    pub fn bytes(&self, engine: Engine) -> u64 {
        let files = fs::read_dir(self.folder(engine)).unwrap().map(|file| file.unwrap());
        files.filter(|file| file.file_name() != "lock.mdb").map(|file| file.metadata().unwrap().len()).sum()
    }

    /// Bytes of all text and JSON.
    pub fn payload(&self) -> u64 {
        self.contents.iter().map(|content| (content.text.len() + content.json.len()) as u64).sum()
    }
}

fn value(json: &str) -> serde_json::Value {
    serde_json::from_str(json).unwrap()
}
