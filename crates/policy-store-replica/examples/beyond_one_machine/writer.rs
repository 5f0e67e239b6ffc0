//! The writer: the one process that writes the store. It publishes whatever is committed.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use policy_store::{Actor, PolicyStore, Restore};
use policy_store_replica::Publisher;

use crate::{Result, answer_lines, doors};

/// Answers `put 2` when version 2 of the rules is in force, and a receipt with the decision of its replay.
pub async fn run(folder: &Path, file: &Path, resume: bool) -> Result<()> {
    let builder = PolicyStore::builder();
    // The file of a follower becomes that of the writer.
    let builder = if resume { builder.restore(Restore::Resume) } else { builder };
    let store = builder.open(file)?;
    if store.checkpoint()?.size == 0 {
        doors::set_up(&store)?;
    }

    let signer = doors::signer()?;
    let key = doors::key(signer.jwk())?;
    let actor = Actor::platform("publisher")?;
    let mut publisher = Publisher::builder(&store, doors::bucket(folder)?, key, Arc::new(signer), actor)
        .poll_every(Duration::from_millis(20))
        // So often only to keep the story short: the default is a minute.
        .repeat_after(Duration::from_millis(250))
        .build()?;

    let commands = tokio::task::spawn_blocking(move || answer_lines(|line| answer(&store, line)));
    let stop = async {
        if let Ok(Err(error)) = commands.await {
            eprintln!("the writer: {error}");
        }
    };
    if let Err(error) = publisher.run(stop).await {
        eprintln!("the writer: {error}");
        // The thread of the commands waits for a line.
        std::process::exit(1);
    }
    Ok(())
}

fn answer(store: &PolicyStore, line: &str) -> Result<String> {
    if let Some(version) = line.strip_prefix("put ") {
        doors::put_in_force(store, doors::BERLIN, version.parse()?)?;
        return Ok("in force".to_owned());
    }
    doors::replay(store, line)
}
