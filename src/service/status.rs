//! Why a call is refused, and the one place that chooses its gRPC status.

use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, PreconditionViolation, StatusExt as _};

use crate::{
    model::limits::{REFUSAL_QUOTE_BYTES_MAX, REPLACE_SILENCE_S},
    stock::StockError,
};

/// After so long the queue of the stock writer has moved on.
const BUSY_RETRY: Duration = Duration::from_millis(500);

/// A disk is not freed sooner.
const FULL_RETRY: Duration = Duration::from_secs(30);

/// A refused call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Fields of the request are wrong: mend the request.
    Invalid(Vec<Violation>),
    /// The request pins a snapshot that is not the active one.
    SnapshotNotActive { asked: String, active: String },
    /// No snapshot is live yet: try another replica.
    NotServing,
    /// The stock writer did not carry a command out.
    Stock(StockError),
    /// A stream of a resync said nothing for too long: begin it anew.
    Silent,
}

/// A wrong field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Violation {
    /// Its path in the request: `seeds[2].product_id`.
    pub(super) field: String,
    /// What was expected, and what was found.
    pub(super) description: String,
}

impl Violation {
    pub(super) fn new(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self { field: field.into(), description: description.into() }
    }
}

impl Refusal {
    /// The request pins another snapshot than the active one.
    pub(super) fn not_active(asked: &str, active: &str) -> Self {
        Self::SnapshotNotActive { asked: quoted(asked).to_owned(), active: active.to_owned() }
    }
}

impl From<StockError> for Refusal {
    fn from(error: StockError) -> Self {
        match error {
            StockError::Invalid { field, reason } => {
                Self::Invalid(vec![Violation::new(field, reason)])
            }
            StockError::TooManyUpdates => {
                Self::Invalid(vec![Violation::new("updates", error.to_string())])
            }
            StockError::NoCatalog => Self::NotServing,
            other => Self::Stock(other),
        }
    }
}

/// As much of a request's own text as a refusal repeats.
pub(super) fn quoted(text: &str) -> &str {
    text.get(..text.floor_char_boundary(REFUSAL_QUOTE_BYTES_MAX)).unwrap_or(text)
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Invalid(violations) => {
                let texts =
                    violations.iter().map(|one| format!("{}: {}", one.field, one.description));
                let message = texts.collect::<Vec<_>>().join("; ");
                let fields = violations
                    .into_iter()
                    .map(|one| FieldViolation::new(one.field, one.description));
                let details = ErrorDetails::with_bad_request(fields.collect::<Vec<_>>());
                Self::with_error_details(Code::InvalidArgument, message, details)
            }
            Refusal::SnapshotNotActive { asked, active } => {
                let message = format!("snapshot {asked} is not active; active is {active}");
                let violation = PreconditionViolation::new("SNAPSHOT", asked, message.clone());
                let details = ErrorDetails::with_precondition_failure(vec![violation]);
                Self::with_error_details(Code::FailedPrecondition, message, details)
            }
            Refusal::NotServing => {
                Self::unavailable("no snapshot is live on this replica; try another one")
            }
            Refusal::Stock(error) => stock(&error),
            Refusal::Silent => Self::deadline_exceeded(format!(
                "no message came for {REPLACE_SILENCE_S} s; nothing changed, begin the stream anew"
            )),
        }
    }
}

/// What to do about a command of the stock writer that was not carried out.
fn stock(error: &StockError) -> Status {
    let (code, retry) = match error {
        StockError::Busy | StockError::TooManyStreams => {
            (Code::ResourceExhausted, Some(BUSY_RETRY))
        }
        StockError::Full { .. } => (Code::ResourceExhausted, Some(FULL_RETRY)),
        StockError::TooManyFeeds { .. }
        | StockError::TooManyReadings
        | StockError::TooManyBlocks { .. } => (Code::ResourceExhausted, None),
        StockError::TooManyGaps { .. } => (Code::FailedPrecondition, None),
        StockError::Invalid { .. } | StockError::TooManyUpdates => (Code::InvalidArgument, None),
        StockError::Closed
        | StockError::NoCatalog
        | StockError::Broken { .. }
        | StockError::NoThread { .. }
        | StockError::Unreadable { .. } => (Code::Unavailable, None),
    };
    match retry {
        Some(retry) => {
            let details = ErrorDetails::with_retry_info(Some(retry));
            Status::with_error_details(code, error.to_string(), details)
        }
        None => Status::new(code, error.to_string()),
    }
}
