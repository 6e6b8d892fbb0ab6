//! What the fuzz targets do with their bytes. `tests/it/corpora.rs` of the crate above does the same
//! with the committed corpora.

pub mod blob;
pub mod csv;
pub mod journal;
pub mod json;
mod source;
