//! The tests, one file for each part of the command.

mod applications;
mod bindings;
mod decisions;
mod exits;
mod folders;
mod maintenance;
mod plans;
mod reads;
mod replays;
mod support;
