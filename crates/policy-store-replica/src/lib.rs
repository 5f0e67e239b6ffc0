#![doc = include_str!("../README.md")]

mod bucket;
mod error;
mod follower;
mod head;
pub mod object;
mod publisher;
mod search;

pub use bucket::Bucket;
pub use error::{Error, Result};
pub use follower::{Follower, Polled, Status, StatusHandle};
pub use head::PublicationTrust;
pub use object_store;
pub use publisher::{Outcome, Published, Publisher, PublisherBuilder, Witness};
