//! Tests of the storage: crashes, damage, tampering, threads, and the bytes of rows.

mod crash;
mod damage;
pub(crate) mod disk;
mod follow;
mod gated;
mod group;
#[cfg(shuttle)]
mod interleaving;
mod old_page;
mod open;
mod pages;
mod past;
mod row;
mod sealed;
mod simulation;
mod since;
mod tamper;
mod tamper_cases;
mod thread;
mod wait;
mod whole_zone;
