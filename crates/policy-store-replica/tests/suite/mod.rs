//! The tests, one file for each part.

mod cost;
#[path = "../../benches/replica/counts.rs"]
mod counts;
mod damage;
mod edge;
mod edge_faults;
mod edge_refuses;
mod erasing;
mod faults;
mod faulty;
mod fencing;
mod following;
mod publishing;
mod reading;
mod running;
#[cfg(feature = "aws")]
mod s3;
#[cfg(feature = "aws")]
#[path = "../s3/client.rs"]
mod s3_client;
mod support;
#[path = "../../benches/replica/world.rs"]
#[expect(dead_code, reason = "benchmarks have larger worlds too")]
mod world;
