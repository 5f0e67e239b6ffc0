//! wip
pub mod limits;
mod error; mod hash; mod time; mod id; mod model; mod record; mod sources; mod storage;
