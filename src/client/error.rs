//! Why a call of a server brought nothing.

/// A call that failed, by the server's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// Nobody answers there. Look at the address, and whether the server runs.
    #[error("{address} cannot be reached: {reason}")]
    Unreachable {
        /// As it was given.
        address: String,
        /// What the system said.
        reason: String,
    },
    /// The server refused the call. Its message says what to do.
    #[error("{address} refused: {code}: {message}")]
    Refused {
        /// As it was given.
        address: String,
        /// The status's code.
        code: String,
        /// The status's message.
        message: String,
    },
}
