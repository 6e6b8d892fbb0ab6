//! Why a load could not be put on a server.

use crate::client::ClientError;

/// A run that did not begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// No product and no request is known. Name products by `--ids` or requests by `--replay`.
    #[error("expected at least one product or request to ask about, found none")]
    NothingToAsk,
    /// The server cannot be reached, or refused what the run needs before it begins.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The system gave no thread or no event loop. Look at the limits of this user.
    #[error("cannot start the calls: {0}")]
    Threads(#[from] std::io::Error),
    /// A thread of the run ended by a fault of the program. Tell its makers.
    #[error("a thread that made calls ended before its run did")]
    Broken,
}
