#![doc = include_str!("../README.md")]

mod age;
mod bucket;
mod edge;
mod error;
mod follower;
mod head;
pub mod object;
mod publisher;
mod rules;
mod search;

pub use bucket::Bucket;
pub use edge::{Edge, EdgeStatus};
pub use error::{Error, Result};
pub use follower::{Follower, Polled, Status, StatusHandle};
pub use head::PublicationTrust;
pub use object_store;
pub use publisher::{Outcome, Published, PublishedRules, Publisher, PublisherBuilder, RulesOutcome, Witness};
