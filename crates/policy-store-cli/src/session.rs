//! One run of the command: the store's file, the actor, and the output. Opens the store for reading or for writing.

use std::path::{Path, PathBuf};

use policy_store::{Actor, PolicyStore, Rationale, Zone};

use crate::args::{Global, Why};
use crate::failure::{Failure, Result};
use crate::interrupt;
use crate::name::nearest;
use crate::output::Output;
use crate::output::progress::LongWork;

/// The global options of a run, and its output.
pub struct Session {
    /// The output.
    pub out: Output,
    path: PathBuf,
    actor: Option<String>,
}

impl Session {
    /// The session of the global options.
    pub fn new(global: Global) -> Result<Self> {
        interrupt::catch();
        Ok(Self { out: Output::new(global.json, global.local), path: global.store, actor: global.actor })
    }

    /// The path of the store's file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The actor of a write: that of `--actor`, or else the customer with the login name.
    pub fn actor(&self) -> Result<Actor> {
        let Some(actor) = &self.actor else {
            let name = ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| std::env::var(name).ok());
            let name = name.filter(|name| !name.is_empty()).ok_or_else(|| {
                Failure::invalid("there is no login name to act as").help("give `--actor customer:ID` or PSTORE_ACTOR")
            })?;
            return Ok(Actor::customer(name).map_err(policy_store::Error::from)?);
        };
        parse_actor(actor)
    }

    /// The actor of what is never written: [`actor`](Self::actor), or any if there is no login name.
    pub fn actor_of_none(&self) -> Result<Actor> {
        match (&self.actor, self.actor()) {
            (None, Err(_)) => Ok(Actor::customer("nobody").map_err(policy_store::Error::from)?),
            (_, actor) => actor,
        }
    }

    /// Opens the store for reading. Another process may write to it meanwhile.
    pub fn reader(&self) -> Result<PolicyStore> {
        self.must_exist()?;
        match PolicyStore::builder().read_only().open(&self.path) {
            // Its writer was killed. Opening it for writing repairs it.
            Err(error) if error.code() == "needs_writer" => self.writer(),
            opened => opened.map_err(|error| self.opening(error)),
        }
    }

    /// Opens the store for writing.
    pub fn writer(&self) -> Result<PolicyStore> {
        self.must_exist()?;
        self.open_writing(false)
    }

    /// Opens the store for writing, and creates it if there is none.
    pub fn creator(&self) -> Result<PolicyStore> {
        self.open_writing(true)
    }

    fn open_writing(&self, create: bool) -> Result<PolicyStore> {
        let work = LongWork::new();
        let opened = PolicyStore::builder().create(create).observer(work.observer()).open(&self.path);
        let store = opened.map_err(|error| self.opening(error))?;
        drop(work);
        interrupt::check()?;
        Ok(store)
    }

    fn must_exist(&self) -> Result<()> {
        if self.path.exists() {
            return Ok(());
        }
        let message = format!("there is no store at `{}`", self.path.display());
        Err(Failure::not_found(message).help("run `pstore init`, or name the file with `--store FILE` or PSTORE_STORE"))
    }

    /// The failure of an opening, with the next step.
    fn opening(&self, error: policy_store::Error) -> Failure {
        let failure = Failure::from(error);
        match failure.code.as_str() {
            "already_open" => failure.help(
                "another process has it open for writing. Commands that only read (`status`, `log`, `check`, …) work \
                 beside it.\nTo write, stop that process, or make the change through it.",
            ),
            "is_backup" => failure.help("commands that only read work on a backup"),
            _ => failure,
        }
    }

    /// The zone `id` of a store, or the nearest known id in the failure.
    pub fn zone(&self, store: &PolicyStore, id: &str) -> Result<Zone> {
        store.zone(id).map_err(|error| match error.code() {
            "not_found" => nearest::zone(store, id).unwrap_or_else(|failure| failure),
            _ => error.into(),
        })
    }
}

impl Why {
    /// The rationale of a write.
    pub fn rationale(&self) -> Result<Rationale> {
        let mut rationale = Rationale::new();
        if let Some(reason) = &self.reason {
            rationale = rationale.with_reason(reason).map_err(policy_store::Error::from)?;
        }
        if let Some(reference) = &self.reference {
            rationale = rationale.with_reference(reference).map_err(policy_store::Error::from)?;
        }
        Ok(rationale)
    }
}

/// An actor as `customer:ID` or `platform:ID`.
pub fn parse_actor(text: &str) -> Result<Actor> {
    let actor = match text.split_once(':') {
        Some(("customer", id)) => Actor::customer(id),
        Some(("platform", id)) => Actor::platform(id),
        _ => return Err(Failure::invalid(format!("invalid actor `{text}`: expected `customer:ID` or `platform:ID`"))),
    };
    Ok(actor.map_err(policy_store::Error::from)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_actor_has_its_kind_and_its_id() {
        assert_eq!(parse_actor("customer:ann").unwrap(), Actor::customer("ann").unwrap());
        assert_eq!(parse_actor("platform:a:b").unwrap(), Actor::platform("a:b").unwrap());
        for wrong in ["ann", "user:ann", "customer:", "Customer:ann", ""] {
            assert_eq!(parse_actor(wrong).unwrap_err().code, "invalid_input", "{wrong}");
        }
    }
}
