//! The tests, one file for each part.

mod edge;
mod edge_faults;
mod edge_refuses;
mod erasing;
mod faults;
mod faulty;
mod fencing;
mod publishing;
mod reading;
mod running;
mod support;
