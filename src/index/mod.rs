//! The files: one immutable blob a role, written once, checked whole before it is read.
//!
//! `FORMAT.md` is the truth about their bytes. This room knows nothing of graphs or of tokio.

mod blob;

pub use blob::{BlobHash, Role};
