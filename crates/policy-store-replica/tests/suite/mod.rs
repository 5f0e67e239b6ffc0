//! The tests, one file for each part.

mod damage;
mod erasing;
mod faults;
mod faulty;
mod fencing;
mod following;
mod publishing;
mod reading;
mod running;
mod support;
