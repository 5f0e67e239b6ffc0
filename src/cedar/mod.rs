//! cedar
