//! Why a graph does not become blobs.

use crate::{graph::GraphError, index::IndexError};

/// A compile that failed; nothing was published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// The graph cannot be read back. The message says what to do.
    #[error("the graph cannot be read: {0}")]
    Graph(#[from] GraphError),
    /// A blob cannot be written. Look at the disk.
    #[error("a blob cannot be written: {0}")]
    Blob(#[from] IndexError),
}
