//! Kindred answers at page render which products belong with this one.
//!
//! Data flows one way, and each room imports only from rooms on lower floors ([`ROOMS`]):
//!
//! ```text
//! sources -> graph -> compile -> index -> store -> snapshot -> lookup -> service
//! ```

#[cfg(not(target_os = "linux"))]
compile_error!("kindred runs on Linux: it relies on its file mapping, fsync and link semantics");

pub mod index;
pub mod model;
pub mod pb;
pub mod service;
pub mod slot;

/// Every room with the rooms it may import; `tests/tidy.rs` fails the build on any other import.
pub const ROOMS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("pb", &[]),
    ("slot", &[]),
    ("index", &["model"]),
    ("service", &["model", "pb"]),
];
