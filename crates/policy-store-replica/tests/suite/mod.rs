//! The tests, one file for each part.

mod erasing;
mod faults;
mod faulty;
mod fencing;
mod publishing;
mod reading;
mod running;
mod support;
